"""What the embedded core/v1 types have besides Kubernetes' OpenAPI document, and what they leave out.

The document knows names and types; enumerations and bounds are code in the API server
(pkg/apis/core/validation/validation.go). Without them here a mistake would be refused when the pod is made,
with them it is refused when the Agent is. Each mend refuses only what that code refuses too, in every Kubernetes
from 1.33 on; the exceptions are empty strings that mean "the default" or nothing there, `maxItems`, and an unknown
medium of an emptyDir, which the kubelet alone refuses.
"""

from typing import Any

Schema = dict[str, Any]

# What an Agent has elsewhere, or the operator decides.
DROPPED = {
    "Container": ("restartPolicy", "restartPolicyRules"),
    "PodSpec": (
        "activeDeadlineSeconds", "containers", "ephemeralContainers", "initContainers", "restartPolicy",
        "serviceAccount", "volumes",
    ),
}  # fmt: skip

# What the API server asks for, though the document does not: keys of map lists, and names with the default "".
REQUIRED = {
    "ConfigMapEnvSource": ["name"],
    "ConfigMapKeySelector": ["name"],
    "ConfigMapProjection": ["name"],
    "ConfigMapVolumeSource": ["name"],
    "Container": ["name", "image"],
    "EphemeralVolumeSource": ["volumeClaimTemplate"],
    "ExecAction": ["command"],
    "LocalObjectReference": ["name"],
    "PersistentVolumeClaimSpec": ["accessModes", "resources"],
    "SecretEnvSource": ["name"],
    "SecretKeySelector": ["name"],
    "SecretProjection": ["name"],
    "SecretVolumeSource": ["secretName"],
    "VolumeResourceRequirements": ["requests"],
}

PORT_TEXT: Schema = {
    "maxLength": 15,
    "pattern": "^([a-z0-9]-?)*[a-z](-?[a-z0-9])*$",
    "x-hint": "is no name of a port; use lower-case letters, digits and '-', with one letter at least",
}
LABEL: Schema = {
    "minLength": 1,
    "maxLength": 63,
    "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
    "x-hint": "is no DNS label; use lower-case letters, digits and '-'",
}
TEXT: Schema = {"minLength": 1}
PORT: Schema = {"minimum": 1, "maximum": 65535}
PORT_OR_NONE: Schema = {"minimum": 0, "maximum": 65535}
NOT_NEGATIVE: Schema = {"minimum": 0}
POSITIVE: Schema = {"minimum": 1}
MODE: Schema = {"minimum": 0, "maximum": 0o777}
USER: Schema = {"minimum": 0, "maximum": 2**31 - 1}
WEIGHT: Schema = {"minimum": 1, "maximum": 100}
VARIABLE: Schema = {
    "minLength": 1,
    "pattern": "^[ -<>-~]+$",
    "x-hint": "is no name of a variable; use printable ASCII characters without '='",
}
PREFIX: Schema = {"pattern": "^[ -<>-~]*$", "x-hint": VARIABLE["x-hint"]}


def one_of(*values: str) -> Schema:
    """Return the mend of a string that has a few values."""
    return {"enum": list(values)}


PROTOCOL = one_of("TCP", "UDP", "SCTP")
HONOR = one_of("Honor", "Ignore")
PROFILE = one_of("RuntimeDefault", "Unconfined", "Localhost")
SELECTOR_OPERATOR = one_of("In", "NotIn", "Exists", "DoesNotExist")

# Whole types: scalars that the document describes otherwise, and one of which little is used.
OWN: dict[str, Schema] = {
    # What apimachinery's Quantity accepts, as controller-gen writes it for every CRD.
    "Quantity": {
        "x-kubernetes-int-or-string": True,
        "x-hint": "is not a quantity; write for example 500m, 2 or 1Gi",
        "pattern": r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
        r"(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$",
    },
    "IntOrString": {"x-kubernetes-int-or-string": True},
    "Port": {"x-kubernetes-int-or-string": True, **PORT, **PORT_TEXT},
    # 0 stands for the port of the Service.
    "TargetPort": {"x-kubernetes-int-or-string": True, **PORT_OR_NONE, **PORT_TEXT},
    # Of a claim template's metadata the API server takes these two.
    "ObjectMeta": {
        "type": "object",
        "properties": {
            "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    },
}

# Where fields are that people look for in a container, or in a pod.
IN_SECURITY_CONTEXT = "write it under securityContext"
IN_SPEC = "write it in spec itself"
OF_CONTAINER = {
    "privileged": IN_SECURITY_CONTEXT,
    "runAsUser": IN_SECURITY_CONTEXT,
    "runAsGroup": IN_SECURITY_CONTEXT,
    "runAsNonRoot": IN_SECURITY_CONTEXT,
    "readOnlyRootFilesystem": IN_SECURITY_CONTEXT,
    "capabilities": IN_SECURITY_CONTEXT,
    "limits": "write it under resources",
    "requests": "write it under resources",
    "environment": "did you mean env?",
    "entrypoint": "did you mean command?",
    "cmd": "did you mean args?",
    "mounts": "did you mean volumeMounts?",
}
OF_POD = {
    "initContainers": IN_SPEC,
    "volumes": IN_SPEC,
    "restartPolicy": IN_SPEC,
    "activeDeadlineSeconds": IN_SPEC,
    "containers": "the agent's own container is spec itself, others are spec.sidecars",
    "serviceAccount": "did you mean serviceAccountName?",
}

# What is added to a whole type.
TYPES: dict[str, Schema] = {
    "Container": {"x-elsewhere": OF_CONTAINER},
    "PodSpec": {"x-elsewhere": OF_POD},
    "EnvVarSource": {"minProperties": 1, "maxProperties": 1},
    "LifecycleHandler": {"minProperties": 1, "maxProperties": 1},
    "Volume": {"maxProperties": 2},  # its name and one source
    "VolumeProjection": {"maxProperties": 1},
}

# What is added to a field, as `Type.field`; `maxItems` keep rules in CEL within the API server's budget.
FIELDS: dict[str, Schema] = {
    "AppArmorProfile.type": PROFILE,
    "AzureDiskVolumeSource.cachingMode": one_of("None", "ReadOnly", "ReadWrite"),
    "AzureDiskVolumeSource.kind": one_of("Shared", "Dedicated", "Managed"),
    "ConfigMapEnvSource.name": TEXT,
    "ConfigMapKeySelector.key": TEXT,
    "ConfigMapKeySelector.name": TEXT,
    "ConfigMapProjection.name": TEXT,
    "ConfigMapVolumeSource.defaultMode": MODE,
    "ConfigMapVolumeSource.name": TEXT,
    "Container.env": {"maxItems": 1000},
    "Container.envFrom": {"maxItems": 64},
    "Container.image": TEXT,
    "Container.imagePullPolicy": one_of("Always", "IfNotPresent", "Never"),
    "Container.name": LABEL,
    "Container.ports": {"maxItems": 32},
    "Container.resizePolicy": {"maxItems": 8},
    "Container.terminationMessagePolicy": one_of("File", "FallbackToLogsOnError"),
    "Container.volumeDevices": {"maxItems": 64},
    "Container.volumeMounts": {"maxItems": 64},
    "ContainerPort.containerPort": PORT,
    "ContainerPort.hostPort": PORT_OR_NONE,
    "ContainerPort.name": PORT_TEXT,
    "ContainerPort.protocol": PROTOCOL,
    "ContainerResizePolicy.resourceName": one_of("cpu", "memory"),
    "ContainerResizePolicy.restartPolicy": one_of("NotRequired", "RestartContainer"),
    "DownwardAPIVolumeFile.mode": MODE,
    "DownwardAPIVolumeFile.path": TEXT,
    "DownwardAPIVolumeSource.defaultMode": MODE,
    "EmptyDirVolumeSource.medium": {"pattern": "^(|Memory|HugePages(-.+)?)$", "x-hint": "is no medium; write Memory"},
    "EnvFromSource.prefix": PREFIX,
    "EnvVar.name": VARIABLE,
    "ExecAction.command": {"minItems": 1},
    "GRPCAction.port": PORT,
    "HTTPGetAction.port": {"$ref": "Port"},
    "HTTPGetAction.scheme": one_of("HTTP", "HTTPS"),
    "HostPathVolumeSource.path": TEXT,
    "HostPathVolumeSource.type": one_of(
        "", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"
    ),
    "ImageVolumeSource.pullPolicy": one_of("Always", "IfNotPresent", "Never"),
    "KeyToPath.key": TEXT,
    "KeyToPath.mode": MODE,
    "KeyToPath.path": TEXT,
    "LabelSelectorRequirement.operator": SELECTOR_OPERATOR,
    "LocalObjectReference.name": TEXT,
    "NodeSelector.nodeSelectorTerms": {"minItems": 1},
    "NodeSelectorRequirement.operator": one_of("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"),
    "PersistentVolumeClaimSpec.accessModes": {
        "minItems": 1,
        "items": one_of("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"),
    },
    "PersistentVolumeClaimSpec.volumeMode": one_of("Block", "Filesystem"),
    "PersistentVolumeClaimVolumeSource.claimName": TEXT,
    "PodAffinityTerm.topologyKey": TEXT,
    "PodOS.name": one_of("linux", "windows"),
    "PodSecurityContext.fsGroup": USER,
    "PodSecurityContext.fsGroupChangePolicy": one_of("OnRootMismatch", "Always"),
    "PodSecurityContext.runAsGroup": USER,
    "PodSecurityContext.runAsUser": USER,
    "PodSecurityContext.seLinuxChangePolicy": one_of("Recursive", "MountOption"),
    "PodSecurityContext.supplementalGroups": {"items": USER},
    "PodSecurityContext.supplementalGroupsPolicy": one_of("Merge", "Strict"),
    "PodSpec.dnsPolicy": one_of("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    "PodSpec.preemptionPolicy": one_of("PreemptLowerPriority", "Never"),
    "PreferredSchedulingTerm.weight": WEIGHT,
    "Probe.failureThreshold": NOT_NEGATIVE,
    "Probe.initialDelaySeconds": NOT_NEGATIVE,
    "Probe.periodSeconds": NOT_NEGATIVE,
    "Probe.successThreshold": NOT_NEGATIVE,
    "Probe.terminationGracePeriodSeconds": POSITIVE,
    "Probe.timeoutSeconds": NOT_NEGATIVE,
    "ProjectedVolumeSource.defaultMode": MODE,
    "SeccompProfile.type": PROFILE,
    "SecretEnvSource.name": TEXT,
    "SecretKeySelector.key": TEXT,
    "SecretKeySelector.name": TEXT,
    "SecretProjection.name": TEXT,
    "SecretVolumeSource.defaultMode": MODE,
    "SecretVolumeSource.secretName": TEXT,
    "SecurityContext.procMount": one_of("Default", "Unmasked"),
    "SecurityContext.runAsGroup": USER,
    "SecurityContext.runAsUser": USER,
    "ServicePort.name": LABEL,
    "ServicePort.nodePort": PORT_OR_NONE,
    "ServicePort.port": PORT,
    "ServicePort.protocol": PROTOCOL,
    "ServicePort.targetPort": {"$ref": "TargetPort"},
    "SleepAction.seconds": NOT_NEGATIVE,
    "TCPSocketAction.port": {"$ref": "Port"},
    "Toleration.effect": one_of("", "NoSchedule", "PreferNoSchedule", "NoExecute"),
    "TopologySpreadConstraint.maxSkew": POSITIVE,
    "TopologySpreadConstraint.minDomains": POSITIVE,
    "TopologySpreadConstraint.nodeAffinityPolicy": HONOR,
    "TopologySpreadConstraint.nodeTaintsPolicy": HONOR,
    "TopologySpreadConstraint.topologyKey": TEXT,
    "TopologySpreadConstraint.whenUnsatisfiable": one_of("DoNotSchedule", "ScheduleAnyway"),
    "Volume.name": LABEL,
    "VolumeMount.mountPath": TEXT,
    "VolumeMount.mountPropagation": one_of("None", "HostToContainer", "Bidirectional"),
    "VolumeMount.name": TEXT,
    "VolumeMount.recursiveReadOnly": one_of("Disabled", "IfPossible", "Enabled"),
    "VolumeResourceRequirements.requests": {"required": ["storage"]},
    "WeightedPodAffinityTerm.weight": WEIGHT,
}

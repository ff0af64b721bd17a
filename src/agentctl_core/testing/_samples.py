"""Values that the API server takes in fields of a pod where their schema alone says too little: data, no code.

Keys are `Type.field` for core/v1 and the path without brackets for the Agent's own fields. Where a field has neither
an entry here nor a bound in its schema, any text or number will do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_LABEL: Final = ("a", "web-1", "0", "b" * 63)
_OBJECT_NAME: Final = ("a", "web-1.example.com", "b" * 63)
_QUALIFIED: Final = ("example.com/a", "a", "A.b_c-1", "kubernetes.io/hostname")
_FILE: Final = ("a", "b/c.txt", ".hidden", "with space")
_MODE: Final = (420, 0, 511)
_ID: Final = (1000, 0, 2147483647)
_USER: Final = (1000, 0)
_SECONDS: Final = (1, 30, 3600)
_IP: Final = ("10.0.0.1", "fd00::1")
_CPU: Final = ("1", "500m", 1, "0.5", "1e0")
_RESOURCE_FIELD: Final = ("limits.cpu", "requests.cpu", "limits.memory", "requests.memory", "limits.ephemeral-storage")

SAMPLES: Final[Mapping[str, tuple[Any, ...]]] = {
    "AppArmorProfile.type": ("RuntimeDefault", "Localhost"),
    "AppArmorProfile.localhostProfile": ("a", "profiles/agent"),
    "AzureDiskVolumeSource.diskURI": ("https://a.blob.core.windows.net/b/c.vhd",),
    "CSIVolumeSource.driver": ("a", "csi.example.com"),
    "Capabilities.add": ("CHOWN", "NET_BIND_SERVICE"),
    "Capabilities.drop": ("ALL", "KILL"),
    "CephFSVolumeSource.monitors": _IP,
    "ClusterTrustBundleProjection.name": ("a",),
    "ClusterTrustBundleProjection.path": _FILE,
    "ClusterTrustBundleProjection.signerName": ("example.com/a",),
    "ClusterTrustBundleProjection.user": _USER,
    "ConfigMapEnvSource.name": _OBJECT_NAME,
    "ConfigMapKeySelector.key": ("a", "b.txt", "C_d-1"),
    "ConfigMapKeySelector.name": _OBJECT_NAME,
    "ConfigMapProjection.name": _OBJECT_NAME,
    "ConfigMapVolumeSource.defaultUser": _USER,
    "ConfigMapVolumeSource.name": _OBJECT_NAME,
    "Container.image": ("a", "example.com:5000/b/c:1.2", "d@sha256:" + "0" * 64),
    "Container.name": _LABEL,
    "ContainerPort.hostIP": _IP,
    "ContainerPort.hostPort": (0,),
    "ContainerPort.name": ("a", "http-1", "x" * 15),
    "DownwardAPIVolumeFile.path": _FILE,
    "DownwardAPIVolumeFile.user": _USER,
    "DownwardAPIVolumeSource.defaultUser": _USER,
    "EmptyDirVolumeSource.medium": ("", "Memory"),
    "EmptyDirVolumeSource.mode": _MODE,
    "EnvFromSource.prefix": ("A_", "a.b-", "with space"),
    "EnvVar.name": ("A", "B_1", "c.d-e", "with space", "$(A)"),
    "EvictionResponder.name": ("example.com/a",),
    "EvictionResponder.priority": (1000, 1),
    "FCVolumeSource.lun": (0, 255),
    "FileKeySelector.key": ("A", "B_1"),
    "FileKeySelector.path": _FILE,
    "FlexVolumeSource.driver": ("example.com/a",),
    "GRPCAction.mode": ("Plaintext", "TLS"),
    "GitRepoVolumeSource.directory": _FILE,
    "HTTPGetAction.host": ("",),
    "HTTPGetAction.path": ("/", "/healthz?a=b"),
    "HTTPGetAction.protocol": ("HTTP1",),
    "HTTPHeader.name": ("A", "X-Header-1"),
    "HostAlias.hostnames": _OBJECT_NAME,
    "HostAlias.ip": (*_IP, "10.0.0.2"),
    "ISCSIVolumeSource.initiatorName": ("iqn.2001-04.com.example:storage.disk1",),
    "ISCSIVolumeSource.iqn": ("iqn.2001-04.com.example:storage.disk1", "eui.0123456789ABCDEF"),
    "ISCSIVolumeSource.lun": (0, 255),
    "ImageVolumeSource.reference": ("a", "example.com/b:1"),
    "KeyToPath.path": _FILE,
    "KeyToPath.user": _USER,
    "LabelSelectorRequirement.key": _QUALIFIED,
    "LabelSelectorRequirement.values": ("", "a", "B_c.d-1"),
    "Lifecycle.stopSignal": ("SIGTERM", "SIGUSR1"),
    "LocalObjectReference.name": _OBJECT_NAME,
    "NFSVolumeSource.path": ("/", "/exports/a"),
    "NodeSelectorRequirement.key": _QUALIFIED,
    "NodeSelectorRequirement.values": ("1", "a"),
    "ObjectFieldSelector.apiVersion": ("v1",),
    "ObjectFieldSelector.fieldPath": ("metadata.name", "metadata.labels['a']", "metadata.uid"),
    "PersistentVolumeClaimSpec.storageClassName": ("", *_OBJECT_NAME),
    "PersistentVolumeClaimSpec.volumeAttributesClassName": _OBJECT_NAME,
    "PersistentVolumeClaimSpec.volumeName": _OBJECT_NAME,
    "PersistentVolumeClaimVolumeSource.claimName": _OBJECT_NAME,
    "PodAffinityTerm.matchLabelKeys": ("a", "example.com/a"),
    "PodAffinityTerm.mismatchLabelKeys": ("b", "example.com/b"),
    "PodAffinityTerm.namespaces": _LABEL,
    "PodAffinityTerm.topologyKey": ("kubernetes.io/hostname", "a"),
    "PodCertificateProjection.certificateChainPath": ("chain.pem",),
    "PodCertificateProjection.credentialBundlePath": ("bundle.pem",),
    "PodCertificateProjection.keyPath": ("key.pem",),
    "PodCertificateProjection.keyType": ("ED25519", "RSA3072", "ECDSAP256"),
    "PodCertificateProjection.maxExpirationSeconds": (3600, 86400),
    "PodCertificateProjection.signerName": ("example.com/a",),
    "PodCertificateProjection.user": _USER,
    "PodCertificateProjection.userAnnotations": ("", "a"),
    "PodDNSConfig.nameservers": _IP,
    "PodDNSConfig.searches": ("a", "example.com", "."),
    "PodReadinessGate.conditionType": _QUALIFIED,
    "PodResourceClaim.name": _LABEL,
    "PodResourceClaim.resourceClaimName": _OBJECT_NAME,
    "PodResourceClaim.resourceClaimTemplateName": _OBJECT_NAME,
    "PodSchedulingGate.name": ("example.com/a", "b"),
    "PodSchedulingGroup.podGroupName": _OBJECT_NAME,
    "PodSecurityContext.fsGroup": _ID,
    "PodSecurityContext.runAsGroup": _ID,
    "PodSecurityContext.runAsUser": _ID,
    "PodSecurityContext.supplementalGroups": _ID,
    "PodSpec.hostIPC": (False,),
    "PodSpec.hostNetwork": (False,),
    "PodSpec.hostPID": (False,),
    "PodSpec.hostname": _LABEL,
    "PodSpec.hostnameOverride": ("a", "host.example.com"),
    "PodSpec.nodeName": ("node-of-another-cluster",),
    "PodSpec.preemptionPolicy": ("PreemptLowerPriority",),
    "PodSpec.priority": (0,),
    "PodSpec.priorityClassName": ("",),
    "PodSpec.schedulerName": ("default-scheduler", "my-scheduler"),
    "PodSpec.serviceAccountName": ("default", ""),
    "PodSpec.subdomain": _LABEL,
    "PodSpec.terminationGracePeriodSeconds": (30, 600),
    "Port": (80, "http", 65535),
    "Probe.successThreshold": (1, 0),
    "ProjectedVolumeSource.defaultUser": _USER,
    "QuobyteVolumeSource.registry": ("quobyte.example.com:7861", "a:1,b:2"),
    "RBDVolumeSource.monitors": _IP,
    "ResourceClaim.name": _LABEL,
    "ResourceClaim.request": _LABEL,
    "ResourceFieldSelector.containerName": ("agent",),
    "ResourceFieldSelector.divisor": ("1", 1, 0),
    "ResourceFieldSelector.resource": _RESOURCE_FIELD,
    "SELinuxOptions.role": ("",),
    "SELinuxOptions.type": ("", "container_t", "container_init_t"),
    "SELinuxOptions.user": ("",),
    "SeccompProfile.localhostProfile": ("a", "profiles/agent.json"),
    "SeccompProfile.type": ("RuntimeDefault", "Localhost"),
    "SecretEnvSource.name": _OBJECT_NAME,
    "SecretKeySelector.key": ("a", "b.txt", "C_d-1"),
    "SecretKeySelector.name": _OBJECT_NAME,
    "SecretProjection.name": _OBJECT_NAME,
    "SecretVolumeSource.defaultUser": _USER,
    "SecretVolumeSource.secretName": _OBJECT_NAME,
    "SecurityContext.allowPrivilegeEscalation": (False, True),
    "SecurityContext.privileged": (False,),
    "ServiceAccountTokenProjection.expirationSeconds": (600, 3600),
    "ServiceAccountTokenProjection.path": _FILE,
    "ServiceAccountTokenProjection.user": _USER,
    "ServicePort.appProtocol": ("http", "example.com/a2a", "kubernetes.io/h2c"),
    "ServicePort.nodePort": (0, 30007, 32000, 31234),
    "SleepAction.seconds": (1, 30),
    "StorageOSVolumeSource.volumeName": _LABEL,
    "StorageOSVolumeSource.volumeNamespace": _LABEL,
    "Sysctl.name": ("net.ipv4.tcp_syncookies", "kernel.shm_rmid_forced", "net.ipv4.ping_group_range"),
    "Sysctl.value": ("1", "0 10"),
    "TCPSocketAction.host": ("",),
    "TargetPort": (80, "http", 0),
    "Toleration.key": _QUALIFIED,
    "Toleration.operator": ("Exists", "Equal", ""),
    "Toleration.tolerationSeconds": (300, 0, -1),
    "Toleration.value": ("", "a"),
    "TopologySpreadConstraint.matchLabelKeys": ("a", "example.com/a"),
    "TopologySpreadConstraint.topologyKey": ("kubernetes.io/hostname", "topology.kubernetes.io/zone"),
    "TypedLocalObjectReference.apiGroup": ("snapshot.storage.k8s.io",),
    "TypedLocalObjectReference.kind": ("VolumeSnapshot",),
    "TypedLocalObjectReference.name": _OBJECT_NAME,
    "TypedObjectReference.apiGroup": ("snapshot.storage.k8s.io",),
    "TypedObjectReference.kind": ("VolumeSnapshot",),
    "TypedObjectReference.name": _OBJECT_NAME,
    "TypedObjectReference.namespace": _LABEL,
    "Volume.name": _LABEL,
    "VolumeDevice.devicePath": ("/dev/xvda", "/dev/xvdb", "relative"),
    "VolumeMount.bindMountOptions": ("noexec", "nodev", "nosuid"),
    "VolumeMount.mountPath": ("/data/a", "/data/b", "/data/with space", "relative/c"),
    "VolumeMount.mountPropagation": ("None", "HostToContainer"),
    "VolumeMount.subPath": _FILE,
    "VolumeMount.subPathExpr": ("$(A)", "a/$(B_1)", "a"),
    "WindowsSecurityContextOptions.gmsaCredentialSpec": ("{}",),
    "WindowsSecurityContextOptions.gmsaCredentialSpecName": _OBJECT_NAME,
    "WindowsSecurityContextOptions.hostProcess": (False,),
    "WindowsSecurityContextOptions.runAsUserName": ("ContainerUser", "DOMAIN\\user"),
    "spec.backoffLimit": (6, 0, 2147483647),
    "spec.files.path": ("a", "b/c.py", "/etc/agent/a.yaml", "/etc/agent/b.yaml", "with space"),
    "spec.image": ("example.com/agent:1", "a", "b@sha256:" + "1" * 64),
    "spec.sdk.image": ("example.com/sdk:1",),
    "spec.sdk.packages": ("httpx==0.28.1", "@scope/package@1.0.0", "a[b,c]>=1; python_version > '3'", "./local"),
    "spec.sdk.version": ("3", "3.13", "22.1.0"),
    "spec.sharedVolume.claimName": _OBJECT_NAME,
    "spec.sharedVolume.mountPath": ("/agentctl", "/workspace", "/with space/a"),
    "spec.terminationMessagePath": ("/dev/termination-log", "/tmp/message"),  # noqa: S108 -- of a container
    "spec.volumeClaimTemplates.metadata.name": _LABEL,
    "spec.wrapper.command": ("/usr/bin/tini", "/init"),
    "spec.wrapper.image": ("example.com/wrapper:1",),
}

MAPS: Final[Mapping[str, Mapping[str, tuple[Any, ...]]]] = {
    "ResourceRequirements.limits": {
        "cpu": _CPU, "memory": ("1Gi", "128Mi", 134217728, "1e9"), "ephemeral-storage": ("1Gi",),
        "example.com/gpu": (1, "2"),
    },
    "ResourceRequirements.requests": {
        "cpu": ("100m", 0, "0"), "memory": ("64Mi", "1M"), "ephemeral-storage": ("1Mi",),
    },
    "spec.podTemplate.spec.resources.limits": {"cpu": ("64",), "memory": ("64Gi",)},
    "spec.podTemplate.spec.resources.requests": {"cpu": ("64", "32"), "memory": ("64Gi",)},
    "VolumeResourceRequirements.limits": {"storage": ("1Ti", 2**40)},
    "VolumeResourceRequirements.requests": {"storage": ("1Gi", "1073741824", 1073741824, "1e9")},
    "PodSpec.nodeSelector": {"disk": ("ssd", ""), "example.com/zone": ("a",)},
    "LabelSelector.matchLabels": {"c": ("d", ""), "example.com/e": ("f",)},
    "ObjectMeta.annotations": {"example.com/a": ("", "any text"), "b": ("c",)},
    "ObjectMeta.labels": {"example.com/a": ("", "b"), "b": ("c",)},
    "PodCertificateProjection.userAnnotations": {"example.com/a": ("", "b")},
    "spec.podTemplate.metadata.annotations": {"example.com/a": ("", "any text"), "b": ("c",)},
    "spec.podTemplate.metadata.labels": {"example.com/a": ("", "b"), "a": ("c",)},
    "CSIVolumeSource.volumeAttributes": {"a": ("", "b"), "with space": ("c",)},
    "FlexVolumeSource.options": {"a": ("", "b"), "c": ("d",)},
}  # fmt: skip
"""Maps: each key with its values."""

ONE_OF: Final[Mapping[str, frozenset[str]]] = {
    key: frozenset(fields.split())
    for key, fields in {
        "DownwardAPIVolumeFile": "fieldRef resourceFieldRef",
        "EnvFromSource": "configMapRef secretRef",
        "EnvVar": "value valueFrom",
        "EnvVarSource": "configMapKeyRef fieldRef fileKeyRef resourceFieldRef secretKeyRef",
        "FlockerVolumeSource": "datasetName datasetUUID",
        "LifecycleHandler": "exec httpGet sleep tcpSocket",
        "PodResourceClaim": "resourceClaimName resourceClaimTemplateName",
        "Probe": "exec grpc httpGet tcpSocket",
        "VolumeProjection": "clusterTrustBundle configMap downwardAPI podCertificate secret serviceAccountToken",
        "spec.files": "content configMapKeyRef secretKeyRef",
    }.items()
}
"""Objects that have exactly one of these fields; a Volume too has exactly one source."""

NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "CephFSVolumeSource": ("monitors",),
    "ClusterTrustBundleProjection": ("name",),
    "ImageVolumeSource": ("reference",),
    "PodDNSConfigOption": ("name",),
    "PodSchedulingGroup": ("podGroupName",),
    "RBDVolumeSource": ("monitors",),
    "ScaleIOVolumeSource": ("volumeName",),
    "StorageOSVolumeSource": ("volumeName",),
    "TypedLocalObjectReference": ("apiGroup",),
    "TypedObjectReference": ("apiGroup",),
    "Toleration": ("operator",),
}
"""Fields that the pod API asks for though the schema does not."""

NOT_EMPTY: Final = frozenset({"CephFSVolumeSource.monitors", "RBDVolumeSource.monitors"})
"""Lists that the pod API wants an item in though the schema does not."""

FREE: Final = frozenset(
    {
        "Container.args",
        "Container.command",
        "Container.workingDir",
        "EnvVar.value",
        "ExecAction.command",
        "HTTPHeader.value",
        "spec.args",
        "spec.command",
        "spec.files.content",
        "spec.workingDir",
    }
)
"""Fields that hold any text."""

FORBIDDEN: Final[Mapping[str, str]] = {
    "spec.initContainers[].lifecycle": "the API server refuses it in init containers",
    "spec.initContainers[].livenessProbe": "the API server refuses it in init containers",
    "spec.initContainers[].readinessProbe": "the API server refuses it in init containers",
    "spec.initContainers[].startupProbe": "the API server refuses it in init containers",
    "spec.podTemplate.spec.resources.claims": "the API server refuses it for the pod as a whole",
    "spec.podTemplate.spec.runtimeClassName": "a RuntimeClass has to be in the cluster",
    "spec.podTemplate.spec.overhead": "the API server takes it from a RuntimeClass alone",
    "spec.readinessProbe.terminationGracePeriodSeconds": "the API server refuses it in readiness probes",
    "spec.sidecars[].readinessProbe.terminationGracePeriodSeconds": "the API server refuses it in readiness probes",
    "spec.volumes[].hostPath": "the default policy denies it",
}
"""Parts of the schema that no valid Agent has: their first place, and why."""

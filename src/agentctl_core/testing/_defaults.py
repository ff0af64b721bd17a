"""What the API server fills in when it reads a built-in kind, by Go type: a table, and functions for the rest.

After Kubernetes' `pkg/apis/core/v1/defaults.go`, for the kinds that the model has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from ._go_values import milli

JsonObject: TypeAlias = dict[str, Any]

GRACE_SECONDS: Final = 30
_MODE: Final = 0o644
_AFFINITY_SECONDS: Final = 10800

FIELD_DEFAULTS: Final[Mapping[str, Mapping[str, str | int | bool]]] = {
    "core.Container": {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"},
    "core.ContainerPort": {"protocol": "TCP"},
    "core.ConfigMapVolumeSource": {"defaultMode": _MODE},
    "core.DownwardAPIVolumeSource": {"defaultMode": _MODE},
    "core.ProjectedVolumeSource": {"defaultMode": _MODE},
    "core.SecretVolumeSource": {"defaultMode": _MODE},
    "core.HostPathVolumeSource": {"type": ""},
    "core.ISCSIVolumeSource": {"iscsiInterface": "default"},
    "core.RBDVolumeSource": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "core.AzureDiskVolumeSource": {"cachingMode": "ReadWrite", "fsType": "ext4", "readOnly": False, "kind": "Shared"},
    "core.ScaleIOVolumeSource": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
    "core.ServiceAccountTokenProjection": {"expirationSeconds": 3600},
    "core.PersistentVolumeClaimSpec": {"volumeMode": "Filesystem"},
    "core.PersistentVolumeClaimStatus": {"phase": "Pending"},
    "core.FileKeySelector": {"optional": False},
    "core.ObjectFieldSelector": {"apiVersion": "v1"},
    "core.Probe": {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
    "core.GRPCAction": {"service": ""},
    "core.HTTPGetAction": {"path": "/", "scheme": "HTTP"},
    "core.PodSpec": {
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "schedulerName": "default-scheduler",
    },
    "core.Secret": {"type": "Opaque"},
    "core.NamespaceStatus": {"phase": "Active"},
    "core.ServiceSpec": {"sessionAffinity": "None", "type": "ClusterIP"},
    "core.ServicePort": {"protocol": "TCP"},
}
"""What a field is that is left out."""


def _volume(out: JsonObject) -> None:
    if out.keys() <= {"name"}:
        out["emptyDir"] = {}
    if image := out.get("image"):
        image.setdefault("pullPolicy", _pull_policy(image.get("reference", "")))


def _container(out: JsonObject) -> None:
    out.setdefault("imagePullPolicy", _pull_policy(out.get("image", "")))
    lifecycle = out.get("lifecycle", {})
    # Of a feature that is off, as those of `GATED`; what held nothing else goes with it.
    if lifecycle.pop("stopSignal", None) is not None and not lifecycle:
        del out["lifecycle"]


_LABEL: Final = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_STEP: Final = "[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*"
_IMAGE: Final = re.compile(
    rf"(?:{_LABEL}(?:[.]{_LABEL})*(?::[0-9]+)?/)?{_STEP}(?:/{_STEP})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@.+)?"
)


def _pull_policy(image: str) -> str:
    tag = image.rpartition("/")[2]
    is_image = _IMAGE.fullmatch(image) is not None  # of what is none there is no tag
    return "Always" if is_image and "@" not in tag and (":" not in tag or tag.endswith(":latest")) else "IfNotPresent"


def _resource_requirements(out: JsonObject) -> None:
    for field in ("limits", "requests"):
        if field in out:
            out[field] = {key: milli(value) for key, value in out[field].items()}


def _pod_spec(out: JsonObject) -> None:
    out.setdefault("securityContext", {})
    if account := out.get("serviceAccountName") or out.get("serviceAccount"):
        out |= {"serviceAccountName": account, "serviceAccount": account}


def _pod(out: JsonObject) -> None:
    spec = out["spec"]
    if spec["terminationGracePeriodSeconds"] < 0:
        spec["terminationGracePeriodSeconds"] = 1
    spec.setdefault("enableServiceLinks", True)
    for field in ("containers", "initContainers"):
        for container in spec.get(field, ()):
            _pods_container(container, spec)


def _pods_container(container: JsonObject, spec: JsonObject) -> None:
    resources = container["resources"]
    if "limits" in resources:
        resources["requests"] = resources["limits"] | resources.get("requests", {})
    for port in container.get("ports", ()) if spec.get("hostNetwork") else ():
        if "containerPort" in port:
            port.setdefault("hostPort", port["containerPort"])


def _pod_status(out: JsonObject) -> None:
    """Keep the address and the list of addresses together."""
    address, addresses = out.get("podIP"), out.get("podIPs")
    if address and (not addresses or addresses[0].get("ip") != address):
        out["podIPs"] = [{"ip": address}]
    elif not address and addresses and addresses[0].get("ip"):
        out["podIP"] = addresses[0]["ip"]


def _service_port(out: JsonObject) -> None:
    if out.get("targetPort") in (0, "", None):
        out["targetPort"] = out.get("port", 0)


def _service_spec(out: JsonObject) -> None:
    kind, affinity = out["type"], out["sessionAffinity"]
    if affinity == "None":
        out.pop("sessionAffinityConfig", None)
    seconds = out.get("sessionAffinityConfig", {}).get("clientIP", {}).get("timeoutSeconds")
    if affinity == "ClientIP" and seconds is None:
        out["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": _AFFINITY_SECONDS}}
    if kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and out.get("externalIPs")):
        out.setdefault("externalTrafficPolicy", "Cluster")
    if kind in ("NodePort", "LoadBalancer", "ClusterIP"):
        out.setdefault("internalTrafficPolicy", "Cluster")
    if kind == "LoadBalancer":
        out.setdefault("allocateLoadBalancerNodePorts", True)


def _service(out: JsonObject) -> None:
    if out["spec"]["type"] == "LoadBalancer":
        for ingress in out["status"]["loadBalancer"].get("ingress", ()):
            if ingress.get("ip"):
                ingress.setdefault("ipMode", "VIP")


def _namespace(out: JsonObject) -> None:
    if name := out["metadata"].get("name"):
        out["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name


FINISHERS: Final[Mapping[str, Callable[[JsonObject], None]]] = {
    "core.Volume": _volume,
    "core.Container": _container,
    "core.ResourceRequirements": _resource_requirements,
    "core.VolumeResourceRequirements": _resource_requirements,
    "core.PodSpec": _pod_spec,
    "core.Pod": _pod,
    "core.PodStatus": _pod_status,
    "core.ServicePort": _service_port,
    "core.ServiceSpec": _service_spec,
    "core.Service": _service,
    "core.Namespace": _namespace,
}
"""What is done to a struct after its fields have been read; it is changed in place."""

GATED: Final[Mapping[str, tuple[str, ...]]] = {
    "core.HTTPGetAction": ("protocol",),
    "core.GRPCAction": ("mode",),
    "core.PodSpec": ("evictionResponders",),
    "core.VolumeMount": ("bindMountOptions",),
    "core.SecretVolumeSource": ("defaultUser",),
    "core.ConfigMapVolumeSource": ("defaultUser",),
    "core.ProjectedVolumeSource": ("defaultUser",),
    "core.DownwardAPIVolumeSource": ("defaultUser",),
    "core.KeyToPath": ("user",),
    "core.DownwardAPIVolumeFile": ("user",),
    "core.ServiceAccountTokenProjection": ("user",),
    "core.ClusterTrustBundleProjection": ("user",),
    "core.PodCertificateProjection": ("user",),
}
"""Fields that are known and dropped: of features that are off unless a cluster turns them on."""

"""What of an observed object a decision reads: all that a host has to hold of it.

Of a pod that is a third, of a config map its metadata. A decision from the projections is the decision from the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias, cast

from ._agent import KIND
from ._json import dig, reach

Tree: TypeAlias = "Mapping[str, Tree] | None"
"""The fields that are read, in lists those of each item; None for all that stands there."""


def _all(*names: str) -> dict[str, Tree]:
    return dict.fromkeys(names)


_METADATA: Final = _all(
    "annotations",
    "creationTimestamp",
    "deletionTimestamp",
    "generation",
    "labels",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "uid",
)
_NAMED: Final = _all("apiVersion", "kind")
_BESIDE: Final[Mapping[str, Tree]] = {
    **_NAMED,
    "metadata": _all("deletionTimestamp", "labels", "name", "namespace", "ownerReferences", "resourceVersion", "uid"),
}
_TERMINATED: Final = _all("exitCode", "finishedAt", "message", "reason")
_CONTAINER_STATUS: Final[Mapping[str, Tree]] = {
    **_all("name", "ready"),
    "state": {"waiting": _all("message", "reason"), "terminated": _TERMINATED},
    "lastState": {"terminated": _TERMINATED},
}

READ: Final[Mapping[str, Mapping[str, Tree]]] = {
    "Pod": {
        **_NAMED,
        "metadata": _METADATA,
        "spec": {
            **_all("nodeName"),
            "containers": _all("image", "name", "resources"),
            "initContainers": _all("name", "resources", "restartPolicy"),
            "schedulingGates": _all("name"),
            "volumes": {"projected": {"sources": {"configMap": _all("name")}}},
        },
        "status": {
            **_all("message", "observedGeneration", "phase", "reason"),
            "conditions": _all("lastTransitionTime", "message", "reason", "status", "type"),
            "containerStatuses": {**_CONTAINER_STATUS, **_all("restartCount")},
            "initContainerStatuses": _CONTAINER_STATUS,
            "podIPs": _all("ip"),
        },
    },
    "Service": {**_BESIDE, "spec": _all("clusterIP", "ports", "selector", "type")},
    "ConfigMap": _BESIDE,
    "PersistentVolumeClaim": {
        **_BESIDE,
        "spec": {"resources": {"requests": _all("storage")}},
        "status": _all("phase"),
    },
    # All that its user says of it may decide, today or in a later version; and status is compared as a whole.
    KIND: {**_NAMED, "metadata": _METADATA, **_all("spec", "status")},
}
"""By kind: what the core reads of what it makes, and of the Agent itself."""

_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
"""Where kubectl keeps the whole of what it sent: the spec once more."""


def project(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of an Agent, or of an object observed for one, that decisions read.

    `reconcile` decides from projections what it decides from the whole, so a host need not hold more. It is this
    version's reading: another one may read more. What is none of the operator's kinds (a `Status`) is returned as it
    is.

    Args:
        manifest: as the API server returns it. It is not changed; the result shares with it what it takes whole.
    """
    kind = dig(manifest, "kind", kind=str) or ""
    fields = READ.get(kind)
    if fields is None:
        return dict(manifest)
    projected = _cut(manifest, fields)
    if kind == KIND and reach(projected, "metadata", "annotations", _LAST_APPLIED) is not None:
        annotations = {**projected["metadata"]["annotations"]}
        del annotations[_LAST_APPLIED]
        projected["metadata"]["annotations"] = annotations
    return projected


def _cut(manifest: Mapping[str, Any], fields: Mapping[str, Tree]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, inner in fields.items():
        if name in manifest:
            value = manifest[name]
            kept[name] = value if inner is None else _cut_value(value, inner)
    return kept


def _cut_value(value: object, fields: Mapping[str, Tree]) -> object:
    """Cut an object, or each in a list of them; what is neither is not read as one."""
    if isinstance(value, list | tuple):
        return [_cut_one(item, fields) for item in cast("list[object]", value)]
    return _cut_one(value, fields)


def _cut_one(value: object, fields: Mapping[str, Tree]) -> object:
    if type(value) is dict or isinstance(value, Mapping):
        return _cut(cast("Mapping[str, Any]", value), fields)
    return value

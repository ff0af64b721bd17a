"""What of an observed object a decision reads: all that a host has to hold of it.

Of a pod that is a third, of a config map its metadata. A decision from the projections is the decision from the whole.
"""

# What is cut is of any shape.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from ._agent import KIND
from ._json import dig, reach

Tree: TypeAlias = "Mapping[str, Tree] | None"
"""The fields that are read, in lists those of each item; None for all that stands there."""

_METADATA: Final[Mapping[str, Tree]] = dict.fromkeys(
    (
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
)
_NAMED: Final[Mapping[str, Tree]] = dict.fromkeys(("apiVersion", "kind"))
_BESIDE: Final[Mapping[str, Tree]] = {
    **_NAMED,
    "metadata": dict.fromkeys(
        ("deletionTimestamp", "labels", "name", "namespace", "ownerReferences", "resourceVersion", "uid")
    ),
}
_TERMINATED: Final[Mapping[str, Tree]] = dict.fromkeys(("exitCode", "finishedAt", "message", "reason"))
_CONTAINER_STATUS: Final[Mapping[str, Tree]] = {
    **dict.fromkeys(("name", "ready", "restartCount")),
    "state": {"waiting": dict.fromkeys(("message", "reason")), "terminated": {**_TERMINATED, "startedAt": None}},
    "lastState": {"terminated": _TERMINATED},
}

READ: Final[Mapping[str, Mapping[str, Tree]]] = {
    "Pod": {
        **_NAMED,
        "metadata": _METADATA,
        "spec": {
            **dict.fromkeys(("nodeName", "restartPolicy")),
            "containers": dict.fromkeys(("image", "name", "resources")),
            "initContainers": dict.fromkeys(("name", "resources", "restartPolicy")),
            "schedulingGates": {"name": None},
            "volumes": {"projected": {"sources": {"configMap": {"name": None}}}},
        },
        "status": {
            **dict.fromkeys(("message", "observedGeneration", "phase", "reason")),
            "conditions": dict.fromkeys(("lastTransitionTime", "message", "reason", "status", "type")),
            "containerStatuses": _CONTAINER_STATUS,
            "initContainerStatuses": _CONTAINER_STATUS,
            "podIPs": {"ip": None},
        },
    },
    "Service": {**_BESIDE, "spec": dict.fromkeys(("clusterIP", "ports", "selector", "type"))},
    "ConfigMap": _BESIDE,
    "PersistentVolumeClaim": {
        **_BESIDE,
        "spec": {"resources": {"requests": {"storage": None}}},
        "status": {"phase": None},
    },
    # All that its user says of it may decide, today or in a later version; and status is compared as a whole.
    KIND: {**_NAMED, "metadata": _METADATA, **dict.fromkeys(("spec", "status"))},
}
"""By kind: what the core reads of what it makes, and of the Agent itself."""

_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
"""Where kubectl keeps the whole of what it sent: the spec once more."""

# Made once: each object that a watch tells of is asked a hundred times.
_OBJECT: Final = (dict, Mapping)
_LIST: Final = (list, tuple)


def project(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of an Agent, or of an object observed for one, that decisions read.

    `reconcile` decides from projections what it decides from the whole, so a host need not hold more. It is this
    version's reading: another one may read more. What is none of the operator's kinds (a `Status`) is returned as it
    is.

    Args:
        manifest: as the API server returns it. It is not changed; the result shares with it what it takes whole.
    """
    kind = dig(manifest, "kind", kind=str)
    if kind is None or kind not in READ:
        return dict(manifest)
    projected: dict[str, Any] = _cut(manifest, READ[kind])
    if kind == KIND and reach(projected, "metadata", "annotations", _LAST_APPLIED) is not None:
        annotations = dict(projected["metadata"]["annotations"])
        del annotations[_LAST_APPLIED]
        projected["metadata"]["annotations"] = annotations
    return projected


def _cut(value: Any, fields: Tree) -> Any:
    """Return an object, or each in a list of them, with these fields alone; what is neither is not read as one."""
    if fields is None:
        return value
    if isinstance(value, _OBJECT):
        return {name: _cut(value[name], inner) for name, inner in fields.items() if name in value}
    if isinstance(value, _LIST):
        return [item if isinstance(item, _LIST) else _cut(item, fields) for item in value]
    return value

"""Pods as the API server makes them: what admission adds, the status of a new one, and what each kind of update takes.

Service accounts, priority classes and runtime classes are not kinds of the model: a pod may name any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from .._json import dig_list
from .._times import timestamp
from . import _refused as refused  # pyright: ignore[reportPrivateUsage] -- of this package
from ._decoded import object_at
from ._go_values import comparable, quantity
from ._resources import PODS

JsonObject: TypeAlias = dict[str, Any]

CONTAINER_LISTS: Final = ("initContainers", "containers")
_TAINTS: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_TOKEN_PATH: Final = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 -- a path
_TOKEN_SECONDS: Final = 3607
_PREEMPTION: Final = "PreemptLowerPriority"
_COMPUTED: Final = "must not be provided in pod spec; priority admission controller computed"


def containers(spec: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Yield each container with its path, init containers last, as the API server checks them."""
    for field in reversed(CONTAINER_LISTS):
        for index, container in enumerate(dig_list(spec, field)):
            yield f"spec.{field}[{index}]", dict(container)


def admitted(pod: JsonObject, suffix: Callable[[], str]) -> JsonObject:
    """Return a new pod with what admission adds to it.

    Args:
        pod: with its defaults.
        suffix: gives five random characters, which name the volume with the service account's token.

    Raises:
        Refused: 403, its priority is not that of its class.
    """
    spec: JsonObject = pod["spec"]
    if not spec.get("serviceAccountName"):
        spec = spec | {"serviceAccountName": "default", "serviceAccount": "default"}
    spec = with_tolerations(spec)
    if not spec.get("priorityClassName"):
        _check_priority(pod, spec)
        spec = spec | {"priority": 0}
    spec = {"preemptionPolicy": _PREEMPTION} | spec
    if spec.get("automountServiceAccountToken", True):
        spec = _with_token(spec, f"kube-api-access-{suffix()}")
    return pod | {"spec": spec}


def _check_priority(pod: JsonObject, spec: JsonObject) -> None:
    told = ""
    if spec.get("priority", 0) != 0:
        told = f"the integer value of priority ({spec['priority']}) {_COMPUTED} 0 from the given PriorityClass name"
    elif (policy := spec.get("preemptionPolicy", _PREEMPTION)) != _PREEMPTION:
        told = f"the string value of PreemptionPolicy ({policy}) {_COMPUTED} {_PREEMPTION} from the given PriorityClass"
        told = f"{told} name"
    if told:
        metadata = pod["metadata"]
        prefix, name = metadata.get("generateName"), metadata.get("name", "Unknown")
        # A name that is to be generated is not known yet.
        raise refused.forbidden(PODS, prefix if prefix and name.startswith(prefix) else name, told)


def with_tolerations(spec: JsonObject) -> JsonObject:
    """Return a spec that tolerates for five minutes that its node cannot be reached, unless it says otherwise."""
    given = spec.get("tolerations", [])
    tolerated = {item.get("key", "") for item in given if item.get("effect", "") in ("", "NoExecute")}
    if "" in tolerated:
        return spec
    added = [
        {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
        for taint in _TAINTS
        if taint not in tolerated
    ]
    return spec | {"tolerations": [*given, *added]} if added else spec


def _with_token(spec: JsonObject, name: str) -> JsonObject:
    """Return a spec whose containers find the token of their service account."""
    out, used = dict(spec), False
    for field in CONTAINER_LISTS:
        listed: list[JsonObject] = []
        for container in dig_list(spec, field):
            mounts: Sequence[Mapping[str, Any]] = container.get("volumeMounts", [])
            if any(mount.get("mountPath") == _TOKEN_PATH for mount in mounts):
                listed.append(dict(container))
                continue
            used = True
            mount = {"name": name, "readOnly": True, "mountPath": _TOKEN_PATH}
            listed.append(dict(container) | {"volumeMounts": [*mounts, mount]})
        if listed:
            out[field] = listed
    return out | {"volumes": [*spec.get("volumes", []), _token_volume(name)]} if used else out


def _token_volume(name: str) -> JsonObject:
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": _TOKEN_SECONDS, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 0o644}}


def created(pod: JsonObject) -> JsonObject:
    """Return a new pod with its first status: whatever the client wrote of it is dropped."""
    status: JsonObject = {"phase": "Pending", "qosClass": qos_class(pod["spec"])}
    if pod["spec"].get("schedulingGates"):
        why = {"reason": "SchedulingGated", "message": "Scheduling is blocked due to non-empty scheduling gates"}
        since = {"lastTransitionTime": pod["metadata"]["creationTimestamp"]}
        status["conditions"] = [{"type": "PodScheduled", "status": "False"} | since | why]
    return pod | {"status": status}


def updated(new: JsonObject, old: JsonObject) -> JsonObject:
    """Return what an update of the object makes of a pod: its status stays."""
    before: JsonObject = old["spec"]
    kept = {key: before[key] for key in ("priority", "preemptionPolicy") if key in before and key not in new["spec"]}
    return new | {"spec": with_tolerations(new["spec"]) | kept, "status": old["status"]}


def with_status(new: JsonObject, old: JsonObject) -> JsonObject:
    """Return what an update of the status makes of a pod: its spec stays, and what older clients forget."""
    before, status = old["status"], dict(new["status"])
    status.setdefault("qosClass", before.get("qosClass"))
    for field in ("resourceClaimStatuses", "observedGeneration"):
        if field in before:
            status.setdefault(field, before[field])
    generations: dict[str, list[int]] = {}
    for condition in before.get("conditions", ()):
        generations.setdefault(condition.get("type", ""), []).append(condition.get("observedGeneration", 0))
    for condition in status.get("conditions", ()):
        known = generations.get(condition.get("type", ""))
        if known and (generation := known.pop(0)):
            condition.setdefault("observedGeneration", generation)
    owners = {key: value for key, value in old["metadata"].items() if key == "ownerReferences"}
    kept = {key: v for key, v in new["metadata"].items() if key not in ("ownerReferences", "deletionTimestamp")}
    return old | {"metadata": kept | owners, "status": status}


def resized(new: JsonObject, old: JsonObject) -> JsonObject:
    """Return what a resize makes of a pod: the resources of its containers change, and how they are to change."""
    spec, before = new["spec"], old["spec"]
    names = [[item.get("name") for _, item in containers(one)] for one in (spec, before)]
    metadata = old["metadata"] | {
        key: new["metadata"][key] for key in ("resourceVersion", "uid") if key in new["metadata"]
    }
    if names[0] != names[1]:
        return old | {"metadata": metadata, "spec": spec, "status": old["status"]}  # refused when it is validated
    out = dict(before)
    for field in CONTAINER_LISTS:
        if field in before:
            out[field] = [_resized(was, now) for was, now in zip(before[field], spec[field], strict=True)]
    return old | {"metadata": metadata, "spec": out}


def _resized(container: JsonObject, wanted: JsonObject) -> JsonObject:
    changeable = ("resources", "resizePolicy")
    kept = {key: value for key, value in container.items() if key not in changeable}
    return kept | {key: wanted[key] for key in changeable if key in wanted}


def comparable_spec(spec: JsonObject) -> JsonObject:
    """Return a spec with the amounts of its containers as numbers: equal where only their spelling differs."""
    return spec | {
        field: [item | {"resources": comparable(item["resources"])} for item in spec[field]]
        for field in CONTAINER_LISTS
        if field in spec
    }


def qos_class(spec: JsonObject) -> str:
    """Return the quality-of-service class: Guaranteed where every container's limits are its requests."""
    classes = {_qos_of(object_at(container, "resources")) for _, container in containers(spec)}
    return classes.pop() if len(classes) == 1 else "Burstable" if classes else "BestEffort"


def _qos_of(resources: JsonObject) -> str:
    amounts = {
        kind: {
            name: quantity(value)
            for name, value in resources.get(kind, {}).items()
            if name in ("cpu", "memory") and quantity(value) > 0
        }
        for kind in ("requests", "limits")
    }
    if not any(amounts.values()):
        return "BestEffort"
    is_equal = amounts["requests"] == amounts["limits"] and len(amounts["limits"]) == 2  # noqa: PLR2004 -- CPU and memory
    return "Guaranteed" if is_equal else "Burstable"


def bound(pod: JsonObject, binding: JsonObject, now: datetime) -> JsonObject:
    """Return a pod on the node that a Binding names.

    Raises:
        Refused: 409, it is on a node, is being deleted, or must not be scheduled yet.
    """
    name = pod["metadata"]["name"]
    why = ""
    if "deletionTimestamp" in pod["metadata"]:
        why = f"pod {name} is being deleted, cannot be assigned to a host"
    elif node := pod["spec"].get("nodeName"):
        why = f'pod {name} is already assigned to node "{node}"'
    elif pod["spec"].get("schedulingGates"):
        why = f"pod {name} has non-empty .spec.schedulingGates"
    if why:
        raise refused.failure(
            409,
            "Conflict",
            f'Operation cannot be fulfilled on pods/binding "{name}": {why}',
            {"name": name, "kind": "pods/binding"},
        )
    metadata = pod["metadata"]
    for field in ("annotations", "labels"):
        if merged := metadata.get(field, {}) | binding["metadata"].get(field, {}):
            metadata = metadata | {field: merged}
    status = {key: value for key, value in pod["status"].items() if key != "nominatedNodeName"}
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": timestamp(now)}
    others = [item for item in status.get("conditions", ()) if item["type"] != "PodScheduled"]
    spec = pod["spec"] | {"nodeName": binding["target"]["name"]}
    return pod | {"metadata": metadata, "spec": spec, "status": status | {"conditions": [*others, scheduled]}}

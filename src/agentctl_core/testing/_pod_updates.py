"""What an update may change of a pod, of its status, and by a resize."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from .._json import same_json
from . import _rules as rules
from ._decoded import object_at
from ._go_values import comparable
from ._pod_rules import validate_tolerations
from ._pods import CONTAINER_LISTS, containers, qos_class
from ._refused import forbidden_change, invalid_value

JsonObject: TypeAlias = dict[str, Any]
Causes: TypeAlias = Iterator[JsonObject]

_MAY_CHANGE: Final = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_SYSTEM_CONDITIONS: Final = ("PodScheduled", "Ready", "Initialized")
_RESIZABLE: Final = ("cpu", "memory")


def validate_update(spec: JsonObject, before: JsonObject) -> Causes:
    """What an update of the object may not change."""
    for field in reversed(CONTAINER_LISTS):
        if len(spec.get(field, ())) != len(before.get(field, ())):
            yield forbidden_change(f"spec.{field}", "pod updates may not add or remove containers")
            return
    deadline, former = spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    if former is not None and deadline is not None and deadline > former:
        yield invalid_value("spec.activeDeadlineSeconds", deadline, "must be less than or equal to previous value")
        return
    if former is not None and deadline is None:
        told = "must not update from a positive integer to nil value"
        yield invalid_value("spec.activeDeadlineSeconds", None, told)
    yield from _validate_tolerations(spec.get("tolerations", ()), before.get("tolerations", ()))
    gates = {gate.get("name") for gate in before.get("schedulingGates", ())}
    for index, gate in enumerate(spec.get("schedulingGates", ())):
        if gate.get("name") not in gates:
            told = f"only deletion is allowed, but found new scheduling gate '{gate.get('name', '')}'"
            yield forbidden_change(f"spec.schedulingGates[{index}].name", told)
    changeable = {"activeDeadlineSeconds", "tolerations", "schedulingGates"}
    if gates and not same_json(spec.get("nodeSelector", {}), before.get("nodeSelector", {})):
        changeable.add("nodeSelector")
        yield from _validate_selector(spec.get("nodeSelector", {}), before.get("nodeSelector", {}))
    if _fixed_part(spec, changeable) != _fixed_part(before, changeable):
        yield forbidden_change("spec", _MAY_CHANGE)


def _fixed_part(spec: JsonObject, changeable: set[str]) -> JsonObject:
    """Return what an update may not change."""
    fixed = {key: value for key, value in spec.items() if key not in changeable}
    for field in CONTAINER_LISTS:
        fixed[field] = [
            {k: v for k, v in item.items() if k != "image"} | {"resources": comparable(item["resources"])}
            for item in spec.get(field, ())
        ]
    return fixed


def _validate_tolerations(new: Sequence[Mapping[str, Any]], old: Sequence[Mapping[str, Any]]) -> Causes:
    plain = [{key: value for key, value in item.items() if key != "tolerationSeconds"} for item in new]
    for item in old:
        if {key: value for key, value in item.items() if key != "tolerationSeconds"} not in plain:
            told = "existing toleration can not be modified except its tolerationSeconds"
            yield forbidden_change("spec.tolerations", told)
            return
    yield from validate_tolerations(new)


def _validate_selector(new: Mapping[str, str], old: Mapping[str, str]) -> Causes:
    if any(new.get(key) != value for key, value in old.items()):
        told = "only additions are allowed (no mutations or deletions)"
        yield invalid_value("spec.nodeSelector", new, told)


def validate_resize(new: JsonObject, old: JsonObject) -> Causes:
    """What a resize may not change; `new` and `old` are pods."""
    spec, before = new["spec"], old["spec"]
    if qos_class(spec) != qos_class(before):
        told = "Pod QOS Class may not change as a result of resizing"
        yield invalid_value("spec", new["status"].get("qosClass", ""), told)
    if not _supports_resize(old):
        yield forbidden_change("spec", "Pod running on node without support for resize")
    order = list(_validate_order(spec, before))
    if order:
        yield from order
        return
    for (path, item), (_, was) in zip(containers(spec), containers(before), strict=True):
        yield from _validate_resources(item, was, path)


def _supports_resize(pod: JsonObject) -> bool:
    """Tell whether the node of a pod says what resources its first running container has."""
    for status in pod["status"].get("containerStatuses", ()):
        if "running" in object_at(status, "state"):
            return "resources" in status
    return True


def _validate_order(spec: JsonObject, before: JsonObject) -> Causes:
    for field in reversed(CONTAINER_LISTS):
        new, old = spec.get(field, ()), before.get(field, ())
        if len(new) != len(old):
            yield forbidden_change(f"spec.{field}", f"{field} may not be added or removed on resize")
            continue
        for index, (item, was) in enumerate(zip(new, old, strict=True)):
            if item.get("name") != was.get("name"):
                told = f"{field} may not be renamed or reordered on resize"
                yield forbidden_change(f"spec.{field}[{index}].name", told)


def _validate_resources(item: JsonObject, was: JsonObject, path: str) -> Causes:
    is_fixed = item["resources"].get("claims") == was["resources"].get("claims")
    for kind in ("requests", "limits"):
        new, old = (comparable(one["resources"]).get(kind, {}) for one in (item, was))
        if set(old) - set(new):
            yield forbidden_change(f"{path}.resources.{kind}", f"resource {kind} cannot be removed")
        others = [{name: v for name, v in amounts.items() if name not in _RESIZABLE} for amounts in (new, old)]
        is_fixed = is_fixed and others[0] == others[1]
    if is_fixed and item.get("resizePolicy") == was.get("resizePolicy"):
        return
    if ".initContainers[" in path:
        yield forbidden_change(path, "only cpu and memory resources for init or sidecar containers are mutable")
    else:
        yield forbidden_change("spec", "only cpu and memory resources are mutable")


def validate_status(new: JsonObject, old: JsonObject) -> Causes:
    """What is wrong with the status that replaces another; `new` and `old` are pods."""
    status, before = new["status"], old["status"]
    for index, condition in enumerate(status.get("conditions", ())):
        here, kind = f"status.conditions[{index}]", condition.get("type", "")
        if condition.get("observedGeneration", 0) < 0:
            yield invalid_value(f"{here}.observedGeneration", condition["observedGeneration"], _NON_NEGATIVE)
        if kind not in _SYSTEM_CONDITIONS:
            yield from rules.invalid(f"{here}.Type", kind, rules.label_key)
    if status.get("observedGeneration", 0) < 0:
        yield invalid_value("status.observedGeneration", status["observedGeneration"], _NON_NEGATIVE)
    nominated = status.get("nominatedNodeName")
    if nominated and nominated != before.get("nominatedNodeName"):
        yield from rules.invalid("status.nominatedNodeName", nominated, rules.dns_subdomain)
        if old["spec"].get("nodeName"):
            told = "may not be set on pods that are already bound to a node"
            yield forbidden_change("status.nominatedNodeName", told)
    if status.get("qosClass") != before.get("qosClass"):
        yield invalid_value("status.qosClass", status.get("qosClass"), "field is immutable")
    yield from _validate_states(status, before, old["spec"])
    yield from _validate_addresses(status)
    for index, claim in enumerate(status.get("resourceClaimStatuses", ())):
        names = {one.get("name") for one in old["spec"].get("resourceClaims", ())}
        if claim.get("name") not in names:
            told = "must match the name of an entry in `spec.resourceClaims`"
            yield invalid_value(f"status.resourceClaimStatuses[{index}].name", claim.get("name", ""), told)


_NON_NEGATIVE: Final = "must be a non-negative integer"


def _validate_states(status: JsonObject, before: JsonObject, spec: JsonObject) -> Causes:
    """What was terminated for good stays so."""
    for field, listed in (("containerStatuses", "containers"), ("initContainerStatuses", "initContainers")):
        now = {item.get("name"): object_at(item, "state") for item in status.get(field, ())}
        by_name = {item.get("name"): item for item in spec.get(listed, ())}
        for index, item in enumerate(before.get(field, ())):
            ended, name = object_at(item, "state").get("terminated"), item.get("name")
            if ended is None or name not in now or "terminated" in now[name]:
                continue
            policy = object_at(by_name, name or "").get("restartPolicy") or spec["restartPolicy"]
            restarts = policy == "Always" or (policy == "OnFailure" and ended.get("exitCode", 0) != 0)
            if name not in by_name or not restarts:
                told = "may not be transitioned to non-terminated state"
                yield forbidden_change(f"status.{field}[{index}].state", told)


def _validate_addresses(status: JsonObject) -> Causes:
    for single, field in (("podIP", "podIPs"), ("hostIP", "hostIPs")):
        listed = [item.get("ip", "") for item in status.get(field, ())]
        for index, address in enumerate(listed):
            yield from rules.invalid(f"status.{field}[{index}]", address, rules.ip)
        if listed and status.get(single, "") != listed[0]:
            yield invalid_value(f"status.{field}[0].ip", listed[0], f"must be equal to `{single}`")

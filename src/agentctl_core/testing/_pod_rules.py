"""The commonest rules for the spec of a pod, after Kubernetes' `pkg/apis/core/validation`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from . import _rules as rules
from ._container_rules import validate_containers
from ._refused import forbidden_change, invalid_value, required
from ._volume_rules import validate_volumes

JsonObject: TypeAlias = dict[str, Any]
Causes: TypeAlias = Iterator[JsonObject]

_RESTART: Final = ("Always", "OnFailure", "Never")
_DNS: Final = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_MOST_SECONDS: Final = 2**31 - 1


def validate_spec(spec: JsonObject) -> Causes:
    """What is wrong with the spec of a pod, new or not."""
    yield from validate_volumes(spec.get("volumes", ()), "spec.volumes")
    yield from validate_containers(spec)
    yield from rules.negative("spec.terminationGracePeriodSeconds", spec["terminationGracePeriodSeconds"])
    yield from _one_of("spec.restartPolicy", spec["restartPolicy"], _RESTART)
    yield from _one_of("spec.dnsPolicy", spec["dnsPolicy"], _DNS)
    yield from rules.labels("spec.nodeSelector", spec.get("nodeSelector", {}))
    yield from _validate_security(spec.get("securityContext", {}))
    for index, gate in enumerate(spec.get("schedulingGates", ())):
        yield from rules.invalid(f"spec.schedulingGates[{index}]", gate.get("name", ""), rules.label_key)
    for field, rule in (
        ("serviceAccountName", rules.dns_subdomain),
        ("nodeName", rules.dns_subdomain),
        ("hostname", rules.dns_label),
        ("subdomain", rules.dns_label),
        ("priorityClassName", rules.dns_subdomain),
        ("runtimeClassName", rules.dns_subdomain),
    ):
        if field in spec:
            yield from rules.invalid(f"spec.{field}", spec[field], rule)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= _MOST_SECONDS:
        yield invalid_value("spec.activeDeadlineSeconds", deadline, rules.between(1, _MOST_SECONDS))
    yield from validate_tolerations(spec.get("tolerations", ()))
    if "hostnameOverride" in spec:
        for field in ("setHostnameAsFQDN", "hostNetwork"):
            if spec.get(field):
                yield forbidden_change("spec.hostnameOverride", f"may not be specified when {field} is true")
        yield from rules.invalid("spec.hostnameOverride", spec["hostnameOverride"], rules.dns_subdomain)
    if "preemptionPolicy" in spec:
        supported = ("PreemptLowerPriority", "Never")
        yield from _one_of("spec.preemptionPolicy", spec["preemptionPolicy"], supported)


def validate_new(spec: JsonObject) -> Causes:
    """What else is wrong with the spec of a new pod."""
    if spec.get("nodeName") and spec.get("schedulingGates"):
        yield forbidden_change("spec.nodeName", "cannot be set until all schedulingGates have been cleared")
    if spec.get("ephemeralContainers"):
        yield forbidden_change("spec.ephemeralContainers", "cannot be set on create")


def _one_of(path: str, value: str, supported: Sequence[str]) -> Causes:
    if not value:
        yield required(path)
    else:
        yield from rules.one_of(path, value, supported)


def _validate_security(context: JsonObject) -> Causes:
    for field in ("fsGroup", "runAsUser", "runAsGroup"):
        number = context.get(field)
        if number is not None and not 0 <= number <= _MOST_SECONDS:
            yield invalid_value(f"spec.securityContext.{field}", number, rules.between(0, _MOST_SECONDS))


def validate_tolerations(tolerations: Sequence[Mapping[str, Any]]) -> Causes:
    """What is wrong with tolerations."""
    for index, item in enumerate(tolerations):
        path = f"spec.tolerations[{index}]"
        key, operator, value = item.get("key", ""), item.get("operator", ""), item.get("value", "")
        if key:
            yield from rules.invalid(f"{path}.key", key, rules.label_key)
        elif operator != "Exists":
            told = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            yield invalid_value(f"{path}.operator", operator, told)
        if "tolerationSeconds" in item and item.get("effect", "") != "NoExecute":
            told = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            yield invalid_value(f"{path}.effect", item.get("effect", ""), told)
        if operator in ("Equal", ""):
            if told := ";".join(rules.label_value(value)):
                yield invalid_value(f"{path}.operator", value, told)
        elif operator != "Exists":
            yield rules.unsupported(f"{path}.operator", operator, ("Equal", "Exists"))
        elif value:
            yield invalid_value(f"{path}.operator", value, "value must be empty when `operator` is 'Exists'")
        if "effect" in item:
            supported = ("NoSchedule", "PreferNoSchedule", "NoExecute")
            yield from rules.one_of(f"{path}.effect", item["effect"], supported)

"""The commonest rules for containers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from . import _rules as rules
from ._go_values import quantity
from ._refused import forbidden_change, invalid_value, required

JsonObject: TypeAlias = dict[str, Any]
Causes: TypeAlias = Iterator[JsonObject]

_STANDARD_RESOURCES: Final = ("cpu", "memory", "ephemeral-storage")
_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_NOT_FOR_INIT: Final = "may not be set for init containers without restartPolicy=Always"
_ENV_SOURCES: Final = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")


def validate_containers(spec: JsonObject) -> Causes:
    """What is wrong with the containers of a pod, init containers last."""
    if not spec.get("containers"):
        yield required("spec.containers")
    volumes = {volume.get("name", "") for volume in spec.get("volumes", ())}
    names: set[str] = set()
    for field in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(field, ())):
            path, name = f"spec.{field}[{index}]", container.get("name", "")
            yield from _validate_common(container, path, volumes, spec)
            if name in names:
                yield rules.duplicate(f"{path}.name", name)
            elif name or field == "containers":
                names.add(name)
            yield from _validate_life(container, path, spec, is_init=field == "initContainers")


def _validate_common(container: JsonObject, path: str, volumes: Collection[str], spec: JsonObject) -> Causes:
    name, image = container.get("name", ""), container.get("image", "")
    if name:
        yield from rules.invalid(f"{path}.name", name, rules.dns_label)
    else:
        yield required(f"{path}.name")
    if not image:
        yield required(f"{path}.image")
    elif image != image.strip():
        yield invalid_value(f"{path}.image", image, "must not have leading or trailing whitespace")
    for field, supported in (
        ("terminationMessagePolicy", ("File", "FallbackToLogsOnError")),
        ("imagePullPolicy", ("Always", "IfNotPresent", "Never")),
    ):
        yield from rules.one_of(f"{path}.{field}", container[field], supported)
    yield from _validate_ports(container.get("ports", ()), f"{path}.ports")
    yield from _validate_env(container.get("env", ()), f"{path}.env")
    yield from _validate_env_from(container.get("envFrom", ()), f"{path}.envFrom")
    yield from _validate_places(container.get("volumeMounts", ()), f"{path}.volumeMounts", "mountPath", volumes)
    devices = container.get("volumeDevices", ())
    yield from _validate_places(devices, f"{path}.volumeDevices", "devicePath", volumes, is_once=True)
    yield from validate_resources(container["resources"], f"{path}.resources")
    yield from _validate_resize_policy(container.get("resizePolicy", ()), f"{path}.resizePolicy", spec)
    context = container.get("securityContext", {})
    if context.get("privileged") and context.get("allowPrivilegeEscalation") is False:
        told = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        yield invalid_value(f"{path}.securityContext", context, told)


def _validate_life(container: JsonObject, path: str, spec: JsonObject, *, is_init: bool) -> Causes:
    policy = container.get("restartPolicy")
    if policy is not None:
        yield from rules.one_of(f"{path}.restartPolicy", policy, ("Always", "Never", "OnFailure"))
    if is_init and policy != "Always":
        for field in ("lifecycle", *_PROBES):
            if field in container:
                yield forbidden_change(f"{path}.{field}", _NOT_FOR_INIT)
        return
    grace: int = spec["terminationGracePeriodSeconds"]
    for field in ("postStart", "preStop"):
        if (handler := container.get("lifecycle", {}).get(field)) is not None:
            yield from _validate_handler(handler, f"{path}.lifecycle.{field}", grace)
    for field in _PROBES:
        if (probe := container.get(field)) is not None:
            yield from _validate_probe(probe, f"{path}.{field}", grace, field)


def _validate_probe(probe: JsonObject, path: str, grace: int, kind: str) -> Causes:
    yield from _validate_handler(probe, path, grace)
    for field in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"):
        yield from rules.negative(f"{path}.{field}", probe.get(field, 0))
    period = probe.get("terminationGracePeriodSeconds")
    if period is not None and period <= 0:
        yield invalid_value(f"{path}.terminationGracePeriodSeconds", period, "must be greater than 0")
    if kind == "readinessProbe":
        if period is not None:
            yield invalid_value(f"{path}.terminationGracePeriodSeconds", period, "must not be set for readinessProbes")
    elif probe["successThreshold"] != 1:
        yield invalid_value(f"{path}.successThreshold", probe["successThreshold"], "must be 1")


def _validate_handler(handler: JsonObject, path: str, grace: int) -> Causes:
    kinds = [kind for kind in _HANDLERS if kind in handler]
    if not kinds:
        yield required(path, "must specify a handler type")
        return
    for kind in kinds[1:]:
        yield forbidden_change(f"{path}.{kind}", "may not specify more than 1 handler type")
    kind, action = kinds[0], handler[kinds[0]]
    if kind == "exec" and not action.get("command"):
        yield required(f"{path}.exec.command")
    if kind in ("httpGet", "tcpSocket", "grpc"):
        yield from port_or_name(f"{path}.{kind}.port", action["port"])
    if kind == "httpGet":
        yield from rules.one_of(f"{path}.httpGet.scheme", action["scheme"], ("HTTP", "HTTPS"))
    if kind == "sleep" and not 0 <= action["seconds"] <= grace:
        told = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
        yield invalid_value(f"{path}.sleep", action["seconds"], told)


def port_or_name(path: str, port: int | str) -> list[JsonObject]:
    """Return what is wrong with a port that may be a number or a name."""
    if isinstance(port, str):
        return rules.invalid(path, port, rules.port_name)
    return rules.invalid(path, port, rules.port_number)


def _validate_ports(ports: Sequence[Mapping[str, Any]], path: str) -> Causes:
    names: set[str] = set()
    for index, port in enumerate(ports):
        here, name, number = f"{path}[{index}]", port.get("name", ""), port.get("containerPort", 0)
        if name:
            wrong = rules.invalid(f"{here}.name", name, rules.port_name)
            yield from wrong
            if name in names:
                yield rules.duplicate(f"{here}.name", name)
            elif not wrong:
                names.add(name)
        if not number:
            yield required(f"{here}.containerPort")
        else:
            yield from rules.invalid(f"{here}.containerPort", number, rules.port_number)
        if port.get("hostPort"):
            yield from rules.invalid(f"{here}.hostPort", port["hostPort"], rules.port_number)
        yield from rules.one_of(f"{here}.protocol", port["protocol"], rules.PROTOCOLS)


def _validate_env(variables: Sequence[Mapping[str, Any]], path: str) -> Causes:
    for index, variable in enumerate(variables):
        here, name = f"{path}[{index}]", variable.get("name", "")
        if name:
            yield from rules.invalid(f"{here}.name", name, rules.env_name)
        else:
            yield required(f"{here}.name")
        source = variable.get("valueFrom")
        if source is None:
            continue
        for kind in ("configMapKeyRef", "secretKeyRef"):
            if kind in source:
                yield from _validate_key(source[kind], f"{here}.valueFrom.{kind}")
        count = sum(kind in source for kind in _ENV_SOURCES)
        if not count:
            told = (
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
            )
            yield invalid_value(f"{here}.valueFrom", "", told)
        elif variable.get("value"):
            yield invalid_value(f"{here}.valueFrom", "", "may not be specified when `value` is not empty")
        elif count > 1:
            yield invalid_value(f"{here}.valueFrom", "", "may not have more than one field specified at a time")


def _validate_key(reference: Mapping[str, Any], path: str) -> Causes:
    yield from rules.invalid(f"{path}.name", reference.get("name", ""), rules.dns_subdomain)
    if key := reference.get("key"):
        yield from rules.invalid(f"{path}.key", key, rules.config_key)
    else:
        yield required(f"{path}.key")


def _validate_env_from(sources: Sequence[Mapping[str, Any]], path: str) -> Causes:
    for index, source in enumerate(sources):
        if prefix := source.get("prefix"):
            yield from rules.invalid(f"{path}[{index}].prefix", prefix, rules.env_name)
        kinds = [kind for kind in ("configMapRef", "secretRef") if kind in source]
        for kind in kinds:
            if name := source[kind].get("name"):
                yield from rules.invalid(f"{path}[{index}].{kind}.name", name, rules.dns_subdomain)
            else:
                yield required(f"{path}[{index}].{kind}.name")
        if not kinds:
            yield invalid_value(path, "", "must specify one of: `configMapRef` or `secretRef`")
        elif len(kinds) > 1:
            yield invalid_value(path, "", "may not have more than one field specified at a time")


def _validate_places(
    uses: Sequence[Mapping[str, Any]], path: str, field: str, volumes: Collection[str], *, is_once: bool = False
) -> Causes:
    """What is wrong with the places at which a container has volumes, each of them once at the most if `is_once`."""
    names: set[str] = set()
    places: set[str] = set()
    for index, use in enumerate(uses):
        here, name, place = f"{path}[{index}]", use.get("name", ""), use.get(field, "")
        if not name:
            yield required(f"{here}.name")
        if is_once and name in names:
            yield invalid_value(f"{here}.name", name, "must be unique")
        if name not in volumes:
            yield rules.not_there(f"{here}.name", name)
        if not place:
            yield required(f"{here}.{field}")
        if place in places:
            yield invalid_value(f"{here}.{field}", place, "must be unique")
        names |= {name} - {""}
        places.add(place)


def validate_resources(resources: Mapping[str, Mapping[str, str]], path: str) -> Causes:
    """What is wrong with the requests and limits of a container."""
    limits = resources.get("limits", {})
    for kind in ("limits", "requests"):
        for name, amount in resources.get(kind, {}).items():
            here = f"{path}.{kind}[{name}]"
            yield from _validate_resource_name(name, here)
            if quantity(amount) < 0:
                yield invalid_value(here, amount, "must be greater than or equal to 0")
    for name, amount in resources.get("requests", {}).items():
        can_exceed = "/" not in name and not name.startswith("hugepages-")
        if name in limits and quantity(amount) > quantity(limits[name]):
            told = f"must be less than or equal to {name} limit of {limits[name]}"
            yield invalid_value(f"{path}.requests", amount, told)
        elif name in limits and not can_exceed and quantity(amount) != quantity(limits[name]):
            yield invalid_value(f"{path}.requests", amount, f"must be equal to {name} limit of {limits[name]}")
        elif name not in limits and not can_exceed:
            yield required(f"{path}.limits", "Limit must be set for non overcommitable resources")


def _validate_resource_name(name: str, path: str) -> Causes:
    wrong = rules.invalid(path, name, rules.label_key)
    yield from wrong
    if not wrong and "/" not in name and name not in _STANDARD_RESOURCES and not name.startswith("hugepages-"):
        yield invalid_value(path, name, "must be a standard resource type or fully qualified")
        yield invalid_value(path, name, "must be a standard resource for containers")


def _validate_resize_policy(policies: Sequence[Mapping[str, Any]], path: str, spec: JsonObject) -> Causes:
    for policy in policies:
        yield from rules.one_of(path, policy.get("resourceName", ""), ("cpu", "memory"))
        restart = policy.get("restartPolicy", "")
        yield from rules.one_of(path, restart, ("NotRequired", "RestartContainer"))
        if spec["restartPolicy"] == "Never" and restart != "NotRequired":
            told = "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
            yield invalid_value(path, restart, told)

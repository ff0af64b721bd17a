"""Pods as the API server takes them: the fields that exist, the commonest defaults and rules, and what may change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Final, TypeAlias

from .._json import dig, dig_list
from ._decoded import Decoded, object_at
from ._refused import cause, forbidden_change, invalid_value, required

JsonObject: TypeAlias = dict[str, Any]

LABEL_RULE: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with"
    " an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is"
    " '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
GRACE_SECONDS: Final = 30
_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_ENV_NAME: Final = re.compile(r"[ -<>-~]+")
_ENV_RULE: Final = "a valid environment variable name must consist only of printable ASCII characters other than '='"
_MAX_PORT: Final = 65535
_SPEC_FIELDS: Final = frozenset(
    [
        "volumes",
        "initContainers",
        "containers",
        "ephemeralContainers",
        "restartPolicy",
        "terminationGracePeriodSeconds",
        "activeDeadlineSeconds",
        "dnsPolicy",
        "nodeSelector",
        "serviceAccountName",
        "serviceAccount",
        "automountServiceAccountToken",
        "nodeName",
        "hostNetwork",
        "hostPID",
        "hostIPC",
        "shareProcessNamespace",
        "securityContext",
        "imagePullSecrets",
        "hostname",
        "subdomain",
        "affinity",
        "schedulerName",
        "tolerations",
        "hostAliases",
        "priorityClassName",
        "priority",
        "dnsConfig",
        "readinessGates",
        "runtimeClassName",
        "enableServiceLinks",
        "preemptionPolicy",
        "overhead",
        "topologySpreadConstraints",
        "setHostnameAsFQDN",
        "os",
        "hostUsers",
        "schedulingGates",
        "resourceClaims",
        "resources",
        "hostnameOverride",
        "workloadRef",
        "schedulingGroup",
        "evictionResponders",
    ]
)
_CONTAINER_FIELDS: Final = frozenset(
    [
        "name",
        "image",
        "command",
        "args",
        "workingDir",
        "ports",
        "envFrom",
        "env",
        "resources",
        "resizePolicy",
        "restartPolicy",
        "restartPolicyRules",
        "volumeMounts",
        "volumeDevices",
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
        "lifecycle",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "imagePullPolicy",
        "securityContext",
        "stdin",
        "stdinOnce",
        "tty",
    ]
)
_PORT_FIELDS: Final = frozenset(["name", "hostPort", "containerPort", "protocol", "hostIP"])
_TAINTS: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_LISTS: Final = ("initContainers", "containers")
_MAY_CHANGE: Final = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def containers(spec: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Yield each container with its path, init containers last, as the API server checks them."""
    for field in reversed(_LISTS):
        for index, container in enumerate(dig_list(spec, field)):
            yield f"spec.{field}[{index}]", dict(container)


def decode(manifest: JsonObject) -> Decoded:
    """Return a pod without unknown fields in spec, containers and ports; deeper ones are taken as they are."""
    spec = manifest.get("spec", {})
    if not isinstance(spec, dict):
        return Decoded(manifest, malformed=("json: cannot unmarshal into Go struct field Pod.spec of type v1.PodSpec",))
    unknown: list[str] = []
    kept = _known(manifest.get("spec", {}), _SPEC_FIELDS, "spec", unknown)
    for field in _LISTS:
        if field not in kept:
            continue
        if not isinstance(kept[field], list):
            told = f"Go struct field PodSpec.spec.{field} of type []v1.Container"
            return Decoded(manifest, malformed=(f"json: cannot unmarshal into {told}",))
        kept[field] = [
            _decode_container(item, f"spec.{field}[{index}]", unknown) for index, item in enumerate(kept[field])
        ]
    return Decoded(manifest | {"spec": kept}, unknown=tuple(unknown))


def _decode_container(container: Any, path: str, unknown: list[str]) -> JsonObject:
    kept = _known(container, _CONTAINER_FIELDS, path, unknown)
    if isinstance(kept.get("ports"), list):
        kept["ports"] = [
            _known(port, _PORT_FIELDS, f"{path}.ports[{index}]", unknown) for index, port in enumerate(kept["ports"])
        ]
    return kept


def _known(fields: Any, known: frozenset[str], path: str, unknown: list[str]) -> JsonObject:
    if not isinstance(fields, dict):
        return {}
    given: JsonObject = dict(fields)  # pyright: ignore[reportUnknownArgumentType]
    unknown += [f"{path}.{key}" for key in given if key not in known]
    return {key: value for key, value in given.items() if key in known}


def default(manifest: JsonObject) -> JsonObject:
    """Return a pod with its defaults and the status of a new one: whatever the client wrote of it is dropped."""
    given: JsonObject = manifest.get("spec", {})
    account = given.get("serviceAccountName") or "default"
    defaults: JsonObject = {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": account,
        "serviceAccount": account,
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
    }
    spec = defaults | given
    tolerated = {item.get("key") for item in dig_list(given, "tolerations")}
    missing = [_toleration(taint) for taint in _TAINTS if taint not in tolerated]
    spec["tolerations"] = [*given.get("tolerations", []), *missing]
    for field in _LISTS:
        if field in spec:
            spec[field] = [default_container(container) for container in dig_list(spec, field)]
    return manifest | {"spec": spec, "status": {"phase": "Pending", "qosClass": qos_class(spec)}}


def _toleration(taint: str) -> JsonObject:
    return {
        "key": taint,
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": 300,
    }


def default_container(container: Any) -> JsonObject:
    """Return a container with its defaults."""
    image = str(container.get("image", ""))
    tag = image.rpartition("/")[2]
    latest = "@" not in tag and (":" not in tag or tag.endswith(":latest"))
    defaults: JsonObject = {
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "Always" if latest else "IfNotPresent",
    }
    out = defaults | dict(container)
    if "ports" in out:
        out["ports"] = [{"protocol": "TCP"} | dict(port) for port in dig_list(out, "ports")]
    return out


def qos_class(spec: JsonObject) -> str:
    """Return the quality-of-service class, in outline: Guaranteed where every container's limits are its requests."""
    resources = [object_at(container, "resources") for _, container in containers(spec)]
    if not any(item.get("limits") or item.get("requests") for item in resources):
        return "BestEffort"
    for item in resources:
        limits = object_at(item, "limits")
        if not {"cpu", "memory"} <= set(limits) or item.get("requests", limits) != limits:
            return "Burstable"
    return "Guaranteed"


def validate(manifest: JsonObject, previous: JsonObject | None) -> list[JsonObject]:
    """Return what is wrong with a new pod, or with one that replaces `previous`."""
    causes = _validate_spec(manifest["spec"])
    return causes if previous is None else causes + _validate_update(manifest["spec"], previous["spec"])


def _validate_spec(spec: JsonObject) -> list[JsonObject]:
    causes: list[JsonObject] = []
    if not spec.get("containers"):
        causes.append(required("spec.containers"))
    names: set[str] = set()
    volumes: set[object] = {volume.get("name") for volume in dig_list(spec, "volumes")}
    for path, container in containers(spec):
        causes += _validate_container(container, path, names, volumes)
    policies = ("Always", "OnFailure", "Never")
    if (policy := spec.get("restartPolicy")) not in policies:
        listed = ", ".join(f'"{item}"' for item in policies)
        told = f'Unsupported value: "{policy}": supported values: {listed}'
        causes.append(cause("spec.restartPolicy", told, "FieldValueNotSupported"))
    return causes


def _validate_container(
    container: JsonObject, path: str, names: set[str], volumes: AbstractSet[object]
) -> Iterator[JsonObject]:
    name, image = container.get("name", ""), container.get("image", "")
    if not name:
        yield required(f"{path}.name")
    elif not _LABEL.fullmatch(name):
        yield invalid_value(f"{path}.name", name, LABEL_RULE)
    elif name in names:
        yield _duplicate(f"{path}.name", name)
    names.add(name)
    if not image:
        yield required(f"{path}.image")
    elif image != image.strip():
        yield invalid_value(f"{path}.image", image, "must not have leading or trailing whitespace")
    yield from _validate_ports(container, path)
    yield from _validate_references(container, path, volumes)


def _validate_references(container: JsonObject, path: str, volumes: AbstractSet[object]) -> Iterator[JsonObject]:
    for index, variable in enumerate(dig_list(container, "env")):
        here, env_name = f"{path}.env[{index}].name", variable.get("name", "")
        if not env_name:
            yield required(here)
        elif not _ENV_NAME.fullmatch(env_name):
            yield invalid_value(here, env_name, _ENV_RULE)
    for index, mount in enumerate(dig_list(container, "volumeMounts")):
        if mount.get("name") not in volumes:
            told = f'Not found: "{mount.get("name")}"'
            yield cause(f"{path}.volumeMounts[{index}].name", told, "FieldValueNotFound")


def _validate_ports(container: JsonObject, path: str) -> Iterator[JsonObject]:
    names: set[str] = set()
    for index, port in enumerate(dig_list(container, "ports")):
        here, name, number = f"{path}.ports[{index}]", port.get("name", ""), port.get("containerPort", 0)
        if name and not re.fullmatch(r"[-a-z0-9]*", name):
            told = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
            yield invalid_value(f"{here}.name", name, told)
        if name and not re.search(r"[a-z]", name):
            yield invalid_value(f"{here}.name", name, "must contain at least one letter (a-z)")
        if name and name in names:
            yield _duplicate(f"{here}.name", name)
        names.add(name)
        if not number:
            yield required(f"{here}.containerPort")
        elif not 1 <= number <= _MAX_PORT:
            told = f"must be between 1 and {_MAX_PORT}, inclusive"
            yield invalid_value(f"{here}.containerPort", number, told)


def _duplicate(path: str, name: str) -> JsonObject:
    return cause(path, f'Duplicate value: "{name}"', "FieldValueDuplicate")


def _validate_update(spec: JsonObject, before: JsonObject) -> list[JsonObject]:
    if any(len(dig_list(spec, field)) != len(dig_list(before, field)) for field in _LISTS):
        return [forbidden_change("spec.containers", "pod updates may not add or remove containers")]
    deadline, former = dig(spec, "activeDeadlineSeconds", kind=int), dig(before, "activeDeadlineSeconds", kind=int)
    if former is not None and (deadline is None or deadline > former):
        told = "must be less than or equal to previous value"
        return [invalid_value("spec.activeDeadlineSeconds", deadline or 0, told)]
    kept = [item for item in before.get("tolerations", []) if item not in spec.get("tolerations", [])]
    if kept or _fixed_part(spec) != _fixed_part(before):
        return [forbidden_change("spec", _MAY_CHANGE)]
    return []


def _fixed_part(spec: JsonObject) -> JsonObject:
    """Return what an update may not change."""
    changeable = ("activeDeadlineSeconds", "tolerations")
    fixed = {key: value for key, value in spec.items() if key not in changeable}
    for field in _LISTS:
        fixed[field] = [{k: v for k, v in item.items() if k != "image"} for item in dig_list(spec, field)]
    return fixed


def resized(spec: JsonObject, before: JsonObject) -> JsonObject:
    """Return `before` with the containers' resources of `spec`: all that the resize subresource changes."""
    out = dict(before)
    for field in _LISTS:
        resources = {item.get("name"): item.get("resources", {}) for item in dig_list(spec, field)}
        if field in before:
            out[field] = [
                dict(item) | {"resources": resources.get(item.get("name"), item.get("resources", {}))}
                for item in dig_list(before, field)
            ]
    return out

"""The commonest rules for pods: what a new one has to be like, and what an update may change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Final, TypeAlias

from .._json import dig, dig_list
from ._pods import CONTAINER_LISTS, LABEL_RULE, containers
from ._refused import cause, forbidden_change, invalid_value, required

JsonObject: TypeAlias = dict[str, Any]

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_ENV_NAME: Final = re.compile(r"[ -<>-~]+")
_ENV_RULE: Final = "a valid environment variable name must consist only of printable ASCII characters other than '='"
_MAX_PORT: Final = 65535
_MAY_CHANGE: Final = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


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
    if any(len(dig_list(spec, field)) != len(dig_list(before, field)) for field in CONTAINER_LISTS):
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
    for field in CONTAINER_LISTS:
        fixed[field] = [{k: v for k, v in item.items() if k != "image"} for item in dig_list(spec, field)]
    return fixed

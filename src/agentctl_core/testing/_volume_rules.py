"""The commonest rules for volumes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from . import _rules as rules
from ._go_types import STRUCTS
from ._go_values import quantity
from ._refused import forbidden_change, invalid_value, required

JsonObject: TypeAlias = dict[str, Any]
Causes: TypeAlias = Iterator[JsonObject]

_SOURCES: Final = tuple(name for name in STRUCTS["core.Volume"] if name != "name")
_NEEDED: Final[Mapping[str, str]] = {
    "secret": "secretName",
    "configMap": "name",
    "persistentVolumeClaim": "claimName",
    "hostPath": "path",
}
_MOST_MODE: Final = 0o777
_MODE_RULE: Final = "must be a number between 0 and 0777 (octal), both inclusive"


def validate_volumes(volumes: Sequence[Mapping[str, Any]], path: str) -> Causes:
    """What is wrong with the volumes of a pod."""
    names: set[str] = set()
    for index, volume in enumerate(volumes):
        here, name = f"{path}[{index}]", volume.get("name", "")
        wrong = list(_validate_source(volume, here))
        wrong += rules.invalid(f"{here}.name", name, rules.dns_label) if name else [required(f"{here}.name")]
        if name in names:
            wrong.append(rules.duplicate(f"{here}.name", name))
        yield from wrong
        if not wrong:
            names.add(name)


def _validate_source(volume: Mapping[str, Any], path: str) -> Causes:
    kinds = [kind for kind in _SOURCES if kind in volume]
    for kind in kinds[1:]:
        yield forbidden_change(f"{path}.{kind}", "may not specify more than 1 volume type")
    for kind in kinds[:1]:
        source = volume[kind]
        if (field := _NEEDED.get(kind)) and not source.get(field):
            yield required(f"{path}.{kind}.{field}")
        mode = source.get("defaultMode", 0)
        if not 0 <= mode <= _MOST_MODE:
            yield invalid_value(f"{path}.{kind}.defaultMode", mode, _MODE_RULE)
        if kind == "emptyDir" and quantity(source.get("sizeLimit", "0")) < 0:
            yield forbidden_change(f"{path}.emptyDir.sizeLimit", "SizeLimit field must be a valid resource quantity")

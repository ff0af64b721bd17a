"""In what two Kubernetes objects differ, by paths that people use: list items by their names, not by their places."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias, cast

from .._json import same_json
from ._differences import ABSENT, Change, joined

Json: TypeAlias = Mapping[str, Any]

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "claims": ("name",),
    "conditions": ("type",),
    "containers": ("name",),
    "env": ("name",),
    "ephemeralContainers": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "podIPs": ("ip",),
    "ports": ("containerPort", "protocol"),
    "resourceClaims": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
"""The lists whose items have names, and what these are made of: the merge keys of Kubernetes' API."""
_NAME_DEFAULTS: Final = {"protocol": "TCP"}
_ORDERED: Final = frozenset({"env", "initContainers"})
"""Of these the order matters: a variable sees those before it, init containers run one after the other."""


class Rule:
    """What counts as a difference. This one: everything."""

    def is_same(self, path: str, before: object, after: object) -> bool:
        """Tell whether two values, not both mappings nor both lists of mappings, are the same."""
        del path
        return same_json(before, after)

    def tells_gone(self, path: str, value: object) -> bool:
        """Tell whether it is a difference that a field is there before and not after."""
        del path, value
        return True

    def tells_new(self, path: str, value: object) -> bool:
        """Tell whether it is a difference that a field is there after and not before."""
        del path, value
        return True

    def looks_into(self, path: str) -> bool:
        """Tell whether a field is compared at all."""
        del path
        return True


EVERYTHING: Final = Rule()


def named_changes(before: Any, after: Any, path: str = "", rule: Rule = EVERYTHING) -> Iterator[Change]:
    """Yield the places where two JSON values differ, as a rule has it; both are of a bounded depth.

    Paths look like `spec.containers[agent].image`. A list without names is one value, unless its items are objects
    and there are as many of them before as after.
    """
    if not rule.looks_into(path):
        return
    mine, theirs = _as_fields(path, before, after)
    if mine is not None and theirs is not None:
        is_list = isinstance(before, list)
        yield from _fields(mine, theirs, path, rule, item_path if is_list else joined)
        if is_list:
            yield from _order(path, [*mine], [*theirs])
    elif not rule.is_same(path, before, after):
        yield Change(path, before, after)


def _as_fields(path: str, before: Any, after: Any) -> tuple[Json | None, Json | None]:
    """Return two values that are compared field by field: mappings, or lists by the names or places of their items."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return cast("Json", before), cast("Json", after)
    if not isinstance(before, list) or not isinstance(after, list):
        return None, None
    mine, theirs = cast("list[object]", before), cast("list[object]", after)
    field = path.rpartition(".")[2]
    named = _items_by_name(field, mine), _items_by_name(field, theirs)
    if None not in named:
        return named
    if len(mine) == len(theirs) and all(isinstance(item, Mapping) for item in (*mine, *theirs)):
        return {str(index): item for index, item in enumerate(mine)}, {str(i): item for i, item in enumerate(theirs)}
    return None, None


def item_path(path: str, name: str) -> str:
    """Return the path of an item of a list."""
    return f"{path}[{name}]"


def _items_by_name(field: str, items: list[object]) -> Json | None:
    """Return the items of a list field by their names; None where they have none, or two have the same."""
    keys = NAMES.get(field)
    if keys is None:
        return None
    named: dict[str, Any] = {}
    for item in items:
        name = name_of(item, keys)
        if name is None or name in named:
            return None
        named[name] = item
    return named


def name_of(item: object, keys: tuple[str, ...]) -> str | None:
    """Return the name of an item of a list; None where it has none."""
    if not isinstance(item, Mapping):
        return None
    values = [cast("Json", item).get(key, _NAME_DEFAULTS.get(key)) for key in keys]
    return None if None in values else "/".join(map(str, values))


def _fields(before: Json, after: Json, path: str, rule: Rule, at: Callable[[str, str], str]) -> Iterator[Change]:
    for key in (*after, *(key for key in before if key not in after)):
        place = at(path, key)
        if key not in before:
            if rule.looks_into(place) and rule.tells_new(place, after[key]):
                yield Change(place, ABSENT, after[key])
        elif key not in after:
            if rule.looks_into(place) and rule.tells_gone(place, before[key]):
                yield Change(place, before[key], ABSENT)
        else:
            yield from named_changes(before[key], after[key], place, rule)


def _order(path: str, before: list[str], after: list[str]) -> Iterator[Change]:
    if path.rpartition(".")[2] in _ORDERED:
        mine, theirs = [n for n in before if n in after], [n for n in after if n in before]
        if mine != theirs:
            yield Change(f"{path} (order)", mine, theirs)

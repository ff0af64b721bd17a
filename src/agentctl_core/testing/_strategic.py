"""Strategic merge patches: merge patches whose lists of objects are merged by a key, which their Go types name.

Of the directives (`$patch`, `$setElementOrder`, `$retainKeys`, `$deleteFromPrimitiveList`) there is none here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

from .._merge import merge_patch
from ._go_types import MERGE_KEYS, NAMED, STRUCTS
from ._go_values import go_text
from ._refused import failure

JsonObject: TypeAlias = dict[str, Any]


def strategic_merge(kind: str, target: Mapping[str, Any], patch: Mapping[str, Any]) -> JsonObject:
    """Return a struct of a Go type with a strategic merge patch applied, in fresh dicts and lists.

    Raises:
        Refused: 500, as the server has it: an item of a list has not the key that it is found by.
    """
    fields = STRUCTS.get(kind)
    if fields is None:
        merged: JsonObject = merge_patch(target, patch)
        return merged
    out: JsonObject = merge_patch(target, {})
    for name, value in patch.items():
        inner = fields.get(name, "").partition(" ")[0].strip("!?*")
        key = MERGE_KEYS.get(f"{kind}.{name}")
        if value is None:
            out.pop(name, None)
        elif isinstance(value, list) and not isinstance(out.get(name), list):
            # Taken as it is, so nobody asks its items for their keys.
            out[name] = _without_nulls(value)
        elif key is not None and isinstance(value, list):
            patches = cast("Sequence[Any]", value)
            out[name] = _merged_list(inner.removeprefix("[]"), key, out[name], patches)
        elif isinstance(value, Mapping):
            present = cast("Mapping[str, Any]", out.get(name) or {})
            out[name] = strategic_merge(NAMED.get(inner, inner), present, cast("Mapping[str, Any]", value))
        else:
            out[name] = merge_patch(None, value)
    return out


def _without_nulls(value: Any) -> Any:
    """Return JSON whose objects have no null, in any depth."""
    match value:
        case Mapping():
            fields = cast("Mapping[str, Any]", value)
            return {key: _without_nulls(child) for key, child in fields.items() if child is not None}
        case list():
            return [_without_nulls(child) for child in cast("Sequence[Any]", value)]
        case _:
            return value


def _merged_list(kind: str, key: str, present: list[Any], patches: Sequence[Any]) -> list[Any]:
    """Return a list whose items are merged with those of the same key; scalars are their own keys.

    What the patch names comes in its order and what else is there in its own; as far as that leaves it open, what is
    new comes first.
    """

    def key_of(item: Any) -> Any:
        return cast("Mapping[str, Any]", item).get(key) if isinstance(item, Mapping) else item

    others, patched = list(present), list[Any]()
    for patch in patches:
        if isinstance(patch, Mapping) and key not in patch:
            told = f"map: {go_text(cast('object', patch))} does not contain declared merge key: {key}"
            raise failure(500, "", told)
        before = None
        for where in (others, patched):
            place = next((index for index, item in enumerate(where) if key_of(item) == key_of(patch)), None)
            before = before if place is None else where.pop(place)
        is_object = isinstance(patch, Mapping)
        patched.append(strategic_merge(kind, before or {}, cast("Mapping[str, Any]", patch)) if is_object else patch)
    order = [key_of(item) for item in present]
    out: list[Any] = []
    for item in others:
        while patched and not _is_before(key_of(item), key_of(patched[0]), order):
            out.append(patched.pop(0))
        out.append(item)
    return out + patched


def _is_before(one: Any, other: Any, order: list[Any]) -> bool:
    return one in order and other in order and order.index(one) < order.index(other)

"""Reading JSON-like values that nobody has checked: what is not of the expected shape is absent."""

# What is read here is of any shape.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")

_LIST: Final = (list, tuple)

MIN_INT64: Final = -(2**63)
MAX_INT64: Final = 2**63 - 1

# A dict is told by its type, and what is not there is None: asking an abstract class takes five times as long, and
# nothing is asked as often.


def reach(value: Any, *path: str) -> object:
    """Return `value[path[0]][path[1]]...` where it is there, whatever it is, else None."""
    for key in path:
        if type(value) is not dict and (value is None or not isinstance(value, Mapping)):
            return None
        value = value.get(key)
    return value


def dig(value: Any, *path: str, kind: type[T]) -> T | None:
    """Return `value[path[0]][path[1]]...` where it is there and a `kind`, else None.

    A bool is no int. What Kubernetes' JSON cannot hold is not there: integers beyond 64 bits, lone surrogates.
    """
    for key in path:
        if type(value) is not dict and (value is None or not isinstance(value, Mapping)):
            return None
        value = value.get(key)
    exact: object = type(value)
    if value is None or (exact is kind and exact is str and value.isascii()):  # as good as always
        return value  # type: ignore[no-any-return]
    found: Any = value
    if not isinstance(value, kind) or (kind is int and isinstance(found, bool)):
        return None
    if (kind is str and not is_unicode(found)) or (kind is int and not MIN_INT64 <= found <= MAX_INT64):
        return None
    return value


def dig_list(value: Any, *path: str) -> tuple[Mapping[str, Any], ...]:
    """Return the objects in the list at `path`; items that are no objects are left out, as is what is no list."""
    items: Any = reach(value, *path)
    if type(items) is not list and (items is None or not isinstance(items, _LIST)):
        return ()
    # By way of a list: a generator takes half as long again.
    return tuple([item for item in cast("list[Any]", items) if type(item) is dict or isinstance(item, Mapping)])


def is_being_deleted(manifest: object) -> bool:
    """Tell whether an object has a deletionTimestamp, whatever it says."""
    return reach(manifest, "metadata", "deletionTimestamp") is not None


def is_unicode(text: str) -> bool:
    """Tell whether a string can be written as UTF-8: whether it has no lone surrogate."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_NOTHING: Final = object()
_SCALARS: Final = frozenset({str, int, bool, float, type(None)})


def copy_json(value: Any) -> Any:
    """Return a copy of checked JSON (its depth is bounded by a schema) that shares no dict and no list with it."""
    # By far the most frequent kinds come first, and by their type: an abstract class is slow to ask.
    kind: object = type(value)  # pyright: ignore[reportUnknownVariableType]
    if kind in _SCALARS:
        return value
    if kind is dict:
        return {key: child if type(child) in _SCALARS else copy_json(child) for key, child in value.items()}
    if kind is list or kind is tuple:
        return [child if type(child) in _SCALARS else copy_json(child) for child in value]
    if isinstance(value, Mapping):
        return {key: copy_json(child) for key, child in cast("Mapping[str, Any]", value).items()}
    return [copy_json(child) for child in cast("list[Any]", value)] if isinstance(value, list | tuple) else value


def same_json(checked: Any, other: object) -> bool:
    """Tell whether two JSON values are equal, whatever Mapping they use; the depth walked is that of `checked`."""
    if isinstance(checked, dict):
        if type(other) is not dict and not isinstance(other, Mapping):
            return False
        mine, theirs = cast("dict[str, Any]", checked), cast("Mapping[str, object]", other)
        return len(mine) == len(theirs) and _are_same(mine, theirs)
    if isinstance(checked, list):
        if not isinstance(other, list | tuple):
            return False
        ours, others = cast("list[object]", checked), cast("list[object]", other)
        return len(ours) == len(others) and all(map(same_json, ours, others))
    return type(checked) is type(other) and bool(checked == other)


def _are_same(checked: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    """Tell whether each field of an object is the same in another; scalars, which most are, at once."""
    for key, child in checked.items():
        other = others.get(key, _NOTHING)
        if type(child) in _SCALARS:
            if type(child) is not type(other) or child != other:
                return False
        elif not same_json(child, other):
            return False
    return True


# What is in itself a part of itself comes from nowhere: looking for it takes a quarter of the time.
_CANONICAL: Final = json.JSONEncoder(sort_keys=True, ensure_ascii=True, check_circular=False, separators=(",", ":"))


def digest(value: Any) -> str:
    """Return 16 hexadecimal digits that depend on a JSON value alone (canonical ASCII JSON under SHA-256)."""
    return hashlib.sha256(_CANONICAL.encode(value).encode("ascii")).hexdigest()[:16]

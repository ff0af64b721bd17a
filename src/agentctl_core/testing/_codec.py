"""Built-in kinds read and written as Go does it: unknown fields, wrong types, defaults, what is empty and left out.

A type is compiled into a closure once, from the table of the Go types.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, TypeAlias, cast

from .._schema import Path, join_path
from ._decoded import Decoded
from ._defaults import FIELD_DEFAULTS, FINISHERS, GATED
from ._go_types import NAMED, STRUCTS
from ._go_values import QuantityError, canonical_quantity, go_kind

JsonObject: TypeAlias = dict[str, Any]

_ZEROS: Final[Mapping[str, Any]] = {
    "string": "",
    "types.UID": "",
    "bool": False,
    "int32": 0,
    "int64": 0,
    "int": 0,
    "intstr.IntOrString": 0,
    "resource.Quantity": "0",
}
_RANGES: Final = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1), "int": (-(2**63), 2**63 - 1)}
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
_MICRO: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(?:Z|[+-]\d\d:\d\d)")
_TIME_LAYOUTS: Final = {
    "meta.Time": (_RFC3339, "2006-01-02T15:04:05Z07:00"),
    "meta.MicroTime": (_MICRO, "2006-01-02T15:04:05.000000Z07:00"),
}


class _Unreadable(Exception):  # noqa: N818 -- it says what happened
    """A type's own reader gave up: Go ends there, whatever else is wrong."""


class _Found:
    """What was wrong with a manifest."""

    def __init__(self) -> None:
        self.unknown: list[str] = []
        self.malformed: list[str] = []


Read: TypeAlias = Callable[[Any, Path, "_Where", _Found], Any]
_Where: TypeAlias = tuple[str, tuple[str, ...]]
"""For Go's texts: the struct whose field is read, and the fields on the way there, without indexes."""


def decode_as(type_name: str, manifest: Any) -> Decoded:
    """Return a manifest of a Go struct as Go would write it again, and what was wrong with it."""
    found = _Found()
    try:
        value = _reader(type_name)(manifest, (None, ""), ("", ()), found)
    except _Unreadable as error:
        return Decoded({}, malformed=(str(error),))
    kept = cast("JsonObject", value) if isinstance(value, dict) else {}
    return Decoded(kept, unknown=tuple(found.unknown), malformed=tuple(found.malformed))


def _reader(kind: str) -> Read:
    """Return the reader of a Go type, compiled at its first use: types may hold themselves."""

    def read(value: Any, path: Path, where: _Where, found: _Found) -> Any:
        return _compiled(kind)(value, path, where, found)

    return read


@cache
def _compiled(kind: str) -> Read:
    if kind.startswith("*"):
        return _compiled(kind[1:])
    if kind == "[]byte":
        return _read_bytes
    if kind.startswith("[]"):
        return _list(kind[2:], kind)
    if kind.startswith("map[string]"):
        return _map(kind.removeprefix("map[string]"), kind)
    if kind in _TIME_LAYOUTS:
        return _time(*_TIME_LAYOUTS[kind])
    if kind in STRUCTS:
        return _struct(kind)
    if kind in NAMED:
        return _named(kind)
    return {
        "resource.Quantity": _read_quantity,
        "intstr.IntOrString": _read_int_or_string,
        "meta.FieldsV1": _read_anything,
    }.get(kind) or _scalar(kind, kind.rpartition(".")[2] if kind not in _ZEROS else kind)


def _zero(kind: str) -> Any:
    """Return what Go writes for a field that nothing was read into; a struct is one with nothing in it."""
    if kind in STRUCTS:
        return _compiled(kind)({}, (None, ""), ("", ()), _Found())
    return _zero_of_scalar(kind)


def _zero_of_scalar(kind: str) -> Any:
    return _ZEROS.get(NAMED.get(kind, kind))


def _shown_type(kind: str) -> str:
    """Return how Go names a type: every package of ours is a `v1`."""
    text = re.sub(r"\b(core|meta|events|coordination|autoscaling)\.", "v1.", kind)
    return text.replace("[]byte", "[]uint8")


def _mismatch(value: Any, kind: str, where: _Where, found: _Found) -> None:
    struct, names = where
    number = f" {value}" if isinstance(value, int | float) and not isinstance(value, bool) and kind in _RANGES else ""
    place = f"Go struct field {struct}.{'.'.join(names)}" if struct else "Go value"
    found.malformed.append(f"json: cannot unmarshal {go_kind(value)}{number} into {place} of type {_shown_type(kind)}")


def _struct(kind: str) -> Read:  # noqa: C901 -- a closure with its tables
    name = kind.partition(".")[2]
    fields: dict[str, tuple[Read, str, tuple[str, ...]]] = {}
    always: dict[str, str] = {}
    values: set[str] = set()
    gated = GATED.get(kind, ())
    defaults, finish = FIELD_DEFAULTS.get(kind, {}), FINISHERS.get(kind)
    for field, code in STRUCTS[kind].items():
        full, _, embedded = code.partition(" in ")
        inner = full.rstrip("!?")
        fields[field] = (_reader(inner), inner, ((embedded,) if embedded else ()) + (field,))
        is_struct = inner in STRUCTS or inner == "resource.Quantity"
        is_null = _zero_of_scalar(inner) is None and not is_struct  # null and absent are the same to every reader
        if not is_null and (full.endswith("!") or (is_struct and not full.endswith("?"))):
            always[field] = inner
        if inner.startswith("*") or is_struct:
            values.add(field)  # even an empty one says something

    def completed(out: JsonObject) -> JsonObject:
        for key, inner in always.items():
            if key not in out:
                out[key] = _zero(inner)
        for key, default in defaults.items():
            if key not in out:
                out[key] = default
        if finish is not None:
            finish(out)
        return out

    def read(value: Any, path: Path, where: _Where, found: _Found) -> Any:
        if value is None:
            value = {}
        if not isinstance(value, Mapping):
            return _mismatch(value, kind, where, found)
        out: JsonObject = {}
        for key, child in cast("Mapping[str, Any]", value).items():
            field = fields.get(key)
            if key in gated:
                continue
            if field is None:
                found.unknown.append(join_path((path, f".{key}")).removeprefix("."))
            elif child is not None:
                result = field[0](child, (path, f".{key}"), (name, (*where[1], *field[2])), found)
                if result is not None and (key in values or not _is_empty(result)):
                    out[key] = result
        return completed(out)

    return read


def _is_empty(value: Any) -> bool:
    return value in ("", 0, {}, [])  # False is 0


def _list(item: str, kind: str) -> Read:
    read_item = _reader(item)
    empty = _zero_of_scalar(item)

    def read(value: Any, path: Path, where: _Where, found: _Found) -> Any:
        if not isinstance(value, list | tuple):
            return _mismatch(value, kind, where, found)
        items = cast("list[Any]", value)
        return [
            empty if child is None and empty is not None else read_item(child, (path, f"[{index}]"), where, found)
            for index, child in enumerate(items)
        ]

    return read


def _map(item: str, kind: str) -> Read:
    read_item = _reader(item)
    empty = "" if item == "[]byte" else _zero_of_scalar(item)

    def read(value: Any, path: Path, where: _Where, found: _Found) -> Any:
        if not isinstance(value, Mapping):
            return _mismatch(value, kind, where, found)
        given = cast("Mapping[str, Any]", value)
        return {
            key: empty if child is None else read_item(child, (path, f".{key}"), where, found)
            for key, child in given.items()
        }

    return read


def _named(kind: str) -> Read:
    base = NAMED[kind]
    if base in _ZEROS:
        return _scalar(base, kind)
    if base.startswith("map[string]"):
        return _map(base.removeprefix("map[string]"), kind)
    return _compiled(base)


def _scalar(base: str, kind: str) -> Read:
    low, high = _RANGES.get(base, (0, 0))

    def read(value: Any, path: Path, where: _Where, found: _Found) -> Any:  # noqa: ARG001 -- a reader
        if base == "bool":
            is_right = isinstance(value, bool)
        elif base in _RANGES:
            is_right = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        else:
            is_right = isinstance(value, str)
        return value if is_right else _mismatch(value, kind, where, found)

    return read


def _time(layout: re.Pattern[str], shown: str) -> Read:
    def read(value: Any, path: Path, where: _Where, found: _Found) -> Any:  # noqa: ARG001 -- a reader
        if not isinstance(value, str):
            return _mismatch(value, "string", where, found)
        try:
            moment = datetime.fromisoformat(value).astimezone(UTC) if layout.fullmatch(value) else None
        except ValueError:
            moment = None
        if moment is None:
            raise _Unreadable(f'parsing time "{value}" as "{shown}": cannot parse "{value}" as "2006"')
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if ".0" in shown else "%Y-%m-%dT%H:%M:%SZ")

    return read


def _read_quantity(value: Any, path: Path, where: _Where, found: _Found) -> Any:  # noqa: ARG001 -- a reader
    try:
        return canonical_quantity(value)
    except QuantityError as error:
        raise _Unreadable(str(error)) from None


def _read_int_or_string(value: Any, path: Path, where: _Where, found: _Found) -> Any:
    return value if isinstance(value, str) else _compiled("int32")(value, path, where, found)


def _read_bytes(value: Any, path: Path, where: _Where, found: _Found) -> Any:  # noqa: ARG001 -- a reader
    if not isinstance(value, str):
        return _mismatch(value, "[]byte", where, found)
    text = value.replace("\n", "").replace("\r", "")
    try:
        return base64.b64encode(base64.b64decode(text, validate=True)).decode()
    except binascii.Error:
        wrong = re.search(r"[^A-Za-z0-9+/=]", text)
        place = wrong.start() if wrong else len(text) // 4 * 4
        return found.malformed.append(f"illegal base64 data at input byte {place}")


def _read_anything(value: Any, path: Path, where: _Where, found: _Found) -> Any:  # noqa: ARG001 -- a reader
    return value

"""Reads objects as decisions need them, straight from the JSON text: what `project` leaves out is never made.

The same as `project` of the whole, at a tenth of the price: the rest of a pod, above all `managedFields`, is what takes
the time. The types that msgspec reads by are made from the core's own list of what it reads. What is
passed over has to be JSON, but its strings need not be Unicode, nor its numbers of any size.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import GenericAlias
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from agentctl_core import KIND, project
from agentctl_core.host import READ, Tree

_CHANGES: Final = frozenset({"ADDED", "MODIFIED", "DELETED"})
_Decoder: TypeAlias = msgspec.json.Decoder[Any]


class Projected(dict[str, Any]):
    """An object that holds what decisions read, and no more."""


def projected(manifest: Mapping[str, Any]) -> Projected:
    """Return the projection of an object; of one that is a projection already, itself."""
    return manifest if isinstance(manifest, Projected) else Projected(project(manifest))


class _Named(msgspec.Struct):
    kind: str


def read_object(text: bytes) -> Projected | None:
    """Return the projection of an object of a kind that decisions read.

    None where it is of another kind, or the text is not as it should be: who reads it whole can say what is wrong.
    """
    try:
        decoder = _OBJECTS.get(_read_kind(text).kind)
        return None if decoder is None else _as_dict(decoder.decode(text))
    except (ValueError, RecursionError):  # msgspec's errors and UnicodeDecodeError are ValueErrors
        return None


def read_event(text: bytes, kind: str) -> dict[str, Any] | None:
    """Return an event of a watch of that kind that tells of a change, its object as `read_object` does.

    None where it is none, of another kind, or not as it should be.
    """
    decoder = _EVENTS.get(kind)
    try:
        event = None if decoder is None else decoder.decode(text)
        if event is None or event.type not in _CHANGES or event.object.kind != kind:
            return None
        return {"type": event.type, "object": _as_dict(event.object)}
    except (ValueError, RecursionError):
        return None


def _as_dict(found: Any) -> Projected:
    manifest = Projected(msgspec.to_builtins(found))
    # All of an Agent is read but for an annotation of kubectl's, which no type can tell.
    return Projected(project(manifest)) if manifest["kind"] == KIND else manifest


def _struct(name: str, fields: Mapping[str, Tree]) -> type[msgspec.Struct]:
    """Return a type that reads these fields of an object, where they are there."""
    types = [(field, _type(f"{name}_{field}", inner), UNSET) for field, inner in fields.items()]
    return msgspec.defstruct(name, types, gc=False)


def _type(name: str, fields: Tree) -> Any:
    """Return what may stand at a place: the object, a list of them, or what is neither, which is kept as it is."""
    if fields is None:
        return Any
    inner: Any = _struct(name, fields)
    other = bool | int | float | str | None
    return inner | GenericAlias(list, (inner | list[Any] | other,)) | other | UnsetType


_OBJECTS: Final[dict[str, _Decoder]] = {}
_EVENTS: Final[dict[str, _Decoder]] = {}
for _kind, _fields in READ.items():
    _object = _struct(_kind, _fields)
    _OBJECTS[_kind] = msgspec.json.Decoder(_object)
    _EVENTS[_kind] = msgspec.json.Decoder(msgspec.defstruct(f"{_kind}Event", [("type", str), ("object", _object)]))
_read_kind = msgspec.json.Decoder(_Named).decode

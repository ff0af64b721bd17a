"""The result of decoding a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, cast

from attrs import frozen

JsonObject: TypeAlias = dict[str, Any]


def object_at(value: object, *path: str) -> JsonObject:
    """Return the object at a path of a manifest; an empty one where there is none."""
    for key in path:
        value = cast("Mapping[str, object]", value).get(key) if isinstance(value, Mapping) else None
    return dict(cast("JsonObject", value)) if isinstance(value, Mapping) else {}


@frozen(unsafe_hash=False)
class Decoded:
    """A manifest as it would be stored, and what was wrong with what came in.

    Attributes:
        manifest: without unknown fields and nulls.
        unknown: paths of unknown fields; an error for strict decoding alone.
        malformed: what cannot be read at all, as texts of Go's JSON decoder; always an error.
        causes: fields that break the schema, as causes of a 422.
    """

    manifest: JsonObject
    unknown: tuple[str, ...] = ()
    malformed: tuple[str, ...] = ()
    causes: tuple[JsonObject, ...] = ()

"""Reading manifests that may be of any shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, cast

Json: TypeAlias = Mapping[str, Any]


def mapping(value: object) -> Json:
    """Return an object; what is none is empty."""
    return cast("Json", value) if isinstance(value, Mapping) else {}


def status_of(manifest: Json) -> Json:
    """Return an object's status; what is none is empty."""
    return mapping(manifest.get("status"))


def objects(value: object) -> list[Json]:
    """Return the objects in a list; whatever else it holds, or is, is left out."""
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Json", item) for item in items if isinstance(item, Mapping)]

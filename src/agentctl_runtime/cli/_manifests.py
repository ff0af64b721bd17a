"""Reading manifests that may be of any shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, cast

Json: TypeAlias = Mapping[str, Any]


def status_of(manifest: Json) -> Json:
    """Return an Agent's status; what is none is empty."""
    status: object = manifest.get("status")
    return cast("Json", status) if isinstance(status, Mapping) else {}


def objects(value: object) -> list[Json]:
    """Return the objects in a list; whatever else it holds, or is, is left out."""
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Json", item) for item in items if isinstance(item, Mapping)]

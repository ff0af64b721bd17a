"""JSON merge patches (RFC 7386): applying one, and the smallest one that leads from one object to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ._json import copy_json, same_json


def merge_patch(target: Any, patch: Any) -> Any:
    """Return `target` with a merge patch applied, in fresh dicts and lists; neither argument is changed.

    A null deletes the field that it stands for, an object is merged, anything else (lists too) replaces what is there.
    """
    if type(patch) is not dict and not isinstance(patch, Mapping):  # an abstract class is slow to ask
        return copy_json(patch)
    merged: dict[str, Any] = copy_json(target) if isinstance(target, Mapping) else {}
    for key, value in cast("Mapping[str, Any]", patch).items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def merge_diff(current: Mapping[str, Any] | None, desired: Mapping[str, Any]) -> dict[str, Any]:
    """Return the smallest merge patch that makes `current` equal `desired`: empty where they are equal already.

    Args:
        current: what is there; None stands for nothing.
        desired: what is wanted. A field of it cannot be null, since a merge patch has no way to say so: absent and null
            are the same here, as they are for the Kubernetes API. (Lists are sent whole and may hold nulls.)

    Returns:
        Fresh dicts and lists: explicit nulls for what goes, and whatever differs.
    """
    present: Mapping[str, Any] = current or {}
    patch: dict[str, Any] = {key: None for key in present if desired.get(key) is None}
    for key, value in desired.items():
        if value is None or (key in present and same_json(value, present[key])):
            continue
        before = present.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            patch[key] = merge_diff(cast("Mapping[str, Any]", before), cast("Mapping[str, Any]", value))
        else:
            patch[key] = merge_patch(None, value)
    return patch

"""The revision of a pod: a hash of what its Agent says, and of nothing else.

Defaults are left out, ours and those of the embedded schemas, so that spelling one out, or a later version that has
more of them, changes nothing. What the operator adds is left out too: upgrading or reconfiguring it restarts nobody.
Also left out is what needs no new pod: `replicas`, metadata that is patched in place, CPU and memory that are resized
in place, and what does not concern the pod at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, TypeAlias, cast

from ._agent import Agent, SpecField, spec_fields
from ._applied import RESIZED
from ._core_v1 import CORE_V1
from ._json import digest
from ._quantity import canonical
from ._spec import DEFAULT_MODE

_NOT_THE_PODS: Final = frozenset(
    {
        "active_deadline_seconds",
        "backoff_limit",
        "persistent_volume_claim_retention_policy",
        "replicas",
        "service",
        "ttl_seconds_after_finished",
        "update_strategy",
    }
)
_IMPLIED: Final[Mapping[str, Any]] = {"mode": DEFAULT_MODE}
"""What a field means by default, where that stands in no schema."""


Strip: TypeAlias = Callable[[Any], Any]
"""Return an embedded value without its schema's defaults and empty fields, quantities in canonical form."""


def revision(agent: Agent) -> str:
    """Return the revision: 16 hexadecimal digits."""
    said = _said(agent.spec)
    said.get("podTemplate", {}).pop("metadata", None)
    for template in said.get("volumeClaimTemplates", ()):
        template.pop("spec", None)  # a claim grows by itself; its pod mounts it by name
    _drop_resized(said)
    return digest({key: value for key, value in said.items() if value not in ({}, [])})


def _said(instance: object) -> dict[str, Any]:
    """Return what differs from the defaults, in JSON's terms."""
    said: dict[str, Any] = {}
    for field, strip in _strips(cast("Any", type(instance))):
        value = getattr(instance, field.attribute)
        if value is field.default or value == field.default:  # which is slow to ask of nested ones
            continue
        # Where nothing is the default, an empty text and false mean it too, as they do in core/v1.
        if (field.default is None and _is_nothing(value)) or value == _IMPLIED.get(field.attribute):
            continue
        if field.is_list:
            plain: Any = [_said(item) for item in value]
        elif field.nested is not None:
            plain = _said(value)
        else:
            plain = value if strip is None else strip(value)
        if plain != {}:
            said[field.name] = plain
    return said


def _is_nothing(value: object) -> bool:
    return value is False or value == ""


@cache
def _strips(cls: type) -> tuple[tuple[SpecField, Strip | None], ...]:
    """Return the fields of a spec class that concern the pod, each with what strips it; None where nothing has to."""
    return tuple((f, _strip(f.schema)) for f in spec_fields(cls) if f.attribute not in _NOT_THE_PODS)


@cache
def _strip_of(name: str) -> Strip | None:
    return canonical if name == "Quantity" else _strip(CORE_V1[name])


def _strip(schema: Mapping[str, Any]) -> Strip | None:
    """Compile what strips values of a schema: most of an Agent is text, which is what it is."""
    if reference := schema.get("$ref"):
        return _strip_of(reference)
    if items := schema.get("items"):
        strip_item = _strip(items)
        return None if strip_item is None else lambda values: [strip_item(value) for value in values]
    if schema.get("type") == "object":
        return _strip_object(schema)
    return None


def _strip_object(schema: Mapping[str, Any]) -> Strip:
    fields = {name: _field_of(child) for name, child in schema.get("properties", {}).items()}
    rest = _field_of(schema.get("additionalProperties", {}))

    def strip(given: Mapping[str, Any]) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for key, child in given.items():
            strip_child, default, is_map = fields.get(key, rest)
            kept = child if strip_child is None else strip_child(child)
            # An empty object can mean something (emptyDir: {}); an empty list or map means what none means.
            if kept not in (default, []) and not (is_map and kept == {}):
                plain[key] = kept
        return plain

    return strip


_NO_DEFAULT: Final = object()


def _field_of(schema: Mapping[str, Any]) -> tuple[Strip | None, object, bool]:
    """Return what strips a field, its default, and whether it is a map."""
    return _strip(schema), schema.get("default", _NO_DEFAULT), "additionalProperties" in schema


def _drop_resized(said: dict[str, Any]) -> None:
    for holder in (said, *said.get("sidecars", ())):
        resources: dict[str, dict[str, Any]] = holder.pop("resources", {})
        for kind in ("limits", "requests"):
            amounts = resources.pop(kind, {})
            if rest := {name: amount for name, amount in amounts.items() if name not in RESIZED}:
                resources[kind] = rest
        if resources:
            holder["resources"] = resources

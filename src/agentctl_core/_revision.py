"""The revision of a pod: a hash of what its Agent says, and of nothing else.

Defaults are left out, ours and those of the embedded schemas, so that spelling one out, or a later version that has
more of them, changes nothing. What the operator adds is left out too: upgrading or reconfiguring it restarts nobody.
Also left out is what needs no new pod: `replicas`, metadata that is patched in place, CPU and memory that are resized
in place, and what does not concern the pod at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from ._agent import Agent, json_name, spec_fields
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
_RESIZED: Final = frozenset({"cpu", "memory"})


def revision(agent: Agent) -> str:
    """Return the revision: 16 hexadecimal digits."""
    said = _said(agent.spec)
    for name in _NOT_THE_PODS:
        said.pop(json_name(name), None)
    said.get("podTemplate", {}).pop("metadata", None)
    for template in said.get("volumeClaimTemplates", ()):
        template.pop("spec", None)  # a claim grows by itself; its pod mounts it by name
    _drop_resized(said)
    return digest({key: value for key, value in said.items() if value not in ({}, [])})


def _said(instance: object) -> dict[str, Any]:
    """Return what differs from the defaults, in JSON's terms."""
    said: dict[str, Any] = {}
    for field in spec_fields(cast("Any", type(instance))):
        value = getattr(instance, field.attribute)
        # Where nothing is the default, an empty text and false mean it too, as they do in core/v1.
        means_default = (field.default is None and _is_nothing(value)) or value == _IMPLIED.get(field.attribute)
        if value == field.default or means_default:
            continue
        if field.is_list:
            plain: Any = [_said(item) for item in value]
        else:
            plain = _plain(value, field.schema) if field.nested is None else _said(value)
        if plain != {}:
            said[field.name] = plain
    return said


def _is_nothing(value: object) -> bool:
    return value is False or value == ""


def _plain(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return an embedded value without its schema's defaults and empty fields, quantities in canonical form."""
    if reference := schema.get("$ref"):
        if reference == "Quantity":
            return canonical(value)
        schema = CORE_V1[reference]
    if isinstance(value, str | int):
        return value
    if isinstance(value, list | tuple):
        items: Mapping[str, Any] = schema.get("items", {})
        return [_plain(item, items) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return _plain_object(cast("dict[str, Any]", value), schema)
    return value


def _plain_object(given: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    children: Mapping[str, Any] = schema.get("properties", {})
    rest: Mapping[str, Any] = schema.get("additionalProperties", {})
    plain: dict[str, Any] = {}
    for key, child in given.items():
        field = children.get(key, rest)
        kept = _plain(child, field)
        # An empty object can mean something (emptyDir: {}); an empty list or map means what none means.
        means_none = kept == [] or (kept == {} and "additionalProperties" in field)
        if not means_none and (key not in children or kept != field.get("default")):
            plain[key] = kept
    return plain


def _drop_resized(said: dict[str, Any]) -> None:
    for holder in (said, *said.get("sidecars", ())):
        resources: dict[str, dict[str, Any]] = holder.pop("resources", {})
        for kind in ("limits", "requests"):
            amounts = resources.pop(kind, {})
            if rest := {name: amount for name, amount in amounts.items() if name not in _RESIZED}:
                resources[kind] = rest
        if resources:
            holder["resources"] = resources

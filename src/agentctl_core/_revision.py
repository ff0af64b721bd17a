"""The revision of a pod: a hash of what its Agent says, and of nothing else.

Defaults are left out, ours and those of the embedded schemas, so that spelling one out, or a later version that has
more of them, changes nothing. What the operator adds is left out too: upgrading or reconfiguring it restarts nobody.
Also left out is what needs no new pod: `replicas`, metadata that is patched in place, CPU and memory that are resized
in place, and what does not concern the pod at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

import attrs

from ._agent import Agent, json_name
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


def _said(instance: attrs.AttrsInstance) -> dict[str, Any]:
    """Return what differs from the defaults, in JSON's terms."""
    said: dict[str, Any] = {}
    for attribute in attrs.fields(type(instance)):
        value = getattr(instance, attribute.name)
        default = _default(attribute)
        # Where nothing is the default, an empty text and false mean it too, as they do in core/v1.
        means_default = (default is None and _is_nothing(value)) or value == _IMPLIED.get(attribute.name)
        if value == default or means_default:
            continue
        metadata = attribute.metadata
        if "class" in metadata:
            plain: Any = _said(value)
        elif "items" in metadata:
            plain = [_said(item) for item in value]
        else:
            plain = _plain(value, metadata["schema"])
        if plain != {}:
            said[json_name(attribute.name)] = plain
    return said


def _is_nothing(value: object) -> bool:
    return value is False or value == ""


def _default(attribute: attrs.Attribute[Any]) -> object:
    default = attribute.default
    return cast("Any", default).factory() if isinstance(default, cast("type", attrs.Factory)) else default


def _plain(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return an embedded value without its schema's defaults and empty fields, quantities in canonical form."""
    if reference := schema.get("$ref"):
        return canonical(value) if reference == "Quantity" else _plain(value, CORE_V1[reference])
    if isinstance(value, Mapping):
        children: Mapping[str, Any] = schema.get("properties", {})
        rest = schema.get("additionalProperties", {})
        given = cast("Mapping[str, Any]", value)
        plain = {key: _plain(child, children.get(key, rest)) for key, child in given.items()}
        return {
            key: child
            for key, child in plain.items()
            # An empty object can mean something (emptyDir: {}); an empty list or map means what none means.
            if child != []
            and not (child == {} and "additionalProperties" in children.get(key, rest))
            and (key not in children or child != children[key].get("default"))
        }
    if isinstance(value, list | tuple):
        return [_plain(item, schema.get("items", {})) for item in cast("list[Any]", value)]
    return value


def _drop_resized(said: dict[str, Any]) -> None:
    for holder in (said, *said.get("sidecars", ())):
        resources: dict[str, dict[str, Any]] = holder.pop("resources", {})
        for kind in ("limits", "requests"):
            amounts = resources.pop(kind, {})
            if rest := {name: amount for name, amount in amounts.items() if name not in _RESIZED}:
                resources[kind] = rest
        if resources:
            holder["resources"] = resources

"""What each kind does on the way in: decoding (unknown fields, pruning), defaults and validation.

A strategy is a table entry; `strategy_of` finds it. Decoding never fails: it returns what was wrong, so that strict and
lenient decoding are one function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from attrs import evolve, frozen

from .._json import dig_list
from . import _agents, _pod_rules, _pods
from ._codec import decode_as
from ._decoded import Decoded, object_at
from ._metadata import decode_metadata, without_untold
from ._refused import cause, invalid_value, required
from ._resources import AGENTS, EVENTS, NAMESPACES, PODS, SERVICES, Resource

JsonObject: TypeAlias = dict[str, Any]

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_NOTE_MAX_BYTES: Final = 1024
_AGENT_FIELDS: Final = ("apiVersion", "kind", "metadata", "spec", "status")


def _unchanged(manifest: JsonObject) -> JsonObject:
    return manifest


def _anything(manifest: JsonObject, previous: JsonObject | None) -> list[JsonObject]:  # noqa: ARG001 -- a strategy
    return []


@frozen(kw_only=True)
class Strategy:
    """How one kind is read.

    Attributes:
        default: the manifest with its defaults and, where the kind has a status subresource, the first status.
        validate: what is wrong with a manifest that replaces another, or with a new one (None).
    """

    default: Callable[[JsonObject], JsonObject] = _unchanged
    validate: Callable[[JsonObject, JsonObject | None], list[JsonObject]] = _anything


def _default_namespace(manifest: JsonObject) -> JsonObject:
    labels = object_at(manifest, "metadata", "labels") | {"kubernetes.io/metadata.name": manifest["metadata"]["name"]}
    return manifest | {
        "metadata": manifest["metadata"] | {"labels": labels},
        "spec": manifest.get("spec") or {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def _validate_namespace(manifest: JsonObject, previous: JsonObject | None) -> list[JsonObject]:
    name = manifest["metadata"]["name"]
    if previous is not None or _LABEL.fullmatch(name):
        return []
    return [invalid_value("metadata.name", name, _pods.LABEL_RULE)]


def _validate_event(manifest: JsonObject, previous: JsonObject | None) -> list[JsonObject]:
    if previous is not None:
        fixed = ("regarding", "reason", "note", "type", "action", "reportingController", "reportingInstance")
        return [cause(f, "Invalid value: field is immutable") for f in fixed if manifest.get(f) != previous.get(f)]
    causes: list[JsonObject] = []
    if not manifest.get("eventTime"):
        causes.append(required("eventTime"))
    else:
        needed = ("reportingController", "reportingInstance", "action", "reason")
        causes += [required(field) for field in needed if not manifest.get(field)]
    if len(str(manifest.get("note", "")).encode("utf-8", "replace")) > _NOTE_MAX_BYTES:
        causes.append(invalid_value("message", "", f"can have at most {_NOTE_MAX_BYTES} characters"))
    if manifest.get("type") not in ("Normal", "Warning"):
        causes.append(invalid_value("type", "", f"has invalid value: {manifest.get('type', '')}"))
    return causes


def _default_service(manifest: JsonObject) -> JsonObject:
    defaults = {"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster"}
    spec = defaults | object_at(manifest, "spec")
    ports = dig_list(spec, "ports")
    return manifest | {"spec": spec | {"ports": [_default_service_port(port) for port in ports]}}


def _default_service_port(port: Mapping[str, Any]) -> JsonObject:
    # 0 and "" are what Go has for a targetPort that is not set.
    return {"protocol": "TCP", **port, "targetPort": port.get("targetPort") or port.get("port")}


_STRATEGIES: Final[Mapping[str, Strategy]] = {
    AGENTS.full_name: Strategy(validate=_agents.validate),
    PODS.full_name: Strategy(default=_pods.default, validate=_pod_rules.validate),
    NAMESPACES.full_name: Strategy(default=_default_namespace, validate=_validate_namespace),
    EVENTS.full_name: Strategy(validate=_validate_event),
    SERVICES.full_name: Strategy(default=_default_service),
}


def strategy_of(resource: Resource) -> Strategy:
    """Return the strategy of a kind; one without particular rules takes what it is given."""
    return _STRATEGIES.get(resource.full_name, Strategy())


def decode(manifest: JsonObject, resource: Resource) -> Decoded:
    """Return a manifest as it would be stored but for its defaults, and what was wrong with it."""
    if resource is not AGENTS:
        decoded = decode_as(resource.go_type, manifest)
        header = {"apiVersion": resource.api_version, "kind": resource.kind}
        metadata = without_untold(decoded.manifest.get("metadata", {}))
        return evolve(decoded, manifest=header | decoded.manifest | {"metadata": metadata})
    unknown = tuple(key for key in manifest if key not in _AGENT_FIELDS)
    metadata = decode_metadata(manifest.get("metadata"))
    kept = {key: value for key, value in manifest.items() if key in _AGENT_FIELDS and value is not None}
    inner = _agents.decode(kept | {"metadata": metadata.manifest})
    return Decoded(
        inner.manifest,
        unknown=(*unknown, *metadata.unknown, *inner.unknown),
        malformed=(*metadata.malformed, *inner.malformed),
        causes=inner.causes,
    )

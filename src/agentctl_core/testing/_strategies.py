"""What each kind does on the way in: decoding, what the server makes of it, and its rules.

A strategy is a table entry; `strategy_of` finds it. Decoding never fails: it returns what was wrong, so that strict and
lenient decoding are one function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from attrs import evolve, frozen

from . import _agents, _plain_kinds, _pods, _services
from ._allocation import Allocation
from ._codec import decode_as
from ._decoded import Decoded
from ._metadata import decode_metadata, without_untold
from ._pod_rules import validate_new, validate_spec
from ._pod_updates import validate_resize, validate_status, validate_update
from ._resources import (
    AGENTS,
    CLAIMS,
    CONFIG_MAPS,
    EVENTS,
    LEASES,
    NAMESPACES,
    PODS,
    SECRETS,
    SERVICES,
    Resource,
)

JsonObject: TypeAlias = dict[str, Any]
Causes: TypeAlias = Iterable[JsonObject]

_AGENT_FIELDS: Final = ("apiVersion", "kind", "metadata", "spec", "status")


def _as_given(manifest: JsonObject, allocation: Allocation) -> JsonObject:  # noqa: ARG001 -- a strategy
    return manifest


def _as_put(new: JsonObject, old: JsonObject, allocation: Allocation) -> JsonObject:  # noqa: ARG001 -- a strategy
    return new


def _with_status_of(manifest: JsonObject, other: JsonObject) -> JsonObject:
    """Return an object with the status of another, or with none if that has none."""
    rest = {key: value for key, value in manifest.items() if key != "status"}
    return rest | ({"status": other["status"]} if "status" in other else {})


def _all_but_spec(new: JsonObject, old: JsonObject) -> JsonObject:
    return new | {"spec": old["spec"]}


def _status_alone(new: JsonObject, old: JsonObject) -> JsonObject:
    return _with_status_of(old, new)


def _nothing(new: JsonObject, old: JsonObject | None) -> Causes:  # noqa: ARG001 -- a strategy
    return ()


@frozen(kw_only=True)
class Strategy:
    """What the server does with one kind. Objects come in with their defaults, and are not changed.

    Attributes:
        create: what a new object becomes; may raise Refused.
        update: what an update of the object makes of it and the one before; may raise Refused.
        update_status: the same of its status.
        validate: what is wrong with a new object, or with one that replaces another.
        validate_status: what is wrong with a status that replaces another.
        canonicalize: what is stored of an object that is right.
        admit: why an update that is right may not be made; empty where it may.
    """

    create: Callable[[JsonObject, Allocation], JsonObject] = _as_given
    update: Callable[[JsonObject, JsonObject, Allocation], JsonObject] = _as_put
    update_status: Callable[[JsonObject, JsonObject], JsonObject] = _status_alone
    validate: Callable[[JsonObject, JsonObject | None], Causes] = _nothing
    validate_status: Callable[[JsonObject, JsonObject], Causes] = _nothing
    canonicalize: Callable[[JsonObject], JsonObject] = lambda new: new
    admit: Callable[[JsonObject, JsonObject], str] = lambda _new, _old: ""


def _create_pod(pod: JsonObject, allocation: Allocation) -> JsonObject:
    return _pods.created(_pods.admitted(pod, allocation.suffix))


def _validate_pod(pod: JsonObject, old: JsonObject | None) -> Causes:
    yield from validate_spec(pod["spec"])
    yield from validate_new(pod["spec"]) if old is None else validate_update(pod["spec"], old["spec"])


def _validate_resized(pod: JsonObject, old: JsonObject) -> Causes:
    yield from validate_spec(pod["spec"])
    yield from validate_resize(pod, old)


RESIZE: Final = Strategy(
    update=lambda new, old, _: _pods.resized(new, old),
    validate=lambda new, old: _validate_resized(new, old or new),
)
"""What is done to a pod by its subresource `resize`."""

_STRATEGIES: Final[Mapping[str, Strategy]] = {
    AGENTS.full_name: Strategy(
        create=lambda new, _: _agents.with_default_status(new | {"status": None}),
        update=lambda new, old, _: _with_status_of(new, old),
        validate=_agents.validate,
    ),
    PODS.full_name: Strategy(
        create=_create_pod,
        update=lambda new, old, _: _pods.updated(new, old),
        update_status=_pods.with_status,
        validate=_validate_pod,
        validate_status=validate_status,
    ),
    NAMESPACES.full_name: Strategy(
        create=lambda new, _: _plain_kinds.new_namespace(new),
        update=lambda new, old, _: _plain_kinds.updated_namespace(new, old),
    ),
    SERVICES.full_name: Strategy(
        create=_services.created,
        update=_services.updated,
        update_status=_all_but_spec,
        validate=_services.validate,
        validate_status=_services.validate_status,
    ),
    CLAIMS.full_name: Strategy(
        create=lambda new, _: _plain_kinds.new_claim(new),
        update=lambda new, old, _: _with_status_of(new, old),
        update_status=_all_but_spec,
        validate=_plain_kinds.validate_claim,
        validate_status=_plain_kinds.validate_claim_status,
        admit=_plain_kinds.admit_claim,
    ),
    CONFIG_MAPS.full_name: Strategy(validate=_plain_kinds.validate_config_map),
    SECRETS.full_name: Strategy(validate=_plain_kinds.validate_secret, canonicalize=_plain_kinds.without_empty_data),
    EVENTS.full_name: Strategy(validate=_plain_kinds.validate_event),
    LEASES.full_name: Strategy(validate=_plain_kinds.validate_lease),
}


def strategy_of(resource: Resource) -> Strategy:
    """Return the strategy of a kind."""
    return _STRATEGIES[resource.full_name]


def decode(manifest: JsonObject, resource: Resource) -> Decoded:
    """Return a manifest with its defaults and without unknown fields, and what was wrong with it."""
    if resource is not AGENTS:
        return _decode_built_in(manifest, resource)
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


def _decode_built_in(manifest: JsonObject, resource: Resource) -> Decoded:
    decoded = decode_as(resource.go_type, manifest)
    kept = decoded.manifest
    if decoded.malformed:
        return decoded
    if resource is SECRETS:
        kept = _plain_kinds.with_encoded(kept)
        if manifest.get("data") == {}:
            kept.setdefault("data", {})  # which is not the same as none, until it is stored
    header = {"apiVersion": resource.api_version, "kind": resource.kind}
    return evolve(decoded, manifest=header | kept | {"metadata": without_untold(kept["metadata"])})

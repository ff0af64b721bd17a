"""What an update has to pass, and what it makes of an object."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from attrs import evolve

from .._json import dig
from . import _refused as refused  # pyright: ignore[reportPrivateUsage] -- of this package
from . import _rules as rules
from ._agents import finish
from ._allocation import Allocation
from ._decoded import Decoded
from ._metadata import updated_metadata, validate_metadata
from ._pods import comparable_spec
from ._resources import AGENTS, NAMESPACES, PODS, Resource, by_kind
from ._storage import Key
from ._strategies import RESIZE, decode, strategy_of

JsonObject: TypeAlias = dict[str, Any]


def json_text(value: JsonObject) -> str:
    """Return an object as it is quoted in a refusal."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def causes_about(decoded: Decoded, part: str) -> list[JsonObject]:
    """Return the schema's causes about one part of the object: the other is not what the request is about."""
    return [item for item in decoded.causes if item["field"].lstrip(".").startswith(part)]


def refuse_undecodable(resource: Resource, decoded: Decoded, *, strict: bool, patched: str | None) -> None:
    """Raise what decoding found: always for what cannot be read, for unknown fields where `strict`."""
    if decoded.malformed:
        raise refused.undecodable(resource, decoded.malformed[0], patched=patched)
    if strict and decoded.unknown:
        told = ", ".join(f'unknown field "{field}"' for field in decoded.unknown)
        raise refused.undecodable(resource, f"strict decoding error: {told}", patched=patched)


def refuse_unreadable(resource: Resource, manifest: JsonObject, *, strict: bool) -> None:
    """Refuse an object that cannot be read: that comes before what its URL says is looked at."""
    refuse_undecodable(resource, decode(manifest, resource), strict=strict, patched=None)


def refuse_invalid(resource: Resource, name: str, causes: list[JsonObject]) -> None:
    """Raise 422 with these causes, if there are any."""
    if causes:
        raise refused.invalid(resource, name, finish(causes) if resource is AGENTS else causes)


def refuse_unserved(resource: Resource, name: str, subresource: str | None) -> None:
    """Raise 404 for a subresource that the kind does not have; of a custom resource that is told of the object."""
    own = {PODS.full_name: ["resize"], AGENTS.full_name: ["scale"]}
    if subresource not in [None, *(["status"] if resource.status else []), *own.get(resource.full_name, ())]:
        raise refused.not_found(resource, name) if resource.is_custom else refused.unknown_resource()


def refuse_other_object(resource: Resource, key: Key, desired: JsonObject) -> None:
    """Refuse an update whose object is not the one that the URL names."""
    name, namespace = (dig(desired, "metadata", field, kind=str) for field in ("name", "namespace"))
    if not name:
        raise refused.other_name(name, key[2])
    if resource.namespaced and namespace and namespace != key[1]:
        raise refused.other_namespace()
    if name != key[2]:
        raise refused.other_name(name, key[2])


def refuse_other_kind(resource: Resource, desired: JsonObject, *, patched: str) -> None:
    """Refuse a patch that made an object of another kind; of a custom resource that is checked later."""
    version, kind = desired.get("apiVersion", resource.api_version), desired.get("kind", resource.kind)
    if resource.is_custom or (version, kind) == (resource.api_version, resource.kind):
        return
    raise refused.undecodable(resource, unregistered(resource, version, kind), patched=patched)


def other_kind(resource: Resource, version: object, kind: object, name: str) -> refused.Refused:
    """Return the refusal of an object of another kind than a custom resource's URL says."""
    group = str(version).rpartition("/")[0]
    wrong = [
        refused.invalid_value(field, value, f"must be {wanted}")
        for field, value, wanted in (("apiVersion", version, resource.api_version), ("kind", kind, resource.kind))
        if value != wanted
    ]
    return refused.invalid(evolve(resource, kind=str(kind), group=group), name, wrong)


def unregistered(resource: Resource, version: object, kind: object) -> str:
    """Return what the decoder says of an object of another kind than the URL's."""
    if by_kind(str(version), str(kind)) not in (None, AGENTS):
        return f"converting (v1.{kind}) to (core.{resource.kind}): unknown conversion"
    return f'no kind "{kind}" is registered for version "{version}" in {refused.SCHEME}'


def version_number(metadata: JsonObject) -> int:
    """Return the resourceVersion of a request; 0 where it has none.

    Raises:
        Refused: 500, as the server has it: it is no number.
    """
    version = metadata.get("resourceVersion", "0")
    if not version.isdecimal() or int(version) >= 1 << 64:
        why = "value out of range" if version.isdecimal() else "invalid syntax"
        raise refused.failure(500, "", f'strconv.ParseUint: parsing "{version}": {why}')
    return int(version)


def check_version(resource: Resource, name: str, metadata: JsonObject, current: JsonObject) -> None:
    """Check the resourceVersion of an update.

    Raises:
        Refused: 409, it is not the present one; 422, it has to be given; 500, it is no number.
    """
    if (version := version_number(metadata)) == 0:
        if not resource.unconditional_update:
            raise refused.version_required(resource, name)
    elif version != int(current["resourceVersion"]):
        raise refused.conflict(resource, name)


def updated(
    resource: Resource, current: JsonObject, given: JsonObject, subresource: str | None, allocation: Allocation
) -> tuple[JsonObject, list[JsonObject]]:
    """Return what an update makes of an object, and what is wrong with its metadata.

    Raises:
        Refused: what the update asks for cannot be allocated.
    """
    strategy = RESIZE if subresource == "resize" else strategy_of(resource)
    if subresource == "status":
        new = strategy.update_status(given, current)
    else:
        new = strategy.update(given, current, allocation)
    metadata, causes = updated_metadata(new["metadata"], current["metadata"])
    return new | {"metadata": metadata}, [*causes, *validate_metadata(metadata, resource)]


def broken_rules(
    resource: Resource, new: JsonObject, current: JsonObject | None, subresource: str | None
) -> list[JsonObject]:
    """Return which rules of its kind an object breaks that is new (`current` is None) or replaces another."""
    strategy = RESIZE if subresource == "resize" else strategy_of(resource)
    if subresource == "status" and current is not None:
        return [*strategy.validate_status(new, current)]
    return [*strategy.validate(new, current)]


def refuse_target(binding: JsonObject) -> None:
    """Refuse a Binding that names no node; with 500, as the server has it."""
    target = binding["target"]
    wrong: list[JsonObject] = []
    if target.get("kind", "") not in ("", "Node"):
        wrong.append(rules.unsupported("target.kind", target["kind"], ("Node", "<empty>")))
    if not target.get("name"):
        wrong.append(refused.required("target.name"))
    elif target.get("kind", "") in ("", "Node"):
        wrong += rules.invalid("target.name", target["name"], rules.dns_subdomain)
    if wrong:
        told = ", ".join(f"{item['field']}: {item['message']}" for item in wrong)
        raise refused.failure(500, "", f"[{told}]" if len(wrong) > 1 else told)


def check_binding(pod: JsonObject, binding: JsonObject) -> None:
    """Check what a Binding supposes about its pod.

    Raises:
        Refused: 409 Conflict.
    """
    record, given = pod["metadata"], binding["metadata"]
    for field, name in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        if field in given and given[field] != record[field]:
            key = (record["namespace"], record["name"])
            raise refused.broken_precondition(PODS, key, name, given[field], record[field])


def counted(manifest: JsonObject) -> JsonObject:
    """Return the part of an object whose changes its generation counts."""
    kept = {key: value for key, value in manifest.items() if key not in ("metadata", "status")}
    return kept | {"spec": comparable_spec(kept["spec"])} if manifest["kind"] == PODS.kind else kept


def is_done(resource: Resource, metadata: JsonObject) -> bool:
    """Tell whether nothing holds an object any more whose deletion has begun."""
    if resource is NAMESPACES or "finalizers" in metadata:
        return False
    return not metadata.get("deletionGracePeriodSeconds")


def success(resource: Resource, gone: JsonObject) -> JsonObject:
    """Return the Status that answers a DELETE of which nothing is left."""
    group = {"group": resource.group} if resource.group else {}
    metadata = gone["metadata"]
    details = {"name": metadata["name"], **group, "kind": resource.plural, "uid": metadata["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}

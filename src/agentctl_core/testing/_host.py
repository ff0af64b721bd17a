"""A host of the core in the smallest form: what is observed from the model, and how an action is executed on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from attrs import frozen

from .._actions import Action, Create, Delete, EmitEvent, Patch, PatchStatus, Ref, Requeue, Resize, ResolveImage
from .._json import copy_json, dig, dig_list
from .._merge import merge_diff
from .._reconcile import wanted
from ._apiserver import ApiServer
from ._refused import Refused

JsonObject: TypeAlias = dict[str, Any]

_INSTANCE: Final = "agentctl-model"
_PASSING: Final = ("Conflict", "TooManyRequests", "ServerTimeout", "Timeout", "InternalError")
"""Reasons of refusals that a later attempt may not meet."""


def observed_objects(api: ApiServer, manifest: Mapping[str, Any]) -> tuple[JsonObject, ...]:
    """Return what stands under the names that `wanted` gives, and whatever else has the Agent as an owner."""
    uid = dig(manifest, "metadata", "uid", kind=str)
    names = {(ref.api_version, ref.kind, ref.namespace, ref.name) for ref in wanted(manifest)}
    found: list[JsonObject] = []
    for (_, namespace, name), item in sorted(api.storage.objects.items()):
        owners = {reference.get("uid") for reference in dig_list(item, "metadata", "ownerReferences")}
        if (item["apiVersion"], item["kind"], namespace, name) in names or (uid is not None and uid in owners):
            found.append(copy_json(item))
    return tuple(found)


def is_owned_by(manifest: Mapping[str, Any], uid: str) -> bool:
    """Tell whether an object's controller has that uid. The core is not asked: it is what is tested."""
    owners = dig_list(manifest, "metadata", "ownerReferences")
    return any(owner.get("controller") is True and owner.get("uid") == uid for owner in owners)


@frozen(unsafe_hash=False)
class Outcome:
    """What became of an action.

    Attributes:
        holds: whether the rest of the plan still holds; where it does not: observe and reconcile again.
        met: what the plan did not know of: the object that has the wanted name, or the API server's `Status`, with what
            it refused named in `details`.
    """

    holds: bool
    met: JsonObject | None = None


def execute(api: ApiServer, action: Action) -> Outcome:
    """Execute one action, as `agentctl_core` documents it.

    Raises:
        Refused: the API server refuses what no plan should ask for, for example a status that breaks the schema.
    """
    match action:
        case Create(manifest):
            return _create(api, manifest)
        case Patch(ref, uid, version, patch):
            precondition = {"metadata": {"uid": uid, "resourceVersion": version}}
            return _change(api, ref, _joined(patch, precondition), ref.kind)
        case PatchStatus(ref, version, status):
            return _patch_status(api, ref, version, status)
        case Resize(ref, uid, containers):
            return _resize(api, ref, uid, containers)
        case Delete(ref, uid, version):
            return _delete(api, ref, uid, version)
        case EmitEvent():
            _emit(api, action)
        case ResolveImage() | Requeue():
            pass
    return Outcome(holds=True)


def refused(kind: str, name: str, error: Refused) -> Outcome:
    """Return what a host makes of a refusal that lasts: it names what was refused, also where the server did not."""
    return Outcome(holds=False, met=error.status | {"details": {"kind": kind, "name": name}})


def _create(api: ApiServer, manifest: JsonObject) -> Outcome:
    ref = Ref.of(manifest)
    try:
        api.create(manifest)
    except Refused as error:
        if error.reason == "AlreadyExists":
            return Outcome(holds=False, met=api.get(ref))
        return Outcome(holds=False) if error.reason in _PASSING else refused(ref.kind, ref.name, error)
    return Outcome(holds=True)


def _patch_status(api: ApiServer, ref: Ref, version: str | None, status: JsonObject) -> Outcome:
    try:
        present = api.get(ref).get("status")
    except Refused:
        return Outcome(holds=False)
    difference = merge_diff(present, status)
    body: JsonObject = {"status": difference} if difference or present is None else {}
    if version is not None:
        body["metadata"] = {"resourceVersion": version}
    return Outcome(_holds(api, ref, body, "status"))


def _resize(api: ApiServer, ref: Ref, uid: str, containers: Any) -> Outcome:
    try:
        pod = api.get(ref)
    except Refused:
        return Outcome(holds=False)
    if pod["metadata"]["uid"] != uid:
        return Outcome(holds=False)
    resources = {item["name"]: item["resources"] for item in containers}
    spec: JsonObject = {}
    for field in ("initContainers", "containers"):
        if field in pod["spec"]:
            listed = dig_list(pod, "spec", field)
            spec[field] = [dict(c) | {"resources": resources.get(c["name"], c.get("resources", {}))} for c in listed]
    body = {"metadata": {"resourceVersion": pod["metadata"]["resourceVersion"]}, "spec": spec}
    return _change(api, ref, body, "pods/resize", "resize")


def _change(api: ApiServer, ref: Ref, body: JsonObject, kind: str, subresource: str | None = None) -> Outcome:
    try:
        return Outcome(_holds(api, ref, body, subresource))
    except Refused as error:
        return refused(kind, ref.name, error)


def _holds(api: ApiServer, ref: Ref, body: JsonObject, subresource: str | None) -> bool:
    """Send a patch; a refusal means that the plan was made from a view that is out of date."""
    try:
        api.patch(ref, body, subresource=subresource)
    except Refused as error:
        if error.reason not in ("NotFound", "Conflict"):
            raise
        return False
    return True


def _delete(api: ApiServer, ref: Ref, uid: str, version: str | None) -> Outcome:
    try:
        api.delete(ref, uid=uid, resource_version=version)
    except Refused as error:
        if error.reason not in ("NotFound", "Conflict"):
            raise
        # Another uid: it is gone already. Another resourceVersion: whether it may go is to be decided again.
        return Outcome(error.reason == "NotFound" or "the UID in the precondition" in str(error))
    return Outcome(holds=True)


def _emit(api: ApiServer, event: EmitEvent) -> None:
    try:
        api.create(event.manifest(_INSTANCE))
    except Refused as error:
        # Events are told once and never insisted on; an event that breaks a rule is a mistake of ours.
        if error.reason in ("Invalid", "BadRequest"):
            raise


def _joined(patch: JsonObject, precondition: JsonObject) -> JsonObject:
    return patch | {"metadata": (patch.get("metadata") or {}) | precondition["metadata"]}

"""Executes actions: one request each, with the preconditions that make a stale view harmless, and one log line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Protocol, TypeAlias

import structlog

from agentctl_core import (
    KIND,
    MAIN_CONTAINER,
    Action,
    Create,
    Delete,
    EmitEvent,
    Patch,
    PatchStatus,
    Ref,
    Requeue,
    Resize,
    ResolveImage,
    merge_diff,
)

from ._failure import ApiFailure, in_short
from ._status_words import in_words
from ._store import generation_of

_log = structlog.get_logger()


class Client(Protocol):
    """The verbs of `Api` that execution needs."""

    async def get(self, ref: Ref) -> dict[str, Any]: ...
    async def create(self, manifest: Mapping[str, Any]) -> dict[str, Any]: ...
    async def patch(self, ref: Ref, body: Mapping[str, Any], *, subresource: str | None = None) -> dict[str, Any]: ...
    async def resize(self, ref: Ref, body: Mapping[str, Any]) -> dict[str, Any]: ...
    async def delete(self, ref: Ref, *, uid: str, resource_version: str | None = None) -> dict[str, Any]: ...


class Learn(Protocol):
    """What is told what the API server answered to a write, and the Agent that the write was done for.

    `is_news`: the answer may show what that Agent's plan has not seen.
    """

    def __call__(self, answer: Mapping[str, Any], agent: Mapping[str, Any], *, is_news: bool = False) -> None: ...


Lose: TypeAlias = Callable[[Mapping[str, Any]], None]


class Executor:
    """Executes one action at a time.

    Args:
        client: the API server.
        learn: told the API server's answers.
        lose: told of an Agent that is gone, as the answer to a write says.
        instance: names this process in Events.
    """

    def __init__(self, client: Client, learn: Learn, lose: Lose, instance: str) -> None:
        self._client = client
        self._learn = learn
        self._lose = lose
        self._instance = instance

    async def execute(
        self, action: Action, manifest: Mapping[str, Any], *, is_lasting: bool = False
    ) -> Mapping[str, Any] | None:
        """Execute an action for the Agent `manifest`, as it was read.

        Where failures are `is_lasting`, an object that the server fails to create counts as refused, and so is told.

        Returns:
            None where the action is done, or has become needless because its object is gone. Otherwise an observation
            that the plan did not know of, so that the rest of the plan is void: the object that holds the wanted name,
            or the API server's `Status` that refuses it.

        Raises:
            ApiFailure: the action may be needed still; observe and reconcile again.
        """
        match action:
            case Create():
                return await self._create(action, manifest, is_lasting=is_lasting)
            case Patch(ref, uid, resource_version, patch):
                metadata = {**patch.get("metadata", {}), "uid": uid, "resourceVersion": resource_version}
                return await self._change(ref, {**patch, "metadata": metadata}, manifest)
            case Resize(ref, uid, containers):
                return await self._resize(ref, {"metadata": {"uid": uid}, "spec": _by_list(containers)})
            case Delete():
                await self._delete(action, manifest)
            case PatchStatus():
                await self._patch_status(action, manifest)
            case EmitEvent():
                await self._emit(action)
            case Requeue() | ResolveImage():
                pass  # the operator's own: it keeps the queue, and knows images
        return None

    async def _create(
        self, action: Create, manifest: Mapping[str, Any], *, is_lasting: bool
    ) -> Mapping[str, Any] | None:
        # The first pod needs no reading: an Agent that has just been made is not deleted yet, as a rule.
        if action.ref.kind == "Pod" and _has_had_pod(manifest) and not await self._confirm(manifest):
            return None
        try:
            self._learn(await self._client.create(action.manifest), manifest)
        except ApiFailure as failure:
            if failure.is_already_exists:
                # Not found by now: what held the name has gone meanwhile; the failure says to come back.
                return await self._client.get(action.ref)
            if failure.is_refusal or _is_webhook_away(failure) or (is_lasting and failure.is_server_error):
                return _refusal(action.ref, failure)
            raise
        _log.info(f"created {action.ref.kind} {action.ref.name}")
        return None

    async def _change(self, ref: Ref, body: Mapping[str, Any], manifest: Mapping[str, Any]) -> Mapping[str, Any] | None:
        try:
            # It has the resourceVersion in `body`: the answer differs from what was read by the patch alone.
            self._learn(await self._client.patch(ref, body), manifest)
        except ApiFailure as failure:
            return _not_done(failure, ref, "changed")
        _log.info(f"changed {ref.kind} {ref.name}")
        return None

    async def _resize(self, ref: Ref, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        try:
            # Without a resourceVersion the answer may hold news of others, which the watch is to tell.
            await self._client.resize(ref, body)
        except ApiFailure as failure:
            return _not_done(failure, ref, "resized", "pods/resize")
        _log.info(f"resized {ref.kind} {ref.name}")
        return None

    async def _delete(self, action: Delete, manifest: Mapping[str, Any]) -> None:
        # Of an Agent itself the resourceVersion is a precondition.
        if action.ref.kind != KIND and not await self._confirm(manifest):
            return
        try:
            answer = await self._client.delete(action.ref, uid=action.uid, resource_version=action.resource_version)
        except ApiFailure as failure:
            # A Conflict over the uid alone says that another object bears the name by now.
            is_gone = failure.is_not_found or (failure.is_conflict and action.resource_version is None)
            if not is_gone:
                raise
        else:
            _log.info(f"deleted {action.ref.kind} {action.ref.name}")
            # Else a pass that comes before the watch tells of the deletion would send it again.
            if answer.get("kind") == action.ref.kind:
                self._learn(answer, manifest, is_news=True)

    async def _patch_status(self, action: PatchStatus, manifest: Mapping[str, Any]) -> None:
        former: Mapping[str, Any] = manifest.get("status") or {}
        difference = merge_diff(former, action.status)
        if difference:
            precondition = {"resourceVersion": action.resource_version}
            body = {"metadata": precondition, "status": difference}
            try:
                self._learn(await self._client.patch(action.ref, body, subresource="status"), manifest)
            except ApiFailure as failure:
                if failure.is_conflict:
                    await self._read_anew(manifest)
                elif failure.is_not_found:
                    self._lose(manifest)
                    return
                raise
            words, messages = in_words(former, action.status)
            _log.info(f"status: {words}", **messages)

    async def _confirm(self, manifest: Mapping[str, Any]) -> bool:
        """Tell whether an Agent is there still, before what it has is deleted or a pod of it is succeeded by another.

        The uid of a pod says nothing about the Agent: where the watch of Agents tells late, such as a new leader's, an
        old spec may want the end of a pod that was made for a new one. And where an Agent is deleted, its pod goes at
        once, of which another watch tells: sooner, perhaps, than that of Agents.

        Raises:
            ApiFailure: the Agent cannot be read, or is another or asks for something else by now (a Conflict).
        """
        found = await self._read(manifest)
        if found is None:
            return False
        if generation_of(found) != generation_of(manifest):
            # It is not learnt: what else the plan is made from may be as old, and wait for its watch as well.
            ref = Ref.of(manifest)
            raise ApiFailure(f"{ref.kind} {ref.name} has changed", code=HTTPStatus.CONFLICT, reason="Conflict")
        return True

    async def _read_anew(self, manifest: Mapping[str, Any]) -> None:
        """Read an Agent of which the watch tells late, perhaps very late.

        Meanwhile its pod, made for what is gone by now, would be collected and made again and again.
        """
        found = await self._read(manifest)
        if found is not None:
            self._learn(found, manifest, is_news=True)

    async def _read(self, manifest: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return an Agent as it is now; None where it is gone, which is told."""
        try:
            return await self._client.get(Ref.of(manifest))
        except ApiFailure as failure:
            if not failure.is_not_found:
                raise
            self._lose(manifest)
            return None

    async def _emit(self, action: EmitEvent) -> None:
        try:
            await self._client.create(action.manifest(self._instance))
        except ApiFailure as failure:
            if not failure.is_already_exists:
                # An Event is a courtesy: the condition says the same and must not wait for it.
                _log.warning(f"Event {action.reason} is not emitted", error=in_short(failure))
        else:
            _log.info(f"emitted Event {action.reason}", note=action.note)


def _has_had_pod(agent: Mapping[str, Any]) -> bool:
    status: Mapping[str, Any] = agent.get("status") or {}
    return "currentRevision" in status


def _by_list(containers: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the containers to resize in the lists of a pod's spec where they stand: a sidecar is an init container."""
    lists: dict[str, list[Mapping[str, Any]]] = {}
    for container in containers:
        name = "containers" if container["name"] == MAIN_CONTAINER else "initContainers"
        lists.setdefault(name, []).append(container)
    return lists


def _is_webhook_away(failure: ApiFailure) -> bool:
    """Tell whether the API server could not ask a webhook that has to agree: that may last, and has to be told.

    Kubernetes tells it from other internal errors in the text alone.
    """
    return failure.reason == "InternalError" and "failed calling webhook" in failure.message


def _not_done(failure: ApiFailure, ref: Ref, what: str, kind: str = "") -> dict[str, Any] | None:
    """Return the refusal of what an object was to be; None where it is gone. Anything else is raised."""
    if failure.is_not_found:
        return None
    if not failure.is_refusal:
        raise failure
    _log.warning(f"{ref.kind} {ref.name} cannot be {what}", error=in_short(failure))
    return _refusal(ref, failure, kind)


def _refusal(ref: Ref, failure: ApiFailure, kind: str = "") -> dict[str, Any]:
    """Return the API server's answer, with what was refused named even where the server (or a webhook) did not."""
    return {
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure",
        "code": failure.code,
        "reason": failure.reason,
        "message": failure.message,
        "details": {"kind": kind or ref.kind, "name": ref.name},
    }

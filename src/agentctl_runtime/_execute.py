"""Executes actions: one request each, with the preconditions that make a stale view harmless, and one log line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Protocol, TypeAlias

import structlog

from agentctl_core import Action, Create, Delete, EmitEvent, Patch, PatchStatus, Ref, Resize
from agentctl_core.host import Outcome, Request, generation_of, is_confirmed_first, judge, refusal, request_for

from ._failure import ApiFailure, in_short
from ._status_words import in_words

_log = structlog.get_logger()


class Client(Protocol):
    """What execution needs of `Api`."""

    async def get(self, ref: Ref) -> dict[str, Any]: ...
    async def send(self, request: Request) -> dict[str, Any]: ...


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
        self, action: Action, manifest: Mapping[str, Any], *, is_lasting: bool = False, is_again: bool = False
    ) -> Mapping[str, Any] | None:
        """Execute an action for the Agent `manifest`, as it was read.

        Where failures are `is_lasting`, an object that the server fails to create counts as refused, and so is told.
        `is_again`: something was made for the Agent before, though its status does not say so yet.

        Returns:
            None where the action is done, or has become needless because its object is gone. Otherwise an observation
            that the plan did not know of, so that the rest of the plan is void: the object that holds the wanted name,
            or the API server's `Status` that refuses it.

        Raises:
            ApiFailure: the action may be needed still; observe and reconcile again.
        """
        request = request_for(action, manifest, self._instance)
        is_confirmed = is_confirmed_first(action, manifest) or (is_again and isinstance(action, Create))
        if request is None or (is_confirmed and not await self._confirm(manifest)):
            return None
        try:
            answer = await self._client.send(request)
        except ApiFailure as failure:
            return await self._failed(action, manifest, failure, is_lasting=is_lasting)
        self._done(action, manifest, answer)
        return None

    def _done(self, action: Action, manifest: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """Learn what the API server says of a write that is done, and log it."""
        match action:
            case Create(_):
                self._learn(answer, manifest)
                _log.info(f"created {action.ref.kind} {action.ref.name}")
            case Patch(ref):
                # It had the resourceVersion: the answer differs from what was read by the patch alone.
                self._learn(answer, manifest)
                _log.info(f"changed {ref.kind} {ref.name}")
            case Resize(ref):
                # Without a resourceVersion the answer may hold news of others, which the watch is to tell.
                _log.info(f"resized {ref.kind} {ref.name}")
            case Delete(ref):
                _log.info(f"deleted {ref.kind} {ref.name}")
                # Else a pass that comes before the watch tells of the deletion would send it again.
                if answer.get("kind") == ref.kind:
                    self._learn(answer, manifest, is_news=True)
            case PatchStatus():
                self._learn(answer, manifest)
                words, messages = in_words(manifest.get("status") or {}, action.status)
                _log.info(f"status: {words}", **messages)
            case EmitEvent():
                _log.info(f"emitted Event {action.reason}", note=action.note)
            case _:
                pass

    async def _failed(
        self, action: Action, manifest: Mapping[str, Any], failure: ApiFailure, *, is_lasting: bool
    ) -> Mapping[str, Any] | None:
        outcome = judge(action, failure.kind)
        match action, outcome:
            case Create(), Outcome.EXISTS:
                # Not found by now: what held the name has gone meanwhile; the failure says to come back.
                return await self._client.get(action.ref)
            case Create(), Outcome.REFUSED:
                return refusal(action, failure.code, failure.answer)
            case Create(), _ if is_lasting and failure.is_server_error:
                return refusal(action, failure.code, failure.answer)
            case ((Patch() | Resize()), Outcome.REFUSED):
                done = "resized" if isinstance(action, Resize) else "changed"
                _log.warning(f"{action.ref.kind} {action.ref.name} cannot be {done}", error=in_short(failure))
                return refusal(action, failure.code, failure.answer)
            case EmitEvent(), _ if not failure.is_already_exists:
                _log.warning(f"Event {action.reason} is not emitted", error=in_short(failure))
            case PatchStatus(), Outcome.DONE:
                self._lose(manifest)
            case PatchStatus(), Outcome.STALE:
                await self._read_anew(manifest)
            case _:
                pass
        if outcome is not Outcome.DONE:
            raise failure
        return None

    async def _confirm(self, manifest: Mapping[str, Any]) -> bool:
        """Tell whether an Agent is there still.

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

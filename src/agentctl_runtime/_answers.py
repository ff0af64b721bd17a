"""What the API server answers beyond single objects: pages of a list, and the events of a watch."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import cast

import httpx2
from attrs import frozen

from agentctl_core.host import Resource

from ._failure import INVALID_RESPONSE, ApiFailure, JsonObject, decode, excerpt, status_failure, translated
from ._projected import read_event

WATCH_SILENCE = 75.0
"""Seconds without an event after which a watch is dead: the API server sends a bookmark every minute."""

_INITIAL_EVENTS_END = "k8s.io/initial-events-end"
_EVENT_TYPES = ("ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR")
"""No set: what is looked for in it may be anything, lists included."""


@frozen
class Page:
    """One answer to a list: `continue_` is empty on the last page. Items always carry apiVersion and kind."""

    items: list[JsonObject]
    resource_version: str
    continue_: str


def page_of(answer: JsonObject, resource: Resource, where: str) -> Page:
    found: object = answer.get("items")
    items = cast("list[object]", found) if isinstance(found, list) else []  # Go writes an empty list as null
    metadata: object = answer.get("metadata")
    listed = found is None or isinstance(found, list)
    if not listed or not isinstance(metadata, dict) or not all(isinstance(item, dict) for item in items):
        raise ApiFailure(f"{where}: the answer is not a list", reason=INVALID_RESPONSE)
    version: object = cast("JsonObject", metadata).get("resourceVersion")
    if not isinstance(version, str) or not version:
        raise ApiFailure(f"{where}: the list has no resourceVersion", reason=INVALID_RESPONSE)
    # The items of built-in lists come without them.
    kind: JsonObject = {"apiVersion": resource.api_version, "kind": resource.kind}
    named = [kind | item for item in cast("list[JsonObject]", items)]
    continue_: object = cast("JsonObject", metadata).get("continue") or ""
    if not isinstance(continue_, str):
        raise ApiFailure(f"{where}: the list's continue token is no text", reason=INVALID_RESPONSE)
    return Page(named, version, continue_)


class Events:
    """The events of one watch, of one kind, with projections of what decisions read.

    Splits at LF only: `aiter_lines` splits inside JSON strings, at U+0085 and others.
    """

    def __init__(self, response: httpx2.Response, kind: str, where: str) -> None:
        self._chunks = response.aiter_bytes()
        self._kind = kind
        self._where = where
        self._lines: deque[bytes] = deque()
        self._rest = b""

    def __aiter__(self) -> AsyncIterator[JsonObject]:
        return self

    async def __anext__(self) -> JsonObject:
        if not self._lines:
            with translated(self._where, silence="nothing came, not even a bookmark"):
                async with asyncio.timeout(WATCH_SILENCE):
                    await self._read()
        if not self._lines:
            raise StopAsyncIteration
        return _event(self._lines.popleft(), self._kind, self._where)

    async def _read(self) -> None:
        while not self._lines:
            chunk = await anext(self._chunks, None)
            if chunk is None:
                if self._rest.strip():
                    raise ApiFailure(f"{self._where}: the stream ended amid an event", reason=INVALID_RESPONSE)
                return
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            self._lines.extend(line for line in lines if line.strip())


def ends_initial_events(event: JsonObject) -> bool:
    """Tell whether an event of a watch is the BOOKMARK after which all that existed has been told."""
    annotations: object = event["object"]["metadata"].get("annotations")
    marked = isinstance(annotations, dict) and cast("JsonObject", annotations).get(_INITIAL_EVENTS_END) == "true"
    return marked and event["type"] == "BOOKMARK"


def _event(line: bytes, kind: str, where: str) -> JsonObject:
    event = read_event(line, kind) or decode(line, where)
    manifest: object = event.get("object")
    if event.get("type") in _EVENT_TYPES and isinstance(manifest, dict):
        described = cast("JsonObject", manifest)
        if event["type"] == "ERROR":
            raise status_failure(described, where)
        metadata: object = described.get("metadata")
        if isinstance(metadata, dict) and isinstance(cast("JsonObject", metadata).get("resourceVersion"), str):
            return event
    raise ApiFailure(f"{where}: not a watch event: {excerpt(line)}", reason=INVALID_RESPONSE)

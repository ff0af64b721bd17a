"""Watches: a stream of events, one JSON document on each line."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final, Self, TypeAlias

import httpx2

from agentctl_core.testing import ModelCluster, Refused, WatchEvent
from agentctl_core.testing.rest import Resource, cause

from ._lists import check_version
from ._requests import Request, invalid_option

JsonObject: TypeAlias = dict[str, Any]

_DEFAULT_SECONDS: Final = 1800
"""How long a watch lasts that does not say: kube-apiserver's --min-request-timeout."""


_RESOLUTION = 1e-6
"""Seconds. An event loop wakes a sleeper up to its clock's resolution early: what is as near as that is due."""


class WatchStream(httpx2.AsyncByteStream):
    """The body of a watch response. No task stands behind it: it waits in whoever reads it.

    `end` (the server stops) and `aclose` (the client has enough) wake a reader, who then sees the end of the stream.
    """

    def __init__(self, cluster: ModelCluster, request: Request, resource: Resource, bookmark_seconds: float) -> None:
        """Begin a watch.

        Raises:
            Refused: 400 (a selector or version cannot be read), 422 (sendInitialEvents is not served).
        """
        if "sendInitialEvents" in request.query:
            told = "Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
            raise invalid_option("ListOptions", cause("sendInitialEvents", told, "FieldValueForbidden"))
        self._cluster, self._request, self._resource = cluster, request, resource
        self._bookmark_seconds = bookmark_seconds if request.flag("allowWatchBookmarks") else None
        self._version = check_version(cluster, request)
        self._events_after(cluster.storage.resource_version)  # selectors that cannot be read are refused now
        self._lines: list[bytes] = [] if self._version else self._initial()
        loop = asyncio.get_running_loop()
        self._end_at = loop.time() + (request.number("timeoutSeconds") or _DEFAULT_SECONDS)
        self._bookmark_at = self._next_bookmark(loop.time())
        self._wake = asyncio.Event()
        self._ended = False
        self._unsubscribe = cluster.subscribe(self._wake.set)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while not self._ended:
            self._wake.clear()
            if self._lines or self._collect():
                lines, self._lines = self._lines, []
                return b"".join(lines)
            now = asyncio.get_running_loop().time()
            if now >= min(self._end_at, self._bookmark_at) - _RESOLUTION:
                if now >= self._end_at - _RESOLUTION:
                    self.end()
                self._bookmark_at = self._next_bookmark(now)
                if self._bookmark_seconds is not None:
                    return self._bookmark()
                continue
            await self._sleep(min(self._end_at, self._bookmark_at) - now)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End the stream: the client closed the response."""
        self.end()

    def end(self) -> None:
        """End the stream and let go of the cluster. May be called twice."""
        if not self._ended:
            self._ended = True
            self._unsubscribe()
            self._wake.set()

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to come."""
        return self._ended

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _next_bookmark(self, now: float) -> float:
        return self._end_at if self._bookmark_seconds is None else now + self._bookmark_seconds

    def _selection(self) -> dict[str, str]:
        query = self._request.query
        return {"label_selector": query.get("labelSelector", ""), "field_selector": query.get("fieldSelector", "")}

    def _initial(self) -> list[bytes]:
        """Return what is there as ADDED events: a watch without a version begins with the present state."""
        kind, selection = (self._resource.api_version, self._resource.kind), self._selection()
        items, version = self._cluster.list(*kind, self._request.namespace, **selection)
        self._version = int(version)
        return [_line("ADDED", item) for item in items]

    def _collect(self) -> bool:
        """Fetch new events; a history that no longer reaches back is told in the stream, and ends it."""
        present = self._cluster.storage.resource_version
        if present <= self._version:
            return False
        try:
            events = self._events_after(self._version)
        except Refused as error:
            self._lines = [_line("ERROR", error.status)]
            self.end()
            return True
        self._version = present
        self._lines = [_line(event.type, event.object) for event in events]
        return bool(self._lines)

    def _events_after(self, version: int) -> tuple[WatchEvent, ...]:
        kind, namespace = (self._resource.api_version, self._resource.kind), self._request.namespace
        return self._cluster.events_since(*kind, str(version), namespace=namespace, **self._selection())

    def _bookmark(self) -> bytes:
        metadata = {"resourceVersion": str(self._version)}
        kind = {"kind": self._resource.kind, "apiVersion": self._resource.api_version}
        return _line("BOOKMARK", kind | {"metadata": metadata})


def _line(kind: str, item: JsonObject) -> bytes:
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"

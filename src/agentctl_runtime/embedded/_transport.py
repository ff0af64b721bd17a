"""The transport: HTTP requests in, HTTP responses out, without a socket."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2

from agentctl_core.testing import ModelCluster, Refused
from agentctl_core.testing.rest import Resource

from ._requests import Request, parse_request
from ._verbs import Answer, answer
from ._watch import WatchStream


class EmbeddedTransport(httpx2.AsyncBaseTransport):
    """Answers requests from a model cluster. It may be shared by clients and stays open when one of them closes."""

    def __init__(self, cluster: ModelCluster, catch_up: Callable[[], None], bookmark_seconds: float) -> None:
        """Serve `cluster`; `catch_up` moves its time to the present and is called before each request."""
        self._cluster = cluster
        self._catch_up = catch_up
        self._bookmark_seconds = bookmark_seconds
        self._watches: set[WatchStream] = set()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request. There is nothing to wait for but the request's own body and the events of a watch."""
        body = await request.aread()
        self._catch_up()
        try:
            parsed = parse_request(request.method, request.url.path, request.url.params, request.headers, body)
            if parsed.resource is not None and parsed.is_watch:
                return self._watch(parsed, parsed.resource)
            found = answer(self._cluster, parsed)
        except Refused as error:
            found = Answer(error.code, error.status)
        return _response(found)

    def end_watches(self) -> None:
        """End every open watch as the API server does at its shutdown: the stream closes cleanly."""
        for watch in tuple(self._watches):
            watch.end()

    def _watch(self, request: Request, resource: Resource) -> httpx2.Response:
        stream = WatchStream(self._cluster, request, resource, self._bookmark_seconds)
        self._watches = {watch for watch in self._watches if not watch.ended} | {stream}
        return httpx2.Response(200, headers={"Content-Type": "application/json"}, stream=stream)


def _response(found: Answer) -> httpx2.Response:
    if isinstance(found.body, str):
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        return httpx2.Response(found.code, headers=headers, content=found.body.encode())
    headers = {"Content-Type": "application/json"}
    if retry := _retry_after(found.body):
        headers["Retry-After"] = str(retry)
    return httpx2.Response(found.code, headers=headers, content=json.dumps(found.body).encode())


def _retry_after(body: dict[str, Any]) -> int | None:
    details: dict[str, Any] = body.get("details", {}) if body.get("kind") == "Status" else {}
    return details.get("retryAfterSeconds")

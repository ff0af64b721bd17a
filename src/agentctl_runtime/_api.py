"""Talking to the API server.

Objects are plain dicts in Kubernetes' JSON form, so nothing that the models do not know is lost. lightkube tells
failures by Content-Type and raises four unrelated exceptions for them; all of them become one: `ApiFailure`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import httpx2

from agentctl_core import Ref
from agentctl_core.host import FIELD_MANAGER, Request, Resource

from ._answers import Events, Page, page_of
from ._client import REQUEST_TIMEOUT, Client, CredentialsError
from ._failure import RETRY_AFTER_MAX, ApiFailure, JsonObject, decode, response_failure, translated
from ._kubeconfig import configuring, load_config, server_config
from ._projected import read_object
from ._resources import object_path, resource_of, url_path
from ._telemetry import Telemetry

WRITES_IN_FLIGHT = 32
"""More gain nothing, and each has a connection of its own."""

READS_IN_FLIGHT = 32
"""Apart from the writes, so that neither starves the other."""

_MANAGER = {"fieldManager": FIELD_MANAGER}
_INITIAL_EVENTS = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}


class Api:
    """A connection to one API server.

    Every method raises ApiFailure (and CancelledError), nothing else. A write that failed transiently may have been
    done all the same. At most `WRITES_IN_FLIGHT` writes and `READS_IN_FLIGHT` reads run at a time, the rest wait for
    their turn; after a 429 that names a time all of them wait as long as the server asks, since API priority and
    fairness means the client and not one of its requests. Watches wait for nobody. What must not wait
    behind a burst, such as the renewal of a Lease, wants an Api of its own.
    """

    def __init__(self, client: Client, namespace: str) -> None:
        self.namespace = namespace
        """The default namespace of the context."""
        self._client = client
        self._writes = asyncio.Semaphore(WRITES_IN_FLIGHT)
        self._reads = asyncio.Semaphore(READS_IN_FLIGHT)
        self._paused_until = 0.0  # on the event loop's clock

    @classmethod
    def connect(
        cls,
        *,
        context: str | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        server: str | None = None,
        telemetry: Telemetry | None = None,
    ) -> Self:
        """Prepare a connection; nothing is sent yet.

        The configuration is the first of: the file named by KUBECONFIG, the pod's own service account (unless a
        context is asked for), `~/.kube/config`. With `server` none of them is read, nor any proxy variable, and no
        credentials are sent. A `transport` of the caller's carries requests and watches alike; its limits are his.
        `telemetry` is told of each request.

        Raises:
            ConfigurationError: There is no configuration, it cannot be read, or it has no such context.
        """
        config = load_config(context) if server is None else server_config(server)
        told, trust_env = telemetry or Telemetry(), server is None
        with configuring(f"context {config.context_name!r}"):
            client = Client.of(config, transport, told, trust_env=trust_env)
        return cls(client, config.namespace)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def request(  # noqa: PLR0913 -- these are the parts of an HTTP request
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: JsonObject | None = None,
        content_type: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 -- of one exchange, without the wait for its turn
        is_projected: bool = False,
    ) -> JsonObject:
        """Send one request and return the JSON object of its answer.

        Args:
            method: The HTTP method.
            path: Below the server's URL, with a leading slash, percent-encoded.
            params: The query.
            body: Sent as JSON.
            content_type: Of the body; `application/json` if not given.
            timeout: Seconds for the whole answer; `REQUEST_TIMEOUT` if not given.
            is_projected: Return no more of the object than decisions read.
        """
        where = f"{method} {path}"
        request = self._client.build(method, path, params, body=body, content_type=content_type)
        async with self._reads if method == "GET" else self._writes:
            await self._pause()
            with translated(where, credentials=CredentialsError):
                async with asyncio.timeout(REQUEST_TIMEOUT if timeout is None else timeout):
                    response, content = await self._client.exchange(request)
        if not response.is_success:
            failure = response_failure(response, content, where)
            # An overloaded API server always names a time. A webhook that denies one object with 429 does not, and is
            # nothing that all others should wait for.
            if failure.code == HTTPStatus.TOO_MANY_REQUESTS and failure.retry_after:
                wait = min(failure.retry_after, RETRY_AFTER_MAX)
                self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + wait)
            raise failure
        found = read_object(content) if is_projected else None
        return found or decode(content, where, response.status_code)

    async def _pause(self) -> None:
        """Wait until the server takes requests again: another 429 may come meanwhile."""
        while (left := self._paused_until - asyncio.get_running_loop().time()) > 0:  # noqa: ASYNC110 -- until a time
            await asyncio.sleep(left)

    async def get(self, ref: Ref) -> JsonObject:
        """Read one object."""
        return await self.request("GET", object_path(ref))

    async def find(self, ref: Ref) -> JsonObject | None:
        """Read one object; return None where there is none."""
        try:
            return await self.get(ref)
        except ApiFailure as failure:
            if failure.is_not_found:
                return None
            raise

    async def create(self, manifest: Mapping[str, Any]) -> JsonObject:
        """POST an object, in the namespace that stands in it; a field that the server does not know is refused."""
        resource = resource_of(manifest.get("apiVersion", ""), manifest.get("kind", ""))
        path = url_path(resource, manifest.get("metadata", {}).get("namespace", ""))
        params = _MANAGER | {"fieldValidation": "Strict"}
        return await self.request("POST", path, params=params, body=dict(manifest))

    async def replace(self, manifest: Mapping[str, Any]) -> JsonObject:
        """PUT an object that was read; a Conflict means that it has changed since."""
        path = object_path(Ref.of(manifest))
        return await self.request("PUT", path, params=_MANAGER, body=dict(manifest))

    async def send(self, request: Request) -> JsonObject:
        """Send what executes an action; return the object's projection, or a Status where there is none any more."""
        return await self.request(
            request.method,
            request.path,
            params=request.query,
            body=request.body,
            content_type=request.content_type,
            is_projected=True,
        )

    async def list(  # noqa: PLR0913 -- the options of a list
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
        resource_version: str | None = None,
        limit: int | None = None,
        continue_: str | None = None,
    ) -> Page:
        """Read one page of objects, of all namespaces if none is given.

        Without `resource_version` the answer is up to date; with "0" it is whatever the server's cache holds.
        Raises ApiFailure with `is_expired` when the continue token is too old.
        """
        path = url_path(resource, namespace or None)
        params = _query(
            labelSelector=label_selector,
            fieldSelector=field_selector,
            # The server refuses the two together: the token holds the version.
            resourceVersion=None if continue_ else resource_version,
            limit=None if limit is None else str(limit),
            **{"continue": continue_},
        )
        return page_of(await self.request("GET", path, params=params), resource, f"GET {path}")

    def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        resource_version: str | None,
        label_selector: str | None = None,
        timeout_seconds: int,
    ) -> AbstractAsyncContextManager[AsyncIterator[JsonObject]]:
        """Watch from `resource_version` on: `async with api.watch(...) as events: async for event in events: ...`.

        Without a version the stream begins with all that exists (WatchList): ADDED events, and then a BOOKMARK that
        `ends_initial_events`. A server that does not offer it answers 422; an old one may go on without that BOOKMARK.

        Events are `{"type": ADDED, MODIFIED, DELETED or BOOKMARK, "object": ...}`. The iterator ends when the server
        ends the stream, after about `timeout_seconds`. It raises ApiFailure for an ERROR event (`is_expired` for 410),
        for a stream that ends amid an event, and after `WATCH_SILENCE` without an event.
        """
        params = _query(
            watch="true",
            allowWatchBookmarks="true",
            resourceVersion=resource_version,
            labelSelector=label_selector,
            timeoutSeconds=str(timeout_seconds),
            **({} if resource_version else _INITIAL_EVENTS),
        )
        return self._stream(resource.kind, url_path(resource, namespace or None), params)

    @asynccontextmanager
    async def _stream(
        self, kind: str, path: str, params: Mapping[str, str]
    ) -> AsyncGenerator[AsyncIterator[JsonObject], None]:
        where = f"watch {path}"
        request = self._client.build("GET", path, params, is_stream=True)
        with translated(where, credentials=CredentialsError):
            async with asyncio.timeout(REQUEST_TIMEOUT):
                response, _ = await self._client.exchange(request, stream=True)
        try:
            if not response.is_success:
                with translated(where):
                    async with asyncio.timeout(REQUEST_TIMEOUT):
                        content = await response.aread()
                raise response_failure(response, content, where)
            yield Events(response, kind, where)
        finally:
            with suppress(httpx2.HTTPError):  # nothing more is wanted of it
                await response.aclose()


def _query(**params: str | None) -> dict[str, str]:
    return {name: value for name, value in params.items() if value is not None}

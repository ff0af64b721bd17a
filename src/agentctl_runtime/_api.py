"""Talking to the API server: the only module that imports lightkube.

lightkube does the configuration, TLS, credentials and encoding; its typed models, retries and watches are not used.
Objects are plain dicts in Kubernetes' JSON form, so nothing that the models do not know is lost. lightkube tells
failures by Content-Type and raises four unrelated exceptions for them; all of them become one: `ApiFailure`.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import urlencode
from urllib.request import getproxies

import httpx2
import msgspec
import yaml
from lightkube.config.client_adapter import ConnectionParams
from lightkube.config.kubeconfig import DEFAULT_KUBECONFIG, SERVICE_ACCOUNT, KubeConfig, SingleConfig
from lightkube.config.models import Cluster, User
from lightkube.core.exceptions import ConfigError
from lightkube.core.generic_client import GenericAsyncClient

from agentctl_core import Ref
from agentctl_core.host import FIELD_MANAGER, Request, Resource

from ._answers import Events, Page, page_of
from ._failure import NOT_SENT, RETRY_AFTER_MAX, ApiFailure, JsonObject, decode, response_failure, translated
from ._http import Body, TargetedRequest, Transport
from ._projected import read_object
from ._resources import object_path, resource_of, url_path
from ._telemetry import Telemetry

WRITES_IN_FLIGHT = 32
"""More gain nothing, and each has a connection of its own."""

READS_IN_FLIGHT = 32
"""Apart from the writes, so that neither starves the other."""

CONNECT_TIMEOUT = 10.0
"""Seconds for a connection to be made."""

REQUEST_TIMEOUT = 45.0
"""Seconds for one request to be answered: an admission webhook alone may take 30."""

_MANAGER = {"fieldManager": FIELD_MANAGER}
_INITIAL_EVENTS = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
_TIMEOUTS = {"timeout": httpx2.Timeout(REQUEST_TIMEOUT, connect=CONNECT_TIMEOUT).as_dict()}
_STREAM_TIMEOUTS = {"timeout": httpx2.Timeout(REQUEST_TIMEOUT, connect=CONNECT_TIMEOUT, read=None).as_dict()}
_HEADERS = ((b"Accept", b"application/json"), (b"User-Agent", b"agentctl"))
_ENCODING = (b"Accept-Encoding", b"gzip")
_STREAM_ENCODING = (b"Accept-Encoding", b"identity")
"""Kubernetes compresses a stream that begins with a list as one gzip member for each event; httpx2 reads the first."""
_NO_TARGET = re.compile(rb"[\x00-\x20\x7f]")
_EXEC_VERSIONS = {f"client.authentication.k8s.io/{version}" for version in ("v1alpha1", "v1beta1")}


class ConfigurationError(Exception):
    """There is no usable cluster configuration; the message says what to set."""


class _Params(ConnectionParams):
    """lightkube's parameters, which keep what they come to.

    Where the environment names proxies httpx2 connects, which knows about them; else our own transport does.
    """

    def httpx_params(self, config: SingleConfig) -> dict[str, Any]:
        params = cast("dict[str, Any]", super().httpx_params(config))  # pyright: ignore[reportUnknownMemberType]
        self.tls = cast("ssl.SSLContext", params["verify"])
        self.auth = cast("httpx2.Auth | None", params["auth"])
        if self.transport is None and self.trust_env and getproxies():
            params["limits"] = httpx2.Limits(max_connections=None)
        elif self.transport is None:
            params["transport"] = Transport(self.tls)
        self.carrier = cast("httpx2.AsyncBaseTransport | None", params["transport"])
        return params


class _Client(GenericAsyncClient):
    """lightkube's client with the methods that it has no types for."""

    _tls: ssl.SSLContext
    _authority: Path | None
    _telemetry: Telemetry
    _base: httpx2.URL
    _host: str
    _auth: httpx2.Auth | None
    _carrier: httpx2.AsyncBaseTransport | None  # None: by way of a proxy, which httpx2's client finds

    @classmethod
    def of(
        cls,
        config: SingleConfig,
        transport: httpx2.AsyncBaseTransport | None,
        telemetry: Telemetry,
        *,
        trust_env: bool,
    ) -> Self:
        # Its annotation names the synchronous transport alone, but it is handed on unseen.
        params = _Params(timeout=None, trust_env=trust_env, transport=cast("Any", transport))
        client = cls(params, config)
        authority = config.cluster.certificate_auth
        client._tls, client._authority = params.tls, Path(config.abs_file(authority)) if authority else None
        client._telemetry = telemetry
        client._base = client._client.base_url
        client._host = client._base.netloc.decode("ascii")
        client._auth, client._carrier = params.auth or _auth_in(client._base), params.carrier
        return client

    def build(  # noqa: PLR0913 -- the parts of an HTTP request
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        *,
        body: JsonObject | None = None,
        content_type: str | None = None,
        is_stream: bool = False,
    ) -> TargetedRequest:
        """Return a request. By hand: httpx2 merges what is the same for all.

        Raises:
            ApiFailure: it cannot be sent.
        """
        headers = [(b"Host", self._base.netloc), *_HEADERS, _STREAM_ENCODING if is_stream else _ENCODING]
        try:
            content = b"" if body is None else msgspec.json.encode(body)
            below = path.removeprefix("/")
            target = self._base.raw_path + (f"{below}?{_query_of(tuple(params.items()))}" if params else below).encode(
                "ascii"
            )
        except (UnicodeEncodeError, RecursionError) as error:
            raise ApiFailure(f"{method} {path}: cannot be sent: {error}", reason=NOT_SENT) from error
        if _NO_TARGET.search(target):
            raise ApiFailure(
                f"{method} {path!r}: cannot be sent: it holds a space or a control character", reason=NOT_SENT
            )
        if body is not None:
            headers.append((b"Content-Type", (content_type or "application/json").encode("ascii")))
            headers.append((b"Content-Length", b"%d" % len(content)))
        timeouts = _STREAM_TIMEOUTS if is_stream else _TIMEOUTS
        return TargetedRequest(method, self._base, target, headers=headers, content=content, extensions=timeouts)

    async def exchange(self, request: TargetedRequest, *, stream: bool = False) -> tuple[httpx2.Response, bytes]:
        """Send a request; return the answer and its content, of a stream none."""
        with self._telemetry.requesting(request.method, self._host, request.path) as answered:
            try:
                response = await self._send(request)
                content = b"" if stream else await _content(response)
            except httpx2.ConnectError as error:
                if self._authority and "CERTIFICATE_VERIFY_FAILED" in str(error):
                    # Perhaps it was replaced on disk, as Kubernetes does in pods: the next attempt trusts it too.
                    self._tls.load_verify_locations(self._authority)
                raise
            answered(response.status_code)
        return response, content

    async def _send(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request with the credentials that lightkube knows: httpx2's client takes as long as the rest."""
        if self._carrier is None:
            return await self._client.send(request, stream=True)
        if self._auth is None:
            return await self._carrier.handle_async_request(request)
        flow = self._auth.async_auth_flow(request)
        try:
            request = await anext(flow)
            while True:
                response = await self._carrier.handle_async_request(request)
                try:
                    request = await flow.asend(response)
                except StopAsyncIteration:
                    return response
                except BaseException:
                    await response.aclose()
                    raise
                await response.aclose()
        finally:
            await flow.aclose()

    async def aclose(self) -> None:
        await self._client.aclose()


def _auth_in(url: httpx2.URL) -> httpx2.Auth | None:
    """Return the credentials that stand in a server's URL."""
    return httpx2.BasicAuth(url.username, url.password) if url.userinfo else None


@lru_cache(maxsize=64)
def _query_of(params: tuple[tuple[str, str], ...]) -> str:
    """Return a query as it stands in a URL: most requests have one of a few."""
    return urlencode(params)


async def _content(response: httpx2.Response) -> bytes:
    """Read an answer to its end. httpx2 takes longer for that than for the rest, and is left what it has to decode."""
    if isinstance(response.stream, Body) and "Content-Encoding" not in response.headers:
        return await response.stream.whole()
    try:
        return await response.aread()
    except BaseException:
        await response.aclose()
        raise


class Api:
    """A connection to one API server.

    Every method raises ApiFailure (and CancelledError), nothing else. A write that failed transiently may have been
    done all the same. At most `WRITES_IN_FLIGHT` writes and `READS_IN_FLIGHT` reads run at a time, the rest wait for
    their turn; after a 429 that names a time all of them wait as long as the server asks, since API priority and
    fairness means the client and not one of its requests. Watches wait for nobody. What must not wait
    behind a burst, such as the renewal of a Lease, wants an Api of its own.
    """

    def __init__(self, client: _Client, namespace: str) -> None:
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
        config = _load_config(context) if server is None else _server_config(server)
        told, trust_env = telemetry or Telemetry(), server is None
        with _configuring(f"context {config.context_name!r}"):
            client = _Client.of(config, transport, told, trust_env=trust_env)
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
            with translated(where, credentials=ConfigError):
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
        with translated(where, credentials=ConfigError):
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


def _server_config(server: str) -> SingleConfig:
    user = User()  # lightkube wants one, be it empty
    return _selected(KubeConfig.from_one(cluster=Cluster(server=server), user=user, context_name="server"), None)


def _load_config(context: str | None) -> SingleConfig:
    # lightkube would let the service account win over KUBECONFIG, which somebody set on purpose.
    path = _kubeconfig_path()
    in_cluster = path is None and context is None and _has_service_account()
    with _configuring("the service account" if in_cluster else str(path or DEFAULT_KUBECONFIG)):
        if in_cluster:
            loaded = KubeConfig.from_service_account(SERVICE_ACCOUNT)
        else:
            loaded = KubeConfig.from_file(path or DEFAULT_KUBECONFIG)
        config = _selected(loaded, context)
        plugin = config.user.exec if config.user else None
        if plugin is not None and plugin.apiVersion not in _EXEC_VERSIONS:
            raise ConfigError(f"credential plugins of {plugin.apiVersion} are not supported; v1beta1, tokens and "
                              "client certificates are")  # fmt: skip
    return config._replace(user=config.user or User())


def _selected(loaded: KubeConfig, context: str | None) -> SingleConfig:
    config = loaded.get(context)
    if config is None:
        raise ConfigError("no context is selected")
    return config


def _has_service_account() -> bool:
    return "KUBERNETES_SERVICE_HOST" in os.environ and Path(SERVICE_ACCOUNT, "token").is_file()


def _kubeconfig_path() -> str | None:
    paths = [path for path in os.environ.get("KUBECONFIG", "").split(os.pathsep) if path]
    if len(paths) > 1:
        raise ConfigurationError(
            f"KUBECONFIG names {len(paths)} files, but only one can be read: merge them with "
            "`kubectl config view --flatten` into one file and set KUBECONFIG to it"
        )
    return paths[0] if paths else None


@contextmanager
def _configuring(source: str) -> Generator[None, None, None]:
    """Turn whatever lightkube raises over a configuration into ConfigurationError: it checks hardly anything."""
    try:
        yield
    except (
        ConfigError, yaml.YAMLError, httpx2.InvalidURL, OSError, ValueError, LookupError, TypeError, AttributeError,
    ) as error:  # fmt: skip
        raise ConfigurationError(
            f"cannot configure the connection to the cluster from {source}: {_wrong(error)}. Set KUBECONFIG to a "
            "kubeconfig file, choose one of its contexts, or run in a pod with a service account"
        ) from None  # these errors quote the file, and with it the credentials


def _wrong(error: Exception) -> str:
    """Say what is wrong with a configuration without a word of what may be a credential."""
    match error:
        case yaml.MarkedYAMLError(problem_mark=yaml.Mark(line=line, column=column)):
            return f"it is not YAML, at line {line + 1}, column {column + 1}"
        case yaml.YAMLError():
            return "it is not YAML"
        case httpx2.InvalidURL():
            return "the cluster's server is not a URL"
        case KeyError():
            return f"{error.args[0]!r} is missing"
        case _:
            return str(error)

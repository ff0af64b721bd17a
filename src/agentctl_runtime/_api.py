"""Talking to the API server: the only module that imports lightkube.

lightkube does the configuration, TLS, credentials and encoding; its typed models, retries and watches are not used.
Objects are plain dicts in Kubernetes' JSON form, so nothing that the models do not know is lost. lightkube tells
failures by Content-Type and raises four unrelated exceptions for them; here all of them become one: `ApiFailure`.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias, cast
from urllib.parse import quote

import httpx2
import msgspec
import yaml
from attrs import frozen
from lightkube.config.client_adapter import ConnectionParams
from lightkube.config.kubeconfig import DEFAULT_KUBECONFIG, SERVICE_ACCOUNT, KubeConfig, SingleConfig
from lightkube.config.models import Cluster, User
from lightkube.core.exceptions import ConfigError
from lightkube.core.generic_client import BasicRequest, GenericAsyncClient

from agentctl_core import Ref

JsonObject: TypeAlias = dict[str, Any]

WRITES_IN_FLIGHT = 32
"""More gain nothing, and waiting for the 100 connections of the pool ends in PoolTimeout when a burst is unbounded."""

READS_IN_FLIGHT = 32
"""Apart from the writes, so that neither starves the other. Both together fit into the pool's 100 connections."""

CONNECT_TIMEOUT = 10.0
"""Seconds for a connection to be made."""

REQUEST_TIMEOUT = 45.0
"""Seconds for one request to be answered: an admission webhook alone may take 30."""

WATCH_SILENCE = 75.0
"""Seconds without an event after which a watch is dead: the API server sends a bookmark every minute."""

MERGE_PATCH = "application/merge-patch+json"
INVALID_RESPONSE = "InvalidResponse"
NOT_SENT = "NotSent"

_HEADERS = {"Accept": "application/json", "User-Agent": "agentctl"}
_UID_FIELD = "metadata.uid"
_MAX_RETRY_AFTER = 3600.0
_EXEC_VERSIONS = {f"client.authentication.k8s.io/{version}" for version in ("v1alpha1", "v1beta1")}
_EVENT_TYPES = frozenset({"ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"})


class ConfigurationError(Exception):
    """There is no usable cluster configuration; the message says what to set."""


class ApiFailure(Exception):  # noqa: N818 -- an error or an observation: its caller decides
    """A request that did not succeed. Exactly one of the `is_...` properties is true for each failure.

    Attributes:
        message: What the server said, or what was wrong with its answer or with the connection.
        code: The HTTP status code (of an ERROR event: the Status object's); None when there was no answer.
        reason: The Status object's machine-readable reason, for example `AlreadyExists`. Of our own: `Timeout`,
            `ConnectionFailed`, `CredentialsFailed`, `InvalidResponse` (not what Kubernetes answers; perhaps a proxy)
            and `NotSent` (the request makes no sense: no such kind, an empty name).
        status: The Kubernetes Status object, when there is one.
        retry_after: Seconds to wait as the server asked, in a header or in the Status object.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        reason: str = "",
        status: JsonObject | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = reason
        self.status = status
        self.retry_after = retry_after

    @property
    def is_not_found(self) -> bool:
        """The object, its namespace or its kind is not there."""
        return self.code == HTTPStatus.NOT_FOUND

    @property
    def is_already_exists(self) -> bool:
        """An object of that name is there, possibly on its way out."""
        return self.code == HTTPStatus.CONFLICT and self.reason == "AlreadyExists"

    @property
    def is_conflict(self) -> bool:
        """A precondition (uid or resourceVersion) does not hold: observe again.

        Measured: DELETE answers 409 Conflict for either; PATCH does so for a resourceVersion, but a uid that is not the
        object's is 422 Invalid with `metadata.uid` among its causes, which is no verdict on the object.
        """
        if self.code == HTTPStatus.UNPROCESSABLE_ENTITY:
            return _UID_FIELD in _invalid_fields(self.status)
        return self.code == HTTPStatus.CONFLICT and self.reason == "Conflict"

    @property
    def is_expired(self) -> bool:
        """The resourceVersion or continue token is too old: list again."""
        if self.is_not_found or self.is_already_exists or self.is_conflict:
            return False
        return self.code == HTTPStatus.GONE or self.reason in {"Expired", "Gone"}

    @property
    def is_refusal(self) -> bool:
        """The server will not take this object, now or later, until something else changes.

        Invalid, forbidden, over quota, too large, denied by a webhook. An error page of something between us and the
        server (`InvalidResponse`) is none, except 413, which whoever says it means the object.
        """
        if self.code is None:
            return self.reason == NOT_SENT
        if self.is_expired or self.is_conflict:
            return False
        if self.reason == INVALID_RESPONSE:
            return self.code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return 400 <= self.code < 500 and self.code not in {401, 404, 408, 409, 410, 429}  # noqa: PLR2004 -- 4xx

    @property
    def is_transient(self) -> bool:
        """Everything else, for example 401, 429, 5xx and a lost connection: try again later, with backoff."""
        return not (
            self.is_not_found or self.is_already_exists or self.is_conflict or self.is_expired or self.is_refusal
        )


@frozen
class Resource:
    """One kind as the API server serves it."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True


POD = Resource("v1", "Pod", "pods")
SERVICE = Resource("v1", "Service", "services")
CONFIG_MAP = Resource("v1", "ConfigMap", "configmaps")
PERSISTENT_VOLUME_CLAIM = Resource("v1", "PersistentVolumeClaim", "persistentvolumeclaims")
NAMESPACE = Resource("v1", "Namespace", "namespaces", namespaced=False)
EVENT = Resource("events.k8s.io/v1", "Event", "events")
LEASE = Resource("coordination.k8s.io/v1", "Lease", "leases")
AGENT = Resource("agentctl.dev/v1alpha1", "Agent", "agents")
CUSTOM_RESOURCE_DEFINITION = Resource(
    "apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False
)

_RESOURCES: Mapping[tuple[Any, Any], Resource] = {
    (resource.api_version, resource.kind): resource
    for resource in (
        POD, SERVICE, CONFIG_MAP, PERSISTENT_VOLUME_CLAIM, NAMESPACE, EVENT, LEASE, AGENT, CUSTOM_RESOURCE_DEFINITION,
    )
}  # fmt: skip


def resource_of(api_version: str, kind: str) -> Resource:
    """Look a kind up in the table. Raises ApiFailure (a refusal) for a kind that is not in it."""
    resource = _RESOURCES.get((api_version, kind))
    if resource is None:
        raise ApiFailure(f"no such kind is handled here: {api_version} {kind}", reason=NOT_SENT)
    return resource


@frozen
class Page:
    """One answer to a list: `continue_` is empty on the last page. Items always carry apiVersion and kind."""

    items: list[JsonObject]
    resource_version: str
    continue_: str


class _Client(GenericAsyncClient):
    """lightkube's client with the methods that it has no types for."""

    @classmethod
    def of(cls, config: SingleConfig, transport: httpx2.AsyncBaseTransport | None, *, trust_env: bool) -> Self:
        timeout = httpx2.Timeout(REQUEST_TIMEOUT, connect=CONNECT_TIMEOUT)
        # Its annotation names the synchronous transport alone, but it is handed on unseen.
        params = ConnectionParams(timeout=timeout, trust_env=trust_env, transport=cast("Any", transport))
        return cls(params, config)

    async def exchange(self, request: httpx2.Request, *, stream: bool = False) -> httpx2.Response:
        return await self._client.send(request, stream=stream)

    async def aclose(self) -> None:
        await self._client.aclose()


class Api:
    """A connection to one API server.

    Every method raises ApiFailure (and CancelledError), nothing else. A write that failed transiently may have been
    done all the same. At most `WRITES_IN_FLIGHT` writes and `READS_IN_FLIGHT` reads run at a time, the rest wait for
    their turn; watches have connections of their own. What must not wait behind a burst, such as the renewal of a
    Lease, wants an Api of its own.
    """

    def __init__(self, requests: _Client, watches: _Client, namespace: str, field_manager: str) -> None:
        self.namespace = namespace
        """The default namespace of the context."""
        self._requests = requests
        self._watches = watches
        self._field_manager = field_manager
        self._writes = asyncio.Semaphore(WRITES_IN_FLIGHT)
        self._reads = asyncio.Semaphore(READS_IN_FLIGHT)

    @classmethod
    def connect(
        cls,
        *,
        context: str | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        server: str | None = None,
        field_manager: str = "agentctl",
    ) -> Self:
        """Prepare a connection; nothing is sent yet.

        The configuration is the first of: the file named by KUBECONFIG, the pod's own service account (unless a
        context is asked for), `~/.kube/config`. With `server` none of them is read, nor any proxy variable, and no
        credentials are sent. A `transport` of the caller's carries requests and watches alike; its limits are his.

        Raises:
            ConfigurationError: There is no configuration, it cannot be read, or it has no such context.
        """
        config = _load_config(context) if server is None else _server_config(server)
        with _configuring(f"context {config.context_name!r}"):
            requests = _Client.of(config, transport, trust_env=server is None)
            watches = requests if transport is not None else _Client.of(config, None, trust_env=server is None)
        return cls(requests, watches, config.namespace, field_manager)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._requests.aclose()
        if self._watches is not self._requests:
            await self._watches.aclose()

    async def request(  # noqa: PLR0913 -- these are the parts of an HTTP request
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: JsonObject | None = None,
        content_type: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 -- of one exchange, without the wait for its turn
    ) -> JsonObject:
        """Send one request and return the JSON object of its answer.

        Args:
            method: The HTTP method.
            path: Below the server's URL, without a leading slash, percent-encoded.
            params: The query.
            body: Sent as JSON.
            content_type: Of the body; `application/json` if not given.
            timeout: Seconds for the whole answer; `REQUEST_TIMEOUT` if not given.
        """
        where = f"{method} /{path}"
        request = _build(self._requests, method, path, params, body=body, content_type=content_type)
        async with self._reads if method == "GET" else self._writes:
            with _translated(where):
                async with asyncio.timeout(REQUEST_TIMEOUT if timeout is None else timeout):
                    response = await self._requests.exchange(request)
        if not response.is_success:
            raise _failure(response, where)
        return _decode(response.content, where, response.status_code)

    async def get(self, ref: Ref) -> JsonObject:
        """Read one object."""
        return await self.request("GET", _object_path(ref))

    async def create(self, manifest: Mapping[str, Any]) -> JsonObject:
        """POST an object, in the namespace that stands in it; a field that the server does not know is refused."""
        resource = resource_of(manifest.get("apiVersion", ""), manifest.get("kind", ""))
        path = _path(resource, manifest.get("metadata", {}).get("namespace", ""))
        return await self.request("POST", path, params=self._write_params(), body=dict(manifest))

    async def patch(self, ref: Ref, body: JsonObject, *, subresource: str | None = None) -> JsonObject:
        """Merge-patch (RFC 7386) an object or, for example, its `status`. Preconditions stand in `body.metadata`."""
        path = _object_path(ref, subresource)
        return await self.request("PATCH", path, params=self._write_params(), body=body, content_type=MERGE_PATCH)

    async def delete(
        self,
        ref: Ref,
        *,
        uid: str,
        resource_version: str | None = None,
        propagation: str = "Background",
        grace_seconds: int | None = None,
    ) -> JsonObject:
        """Delete the object that has this uid (and resourceVersion); a Conflict means that it is another one now.

        `propagation` is Background, Foreground or Orphan; without `grace_seconds` the object's own period holds.
        Returns the object on its way out, or a Status when it is gone already.
        """
        preconditions = {"uid": uid} | ({"resourceVersion": resource_version} if resource_version else {})
        options: JsonObject = {"propagationPolicy": propagation, "preconditions": preconditions}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        return await self.request("DELETE", _object_path(ref), body=options)

    async def list(  # noqa: PLR0913 -- the options of a list
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str | None = None,
        resource_version: str | None = None,
        limit: int | None = None,
        continue_: str | None = None,
    ) -> Page:
        """Read one page of objects, of all namespaces if none is given.

        Without `resource_version` the answer is up to date; with "0" it is whatever the server's cache holds.
        Raises ApiFailure with `is_expired` when the continue token is too old.
        """
        path = _path(resource, namespace or None)
        params = _query(
            labelSelector=label_selector,
            # The server refuses the two together: the token holds the version.
            resourceVersion=None if continue_ else resource_version,
            limit=None if limit is None else str(limit),
            **{"continue": continue_},
        )
        return _page(await self.request("GET", path, params=params), resource, f"GET /{path}")

    def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str | None = None,
        timeout_seconds: int,
    ) -> AbstractAsyncContextManager[AsyncIterator[JsonObject]]:
        """Watch from `resource_version` on: `async with api.watch(...) as events: async for event in events: ...`.

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
        )
        return self._stream(_path(resource, namespace or None), params)

    @asynccontextmanager
    async def _stream(self, path: str, params: Mapping[str, str]) -> AsyncGenerator[AsyncIterator[JsonObject], None]:
        where = f"watch /{path}"
        request = _build(self._watches, "GET", path, params, timeout=httpx2.Timeout(REQUEST_TIMEOUT, read=None))
        with _translated(where):
            async with asyncio.timeout(REQUEST_TIMEOUT):
                response = await self._watches.exchange(request, stream=True)
        try:
            if not response.is_success:
                with _translated(where):
                    async with asyncio.timeout(REQUEST_TIMEOUT):
                        await response.aread()
                raise _failure(response, where)
            yield _Events(response, where)
        finally:
            with suppress(httpx2.HTTPError):  # nothing more is wanted of it
                await response.aclose()

    def _write_params(self) -> dict[str, str]:
        return {"fieldManager": self._field_manager, "fieldValidation": "Strict"}


class _Events:
    """The events of one watch. Splits at LF only: `aiter_lines` splits inside JSON strings, at U+0085 and others."""

    def __init__(self, response: httpx2.Response, where: str) -> None:
        self._chunks = response.aiter_bytes()
        self._where = where
        self._lines: deque[bytes] = deque()
        self._rest = b""

    def __aiter__(self) -> AsyncIterator[JsonObject]:
        return self

    async def __anext__(self) -> JsonObject:
        if not self._lines:
            with _translated(self._where, silence="nothing came, not even a bookmark"):
                async with asyncio.timeout(WATCH_SILENCE):
                    await self._read()
        if not self._lines:
            raise StopAsyncIteration
        return _event(self._lines.popleft(), self._where)

    async def _read(self) -> None:
        while not self._lines:
            chunk = await anext(self._chunks, None)
            if chunk is None:
                if self._rest.strip():
                    raise ApiFailure(f"{self._where}: the stream ended amid an event", reason=INVALID_RESPONSE)
                return
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            self._lines.extend(line for line in lines if line.strip())


def _event(line: bytes, where: str) -> JsonObject:
    event = _decode(line, where)
    manifest: object = event.get("object")
    if event.get("type") in _EVENT_TYPES and isinstance(manifest, dict):
        described = cast("JsonObject", manifest)
        if event["type"] == "ERROR":
            raise _status_failure(described, where)
        metadata: object = described.get("metadata")
        if isinstance(metadata, dict) and isinstance(cast("JsonObject", metadata).get("resourceVersion"), str):
            return event
    raise ApiFailure(f"{where}: not a watch event: {_excerpt(line)}", reason=INVALID_RESPONSE)


def _query(**params: str | None) -> dict[str, str]:
    return {name: value for name, value in params.items() if value is not None}


def _object_path(ref: Ref, subresource: str | None = None) -> str:
    resource = resource_of(ref.api_version, ref.kind)
    return _path(resource, ref.namespace, ref.name, *([subresource] if subresource is not None else []))


def _path(resource: Resource, namespace: str | None, *names: str) -> str:
    parts = ["apis" if "/" in resource.api_version else "api", *resource.api_version.split("/")]
    if resource.namespaced and namespace is not None:
        parts += ["namespaces", namespace]
    return "/".join(_segment(part) for part in [*parts, resource.plural, *names])


def _segment(name: str) -> str:
    """Percent-encode a name. Without one, or with dots that URLs resolve, a DELETE would reach the collection."""
    if name in {"", ".", ".."}:
        raise ApiFailure(f"{name!r} is no name: a namespace or a name is missing", reason=NOT_SENT)
    return quote(name, safe="", errors="replace")


def _build(  # noqa: PLR0913 -- the parts of an HTTP request
    client: _Client,
    method: str,
    path: str,
    params: Mapping[str, str] | None,
    *,
    body: JsonObject | None = None,
    content_type: str | None = None,
    timeout: httpx2.Timeout | None = None,
) -> httpx2.Request:
    headers = _HEADERS | ({"Content-Type": content_type} if content_type else {})
    request = BasicRequest(method, path, params=dict(params or {}), data=body, headers=headers, timeout=timeout)
    try:
        return client.build_adapter_request(request)
    except (UnicodeEncodeError, RecursionError, httpx2.InvalidURL) as error:
        raise ApiFailure(f"{method} /{path}: cannot be sent: {error}", reason=NOT_SENT) from error


@contextmanager
def _translated(where: str, silence: str = "no answer in time") -> Generator[None, None, None]:
    """Turn whatever sending or reading raises into ApiFailure. Credential plugins run inside of it, too."""
    try:
        yield
    except TimeoutError as error:
        raise ApiFailure(f"{where}: {silence}", reason="Timeout") from error
    except httpx2.TimeoutException as error:
        raise ApiFailure(f"{where}: {_described(error)}", reason="Timeout") from error
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError) as error:
        raise ApiFailure(f"{where}: {_described(error)}", reason="ConnectionFailed") from error
    except (ConfigError, LookupError, ValueError) as error:
        raise ApiFailure(f"{where}: credentials: {_described(error)}", reason="CredentialsFailed") from error


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _failure(response: httpx2.Response, where: str) -> ApiFailure:
    code, retry_after = response.status_code, _seconds(response.headers.get("Retry-After"))
    with suppress(ApiFailure):
        status = _decode(response.content, where)
        if status.get("kind") == "Status":
            return _status_failure(status, where, code, retry_after)
    kind = response.headers.get("Content-Type", "no Content-Type")
    message = f"{where}: {code}, not from Kubernetes ({kind}): {_excerpt(response.content)}"
    return ApiFailure(message, code=code, reason=INVALID_RESPONSE, retry_after=retry_after)


def _status_failure(
    status: JsonObject, where: str, code: int | None = None, retry_after: float | None = None
) -> ApiFailure:
    if code is None and isinstance(status.get("code"), int):
        code = status["code"]
    details = status.get("details")
    if retry_after is None and isinstance(details, dict):
        retry_after = _seconds(cast("JsonObject", details).get("retryAfterSeconds"))
    reason = status.get("reason")
    return ApiFailure(
        str(status.get("message") or f"{where}: {code} {reason}"),
        code=code,
        reason=reason if isinstance(reason, str) else "",
        status=status,
        retry_after=retry_after,
    )


def _invalid_fields(status: JsonObject | None) -> list[object]:
    details: object = (status or {}).get("details")
    causes: object = cast("JsonObject", details).get("causes") if isinstance(details, dict) else None
    listed = cast("list[object]", causes) if isinstance(causes, list) else []
    return [cast("JsonObject", cause).get("field") for cause in listed if isinstance(cause, dict)]


def _seconds(value: object) -> float | None:
    """Read a Retry-After. Kubernetes gives whole seconds; HTTP's other form, a date, is passed over."""
    text = str(value)
    return min(float(text), _MAX_RETRY_AFTER) if text.isdecimal() and float(text) > 0 else None


def _decode(content: bytes, where: str, code: int | None = None) -> JsonObject:
    """Read a JSON object, whatever Content-Type says: it may be missing or wrong."""
    try:
        decoded: object = msgspec.json.decode(content)
    except (ValueError, RecursionError) as error:  # msgspec's errors and UnicodeDecodeError are ValueErrors
        message = f"{where}: the answer is not JSON ({error}): {_excerpt(content)}"
        raise ApiFailure(message, code=code, reason=INVALID_RESPONSE) from error
    if not isinstance(decoded, dict):
        message = f"{where}: the answer is not a JSON object: {_excerpt(content)}"
        raise ApiFailure(message, code=code, reason=INVALID_RESPONSE)
    return cast("JsonObject", decoded)


def _excerpt(content: bytes) -> str:
    return repr(content[:200].decode(errors="replace"))


def _page(answer: JsonObject, resource: Resource, where: str) -> Page:
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
    return Page(named, version, cast("JsonObject", metadata).get("continue") or "")


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
    except (ConfigError, yaml.YAMLError, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        problem = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise ConfigurationError(
            f"cannot configure the connection to the cluster from {source}: {problem}. Set KUBECONFIG to a kubeconfig "
            "file, choose one of its contexts, or run in a pod with a service account"
        ) from error

"""One request at a time: lightkube's client with our own transport under it, and httpx2's client passed by.

lightkube does the configuration, TLS and credentials; its typed models, retries and watches are not used.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Self, TypeAlias, cast
from urllib.parse import urlencode
from urllib.request import getproxies

import httpx2
import msgspec
from lightkube.config.client_adapter import ConnectionParams
from lightkube.config.kubeconfig import SingleConfig
from lightkube.core.exceptions import ConfigError
from lightkube.core.generic_client import GenericAsyncClient

from ._failure import NOT_SENT, ApiFailure, JsonObject
from ._http import Body, TargetedRequest, Transport
from ._telemetry import Telemetry

CredentialsError: TypeAlias = ConfigError
"""What lightkube raises over credentials, when they are needed."""

CONNECT_TIMEOUT = 10.0
"""Seconds for a connection to be made."""

REQUEST_TIMEOUT = 45.0
"""Seconds for one request to be answered: an admission webhook alone may take 30."""

_TIMEOUTS = {"timeout": httpx2.Timeout(REQUEST_TIMEOUT, connect=CONNECT_TIMEOUT).as_dict()}
_STREAM_TIMEOUTS = {"timeout": httpx2.Timeout(REQUEST_TIMEOUT, connect=CONNECT_TIMEOUT, read=None).as_dict()}
_HEADERS = ((b"Accept", b"application/json"), (b"User-Agent", b"agentctl"))
_ENCODING = (b"Accept-Encoding", b"gzip")
_STREAM_ENCODING = (b"Accept-Encoding", b"identity")
"""Kubernetes compresses a stream that begins with a list as one gzip member for each event; httpx2 reads the first."""
_NO_TARGET = re.compile(rb"[\x00-\x20\x7f]")


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


class Client(GenericAsyncClient):
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

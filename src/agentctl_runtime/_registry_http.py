"""The HTTP side of an image look-up: bounded answers, few redirects, a token that never leaves its registry.

The host comes from an Agent's spec and its answers from whoever runs it, so nothing of an answer's body is ever quoted.
Tokens: https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Final, Literal

import httpx2
import msgspec
from attrs import frozen

from agentctl_core import ImageError

from ._reference import Reference, is_domain

MAX_PORT: Final = 65535
MAX_REDIRECTS: Final = 3
MAX_TOTAL: Final = 32 * 1024 * 1024
"""Bytes that one look-up reads at most."""
MAX_ASIDE: Final = 64 * 1024
"""Bytes of a token's answer, and of an error's as far as it is read."""

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_NOT_FOUND: Final = frozenset({"MANIFEST_UNKNOWN", "NAME_UNKNOWN"})
_FORBIDDEN: Final = frozenset({"UNAUTHORIZED", "DENIED"})
_BEARER = re.compile(r"(?:^|,)\s*bearer\s+", re.IGNORECASE)
_PARAMETER = re.compile(r'[\s,]*([A-Za-z][A-Za-z0-9_-]*)=(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))')
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")


class LookUpFailed(Exception):  # noqa: N818 -- it carries the answer to whoever asked
    """The look-up ends here, with this error."""

    def __init__(self, reason: Literal["NotFound", "Forbidden", "Unreachable"], message: str) -> None:
        super().__init__(message)
        self.error = ImageError(reason, message)


@frozen
class Answer:
    """One answer, read as far as it may be."""

    status: int
    headers: httpx2.Headers
    content: bytes


class PlainHosts:
    """The registries that are spoken to over plain HTTP, because the operator's owner named them; all others use TLS.

    Raises:
        ValueError: one of the names is none of a host, with or without a port.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._origins = {_named_origin(name) for name in names}

    def base(self, host: str) -> httpx2.URL:
        """Return the root of a registry's API."""
        plain = httpx2.URL(f"http://{host}/v2/")
        return plain if _origin(plain) in self._origins else httpx2.URL(f"https://{host}/v2/")

    def allow(self, url: httpx2.URL) -> bool:
        """Tell whether a request may go there."""
        has_host = bool(url.raw_host) and (url.port is None or 0 < url.port <= MAX_PORT)
        return has_host and (url.scheme == "https" or _origin(url) in self._origins)


class Exchange:
    """The requests of one look-up, all of one repository; its token, if there is one, is forgotten with it.

    Raises:
        httpx2.InvalidURL: the registry's name is no host after all.
    """

    def __init__(self, client: httpx2.AsyncClient, reference: Reference, plain: PlainHosts) -> None:
        self.reference = reference
        self._client = client
        self._plain = plain
        self._base = plain.base(reference.host).join(f"{reference.name}/")
        self._token: str | None = None
        self._fetching = asyncio.Lock()
        self._left = MAX_TOTAL

    async def get(self, path: str, accept: str, limit: int, *, is_part: bool = False) -> Answer:
        """Read a manifest or blob of at most `limit` bytes; `path` is relative to the repository.

        With `is_part` it belongs to an image that is there, so that its absence is a fault of the registry.

        Raises:
            LookUpFailed: there is no such thing, or it cannot be read.
        """
        url, token = self._base.join(path), self._token
        answer = await self._follow(url, accept, limit, token)
        if answer.status == HTTPStatus.UNAUTHORIZED and token is None:
            async with self._fetching:
                if self._token is None:
                    self._token = await self._fetch_token(answer.headers)
            answer = await self._follow(url, accept, limit, self._token)
        if answer.status != HTTPStatus.OK:
            raise self._failure(answer, is_part=is_part)
        return answer

    def unreachable(self, what: str) -> LookUpFailed:
        """Return the error for whatever is neither absence nor refusal."""
        return unreachable(self.reference, what)

    async def _follow(self, url: httpx2.URL, accept: str, limit: int, token: str | None = None) -> Answer:
        for _ in range(MAX_REDIRECTS + 1):
            if not self._plain.allow(url) or url.userinfo:
                raise self.unreachable("the registry is, or refers to, an address that is not asked")
            headers = {"Accept": accept, "Accept-Encoding": "identity", "User-Agent": "agentctl"}
            if token is not None and _origin(url) == _origin(self._base):
                headers["Authorization"] = f"Bearer {token}"
            answer = await self._send(self._client.build_request("GET", url, headers=headers), limit)
            if answer.status not in _REDIRECTS:
                return answer
            try:
                url = url.join(answer.headers.get("Location", ""))
            except (httpx2.InvalidURL, ValueError) as error:
                raise self.unreachable("the registry redirects to an address that is none") from error
        raise self.unreachable(f"the registry redirects more than {MAX_REDIRECTS} times")

    async def _send(self, request: httpx2.Request, limit: int) -> Answer:
        response = await self._client.send(request, stream=True)
        try:
            status = response.status_code
            if status in _REDIRECTS:
                return Answer(status, response.headers, b"")
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise self.unreachable("the registry answers in an encoding that was not asked for")
            if status != HTTPStatus.OK:
                return Answer(status, response.headers, await self._read(response, MAX_ASIDE, truncate=True))
            return Answer(status, response.headers, await self._read(response, limit))
        finally:
            await response.aclose()

    async def _read(self, response: httpx2.Response, limit: int, *, truncate: bool = False) -> bytes:
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            self._left -= len(chunk)
            if self._left < 0:
                raise self.unreachable(f"the registry's answers are larger than {MAX_TOTAL >> 20} MiB together")
            if len(content) > limit:
                if truncate:
                    return bytes(content[:limit])
                raise self.unreachable(f"an answer of the registry is larger than {limit >> 10} KiB")
        return bytes(content)

    async def _fetch_token(self, headers: httpx2.Headers) -> str:
        """Get a token as nobody in particular, from where the registry says.

        Raises:
            LookUpFailed: it asks for credentials, or gives no token.
        """
        challenge = _bearer_challenge(headers.get_list("WWW-Authenticate"))
        if challenge is None:
            raise LookUpFailed("Forbidden", f"{self.reference}: the registry asks for credentials")
        scope = {"scope": challenge.get("scope") or f"repository:{self.reference.name}:pull"}
        service = {"service": challenge["service"]} if challenge.get("service") else {}
        try:
            url = httpx2.URL(challenge.get("realm", "")).copy_merge_params({**service, **scope})
        except (httpx2.InvalidURL, ValueError) as error:
            raise self.unreachable("the registry names a token service that is no address") from error
        answer = await self._follow(url, "application/json", MAX_ASIDE)
        if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise LookUpFailed("Forbidden", f"{self.reference}: the registry gives no token without credentials")
        if answer.status != HTTPStatus.OK:
            raise self.unreachable(f"the registry's token service answers {_status(answer.status)}")
        token = _token_of(answer.content)
        if token is None:
            raise self.unreachable("the registry's token service answers without a token")
        return token

    def _failure(self, answer: Answer, *, is_part: bool) -> LookUpFailed:
        status = answer.status
        # Codes tell only which way a client's request failed: a 5xx says nothing about the image.
        codes = set(_error_codes(answer.content)) if 400 <= status < 500 else set[str]()  # noqa: PLR2004 -- 4xx
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return self.unreachable("the registry was asked too often and says to wait (429)")
        if status == HTTPStatus.NOT_FOUND or codes & _NOT_FOUND:
            if is_part:
                return self.unreachable("the registry lacks a part of the image")
            return LookUpFailed("NotFound", f"{self.reference}: the registry has no such image")
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) or codes & _FORBIDDEN:
            message = "the registry has no such image, or does not show it without credentials"
            return LookUpFailed("Forbidden", f"{self.reference}: {message}")
        return self.unreachable(f"the registry answers {_status(status)}")


def unreachable(reference: Reference, what: str) -> LookUpFailed:
    """Return the error for whatever is neither absence nor refusal."""
    return LookUpFailed("Unreachable", f"{reference}: {what}")


def described(error: Exception) -> str:
    """Say what went wrong on the way, without a word that the other side chose."""
    match error:
        case httpx2.TimeoutException():
            return "the registry does not answer in time"
        case httpx2.ConnectError():
            # Names that do not resolve, refused connections, certificates: the system's own words.
            return f"the registry cannot be reached: {error}"
        case httpx2.ProxyError():
            return "the proxy in front of the registry does not let us through"
        case httpx2.InvalidURL():
            return "the registry's name is no host"
        case _:
            return f"the registry does not speak HTTP as expected ({type(error).__name__})"


def _named_origin(name: str) -> tuple[str, bytes, int | None]:
    try:
        if is_domain(name):
            return _origin(httpx2.URL(f"http://{name}/"))
    except (httpx2.InvalidURL, ValueError):
        pass
    raise ValueError(f"{name!r} is not a host like registry.example or registry.example:5000")


def _origin(url: httpx2.URL) -> tuple[str, bytes, int | None]:
    return url.scheme, url.raw_host.lower(), url.port or {"http": 80, "https": 443}.get(url.scheme)


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _bearer_challenge(values: Iterable[str]) -> Mapping[str, str] | None:
    for value in values:
        match = _BEARER.search(value)
        if match is not None:
            return dict(_parameters(value, match.end()))
    return None


def _parameters(value: str, position: int) -> Iterator[tuple[str, str]]:
    while (match := _PARAMETER.match(value, position)) is not None:
        name, quoted, plain = match.groups()
        yield name.lower(), plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        position = match.end()


class _Token(msgspec.Struct):
    token: str | None = None
    access_token: str | None = None


class _Error(msgspec.Struct):
    code: str | None = None


class _Errors(msgspec.Struct):
    errors: list[_Error] | None = None


def _token_of(content: bytes) -> str | None:
    try:
        decoded = msgspec.json.decode(content, type=_Token)
    except (ValueError, RecursionError):
        return None
    token = decoded.token or decoded.access_token or ""
    return token if _TOKEN.fullmatch(token) else None


def _error_codes(content: bytes) -> Iterator[str]:
    try:
        decoded = msgspec.json.decode(content, type=_Errors)
    except (ValueError, RecursionError):
        return
    for error in decoded.errors or ():
        if error.code is not None:
            yield error.code

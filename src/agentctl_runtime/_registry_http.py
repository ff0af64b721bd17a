"""The HTTP side of an image look-up: bounded answers, few redirects, credentials that never leave their registry.

The host comes from an Agent's spec and its answers from whoever runs it, so nothing of an answer's body is ever quoted.
Whatever is asked, be it by a redirect or for a token, proves by its certificate that it is the host of that name; over
plain HTTP nobody is asked but who the operator's owner named. So a name that leads to an address inside of the
cluster, or to a cloud's metadata service, gets a TLS greeting and never a request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Final, Literal

import httpx2
import msgspec
from attrs import frozen

from agentctl_core import ImageError

from ._reference import Reference, is_domain
from ._registry_auth import Challenge, Credential, token_of

MAX_PORT: Final = 65535
MAX_REDIRECTS: Final = 3
MAX_TOTAL: Final = 16 * 1024 * 1024
"""Bytes that one look-up reads at most."""
MAX_ASIDE: Final = 64 * 1024
"""Bytes of a token's answer, and of an error's as far as it is read."""

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_NOT_FOUND: Final = frozenset({"MANIFEST_UNKNOWN", "NAME_UNKNOWN"})
_FORBIDDEN: Final = frozenset({"UNAUTHORIZED", "DENIED"})


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

    Args:
        client: sends them.
        reference: the image.
        plain: who may be asked over plain HTTP.
        credential: shown to the registry, and to the token service that it names, where they ask for it.

    Raises:
        httpx2.InvalidURL: the registry's name is no host after all.
    """

    def __init__(
        self, client: httpx2.AsyncClient, reference: Reference, plain: PlainHosts, credential: Credential | None = None
    ) -> None:
        self.reference = reference
        self._client = client
        self._plain = plain
        self._base = plain.base(reference.host).join(f"{reference.name}/")
        self._basic = credential.basic if credential else None
        self._authorization: str | None = None
        self._asking = asyncio.Lock()
        self._left = MAX_TOTAL

    async def get(self, path: str, accept: str, limit: int, *, is_part: bool = False) -> Answer:
        """Read a manifest or blob of at most `limit` bytes; `path` is relative to the repository.

        With `is_part` it belongs to an image that is there, so that its absence is a fault of the registry.

        Raises:
            LookUpFailed: there is no such thing, or it cannot be read.
        """
        url, authorization = self._base.join(path), self._authorization
        answer = await self._follow(url, accept, limit, authorization)
        if answer.status == HTTPStatus.UNAUTHORIZED and authorization is None:
            async with self._asking:
                if self._authorization is None:
                    self._authorization = await self._authorize(answer.headers)
            answer = await self._follow(url, accept, limit, self._authorization)
        if answer.status != HTTPStatus.OK:
            raise self._failure(answer, is_part=is_part)
        return answer

    def unreachable(self, what: str) -> LookUpFailed:
        """Return the error for whatever is neither absence nor refusal."""
        return unreachable(self.reference, what)

    async def _follow(self, url: httpx2.URL, accept: str, limit: int, authorization: str | None) -> Answer:
        """Ask, and go where the answer says; whoever is of another origin than the first is told no credentials."""
        first = _origin(url)
        for _ in range(MAX_REDIRECTS + 1):
            if not self._plain.allow(url) or url.userinfo:
                raise self.unreachable("the registry is, or refers to, an address that is not asked")
            headers = {"Accept": accept, "Accept-Encoding": "identity", "User-Agent": "agentctl"}
            if authorization is not None and _origin(url) == first:
                headers["Authorization"] = authorization
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

    async def _authorize(self, headers: httpx2.Headers) -> str:
        """Return what a registry that asks for it is to be shown: a token, or the credential itself.

        Raises:
            LookUpFailed: it wants credentials and there are none, or it gives no token.
        """
        challenge = Challenge.of(headers.get_list("WWW-Authenticate"))
        if challenge.bearer is not None:
            return f"Bearer {await self._fetch_token(challenge.bearer)}"
        if self._basic is None:
            raise LookUpFailed("Forbidden", f"{self.reference}: the registry asks for credentials")
        if not challenge.takes_basic:
            raise LookUpFailed("Forbidden", f"{self.reference}: the registry takes neither passwords nor tokens")
        return self._basic

    async def _fetch_token(self, bearer: Mapping[str, str]) -> str:
        scope = {"scope": bearer.get("scope") or f"repository:{self.reference.name}:pull"}
        service = {"service": bearer["service"]} if bearer.get("service") else {}
        try:
            url = httpx2.URL(bearer.get("realm", "")).copy_merge_params({**service, **scope})
        except (httpx2.InvalidURL, ValueError) as error:
            raise self.unreachable("the registry names a token service that is no address") from error
        answer = await self._follow(url, "application/json", MAX_ASIDE, self._basic)
        if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise LookUpFailed("Forbidden", f"{self.reference}: the registry gives no token {self._with}")
        if answer.status != HTTPStatus.OK:
            raise self.unreachable(f"the registry's token service answers {_status(answer.status)}")
        token = token_of(answer.content)
        if token is None:
            raise self.unreachable("the registry's token service answers without a token")
        return token

    @property
    def _with(self) -> str:
        return "without credentials" if self._basic is None else "with these credentials"

    def _failure(self, answer: Answer, *, is_part: bool) -> LookUpFailed:
        status = answer.status
        # Codes tell only which way a client's request failed: a 5xx says nothing about the image.
        codes = set(_error_codes(answer.content)) if 400 <= status < 500 else set[str]()  # noqa: PLR2004 -- 4xx
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return self.unreachable("the registry was asked too often and says to wait (429); a mirror helps")
        if status == HTTPStatus.NOT_FOUND or codes & _NOT_FOUND:
            if is_part:
                return self.unreachable("the registry lacks a part of the image")
            return LookUpFailed("NotFound", f"{self.reference}: the registry has no such image")
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) or codes & _FORBIDDEN:
            message = f"the registry has no such image, or does not show it {self._with}"
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
            return f"the registry cannot be reached: {error}{_cure(str(error))}"
        case httpx2.ProxyError():
            return "the proxy in front of the registry does not let us through"
        case httpx2.InvalidURL():
            return "the registry's name is no host"
        case _:
            return f"the registry does not speak HTTP as expected ({type(error).__name__})"


def _cure(error: str) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in error:
        return "; --registry-ca-file names further certificate authorities to the operator"
    if "SSL" in error:
        return "; if it speaks plain HTTP, --insecure-registry names it to the operator"
    return ""


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


class _Error(msgspec.Struct):
    code: str | None = None


class _Errors(msgspec.Struct):
    errors: list[_Error] | None = None


def _error_codes(content: bytes) -> Iterator[str]:
    try:
        decoded = msgspec.json.decode(content, type=_Errors)
    except (ValueError, RecursionError):
        return
    for error in decoded.errors or ():
        if error.code is not None:
            yield error.code

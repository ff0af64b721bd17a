"""What a registry says about an image, over the OCI distribution API.

Written on httpx2: of the clients on PyPI that are kept, oras and python-dxf block a thread for each request, and
docker-registry-client-async brings aiohttp; all have credential stores of their own, and none bounds what a hostile
registry answers.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
https://github.com/opencontainers/image-spec/blob/main/config.md
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx2

from agentctl_core import ImageError, ImageInfo

from ._mirrors import Mirrors
from ._reference import InvalidReference, Reference, parse_reference
from ._registry_auth import Credential
from ._registry_http import Exchange, LookUpFailed, PlainHosts, described, unreachable
from ._registry_image import read_image

TOTAL_SECONDS: Final = 20.0
"""For what one registry says about an image, with all that it needs."""
MIRROR_SECONDS: Final = 5.0
"""For one mirror, before the next one or the registry itself is asked."""
CONNECT_SECONDS: Final = 10.0
MAX_CREDENTIALS: Final = 8
"""That are tried for one image."""
MAX_IDLE: Final = 20
"""Connections that are kept for the next look-up."""

# What sending and reading raise; the connection's library wraps some of it into groups.
_TROUBLE: Final = (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError, ValueError, ExceptionGroup)


class Registry:
    """Looks images up in whatever registry their references name, or in its mirrors.

    Args:
        transport: carries the requests instead of connections of our own.
        insecure: hosts, each with its port unless that is 80, that are spoken to over plain HTTP.
        mirrors: `REGISTRY=MIRROR[/PROJECT]`; see `Mirrors`.
        tls: whose certificates are trusted; None for what the system, or SSL_CERT_FILE, says.

    Raises:
        ValueError: one of `insecure` is no host, or one of `mirrors` is no such pair.
    """

    def __init__(
        self,
        transport: httpx2.AsyncBaseTransport | None = None,
        insecure: Iterable[str] = (),
        mirrors: Iterable[str] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._plain = PlainHosts(insecure)
        self._mirrors = Mirrors(mirrors)
        self._transport = transport
        self._tls = tls
        self._made: httpx2.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        if self._made is not None:
            await self._made.aclose()

    @property
    def _client(self) -> httpx2.AsyncClient:
        """The client, made with the first look-up: who needs none does without 6 MiB and the system's authorities."""
        if self._made is None:
            # One registry's cookies are nothing to the next look-up, which may be another tenant's.
            no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
            self._made = httpx2.AsyncClient(
                transport=self._transport,
                verify=self._tls or True,
                timeout=httpx2.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS),
                cookies=no_cookies,
                limits=httpx2.Limits(max_keepalive_connections=MAX_IDLE),  # how many are used, the look-ups bound
            )
        return self._made

    async def look_up(
        self, reference: str, before: ImageInfo | None = None, credentials: Sequence[Credential] = ()
    ) -> ImageInfo | ImageError:
        """Return what an image runs on each of its platforms, or why that cannot be known. Raises nothing.

        Args:
            reference: as it stands in a spec.
            before: what the same question was answered last; it holds as long as the digest does.
            credentials: tried one after the other, at the registry itself alone, and not as nobody in particular
                besides: as the kubelet does it.
        """
        try:
            parsed = parse_reference(reference)
        except InvalidReference as error:
            return ImageError("NotFound", str(error))
        missed: list[str] = []
        for mirror in self._mirrors.of(parsed):
            found = await self._ask(mirror, None, before, MIRROR_SECONDS)
            if isinstance(found, ImageInfo):
                return found
            missed.append(found.message)
        found = ImageError("Unreachable", f"{parsed}: it was not asked")
        begin = asyncio.get_running_loop().time()
        for credential in credentials[:MAX_CREDENTIALS] or (None,):
            left = begin + TOTAL_SECONDS - asyncio.get_running_loop().time()
            found = await self._ask(parsed, credential, before, left)
            # Who may not see an image is often told that there is none.
            if isinstance(found, ImageInfo) or found.reason == "Unreachable":
                break
        if isinstance(found, ImageError) and missed:
            return ImageError(found.reason, f"{found.message} (in its mirrors: {'; '.join(missed)})")
        return found

    async def _ask(
        self, reference: Reference, credential: Credential | None, before: ImageInfo | None, seconds: float
    ) -> ImageInfo | ImageError:
        """Look an image up in one place."""
        try:
            async with asyncio.timeout(seconds):
                return await read_image(Exchange(self._client, reference, self._plain, credential), before)
        except LookUpFailed as failure:
            return failure.error
        except TimeoutError:
            return unreachable(reference, f"no answer within {seconds:.0f} s").error
        except _TROUBLE as error:
            return unreachable(reference, described(error)).error


def tls_trusting(authorities: Path) -> ssl.SSLContext:
    """Return what trusts the certificate authorities in a PEM file besides those that are trusted anyway.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds no certificates.
    """
    context = httpx2.create_ssl_context()
    text = authorities.read_text(encoding="ascii", errors="replace")
    try:
        context.load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError) as error:
        raise ValueError(f"{authorities} holds no certificates: name a file with some in PEM form") from error
    return context

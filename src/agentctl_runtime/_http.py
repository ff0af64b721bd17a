"""HTTP/1.1 under httpx2's client: a transport that costs a tenth of its own, which is most of what a request costs.

Connections are asyncio's, answers are read by llhttp (httptools, as uvicorn does it). Nothing here knows Kubernetes.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

import httpx2
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

KEPT_SECONDS: Final = 10.0
"""How long an idle connection is kept: API servers and most load balancers close it after 60 s or more."""
MOST_BUFFERED: Final = 256 * 1024
"""Bytes of an answer that nobody has read yet, from which on no more are taken in."""
_ADDRESS_DELAY: Final = 0.25
"""Seconds until the next address of a host is tried beside the former one (RFC 8305)."""
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SUCCESS: Final = 200
_CLOSED: Final = "the client is closed"


class TargetedRequest(httpx2.Request):
    """A request whose URL is made for who asks for it: sending takes its target alone, and httpx2 reads a URL slowly.

    Args:
        method: the HTTP method.
        base: the server's URL.
        target: path and query, percent-encoded.
        headers: all of them.
        content: the body.
        extensions: httpx2's, of which the timeouts are.
    """

    def __init__(  # noqa: PLR0913 -- the parts of an HTTP request
        self,
        method: str,
        base: httpx2.URL,
        target: bytes,
        *,
        headers: Sequence[tuple[bytes, bytes]],
        content: bytes,
        extensions: Mapping[str, Any],
    ) -> None:
        self.base = base
        self.target = target
        stream = httpx2.ByteStream(content)
        super().__init__(method, base, headers=headers, stream=stream, extensions=dict(extensions))
        self.read()

    @property
    def path(self) -> str:
        """The path as it is sent."""
        return self.target.partition(b"?")[0].decode("ascii")

    @property
    def url(self) -> httpx2.URL:
        return self.base.copy_with(raw_path=self.target)

    @url.setter
    def url(self, url: httpx2.URL) -> None:
        self.base = url


class Origin(NamedTuple):
    """Where a connection leads to."""

    scheme: str
    host: str
    port: int


class Transport(httpx2.AsyncBaseTransport):
    """Sends each request on a connection that no other uses until its answer is read.

    How many there are at a time is the caller's to bound, and so is how long an answer may take: of a request's
    timeouts only the one for connecting is looked at.

    Args:
        tls: for https; may be changed meanwhile, and then holds for further connections.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._idle: dict[Origin, list[_Connection]] = {}
        self._open: set[_Connection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; return when the head of its answer is there.

        Raises:
            httpx2.TransportError: it cannot be sent, or is not answered.
        """
        if self._is_closed:
            raise httpx2.ConnectError(_CLOSED)
        if isinstance(request, TargetedRequest):
            base, target = request.base, request.target
        else:
            base, target = request.url, request.url.raw_path
        message = _message(request, target, await request.aread())
        origin = _origin(base)
        connection = self._kept(origin) or await self._connect(origin, request.extensions["timeout"]["connect"])
        try:
            status, headers = await connection.exchange(message)
        except BaseException:
            connection.abort()
            raise
        return httpx2.Response(status, headers=headers, stream=Body(connection, lambda: self._keep(origin, connection)))

    async def aclose(self) -> None:
        """Close every connection, and wait until it is; no request is taken any more."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        connections = tuple(self._open)
        for connection in connections:
            connection.abort()
        await asyncio.gather(*(connection.lost.wait() for connection in connections))

    def _kept(self, origin: Origin) -> _Connection | None:
        """Return the idle connection that was used last, if any can be used still."""
        idle = self._idle.get(origin, [])
        while idle:
            connection = idle.pop()
            if connection.is_reusable:
                return connection
        return None

    def _keep(self, origin: Origin, connection: _Connection) -> None:
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle.setdefault(origin, []).append(connection)
        if self._timer is None:
            self._timer = loop.call_later(KEPT_SECONDS, self._close_idle)

    def _close_idle(self) -> None:
        """Close what has been idle for too long: after a burst most connections are needed no more."""
        loop = asyncio.get_running_loop()
        for idle in self._idle.values():
            while idle and (idle[0].idle_since + KEPT_SECONDS <= loop.time() or not idle[0].is_reusable):
                idle.pop(0).abort()
        left = [idle[0].idle_since for idle in self._idle.values() if idle]
        self._timer = loop.call_at(min(left) + KEPT_SECONDS, self._close_idle) if left else None

    async def _connect(self, origin: Origin, seconds: float | None) -> _Connection:
        is_tls = origin.scheme == "https"
        try:
            async with asyncio.timeout(seconds):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: _Connection(self._open.discard),
                    origin.host,
                    origin.port,
                    ssl=self._tls if is_tls else None,
                    server_hostname=origin.host if is_tls else None,
                    happy_eyeballs_delay=_ADDRESS_DELAY,
                )
        except TimeoutError as error:
            raise httpx2.ConnectTimeout(f"no connection to {origin.host}:{origin.port} in {seconds} s") from error
        except OSError as error:
            raise httpx2.ConnectError(str(error)) from error
        self._open.add(connection)
        if self._is_closed:
            connection.abort()
            raise httpx2.ConnectError(_CLOSED)
        return connection


class _Connection(asyncio.Protocol):
    """One connection: one exchange at a time.

    Attributes:
        is_reusable: whether another exchange may follow; false while one goes on.
        idle_since: when the last one ended, on the loop's clock.
        lost: set when the connection is closed.
    """

    def __init__(self, forget: Callable[[_Connection], object]) -> None:
        self.is_reusable = False
        self.idle_since = 0.0
        self.lost = asyncio.Event()
        self._forget = forget
        self._answer: _Answer | None = None

    async def exchange(self, message: bytes) -> tuple[int, list[tuple[bytes, bytes]]]:
        """Send a request; return the status code and the headers of the answer."""
        self.is_reusable = False
        if self._transport.is_closing():
            raise httpx2.WriteError("the connection was closed meanwhile")
        answer = self._answer = _Answer(self._transport)
        self._transport.write(message)
        await answer.head
        return answer.status, answer.headers

    async def read(self) -> bytes:
        """Return what has come of the body; empty at its end."""
        return b"" if self._answer is None else await self._answer.read()

    def finish(self) -> bool:
        """End an exchange; return whether the connection can be used again."""
        answer, self._answer = self._answer, None
        # Where an answer was left unread, nothing more may be taken in.
        is_whole = answer is not None and answer.leaves_open and not answer.is_paused
        self.is_reusable = is_whole and not self._transport.is_closing()
        if not self.is_reusable:
            self.abort()
        return self.is_reusable

    def abort(self) -> None:
        """Close it at once, whatever is under way."""
        self.is_reusable = False
        if self._answer is not None:
            self._answer.fail(httpx2.ReadError("the connection was closed on this side"))
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.abort()  # nobody has asked: it would be taken for the answer to the next request
            return
        try:
            self._answer.parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._answer.fail(httpx2.RemoteProtocolError(f"the answer is not HTTP: {error}"))
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_reusable = False
        if self._answer is not None:
            self._answer.end(exc)
        self.lost.set()
        self._forget(self)


class _Answer:
    """One answer, as it comes.

    Attributes:
        head: done when `status` and `headers` are there.
        leaves_open: whether it has come to its end and the connection goes on.
        is_paused: whether no more is taken in until what has come is read.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self.parser = HttpResponseParser(self)
        self.head: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.leaves_open = False
        self._transport = transport
        self._chunks: list[bytes] = []
        self._buffered = 0
        self.is_paused = False
        self._is_complete = False
        self._error: Exception | None = None
        self._news: asyncio.Future[None] | None = None

    async def read(self) -> bytes:
        while not self._chunks:
            if self._error is not None:
                raise self._error
            if self._is_complete:
                return b""
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        data = b"".join(self._chunks)
        self._chunks.clear()
        self._buffered = 0
        if self.is_paused:
            self.is_paused = False
            self._transport.resume_reading()
        return data

    def fail(self, error: Exception) -> None:
        """Let whoever waits for the answer know that it does not come."""
        if self._is_complete or self._error is not None:
            return
        self._error = error
        if not self.head.done():
            self.head.set_exception(error)
        self._wake()

    def end(self, error: Exception | None) -> None:
        """Take over that the connection is closed: the end of an answer that does not tell its length."""
        if error is not None:
            self.fail(httpx2.ReadError(str(error)))
        elif not self.head.done():
            self.fail(httpx2.RemoteProtocolError("the connection was closed without an answer"))
        elif any(name.lower() in {b"content-length", b"transfer-encoding"} for name, _ in self.headers):
            self.fail(httpx2.RemoteProtocolError("the connection was closed amid the answer"))
        else:
            self._is_complete = True
            self._wake()

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._is_complete:
            raise HttpParserError("another answer, which nobody has asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.status = self.parser.get_status_code()
        if self.status >= _SUCCESS and not self.head.done():
            self.head.set_result(None)

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)
        self._buffered += len(body)
        if self._buffered > MOST_BUFFERED and not self.is_paused:
            self.is_paused = True
            self._transport.pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        if self.status < _SUCCESS:  # the answer itself is still to come
            self.headers.clear()
            return
        self._is_complete = True
        self.leaves_open = self.parser.should_keep_alive()
        self._wake()


class Body(httpx2.AsyncByteStream):
    """The body of an answer; closing it frees the connection."""

    def __init__(self, connection: _Connection, keep: Callable[[], None]) -> None:
        self._connection = connection
        self._keep = keep
        self._is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self._connection.read():
            yield data

    async def whole(self) -> bytes:
        """Return all of it, as it is, at once and more cheaply than bit by bit; it is closed then.

        Raises:
            httpx2.StreamClosed: it is closed, so the connection may be another's by now.
        """
        if self._is_closed:
            raise httpx2.StreamClosed
        try:
            parts: list[bytes] = []
            while data := await self._connection.read():
                parts.append(data)
        finally:
            await self.aclose()
        return b"".join(parts)

    async def aclose(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            if self._connection.finish():
                self._keep()


def _origin(url: httpx2.URL) -> Origin:
    ports = {"http": 80, "https": 443}
    if url.scheme not in ports or not url.host:
        raise httpx2.UnsupportedProtocol("a server's URL begins with http:// or https://")
    return Origin(url.scheme, url.raw_host.decode("ascii"), url.port or ports[url.scheme])


def _message(request: httpx2.Request, target: bytes, body: bytes) -> bytes:
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), target)]
    lines += [b"%b: %b" % pair for pair in request.headers.raw]
    head = b"\r\n".join(lines)
    breaks = len(lines) - 1
    if head.count(b"\r") != breaks or head.count(b"\n") != breaks or _CONTROL.search(head):
        raise httpx2.LocalProtocolError("a header holds line breaks or control characters")
    return b"%b\r\n\r\n%b" % (head, body)

"""A reverse proxy in front of the API server that records, and disturbs: what is really sent, and what if it is lost?

It speaks HTTP to its client (TLS where a context is given), and through `kubectl proxy` to the API server. Writes are
counted from 1; a hook may act before a write is forwarded, when it was applied but is not answered yet, and after it
was answered. A hook that raises ConnectionError drops the connection there. What `react` returns for a request is done
to it, and watches that are open can be silenced, ended or cut.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import h11
import httpx2
import yaml

from tests.e2e.faults import Answer, Hold, Instead, Reaction, Slow, Truncated, Unanswered
from tests.e2e.support import Kubectl

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_HOP_BY_HOP = frozenset({b"host", b"connection", b"transfer-encoding", b"content-length"})
_POLL_SECONDS = 0.02

T = TypeVar("T")


@dataclass
class Seen:
    """One request: its status is None until it was answered."""

    method: str
    path: str
    body: bytes
    status: int | None = None
    at: float = field(default_factory=time.monotonic)

    @property
    def resource(self) -> str:
        """The path without its query: whom the request is about."""
        return self.path.partition("?")[0]

    @property
    def is_write(self) -> bool:
        return self.method in WRITES

    @property
    def is_watch(self) -> bool:
        return self.method == "GET" and "watch=true" in self.path


@dataclass(eq=False)
class Stream:
    """A watch that is open; silence swallows what comes, for good."""

    seen: Seen
    silent: bool = False
    end: asyncio.Event = field(default_factory=asyncio.Event)
    cut: bool = False


Hook = Callable[[int, Seen], None]


def _nothing(_number: int, _request: Seen) -> None:
    pass


def _unheard(_watch: Seen, _piece: bytes) -> None:
    pass


def _pass(_request: Seen) -> Reaction | None:
    return None


@dataclass
class Proxy:
    """A proxy for one test; it runs in a thread of its own.

    Attributes:
        kubectl: for the cluster behind it.
        before: called with the number of a write, before it is forwarded.
        applied: called with the number of a write, when the API server has answered and the client has not heard it.
        answered: called with the number of a write, when the client has its answer.
        react: called with each request; what it returns happens to that request, and ConnectionError drops it.
        streamed: called with each piece of a watch that is passed on.
        tls: the server's side of TLS; plain HTTP without.
        own_credentials: whether the client's own credentials count, and not those of kubectl.
    """

    kubectl: Kubectl
    before: Hook = _nothing
    applied: Hook = _nothing
    answered: Hook = _nothing
    react: Callable[[Seen], Reaction | None] = _pass
    streamed: Callable[[Seen, bytes], None] = _unheard
    tls: ssl.SSLContext | None = None
    own_credentials: bool = False
    requests: list[Seen] = field(default_factory=list)
    streams: set[Stream] = field(default_factory=set)
    port: int = 0
    _thread: threading.Thread | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _stop: asyncio.Event | None = None
    _server: asyncio.Server | None = None
    _handlers: set[asyncio.Task[Any]] = field(default_factory=set)
    _accept: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]] | None = None

    @property
    def writes(self) -> list[Seen]:
        return [seen for seen in self.requests if seen.is_write]

    @property
    def address(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def client_config(self, target: Path, *, authority: Path | None = None, **user: str) -> Path:
        """Write a kubeconfig that leads through the proxy, with these credentials."""
        server = {"server": self.address} | ({"certificate-authority": str(authority)} if authority else {})
        context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
        config = {"apiVersion": "v1", "kind": "Config", "current-context": "c", "contexts": [context]}
        parts = {"clusters": [{"name": "c", "cluster": server}], "users": [{"name": "u", "user": user}]}
        target.write_text(yaml.safe_dump(config | parts))
        return target

    def silence_watches(self) -> None:
        """Let the watches that are open stay open, and nothing come from them any more."""
        for stream in list(self.streams):
            stream.silent = True

    def end_watches(self, resource: str = "", *, cut: bool = False) -> None:
        """End the watches that are open, of all or one resource: cleanly, or as a connection that is lost."""
        self._run(self._end(f"/{resource}?" if resource else "", cut=cut))

    def refuse(self) -> None:
        """Drop every connection, and refuse new ones until `listen`."""
        self._run(self._refuse())

    def listen(self) -> None:
        """Take connections again, on the same port."""
        self._run(self._listen())

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        self._thread.start()
        if not ready.wait(10):
            raise RuntimeError("the proxy did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop is not None
        assert self._stop is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _end(self, part: str, *, cut: bool) -> None:
        for stream in self.streams:
            if part in stream.seen.path:
                stream.cut = cut
                stream.end.set()

    async def _refuse(self) -> None:
        assert self._server is not None
        self._server.close()
        await _cancel(self._handlers)

    async def _listen(self) -> None:
        assert self._accept is not None
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        with self._upstream() as upstream:
            async with upstream:

                async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                    task = asyncio.current_task()
                    assert task is not None
                    self._handlers.add(task)
                    try:
                        with contextlib.suppress(OSError, h11.RemoteProtocolError, asyncio.CancelledError):
                            await self._connection(reader, writer, upstream)
                    finally:
                        self._handlers.discard(task)
                        writer.transport.abort()

                self._accept = accept
                await self._listen()
                ready.set()
                await self._stop.wait()
                await self._refuse()

    @contextlib.contextmanager
    def _upstream(self) -> Iterator[httpx2.AsyncClient]:
        limits = httpx2.Limits(max_connections=None)
        if not self.own_credentials:
            with self.kubectl.proxy() as address:
                yield httpx2.AsyncClient(base_url=address, timeout=None, limits=limits, trust_env=False)
            return
        server, verify = self.kubectl.server()
        yield httpx2.AsyncClient(base_url=server, timeout=None, limits=limits, trust_env=False, verify=verify)

    async def _connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, upstream: httpx2.AsyncClient
    ) -> None:
        connection = h11.Connection(h11.SERVER)
        while True:
            request = await _next_event(connection, reader)
            if not isinstance(request, h11.Request):
                return
            body = b""
            while isinstance(event := await _next_event(connection, reader), h11.Data):
                body += event.data
            seen = Seen(request.method.decode(), request.target.decode(), body)
            self.requests.append(seen)
            dropped = _HOP_BY_HOP if self.own_credentials else _HOP_BY_HOP | {b"authorization"}
            headers = [(k, v) for k, v in request.headers if k not in dropped]
            await self._forward(seen, headers, _Client(connection, writer), upstream)
            if connection.our_state is h11.MUST_CLOSE:
                return
            connection.start_next_cycle()

    async def _forward(
        self, seen: Seen, headers: list[tuple[bytes, bytes]], client: _Client, upstream: httpx2.AsyncClient
    ) -> None:
        number, reaction, path = len(self.writes), self.react(seen), seen.path
        match reaction:
            case Answer(status, body, given, after):
                await asyncio.sleep(after)
                seen.status = status
                await client.answer(status, [(k.encode(), v.encode()) for k, v in given], _one(body))
                return
            case Hold(until):
                while not until.is_set():  # noqa: ASYNC110 -- set in another thread
                    await asyncio.sleep(_POLL_SECONDS)
            case Instead(path):
                pass
            case _:
                pass
        if seen.is_write:
            self.before(number, seen)
        sent = upstream.build_request(seen.method, path, content=seen.body or None, headers=headers)
        response = await upstream.send(sent, stream=True)
        try:
            chunks: AsyncIterator[bytes] = response.aiter_raw()
            if seen.is_write:
                whole = b"".join([chunk async for chunk in chunks])
                self.applied(number, seen)
                chunks = _one(whole)
            await self._hold_back(reaction)
            seen.status = response.status_code
            kept = [(k, v) for k, v in response.headers.raw if k.lower() not in _HOP_BY_HOP]
            if seen.is_watch:
                chunks = self._streamed(seen, chunks)
            if isinstance(reaction, Truncated):
                chunks = _half(chunks)
            await client.answer(response.status_code, kept, chunks)
            if seen.is_write:
                self.answered(number, seen)
        finally:
            await response.aclose()

    async def _hold_back(self, reaction: Reaction | None) -> None:
        if isinstance(reaction, Slow):
            await asyncio.sleep(reaction.seconds)
        elif isinstance(reaction, Unanswered):
            await asyncio.Event().wait()

    async def _streamed(self, seen: Seen, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        stream = Stream(seen)
        self.streams.add(stream)
        over = asyncio.ensure_future(stream.end.wait())
        coming: asyncio.Future[bytes | None] = over.get_loop().create_future()
        try:
            while True:
                coming = asyncio.ensure_future(anext(chunks, None))
                done, _ = await asyncio.wait((coming, over), return_when=asyncio.FIRST_COMPLETED)
                if coming not in done:
                    if stream.cut:
                        raise ConnectionResetError
                    return
                chunk = coming.result()
                if chunk is None:
                    return
                if not stream.silent:
                    self.streamed(seen, chunk)
                    yield chunk
        finally:
            self.streams.discard(stream)
            await _cancel({over, coming})


@dataclass(frozen=True)
class _Client:
    """The proxy's client, which waits for an answer."""

    connection: h11.Connection
    writer: asyncio.StreamWriter

    async def answer(self, status: int, headers: list[tuple[bytes, bytes]], chunks: AsyncIterator[bytes]) -> None:
        await self._send(h11.Response(status_code=status, headers=[*headers, (b"transfer-encoding", b"chunked")]))
        async for chunk in chunks:
            await self._send(h11.Data(data=chunk))
        await self._send(h11.EndOfMessage())

    async def _send(self, event: h11.Event) -> None:
        self.writer.write(self.connection.send(event) or b"")
        await self.writer.drain()


async def _one(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _half(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield chunk[: len(chunk) // 2]
        raise ConnectionResetError


async def _cancel(tasks: Iterable[asyncio.Future[Any]]) -> None:
    waiting = list(tasks)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def _next_event(connection: h11.Connection, reader: asyncio.StreamReader) -> Any:
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(65536))
    return event

"""A recording reverse proxy in front of the API server: what does the operator really send, and what if it dies there?

It speaks plain HTTP to its client, and through `kubectl proxy` to the API server. Writes are counted from 1; a hook
may act before a write is forwarded, when it was applied but is not answered yet, and after it was answered. A hook that
raises ConnectionError drops the connection there.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h11
import httpx2
import yaml

from tests.e2e.support import Kubectl

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_HOP_BY_HOP = frozenset({b"host", b"connection", b"transfer-encoding", b"content-length"})


@dataclass
class Seen:
    """One request: its status is None until it was answered."""

    method: str
    path: str
    body: bytes
    status: int | None = None

    @property
    def is_write(self) -> bool:
        return self.method in WRITES


Hook = Callable[[int, Seen], None]


def _nothing(_number: int, _request: Seen) -> None:
    pass


@dataclass
class Proxy:
    """A proxy for one test; it runs in a thread of its own.

    Attributes:
        kubectl: for the cluster behind it.
        before: called with the number of a write, before it is forwarded.
        applied: called with the number of a write, when the API server has answered and the client has not heard it.
        answered: called with the number of a write, when the client has its answer.
    """

    kubectl: Kubectl
    before: Hook = _nothing
    applied: Hook = _nothing
    answered: Hook = _nothing
    requests: list[Seen] = field(default_factory=list)
    port: int = 0
    _thread: threading.Thread | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _stop: asyncio.Event | None = None

    @property
    def writes(self) -> list[Seen]:
        return [seen for seen in self.requests if seen.is_write]

    def client_config(self, target: Path) -> Path:
        """Write a kubeconfig that leads through the proxy."""
        cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}
        context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
        config = {"apiVersion": "v1", "kind": "Config", "current-context": "c", "clusters": [cluster]}
        target.write_text(yaml.safe_dump({**config, "contexts": [context], "users": [{"name": "u", "user": {}}]}))
        return target

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

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        limits = httpx2.Limits(max_connections=None)
        with self.kubectl.proxy() as address:
            async with httpx2.AsyncClient(base_url=address, timeout=None, limits=limits, trust_env=False) as upstream:
                handlers: set[asyncio.Task[Any]] = set()

                async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                    task = asyncio.current_task()
                    assert task is not None
                    handlers.add(task)
                    with contextlib.suppress(ConnectionError, h11.RemoteProtocolError, asyncio.CancelledError):
                        await self._connection(reader, writer, upstream)
                    handlers.discard(task)
                    writer.close()

                server = await asyncio.start_server(accept, "127.0.0.1", 0)
                self.port = server.sockets[0].getsockname()[1]
                ready.set()
                await self._stop.wait()
                server.close()
                for task in handlers:
                    task.cancel()
                await asyncio.gather(*handlers, return_exceptions=True)

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
            headers = [(k, v) for k, v in request.headers if k not in _HOP_BY_HOP]
            await self._forward(seen, headers, connection, writer, upstream)
            if connection.our_state is h11.MUST_CLOSE:
                return
            connection.start_next_cycle()

    async def _forward(
        self,
        seen: Seen,
        headers: list[tuple[bytes, bytes]],
        connection: h11.Connection,
        writer: asyncio.StreamWriter,
        upstream: httpx2.AsyncClient,
    ) -> None:
        number = len(self.writes)
        if seen.is_write:
            self.before(number, seen)
        sent = upstream.build_request(seen.method, seen.path, content=seen.body or None, headers=headers)
        response = await upstream.send(sent, stream=True)
        try:
            chunks: AsyncIterator[bytes] = response.aiter_raw()
            if seen.is_write:
                whole = b"".join([chunk async for chunk in chunks])
                self.applied(number, seen)
                chunks = _one(whole)
            seen.status = response.status_code
            kept = [(k, v) for k, v in response.headers.raw if k.lower() not in _HOP_BY_HOP]
            head = h11.Response(status_code=response.status_code, headers=[*kept, (b"transfer-encoding", b"chunked")])
            writer.write(connection.send(head) or b"")
            async for chunk in chunks:
                writer.write(connection.send(h11.Data(data=chunk)) or b"")
                await writer.drain()
            writer.write(connection.send(h11.EndOfMessage()) or b"")
            await writer.drain()
            if seen.is_write:
                self.answered(number, seen)
        finally:
            await response.aclose()


async def _one(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _next_event(connection: h11.Connection, reader: asyncio.StreamReader) -> Any:
    while (event := connection.next_event()) is h11.NEED_DATA:
        connection.receive_data(await reader.read(65536))
    return event

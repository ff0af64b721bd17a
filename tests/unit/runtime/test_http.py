"""The transport against servers that answer well, badly, in pieces, late or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.e2e.cluster.certificates import Authority

from agentctl_core import Ref
from agentctl_runtime import _http
from agentctl_runtime._api import Api
from agentctl_runtime._http import Transport

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
END = b"<end>"
"""After this the connection is closed."""


class Server:
    """Answers one request after the other from a script, whatever connection they come on."""

    def __init__(self, *script: bytes, tls: ssl.SSLContext | None = None) -> None:
        self.script = list(script)
        self.asked: list[bytes] = []
        self.connections = 0
        self.lost = 0
        self._tls = tls

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")), 0)
                self.asked.append(head + await reader.readexactly(length))
                answer, is_last, _ = self.script.pop(0).partition(END)
                writer.write(answer)
                await writer.drain()
                if is_last:
                    break
        self.lost += 1
        writer.close()

    @contextlib.asynccontextmanager
    async def running(self, client: ssl.SSLContext | None = None) -> AsyncGenerator[httpx2.AsyncClient]:
        """Serve, and give a client whose transport is the one under test."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        scheme = "https" if self._tls else "http"
        address = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/base/"
        transport = Transport(client or ssl.create_default_context())
        async with server:
            async with httpx2.AsyncClient(transport=transport, base_url=address, timeout=2) as asking:
                yield asking
            async with asyncio.timeout(2):
                while self.lost < self.connections:  # noqa: ASYNC110 -- each is one more event to wait for
                    await asyncio.sleep(0.01)


def against(server: Server, use: Callable[[httpx2.AsyncClient], Awaitable[object]]) -> None:
    async def main() -> None:
        async with server.running() as client:
            await use(client)

    asyncio.run(main())


def test_a_request_is_sent_as_it_is_and_the_connection_serves_the_next() -> None:
    server = Server(OK, CHUNKED)

    async def use(client: httpx2.AsyncClient) -> None:
        answer = await client.post("a?b=c", content=b"body", headers={"X-A": "b"})
        assert (answer.status_code, answer.json()) == (200, {})
        assert (await client.get("d")).content == b"abcde"

    against(server, use)
    first, second = server.asked
    assert first.startswith(b"POST /base/a?b=c HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nX-A: b\r\n" in first
    assert first.endswith(b"\r\n\r\nbody")
    assert second.startswith(b"GET /base/d HTTP/1.1\r\n")
    assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n\r\n{}" + END,
        OK + END,
        OK + OK,  # one that nobody asked for
    ],
)
def test_a_connection_that_ends_or_is_out_of_step_serves_no_other_request(answer: bytes) -> None:
    server = Server(answer, OK)

    async def use(client: httpx2.AsyncClient) -> None:
        assert (await client.get("a")).content == b"{}"
        await asyncio.sleep(0.05)
        assert (await client.get("b")).content == b"{}"

    against(server, use)
    assert server.connections == 2


def test_what_a_server_says_before_its_answer_is_not_the_answer() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"

    async def use(client: httpx2.AsyncClient) -> None:
        answer = await client.get("a")
        assert (answer.status_code, answer.content, "link" in answer.headers) == (200, b"{}", False)

    against(Server(early + OK), use)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 304 Not Modified\r\n\r\n"])
def test_an_answer_without_a_body_ends_at_its_head(answer: bytes) -> None:
    server = Server(answer, OK)

    async def use(client: httpx2.AsyncClient) -> None:
        assert (await client.get("a")).content == b""
        assert (await client.get("a")).content == b"{}"

    against(server, use)
    assert server.connections == 1


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (END, "closed without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Le" + END, "closed without an answer"),
        (OK[:-1] + END, "closed amid the answer"),
        (CHUNKED[:-5] + END, "closed amid the answer"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "not HTTP"),
        (CHUNKED.replace(b"2\r\nde", b"x\r\nde"), "not HTTP"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n", "not HTTP"),
    ],
)
def test_an_answer_that_is_none_is_an_error_and_the_next_request_has_another_connection(
    answer: bytes, told: str
) -> None:
    server = Server(answer, OK)

    async def use(client: httpx2.AsyncClient) -> None:
        with pytest.raises(httpx2.RemoteProtocolError, match=told):
            await client.get("a")
        assert (await client.get("a")).content == b"{}"

    against(server, use)
    assert server.connections == 2


def test_a_connection_that_was_idle_for_long_is_closed_though_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_http, "KEPT_SECONDS", 1.0)
    server = Server(OK, OK, OK, OK, OK)

    async def use(client: httpx2.AsyncClient) -> None:
        await asyncio.gather(client.get("a"), client.get("a"))
        await asyncio.sleep(0.6)
        await client.get("a")
        await asyncio.sleep(0.7)
        assert (server.connections, server.lost) == (2, 1)  # the one that was used meanwhile is kept
        await client.get("a")
        await asyncio.sleep(1.2)
        assert (server.connections, server.lost) == (2, 2)
        await client.get("a")

    against(server, use)
    assert server.connections == 3


def test_a_large_answer_that_is_left_unread_keeps_nobody_waiting() -> None:
    size = _http.MOST_BUFFERED + 10  # it is all there when no more is taken in
    server = Server(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size, OK)

    async def use(client: httpx2.AsyncClient) -> None:
        async with client.stream("GET", "a"):
            await asyncio.sleep(0.5)
        async with asyncio.timeout(5):
            assert (await client.get("b")).content == b"{}"

    against(server, use)


def test_a_client_that_is_closed_takes_no_request() -> None:
    server = Server(OK, OK)

    async def use(client: httpx2.AsyncClient) -> None:
        await client.get("a")
        transport = client._transport
        assert isinstance(transport, Transport)
        connecting = asyncio.create_task(transport.handle_async_request(request := client.build_request("GET", "b")))
        transport._idle.clear()  # so that it has to connect
        await asyncio.sleep(0)
        await transport.aclose()
        for sending in (connecting, transport.handle_async_request(request)):
            with pytest.raises(httpx2.ConnectError, match="the client is closed"):
                await sending
        await asyncio.sleep(0.1)
        assert not transport._open

    against(server, use)


def test_a_request_that_is_given_up_takes_its_connection_with_it() -> None:
    server = Server(b"", OK)

    async def use(client: httpx2.AsyncClient) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.get("a")
        await asyncio.sleep(0.05)
        assert server.lost == 1
        await client.get("a")

    against(server, use)


def test_requests_at_the_same_time_have_a_connection_each() -> None:
    server = Server(*[OK] * 20)

    async def use(client: httpx2.AsyncClient) -> None:
        for _ in range(2):
            answers = await asyncio.gather(*(client.get("a") for _ in range(10)))
            assert [answer.content for answer in answers] == [b"{}"] * 10

    against(server, use)
    assert server.connections == 10


def test_a_stream_is_read_as_it_comes_and_closing_the_client_ends_it() -> None:
    server = Server(b"HTTP/1.1 200 OK\r\n\r\none\n", OK)

    async def use(client: httpx2.AsyncClient) -> None:
        answer = await client.send(client.build_request("GET", "a"), stream=True)
        pieces = answer.aiter_bytes()
        assert await anext(pieces) == b"one\n"
        await client.get("b")
        await client.aclose()
        with pytest.raises(httpx2.TransportError):
            await anext(pieces)
        await asyncio.sleep(0.05)
        assert server.lost == 2

    against(server, use)


def test_what_nobody_reads_is_not_taken_in() -> None:
    size = 32 * 2**20
    server = Server(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size) + END)

    async def use(client: httpx2.AsyncClient) -> None:
        answer = await client.send(client.build_request("GET", "a"), stream=True)
        await asyncio.sleep(0.3)
        assert server.lost == 0  # it cannot get rid of all that it has to say
        assert sum([len(piece) async for piece in answer.aiter_bytes()]) == size
        await answer.aclose()

    against(server, use)


@pytest.mark.parametrize("value", ["a\nX-Injected: b", "a\r\nb", "a\0", "a\x1b[2J"])
def test_a_header_that_is_none_is_not_sent(value: str) -> None:
    server = Server(OK)

    async def use(client: httpx2.AsyncClient) -> None:
        with pytest.raises(httpx2.LocalProtocolError):
            await client.get("a", headers={"Authorization": value})

    against(server, use)
    assert server.asked == []


def test_what_cannot_be_connected_to_is_told() -> None:
    async def main() -> None:
        tls = ssl.create_default_context()
        with socket.create_server(("127.0.0.1", 0)) as silent:
            async with httpx2.AsyncClient(transport=Transport(tls), timeout=0.2) as client:
                with pytest.raises(httpx2.ConnectTimeout, match=r"no connection to 127\.0\.0\.1"):
                    await client.get(f"https://127.0.0.1:{silent.getsockname()[1]}/")
        async with httpx2.AsyncClient(transport=Transport(tls), timeout=2) as client:
            with pytest.raises(httpx2.ConnectError):
                await client.get("http://127.0.0.1:1/")
            with pytest.raises(httpx2.UnsupportedProtocol):
                await client.get("ftp://127.0.0.1/")

    asyncio.run(main())


def test_a_server_proves_who_it_is(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.issue("server", "kube-apiserver")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")

    async def main() -> None:
        trusting = ssl.create_default_context(cafile=authority.certificate)
        async with Server(OK, OK, tls=tls).running(trusting) as client:
            assert (await client.get("a")).content == b"{}"
            elsewhere = str(client.base_url).replace("127.0.0.1", "127.0.0.2")
            with pytest.raises(httpx2.ConnectError):
                await client.get(elsewhere)
        async with Server(OK, tls=tls).running() as client:
            with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await client.get("a")

    asyncio.run(main())


class Wire(asyncio.Transport):
    """The other side of a connection, without one."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take a request."""

    def is_closing(self) -> bool:
        return False

    def abort(self) -> None:
        """Close nothing."""


@given(st.sampled_from([OK, CHUNKED]), st.lists(st.integers(0, len(CHUNKED)), max_size=6))
def test_an_answer_may_come_in_any_pieces(answer: bytes, cuts: list[int]) -> None:
    async def main() -> bytes:
        connection = _http._Connection(lambda _: None)
        connection.connection_made(Wire())
        asking = asyncio.create_task(connection.exchange(b"GET / HTTP/1.1\r\n\r\n"))
        await asyncio.sleep(0)
        places = [0, *sorted(cuts), len(answer)]
        for start, end in itertools.pairwise(places):
            if answer[start:end]:
                connection.data_received(answer[start:end])
        assert (await asking)[0] == 200
        body = b""
        while piece := await connection.read():
            body += piece
        assert connection.finish()
        return body

    assert asyncio.run(main()) == (b"{}" if answer == OK else b"abcde")


def test_an_answer_that_is_closed_is_not_read_since_its_connection_may_be_anothers() -> None:
    async def main() -> None:
        connection = _http._Connection(lambda _: None)
        connection.connection_made(Wire())
        asking = asyncio.create_task(connection.exchange(b"GET / HTTP/1.1\r\n\r\n"))
        await asyncio.sleep(0)
        connection.data_received(OK)
        await asking
        body = _http.Body(connection, lambda: None)
        await body.aclose()
        with pytest.raises(httpx2.StreamClosed):
            await body.whole()

    asyncio.run(main())


def test_a_proxy_in_the_environment_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = {"name": "c", "cluster": {"server": "http://cluster.test"}}
    context = {"name": "c", "context": {"cluster": "c"}}
    (tmp_path / "config").write_text(json.dumps({"current-context": "c", "contexts": [context], "clusters": [cluster]}))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    server = Server(OK)

    async def main() -> None:
        async with server.running() as client:
            monkeypatch.setenv("HTTP_PROXY", str(client.base_url.join("/")))
            async with Api.connect() as api:
                assert await api.get(Ref("v1", "Pod", "default", "a")) == {}

    asyncio.run(main())
    assert server.asked[0].startswith(b"GET http://cluster.test/api/v1/namespaces/default/pods/a HTTP/1.1\r\n")

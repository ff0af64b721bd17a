"""The API layer against transports that answer as API servers, proxies and broken networks do."""

from __future__ import annotations

import asyncio
import json
import ssl
from base64 import b64encode
from collections.abc import AsyncGenerator, Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx2
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from lightkube.core.exceptions import ConfigError
from tests.e2e.cluster.certificates import Authority

from agentctl_core import Ref
from agentctl_core.host import AGENT, POD, Failure, Request
from agentctl_runtime import _kubeconfig
from agentctl_runtime._answers import Page
from agentctl_runtime._api import WRITES_IN_FLIGHT, Api
from agentctl_runtime._failure import ApiFailure, JsonObject
from agentctl_runtime._kubeconfig import ConfigurationError
from agentctl_runtime._resources import NAMESPACE

from .support import Body, run

POD_REF = Ref("v1", "Pod", "default", "a")
SMALL = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "default"}}
WRITE = Request(method="PATCH", path="/api/v1/namespaces/default/pods/a", body={}, query={})
GONE = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version: 1 (2)"}


class Server(httpx2.AsyncBaseTransport):
    """Answers each request through a function, and keeps what was asked."""

    def __init__(self, answer: Callable[[httpx2.Request], httpx2.Response]) -> None:
        self._answer = answer
        self.requests: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        return self._answer(request)

    def connect(self) -> Api:
        return Api.connect(server="http://cluster.test", transport=self)


def replying(
    code: int = 200, content: Any = b"{}", headers: dict[str, str] | None = None
) -> Callable[[httpx2.Request], httpx2.Response]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return lambda _: httpx2.Response(code, stream=Body(body), headers=headers)


def asked(call: Callable[[Api], Coroutine[Any, Any, object]], answer: Any = b"{}") -> tuple[httpx2.Request, object]:
    server = Server(replying(content=answer))

    async def main() -> object:
        async with server.connect() as api:
            return await call(api)

    result = run(main())
    (request,) = server.requests
    return request, result


def failing(answer: Callable[[httpx2.Request], httpx2.Response]) -> ApiFailure:
    async def main() -> ApiFailure:
        async with Server(answer).connect() as api:
            with pytest.raises(ApiFailure) as caught:
                await api.get(POD_REF)
            return caught.value

    return run(main())


def finding(answer: Callable[[httpx2.Request], httpx2.Response]) -> JsonObject | None:
    async def main() -> JsonObject | None:
        async with Server(answer).connect() as api:
            return await api.find(POD_REF)

    return run(main())


def raising(error: Exception) -> Callable[[httpx2.Request], httpx2.Response]:
    def answer(_: httpx2.Request) -> httpx2.Response:
        raise error

    return answer


# Requests


@pytest.mark.parametrize(
    ("ref", "path"),
    [
        (POD_REF, "/api/v1/namespaces/default/pods/a"),
        (Ref("v1", "Namespace", "", "a"), "/api/v1/namespaces/a"),
        (Ref("agentctl.dev/v1alpha1", "Agent", "n", "a"), "/apis/agentctl.dev/v1alpha1/namespaces/n/agents/a"),
        (Ref("v1", "Service", "a/b", "c?d#e"), "/api/v1/namespaces/a%2Fb/services/c%3Fd%23e"),
        (Ref("v1", "Pod", "n", "a%2fb"), "/api/v1/namespaces/n/pods/a%252fb"),
    ],
)
def test_paths_are_those_of_the_api_server_with_names_percent_encoded(ref: Ref, path: str) -> None:
    request, _ = asked(lambda api: api.get(ref))
    assert request.url.raw_path.decode() == path


@pytest.mark.parametrize(
    "ref",
    [
        Ref("v1", "Pod", "default", ""),
        Ref("v1", "Pod", "default", "."),
        Ref("v1", "Pod", "default", ".."),
        Ref("v1", "Pod", "", "a"),
        Ref("v1", "Pod", "..", "a"),
        Ref("example.com/v1", "Widget", "default", "a"),
    ],
)
def test_a_name_that_would_reach_something_else_is_refused_before_anything_is_sent(ref: Ref) -> None:
    server = Server(replying())

    async def main() -> ApiFailure:
        async with server.connect() as api:
            with pytest.raises(ApiFailure) as caught:
                await api.get(ref)
            return caught.value

    assert run(main()).kind is Failure.REFUSAL
    assert server.requests == []


def test_create_asks_for_strict_validation_and_leaves_the_manifest_as_it_is() -> None:
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "n", "name": "a"}, "unknown": None}
    request, answer = asked(lambda api: api.create(manifest), {"made": True})
    assert (request.method, request.url.path) == ("POST", "/api/v1/namespaces/n/pods")
    assert dict(request.url.params) == {"fieldManager": "agentctl", "fieldValidation": "Strict"}
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.content) == manifest
    assert answer == {"made": True}


def test_what_executes_an_action_is_sent_as_it_is() -> None:
    body = {"metadata": {"uid": "u"}, "a": None}
    sent = Request(method="PATCH", path="/api/v1/a%20b", body=body, content_type="application/a+json", query={"c": "d"})
    request, answer = asked(lambda api: api.send(sent), {"made": True})
    assert (request.method, request.url.raw_path.decode()) == ("PATCH", "/api/v1/a%20b?c=d")
    assert request.headers["Content-Type"] == "application/a+json"
    assert json.loads(request.content) == body
    assert answer == {"made": True}


def test_what_cannot_be_encoded_is_refused() -> None:
    async def main() -> ApiFailure:
        async with Server(replying()).connect() as api:
            with pytest.raises(ApiFailure) as caught:
                await api.send(evolve(WRITE, body={"a": "\ud800"}))
            return caught.value

    assert run(main()).kind is Failure.REFUSAL


def test_items_of_a_list_get_the_kind_that_built_in_lists_leave_out() -> None:
    answer = {"metadata": {"resourceVersion": "5", "continue": "more"}, "items": [{"metadata": {"name": "a"}}]}
    request, page = asked(lambda api: api.list(POD, "n", label_selector="a=b", limit=2), answer)
    assert dict(request.url.params) == {"labelSelector": "a=b", "limit": "2"}
    assert page == Page([{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}], "5", "more")


def test_a_list_of_all_namespaces_may_be_null_and_a_token_goes_without_version() -> None:
    answer = {"metadata": {"resourceVersion": "5"}, "items": None}
    request, page = asked(lambda api: api.list(AGENT, continue_="t", resource_version="3"), answer)
    assert request.url.raw_path == b"/apis/agentctl.dev/v1alpha1/agents?continue=t"
    assert page == Page([], "5", "")


@pytest.mark.parametrize(
    "answer",
    [{}, {"metadata": {}}, {"metadata": {"resourceVersion": "1"}, "items": [1]}, {"metadata": [], "items": []}],
)
def test_a_list_that_is_none_is_a_failure(answer: JsonObject) -> None:
    with pytest.raises(ApiFailure, match="list") as caught:
        asked(lambda api: api.list(NAMESPACE), answer)
    assert caught.value.is_transient


# Failures


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (404, "NotFound", Failure.NOT_FOUND),
        (409, "AlreadyExists", Failure.ALREADY_EXISTS),
        (409, "Conflict", Failure.CONFLICT),
        (409, "", Failure.TRANSIENT),
        (410, "Expired", Failure.EXPIRED),
        (410, "Gone", Failure.EXPIRED),
        (400, "BadRequest", Failure.REFUSAL),
        (403, "Forbidden", Failure.REFUSAL),
        (413, "RequestEntityTooLarge", Failure.REFUSAL),
        (422, "Invalid", Failure.REFUSAL),
        (401, "Unauthorized", Failure.TRANSIENT),
        (429, "TooManyRequests", Failure.TRANSIENT),
        (500, "InternalError", Failure.TRANSIENT),
        (504, "Timeout", Failure.TRANSIENT),
    ],
)
def test_a_status_is_told_by_code_and_reason(code: int, reason: str, kind: Failure) -> None:
    status = {"kind": "Status", "code": code, "reason": reason, "message": "already exists, says a webhook"}
    failure = failing(replying(code, status))
    assert failure.kind is kind
    assert (failure.code, failure.reason, failure.status) == (code, reason, status)
    assert str(failure) == failure.message == "already exists, says a webhook"


@pytest.mark.parametrize(
    ("causes", "conflict"),
    [
        ([{"field": "spec.nodeName"}, {"field": "metadata.uid"}], True),
        ([{"field": "spec.nodeName"}], False),
        ([7], False),
        ({}, False),
        (None, False),
    ],
)
def test_a_patch_of_an_object_with_another_uid_is_a_conflict(causes: object, *, conflict: bool) -> None:
    """Measured on Kubernetes 1.37: 422 Invalid, not 409."""
    status = {"kind": "Status", "code": 422, "reason": "Invalid", "details": {"causes": causes}}
    failure = failing(replying(422, status))
    assert failure.kind is (Failure.CONFLICT if conflict else Failure.REFUSAL)


@given(
    st.none() | st.integers(200, 599),
    st.sampled_from(["", "NotFound", "AlreadyExists", "Conflict", "Expired", "Gone", "Invalid", "InvalidResponse"])
    | st.sampled_from(["NotSent", "Timeout", "ConnectionFailed"]),
)
def test_every_failure_is_exactly_one_thing(code: int | None, reason: str) -> None:
    failure = ApiFailure("", code=code, reason=reason)
    kinds = ["is_not_found", "is_already_exists", "is_conflict", "is_expired", "is_transient"]
    assert sum(getattr(failure, kind) for kind in kinds) == (failure.kind is not Failure.REFUSAL)


@pytest.mark.parametrize(
    ("code", "content", "headers", "says"),
    [
        (429, b"slow down", {"Content-Type": "text/plain"}, r"429, not from Kubernetes \(text/plain\): 'slow down'"),
        (503, b"upstream", {"Content-Type": "text/plain"}, "503"),
        (502, b"<html>", {"Content-Type": "application/json"}, "502.*<html>"),
        (403, b"<html>", {"Content-Type": "text/html"}, "403"),
        (500, b"", None, "no Content-Type"),
        (307, b"", {"Location": "http://elsewhere.test"}, "307"),
        (200, b"<html>", {"Content-Type": "application/json"}, "not JSON.*<html>"),
        (200, b'{"kind": "Pod", "metad', {"Content-Type": "application/json"}, "not JSON"),
        (200, b"", None, "not JSON"),
        (200, b"[]", {"Content-Type": "application/json"}, "not a JSON object"),
        (200, b'{"a": "\xff"}', {"Content-Type": "application/json"}, "not JSON"),
        (200, b"[" * 100_000, {"Content-Type": "application/json"}, "not JSON"),
        (500, b'{"kind": "Status", "message": 7, "details": []}', None, "7"),
    ],
)
def test_an_answer_that_is_not_kubernetes_is_transient_and_described(
    code: int, content: bytes, headers: dict[str, str] | None, says: str
) -> None:
    failure = failing(replying(code, content, headers))
    assert failure.is_transient
    assert failure.code == code
    with pytest.raises(ApiFailure, match=says):
        raise failure


def test_json_without_a_content_type_is_read() -> None:
    assert asked(lambda api: api.get(POD_REF), {"kind": "Pod"})[1] == {"kind": "Pod"}


def test_a_proxy_that_finds_an_object_too_large_is_a_refusal() -> None:
    assert failing(replying(413, b"<html>")).kind is Failure.REFUSAL


@pytest.mark.parametrize(
    ("header", "details", "seconds"),
    [
        ("7", None, 7.0),
        (None, {"retryAfterSeconds": 3}, 3.0),
        ("7", {"retryAfterSeconds": 3}, 7.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None, None),
        ("-1", None, None),
        ("9" * 400, None, 3600.0),
        (None, None, None),
    ],
)
def test_retry_after_is_read_from_the_header_or_the_status(
    header: str | None, details: JsonObject | None, seconds: float | None
) -> None:
    status = {"kind": "Status", "details": details}
    assert failing(replying(429, status, {"Retry-After": header} if header else None)).retry_after == seconds


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (httpx2.ConnectError("refused"), "ConnectionFailed"),
        (httpx2.RemoteProtocolError("cut off"), "ConnectionFailed"),
        (httpx2.ReadTimeout(""), "Timeout"),
        (httpx2.PoolTimeout(""), "Timeout"),
        (PermissionError("token"), "ConnectionFailed"),
        (ssl.SSLError("handshake"), "ConnectionFailed"),
        (KeyError("status"), "CredentialsFailed"),
    ],
)
def test_whatever_sending_raises_is_one_exception(error: Exception, reason: str) -> None:
    failure = failing(raising(error))
    assert (failure.reason, failure.code, failure.is_transient) == (reason, None, True)
    assert type(error).__name__ in failure.message
    assert "/api/v1/namespaces/default/pods/a" in failure.message
    assert failure.__cause__ is error


def test_a_body_that_never_ends_runs_into_the_timeout_and_is_closed() -> None:
    body = Body(*(part for _ in range(1000) for part in (b" ", 10.0)))
    failure = failing(lambda _: httpx2.Response(200, stream=body))
    assert failure.reason == "Timeout"
    assert body.closed


@pytest.mark.parametrize("code", [200, 404, 500, 503])
def test_every_response_is_closed(code: int) -> None:
    body = Body(b"no")
    failing(lambda _: httpx2.Response(code, stream=body))
    assert body.closed


def test_cancellation_passes_through_and_closes_the_response() -> None:
    body = Body(b" ", 20.0, b"{}")

    async def main() -> bool:
        async with Server(lambda _: httpx2.Response(200, stream=body)).connect() as api:
            task = asyncio.create_task(api.get(POD_REF))
            await asyncio.sleep(1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return body.closed

    assert run(main())


def test_a_refused_connection_is_a_transient_failure() -> None:
    async def main() -> ApiFailure:
        async with Api.connect(server="http://127.0.0.1:1") as api:
            with pytest.raises(ApiFailure) as caught:
                await api.get(POD_REF)
            return caught.value

    failure = asyncio.run(main())
    assert failure.is_transient
    assert failure.reason == "ConnectionFailed"


def test_writes_in_flight_are_bounded_and_do_not_hold_up_reads() -> None:
    class Slow(httpx2.AsyncBaseTransport):
        now, peak = 0, 0

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.method == "GET":
                return httpx2.Response(200, json={})
            self.now += 1
            self.peak = max(self.peak, self.now)
            await asyncio.sleep(1)
            self.now -= 1
            return httpx2.Response(200, json={})

    async def main() -> tuple[int, float, float]:
        slow = Slow()
        time = asyncio.get_running_loop().time
        async with Api.connect(server="http://cluster.test", transport=slow) as api:
            writes = [asyncio.create_task(api.send(WRITE)) for _ in range(320)]
            await asyncio.sleep(0.5)
            await api.get(POD_REF)
            read = time()
            await asyncio.gather(*writes)
        return slow.peak, read, time()

    peak, read, end = run(main())
    assert peak == WRITES_IN_FLIGHT
    assert (read, end) == pytest.approx((0.5, 10.0))


@pytest.mark.parametrize(
    ("headers", "waits"), [({"Retry-After": "5"}, 5.0), ({}, 0.0), ({"Retry-After": "3000"}, 300.0)]
)
def test_after_a_429_every_request_waits_as_long_as_the_server_asks(headers: dict[str, str], waits: float) -> None:
    script = [httpx2.Response(429, headers=headers, text="slow down")]
    times: list[float] = []

    def answer(_: httpx2.Request) -> httpx2.Response:
        times.append(asyncio.get_running_loop().time())
        return script.pop() if script else httpx2.Response(200, stream=Body(b"{}"))

    async def main() -> None:
        async with Server(answer).connect() as api:
            with pytest.raises(ApiFailure):
                await api.create(SMALL)
            await asyncio.gather(*(api.create(SMALL) for _ in range(3)), api.get(POD_REF))

    run(main())
    assert times == pytest.approx([0.0, *[waits] * 4])


# Watches


def event(kind: str = "ADDED", version: str = "1", name: str = "a") -> JsonObject:
    return {"type": kind, "object": {"metadata": {"name": name, "resourceVersion": version}}}


def line(*events: JsonObject) -> bytes:
    return b"".join(json.dumps(event, ensure_ascii=False).encode() + b"\n" for event in events)


def watched(*parts: bytes | float | Exception, code: int = 200) -> tuple[list[JsonObject], ApiFailure | None]:
    body = Body(*parts)
    server = Server(lambda _: httpx2.Response(code, stream=body))

    async def main() -> tuple[list[JsonObject], ApiFailure | None]:
        seen: list[JsonObject] = []
        async with server.connect() as api:
            try:
                async with api.watch(POD, "n", resource_version="7", timeout_seconds=300) as events:
                    async for one in events:
                        seen.append(one)  # noqa: PERF401 -- what was seen before the failure counts
            except ApiFailure as failure:
                return seen, failure
        return seen, None

    result = run(main())
    assert body.closed
    return result


def test_a_watch_asks_for_bookmarks_and_a_timeout() -> None:
    server = Server(replying(content=b""))

    async def main() -> None:
        async with server.connect() as api, api.watch(AGENT, resource_version="7", timeout_seconds=300) as events:
            assert [one async for one in events] == []

    run(main())
    assert dict(server.requests[0].url.params) == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "7",
        "timeoutSeconds": "300",
    }


def test_a_watch_is_not_compressed() -> None:
    """Seen on Kubernetes 1.37: a stream that begins with a list comes as one gzip member for each event."""
    server = Server(replying(content=b""))

    async def main() -> None:
        async with server.connect() as api, api.watch(AGENT, resource_version=None, timeout_seconds=300) as events:
            assert [one async for one in events] == []

    run(main())
    assert server.requests[0].headers["Accept-Encoding"] == "identity"
    assert server.requests[0].url.params["sendInitialEvents"] == "true"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_are_split_at_line_feeds_alone_however_they_are_cut(size: int) -> None:
    events = [event(name="a\x85b\u2028c\x0bd\x1ce\r"), event("MODIFIED", "2", "é"), event("BOOKMARK", "3")]
    stream = line(*events).replace(b"\n", b"\n\n")
    assert watched(*[stream[i : i + size] for i in range(0, len(stream), size)]) == (events, None)


@pytest.mark.parametrize(
    ("tail", "says"),
    [
        (b'{"type": "ADDED", "obj', "amid an event"),
        (b'{"type": "ADDED", "obj\n', "not JSON"),
        (b"[]\n", "not a JSON object"),
        (b'{"type": "ADDED"}\n', "not a watch event"),
        (b'{"type": "ADDED", "object": {"metadata": null}}\n', "not a watch event"),
        (b'{"type": "NEWS", "object": {"metadata": {"resourceVersion": "1"}}}\n', "not a watch event"),
    ],
)
def test_a_broken_event_is_a_failure_after_those_before_it(tail: bytes, says: str) -> None:
    seen, failure = watched(line(event()) + tail)
    assert seen == [event()]
    assert failure is not None
    assert failure.is_transient
    assert says in failure.message


def test_an_error_event_is_its_status() -> None:
    seen, failure = watched(line(event(), {"type": "ERROR", "object": GONE}))
    assert seen == [event()]
    assert failure is not None
    assert failure.is_expired
    assert failure.status == GONE


def test_a_refused_watch_is_its_status() -> None:
    _, failure = watched(json.dumps(GONE).encode(), code=410)
    assert failure is not None
    assert failure.is_expired


def test_a_connection_that_breaks_amid_a_watch_is_a_failure() -> None:
    seen, failure = watched(line(event()), httpx2.RemoteProtocolError("incomplete chunked read"))
    assert seen == [event()]
    assert failure is not None
    assert failure.reason == "ConnectionFailed"


def test_a_silent_watch_is_dead_but_a_quiet_one_with_bookmarks_lives() -> None:
    bookmarks = [part for i in range(10) for part in (60.0, line(event("BOOKMARK", str(i))))]
    seen, failure = watched(*bookmarks, 75.1, line(event()))
    assert len(seen) == 10
    assert failure is not None
    assert failure.reason == "Timeout"


def test_half_an_event_does_not_keep_a_watch_alive() -> None:
    _, failure = watched(b" ", 50.0, b" ", 50.0)
    assert failure is not None
    assert failure.reason == "Timeout"


@pytest.mark.parametrize("how", ["break", "cancel"])
def test_a_watch_that_is_left_is_closed(how: str) -> None:
    body = Body(line(event()), 1000.0)
    server = Server(lambda _: httpx2.Response(200, stream=body))

    async def consume(api: Api) -> None:
        async with api.watch(POD, resource_version="1", timeout_seconds=300) as events:
            async for _ in events:
                if how == "break":
                    return

    async def main() -> bool:
        async with server.connect() as api:
            task = asyncio.create_task(consume(api))
            await asyncio.sleep(10)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return body.closed

    assert run(main())


def test_watches_have_connections_of_their_own() -> None:
    """With 120 watches open, more than a pool holds, a request still gets through."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0]
        if b"watch=true" in head:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await reader.read()
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()

    async def watch(api: Api) -> None:
        async with api.watch(POD, resource_version="1", timeout_seconds=300) as events:
            await anext(events, None)

    async def main() -> JsonObject:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        async with server, Api.connect(server=f"http://{host}:{port}") as api:
            watches = [asyncio.create_task(watch(api)) for _ in range(120)]
            await asyncio.sleep(0.5)
            answer = await api.request("GET", "version", timeout=5)
            for task in watches:
                task.cancel()
            await asyncio.gather(*watches, return_exceptions=True)
        return answer

    assert asyncio.run(main()) == {}


@pytest.mark.parametrize("path", ["/a b", "/a\tb", "/a\r\nX-Injected: b", "/\x7f"])
def test_a_path_that_would_be_another_request_is_not_sent(path: str) -> None:
    server = Server(replying())

    async def main() -> None:
        async with server.connect() as api:
            with pytest.raises(ApiFailure, match="cannot be sent: it holds a space or a control character") as caught:
                await api.request("GET", path)
            assert not caught.value.is_transient

    run(main())
    assert server.requests == []


# Configuration

KUBECONFIG = """
current-context: one
contexts:
- {name: one, context: {cluster: c, user: u, namespace: team}}
- {name: two, context: {cluster: c}}
- {name: lost, context: {cluster: nowhere}}
- {name: plugin, context: {cluster: c, user: plugin}}
clusters:
- {name: c, cluster: {server: "http://cluster.test"}}
users:
- {name: u, user: {token: secret}}
- {name: plugin, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: x}}}
"""


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config"
    path.write_text(KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


@pytest.fixture
def service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    account = tmp_path / "account"
    account.mkdir()
    (account / "token").write_text("rotating")
    (account / "namespace").write_text("operators")
    monkeypatch.setattr(_kubeconfig, "SERVICE_ACCOUNT", str(account))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")


def sent_by(api: Api, server: Server) -> httpx2.Request:
    async def main() -> None:
        async with api:
            await api.get(POD_REF)

    run(main())
    return server.requests[0]


@pytest.mark.usefixtures("kubeconfig")
def test_the_current_context_gives_server_credentials_and_namespace() -> None:
    server = Server(replying())
    api = Api.connect(transport=server)
    assert api.namespace == "team"
    request = sent_by(api, server)
    assert request.url.host == "cluster.test"
    assert request.headers["Authorization"] == "Bearer secret"


@pytest.mark.usefixtures("kubeconfig")
def test_credentials_in_the_servers_url_are_sent(kubeconfig: Path) -> None:
    kubeconfig.write_text(KUBECONFIG.replace("http://cluster.test", "http://me:pass@cluster.test"))
    server = Server(replying())
    request = sent_by(Api.connect(context="two", transport=server), server)
    assert request.headers["Authorization"] == "Basic " + b64encode(b"me:pass").decode()


@pytest.mark.parametrize("fault", [ConfigError("the plugin fails"), asyncio.CancelledError()])
def test_where_credentials_cannot_be_renewed_the_answer_that_asked_for_it_is_closed(fault: BaseException) -> None:
    class Renewing(httpx2.Auth):
        async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
            yield request
            raise fault

    body = Body(b"{}")
    server = Server(lambda _: httpx2.Response(401, stream=body))

    async def main() -> None:
        async with server.connect() as api:
            api._client._auth = Renewing()
            with pytest.raises((ApiFailure, asyncio.CancelledError)):
                await api.get(POD_REF)

    run(main())
    assert body.closed


@pytest.mark.usefixtures("kubeconfig")
def test_a_context_without_user_sends_no_credentials() -> None:
    server = Server(replying())
    api = Api.connect(context="two", transport=server)
    assert api.namespace == "default"
    assert "Authorization" not in sent_by(api, server).headers


@pytest.mark.usefixtures("kubeconfig", "service_account")
def test_kubeconfig_wins_over_the_service_account() -> None:
    assert Api.connect(transport=Server(replying())).namespace == "team"


@pytest.mark.usefixtures("kubeconfig")
def test_a_given_server_needs_no_configuration_and_gets_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    server = Server(replying())
    assert "Authorization" not in sent_by(server.connect(), server).headers


@pytest.mark.usefixtures("service_account")
def test_a_service_account_is_used_where_nothing_else_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    # There is no ca.crt: the message names where the configuration came from, and that it is incomplete.
    with pytest.raises(ConfigurationError, match="No such file"):
        Api.connect(transport=Server(replying()))


@pytest.mark.usefixtures("kubeconfig")
@pytest.mark.parametrize(
    ("context", "says"),
    [("three", "Context 'three' not found"), ("lost", "'nowhere' is missing"), ("plugin", "k8s.io/v1 are not supp")],
)
def test_a_context_that_cannot_be_used_says_why(context: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        Api.connect(context=context)
    assert "Set KUBECONFIG" in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "a: [", "clusters: []", "contexts: 7\nclusters: 7", "\x00"])
def test_a_file_that_is_no_kubeconfig_is_a_configuration_error(kubeconfig: Path, text: str) -> None:
    kubeconfig.write_text(text)
    with pytest.raises(ConfigurationError, match=str(kubeconfig)):
        Api.connect()


def test_a_missing_or_unreadable_file_is_a_configuration_error(
    kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeconfig.unlink()
    with pytest.raises(ConfigurationError, match=r"not found.*Set KUBECONFIG"):
        Api.connect()
    monkeypatch.setenv("KUBECONFIG", f"{kubeconfig}:{kubeconfig}2")
    with pytest.raises(ConfigurationError, match="names 2 files"):
        Api.connect()


def test_without_any_configuration_the_message_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ConfigurationError, match="Set KUBECONFIG to a kubeconfig file"):
        Api.connect()


def test_what_is_looked_for_may_not_be_there_and_any_other_failure_is_one() -> None:
    assert finding(replying(content={"kind": "Pod"})) == {"kind": "Pod"}
    gone = {"kind": "Status", "code": 404, "reason": "NotFound", "message": "gone"}
    assert finding(replying(404, gone, {"content-type": "application/json"})) is None
    forbidden = gone | {"code": 403, "reason": "Forbidden"}
    with pytest.raises(ApiFailure):
        finding(replying(403, forbidden, {"content-type": "application/json"}))


def test_an_authority_that_was_replaced_on_disk_is_trusted_at_the_next_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = httpx2.MockTransport(raising(httpx2.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] unknown authority")))
    file = Authority(tmp_path).certificate
    parts = {"clusters": [{"name": "a", "cluster": {"server": "https://x.test", "certificate-authority": "ca.crt"}}],
             "contexts": [{"name": "a", "context": {"cluster": "a"}}], "current-context": "a"}  # fmt: skip
    (tmp_path / "config").write_text(json.dumps(parts))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    former = file.read_text()

    async def scenario() -> None:
        async with Api.connect(transport=refused) as api:
            assert len(api._client._tls.get_ca_certs()) == 1
            file.write_text(former + Authority(tmp_path).certificate.read_text())
            with pytest.raises(ApiFailure, match="CERTIFICATE_VERIFY_FAILED"):
                await api.get(POD_REF)
            assert len(api._client._tls.get_ca_certs()) == 2

    asyncio.run(scenario())

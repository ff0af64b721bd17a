"""The reflector against scripted servers, on a clock of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import httpx2
import pytest

from agentctl_runtime._api import Api
from agentctl_runtime._failure import JsonObject
from agentctl_runtime._resources import POD
from agentctl_runtime._watch import Reflector

from .support import Body, Part, run

FOREVER = 1e6


class Server(httpx2.AsyncBaseTransport):
    """Plays a script, one answer for each request, and then keeps silent."""

    def __init__(self, *script: httpx2.Response | Exception) -> None:
        self._script = list(script)
        self.opened: list[Body] = []
        self.asked: list[dict[str, str]] = []
        self.times: list[float] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(dict(request.url.params))
        self.times.append(asyncio.get_running_loop().time())
        if not self._script:
            await asyncio.sleep(FOREVER)
        answer = self._script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer.stream, Body):
            self.opened.append(answer.stream)
        return answer

    @property
    def watched_from(self) -> list[str]:
        """The resourceVersions that watches started from; "list" stands for each page of a list."""
        return [asked["resourceVersion"] if "watch" in asked else "list" for asked in self.asked]


class Recorder:
    """A sink that keeps what exists and the order of what it was told, and a logger that keeps what is logged."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.told: list[str] = []
        self.logged: list[tuple[str, dict[str, Any]]] = []
        self.defects = 0

    def replace(self, items: Sequence[JsonObject], resource_version: str) -> None:
        self.names = {item["metadata"]["name"] for item in items}
        self.told.append(f"replace@{resource_version}")

    def apply(self, event_type: str, manifest: JsonObject) -> None:
        name = manifest["metadata"]["name"]
        self.told.append(f"{event_type} {name}")
        if self.defects:
            self.defects -= 1
            raise ZeroDivisionError
        if event_type == "DELETED":
            self.names.discard(name)
        else:
            self.names.add(name)

    def info(self, event: str, **context: object) -> None: ...

    def warning(self, event: str, **context: object) -> None:
        self.logged.append((event, context))

    exception = warning


def play(server: Server, *, seconds: float = 50.0, uniform: float = 0.0, defects: int = 0) -> Recorder:
    """Run a reflector for so many seconds against the script; the recorder's `names` are what the sink holds then."""
    recorder = Recorder()
    recorder.defects = defects

    async def main() -> None:
        async with Api.connect(server="http://cluster.test", transport=server) as api:
            reflector = Reflector(api, POD, namespace="n", label_selector="a=b", uniform=lambda: uniform, log=recorder)
            task = asyncio.create_task(reflector.run(recorder))
            await asyncio.sleep(seconds)
            assert not task.done()
            assert reflector.synced.is_set() == any(told.startswith("replace") for told in recorder.told)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            assert task.cancelled()

    run(main())
    assert all(body.closed for body in server.opened)
    return recorder


def listed(version: str, *names: str, continue_: str = "") -> httpx2.Response:
    items = [{"metadata": {"name": name, "resourceVersion": "1"}} for name in names]
    metadata = {"resourceVersion": version} | ({"continue": continue_} if continue_ else {})
    return httpx2.Response(200, json={"metadata": metadata, "items": items})


def event(kind: str, version: str, name: str = "") -> bytes:
    manifest = {"metadata": {"name": name, "resourceVersion": version}}
    return json.dumps({"type": kind, "object": manifest}, ensure_ascii=False).encode() + b"\n"


def stream(*parts: Part) -> httpx2.Response:
    return httpx2.Response(200, stream=Body(*parts))


def error_event(code: int, reason: str) -> bytes:
    status = {"kind": "Status", "code": code, "reason": reason, "message": "no"}
    return json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"


def status(code: int, reason: str, **headers: str) -> httpx2.Response:
    content = {"kind": "Status", "code": code, "reason": reason, "message": "no"}
    return httpx2.Response(code, json=content, headers={name.replace("_", "-"): v for name, v in headers.items()})


def test_it_lists_and_then_applies_what_it_watches() -> None:
    server = Server(
        listed("5", "a", "b"),
        stream(event("ADDED", "6", "c"), event("MODIFIED", "7", "a"), event("DELETED", "8", "b"), FOREVER),
    )
    recorder = play(server)
    assert recorder.told == ["replace@5", "ADDED c", "MODIFIED a", "DELETED b"]
    assert recorder.names == {"a", "c"}
    assert recorder.logged == []
    assert server.asked[0] == {"labelSelector": "a=b", "limit": "500"}
    assert server.asked[1]["allowWatchBookmarks"] == "true"
    assert server.asked[1]["labelSelector"] == "a=b"
    assert server.watched_from == ["list", "5"]


@pytest.mark.parametrize(("uniform", "seconds"), [(0.0, "300"), (0.5, "450"), (0.999, "599")])
def test_the_server_ends_a_watch_after_five_to_ten_minutes(uniform: float, seconds: str) -> None:
    server = Server(listed("5"), stream(FOREVER))
    play(server, uniform=uniform)
    assert server.asked[1]["timeoutSeconds"] == seconds


def test_pages_are_one_list() -> None:
    server = Server(listed("5", "a", continue_="x"), listed("5", "b", continue_="y"), listed("5", "c"))
    recorder = play(server)
    assert recorder.told == ["replace@5"]
    assert recorder.names == {"a", "b", "c"}
    assert [asked.get("continue") for asked in server.asked[:3]] == [None, "x", "y"]


def test_pages_that_expire_are_listed_from_the_beginning() -> None:
    server = Server(listed("5", "a", continue_="x"), status(410, "Expired"), listed("6", "b"), stream(FOREVER))
    recorder = play(server)
    assert recorder.told == ["replace@6"]
    assert recorder.names == {"b"}
    assert [asked.get("continue") for asked in server.asked[:3]] == [None, "x", None]


def test_a_bookmark_moves_the_version_and_nothing_else() -> None:
    server = Server(listed("5", "a"), stream(event("ADDED", "6", "b"), event("BOOKMARK", "99")), stream(FOREVER))
    recorder = play(server)
    assert recorder.told == ["replace@5", "ADDED b"]
    assert server.watched_from[:3] == ["list", "5", "99"]


@pytest.mark.parametrize("how", ["in the stream", "over HTTP"])
def test_after_410_a_deletion_in_the_gap_is_seen(how: str) -> None:
    gone = stream(error_event(410, "Expired")) if how == "in the stream" else status(410, "Gone")
    server = Server(listed("5", "a", "b"), gone, listed("9", "b"), stream(FOREVER))
    recorder = play(server)
    assert recorder.told == ["replace@5", "replace@9"]
    assert recorder.names == {"b"}
    assert server.watched_from == ["list", "5", "list", "9"]
    assert [context["relist"] for _, context in recorder.logged] == [True]


def test_a_clean_end_goes_on_where_it_was_after_the_shortest_wait() -> None:
    ends = [stream(event("ADDED", str(i), "a")) for i in range(6, 16)]
    server = Server(listed("5"), *ends, stream(FOREVER))
    recorder = play(server)
    assert server.watched_from == ["list", *map(str, range(5, 16))]
    assert [b - a for a, b in zip(server.times[1:], server.times[2:], strict=False)] == pytest.approx([0.8] * 10)
    assert recorder.logged == []


def test_streams_that_end_at_once_without_an_event_are_opened_less_and_less_often() -> None:
    server = Server(listed("5"), *(stream() for _ in range(9)))
    play(server, seconds=500)
    waits = [b - a for a, b in zip(server.times[1:], server.times[2:], strict=False)]
    assert waits[:9] == pytest.approx([0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30, 30])


def test_failures_back_off_with_jitter_and_an_event_resets_the_backoff() -> None:
    lost = [httpx2.ConnectError("refused") for _ in range(3)]
    server = Server(*lost, listed("5"), stream(event("BOOKMARK", "6"), httpx2.ReadError("cut")), *lost, stream(FOREVER))
    recorder = play(server, uniform=0.5)
    waits = [b - a for a, b in zip(server.times, server.times[1:], strict=False)]
    assert waits == pytest.approx([1.2, 2.4, 4.8, 0.0, 1.2, 2.4, 4.8, 9.6])
    assert server.watched_from == ["list"] * 4 + ["5"] + ["6"] * 4
    assert [context["retry_in"] for _, context in recorder.logged] == [1.2, 2.4, 4.8, 1.2, 2.4, 4.8, 9.6]
    assert {event for event, _ in recorder.logged} == {"list_or_watch_failed"}


def test_a_silent_stream_is_given_up_after_75_seconds() -> None:
    server = Server(listed("5"), stream(event("ADDED", "6", "a"), FOREVER), stream(FOREVER))
    recorder = play(server, seconds=100)
    assert server.watched_from == ["list", "5", "6"]
    assert server.times[2] == pytest.approx(75.8)
    assert [context["reason"] for _, context in recorder.logged] == ["Timeout"]


def test_a_stream_without_any_event_or_bookmark_leads_to_a_new_list() -> None:
    """So looks a version that lies in the future, after etcd was restored: no error, and silence for ever."""
    server = Server(listed("5000", "a"), stream(FOREVER), listed("40", "b"), stream(FOREVER), listed("40", "b"))
    recorder = play(server, seconds=75.8 * 2 + 1)
    assert recorder.told == ["replace@5000", "replace@40", "replace@40"]
    assert server.times == pytest.approx([0, 0, 75.8, 75.8, 151.6, 151.6])


def test_a_stream_with_bookmarks_lives_on() -> None:
    beats: list[Part] = [part for i in range(20) for part in (60.0, event("BOOKMARK", str(i)))]
    server = Server(listed("5"), stream(*beats, FOREVER))
    recorder = play(server, seconds=1200)
    assert len(server.asked) == 2
    assert recorder.logged == []


def test_a_truncated_event_is_asked_for_again() -> None:
    whole = event("ADDED", "7", "b")
    server = Server(listed("5"), stream(event("ADDED", "6", "a"), whole[:-9]), stream(whole, FOREVER))
    recorder = play(server)
    assert recorder.told == ["replace@5", "ADDED a", "ADDED b"]
    assert server.watched_from == ["list", "5", "6"]
    assert len(recorder.logged) == 1


def test_a_line_separator_inside_a_string_is_no_end_of_line() -> None:
    server = Server(listed("5"), stream(event("ADDED", "6", "a\x85b\u2028c"), FOREVER))
    recorder = play(server)
    assert recorder.names == {"a\x85b\u2028c"}
    assert recorder.logged == []


@pytest.mark.parametrize(("asked", "waits"), [("7", 7.0), ("0", 0.8), ("100000", 300.0)])
def test_retry_after_is_honoured_within_reason(asked: str, waits: float) -> None:
    server = Server(status(429, "TooManyRequests", Retry_After=asked), listed("5"), stream(FOREVER))
    play(server, seconds=400)
    assert server.times[1] == pytest.approx(waits)


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(503, text="unavailable"),
        httpx2.Response(200, content=b"<html>", headers={"Content-Type": "application/json"}),
        status(401, "Unauthorized"),
        status(403, "Forbidden"),
        status(404, "NotFound"),
        httpx2.PoolTimeout(""),
        ZeroDivisionError(),
    ],
)
def test_no_failure_ends_it_and_each_is_logged_once(answer: httpx2.Response | Exception) -> None:
    server = Server(answer, listed("5", "a"), stream(FOREVER))
    recorder = play(server)
    assert recorder.names == {"a"}
    assert len(recorder.logged) == 1


def test_a_version_that_the_server_does_not_accept_leads_to_a_new_list() -> None:
    server = Server(listed("5"), status(400, "BadRequest"), listed("2", "a"), stream(FOREVER))
    assert play(server).told == ["replace@5", "replace@2"]


def test_a_version_that_fails_for_long_leads_to_a_new_list() -> None:
    server = Server(listed("5000"), *(status(504, "Timeout") for _ in range(7)), listed("40"), stream(FOREVER))
    assert play(server, seconds=200).told == ["replace@5000", "replace@40"]


def test_a_defect_of_the_sink_is_logged_and_leads_to_a_new_list() -> None:
    server = Server(listed("5"), stream(event("ADDED", "6", "a")), listed("6", "a"), stream(FOREVER))
    recorder = play(server, defects=1)
    assert recorder.told == ["replace@5", "ADDED a", "replace@6"]
    assert [event for event, _ in recorder.logged] == ["reflector_defect"]

"""The reflector against scripted servers that list page by page, on a clock of its own."""

from __future__ import annotations

import httpx2
import pytest

from .support import Part
from .watch_support import FOREVER, Server, error_event, event, listed, play, status, stream


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


def test_pages_that_expire_are_listed_again_in_one_piece() -> None:
    server = Server(listed("5", "a", continue_="x"), status(410, "Expired"), listed("6", "b"), stream(FOREVER))
    recorder = play(server)
    assert recorder.told == ["replace@6"]
    assert recorder.names == {"b"}
    assert [asked.get("continue") for asked in server.asked[:3]] == [None, "x", None]
    assert [asked.get("limit") for asked in server.asked[:3]] == ["500", "500", None]
    assert server.times[2] == 0


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

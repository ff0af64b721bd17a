"""The reflector against servers that stream lists (WatchList), or do not."""

from __future__ import annotations

import json

import httpx2
import pytest

from .support import Part
from .watch_support import FOREVER, Server, error_event, event, listed, play, status, stream


def end_of_initial(version: str, value: str = "true") -> bytes:
    metadata = {"resourceVersion": version, "annotations": {"k8s.io/initial-events-end": value}}
    return json.dumps({"type": "BOOKMARK", "object": {"kind": "Pod", "metadata": metadata}}).encode() + b"\n"


def streaming(*script: httpx2.Response | Exception) -> Server:
    return Server(*script, streams_lists=True)


def test_a_list_comes_as_the_beginning_of_the_watch_and_reaches_the_sink_whole() -> None:
    initial = event("ADDED", "3", "a") + event("ADDED", "4", "b") + end_of_initial("5")
    server = streaming(stream(initial, event("ADDED", "6", "c"), event("DELETED", "7", "a"), FOREVER))
    recorder = play(server)
    assert recorder.told == ["replace@5", "ADDED c", "DELETED a"]
    assert recorder.names == {"b", "c"}
    assert recorder.logged == []
    (asked,) = server.asked
    assert 300 <= int(asked.pop("timeoutSeconds")) <= 600
    assert asked == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "labelSelector": "a=b",
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
    }


def test_what_changes_while_the_list_arrives_is_part_of_it() -> None:
    server = streaming(
        stream(
            event("ADDED", "3", "a"), event("ADDED", "4", "b"), event("MODIFIED", "6", "a"),
            event("DELETED", "7", "b"), event("ADDED", "8", "c"), end_of_initial("8"), FOREVER,
        )
    )  # fmt: skip
    recorder = play(server)
    assert recorder.told == ["replace@8"]
    assert recorder.names == {"a", "c"}


def test_nothing_is_synced_before_the_list_ends() -> None:
    server = streaming(stream(event("ADDED", "3", "a"), FOREVER))
    assert play(server, seconds=70).told == []  # play looks at `synced` too


def test_the_next_watch_goes_on_from_the_list() -> None:
    server = streaming(stream(end_of_initial("5")), stream(event("ADDED", "6", "a"), FOREVER))
    recorder = play(server)
    assert server.watched_from == ["", "5"]
    assert "sendInitialEvents" not in server.asked[1]
    assert recorder.told == ["replace@5", "ADDED a"]


def test_after_410_the_list_is_streamed_again_and_a_deletion_in_the_gap_is_seen() -> None:
    server = streaming(
        stream(event("ADDED", "3", "a"), event("ADDED", "4", "b"), end_of_initial("5"), error_event(410, "Expired")),
        stream(event("ADDED", "4", "b"), end_of_initial("9"), FOREVER),
    )
    recorder = play(server)
    assert recorder.told == ["replace@5", "replace@9"]
    assert recorder.names == {"b"}
    assert server.watched_from == ["", ""]


@pytest.mark.parametrize("code", [400, 422])
def test_a_server_that_refuses_is_asked_for_pages_at_once_and_never_again_for_a_stream(code: int) -> None:
    server = streaming(
        status(code, "Invalid"),
        listed("5", "a"),
        stream(event("ADDED", "6", "b"), error_event(410, "Expired")),
        listed("9", "b"),
        stream(FOREVER),
    )
    recorder = play(server)
    assert server.watched_from == ["", "list", "5", "list", "9"]
    assert server.times[1] == 0
    assert recorder.fell_back == 1
    assert len(recorder.logged) == 1  # the 410


@pytest.mark.parametrize(
    "ignores_it",
    [
        stream(event("ADDED", "3", "a"), event("BOOKMARK", "5"), FOREVER),
        stream(event("ADDED", "3", "a"), end_of_initial("5", "false"), FOREVER),
        stream(event("ADDED", "3", "a")),
        stream(event("ADDED", "3", "a"), FOREVER),
    ],
    ids=["a bookmark", "another annotation", "an end", "silence"],
)
def test_a_server_that_does_not_know_the_parameter_is_asked_for_pages(ignores_it: httpx2.Response) -> None:
    server = streaming(ignores_it, listed("5", "a"), stream(error_event(410, "Expired")), listed("6"), stream(FOREVER))
    recorder = play(server, seconds=80)
    assert server.watched_from[:5] == ["", "list", "5", "list", "6"]
    assert recorder.told == ["replace@5", "replace@6"]


@pytest.mark.parametrize(
    "fault",
    [
        httpx2.ConnectError("refused"),
        status(503, "ServiceUnavailable"),
        status(429, "TooManyRequests"),
        status(403, "Forbidden"),
        stream(event("ADDED", "3", "b"), httpx2.ReadError("cut")),
        stream(event("ADDED", "3", "b"), event("ADDED", "4", "c")[:-9]),
        stream(event("ADDED", "3", "b"), error_event(410, "Expired")),
    ],
)
def test_a_failure_amid_the_list_leads_to_another_streamed_list(fault: httpx2.Response | Exception) -> None:
    server = streaming(fault, stream(event("ADDED", "4", "a"), end_of_initial("5"), FOREVER))
    recorder = play(server)
    assert server.watched_from == ["", ""]
    assert recorder.told == ["replace@5"]
    assert recorder.names == {"a"}
    assert len(recorder.logged) == 1


def test_lists_that_are_followed_by_410_again_and_again_come_less_and_less_often() -> None:
    server = streaming(*(stream(end_of_initial("5"), error_event(410, "Expired")) for _ in range(7)))
    play(server, seconds=500)
    waits = [b - a for a, b in zip(server.times, server.times[1:], strict=False)]
    assert waits[:7] == pytest.approx([0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30])


def test_a_defect_of_the_sink_leads_to_another_streamed_list() -> None:
    beats: list[Part] = [end_of_initial("5"), event("ADDED", "6", "a")]
    server = streaming(stream(*beats), stream(event("ADDED", "6", "a"), end_of_initial("6"), FOREVER))
    recorder = play(server, defects=1)
    assert recorder.told == ["replace@5", "ADDED a", "replace@6"]

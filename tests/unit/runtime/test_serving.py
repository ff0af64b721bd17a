"""The servers of metrics and probes, on real sockets."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from waitress.trigger import trigger

from agentctl_runtime._health import LOOP_SILENCE, Health, health_app
from agentctl_runtime._serving import CONNECTIONS, serving
from agentctl_runtime._settings import Address

from .test_health import View
from .test_metrics import Clock

LOCAL = Address("127.0.0.1", 0)


def hello(_: object, start_response: Callable[..., object]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def get(address: Address, path: str = "/") -> httpx2.Response:
    return httpx2.get(f"http://{address}{path}", timeout=5, trust_env=False)


def test_it_answers_while_it_serves_and_not_afterwards() -> None:
    before = threading.active_count()
    with serving(LOCAL, hello) as bound:
        assert bound.port != 0
        assert get(bound).text == "hello"
    with pytest.raises(httpx2.ConnectError):
        get(bound)
    with serving(bound, hello):
        assert get(bound).text == "hello"
    assert threading.active_count() == before


def test_it_is_woken_as_it_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by the end of an answer: the loop is up before the one who stops it has woken it."""
    kind: Any = trigger  # one class or another, by the system
    wake: Callable[[object], None] = kind._physical_pull

    def woken_before(self: object) -> None:
        wake(self)
        time.sleep(0.1)
        wake(self)

    with serving(LOCAL, hello) as bound:
        assert get(bound).text == "hello"
        monkeypatch.setattr(kind, "_physical_pull", woken_before)


def test_all_addresses_are_listened_at() -> None:
    with serving(Address("", 0), hello) as bound:
        assert get(Address("127.0.0.1", bound.port)).text == "hello"


def test_an_address_that_is_taken_is_an_error() -> None:
    with serving(LOCAL, hello) as bound, pytest.raises(OSError, match="in use"), serving(bound, hello):
        pass


def test_an_application_that_fails_answers_500_and_tells_nothing_of_it() -> None:
    def broken(*_: object) -> Iterable[bytes]:
        raise ValueError("secret")

    with serving(LOCAL, broken) as bound:
        answer = get(bound)
        assert answer.status_code == 500
        assert "secret" not in answer.text


def test_strangers_that_say_nothing_keep_nobody_out_for_long_nor_take_more_and_more() -> None:
    with serving(LOCAL, hello) as bound:
        files = open_files()
        idle = [socket.create_connection((bound.host, bound.port)) for _ in range(CONNECTIONS * 2)]
        time.sleep(0.2)
        assert open_files() - files <= len(idle) + CONNECTIONS + 1
        for each in idle:
            each.close()
        assert get(bound).text == "hello"


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_probe_is_answered_though_the_event_loop_hangs() -> None:
    clock: Any = Clock()
    health = Health(View(), clock)
    with serving(LOCAL, health_app(health)) as bound:
        assert get(bound, "/healthz").status_code == 200
        clock.now = LOOP_SILENCE + 1  # this thread is the loop's, and is here
        assert get(bound, "/healthz").status_code == 503

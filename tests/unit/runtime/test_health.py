"""The probes of the kubelet."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from attrs import evolve

from agentctl_runtime._health import LOOP_SILENCE, WATCH_SILENCE, WORK_SECONDS, Health, health_app
from agentctl_runtime._operator import State

from .support import run
from .test_metrics import Clock

WELL = State(leads=True, depth=0, in_hand=(), unsynced=(), silences=(("pods", 0.0),))


class View:
    def __init__(self, state: State = WELL) -> None:
        self.now = state

    def state(self) -> State:
        return self.now


def ask(health: Health, path: str, method: str = "GET") -> tuple[int, str]:
    seen: list[str] = []
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path}
    body = b"".join(health_app(health)(environ, lambda status, _: seen.append(status)))
    return int(seen[0].split()[0]), body.decode()


def test_an_operator_that_is_well_is_alive_and_ready() -> None:
    health = Health(View())
    assert ask(health, "/healthz") == ask(health, "/readyz") == (200, "ok\n")


def test_an_event_loop_that_is_silent_is_dead_until_it_beats_again() -> None:
    clock = Clock()
    health = Health(View(), clock)
    clock.now = LOOP_SILENCE
    assert ask(health, "/healthz")[0] == 200
    clock.now += 1
    assert ask(health, "/healthz") == (503, "the event loop has been silent for 31 s\n")
    assert ask(health, "/readyz")[0] == 503

    async def main() -> None:
        beating = asyncio.create_task(health.beat())
        await asyncio.sleep(0)
        beating.cancel()

    run(main())
    assert ask(health, "/healthz")[0] == 200


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        (evolve(WELL, silences=(("pods", WATCH_SILENCE + 1),)), "the watch of pods has been silent for 601 s"),
        (evolve(WELL, in_hand=(1, WORK_SECONDS + 1)), "a worker has been at one Agent for 901 s"),
    ],
)
def test_what_hangs_beside_the_loop_is_dead_too(state: State, problem: str) -> None:
    view = View(state)
    assert ask(Health(view), "/healthz") == (503, f"{problem}\n")
    view.now = WELL
    assert ask(Health(view), "/healthz")[0] == 200


def test_what_is_slow_is_not_dead() -> None:
    busy = evolve(WELL, in_hand=(WORK_SECONDS,), silences=(("pods", WATCH_SILENCE),), depth=10_000)
    assert ask(Health(View(busy)), "/healthz")[0] == 200


def test_it_is_ready_once_all_is_listed_and_alive_before() -> None:
    health = Health(View(evolve(WELL, unsynced=("agents", "pods"))))
    assert ask(health, "/healthz")[0] == 200
    assert ask(health, "/readyz") == (503, "agents are not listed yet\npods are not listed yet\n")


def test_a_standby_is_ready() -> None:
    assert ask(Health(View(evolve(WELL, leads=False))), "/readyz")[0] == 200


def test_other_paths_and_methods_are_told_what_there_is() -> None:
    health = Health(View())
    assert ask(health, "/")[0] == 404
    assert ask(health, "/healthz", "POST")[0] == 405
    assert ask(health, "/healthz", "HEAD")[0] == 200

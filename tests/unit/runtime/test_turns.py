"""Who may look images up next: nobody is held up by a registry that is silent, nor by another namespace."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from agentctl_runtime._turns import IN_ALL, PER_HOST, PER_NAMESPACE, Turn, Turns

from .support import now, run


class LookUps:
    """Look-ups that take as long as their namespace or their host does, in the order in which they begin."""

    def __init__(self, **seconds: float) -> None:
        self.seconds = seconds
        self.turns = Turns()
        self.begun: list[tuple[float, str, str]] = []
        self.peaks: Counter[str] = Counter()
        self.tasks: list[asyncio.Task[None]] = []

    def start(self, host: str, *namespaces: str) -> Turn:
        turn = Turn(host)
        self.tasks.append(asyncio.create_task(self._run(turn)))
        for namespace in namespaces:
            self.turns.join(turn, namespace)
        return turn

    async def _run(self, turn: Turn) -> None:
        async with self.turns.taken(turn):
            self.begun.append((now(), turn.host, turn.taken_for))
            running = self.turns._taken
            for key in ("all", f"host {turn.host}", f"namespace {turn.taken_for}"):
                count = sum(key in ("all", f"host {each.host}", f"namespace {each.taken_for}") for each in running)
                self.peaks[key] = max(self.peaks[key], count)
            await asyncio.sleep(self.seconds.get(turn.taken_for, self.seconds.get(turn.host, 1)))

    async def end(self) -> None:
        await asyncio.gather(*self.tasks)
        assert self.turns._taken == []

    def times(self, host: str) -> list[float]:
        return [time for time, *of in self.begun if of[0] == host]


def test_each_bound_is_half_of_the_next() -> None:
    assert IN_ALL == 2 * PER_NAMESPACE == 4 * PER_HOST == 24


def test_the_bounds_hold_and_are_used() -> None:
    async def main() -> None:
        looking = LookUps()
        for number in range(300):
            looking.start(f"h{number % 10}", f"n{number % 5}")
        for number in range(100):
            looking.start("alone", "single" if number % 2 else f"n{number % 5}")
        await looking.end()
        assert looking.peaks["all"] == IN_ALL
        assert looking.peaks["host alone"] == PER_HOST
        assert max(count for key, count in looking.peaks.items() if key.startswith("namespace")) <= PER_NAMESPACE
        assert len(looking.begun) == 400

    run(main())


def test_one_namespace_has_half_of_all_and_one_host_half_of_that() -> None:
    async def main() -> None:
        looking = LookUps()
        for number in range(100):
            looking.start(f"h{number}", "one")
            looking.start("host", f"n{number}")
        await asyncio.sleep(0.5)
        assert Counter(host == "host" for _, host, _ in looking.begun) == {True: PER_HOST, False: PER_NAMESPACE}
        await looking.end()

    run(main())


def test_a_silent_registry_holds_up_no_look_up_at_another_one() -> None:
    async def main() -> None:
        looking = LookUps(silent=20)
        for _ in range(100):
            looking.start("silent", "team")
        await asyncio.sleep(5)
        for _ in range(PER_HOST):
            looking.start("fast", "team")
            looking.start("fast", "other")
        await asyncio.sleep(0.5)
        assert looking.times("fast") == [5] * PER_HOST
        await looking.end()
        assert looking.times("fast") == [5] * PER_HOST + [6] * PER_HOST

    run(main())


def test_many_silent_registries_of_one_namespace_hold_up_no_other_namespace() -> None:
    async def main() -> None:
        looking = LookUps(fast=1)
        looking.seconds |= {f"silent{number}": 20 for number in range(100)}
        for number in range(100):
            looking.start(f"silent{number}", "team")
        await asyncio.sleep(5)
        looking.start("fast", "other")
        await looking.end()
        assert looking.times("fast") == [5]

    run(main())


def test_a_turn_goes_to_the_namespace_that_has_the_fewest() -> None:
    async def main() -> None:
        looking = LookUps()
        for _ in range(100):
            looking.start("host", "many")
        looking.start("host", "one")
        await looking.end()
        (begun,) = [time for time, _, namespace in looking.begun if namespace == "one"]
        assert begun == 1

    run(main())


def test_hosts_with_as_many_turns_take_turns() -> None:
    async def main() -> None:
        looking = LookUps(**{f"silent{number}": 1000 for number in range(PER_NAMESPACE - 1)}, long=1, short=1)
        for number in range(PER_NAMESPACE - 1):
            looking.start(f"silent{number}", "team")
        for _ in range(10):
            looking.start("long", "team")
        looking.start("short", "team")
        await looking.end()
        assert looking.times("long")[:4] == [0, 1, 3, 4]
        assert looking.times("short") == [2]

    run(main())


def test_namespaces_with_as_many_turns_take_turns() -> None:
    async def main() -> None:
        looking = LookUps(**{f"n{number}": 1000 for number in range(PER_HOST - 1)})
        for number in range(PER_HOST - 1):
            looking.start("host", f"n{number}")
        for _ in range(10):
            looking.start("host", "long")
        looking.start("host", "short")
        await looking.end()
        times = [(begun, namespace) for begun, _, namespace in looking.begun if namespace in ("long", "short")]
        assert times[:5] == [(0, "long"), (1, "long"), (2, "short"), (3, "long"), (4, "long")]

    run(main())


def test_a_turn_goes_to_the_host_of_the_fewest() -> None:
    async def main() -> None:
        looking = LookUps(busy=20)
        for number in range(PER_NAMESPACE - 3):
            looking.start(f"h{number}", "team")
        for _ in range(5):
            looking.start("busy", "team")
        looking.start("idle", "team")
        await looking.end()
        assert looking.times("idle") == [1]
        assert [host for begun, host, _ in looking.begun if begun == 1] == ["idle", "busy", "busy"]

    run(main())


def test_what_is_waited_for_in_several_names_begins_in_the_first_that_may() -> None:
    async def main() -> None:
        looking = LookUps()
        for number in range(PER_NAMESPACE):
            looking.start(f"h{number}", "full")
        shared = looking.start("host", "full")
        await asyncio.sleep(0.5)
        assert not shared.begins.is_set()
        looking.turns.join(shared, "other")
        await asyncio.sleep(0)
        assert (shared.begins.is_set(), shared.taken_for) == (True, "other")
        looking.turns.join(shared, "third")
        assert "third" not in looking.turns._waiting  # it has begun: nobody waits
        await looking.end()
        assert looking.times("host") == [0.5]
        looking.start("host", "full")
        await looking.end()
        assert all(not any(lanes.values()) for lanes in looking.turns._waiting.values())

    run(main())


def test_who_gives_up_leaves_the_turn_to_the_next() -> None:
    async def main() -> None:
        looking = LookUps()
        for _ in range(PER_HOST + 2):
            looking.start("host", "team")
        await asyncio.sleep(0.5)
        looking.tasks[PER_HOST].cancel()  # it waits
        looking.tasks[0].cancel()  # it runs
        ends = await asyncio.gather(*looking.tasks, return_exceptions=True)
        assert [type(end) for end in ends if end is not None] == [asyncio.CancelledError] * 2
        assert looking.times("host") == [0] * PER_HOST + [0.5]
        assert looking.turns._taken == []

    run(main())


def test_who_gives_up_as_the_turn_comes_does_not_keep_it() -> None:
    async def main() -> None:
        looking = LookUps()
        for _ in range(PER_HOST):
            looking.start("host", "team")
        await asyncio.sleep(0.5)
        waiting = Turn("host")
        task = asyncio.create_task(looking._run(waiting))
        looking.turns.join(waiting, "team")
        await asyncio.sleep(0)
        looking.tasks[0].cancel()
        while not waiting.begins.is_set():  # noqa: ASYNC110 -- until the very moment
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(*looking.tasks, task, return_exceptions=True)
        assert looking.turns._taken == []

    run(main())


def test_nothing_is_kept_of_who_has_had_a_turn() -> None:
    async def main() -> None:
        looking = LookUps()
        for number in range(1000):
            looking.start(f"h{number}", f"n{number}")
        await looking.end()
        looking.start("host", "team")
        await looking.end()
        assert len(looking.turns._waiting) <= 1

    run(main())


def test_many_who_wait_cost_little_each() -> None:
    async def main() -> float:
        looking = LookUps()
        begin = time.monotonic()
        for number in range(10_000):
            looking.start(f"h{number}", "many")
            looking.start("silent", f"n{number % 100}")
        spent = time.monotonic() - begin
        for task in looking.tasks:
            task.cancel()
        await asyncio.gather(*looking.tasks, return_exceptions=True)
        return spent

    assert run(main()) < 5

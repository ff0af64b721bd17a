"""The work queue on a clock of its own."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl_runtime._queue import BACKOFF_MAX, CHANGES_IN_A_ROW, Priority, QueueClosed, WorkQueue

from .support import now, run


async def is_empty(queue: WorkQueue[str]) -> bool:
    try:
        async with asyncio.timeout(10_000):
            await queue.get()
    except TimeoutError:
        return True
    return False


def test_keys_come_in_order_and_each_once() -> None:
    async def main() -> None:
        queue = WorkQueue[str]()
        for key in "abacb":
            queue.add(key)
        assert len(queue) == 3
        assert [await queue.get() for _ in range(3)] == ["a", "b", "c"]
        assert await is_empty(queue)

    run(main())


def test_a_change_goes_before_what_a_list_shows() -> None:
    async def main() -> None:
        queue = WorkQueue[str]()
        for key in "abc":
            queue.add(key, Priority.LISTED)
        queue.add("d")
        queue.add("b")
        queue.add("d", Priority.LISTED)
        assert len(queue) == 4
        assert [await queue.get() for _ in range(4)] == ["d", "b", "a", "c"]
        assert await is_empty(queue)

    run(main())


def test_changes_do_not_starve_what_a_list_shows() -> None:
    async def main() -> None:
        queue = WorkQueue[int]()
        for key in range(2):
            queue.add(key, Priority.LISTED)
        for key in range(100, 200):
            queue.add(key)
        order = [await queue.get() for _ in range(102)]
        assert [order.index(0), order.index(1)] == [CHANGES_IN_A_ROW, 2 * CHANGES_IN_A_ROW + 1]

    run(main())


def test_a_key_in_hand_comes_again_with_the_highest_priority_that_it_was_added_with() -> None:
    async def main() -> None:
        queue = WorkQueue[str]()
        queue.add("a", Priority.LISTED)
        await queue.get()
        queue.add("a", Priority.LISTED)
        queue.add("a")
        queue.add("a", Priority.LISTED)
        queue.add("b", Priority.LISTED)
        queue.done("a")
        assert [await queue.get() for _ in range(2)] == ["a", "b"]

    run(main())


def test_what_fails_keeps_its_priority() -> None:
    async def main() -> None:
        queue = WorkQueue[str]()
        queue.add("a", Priority.LISTED)
        await queue.get()
        queue.add_backoff("a")
        queue.done("a")
        await asyncio.sleep(1)
        queue.add("b")
        assert [await queue.get() for _ in range(2)] == ["b", "a"]

    run(main())


@pytest.mark.parametrize(("asked", "waits"), [(0.0, 0.005), (0.001, 0.005), (7.0, 7.0), (1e9, BACKOFF_MAX)])
def test_a_retry_waits_at_least_as_long_as_the_server_asks(asked: float, waits: float) -> None:
    async def main() -> None:
        queue = WorkQueue[str]()
        queue.add_backoff("a", asked)
        await queue.get()
        assert now() == pytest.approx(waits)

    run(main())


def test_one_key_that_always_fails_holds_no_other_up() -> None:
    """Each of two workers takes 10 ms for a key; those that are well wait as long as without the poison."""

    def waits(*, poison: bool) -> list[float]:
        async def main() -> list[float]:
            queue, waited, added = WorkQueue[str](), list[float](), dict[str, float]()

            async def work() -> None:
                while True:
                    key = await queue.get()
                    await asyncio.sleep(0.01)
                    if key == "poison":
                        queue.add_backoff(key)
                    else:
                        waited.append(now() - added[key])
                    queue.done(key)

            workers = [asyncio.create_task(work()) for _ in range(2)]
            if poison:
                queue.add("poison")
            for number in range(1000):
                added[str(number)] = now()
                queue.add(str(number))
                await asyncio.sleep(0.0101)
            for worker in workers:
                worker.cancel()
            return sorted(waited)

        return run(main())

    without, with_it = waits(poison=False), waits(poison=True)
    assert with_it[989] <= 1.5 * without[989]


def test_a_key_added_while_in_hand_is_worked_on_once_more_and_never_twice_at_a_time() -> None:
    async def main() -> None:
        queue = WorkQueue[str]()
        queue.add("a")
        await queue.get()
        queue.add("a")
        queue.add("a")
        assert len(queue) == 0
        assert await is_empty(queue)
        queue.done("a")
        assert await queue.get() == "a"
        queue.done("a")
        assert await is_empty(queue)

    run(main())


def test_of_several_times_the_earliest_holds() -> None:
    async def main() -> None:
        queue = WorkQueue[str]()
        for seconds in (30, 10, 20):
            queue.add_after("a", seconds)
        assert len(queue) == 0
        assert await queue.get() == "a"
        assert now() == pytest.approx(10)
        queue.done("a")
        assert await is_empty(queue)

    run(main())


def test_a_delay_of_nothing_is_now_and_a_delay_outlives_an_add() -> None:
    async def main() -> None:
        queue = WorkQueue[str]()
        queue.add_after("a", 5)
        queue.add_after("a", 0)
        assert await queue.get() == "a"
        queue.done("a")
        assert await queue.get() == "a"
        assert now() == pytest.approx(5)

    run(main())


def test_a_delay_that_ends_while_the_key_is_in_hand_waits_for_done() -> None:
    async def main() -> None:
        queue = WorkQueue[str]()
        queue.add("a")
        await queue.get()
        queue.add_after("a", 5)
        assert await is_empty(queue)
        queue.done("a")
        assert await queue.get() == "a"

    run(main())


def test_backoff_doubles_for_each_key_up_to_its_maximum_until_it_is_forgotten() -> None:
    async def main() -> None:
        queue = WorkQueue[str]()
        waits = []
        for _ in range(20):
            start = now()
            queue.add_backoff("a")
            await queue.get()
            queue.done("a")
            waits.append(now() - start)
        assert waits[:4] == pytest.approx([0.005, 0.01, 0.02, 0.04])
        assert waits[-2:] == pytest.approx([BACKOFF_MAX, BACKOFF_MAX])
        assert (queue.failures("a"), queue.failures("b")) == (20, 0)
        queue._failures["a"] = 5000
        queue.add_backoff("a")
        queue.forget("a")
        queue.forget("b")
        start = now()
        queue.add_backoff("a")
        await queue.get()
        assert now() - start == pytest.approx(0.005)

    run(main())


def test_shutdown_ends_workers_and_timers() -> None:
    async def main() -> None:
        queue = WorkQueue[str]()
        workers = [asyncio.create_task(queue.get()) for _ in range(3)]
        await asyncio.sleep(1)
        queue.add_after("late", 5)
        queue.shutdown()
        queue.shutdown()
        results = await asyncio.gather(*workers, return_exceptions=True)
        assert [type(result) for result in results] == [QueueClosed] * 3
        queue.add("a")
        queue.add_after("a", 1)
        queue.add_backoff("a")
        await asyncio.sleep(10)
        assert len(queue) == 0
        with pytest.raises(QueueClosed):
            await queue.get()

    run(main())


def test_shutdown_drops_what_is_ready_and_lets_what_is_in_hand_finish() -> None:
    async def main() -> None:
        queue = WorkQueue[str]()
        queue.add("a")
        queue.add("b")
        assert await queue.get() == "a"
        queue.add("a")
        queue.shutdown()
        queue.done("a")
        assert len(queue) == 0
        with pytest.raises(QueueClosed):
            await queue.get()

    run(main())


@pytest.mark.parametrize("order", ["add first", "cancel first"])
def test_a_key_whose_worker_is_cancelled_at_that_moment_finds_another(order: str) -> None:
    async def main() -> None:
        queue = WorkQueue[str]()
        unlucky, other = (asyncio.create_task(queue.get()) for _ in range(2))
        await asyncio.sleep(1)
        if order == "add first":
            queue.add("a")
            unlucky.cancel()
        else:
            unlucky.cancel()
            queue.add("a")
        assert await other == "a"
        with pytest.raises(asyncio.CancelledError):
            await unlucky

    run(main())


Step = tuple[str, str, float]
steps = st.tuples(
    st.sampled_from(["add", "after", "backoff", "forget", "sleep", "cancel"]),
    st.sampled_from("abc"),
    st.sampled_from([0.0, 0.001, 0.5, 1.0, 2.0]),
)


@given(st.lists(steps, max_size=40), st.integers(1, 4))
def test_whatever_happens_every_wish_is_worked_on_and_no_key_by_two_workers(plan: list[Step], workers: int) -> None:
    async def main() -> None:
        queue = WorkQueue[str]()
        in_hand = Counter[str]()
        started: dict[str, float] = {}
        due: dict[str, float] = {}

        async def work(seconds: float) -> None:
            while True:
                key = await queue.get()
                in_hand[key] += 1
                assert in_hand[key] == 1
                started[key] = now()
                try:
                    await asyncio.sleep(seconds)
                finally:
                    in_hand[key] -= 1
                    queue.done(key)

        tasks = [asyncio.create_task(work(0.3 * i)) for i in range(workers)]
        for action, key, seconds in plan:
            match action:
                case "add":
                    queue.add(key)
                    due[key] = max(due.get(key, 0), now())
                case "after":
                    queue.add_after(key, seconds)
                    due[key] = max(due.get(key, 0), now())
                case "backoff":
                    queue.add_backoff(key)
                    due[key] = max(due.get(key, 0), now())
                case "forget":
                    queue.forget(key)
                case "cancel":
                    tasks.pop(0).cancel()
                    tasks.append(asyncio.create_task(work(seconds)))
                case _:
                    await asyncio.sleep(seconds)
        await asyncio.sleep(100_000)
        assert len(queue) == 0
        assert not any(task.done() for task in tasks)
        # Each wish is followed by a start of work: the last one, too.
        assert all(started[key] >= time for key, time in due.items())
        queue.shutdown()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(result, QueueClosed) for result in results)

    run(main())

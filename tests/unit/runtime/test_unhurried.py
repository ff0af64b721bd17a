"""Which status waits, and which one never does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from agentctl_core import Action, Create, Delete, EmitEvent, PatchStatus, Ref, Requeue
from agentctl_runtime._key import Key
from agentctl_runtime._queue import WorkQueue
from agentctl_runtime._store import Held
from agentctl_runtime._unhurried import LATEST, LATEST_OF_ALL, MANY, SOON, STILL_SECONDS, WRITE_SECONDS, Unhurried

from .support import now, run

KEY = Key("default", "demo")
REF = Ref("agentctl.dev/v1alpha1", "Agent", "default", "demo")
POD = Create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "demo", "namespace": "default"}})


def status(ready: str | None, reason: str = "PodPending", **fields: Any) -> dict[str, Any]:
    conditions = [] if ready is None else [{"type": "Ready", "status": ready, "reason": reason}]
    return {"conditions": [{"type": "Accepted", "status": "True", "reason": "Accepted"}, *conditions], **fields}


def puts_off(former: dict[str, Any], *plan: Action, closed: bool = False) -> bool:
    async def main() -> bool:
        queue = WorkQueue[Key]()
        if closed:
            queue.shutdown()
        return Unhurried(queue).puts_off(KEY, {"status": former} if former else {}, plan)

    return run(main())


EVENT = EmitEvent("e", REF, "u", "Normal", "Running", "Wake", "It runs.", "2026-01-01T00:00:00.000000Z")
PENDING = PatchStatus(REF, "1", status("False"))


@pytest.mark.parametrize("former", [{}, status(None), status("False"), status("False", "Terminating")])
def test_a_status_that_tells_of_a_pod_on_its_way_waits(former: dict[str, Any]) -> None:
    assert puts_off(former, POD, PENDING, Requeue(30))
    assert not puts_off(former, POD, PENDING, closed=True)


@pytest.mark.parametrize(
    ("former", "plan"),
    [
        (status("True", "PodReady"), [PENDING]),
        ({}, [PatchStatus(REF, "1", status("False", "Unschedulable"))]),
        ({}, [PatchStatus(REF, "1", status("True", "PodReady"))]),
        ({}, [PatchStatus(REF, "1", status(None))]),
        ({}, [PENDING, Delete(Ref("v1", "Pod", "default", "demo"), "u")]),
        ({}, [EVENT, PENDING]),
        ({}, []),
        (status("False"), [PatchStatus(REF, "1", status("False", failures=1))]),
        (status("False"), [PatchStatus(REF, "1", status("False", lastTermination={"exitCode": 1}))]),
        (status("False", failures=1), [PatchStatus(REF, "1", status("False", failures=0))]),
    ],
)
def test_bad_news_good_news_and_what_must_be_remembered_do_not_wait(former: dict[str, Any], plan: list[Action]) -> None:
    assert not puts_off(former, *plan)


def waited(others: int, moves: Callable[[float], bool] = lambda _: False) -> float:
    """Return for how many seconds a status waits beside others, of which one comes each second while `moves`."""

    async def main() -> float:
        queue = WorkQueue[Key]()
        unhurried = Unhurried(queue)
        begin = now()
        assert unhurried.puts_off(KEY, {}, [PENDING])
        for number in range(others):
            assert unhurried.puts_off(Key("default", f"a-{number}"), {}, [PENDING])
        looking = asyncio.create_task(_looked_at(queue))
        number = others
        while not looking.done():
            await asyncio.wait([looking], timeout=1)
            if moves(now() - begin):
                number += 1
                assert unhurried.puts_off(Key("default", f"a-{number}"), {}, [PENDING])
        assert not unhurried.puts_off(KEY, {}, [PENDING])
        assert unhurried.puts_off(KEY, {}, [PENDING])  # it was written: the next one waits anew
        return looking.result() - begin

    return run(main())


async def _looked_at(queue: WorkQueue[Key]) -> float:
    """Return when KEY has its turn."""
    while (key := await queue.get()) != KEY:
        queue.done(key)
    return now()


def test_it_waits_a_second() -> None:
    assert waited(0) == pytest.approx(SOON)


def test_it_waits_longer_where_many_wait_and_things_move() -> None:
    assert waited(MANY) == pytest.approx(STILL_SECONDS, abs=SOON)
    assert waited(MANY, lambda seconds: seconds < 20) == pytest.approx(20 + STILL_SECONDS, abs=2 * SOON)
    assert waited(MANY, lambda _: True) == pytest.approx(LATEST, abs=SOON)


def test_of_ever_so_many_each_waits_as_long_as_it_takes_to_write_them_all() -> None:
    assert waited(10_000, lambda _: True) == pytest.approx(WRITE_SECONDS * 10_000, rel=0.03)
    assert waited(20_000, lambda _: True) == pytest.approx(LATEST_OF_ALL, rel=0.03)


def test_nothing_leads_back_to_an_agent_that_was_told_of_meanwhile() -> None:
    async def main() -> None:
        queue = WorkQueue[Key]()
        unhurried = Unhurried(queue)
        assert unhurried.puts_off(KEY, {}, [PENDING])
        assert not unhurried.puts_off(KEY, {}, [PatchStatus(REF, "1", status("True", "PodReady"))])
        await asyncio.sleep(2 * LATEST)
        assert len(queue) == 0

    run(main())


def pod(version: int, phase: str = "Pending", *, node: str = "", labels: str = "", **status: Any) -> Held:
    metadata = {"name": "demo", "namespace": "default", "resourceVersion": str(version), "labels": {"a": labels}}
    spec = {"nodeName": node} if node else {}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    return Held.of(manifest | {"status": {"phase": phase, **status}}, frozenset({KEY}))


def scheduled(status: str) -> list[dict[str, str]]:
    return [{"type": "PodScheduled", "status": status}]


WAITING = [{"name": "agent", "state": {"waiting": {"reason": "ErrImagePull"}}}]


@pytest.mark.parametrize(
    ("former", "held", "expected"),
    [
        (pod(1), pod(2, node="n", conditions=scheduled("True")), True),
        (pod(1), pod(2), True),
        (pod(1), pod(2, "Running", node="n"), False),
        (pod(1), pod(2, conditions=scheduled("False")), False),
        (pod(1), pod(2, containerStatuses=WAITING), False),
        (pod(1), pod(2, initContainerStatuses=WAITING), False),
        (pod(1, containerStatuses=WAITING), pod(2), False),
        (pod(1), pod(2, labels="b"), False),
    ],
)
def test_of_a_pod_on_its_way_to_a_node_nothing_is_told_while_the_status_waits(
    former: Held, held: Held, *, expected: bool
) -> None:
    async def main() -> None:
        unhurried = Unhurried(WorkQueue[Key]())
        assert not unhurried.can_wait(KEY, former, held)
        assert unhurried.puts_off(KEY, {}, [PENDING])
        assert unhurried.can_wait(KEY, former, held) is expected
        assert not unhurried.can_wait(Key("default", "other"), former, held)
        await asyncio.sleep(SOON)
        assert not unhurried.can_wait(KEY, former, held)

    run(main())


@pytest.mark.parametrize(("looks", "expected"), [(False, 1), (True, 0)])
def test_what_an_agent_was_not_told_of_it_is_told_of_once_nothing_waits(*, looks: bool, expected: int) -> None:
    async def main() -> None:
        queue = WorkQueue[Key]()
        unhurried = Unhurried(queue)
        assert unhurried.puts_off(KEY, {}, [PENDING])
        assert unhurried.can_wait(KEY, pod(1), pod(2, node="n"))
        if looks:
            unhurried.looks(KEY)
        assert not unhurried.puts_off(KEY, {}, [EVENT, PENDING])
        assert len(queue) == expected
        await asyncio.sleep(2 * LATEST)
        assert len(queue) == expected

    run(main())


def test_what_others_do_is_no_movement() -> None:
    async def main() -> float:
        queue = WorkQueue[Key]()
        unhurried = Unhurried(queue)
        begin = now()
        for number in range(MANY + 1):
            assert unhurried.puts_off(Key("default", f"a-{number}"), {}, [PENDING])
        while not len(queue):
            assert not unhurried.puts_off(KEY, {}, [PatchStatus(REF, "1", status("False", "CrashLoopBackOff"))])
            await asyncio.sleep(1)
        return now() - begin

    assert run(main()) == pytest.approx(STILL_SECONDS, abs=2)


def test_a_status_waits_until_it_is_written() -> None:
    async def main() -> None:
        unhurried = Unhurried(WorkQueue[Key]())
        assert KEY not in unhurried
        assert unhurried.puts_off(KEY, {}, [PENDING])
        assert KEY in unhurried
        await asyncio.sleep(2 * SOON)  # it is due
        assert KEY in unhurried
        assert not unhurried.puts_off(KEY, {}, [PENDING])
        assert KEY not in unhurried

    run(main())


def test_a_closed_queue_is_left_alone() -> None:
    async def main() -> None:
        queue = WorkQueue[Key]()
        unhurried = Unhurried(queue)
        assert unhurried.puts_off(KEY, {}, [PENDING])
        queue.shutdown()
        await asyncio.sleep(2 * SOON)
        assert unhurried._timer is None

    run(main())


def test_what_is_gone_or_told_is_forgotten() -> None:
    async def main() -> None:
        unhurried = Unhurried(WorkQueue[Key]())
        assert unhurried.puts_off(KEY, {}, [PENDING])
        unhurried.forget(KEY)
        assert unhurried.puts_off(KEY, {}, [PENDING])
        assert not unhurried.puts_off(KEY, {}, [PatchStatus(REF, "1", status("True", "PodReady"))])
        assert len(unhurried) == 0
        await asyncio.sleep(0)

    run(main())

"""What no watch tells is looked at again, on a clock that jumps."""

from __future__ import annotations

import asyncio
from typing import Any

from agentctl_runtime._key import Key
from agentctl_runtime._queue import WorkQueue
from agentctl_runtime._unwatched import UNWATCHED_SECONDS, Unwatched

from .support import now, run

DEMO = Key("default", "demo")
AGENT = {"metadata": {"uid": "u", "generation": 1}}
POD: dict[str, Any] = {"kind": "Pod", "metadata": {"name": "demo", "namespace": "default"}}


def test_it_is_looked_at_again_although_another_time_came_first() -> None:
    """Of several times for one key the queue keeps the earliest alone."""

    async def gone(_: object) -> None:
        return None

    async def main() -> None:
        queue: WorkQueue[Key] = WorkQueue()
        unwatched = Unwatched(gone, lambda _, __: False, queue.add_after)
        queue.add_after(DEMO, 20)
        unwatched.remember(DEMO, AGENT, POD)
        assert await queue.get() == DEMO
        assert now() == 20
        assert await unwatched.recall(DEMO, AGENT) == (POD,)
        queue.done(DEMO)
        assert await asyncio.wait_for(queue.get(), 60) == DEMO
        assert now() == UNWATCHED_SECONDS
        assert await unwatched.recall(DEMO, AGENT) == ()
        assert len(unwatched) == 0

    run(main())

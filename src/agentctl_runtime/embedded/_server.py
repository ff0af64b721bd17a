"""The server: a model cluster whose time moves along with real time."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from agentctl_core.testing import ModelCluster, Timings

from ._transport import EmbeddedTransport

_TICK_SECONDS: Final = 0.001


class EmbeddedServer:
    """An API server in this process, to be used as `async with EmbeddedServer() as server`.

    While it is entered, the controllers of the cluster act in the background. Leaving it ends open watches cleanly.

    Attributes:
        cluster: the model; what is done to it directly is seen by clients as well.
        transport: an `httpx2.AsyncBaseTransport` for any number of clients, whatever host their URLs name. Closing a
            client does not close it.
    """

    def __init__(
        self, *, timings: Timings | None = None, history: int = 1000, bookmark_seconds: float = 60, speed: float = 1
    ) -> None:
        """Describe a server.

        Args:
            timings: delays of the scheduler and the kubelet, in seconds of the cluster's time; None for the model's
                own, which are short. `Timings(schedule=1, start=3, stop=2)` makes a demonstration that can be watched.
            history: how many changes a watch can reach back before it is told 410 Expired.
            bookmark_seconds: real seconds between two bookmarks of a watch that asked for them.
            speed: seconds of the cluster's time for each real second.
        """
        self.cluster = ModelCluster(datetime.now(UTC), history=history, timings=timings)
        self.transport = EmbeddedTransport(self.cluster, self.catch_up, bookmark_seconds)
        self._speed = speed
        self._changed = asyncio.Event()
        self._last: float | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._last = asyncio.get_running_loop().time()
        self._unsubscribe = self.cluster.subscribe(self._changed.set)
        self._task = asyncio.create_task(self._run(), name="embedded-cluster")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._unsubscribe()
        self.transport.end_watches()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def catch_up(self) -> None:
        """Move the cluster's time to the present. The controllers follow in the background."""
        if self._last is not None:
            present = asyncio.get_running_loop().time()
            self.cluster.advance((present - self._last) * self._speed)
            self._last = present

    def _real_seconds_until(self, moment: datetime) -> float:
        return max(_TICK_SECONDS, (moment - self.cluster.now).total_seconds() / self._speed)

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            self.catch_up()
            if self.cluster.step():
                await asyncio.sleep(0)  # clients get a turn between two steps
                continue
            deadline = self.cluster.next_deadline()
            wait = None if deadline is None else self._real_seconds_until(deadline)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._changed.wait()

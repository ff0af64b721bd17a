"""A work queue after controller-runtime's `priorityqueue`: deduplicated, serialised by key, delays, backoff by key."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from enum import IntEnum
from typing import Generic, NamedTuple, TypeVar

from ._telemetry import Telemetry

K = TypeVar("K", bound=Hashable)

BACKOFF_MIN = 0.005
"""Seconds before the first retry of a key; each further one waits twice as long."""

BACKOFF_MAX = 1000.0
"""Seconds that a retry waits at most."""


CHANGES_IN_A_ROW = 16
"""After so many changes one key of a list has its turn, so that it is not starved by them."""


class Priority(IntEnum):
    """What goes first."""

    LISTED = 0
    """It stands in a list: most likely there is nothing to do."""
    CHANGED = 1
    """Something has changed, or its time has come."""


class _Turn(NamedTuple):
    """With which priority a key is wanted or in hand, and since when, on the loop's clock."""

    priority: Priority
    since: float


class QueueClosed(Exception):  # noqa: N818 -- the normal end of a worker
    """The queue was shut down: the worker ends."""


class WorkQueue(Generic[K]):
    """Keys to be worked on, from one event loop (which must run whenever a method is called).

    A worker takes a key with `get`, works, and always calls `done`. However often a key is added before a worker takes
    it, it is worked on once; added while it is being worked on, once more afterwards: no two workers ever hold the same
    key. Keys of one priority are handed out in the order in which they became ready; of several priorities that one key
    is added with, the highest holds. What fails goes back with the priority that it had.
    """

    def __init__(self, telemetry: Telemetry | None = None) -> None:
        self._telemetry = telemetry or Telemetry()
        self._ready: dict[Priority, dict[K, None]] = {priority: {} for priority in sorted(Priority, reverse=True)}
        self._wanted: dict[K, _Turn] = {}  # the keys in _ready, and those in hand that are to be worked on again
        self._in_hand: dict[K, _Turn] = {}
        self._changes_in_a_row = 0
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False

    def __len__(self) -> int:
        """Return how many keys are ready; neither those being worked on nor those that wait for their time."""
        return sum(map(len, self._ready.values()))

    def add(self, key: K, priority: Priority = Priority.CHANGED) -> None:
        """Have `key` worked on as soon as a worker is free. A delayed `add_after` of the same key still happens."""
        former = self._wanted.get(key)
        if self._closed or (former is not None and former.priority >= priority):
            return
        if former is None:
            self._wanted[key] = _Turn(priority, asyncio.get_running_loop().time())
            self._telemetry.queued()
        else:
            self._wanted[key] = _Turn(priority, former.since)
        if key in self._in_hand:
            return
        if former is None:
            self._make_ready(key)
        else:
            del self._ready[former.priority][key]
            self._ready[priority][key] = None

    def add_after(self, key: K, seconds: float, priority: Priority = Priority.CHANGED) -> None:
        """Add `key` in this many seconds; of several pending times for one key the earliest holds."""
        if self._closed:
            return
        if seconds <= 0:
            self.add(key, priority)
            return
        loop = asyncio.get_running_loop()
        when = loop.time() + seconds
        pending = self._timers.get(key)
        if pending is not None:
            if pending.when() <= when:
                return
            pending.cancel()
        self._timers[key] = loop.call_at(when, self._due, key, priority)

    def add_backoff(self, key: K, at_least: float = 0.0) -> None:
        """Add `key` after a failure: in `BACKOFF_MIN` seconds, twice that the next time, at most `BACKOFF_MAX`.

        `at_least` is what the server asked for, in seconds; it is believed up to `BACKOFF_MAX` as well.
        """
        failures = self._failures.get(key, 0)
        self._telemetry.retried()
        self._failures[key] = failures + 1
        # The exponent is bounded as well: 2.0 ** 1024 is an OverflowError, some weeks of failing away.
        delay = min(max(BACKOFF_MIN * 2.0 ** min(failures, 64), at_least), BACKOFF_MAX)
        turn = self._in_hand.get(key)
        self.add_after(key, delay, Priority.CHANGED if turn is None else turn.priority)

    def forget(self, key: K) -> None:
        """Start `add_backoff` of `key` from the beginning again: it succeeded, or is gone."""
        self._failures.pop(key, None)

    @property
    def is_closed(self) -> bool:
        """Whether it is shut down."""
        return self._closed

    def is_delayed(self, key: K) -> bool:
        """Tell whether `key` waits for its time."""
        return key in self._timers

    def in_hand(self) -> tuple[float, ...]:
        """Return since when each key is being worked on, on the loop's clock; may be called from any thread."""
        turns = tuple(self._in_hand.values())  # one step of the interpreter, during which nothing changes
        return tuple(turn.since for turn in turns)

    def failures(self, key: K) -> int:
        """Return how many times in a row `add_backoff` was called for `key`."""
        return self._failures.get(key, 0)

    async def get(self) -> K:
        """Wait for a key and take it into hand until `done`.

        Raises:
            QueueClosed: The queue is shut down.
        """
        while not self and not self._closed:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                # Woken and cancelled at once: the key that it was woken for must find another worker.
                if not waiter.cancelled():
                    self._wake()
                elif waiter in self._waiting:
                    self._waiting.remove(waiter)
                raise
        if self._closed:
            raise QueueClosed
        ready = self._ready[self._next_priority()]
        key = next(iter(ready))
        del ready[key]
        turn, now = self._wanted.pop(key), asyncio.get_running_loop().time()
        self._in_hand[key] = _Turn(turn.priority, now)
        self._telemetry.taken(now - turn.since)
        return key

    def done(self, key: K) -> None:
        """Give a key back. If it was added in the meantime, it is ready again."""
        turn = self._in_hand.pop(key, None)
        if turn is not None:
            self._telemetry.worked(asyncio.get_running_loop().time() - turn.since)
        if key in self._wanted and not self._closed:
            self._make_ready(key)

    def shutdown(self) -> None:
        """Close the queue for good: `get` raises, what is ready or delayed is dropped, keys in hand may be finished.

        Nothing is lost by that: the next start lists everything, and so works on everything.
        """
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for ready in self._ready.values():
            ready.clear()
        self._wanted.clear()
        while self._waiting:
            self._wake()

    def _next_priority(self) -> Priority:
        changed, listed = self._ready[Priority.CHANGED], self._ready[Priority.LISTED]
        if changed and not (listed and self._changes_in_a_row >= CHANGES_IN_A_ROW):
            self._changes_in_a_row += 1
            return Priority.CHANGED
        self._changes_in_a_row = 0
        return Priority.LISTED

    def _make_ready(self, key: K) -> None:
        self._ready[self._wanted[key].priority][key] = None
        self._wake()

    def _due(self, key: K, priority: Priority) -> None:
        del self._timers[key]
        self.add(key, priority)

    def _wake(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

"""A work queue after client-go's `workqueue`: deduplicated, serialised by key, delays, a backoff for each key."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

BACKOFF_MIN = 0.005
"""Seconds before the first retry of a key; each further one waits twice as long."""

BACKOFF_MAX = 1000.0
"""Seconds that a retry waits at most."""


class QueueClosed(Exception):  # noqa: N818 -- the normal end of a worker
    """The queue was shut down: the worker ends."""


class WorkQueue(Generic[K]):
    """Keys to be worked on, from one event loop (which must run whenever a method is called).

    A worker takes a key with `get`, works, and always calls `done`. However often a key is added before a worker takes
    it, it is worked on once; added while it is being worked on, once more afterwards: no two workers ever hold the same
    key. Keys are handed out in the order in which they became ready.
    """

    def __init__(self) -> None:
        self._ready: deque[K] = deque()
        self._wanted: set[K] = set()  # the keys in _ready, and those in hand that are to be worked on again
        self._in_hand: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False

    def __len__(self) -> int:
        """Return how many keys are ready; neither those being worked on nor those that wait for their time."""
        return len(self._ready)

    def add(self, key: K) -> None:
        """Have `key` worked on as soon as a worker is free. A delayed `add_after` of the same key still happens."""
        if self._closed or key in self._wanted:
            return
        self._wanted.add(key)
        if key not in self._in_hand:
            self._make_ready(key)

    def add_after(self, key: K, seconds: float) -> None:
        """Add `key` in this many seconds; of several pending times for one key the earliest holds."""
        if self._closed:
            return
        if seconds <= 0:
            self.add(key)
            return
        loop = asyncio.get_running_loop()
        when = loop.time() + seconds
        pending = self._timers.get(key)
        if pending is not None:
            if pending.when() <= when:
                return
            pending.cancel()
        self._timers[key] = loop.call_at(when, self._due, key)

    def add_backoff(self, key: K) -> None:
        """Add `key` after a failure: in `BACKOFF_MIN` seconds, twice that the next time, at most `BACKOFF_MAX`."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        # The exponent is bounded as well: 2.0 ** 1024 is an OverflowError, some weeks of failing away.
        self.add_after(key, min(BACKOFF_MIN * 2.0 ** min(failures, 64), BACKOFF_MAX))

    def forget(self, key: K) -> None:
        """Start `add_backoff` of `key` from the beginning again: it succeeded, or is gone."""
        self._failures.pop(key, None)

    def failures(self, key: K) -> int:
        """Return how many times in a row `add_backoff` was called for `key`."""
        return self._failures.get(key, 0)

    async def get(self) -> K:
        """Wait for a key and take it into hand until `done`.

        Raises:
            QueueClosed: The queue is shut down.
        """
        while not self._ready and not self._closed:
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
        key = self._ready.popleft()
        self._wanted.discard(key)
        self._in_hand.add(key)
        return key

    def done(self, key: K) -> None:
        """Give a key back. If it was added in the meantime, it is ready again."""
        self._in_hand.discard(key)
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
        self._ready.clear()
        self._wanted.clear()
        while self._waiting:
            self._wake()

    def _make_ready(self, key: K) -> None:
        self._ready.append(key)
        self._wake()

    def _due(self, key: K) -> None:
        del self._timers[key]
        self.add(key)

    def _wake(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

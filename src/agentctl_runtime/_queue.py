"""A work queue after client-go's: deduplicated, serialised by key, with delays and backoff for each item."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class QueueClosed(Exception):  # noqa: N818
    """The queue was shut down: the worker ends."""


class WorkQueue(Generic[K]):
    """Keys to be worked on. To be used from one event loop."""

    def add(self, key: K) -> None: ...
    def add_after(self, key: K, seconds: float) -> None: ...
    def add_backoff(self, key: K) -> None: ...
    def forget(self, key: K) -> None: ...
    def failures(self, key: K) -> int:
        raise NotImplementedError

    async def get(self) -> K:
        raise NotImplementedError

    def done(self, key: K) -> None: ...
    def shutdown(self) -> None: ...
    def __len__(self) -> int:
        raise NotImplementedError

"""What is known of images: a bounded memory in front of a registry, filled in the background."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import structlog
from attrs import define, field, frozen

from agentctl_core import ImageError, ImageInfo

from ._store import Key

ENTRIES: Final = 1000
AT_A_TIME: Final = 8
"""Look-ups in flight."""
TAG_SECONDS: Final = 3600.0
"""How long an answer for a tag holds; one for a digest can never become wrong."""
ERROR_SECONDS: Final = 30.0
"""How long the first error holds; each further one in a row holds twice as long."""
ERROR_MAX_SECONDS: Final = 300.0
PATIENCE: Final = 0.25
"""Seconds from the start of a look-up in which it is worth waiting for."""

Known: TypeAlias = ImageInfo | ImageError
LookUp: TypeAlias = Callable[[str, ImageInfo | None], Awaitable[Known]]
"""Looks an image up, knowing what was said of it before: `Registry.look_up`, or anything that knows images."""

_log = structlog.get_logger()


async def no_look_up(reference: str, _: ImageInfo | None = None) -> Known:
    """Answer for a host that reaches no registry."""
    return ImageError("Unreachable", f"{reference}: this operator looks no images up")


@frozen
class _Entry:
    known: Known
    until: float
    """On the event loop's clock."""
    errors: int
    """In a row, this one included."""


@define(eq=False)
class _Pending:
    task: asyncio.Task[None] | None = None
    started: float | None = None
    """None while it waits for its turn."""
    keys: set[Key] = field(factory=set[Key])
    """Who is to be woken."""


class Images:
    """Knows images by reference.

    Args:
        look_up: asks the registry; what it raises becomes an ImageError.
        wake: called with each asking key once its answer is known.
    """

    def __init__(self, look_up: LookUp, wake: Callable[[Key], None]) -> None:
        self._look_up = look_up
        self._wake = wake
        self._entries: OrderedDict[str, _Entry] = OrderedDict()  # the one used longest ago comes first
        self._pending: dict[str, _Pending] = {}
        self._turns = asyncio.Semaphore(AT_A_TIME)
        self._closed = False

    def known(self, reference: str) -> Known | None:
        """Return what the registry said, as long as that holds.

        While it is asked again after an error, that error stands: else each attempt would change the status twice.
        """
        entry = self._entries.get(reference)
        if entry is None:
            return None
        self._entries.move_to_end(reference)
        holds = asyncio.get_running_loop().time() < entry.until or (entry.errors and reference in self._pending)
        return entry.known if holds else None

    def ask(self, reference: str, key: Key) -> None:
        """Start a look-up unless its answer is known or on its way, and wake `key` when it is there."""
        pending = self._start(reference)
        if pending is not None:
            pending.keys.add(key)

    async def answer(self, reference: str, key: Key) -> Known | None:
        """Ask, and wait for as long as a fast registry takes; `key` is woken only if that was not enough.

        Who asks later, or would have to wait for a turn, does not wait: a slow registry holds nobody up.
        """
        pending = self._start(reference)
        if pending is None:
            return self.known(reference)
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)  # it takes its turn, if there is one
        if pending.task is not None and pending.started is not None:
            left = pending.started + PATIENCE - loop.time()
            await asyncio.wait([pending.task], timeout=max(left, 0))
        if self._pending.get(reference) is pending:
            pending.keys.add(key)
        return self.known(reference)

    async def close(self) -> None:
        """Give up what is on its way; nobody is woken any more."""
        self._closed = True
        tasks = [pending.task for pending in self._pending.values() if pending.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._pending.clear()

    def _start(self, reference: str) -> _Pending | None:
        """Return the look-up on its way, a new one if need be; None where none is needed."""
        pending = self._pending.get(reference)
        if pending is None and self.known(reference) is None and not self._closed:
            pending = self._pending[reference] = _Pending()
            pending.task = asyncio.create_task(self._run(reference, pending))
        return pending

    async def _run(self, reference: str, pending: _Pending) -> None:
        async with self._turns:
            pending.started = asyncio.get_running_loop().time()
            before = self._entries.get(reference)
            try:
                known = await self._look_up(reference, _info(before))
            except Exception:  # noqa: BLE001 -- whatever it is, who asks gets an answer
                _log.exception("looking an image up failed; this is a fault of the operator", image=reference)
                known = ImageError("Unreachable", f"{reference}: the look-up failed")
        self._remember(reference, known)
        del self._pending[reference]
        for key in pending.keys:
            self._wake(key)

    def _remember(self, reference: str, known: Known) -> None:
        before = self._entries.pop(reference, None)
        errors = (before.errors if before else 0) + 1 if isinstance(known, ImageError) else 0
        until = asyncio.get_running_loop().time() + _holds(reference, errors)
        self._entries[reference] = _Entry(known, until, errors)
        if len(self._entries) > ENTRIES:
            self._entries.popitem(last=False)
        if isinstance(known, ImageError):
            _log.warning("image look-up failed", image=reference, reason=known.reason, error=known.message)
        else:
            _log.info("image looked up", image=reference, digest=known.digest, platforms=sorted(known.platforms))


def _info(entry: _Entry | None) -> ImageInfo | None:
    return entry.known if entry is not None and isinstance(entry.known, ImageInfo) else None


def _holds(reference: str, errors: int) -> float:
    if errors:
        # The exponent is bounded as well: 2.0 ** 1024 is an OverflowError.
        return min(ERROR_SECONDS * 2.0 ** min(errors - 1, 10), ERROR_MAX_SECONDS)
    return math.inf if "@" in reference else TAG_SECONDS

"""A clock that jumps, bodies of responses that come in pieces, and how often arbitrary answers are tried."""

from __future__ import annotations

import asyncio
import os
import selectors
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any, TypeVar

import httpx2
from hypothesis import HealthCheck, settings

T = TypeVar("T")
Part = bytes | float | Exception

fuzzed = settings(
    max_examples=int(os.environ.get("AGENTCTL_FUZZ_EXAMPLES", "300")),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
"""For tests that nothing which a server answers may break; `make nightly` asks for more examples."""


class JumpingSelector(selectors.SelectSelector):
    """Where there is nothing to do but wait, time jumps forward."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everything waits and nothing will ever happen"
            self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run on virtual time, which begins at 0."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(coroutine)


def now() -> float:
    return asyncio.get_running_loop().time()


class Body(httpx2.AsyncByteStream):
    """A body in chunks that knows whether it was closed; a float is a pause, an exception is raised."""

    def __init__(self, *parts: Part) -> None:
        self._parts = parts
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            if isinstance(part, Exception):
                raise part
            if isinstance(part, bytes):
                yield part
            else:
                await asyncio.sleep(part)

    async def aclose(self) -> None:
        self.closed = True


def in_order(text: str, parts: Sequence[str]) -> None:
    """Check that a text has these parts, in this order."""
    begin = 0
    for part in parts:
        found = text.find(part, begin)
        assert found >= 0, f"{part!r} does not come after the parts before it in:\n{text}"
        begin = found + len(part)

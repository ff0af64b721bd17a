"""Whether this process lives, and whether it can do its work: `/healthz` and `/readyz`.

The answers come from a thread of their own. On the event loop a probe of a dead loop would never be answered, so
nobody could tell what is wrong; from a thread it is answered with what the loop told last, and when. What stops the
whole process (SIGSTOP, or code that never lets go of the interpreter) stops the thread too: then the probe times out,
which the kubelet takes for a failure as well.

A watch or a worker that ends takes the process with it (`Operator.run`). What is looked for here is one that hangs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NoReturn, Protocol

from ._operator import State

BEAT_SECONDS: Final = 1.0
LOOP_SILENCE: Final = 30.0
"""Seconds without a beat after which the event loop counts as dead. The largest list is read in a few."""
WATCH_SILENCE: Final = 600.0
"""Seconds for which a watch may try nothing and hear nothing: the longest Retry-After that it believes takes 300, and a
silent connection is given up after 75."""
WORK_SECONDS: Final = 900.0
"""Seconds that a worker may have one Agent in hand: each request in a pass ends after 45, even unanswered."""


class View(Protocol):
    """What is looked at: an `Operator`. Called from another thread."""

    def state(self) -> State: ...


class Health:
    """Judges one operator.

    Args:
        view: the operator.
        clock: that of the event loop: in seconds, monotonic.
    """

    def __init__(self, view: View, clock: Callable[[], float] = time.monotonic) -> None:
        self._view = view
        self._clock = clock
        self._beat = clock()

    async def beat(self) -> NoReturn:
        """Tell, until cancelled, that the event loop that runs this is alive."""
        while True:
            self._beat = self._clock()
            await asyncio.sleep(BEAT_SECONDS)

    def problems(self) -> list[str]:
        """Return what only another start can cure; may be called from any thread."""
        silence = self._clock() - self._beat
        state = self._view.state()
        found = [f"the event loop has been silent for {silence:.0f} s"] if silence > LOOP_SILENCE else []
        found += [
            f"the watch of {watched} has been silent for {seconds:.0f} s"
            for watched, seconds in state.silences
            if seconds > WATCH_SILENCE
        ]
        longest = max(state.in_hand, default=0.0)
        if longest > WORK_SECONDS:
            found.append(f"a worker has been at one Agent for {longest:.0f} s")
        return found

    def missing(self) -> list[str]:
        """Return what keeps the operator from its work; a standby could do it, so nothing keeps it."""
        state = self._view.state()
        return self.problems() + [f"{watched} are not listed yet" for watched in state.unsynced]


def health_app(health: Health) -> Callable[..., Iterable[bytes]]:
    """Return the WSGI application that answers `/healthz` and `/readyz`: 200 and `ok`, or 503 and each problem."""
    checks: Final[Mapping[str, Callable[[], list[str]]]] = {"/healthz": health.problems, "/readyz": health.missing}

    def app(environ: Mapping[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        check = checks.get(environ["PATH_INFO"])
        if check is None:
            status, text = "404 Not Found", "there are /healthz and /readyz"
        elif environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            status, text = "405 Method Not Allowed", "use GET"
        else:
            problems = check()
            status, text = ("503 Service Unavailable", "\n".join(problems)) if problems else ("200 OK", "ok")
        body = f"{text}\n".encode()
        start_response(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
        return [body]

    return app

"""Threads for what can be done in threads alone: the system's resolver of names.

An Agent's image names a host, and whoever answers for that name may be silent. asyncio has a handful of threads for
all names, and waits for them before the process ends.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class ThreadForEach(ThreadPoolExecutor):
    """Runs each call in a thread of its own, which nobody waits for: how many there are, those who call bound.

    It is a ThreadPoolExecutor for asyncio's sake, which takes no other executor as its default.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start a call; a thread that cannot be started is a RuntimeError."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 -- it is told to who asked
                future.set_exception(error)
            else:
                future.set_result(result)

        threading.Thread(target=run, name="resolver", daemon=True).start()
        return future

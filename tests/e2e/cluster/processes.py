"""Child processes with a log file each, which end with the process that started them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

_WRAPPER = Path(__file__).with_name("die_with_parent.py")
_POLL_SECONDS = 0.05
_TERM_SECONDS = 5.0
_BIND_ATTEMPTS = 4

# The parent-death signal is sent when the *thread* that forked ends, not when its process does.
# Every fork is therefore made by this one thread, which lives as long as the interpreter; a caller
# may start children from a short-lived thread without losing them when that thread returns.
_forker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forker")


class PartFailedError(RuntimeError):
    """A part of the cluster ended or did not become ready; the message quotes its log."""


class Startable(ABC):
    """What is started and stopped, and so can be used in a `with` statement."""

    @abstractmethod
    def start(self) -> Self:
        """Start it; what was begun and fails is stopped."""

    @abstractmethod
    def stop(self) -> None:
        """Stop it. May be called twice."""

    def failed_parts(self) -> list[str]:
        """What is to be said about each part that has ended though nobody stopped it."""
        return []

    def __enter__(self) -> Self:
        """Start it."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()


class Part:
    """One running program of the cluster."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start ``command`` with its output going to ``log`` and ``environment`` added to the process's own.

        Raises:
            OSError: it cannot be started, or the log cannot be written.
        """
        self.name = name
        self.log = log
        self._process: subprocess.Popen[bytes] = _forker.submit(
            _spawn, command, log, {**os.environ, **(environment or {})}
        ).result()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def running(self) -> bool:
        """Whether the program has not ended."""
        return self._process.poll() is None

    def tail(self, lines: int = 15) -> str:
        """The last lines of the log."""
        text = self.log.read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def failure(self, what: str) -> PartFailedError:
        """An error that says ``what`` about this part and quotes the end of its log."""
        return PartFailedError(f"{self.name} {what}; the end of {self.log}:\n{self.tail()}")

    def terminate(self) -> None:
        """Ask the program to end. Does nothing if it has."""
        # Popen signals nothing once it has seen the end, so a reused pid is never hit.
        self._process.send_signal(signal.SIGTERM)

    def wait_or_kill(self, deadline: float) -> None:
        """Wait until the program has ended, and kill it at ``deadline`` (monotonic seconds)."""
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def dying_with_this(command: Sequence[str]) -> list[str]:
    """The command line by which a program is killed as soon as this process is gone (see die_with_parent.py)."""
    return [sys.executable, "-I", "-S", str(_WRAPPER), str(os.getpid()), *command]


def _spawn(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            dying_with_this(command),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C in a terminal reaches the whole foreground process group. In a session of
            # their own the parts outlive it until the tests in progress have been torn down.
            start_new_session=True,
        )


def stop_all(parts: Iterable[Part]) -> None:
    """Stop the parts in this order: SIGTERM, then SIGKILL to those still there after 5 seconds in all."""
    # One after the other, clients before servers: kube-apiserver retries for many seconds when
    # etcd has gone first.
    deadline = time.monotonic() + _TERM_SECONDS
    for part in parts:
        part.terminate()
        part.wait_or_kill(deadline)


def free_ports(count: int) -> list[int]:
    """Distinct TCP ports of 127.0.0.1 that are free now (and may be taken a moment later)."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def wait_ready(part: Part, ready: Callable[[], bool], deadline: float) -> None:
    """Wait until ``ready`` is true.

    Raises:
        PartFailedError: the part ended, or the deadline (monotonic seconds) passed.
    """
    while True:
        if not part.running():
            raise part.failure("ended before it was ready")
        if ready():
            return
        if time.monotonic() > deadline:
            raise part.failure("did not become ready in time")
        time.sleep(_POLL_SECONDS)


def start_listening(
    launch: Callable[[Sequence[int]], tuple[Part, Callable[[], bool]]], ports: int, deadline: float
) -> tuple[Part, list[int]]:
    """Start a part that listens on ``ports`` free ports, and wait until it is ready.

    ``launch`` starts the part on the ports given and returns it with its readiness check. It is
    called again with other ports if another program took one in between.

    Raises:
        PartFailedError: the part ended for another reason, or was not ready at the deadline.
    """
    for attempt in range(1, _BIND_ATTEMPTS + 1):
        chosen = free_ports(ports)
        part, ready = launch(chosen)
        try:
            wait_ready(part, ready, deadline)
        except PartFailedError:
            clash = not part.running() and "address already in use" in part.tail(200)
            stop_all([part])
            if not clash or attempt == _BIND_ATTEMPTS:
                raise
            # The next attempt's log must not contain this one's reason.
            part.log.replace(part.log.with_suffix(f".{attempt}.log"))
        except BaseException:
            stop_all([part])
            raise
        else:
            return part, chosen
    raise AssertionError("unreachable: the last attempt returns or raises")

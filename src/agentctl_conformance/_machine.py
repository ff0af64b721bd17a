"""Agents as processes of this machine: the wrapper is not process 1 there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread


class Machine:
    """Runs a wrapper that is a program of this machine."""

    def __init__(self, wrapper: Sequence[str], folder: Path, patience: float) -> None:
        """Name the wrapper's command, an empty folder for what agents write, and Run's patience."""
        self._wrapper = wrapper
        self._folder = folder
        self._patience = patience
        self._runs: list[Process] = []

    def start(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        wrapped: bool = True,
        directory: str = "/usr",
        stdin: bool = False,
        tty: bool = False,
    ) -> Process:
        """Start a command; see Host."""
        words = [*self._wrapper, "--", *command] if wrapped else list(command)
        # This Python is the machine's python3.
        environment = {"PATH": f"{Path(sys.executable).parent}:{os.defpath}", **env}
        output = self._folder / f"output-{len(self._runs)}"
        run = Process(words, environment, directory, output, self._patience, stdin=stdin, tty=tty)
        self._runs.append(run)
        return run

    def stop(self) -> None:
        """End what still runs."""
        for run in self._runs:
            run.stop()


class Process:
    """One process; its output goes to a file, which an orphan may hold open."""

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        directory: str,
        output: Path,
        patience: float,
        *,
        stdin: bool,
        tty: bool,
    ) -> None:
        """Start it."""
        self.patience = patience
        self._output = output
        self._terminal: int | None = None
        self._copying: Thread | None = None
        inner: int | None = None
        if tty:
            self._terminal, inner = os.openpty()
        with output.open("wb") as file:
            self._written_to = os.fstat(file.fileno() if inner is None else inner)
            self._process = subprocess.Popen(
                command,
                env=dict(env),
                cwd=directory,
                stdin=inner or (subprocess.PIPE if stdin else subprocess.DEVNULL),
                stdout=inner or file,
                stderr=inner or file,
                # A session of its own, and its terminal, as a container's first process has them.
                preexec_fn=(lambda: os.login_tty(inner)) if inner else None,  # noqa: PLW1509
            )
        if self._terminal is not None and inner is not None:
            os.close(inner)
            self._copying = Thread(target=_copy, args=(self._terminal, output), daemon=True)
            self._copying.start()

    def output(self) -> str:
        """Return what it has written; see Run."""
        return self._output.read_text(encoding="latin-1")

    def send(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def type(self, data: bytes) -> None:
        """Send this to its standard input."""
        if self._terminal is not None:
            os.write(self._terminal, data)
        else:
            assert self._process.stdin is not None
            self._process.stdin.write(data)
            self._process.stdin.flush()

    def has_ended(self) -> bool:
        """Tell whether it has ended, and all that it wrote is in the file."""
        return self._process.poll() is not None and not (self._copying and self._copying.is_alive())

    def exit_code(self) -> int:
        """Wait for its end; see Run."""
        code = self._process.wait(self.patience)
        return code if code >= 0 else 128 - code

    def stop(self) -> None:
        """End it, if it still runs, and what it has started, wherever its wrapper has left that."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.kill()
        self._process.wait()
        for pid in _writing_to(self._written_to):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._terminal is not None:
            os.close(self._terminal)


def _writing_to(output: os.stat_result) -> list[int]:
    """Return the processes whose standard output is this file or terminal.

    Their names are not enough: in another mount namespace, a container's, they are those of other ones.
    """
    found: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        # It has ended, or is another user's.
        with suppress(OSError):
            if os.path.samestat((process / "fd" / "1").stat(), output):
                found.append(int(process.name))
    return found


def _copy(terminal: int, target: Path) -> None:
    """Write what appears on a terminal into a file, until nobody has the terminal any more."""
    with target.open("ab", buffering=0) as file, suppress(OSError):
        while data := os.read(terminal, 4096):
            file.write(data)

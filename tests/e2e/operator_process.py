"""The operator as a process of its own, as it runs in production."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.e2e.support import eventually

_AGENTCTL = Path(sys.executable).with_name("agentctl")


@dataclass
class OperatorProcess:
    """`agentctl run` for one namespace or all; may be killed and started again.

    Attributes:
        kubeconfig: how it reaches the API server.
        namespace: the namespace that it serves; None for all.
        log: where its log lines go, of all its lives.
        options: further ones of `agentctl run`.
        program: another installation's `agentctl`, to be compared with this one.
    """

    kubeconfig: Path
    namespace: str | None
    log: Path
    options: tuple[str, ...] = ()
    program: Path = _AGENTCTL
    process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> None:
        """Start it; with `wait`, return when its caches are synced."""
        before = len(self.lines())
        with self.log.open("ab") as log:
            self.spawn(log)
        if wait:
            eventually(lambda: self.said("caches are synced", before), 30, "the operator is ready")

    def spawn(self, log: IO[bytes]) -> None:
        """Start it with its lines going to an open file."""
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig)}
        served = [f"--namespace={self.namespace}"] if self.namespace else []
        command = [str(self.program), "run", *served, "--log-format=json", "--log-level=debug", *self.options]
        self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def kill(self) -> None:
        """End it at once, without a chance to clean up."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end; return its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(35)

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def pause(self) -> None:
        """Let it stand still as a suspended machine does, until `resume`."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on; it does not know that it stood still."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    @property
    def memory(self) -> float:
        """How much memory it holds (its resident set), in MiB."""
        return self._mebibytes("VmRSS")

    @property
    def peak_memory(self) -> float:
        """How much memory it has held at the most, in MiB."""
        return self._mebibytes("VmHWM")

    def _mebibytes(self, name: str) -> float:
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(f"{name}:"))

    @property
    def open_files(self) -> int:
        """How many files and connections it holds open."""
        assert self.process is not None
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def lines(self) -> list[dict[str, Any]]:
        """Return what it has logged; a line that is no JSON, such as one of a traceback, stands under `raw`."""
        text = self.log.read_text() if self.log.exists() else ""
        return [_parse(line) for line in text.splitlines() if line]

    def said(self, event: str, since: int = 0) -> bool:
        return any(line.get("event") == event for line in self.lines()[since:])

    def complaints(self) -> list[dict[str, Any]]:
        """Return every line that is a warning or worse, or no log line at all."""
        return [line for line in self.lines() if line.get("level") not in ("debug", "info")]


def _parse(line: str) -> dict[str, Any]:
    try:
        parsed: dict[str, Any] = json.loads(line)
    except ValueError:
        return {"raw": line}
    return parsed

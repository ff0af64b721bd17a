"""A contender's process: started, stopped, and what it uses."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import IO

from bench.operators.contenders import Contender

_TICKS = os.sysconf("SC_CLK_TCK")
_STOP_SECONDS = 40
_ROOT = Path(__file__).parents[2]


def cpu_seconds(pid: int) -> float:
    """Return how many seconds of CPU a process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


class Process:
    """One life of a contender."""

    def __init__(self, contender: Contender, kubeconfig: Path, namespace: str, log: IO[bytes]) -> None:
        """Start it."""
        environment = {**os.environ, **contender.environment, "KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(_ROOT)}
        self.started = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603 -- one of ours
            contender.command_in(namespace), env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    @property
    def cpu(self) -> float:
        """Seconds of CPU that it has used since its start."""
        return cpu_seconds(self._process.pid)

    @property
    def memory(self) -> tuple[float, float]:
        """MiB that it holds, and that it has held at the most."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        found = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.startswith("Vm")}
        return round(found["VmRSS"], 1), round(found["VmHWM"], 1)

    def stop(self) -> None:
        """Ask it to end, and kill it where it does not."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

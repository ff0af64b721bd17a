"""The hosts of examples/hosts as processes, as somebody would run them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.e2e.operator_process import OperatorProcess
from tests.e2e.support import eventually

HOSTS = Path(__file__).parents[2] / "examples" / "hosts"


@dataclass
class HostProcess(OperatorProcess):
    """One of the hosts, for one namespace: `kopf` or `client`."""

    host: str = ""

    def start(self, *, wait: bool = True) -> None:
        """Start it; with `wait`, return when its modules are imported and it begins to look."""
        before = len(self.lines())
        super().start(wait=False)
        if wait:
            eventually(lambda: len(self.lines()) > before, 60, f"the {self.host} host begins")

    def spawn(self, log: IO[bytes]) -> None:
        """Start it with its lines going to an open file."""
        assert self.namespace is not None
        program = str(HOSTS / f"{self.host}_host.py")
        command = {
            "kopf": [sys.executable, "-m", "kopf", "run", "--standalone", f"--namespace={self.namespace}", program],
            "client": [sys.executable, program, self.namespace],
        }
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig)}
        self.process = subprocess.Popen(command[self.host], env=environment, stdout=log, stderr=log)

    def complaints(self) -> list[dict[str, Any]]:
        """Return every line that tells of a warning, an error or a traceback."""
        return [line for line in self.lines() if not _is_calm(line["raw"])]


def _is_calm(line: str) -> bool:
    return "INFO " in line or "DEBUG " in line

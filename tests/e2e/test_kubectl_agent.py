"""`kubectl agent`: the commands as kubectl's plugin, and what kubectl itself does for Agents."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.support import Kubectl


def test_kubectl_finds_the_commands_as_its_plugin(kubectl: Kubectl, crd: str, namespace: str) -> None:
    assert crd
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AGENTCTL_")},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "KUBECONFIG": str(kubectl.kubeconfig),
    }

    def plugin(*arguments: str) -> str:
        command = [str(kubectl.binary), "agent", *arguments]
        run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert (run.returncode, run.stderr) == (0, "")
        return run.stdout

    assert plugin("--help").startswith("Usage: kubectl agent [OPTIONS] COMMAND")
    assert plugin("plan", "--help").startswith("Usage: kubectl agent plan [OPTIONS]")
    assert plugin("plan", "--namespace", namespace) == "0 Agents: 0 to act upon, 0 with nothing to do\n"

"""`kubectl agent`: the commands as kubectl's plugin, and what kubectl itself does for Agents."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentctl_runtime.cli._group import COMMANDS
from tests.e2e.agents import Cluster, agent
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.support import Kubectl


def run_kubectl(kubectl: Kubectl, *arguments: str) -> str:
    """Return what kubectl prints where the plugin is on the PATH; without an error."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AGENTCTL_")},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "KUBECONFIG": str(kubectl.kubeconfig),
    }
    command = [str(kubectl.binary), *arguments]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr
    return run.stdout


def test_kubectl_finds_the_commands_as_its_plugin(kubectl: Kubectl, crd: str, namespace: str) -> None:
    assert crd
    assert run_kubectl(kubectl, "agent", "--help").startswith("Usage: kubectl agent [OPTIONS] COMMAND")
    assert run_kubectl(kubectl, "agent", "plan", "--help").startswith("Usage: kubectl agent plan [OPTIONS]")
    said = run_kubectl(kubectl, "agent", "plan", "--namespace", namespace)
    assert said == "0 Agents: 0 to act upon, 0 with nothing to do\n"


@pytest.mark.parametrize(
    ("words", "proposed"),
    [
        (["agen"], ["agent\tThe command agent is a plugin installed by the user", ":4"]),
        (["agent", "pl"], [f"plan\t{COMMANDS['plan']}", ":36"]),
        (["agent", "plan", "-o", ""], ["table", "json", "yaml", ":36"]),
        (["agent", "plan", "--output=j"], ["json", ":36"]),
        (["agent", "explain", "hello"], [":36"]),
        (["agent", "render", "--resolve", "he"], [":0"]),
        (["agent", "replay", ""], [":0"]),
    ],
)
def test_kubectl_completes_the_words_of_the_plugin(kubectl: Kubectl, words: list[str], proposed: list[str]) -> None:
    """The last line is cobra's: 4 for no files, and 32 for an order that stays; 0 leaves it to the shell: files."""
    assert run_kubectl(kubectl, "__complete", *words).splitlines() == proposed


def test_kubectl_lists_waits_for_suspends_and_tells_the_events_of_agents(
    kubectl: Kubectl, operator: OperatorProcess, namespace: str
) -> None:
    assert operator.is_alive
    cluster = Cluster(kubectl, namespace)
    cluster.apply(agent("served"), agent("refused", volumes=[{"name": "h", "hostPath": {"path": "/h"}}]))
    kubectl("wait", "--for=condition=Ready", "agent/served", "--timeout=60s", namespace=namespace)
    kubectl("wait", "--for=condition=Stalled", "agent/refused", "--timeout=60s", namespace=namespace)
    header, *rows = [line.split() for line in kubectl("get", "agents", namespace=namespace).stdout.splitlines()]
    assert header == ["NAME", "READY", "REASON", "UPTODATE", "POD", "AGE"]
    assert [row[:-1] for row in rows] == [
        ["refused", "False", "NotAccepted"],
        ["served", "True", "PodReady", "True", "served"],
    ]
    assert "PolicyDenied" in kubectl("events", "--for", "agent/refused", namespace=namespace).stdout
    kubectl("scale", "agent/served", "--replicas=0", namespace=namespace)
    kubectl("wait", "--for=condition=Suspended", "agent/served", "--timeout=60s", namespace=namespace)
    cluster.wait_gone("served")
    assert "image\t<string> -required-" in kubectl("explain", "agent.spec").stdout
    # The container that logs and exec take unless another is named.
    cluster.scale("served", 1)
    cluster.wait_ready("served")
    assert cluster.pod("served")["spec"]["containers"][0]["name"] == "agent"

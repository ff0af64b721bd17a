"""A node that restarts: its Agents go on, or are started again, and their status is true all the while."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.e2e.agents import SECONDS
from tests.e2e.cluster.node_images import Images
from tests.e2e.cluster.real_node import RealNode
from tests.e2e.conftest import fresh_namespace
from tests.e2e.history import History
from tests.e2e.node.support import Json, OnNode
from tests.e2e.node_session import access_to
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.session import CRD_FILE
from tests.e2e.support import condition, eventually

SCRIPT = "read=/agentctl/mark,write=/agentctl/mark,http=8080,wait,exit=0"
# A busy machine may take long to answer: that is not what the node's restart is to be blamed for.
PROBE = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1, "timeoutSeconds": 10}
# The node controller takes a node for lost that has been silent for 50 s.
_LOST_SECONDS = 90


@pytest.fixture
def own_node(starts_nodes: None, tmp_path: Path) -> Iterator[RealNode]:
    """A node of this test's own: other tests run on that of the session."""
    assert starts_nodes is None
    with RealNode(tmp_path / "cluster", manifests=[CRD_FILE]) as node:
        yield node


@pytest.fixture
def on_own_node(own_node: RealNode, tmp_path: Path) -> Iterator[OnNode]:
    """A namespace there. The operator is a process beside the node, which goes on when that does not."""
    access = access_to(own_node)
    kubectl, images = access.administrator(), Images(own_node.registry)
    options = (f"--wrapper-image={images.reference('operator')}", f"--insecure-registry={images.registry}")
    with fresh_namespace(kubectl) as namespace:
        operator = OperatorProcess(access.kubeconfig, namespace, tmp_path / "log", options)
        operator.start()
        yield OnNode(kubectl, namespace, images, access)
        assert operator.stop() == 0
        assert operator.complaints() == []


def test_an_agent_outlives_restarts_of_its_node(own_node: RealNode, on_own_node: OnNode) -> None:
    agents = on_own_node
    with History(agents.kubectl, agents.namespace) as history:
        agents.run("agent", "entrypoint", SCRIPT, readinessProbe=PROBE)
        agents.wait_ready("agent")
        uid, started = agents.uid("agent"), agents.said("agent", "start")

        with own_node.down():
            assert agents.reason("agent", "Ready") == "PodReady"
        # It works again: what is asked of it now is done.
        eventually(lambda: _runs(agents, "true"), SECONDS, "the kubelet answers")
        agents.wait_ready("agent")
        assert agents.log("agent")[0] == started
        found = agents.agent("agent")
        assert (agents.uid("agent"), found["status"]["restarts"]) == (uid, 0)

        with own_node.down(power_cut=True):
            eventually(lambda: agents.reason("agent", "Ready") == "NodeLost", _LOST_SECONDS, "the node is lost")
            assert agents.uid("agent") == uid
        found = agents.wait("agent", lambda agent: agent["status"]["restarts"] == 1, "the container runs again")
        found = agents.wait_ready("agent")
        assert agents.uid("agent") == uid
        assert found["status"]["podIPs"] == agents.pod("agent")["status"]["podIPs"]
        again = agents.said("agent", "waiting")
        assert again["time"] > started["time"]
        # The pod is the same, and so are its volumes.
        assert "text" in agents.said("agent", "read")
    history.check()
    assert history.pods("agent") == [uid]
    told, seen = (_turns([found for _, found in history.of(kind)]) for kind in ("Agent", "Pod"))
    # The kubelet itself takes readiness back for a moment when it starts; whoever is slower than it sees less.
    assert 4 <= len(told) <= len(seen)
    assert told[-1] == seen[-1] == "True"


def _runs(on_node: OnNode, program: str) -> bool:
    arguments = ("exec", "agent", "--container=agent", "--", program)
    return on_node.kubectl(*arguments, namespace=on_node.namespace, check=False).returncode == 0


def _turns(found: list[Json]) -> list[str]:
    """Return what the condition Ready has been, without repetitions; where it is not told it is not met."""
    statuses = [condition(each, "Ready") or "False" for each in found]
    return [status for former, status in pairwise(["", *statuses]) if status != former]

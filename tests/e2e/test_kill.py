"""The operator is killed with SIGKILL at each of its writes and started again: the end state is always the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.agents import SECONDS, Cluster, agent
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.proxy import Proxy, Seen
from tests.e2e.support import Kubectl, condition, eventually, pod_manifest

MOMENTS = ("before", "applied", "answered")
WRITES = 13
"""The scenario's least number of writes: two pods tried, one event, two first statuses; a pod deleted, its status and
an event; an event; a pod and its status twice more. Statuses that follow each other quickly may become one."""


def _scenario(cluster: Cluster) -> None:
    """Create, suspend, wake, delete and recreate; a stranger stands in the way of a second Agent."""
    cluster.apply(pod_manifest("two"), agent("one"), agent("two"))
    cluster.wait_ready("one")
    cluster.wait_reason("two", "Accepted", "NameConflict")
    cluster.kubectl("scale", "agent/one", "--replicas=0", namespace=cluster.namespace)
    cluster.wait_gone("one")
    eventually(lambda: cluster.reason("one", "Ready") is None, SECONDS, "Ready is absent")
    cluster.kubectl("scale", "agent/one", "--replicas=1", namespace=cluster.namespace)
    cluster.wait_ready("one")
    cluster.delete("one")
    cluster.apply(agent("one"))
    eventually(lambda: _belongs(cluster, "one"), SECONDS, "the new Agent's pod is ready")


def _belongs(cluster: Cluster, name: str) -> bool:
    pod, owner = cluster.pod(name), cluster.agent(name)
    return (
        pod is not None
        and pod["metadata"]["ownerReferences"][0]["uid"] == owner["metadata"]["uid"]
        and condition(owner, "Ready") == "True"
    )


@pytest.mark.usefixtures("crd")
def test_without_a_kill_the_scenario_makes_the_writes_that_are_tried(
    kubectl: Kubectl, namespace: str, tmp_path: Path
) -> None:
    with Proxy(kubectl) as proxy:
        operator = OperatorProcess(proxy.client_config(tmp_path / "config"), namespace, tmp_path / "log")
        operator.start()
        _scenario(Cluster(kubectl, namespace))
        assert operator.stop() == 0
    assert WRITES <= len(proxy.writes) <= WRITES + 5, proxy.writes
    assert operator.complaints() == []


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("number", range(1, WRITES + 1))
@pytest.mark.usefixtures("crd")
def test_killed_at_a_write(kubectl: Kubectl, namespace: str, tmp_path: Path, number: int, moment: str) -> None:
    cluster = Cluster(kubectl, namespace)
    with Proxy(kubectl) as proxy:
        operator = OperatorProcess(proxy.client_config(tmp_path / "config"), namespace, tmp_path / "log")
        killed: list[Seen] = []

        def kill(count: int, seen: Seen) -> None:
            if count == number and not killed:
                killed.append(seen)
                operator.kill()
                operator.start(wait=False)
                raise ConnectionResetError

        setattr(proxy, moment, kill)
        operator.start()
        try:
            _scenario(cluster)
            assert len(killed) == 1, f"only {len(proxy.writes)} writes: {proxy.writes}"
            stranger = cluster.pod("two")
            assert "ownerReferences" not in stranger["metadata"]
            assert cluster.names("pods") == ["one", "two"]
            assert cluster.reason("two", "Accepted") == "NameConflict"
            assert operator.stop() == 0
        finally:
            if operator.is_alive:
                operator.kill()

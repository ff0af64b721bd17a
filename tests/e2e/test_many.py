"""Two hundred Agents at once, and the silence afterwards."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.e2e.agents import Cluster, agent
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.proxy import Proxy
from tests.e2e.support import Kubectl, condition, eventually

COUNT = 200
IDLE_SECONDS = 60


@pytest.mark.usefixtures("crd")
def test_two_hundred_agents_get_their_pods_and_then_nothing_is_written(
    kubectl: Kubectl, namespace: str, tmp_path: Path
) -> None:
    cluster = Cluster(kubectl, namespace)
    with Proxy(kubectl) as proxy:
        operator = OperatorProcess(proxy.client_config(tmp_path / "config"), namespace, tmp_path / "log")
        operator.start()
        try:
            cluster.apply(*(agent(f"a-{number:03}") for number in range(COUNT)))

            def all_ready() -> bool:
                items = kubectl.json("get", "agents", namespace=namespace)["items"]
                return sum(condition(item, "Ready") == "True" for item in items) == COUNT

            eventually(all_ready, 120, f"{COUNT} Agents are ready", interval=1)
            assert cluster.names("pods") == [f"a-{number:03}" for number in range(COUNT)]
            refused = [seen for seen in proxy.writes if seen.status is None or seen.status >= 400]
            assert [seen for seen in refused if seen.status != 409] == []
            time.sleep(2)  # the last status may be on its way
            requests = len(proxy.requests)
            time.sleep(IDLE_SECONDS)
            assert proxy.requests[requests:] == []
            assert operator.complaints() == []
            assert operator.stop() == 0
        finally:
            if operator.is_alive:
                operator.kill()

from __future__ import annotations

from typing import Any

from agentctl_core import parse_agent
from agentctl_core._config import Config
from agentctl_core.features.service import contribute


def ports(*given: dict[str, Any]) -> list[dict[str, Any]]:
    spec = {"image": "a", "service": {"type": "NodePort", "ports": list(given)}}
    (made,) = contribute(parse_agent({"metadata": {"name": "a"}, "spec": spec}), Config()).objects
    found: list[dict[str, Any]] = made.manifest["spec"]["ports"]
    return found


def test_the_numbers_0_leave_the_choice_to_the_api_server() -> None:
    # Set, they would differ for ever from what it chose.
    assert ports({"port": 80, "targetPort": 0, "nodePort": 0}) == [{"port": 80, "protocol": "TCP"}]
    chosen = {"port": 80, "protocol": "UDP", "targetPort": "http", "nodePort": 30007}
    assert ports(chosen) == [chosen]

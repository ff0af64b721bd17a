"""The Service: a stable name for what the agent itself serves (A2A, MCP, HTTP)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._agent import Agent
from .._config import Config
from .._contribution import NOTHING, Contribution, Object
from .._identity import AGENT_LABEL


def contribute(agent: Agent, config: Config) -> Contribution:  # noqa: ARG001 -- the signature of every feature
    """Return a Service of the Agent's name that leads to its pod."""
    service = agent.spec.service
    if service is None:
        return NOTHING
    spec: dict[str, Any] = {
        "type": service.type,
        "selector": {AGENT_LABEL: agent.name},
        "ports": list(map(_said, service.ports)),
    }
    if service.headless:
        spec["clusterIP"] = "None"
    manifest = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": agent.name}, "spec": spec}
    return Contribution(objects=(Object("spec.service", manifest),))


def _said(port: Mapping[str, Any]) -> dict[str, Any]:
    """Return a port without numbers 0 and empty texts, which the API server takes for none, and fills in itself."""
    return {name: value for name, value in port.items() if value not in (0, "")}

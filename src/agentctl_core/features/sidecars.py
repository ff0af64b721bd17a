"""Sidecars as Kubernetes has them: init containers that are restarted, up before the agent and stopped after it."""

from __future__ import annotations

from .._agent import Agent
from .._config import Config
from .._contribution import NOTHING, Contribution, named


def contribute(agent: Agent, config: Config) -> Contribution:  # noqa: ARG001 -- the signature of every feature
    """Return the sidecars, each with the restart policy that makes it one."""
    if not agent.spec.sidecars:
        return NOTHING
    own = named("spec.sidecars", agent.spec.sidecars)
    return Contribution(sidecars=tuple(item._replace(value={**item.value, "restartPolicy": "Always"}) for item in own))

"""The user's init containers: they run to their end, in order, when files, wrapper and SDK are in place."""

from __future__ import annotations

from .._agent import Agent
from .._config import Config
from .._contribution import NOTHING, Contribution, named


def contribute(agent: Agent, config: Config) -> Contribution:  # noqa: ARG001 -- the signature of every feature
    """Return the init containers as they are."""
    if not agent.spec.init_containers:
        return NOTHING
    return Contribution(init_containers=named("spec.initContainers", agent.spec.init_containers))

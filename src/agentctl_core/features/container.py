"""The main container: the fields of core/v1 Container that stand directly in `spec`."""

from __future__ import annotations

from typing import Any

from .._agent import Agent
from .._config import Config
from .._contribution import Contribution, Item

NAME = "agent"


def contribute(agent: Agent, config: Config) -> Contribution:  # noqa: ARG001 -- the signature of every feature
    """Return the container `agent`; a field that is not set is left to the image and to Kubernetes."""
    spec = agent.spec
    fields: dict[str, Any] = {
        "image": spec.image,
        "command": list(spec.command),
        "args": list(spec.args),
        "workingDir": spec.working_dir,
        "env": list(spec.env),
        "envFrom": list(spec.env_from),
        "ports": list(spec.ports),
        "resources": spec.resources,
    }
    container = {"name": NAME} | {name: value for name, value in fields.items() if value}
    return Contribution(containers=(Item("spec", NAME, container),))

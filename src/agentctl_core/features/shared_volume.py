"""The shared volume: one place that every container of the pod sees at the same path."""

from __future__ import annotations

from typing import Any, Final

from .._agent import Agent
from .._config import Config
from .._contribution import Contribution, Item, Mount

NAME: Final = "agentctl-shared"
PATH: Final = "spec.sharedVolume"


def contribute(agent: Agent, config: Config) -> Contribution:  # noqa: ARG001 -- the signature of every feature
    """Return an emptyDir, or the claim that the Agent names, and its mount in every container."""
    shared = agent.spec.shared_volume
    mount = {"name": NAME, "mountPath": shared.mount_path}
    if shared.claim_name is not None:
        source: dict[str, Any] = {"persistentVolumeClaim": {"claimName": shared.claim_name}}
    else:
        options = {"medium": shared.medium, "sizeLimit": shared.size_limit}
        source = {"emptyDir": {name: value for name, value in options.items() if value is not None}}
    return Contribution(volumes=(Item(PATH, NAME, source),), mounts=(Mount(f"{PATH}.mountPath", "all", mount),))

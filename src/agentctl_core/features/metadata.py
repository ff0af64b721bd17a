"""Labels and annotations: the operator's own, which selectors and owners rely on, and those of `podTemplate`."""

from __future__ import annotations

from .._agent import Agent
from .._config import Config
from .._contribution import OPERATOR, Contribution, Item, items
from .._identity import labels


def contribute(agent: Agent, config: Config) -> Contribution:  # noqa: ARG001 -- the signature of every feature
    """Return the labels of everything that is ours, and `spec.podTemplate.metadata`."""
    own = tuple(Item(OPERATOR, name, value) for name, value in labels(agent.name).items())
    template = agent.spec.pod_template.metadata
    path = "spec.podTemplate.metadata"
    return Contribution(
        labels=own + items(f"{path}.labels", template.labels),
        annotations=items(f"{path}.annotations", template.annotations),
    )

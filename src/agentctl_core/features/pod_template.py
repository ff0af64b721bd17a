"""The fields of core/v1 PodSpec that an Agent has nowhere else, and the pod's restart policy."""

from __future__ import annotations

from .._agent import Agent
from .._config import Config
from .._contribution import Contribution, Item


def contribute(agent: Agent, config: Config) -> Contribution:  # noqa: ARG001 -- the signature of every feature
    """Return `spec.podTemplate.spec`, over the one default that is safer than Kubernetes' own."""
    # An agent runs code that a model wrote: it gets no credentials of the cluster unless it asks for them.
    fields = {"automountServiceAccountToken": False} | dict(agent.spec.pod_template.spec)
    own = tuple(Item(f"spec.podTemplate.spec.{name}", name, value) for name, value in sorted(fields.items()))
    return Contribution(pod_spec=(*own, Item("spec.restartPolicy", "restartPolicy", agent.spec.restart_policy)))

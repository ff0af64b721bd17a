"""Volumes of the user's own, and claims that the operator makes from templates and keeps."""

from __future__ import annotations

from typing import Any

from .._agent import Agent
from .._config import Config
from .._contribution import NOTHING, Contribution, Item, Object, named
from .._spec import ClaimTemplate

_CLAIMS = "spec.volumeClaimTemplates"


def contribute(agent: Agent, config: Config) -> Contribution:  # noqa: ARG001 -- the signature of every feature
    """Return the volumes, a volume for each claim, and the claims."""
    templates = agent.spec.volume_claim_templates
    if not (templates or agent.spec.volumes):
        return NOTHING
    owned = agent.spec.persistent_volume_claim_retention_policy.when_deleted == "Delete"
    claims = tuple(
        Object(f"{_CLAIMS}[{index}]", _claim(agent, template), owned) for index, template in enumerate(templates)
    )
    return Contribution(
        volumes=named("spec.volumes", agent.spec.volumes)
        + tuple(
            Item(f"{_CLAIMS}[{index}]", template.metadata.name, _source(agent, template))
            for index, template in enumerate(templates)
        ),
        objects=claims,
    )


def claim_name(template: str, agent: str) -> str:
    """Return the name of a claim, as a StatefulSet would give it."""
    return f"{template}-{agent}"


def _source(agent: Agent, template: ClaimTemplate) -> dict[str, Any]:
    return {"persistentVolumeClaim": {"claimName": claim_name(template.metadata.name, agent.name)}}


def _claim(agent: Agent, template: ClaimTemplate) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": claim_name(template.metadata.name, agent.name)},
        "spec": template.spec,
    }

"""Names, labels and owner references: what makes an object ours, and how that is told from the object."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

from ._agent import API_VERSION, KIND, Agent
from ._json import dig, dig_list

AGENT_LABEL = "agentctl.dev/agent"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "agentctl"
RESERVED_KEYS = "agentctl.dev/"
"""Labels and annotations under it are the operator's own."""


REVISION = "agentctl.dev/revision"
"""Annotation of a pod: what it was made from."""
RENDERED_BY = "agentctl.dev/rendered-by"
"""Annotation of a pod: which version of the operator made it."""
APPLIED = "agentctl.dev/applied"
"""Annotation of a pod: which of its labels, annotations and resources came from the spec (see `_applied`)."""
RESOLVED = "agentctl.dev/resolved"
"""Annotation of a pod: what its image said of the command to run, where it was asked."""


def labels(name: str) -> dict[str, str]:
    """Return the labels of everything that belongs to the Agent of that name."""
    return {
        "app.kubernetes.io/name": "agent",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/component": "agent",
        MANAGED_BY_LABEL: MANAGED_BY,
        AGENT_LABEL: name,
    }


def owner_reference(agent: Agent) -> dict[str, Any]:
    """Return the reference by which Kubernetes' garbage collector deletes an object after its Agent.

    `blockOwnerDeletion` makes `kubectl delete --cascade=foreground` wait for the object.
    """
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": agent.name,
        "uid": agent.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


class Ownership(Enum):
    """Whose an object of a wanted name is."""

    OURS = auto()
    PREDECESSOR = auto()
    """Belongs to an earlier Agent of the same name: the garbage collector is about to delete it."""
    STRANGER = auto()


def ownership(manifest: Mapping[str, Any], name: str, uid: str) -> Ownership:
    """Tell whose an object is, from its controller reference alone: labels can be copied, a uid cannot."""
    for reference in dig_list(manifest, "metadata", "ownerReferences"):
        if dig(reference, "controller", kind=bool):
            group = (dig(reference, "apiVersion", kind=str) or "").partition("/")[0]
            if group != API_VERSION.partition("/")[0] or reference.get("kind") != KIND or reference.get("name") != name:
                return Ownership.STRANGER
            return Ownership.OURS if reference.get("uid") == uid else Ownership.PREDECESSOR
    return Ownership.STRANGER

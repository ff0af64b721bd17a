"""What of a pod's fields came from its Agent's spec: remembered in an annotation of the pod, so that they can go again.

Labels, annotations, CPU and memory are changed in place, and others may add to them: users, webhooks, a LimitRange.
What the spec no longer asks for goes where the spec once asked for it, and stays where it never did.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, cast

from attrs import field, frozen

from ._agent import Agent
from ._identity import APPLIED
from ._json import dig, reach
from ._spec import MAIN_CONTAINER

RESIZED: Final = ("cpu", "memory")
"""The resources that are changed in a running pod."""


@frozen(kw_only=True, unsafe_hash=False)
class Applied:
    """Names of what the spec asked for.

    Attributes:
        labels, annotations: keys of `podTemplate.metadata`.
        resources: container -> `limits.cpu`, `requests.memory` and the like.
    """

    labels: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    resources: Mapping[str, tuple[str, ...]] = field(factory=dict[str, tuple[str, ...]])

    def to_json(self) -> str | None:
        """Return the annotation's value; None where there is nothing to remember."""
        said = {"labels": self.labels, "annotations": self.annotations, "resources": dict(self.resources)}
        said = {name: value for name, value in said.items() if value}
        return json.dumps(said, sort_keys=True, separators=(",", ":")) if said else None


def applied(agent: Agent) -> Applied:
    """Return what an Agent asks for."""
    metadata = agent.spec.pod_template.metadata
    containers = {MAIN_CONTAINER: agent.spec.resources}
    containers |= {container["name"]: container.get("resources") for container in agent.spec.sidecars}
    resources = {name: keys for name, given in containers.items() if (keys := _amounts(given))}
    return Applied(
        labels=tuple(sorted(metadata.labels)), annotations=tuple(sorted(metadata.annotations)), resources=resources
    )


def read_applied(pod: object) -> Applied:
    """Return what a pod remembers; what is malformed there is forgotten."""
    text = dig(reach(pod, "metadata", "annotations"), APPLIED, kind=str)
    try:
        said: object = json.loads(text) if text else None
    except (ValueError, RecursionError):
        said = None
    resources = reach(said, "resources")
    named: Mapping[str, object] = cast("Mapping[str, object]", resources) if isinstance(resources, dict) else {}
    return Applied(
        labels=_texts(reach(said, "labels")),
        annotations=_texts(reach(said, "annotations")),
        resources={name: _texts(keys) for name, keys in named.items()},
    )


def _amounts(resources: object) -> tuple[str, ...]:
    kinds = ((sort, resource) for sort in ("limits", "requests") for resource in RESIZED)
    return tuple(f"{sort}.{resource}" for sort, resource in kinds if reach(resources, sort, resource) is not None)


def _texts(value: object) -> tuple[str, ...]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return tuple(item for item in items if isinstance(item, str))

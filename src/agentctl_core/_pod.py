"""Puts the features' contributions together into one pod: the one place where clashes are found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ._agent import Agent
from ._config import Config
from ._contribution import OPERATOR, Item
from ._identity import RESERVED_PREFIX, owner_reference
from ._json import copy_json
from ._problem import InvalidAgent, Problem
from .features import FEATURES


def build_pod(agent: Agent, config: Config | None = None) -> dict[str, Any]:
    """Return the pod manifest of an Agent, in Kubernetes' JSON form: fresh dicts, ready to POST.

    Raises:
        InvalidAgent: two fields ask for the same label, annotation or container; both paths are told.
    """
    config = config or Config()
    contributions = [feature(agent, config) for feature in FEATURES]
    merge = _Merge()
    labels = merge.named("label", (c.labels for c in contributions))
    annotations = merge.named("annotation", (c.annotations for c in contributions))
    containers = merge.named("container", (c.containers for c in contributions))
    merge.raise_problems()
    metadata: dict[str, Any] = {
        "name": agent.name,
        "namespace": agent.namespace,
        "labels": labels,
        "ownerReferences": [owner_reference(agent)],
    }
    if annotations:
        metadata["annotations"] = annotations
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {
            "containers": copy_json(list(containers.values())),
            "restartPolicy": "Always",
            # An agent runs code that a model wrote: it gets no credentials of the cluster unless it asks for them.
            "automountServiceAccountToken": False,
        },
    }


class _Merge:
    """Joins items of one sort by name, and remembers each clash."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    def named(self, sort: str, groups: Iterable[tuple[Item, ...]]) -> dict[str, Any]:
        """Return `name -> value` over all groups, in order."""
        first: dict[str, Item] = {}
        for item in (item for group in groups for item in group):
            if item.name in first:
                self._clash(sort, first[item.name], item)
            elif item.path != OPERATOR and item.name.startswith(RESERVED_PREFIX):
                self._problems.append(
                    Problem(item.path, f"{sort}s under {RESERVED_PREFIX} are the operator's own; choose another name")
                )
            else:
                first[item.name] = item
        return {name: item.value for name, item in first.items()}

    def _clash(self, sort: str, first: Item, second: Item) -> None:
        holder = "the operator" if first.path == OPERATOR else first.path
        message = f'{sort} "{second.name}" is already set by {holder}; choose another name'
        self._problems.append(Problem(second.path, message))

    def raise_problems(self) -> None:
        if self._problems:
            raise InvalidAgent(self._problems)

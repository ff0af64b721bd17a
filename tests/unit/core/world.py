"""The smallest cluster that a plan can be tried on: one Agent, and what stands under its pod's name."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy

from agentctl_core import Action, Create, Delete, EmitEvent, Observed, PatchStatus, Requeue, reconcile

from .builders import NOW, Json

WRITES = (Create, Delete, PatchStatus, EmitEvent)


class World:
    """Executes actions as the API server would, preconditions included, and deletes at once."""

    def __init__(self, agent: Json, pod: Json | None) -> None:
        self.agent = dict(agent)
        self.pod = pod

    def plan(self) -> tuple[Action, ...]:
        return reconcile(self.agent, Observed(now=NOW, objects=() if self.pod is None else (self.pod,)))

    def apply(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Create(manifest) if self.pod is None:
                    self.pod = deepcopy(manifest)
                    self.pod["metadata"]["uid"] = "uid-given-by-the-server"
                case Delete(_, uid) if self.pod is not None and self.pod["metadata"].get("uid") == uid:
                    self.pod = None
                case PatchStatus(_, version, status):
                    assert version == self.agent["metadata"].get("resourceVersion")
                    self.agent["status"] = deepcopy(status)
                case EmitEvent() | Requeue():
                    pass
                case _:
                    raise AssertionError(f"refused: {action}")

    def settle(self, rounds: int = 3) -> None:
        """Apply plans until there is nothing left to write; fail where that takes more rounds."""
        for _ in range(rounds):
            self.apply(self.plan())
        left = [action for action in self.plan() if isinstance(action, WRITES)]
        assert not left, f"not settled after {rounds} rounds: {left}"

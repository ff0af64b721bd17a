"""The whole model: the API server, the controllers around it, and a host for the core."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from .._actions import Action, Create, Ref, Requeue
from .._json import copy_json, dig
from .._observed import Observed
from ._apiserver import ApiServer
from ._controllers import collect_garbage, empty_namespaces
from ._host import execute, observed_objects
from ._node import Timings, deadlines, run_pods, schedule

JsonObject: TypeAlias = dict[str, Any]


class ModelCluster(ApiServer):
    """A Kubernetes cluster in memory, with one node: deterministic, without I/O, with a clock that `advance` moves.

    The verbs answer as kube-apiserver 1.37 does. Nothing happens between two calls: the controllers (garbage
    collector, namespace controller, scheduler, kubelet) act in `step`.

    Attributes:
        now: the present time, timezone-aware.
        timings: how long things take on the node.
        storage: all objects, the resourceVersion and the history, as plain data.
    """

    def __init__(self, now: datetime, *, history: int = 1000, timings: Timings | None = None) -> None:
        """Make a cluster with the namespace `default` and the node `node-1`.

        Args:
            now: the time at the start; timezone-aware.
            history: how many changes a watch can reach back.
            timings: how long things take on the node; None for the defaults.

        Raises:
            ValueError: `now` is naive.
        """
        super().__init__(now, history=history)
        self.timings = timings or Timings()
        self._refusals: dict[Ref, tuple[JsonObject, datetime | None]] = {}

    def copy(self) -> ModelCluster:
        """Return an independent cluster in the same state. It shares what is never changed in place: it is cheap."""
        other = ModelCluster.__new__(ModelCluster)
        other.now = self.now
        other.timings = self.timings
        other.storage = self.storage.copy()
        other._listeners = []  # noqa: SLF001 -- the same class
        other._refusals = dict(self._refusals)  # noqa: SLF001
        return other

    def step(self) -> bool:
        """Let each controller act once, at the present time; return whether anything changed."""
        changed = collect_garbage(self)
        changed |= empty_namespaces(self)
        changed |= schedule(self, self.timings)
        changed |= run_pods(self, self.timings)
        return changed

    def settle(self, most_steps: int = 10_000) -> None:
        """Step until nothing changes at this instant.

        Raises:
            RuntimeError: there is no end to it within `most_steps`.
        """
        for _ in range(most_steps):
            if not self.step():
                return
        raise RuntimeError(f"the controllers are still busy after {most_steps} steps")

    def next_deadline(self) -> datetime | None:
        """Return when the cluster will next change by itself, never before `now`; None where it waits for a client."""
        moments = list(deadlines(self, self.timings))
        return max(min(moments), self.now) if moments else None

    def observe(self, manifest: Mapping[str, Any]) -> Observed:
        """Return what a host with a perfectly fresh cache sees for an Agent, refused creations included."""
        refusals = [
            copy_json(status)
            for ref, (status, due) in self._refusals.items()
            if ref.name == dig(manifest, "metadata", "name", kind=str) and (due is None or due > self.now)
        ]
        return Observed(now=self.now, objects=(*observed_objects(self, manifest), *refusals))

    def execute(self, action: Action) -> bool:
        """Execute one action of the core as its documentation asks for; return whether to go on with the plan.

        A creation that is refused for good is observed from then on, until the time of the next `Requeue` has passed.
        False means: the plan was made from a view that no longer holds; observe and reconcile again.

        Raises:
            Refused: the API server refuses what no plan should ask for, for example a status that breaks the schema.
        """
        holds, refusal = execute(self, action)
        if isinstance(action, Create):
            ref = _ref(action.manifest)
            if refusal is None:
                self._refusals.pop(ref, None)
            else:
                self._refusals[ref] = (refusal, None)
        elif isinstance(action, Requeue):
            due = self.now + timedelta(seconds=action.after)
            self._refusals = {ref: (status, old or due) for ref, (status, old) in self._refusals.items()}
        return holds


def _ref(manifest: JsonObject) -> Ref:
    metadata = manifest["metadata"]
    return Ref(manifest["apiVersion"], manifest["kind"], metadata.get("namespace", ""), metadata["name"])

"""The whole model: the API server, the controllers around it, and a host for the core."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from .._actions import Action, Create, Ref, Requeue
from .._json import copy_json
from .._observed import Observed
from .._reconcile import wanted
from .._spec import MAIN_CONTAINER
from ._apiserver import ApiServer
from ._controllers import collect_garbage, empty_namespaces
from ._disruptions import (
    end_container,
    evict_by_api,
    evict_for_pressure,
    lose_image,
    preempt,
    restore_image,
    shut_down,
)
from ._host import execute, observed_objects
from ._kubelet import pod_deadlines, run_pods
from ._nodes import answering, clear_up, node_deadlines, schedule
from ._timings import Timings

JsonObject: TypeAlias = dict[str, Any]


class ModelCluster(ApiServer):
    """A Kubernetes cluster in memory: deterministic, without I/O, with a clock that `advance` moves.

    The verbs answer as kube-apiserver 1.37 does. Nothing happens between two calls: the controllers (garbage
    collector, namespace controller, node controller, scheduler, kubelets) act in `step`. What befalls pods and nodes
    by other hands is told by `evict`, `preempt`, `end_container`, `lose_node` and the like.

    Attributes:
        now: the present time, timezone-aware.
        timings: how long things take on the nodes.
        nodes: each node's name, and since when it does not answer (None while it does).
        storage: all objects, the resourceVersion and the history, as plain data.
    """

    def __init__(
        self,
        now: datetime,
        *,
        history: int = 1000,
        timings: Timings | None = None,
        nodes: Iterable[str] = ("node-1",),
    ) -> None:
        """Make a cluster with the namespace `default`.

        Args:
            now: the time at the start; timezone-aware.
            history: how many changes a watch can reach back.
            timings: how long things take on the nodes; None for the defaults.
            nodes: their names; the first that a pod fits on gets it.

        Raises:
            ValueError: `now` is naive.
        """
        super().__init__(now, history=history)
        self.timings = timings or Timings()
        self.nodes: dict[str, datetime | None] = dict.fromkeys(nodes)
        self._refusals: dict[tuple[str, str], tuple[JsonObject, datetime | None]] = {}

    def copy(self) -> ModelCluster:
        """Return an independent cluster in the same state. It shares what is never changed in place: it is cheap."""
        other = ModelCluster.__new__(ModelCluster)
        other.now = self.now
        other.timings = self.timings
        other.nodes = dict(self.nodes)
        other.storage = self.storage.copy()
        other._listeners = []  # noqa: SLF001 -- the same class
        other._refusals = dict(self._refusals)  # noqa: SLF001
        return other

    def step(self) -> bool:
        """Let each controller act once, at the present time; return whether anything changed."""
        changed = collect_garbage(self)
        changed |= empty_namespaces(self)
        changed |= clear_up(self, self.nodes)
        changed |= schedule(self, self.timings, self.nodes)
        changed |= run_pods(self, self.timings, answering(self.nodes))
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
        moments = [
            *node_deadlines(self, self.timings, self.nodes),
            *pod_deadlines(self, self.timings, answering(self.nodes)),
        ]
        return max(min(moments), self.now) if moments else None

    def evict(self, ref: Ref) -> None:
        """Let the node end a pod since it runs out of memory: phase Failed, reason Evicted; the object stays.

        Raises:
            Refused: 404, as for all that happens to a pod.
        """
        evict_for_pressure(self, self.get(ref))

    def drain(self, ref: Ref) -> None:
        """Delete a pod through the eviction API, as `kubectl drain` does."""
        evict_by_api(self, self.get(ref))

    def preempt(self, ref: Ref) -> None:
        """Delete a pod as the scheduler does to make room for one of higher priority."""
        preempt(self, self.get(ref))

    def shut_down(self, ref: Ref) -> None:
        """Let a pod end with its node's orderly shutdown: phase Failed; the object stays."""
        shut_down(self, self.get(ref))

    def end_container(self, ref: Ref, name: str = MAIN_CONTAINER, *, exit_code: int, reason: str = "Error") -> None:
        """Let a container of a running pod end; the kubelet starts it again where the pod's restart policy says so."""
        end_container(self, self.get(ref), name, exit_code, reason)

    def lose_image(self, ref: Ref) -> None:
        """Let the image of a starting pod's agent not be pulled: it waits, and is not started."""
        lose_image(self, self.get(ref))

    def restore_image(self, ref: Ref) -> None:
        """Let the image that a pod waits for be pulled."""
        restore_image(self, self.get(ref))

    def lose_node(self, name: str) -> None:
        """Let a node answer no more: nothing on it changes, and no deletion is confirmed."""
        self.nodes[name] = self.nodes[name] or self.now

    def restore_node(self, name: str) -> None:
        """Let a node answer again: what ran there has gone on running."""
        self.nodes[name] = None

    def remove_node(self, name: str) -> None:
        """Delete a node for good: its pods are cleared away."""
        del self.nodes[name]

    def add_node(self, name: str) -> None:
        """Let another node join."""
        self.nodes[name] = None

    def observe(self, manifest: Mapping[str, Any]) -> Observed:
        """Return what a host with a perfectly fresh cache sees for an Agent, refused creations included."""
        names = {ref.name for ref in wanted(manifest)}
        refusals = [
            copy_json(status)
            for (_, name), (status, due) in self._refusals.items()
            if name in names and (due is None or due > self.now)
        ]
        return Observed(now=self.now, objects=(*observed_objects(self, manifest), *refusals))

    def execute(self, action: Action) -> bool:
        """Execute one action of the core as its documentation asks for; return whether to go on with the plan.

        A creation or change that is refused for good is observed from then on, until the time of the next `Requeue` has
        passed. False means: the plan was made from a view that no longer holds; observe and reconcile again.

        Raises:
            Refused: the API server refuses what no plan should ask for, for example a status that breaks the schema.
        """
        outcome = execute(self, action)
        if outcome.met is not None and outcome.met["kind"] == "Status":
            named = outcome.met["details"]
            self._refusals[named["kind"], named["name"]] = (outcome.met, None)
        elif isinstance(action, Create):
            self._refusals.pop((action.manifest["kind"], action.manifest["metadata"]["name"]), None)
        elif isinstance(action, Requeue):
            due = self.now + timedelta(seconds=action.after)
            self._refusals = {name: (status, old or due) for name, (status, old) in self._refusals.items()}
        return outcome.holds

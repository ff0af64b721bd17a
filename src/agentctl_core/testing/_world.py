"""One Agent's world: a cluster, an operator, what its user wants, and every step that any of them can take next.

A step has a name, and a world follows from its scenario and the names of the steps taken: so a run is one line of text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from attrs import evolve, field, frozen

from .._actions import Ref
from .._agent import API_VERSION, KIND
from .._config import Config
from .._image import ImageError, ImageInfo
from .._json import copy_json
from ._cluster import ModelCluster
from ._operator import FRESH, ModelOperator, Sight
from ._resources import AGENTS, PODS
from ._storage import Key
from ._timings import Timings

JsonObject: TypeAlias = dict[str, Any]

START: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
NODES: Final = ("node-1", "node-2")
TIMINGS: Final = Timings(start=2, stop=3, run=20)
"""Long enough that something can happen meanwhile."""


@frozen(unsafe_hash=False, kw_only=True)
class Scenario:
    """What a world begins with.

    Attributes:
        spec: of the Agent.
        name, namespace: of the Agent.
        versions: other specs that a user may change it to, by `edit`, in turn.
        config: of the operator.
        timings: how long things take.
        images: what registries answer; any other reference is one of an image with an entrypoint.
    """

    spec: Mapping[str, Any]
    name: str = "demo"
    namespace: str = "default"
    versions: tuple[Mapping[str, Any], ...] = field(default=(), converter=tuple[Mapping[str, Any], ...])
    config: Config = field(factory=Config)
    timings: Timings = TIMINGS
    images: Mapping[str, ImageInfo | ImageError] = field(factory=dict[str, ImageInfo | ImageError])


@frozen(unsafe_hash=False, kw_only=True)
class Ghost:
    """What a perfect observer remembers: checks compare what the operator does with it; the operator never sees it.

    Attributes:
        version: which of the scenario's specs is the present one, without `replicas`.
        failed: uids of pods that have failed in the present run.
        failed_at: when the last of them did, on the operator's clock; None where nothing is to be waited for.
        strangers: uids of objects that are somebody else's.
        claims: uids of claims that hold data, by name.
        observed: the uid of the Agent, and the highest generation that its status has spoken of.
    """

    version: int = 0
    failed: tuple[str, ...] = ()
    failed_at: datetime | None = None
    strangers: frozenset[str] = frozenset()
    claims: Mapping[str, str] = field(factory=dict[str, str])
    observed: tuple[str, int] = ("", 0)


class World:
    """A scenario under way. Its parts may be changed freely by whoever made it, or a copy of it."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.cluster = ModelCluster(START, history=1, timings=scenario.timings, nodes=NODES)
        self.key: Key = (AGENTS.full_name, scenario.namespace, scenario.name)
        self.operator = ModelOperator(key=self.key, config=scenario.config, images=scenario.images)
        self.ghost = Ghost()
        self.ref = Ref(API_VERSION, KIND, scenario.namespace, scenario.name)
        self.pod_ref = Ref("v1", "Pod", scenario.namespace, scenario.name)
        self._stepped: tuple[object, ModelCluster | None] | None = None
        if scenario.namespace != "default":
            self.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": scenario.namespace}})
        self.create_agent()

    def copy(self) -> World:
        """Return an independent world in the same state."""
        other = World.__new__(World)
        other.__dict__.update(self.__dict__)
        other.cluster = self.cluster.copy()
        return other

    @property
    def agent(self) -> JsonObject | None:
        """The Agent as it is stored: not to be changed."""
        return self.cluster.storage.objects.get(self.key)

    @property
    def pod(self) -> JsonObject | None:
        """What has the name of the Agent's pod, as it is stored: not to be changed."""
        return self.cluster.storage.objects.get((PODS.full_name, self.ref.namespace, self.ref.name))

    @property
    def now(self) -> datetime:
        """The time on the operator's clock."""
        return self.cluster.now + self.operator.skew

    def create_agent(self) -> None:
        """Create the Agent of the scenario."""
        metadata = {"name": self.ref.name, "namespace": self.ref.namespace}
        spec = copy_json(self.specs[self.ghost.version])
        self.cluster.create({"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec})

    @property
    def specs(self) -> tuple[Mapping[str, Any], ...]:
        """The scenario's specs, the first one first."""
        return (self.scenario.spec, *self.scenario.versions)

    def free_steps(self) -> Iterator[str]:
        """Yield the steps by which things go on: time passes where nobody has anything to do at this instant."""
        step = self.operator_step()
        if step is not None:
            yield step
        if self.stepped() is not None:
            yield "step"
        elif step is None and self.next_deadline() is not None:
            yield "wait"

    def operator_step(self) -> str | None:
        """Return what the operator does next; None where it has nothing to do at this instant."""
        if self.operator.plan:
            return "act"
        return "plan" if self.operator.has_reason(self.cluster) else None

    def next_deadline(self) -> datetime | None:
        """Return when something happens by itself; None where nothing will."""
        moments = [moment for moment in (self.cluster.next_deadline(), self.operator.due) if moment is not None]
        moments = [moment for moment in moments if moment > self.cluster.now]
        return min(moments, default=None)

    def plan(self, sight: Sight = FRESH) -> None:
        """Let the operator make a plan."""
        self.operator = self.operator.decided(self.cluster, sight)

    def act(self) -> None:
        """Let the operator execute the next action of its plan."""
        self.operator = self.operator.acted(self.cluster)

    def stepped(self) -> ModelCluster | None:
        """Return the cluster after each controller has acted once; None where none has anything to do."""
        version = (self.cluster.storage.resource_version, self.cluster.now, tuple(self.cluster.nodes.items()))
        if self._stepped is None or self._stepped[0] != version:
            after = self.cluster.copy()
            self._stepped = (version, after if after.step() else None)
        return self._stepped[1]

    def step(self) -> None:
        """Let each controller act once."""
        stepped = self.stepped()
        if stepped is not None:
            self.cluster = stepped.copy()

    def wait(self) -> None:
        """Let time pass until something happens by itself."""
        deadline = self.next_deadline()
        if deadline is not None:
            self.cluster.now = deadline

    def is_quiet(self) -> bool:
        """Tell whether the operator is done and the controllers are, at this instant."""
        return self.operator_step() is None and self.stepped() is None

    def edit(self, **fields: Any) -> None:
        """Change fields of the Agent's spec, as a user does."""
        self.cluster.patch(self.ref, {"spec": fields})

    def use(self, version: int) -> None:
        """Replace the Agent's spec by another one of the scenario; `replicas` stays what it is."""
        agent = self.cluster.get(self.ref)
        replicas = {name: value for name, value in agent["spec"].items() if name == "replicas"}
        self.apply(version, **replicas)

    def apply(self, version: int, **fields: Any) -> None:
        """Replace the Agent's spec by another one of the scenario, with these fields, as `kubectl replace` does."""
        agent = self.cluster.get(self.ref)
        self.cluster.update(agent | {"spec": copy_json(self.specs[version]) | fields})
        self.ghost = evolve(self.ghost, version=version)

    def wait_until(self, moment: datetime) -> None:
        """Let time pass until that moment, at which something else happens than what does so by itself."""
        self.cluster.now = moment

"""An operator as the model sees it: a cache that may lag behind, a plan in the middle of which it may end, a timer.

It is `agentctl_runtime` without its speed: what is watched and what is not, whose answers are learnt and what leads to
another pass is the same; what takes time there is a step of its own here, so that anything can happen in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

from attrs import evolve, frozen

from .._actions import Action, Create, Delete, Patch, PatchStatus, Ref, Requeue, ResolveImage
from .._config import Config
from .._identity import AGENT_LABEL, MANAGED_BY, MANAGED_BY_LABEL
from .._image import ImageConfig, ImageError, ImageInfo
from .._json import dig_list, reach
from .._observed import Observed
from .._reconcile import decide, prepare
from .._situation import Prepared
from ._apiserver import ApiServer
from ._host import Outcome, execute, is_owned_by
from ._refused import Refused
from ._resources import AGENTS, PODS, by_kind
from ._storage import Key

JsonObject: TypeAlias = dict[str, Any]
Age: TypeAlias = Literal["now", "last", "former"]
"""Of which moment something is seen: as it is; as when it was seen last; as when it was seen before that."""

UNWATCHED: Final = timedelta(seconds=29)
"""How long something met that no watch tells is taken to be as it was."""
_MARGIN: Final = timedelta(seconds=1)


@frozen(unsafe_hash=False)
class View:
    """What an operator has in its cache: the stored manifests, never changed in place.

    Attributes:
        agent: None where it is not there.
        objects: what is ours by its labels and concerns the Agent, by storage key.
    """

    agent: JsonObject | None
    objects: Mapping[Key, JsonObject]

    def same_as(self, other: View | None) -> bool:
        """Tell whether nothing has changed between two views: a stored manifest is replaced by each write."""
        if other is None or self.agent is not other.agent or self.objects.keys() != other.objects.keys():
            return False
        return all(manifest is other.objects[key] for key, manifest in self.objects.items())


@frozen
class Sight:
    """How an operator looks at the cluster. Agents and what they have come by watches of their own: any may be late.

    Attributes:
        agent: of which moment the Agent is seen.
        objects: of which moment what it has is seen; "gap" is as it is, but that deletions since it was seen last have
            not come.
    """

    agent: Age = "now"
    objects: Age | Literal["gap"] = "now"


FRESH: Final = Sight()


@frozen(unsafe_hash=False)
class Met:
    """Something that no watch tells: a stranger's object, or a refusal."""

    manifest: JsonObject
    until: datetime
    """On the cluster's clock."""
    agent: tuple[object, object]
    """Uid and generation of the Agent that met it: a new spec may be accepted at once."""


@frozen(unsafe_hash=False, kw_only=True)
class ModelOperator:
    """One operator's process, as a value: each step returns the next one.

    Attributes:
        key: the Agent that it looks after, in storage.
        config: what the operator's owner decided.
        images: what registries answer; any other reference is one of an image with an entrypoint.
        view: what the last plan was made from, with the operator's own writes since; None after a start.
        former: the view before that.
        plan: what is still to be done of the last plan.
        outdated: whether the Agent that the plan was made for had been changed already when it was made.
        asked_by: uid and generation of the Agent that the plan was made for.
        pod: the uid of the Agent's own pod in the view that the plan was made from.
        met: what no watch tells, by kind and name.
        known: the images that have been looked up.
        due: when to look again though nothing changes.
        failed: whether the last plan was cut short and has to be made again.
        skew: how far the operator's clock is ahead of the cluster's.
        timed: what `skew` was when the last plan was made: its timers know nothing of a clock that has moved since.
    """

    key: Key
    config: Config
    images: Mapping[str, ImageInfo | ImageError]
    view: View | None = None
    former: View | None = None
    plan: tuple[Action, ...] = ()
    outdated: bool = False
    asked_by: tuple[object, object] = (None, None)
    pod: str | None = None
    met: Mapping[tuple[str, str], Met] = {}
    known: frozenset[str] = frozenset()
    due: datetime | None = None
    failed: bool = False
    skew: timedelta = timedelta()
    timed: timedelta = timedelta()

    def restarted(self) -> ModelOperator:
        """Return the operator's next process, which remembers nothing."""
        return ModelOperator(key=self.key, config=self.config, images=self.images, skew=self.skew)

    def look(self, api: ApiServer, sight: Sight = FRESH) -> View:
        """Return what the operator sees of the cluster."""
        now = View(api.storage.objects.get(self.key), _watched(api, self.key))
        last = self.view or now
        seen = {"now": now, "last": last, "former": self.former or last}
        agent = seen[sight.agent].agent
        if sight.objects == "gap":
            return View(agent, {**last.objects, **now.objects})
        return View(agent, seen[sight.objects].objects)

    def has_reason(self, api: ApiServer) -> bool:
        """Tell whether something leads to another plan."""
        if self.plan:
            return False
        if self.failed or (self.due is not None and self.due <= api.now):
            return True
        return not self.look(api).same_as(self.view)

    def decided(self, api: ApiServer, sight: Sight = FRESH) -> ModelOperator:
        """Return the operator with a new plan, made from what it sees."""
        seen = self.look(api, sight)
        met = self._recalled(api, seen)
        dues = [entry.until + _MARGIN for entry in met.values()]
        # What is seen wrongly is put right by the watch, or by the next list: then another plan follows.
        view = seen if sight == FRESH else self.view
        waiting = evolve(
            self,
            view=view,
            former=self.view if sight == FRESH else self.former,
            plan=(),
            outdated=seen.agent is not api.storage.objects.get(self.key),
            asked_by=generation_of(seen.agent),
            pod=_own_pod(seen, self.key),
            met=met,
            due=min(dues, default=None),
            failed=sight != FRESH,
            timed=self.skew,
        )
        if seen.agent is None:
            return evolve(waiting, met={})
        return waiting._planned(api, seen)  # noqa: SLF001 -- the same class

    def acted(self, api: ApiServer, outcome: Outcome | None = None) -> ModelOperator:
        """Execute the next action of the plan; return the operator after it.

        Args:
            api: where to; it is changed.
            outcome: what the operator is told instead of what happens; nothing is executed then.
        """
        action, rest = self.plan[0], self.plan[1:]
        if outcome is None:
            before = dict(api.storage.objects) if isinstance(action, Create | Patch | PatchStatus) else {}
            outcome = self.send(api)
            after = self._learnt(api, action, before) if outcome.holds else self
        else:
            after = self
        if outcome.holds:
            return evolve(after, plan=rest)
        return after.told(api, outcome.met)

    def send(self, api: ApiServer) -> Outcome:
        """Execute the next action of the plan on the cluster, which is changed; the operator is told nothing of it."""
        action = self.plan[0]
        if isinstance(action, Delete) and action.ref.kind != AGENTS.kind and not self._is_confirmed(api):
            return Outcome(holds=False)
        return execute(api, action)

    def told(self, api: ApiServer, met: JsonObject | None = None) -> ModelOperator:
        """Return the operator whose plan was cut short, by something it met or by an error."""
        failed = evolve(self, plan=(), failed=True)
        if met is None or (met["kind"] != "Status" and self._is_watched(met)):
            return failed
        agent = self.view.agent if self.view else None
        entry = Met(met, api.now + UNWATCHED, generation_of(agent))
        return evolve(failed, met={**self.met, _name(met): entry})

    def _is_confirmed(self, api: ApiServer) -> bool:
        """Read the Agent from the API server, and tell whether it asks for what the plan was made for."""
        return generation_of(api.storage.objects.get(self.key)) == self.asked_by

    def _planned(self, api: ApiServer, seen: View) -> ModelOperator:
        agent = seen.agent
        if agent is None:
            return self
        observed = Observed(
            now=api.now + self.skew,
            objects=(*seen.objects.values(), *(entry.manifest for entry in self.met.values())),
            images={image: self.images.get(image, ANY_IMAGE) for image in self.known},
        )
        actions = decide(prepared_of(agent, self.config), agent, observed)
        asked = {action.image for action in actions if isinstance(action, ResolveImage)} - self.known
        if asked:
            return evolve(self, known=self.known | asked, failed=True)
        waits = [api.now + timedelta(seconds=action.after) for action in actions if isinstance(action, Requeue)]
        plan = tuple(action for action in actions if not isinstance(action, Requeue | ResolveImage))
        dues = [*waits, *([] if self.due is None else [self.due])]
        return evolve(self, plan=plan, due=min(dues, default=None))

    def _recalled(self, api: ApiServer, seen: View) -> dict[tuple[str, str], Met]:
        kept: dict[tuple[str, str], Met] = {}
        for name, entry in self.met.items():
            refreshed = self._refreshed(api, seen, entry)
            if refreshed is not None:
                kept[name] = refreshed
        return kept

    def _refreshed(self, api: ApiServer, seen: View, entry: Met) -> Met | None:
        generation = generation_of(seen.agent)
        if entry.agent == generation and entry.until > api.now:
            return entry
        if entry.manifest["kind"] == "Status":
            return None
        try:
            found = api.get(Ref.of(entry.manifest))
        except Refused:
            return None
        return None if self._is_watched(found) else Met(found, api.now + UNWATCHED, generation)

    def _is_watched(self, manifest: JsonObject) -> bool:
        return _is_managed(manifest) and _concerns(manifest, self.key)

    def _learnt(self, api: ApiServer, action: Action, before: Mapping[Key, JsonObject]) -> ModelOperator:
        """Take over the answer to a write, where nothing else has happened to the object since it was seen."""
        key, view = _key_of(action), self.view
        if key is None or view is None:
            return self
        seen = view.agent if key == self.key else view.objects.get(key)
        now = api.storage.objects.get(key)
        if now is None or before.get(key) is not seen:
            return self
        if key == self.key:
            return evolve(self, view=evolve(view, agent=now))
        if not self._is_watched(now):
            return self
        return evolve(self, view=evolve(view, objects={**view.objects, key: now}))


ANY_IMAGE: Final = ImageInfo(f"sha256:{'0' * 64}", {"linux/amd64": ImageConfig(entrypoint=("/entrypoint",))})
_PREPARED: Final[dict[tuple[object, ...], tuple[object, Prepared]]] = {}
_MOST_PREPARED: Final = 256


def prepared_of(agent: JsonObject, config: Config) -> Prepared:
    """Return the prepared half of a decision, made once for each spec: the explorer asks for it at every step."""
    metadata = agent["metadata"]
    key = (metadata["namespace"], metadata["name"], metadata["uid"], metadata["generation"])
    depends = (agent["spec"], metadata.get("labels"), metadata.get("annotations"), config)
    found = _PREPARED.get(key)
    if found is not None and found[0] == depends:
        return found[1]
    if len(_PREPARED) >= _MOST_PREPARED:
        _PREPARED.clear()
    prepared = prepare(agent, config)
    _PREPARED[key] = (depends, prepared)
    return prepared


def _watched(api: ApiServer, key: Key) -> dict[Key, JsonObject]:
    return {
        name: manifest
        for name, manifest in api.storage.objects.items()
        if name[1] == key[1] and name != key and _is_managed(manifest) and _concerns(manifest, key)
    }


def _own_pod(view: View, key: Key) -> str | None:
    pod = view.objects.get((PODS.full_name, key[1], key[2]))
    if pod is None or view.agent is None:
        return None
    return str(pod["metadata"]["uid"]) if is_owned_by(pod, view.agent["metadata"]["uid"]) else None


def _is_managed(manifest: JsonObject) -> bool:
    return reach(manifest, "metadata", "labels", MANAGED_BY_LABEL) == MANAGED_BY


def _concerns(manifest: JsonObject, key: Key) -> bool:
    metadata = manifest["metadata"]
    named = manifest["kind"] in ("Pod", "Service") and metadata["name"] == key[2]
    owned = any(owner.get("name") == key[2] for owner in dig_list(manifest, "metadata", "ownerReferences"))
    return bool(named or owned or reach(metadata, "labels", AGENT_LABEL) == key[2])


def generation_of(agent: JsonObject | None) -> tuple[object, object]:
    """Return what tells one spec of one Agent from another."""
    return (None, None) if agent is None else (agent["metadata"]["uid"], agent["metadata"]["generation"])


def _name(manifest: JsonObject) -> tuple[str, str]:
    if manifest["kind"] == "Status":
        return str(manifest["details"]["kind"]), str(manifest["details"]["name"])
    return str(manifest["kind"]), str(manifest["metadata"]["name"])


def _key_of(action: Action) -> Key | None:
    if not isinstance(action, Create | Patch | PatchStatus):
        return None
    ref = action.ref
    resource = AGENTS if ref.kind == AGENTS.kind else by_kind(ref.api_version, ref.kind)
    return None if resource is None else (resource.full_name, ref.namespace, ref.name)

"""The cache: what the API server said last, of one kind, found by the Agent that it concerns.

It is fed by a `Reflector` and by the answers to our own writes. The newest version of an object wins whichever way it
came, so our own echo in the watch is recognised and leads to no second pass.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from agentctl_core import AGENT_LABEL, KIND

Manifest: TypeAlias = Mapping[str, Any]


class Key(NamedTuple):
    """Names one Agent."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


Notify: TypeAlias = Callable[[Key], None]

_TOMBSTONES = 4096
"""How many deleted uids are remembered: as many as there may be answers to our writes still under way, and more."""


def agents_of_agent(manifest: Manifest) -> frozenset[Key]:
    """Return the key of an Agent itself."""
    return frozenset({_name_of(manifest)})


def agents_of_dependent(manifest: Manifest) -> frozenset[Key]:
    """Return the Agents that an object concerns: the one in its label, its controller, and the one of its name.

    They differ only where somebody has changed the labels or taken the name; then each of them has to know.
    """
    metadata = manifest["metadata"]
    namespace = metadata.get("namespace", "")
    names = {metadata["name"], (metadata.get("labels") or {}).get(AGENT_LABEL)}
    names |= {o.get("name") for o in metadata.get("ownerReferences") or () if o.get("kind") == KIND}
    return frozenset(Key(namespace, name) for name in names if name)


class Cache:
    """Objects of one kind, from one or several feeds.

    Args:
        agents_of: which Agents an object concerns.
        notify: called with each of them when an object changes in a way that we did not cause.
    """

    def __init__(self, agents_of: Callable[[Manifest], frozenset[Key]], notify: Notify) -> None:
        self._agents_of = agents_of
        self._notify = notify
        self._objects: dict[Key, Manifest] = {}
        self._by_agent: defaultdict[Key, set[Key]] = defaultdict(set)
        self._deleted: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, name: Key) -> Manifest | None:
        """Return the object of that name."""
        return self._objects.get(name)

    def of(self, agent: Key) -> list[Manifest]:
        """Return the objects that concern an Agent."""
        return [self._objects[name] for name in sorted(self._by_agent.get(agent, ()))]

    def feed(self, namespace: str | None) -> Feed:
        """Return the sink for a reflector that watches one namespace, or all of them (None)."""
        return Feed(self, namespace)

    def replace(self, namespace: str | None, items: Sequence[Manifest], resource_version: str) -> None:
        """Take over a list; what it lacks was deleted while nobody watched, unless it is newer than the list."""
        listed = {_name_of(item) for item in items}
        for item in items:
            self.put(item)
        listed_at = _as_version(resource_version)
        gone = [
            manifest
            for name, manifest in self._objects.items()
            if name not in listed and namespace in (None, name.namespace) and _version_of(manifest) <= listed_at
        ]
        for manifest in gone:
            self.remove(manifest)

    def learn(self, manifest: Manifest) -> None:
        """Take over the answer to a write of our own: nobody is told, since the writer knows."""
        if manifest["metadata"].get("uid") not in self._deleted:
            self.put(manifest, tell=False)

    def put(self, manifest: Manifest, *, tell: bool = True) -> None:
        """Take over an object, unless a newer version of it is here."""
        name = _name_of(manifest)
        former = self._objects.get(name)
        if former is not None and _version_of(former) >= _version_of(manifest):
            return
        concerned = self._agents_of(manifest)
        before = self._unindex(name, former)
        self._objects[name] = manifest
        for agent in concerned:
            self._by_agent[agent].add(name)
        if tell:
            self._tell(concerned | before)

    def remove(self, manifest: Manifest) -> None:
        """Take note that an object is gone."""
        uid = manifest["metadata"].get("uid", "")
        self._deleted[uid] = None
        if len(self._deleted) > _TOMBSTONES:
            self._deleted.popitem(last=False)
        name = _name_of(manifest)
        former = self._objects.get(name)
        # A late event about an object that has a successor of the same name says nothing about the successor.
        if former is not None and former["metadata"].get("uid") == uid:
            del self._objects[name]
            self._tell(self._unindex(name, former))

    def _unindex(self, name: Key, former: Manifest | None) -> frozenset[Key]:
        if former is None:
            return frozenset()
        concerned = self._agents_of(former)
        for agent in concerned:
            names = self._by_agent[agent]
            names.discard(name)
            if not names:
                del self._by_agent[agent]
        return concerned

    def _tell(self, agents: Iterable[Key]) -> None:
        for agent in sorted(agents):
            self._notify(agent)


class Feed:
    """Implements the `Sink` of a `Reflector` that watches one namespace, or all."""

    def __init__(self, cache: Cache, namespace: str | None) -> None:
        self._cache = cache
        self._namespace = namespace

    def replace(self, items: Sequence[Manifest], resource_version: str) -> None:
        """Take over a list of everything that exists."""
        self._cache.replace(self._namespace, items, resource_version)

    def apply(self, event_type: str, manifest: Manifest) -> None:
        """Take over one watch event."""
        if event_type == "DELETED":
            self._cache.remove(manifest)
        else:
            self._cache.put(manifest)


def _name_of(manifest: Manifest) -> Key:
    metadata = manifest["metadata"]
    return Key(metadata.get("namespace", ""), metadata["name"])


def _version_of(manifest: Manifest) -> int:
    return _as_version(manifest["metadata"].get("resourceVersion", ""))


def _as_version(text: str) -> int:
    """Return a resourceVersion as a number: Kubernetes >= 1.33 orders them so, within one resource type."""
    return int(text) if text.isdecimal() else 0

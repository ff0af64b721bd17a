"""The cache: what the API server said last, of one kind, found by the Agent that it concerns.

It holds what a decision reads (`projected`), whichever way an object came, as text: that takes a fifth of the memory of
dicts, costs the garbage collector nothing, and nobody can change it, since each reader gets a manifest of his own.

It is fed by a `Reflector` and by the answers to our own writes. The newest version of an object wins whichever way it
came, so our own echo in the watch is recognised and leads to no second pass, be it before the answer or after. What is
answered counts only where it is ahead of the feed: of all that is older the feed has told everything, deletions
included, so nothing that is gone comes back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import msgspec
from attrs import frozen

from agentctl_core.host import agents_of

from ._key import Key
from ._projected import projected
from ._queue import Priority

Manifest: TypeAlias = Mapping[str, Any]


Notify: TypeAlias = Callable[[Key, Priority], None]


def agents_of_agent(manifest: Manifest) -> frozenset[Key]:
    """Return the key of an Agent itself."""
    return frozenset({key_of(manifest)})


def agents_of_dependent(manifest: Manifest) -> frozenset[Key]:
    """Return the keys of the Agents that an object concerns."""
    namespace = manifest["metadata"].get("namespace", "")
    return frozenset(Key(namespace, name) for name in agents_of(manifest))


@frozen
class Held:
    """An object as it is held.

    Attributes:
        name: its key.
        version: its resourceVersion.
        agents: which Agents it concerns.
    """

    name: Key
    version: int
    agents: frozenset[Key]
    _text: bytes

    @classmethod
    def of(cls, manifest: Manifest, agents: frozenset[Key]) -> Held:
        """Return what is to be held of an object that concerns some Agents."""
        return cls(key_of(manifest), _version_of(manifest), agents, msgspec.json.encode(projected(manifest)))

    def manifest(self) -> Manifest:
        """Return what is held, in fresh dicts and lists."""
        read: Manifest = msgspec.json.decode(self._text)
        return read


CanWait: TypeAlias = Callable[[Key, Held, Held], bool]


def never(_key: Key, _former: Held, _held: Held) -> bool:
    """Tell that an Agent is to be told of a change."""
    return False


class Cache:
    """Objects of one kind, from one or several feeds.

    Args:
        agents_of: which Agents an object concerns.
        notify: called with each of them when an object changes, but not with the one on whose behalf we changed it, and
            with how urgent it is: what a list shows is less so than a change.
        can_wait: asked whether an Agent need not be told of a change from one object to another.
    """

    def __init__(
        self, agents_of: Callable[[Manifest], frozenset[Key]], notify: Notify, can_wait: CanWait = never
    ) -> None:
        self._agents_of = agents_of
        self._notify = notify
        self._can_wait = can_wait
        self._objects: dict[Key, Held] = {}
        self._by_agent: defaultdict[Key, set[Key]] = defaultdict(set)
        self._reached: dict[str | None, int] = {}  # the version that each feed has come to
        self._writing: dict[Key, Key] = {}  # by Agent: what is being written on its behalf
        self._untold: set[Key] = set()  # the Agents that were not told of what they write

    def __len__(self) -> int:
        return len(self._objects)

    def __contains__(self, name: Key) -> bool:
        return name in self._objects

    def get(self, name: Key) -> Manifest | None:
        """Return the object of that name."""
        held = self._objects.get(name)
        return None if held is None else held.manifest()

    def all(self) -> Iterator[Manifest]:
        """Yield every object that there is at the first step, one at a time; may be called from any thread."""
        for held in list(self._objects.values()):  # one step of the interpreter, during which nothing changes
            yield held.manifest()

    def of(self, agent: Key) -> list[Manifest]:
        """Return the objects that concern an Agent."""
        return [self._objects[name].manifest() for name in sorted(self._by_agent.get(agent, ()))]

    def concerns(self, name: Key, agent: Key) -> bool:
        """Tell whether the object of that name is there and concerns an Agent, which is then told of its changes."""
        return name in self._by_agent.get(agent, ())

    def feed(self, namespace: str | None) -> Feed:
        """Return the sink for a reflector that watches one namespace, or all of them (None)."""
        return Feed(self, namespace)

    def keep(self, manifest: Manifest) -> Held:
        """Return what is to be held of an object; it is not taken in."""
        return Held.of(manifest, self._agents_of(manifest))

    def replace(self, namespace: str | None, items: Sequence[Held], resource_version: str) -> None:
        """Take over a list: the whole truth, whatever was known.

        An answer to a write may be ahead of it, but so looks everything from before etcd was restored from a backup;
        what is really ahead comes with the watch.
        """
        self._reached[namespace] = _as_version(resource_version)
        listed = {item.name: item for item in items}
        for name in [name for name in self._objects if namespace in (None, name.namespace)]:
            if name not in listed:
                self._drop(name, Priority.LISTED)
        for name, item in listed.items():
            if self._objects.get(name) != item:
                self._tell(name, self._store(item), Priority.LISTED)

    def apply(self, namespace: str | None, event_type: str, manifest: Manifest) -> None:
        """Take over one watch event."""
        version = _version_of(manifest)
        self._reached[namespace] = max(self._reached.get(namespace, 0), version)
        if event_type != "DELETED":
            former = self._objects.get(key_of(manifest))
            if former is None or former.version < version:
                held = self.keep(manifest)
                concerned = self._store(held)
                if former is not None:
                    concerned = frozenset(key for key in concerned if not self._can_wait(key, former, held))
                self._tell(held.name, concerned, Priority.CHANGED)
        else:
            # A late event about an object that has a successor of the same name says nothing about the successor.
            self.lose(manifest)

    @contextmanager
    def writing(self, name: Key, writer: Key) -> Generator[None, None, None]:
        """Hold back what is to be told to an Agent about an object while that is written on its behalf.

        The write must have a precondition, so that what the feed tells meanwhile is the write itself, which `learn`
        then recognises, or something later. One at a time for each Agent.
        """
        self._writing[writer] = name
        try:
            yield
        finally:
            del self._writing[writer]
            if writer in self._untold:
                self._untold.discard(writer)
                self._notify(writer, Priority.CHANGED)

    def learn(self, manifest: Manifest, writer: Key | None = None) -> None:
        """Take over the answer to a request; the Agent that it was made for, if any, needs not be told."""
        name, version = key_of(manifest), _version_of(manifest)
        former = self._held_version(name)
        if version > max(self._reached.get(name.namespace, 0), self._reached.get(None, 0), former):
            self._tell(name, self._store(self.keep(manifest)) - {writer}, Priority.CHANGED)
        elif writer is not None and version == former:
            self._untold.discard(writer)  # all that it was not told of is this

    def lose(self, manifest: Manifest) -> None:
        """Take over that this object is gone, as the answer to a request says; a successor of its name stays."""
        name = key_of(manifest)
        former = self.get(name)
        if former is not None and former["metadata"].get("uid") == manifest["metadata"].get("uid"):
            self._drop(name, Priority.CHANGED)

    def _held_version(self, name: Key) -> int:
        """Return the version of what is held under that name; less than any where nothing is."""
        held = self._objects.get(name)
        return -1 if held is None else held.version

    def _store(self, held: Held) -> frozenset[Key]:
        """Take an object in; return the Agents that it concerns, or has concerned."""
        before = self._unindex(held.name)
        self._objects[held.name] = held
        for agent in held.agents:
            self._by_agent[agent].add(held.name)
        return held.agents | before

    def _drop(self, name: Key, priority: Priority) -> None:
        concerned = self._unindex(name)
        del self._objects[name]
        self._tell(name, concerned, priority)

    def _unindex(self, name: Key) -> frozenset[Key]:
        former = self._objects.get(name)
        if former is None:
            return frozenset()
        for agent in former.agents:
            names = self._by_agent[agent]
            names.discard(name)
            if not names:
                del self._by_agent[agent]
        return former.agents

    def _tell(self, name: Key, agents: frozenset[Key], priority: Priority) -> None:
        for agent in sorted(agents):
            if self._writing.get(agent) == name:
                self._untold.add(agent)
            else:
                self._notify(agent, priority)


class Feed:
    """Implements the `Sink` of a `Reflector` that watches one namespace, or all."""

    def __init__(self, cache: Cache, namespace: str | None) -> None:
        self._cache = cache
        self._namespace = namespace

    def keep(self, manifest: Manifest) -> Held:
        """Return what is to be held of an object of a list, so that the whole need not wait for the list's end."""
        return self._cache.keep(manifest)

    def replace(self, items: Sequence[Held], resource_version: str) -> None:
        """Take over a list of everything that exists."""
        self._cache.replace(self._namespace, items, resource_version)

    def apply(self, event_type: str, manifest: Manifest) -> None:
        """Take over one watch event."""
        self._cache.apply(self._namespace, event_type, manifest)


def key_of(manifest: Manifest) -> Key:
    """Return the namespace and name of an object; of an Agent, its key."""
    metadata = manifest["metadata"]
    return Key(metadata.get("namespace", ""), metadata["name"])


def _version_of(manifest: Manifest) -> int:
    return _as_version(manifest["metadata"].get("resourceVersion", ""))


def _as_version(text: str) -> int:
    """Return a resourceVersion as a number: Kubernetes >= 1.33 orders them so, within one resource type."""
    return int(text) if text.isdecimal() else 0

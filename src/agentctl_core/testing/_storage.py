"""What etcd and the watch cache are to the API server: objects, one resourceVersion for all of them, and a history.

Stored manifests are never changed in place: a write stores a new one. So a copy of a storage is shallow and cheap, and
two storages that share history share memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from attrs import frozen

from .._json import copy_json
from ._refused import expired

JsonObject: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[str, str, str]
"""Resource (`agents.agentctl.dev`), namespace (empty for cluster-scoped kinds), name."""


def copy_object(manifest: Mapping[str, Any]) -> JsonObject:
    """Return a manifest in fresh dicts and lists."""
    copied: JsonObject = copy_json(manifest)
    return copied


@frozen(unsafe_hash=False)
class Change:
    """One write. `type` is ADDED, MODIFIED or DELETED; `previous` is None for ADDED."""

    resource_version: int
    type: str
    key: Key
    object: JsonObject
    previous: JsonObject | None


class Storage:
    """Objects by key, and the last `history` changes. Also the counters that stand in for randomness."""

    def __init__(self, history: int) -> None:
        self.objects: dict[Key, JsonObject] = {}
        self.resource_version = 0
        self.forgotten = 0
        """The resourceVersion of the latest change that is no longer in the history."""
        self.changes: deque[Change] = deque()
        self.counters: dict[str, int] = {}
        self._history = history

    def copy(self) -> Storage:
        """Return an independent storage with the same content."""
        other = Storage(self._history)
        other.objects = dict(self.objects)
        other.resource_version = self.resource_version
        other.forgotten = self.forgotten
        other.changes = self.changes.copy()
        other.counters = dict(self.counters)
        return other

    def count(self, what: str) -> int:
        """Return 1, 2, 3... for each name of a counter."""
        self.counters[what] = self.counters.get(what, 0) + 1
        return self.counters[what]

    def put(self, key: Key, manifest: JsonObject) -> JsonObject:
        """Store `manifest`, not to be changed any more, under the next resourceVersion; return what is stored."""
        previous = self.objects.get(key)
        stored = self._stamped(manifest)
        self.objects[key] = stored
        self._log("ADDED" if previous is None else "MODIFIED", key, stored, previous)
        return stored

    def remove(self, key: Key) -> JsonObject:
        """Remove an object; return its last state with the resourceVersion of the removal."""
        previous = self.objects.pop(key)
        gone = self._stamped(previous)
        self._log("DELETED", key, gone, previous)
        return gone

    def select(self, resource: str, namespace: str | None) -> Iterator[tuple[Key, JsonObject]]:
        """Yield the objects of a resource in the order of their keys; `namespace` None stands for all."""
        for key in sorted(key for key in self.objects if key[0] == resource and namespace in (None, key[1])):
            yield key, self.objects[key]

    def since(self, resource_version: int) -> list[Change]:
        """Return the changes after `resource_version`, the oldest first.

        Raises:
            Refused: 410 Expired, where some of them are forgotten.
        """
        if resource_version < self.forgotten:
            raise expired(f"too old resource version: {resource_version} ({self.forgotten})")
        newest_first: list[Change] = []
        for change in reversed(self.changes):
            if change.resource_version <= resource_version:
                break
            newest_first.append(change)
        return newest_first[::-1]

    def _stamped(self, manifest: JsonObject) -> JsonObject:
        self.resource_version += 1
        metadata = manifest["metadata"] | {"resourceVersion": str(self.resource_version)}
        return manifest | {"metadata": metadata}

    def _log(self, kind: str, key: Key, manifest: JsonObject, previous: JsonObject | None) -> None:
        self.changes.append(Change(self.resource_version, kind, key, manifest, previous))
        while len(self.changes) > self._history:
            self.forgotten = self.changes.popleft().resource_version

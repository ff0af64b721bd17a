"""Watch events, made from the storage's changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeAlias

from attrs import frozen

from .._json import copy_json
from ._storage import Change

JsonObject: TypeAlias = dict[str, Any]


@frozen(unsafe_hash=False)
class WatchEvent:
    """One event of a watch: what happened, and the object as it is after that (as it last was, for DELETED)."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    object: JsonObject

    @property
    def resource_version(self) -> str:
        """The version to go on from."""
        return str(self.object["metadata"]["resourceVersion"])


def watch_events(
    changes: Iterable[Change], resource: str, namespace: str | None, matches: Callable[[Mapping[str, Any]], bool]
) -> tuple[WatchEvent, ...]:
    """Return the events of a watch with these selectors, in the order of the changes."""
    events: list[WatchEvent] = []
    for change in changes:
        if change.key[0] != resource or namespace not in (None, change.key[1]):
            continue
        was = change.previous is not None and matches(change.previous)
        now = change.type != "DELETED" and matches(change.object)
        if now:
            events.append(WatchEvent("MODIFIED" if was else "ADDED", copy_json(change.object)))
        elif was and change.previous is not None:
            # As it was when it still matched, at the time of the change.
            version = {"resourceVersion": str(change.resource_version)}
            last = change.previous | {"metadata": change.previous["metadata"] | version}
            events.append(WatchEvent("DELETED", copy_json(last)))
    return tuple(events)

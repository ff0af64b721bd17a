"""What a write met that no watch tells: a stranger's object under a wanted name, or the API server's refusal.

It is fed back as an observation until it is time to look again: then an object is read anew, and what was refused is
tried again by the plan itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from attrs import frozen

from agentctl_core import project
from agentctl_core.host import REFUSAL_SECONDS, generation_of

from ._key import Key
from ._store import Manifest

_MARGIN: Final = 1.0
"""It is due so much earlier than the queue brings the Agent back, and so for certain by then."""
UNWATCHED_SECONDS: Final = REFUSAL_SECONDS + _MARGIN
"""After this time it is looked at again."""


@frozen(unsafe_hash=False)
class _Met:
    manifest: Manifest
    until: float
    """On the event loop's clock."""
    agent: tuple[object, object]
    """The uid and generation of the Agent that met it: a new spec may be accepted at once."""

    @property
    def is_refusal(self) -> bool:
        return bool(self.manifest["kind"] == "Status")


class Unwatched:
    """Remembers, for each Agent, what it met: one thing for each kind and name.

    Args:
        read: reads an object anew; None where it is gone.
        is_watched: tells whether an Agent sees an object, or its successor, by a watch by now.
        wake: called to have an Agent looked at again, with the seconds until then.
    """

    def __init__(
        self,
        read: Callable[[Manifest], Awaitable[Manifest | None]],
        is_watched: Callable[[Key, Manifest], bool],
        wake: Callable[[Key, float], None],
    ) -> None:
        self._read = read
        self._is_watched = is_watched
        self._wake = wake
        self._met: dict[Key, dict[tuple[str, str], _Met]] = {}

    def __len__(self) -> int:
        return len(self._met)

    def remember(self, key: Key, agent: Manifest, manifest: Manifest) -> Manifest:
        """Remember what an Agent met, and wake it when it is time to look again; return what is remembered of it."""
        until = asyncio.get_running_loop().time() + REFUSAL_SECONDS
        met = _Met(project(manifest), until, generation_of(agent))
        self._met.setdefault(key, {})[_name_of(manifest)] = met
        self._wake(key, UNWATCHED_SECONDS)
        return met.manifest

    def drop(self, key: Key, manifest: Manifest) -> None:
        """Forget an object that a watch tells of by now."""
        self._met.get(key, {}).pop(_name_of(manifest), None)

    def forget(self, key: Key) -> None:
        """Forget everything about an Agent that is gone."""
        self._met.pop(key, None)

    async def recall(self, key: Key, agent: Manifest) -> tuple[Manifest, ...]:
        """Return what is remembered: as it was met lately, or as it is now where it is time to look again.

        Raises:
            ApiFailure: an object cannot be read; it stays remembered.
        """
        recalled: list[Manifest] = []
        for name, met in list(self._met.get(key, {}).items()):
            manifest = await self._refreshed(key, agent, met)
            if manifest is None:
                self._met[key].pop(name, None)
            else:
                recalled.append(manifest)
        if not self._met.get(key, True):
            del self._met[key]
        return tuple(recalled)

    async def _refreshed(self, key: Key, agent: Manifest, met: _Met) -> Manifest | None:
        if not met.is_refusal and self._is_watched(key, met.manifest):
            return None
        left = met.until - asyncio.get_running_loop().time()
        if met.agent == generation_of(agent) and left > 0:
            # An earlier time of another origin may have taken the place of this one in the queue.
            self._wake(key, left + _MARGIN)
            return met.manifest
        found = None if met.is_refusal else await self._read(met.manifest)
        if found is None or self._is_watched(key, found):
            return None
        return self.remember(key, agent, found)


def _name_of(manifest: Manifest) -> tuple[str, str]:
    named: Manifest = manifest["details"] if manifest["kind"] == "Status" else manifest["metadata"]
    return (named["kind"] if manifest["kind"] == "Status" else manifest["kind"], named["name"])

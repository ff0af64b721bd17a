"""Which status can wait a moment: one that says no more than that a pod is on its way.

Mostly the pod is ready by then, and its API server has a write less: each of them costs it 2 ms of CPU. While it waits,
what is heard of the pod's way to a node would only lead to the same status again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from agentctl_core import Action, Create, PatchStatus, Requeue

from ._key import Key
from ._queue import Priority, WorkQueue
from ._store import Held, Manifest

SOON: Final = 1.0
"""Seconds for which such a status waits."""
MANY: Final = 16
"""Where more Agents than that wait, and there is movement among them, the cluster is busy with their pods."""
STILL_SECONDS: Final = 10.0
"""So long without any of them in motion is no movement any more."""
LATEST: Final = 60.0
"""Seconds after which a status is written though the cluster is busy."""
LATEST_OF_ALL: Final = 300.0
"""The same, however many wait."""
WRITE_SECONDS: Final = 0.02
"""A write's share of that: where ever so many Agents wait, each waits as long as it takes to write them all. The writes
would themselves keep the pods from becoming ready."""

_REMEMBERED: Final = ("failures", "lastFailure", "lastTermination", "completionTime")
"""What the status alone remembers: that cannot wait."""


class Unhurried:
    """Puts statuses off.

    Args:
        queue: has an Agent looked at again in time.
    """

    def __init__(self, queue: WorkQueue[Key]) -> None:
        self._queue = queue
        self._since: dict[Key, float] = {}  # in the order of time
        self._due: set[Key] = set()
        self._unheard: set[Key] = set()  # who was not told of something since what is there was looked at
        self._moved = -LATEST
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._since)

    def __contains__(self, key: Key) -> bool:
        """Tell whether the status of an Agent waits, so that what it says is older than what was made."""
        return key in self._since or key in self._due

    def looks(self, key: Key) -> None:
        """Take over that a pass looks at what is there now, and so sees what the Agent was not told of."""
        self._unheard.discard(key)

    def puts_off(self, key: Key, manifest: Manifest, plan: Sequence[Action]) -> bool:
        """Tell whether the status in a plan is not to be written now; then the Agent is looked at again in time."""
        is_due, can_wait = key in self._due, _can_wait(manifest, plan)
        now = asyncio.get_running_loop().time()
        if not is_due and (can_wait or key in self._since):
            self._moved = now
        if is_due or self._queue.is_closed or not can_wait:
            self.forget(key)
            return False
        self._since.setdefault(key, now)
        if self._timer is None:
            self._look_after(SOON)
        return True

    def can_wait(self, key: Key, former: Held, held: Held) -> bool:
        """Tell whether a change of a pod says nothing that an Agent, whose status waits, must be looked at for."""
        if key not in self._since:
            return False
        before, after = former.manifest(), held.manifest()
        can = _has_not_begun(before) and _has_not_begun(after) and _without_way(before) == _without_way(after)
        if can:
            self._unheard.add(key)
        return can

    def forget(self, key: Key) -> None:
        """Forget an Agent of which nothing waits any more; what it was not told of meanwhile it is told of now."""
        self._since.pop(key, None)
        self._due.discard(key)
        if key in self._unheard:
            self._unheard.discard(key)
            self._queue.add(key)

    def _look_after(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        """Have the Agents looked at again that have waited long enough: one timer for all of them."""
        self._timer = None
        if self._queue.is_closed:
            return
        now = asyncio.get_running_loop().time()
        is_busy = len(self._since) > MANY and now - self._moved < STILL_SECONDS
        longest = min(max(LATEST, WRITE_SECONDS * len(self._since)), LATEST_OF_ALL) if is_busy else SOON
        for key, since in list(self._since.items()):
            if since + longest > now:
                # What is busy may have come to rest by then.
                self._look_after(min(since + longest - now, SOON))
                return
            del self._since[key]
            self._due.add(key)
            self._queue.add(key, Priority.LISTED)


def _has_not_begun(pod: Manifest) -> bool:
    """Tell whether a pod is on its way to a node, with nothing in its way; no kubelet has said anything."""
    status: Mapping[str, Any] = pod.get("status") or {}
    return (
        status.get("phase") == "Pending"
        and not any(status.get(name) for name in ("containerStatuses", "initContainerStatuses"))
        and all(each["status"] == "True" for each in status.get("conditions") or () if each["type"] == "PodScheduled")
    )


def _without_way(pod: Manifest) -> Manifest:
    """Return what is held of a pod without that which changes on its way to a node."""
    metadata = {name: value for name, value in pod["metadata"].items() if name != "resourceVersion"}
    spec: Manifest = pod.get("spec") or {}
    spec = {name: value for name, value in spec.items() if name != "nodeName"}
    return {"metadata": metadata, "spec": spec}


def _can_wait(manifest: Manifest, plan: Sequence[Action]) -> bool:
    # Nothing in the plan may count on it: a pod is deleted only once its failure is written down.
    if not all(isinstance(action, Create | PatchStatus | Requeue) for action in plan):
        return False
    status = next((action.status for action in plan if isinstance(action, PatchStatus)), None)
    former: Mapping[str, Any] = manifest.get("status") or {}
    return (
        status is not None
        and _ready(status).get("reason") == "PodPending"
        and _ready(former).get("status") != "True"
        and all((status.get(name) or None) == (former.get(name) or None) for name in _REMEMBERED)
    )


def _ready(status: Mapping[str, Any]) -> Mapping[str, Any]:
    conditions: Sequence[Mapping[str, Any]] = status.get("conditions") or ()
    return next((each for each in conditions if each["type"] == "Ready"), dict[str, Any]())

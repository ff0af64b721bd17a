"""Which status can wait a moment: one that says no more than that a pod is on its way.

Mostly the pod is ready by then, and its API server has a write less: each of them costs it 2 ms of CPU.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from agentctl_core import Action, Create, PatchStatus, Requeue

from ._queue import Priority, WorkQueue
from ._store import Key, Manifest

SOON: Final = 1.0
"""Seconds for which such a status waits."""
LATEST: Final = 10.0
"""Seconds for which it waits where the pods of more than `MANY` Agents are on their way: then the cluster is busy."""
MANY: Final = 16

_REMEMBERED: Final = ("failures", "lastFailure", "lastTermination", "completionTime")
"""What the status alone remembers: that cannot wait."""


class Unhurried:
    """Puts statuses off.

    Args:
        queue: has an Agent looked at again in time.
    """

    def __init__(self, queue: WorkQueue[Key]) -> None:
        self._queue = queue
        self._since: dict[Key, float] = {}

    def __len__(self) -> int:
        return len(self._since)

    def puts_off(self, key: Key, manifest: Manifest, plan: Sequence[Action]) -> bool:
        """Tell whether the status in a plan is not to be written now; then the Agent is looked at again in time."""
        if self._queue.is_closed or not _can_wait(manifest, plan):
            self._since.pop(key, None)
            return False
        now = asyncio.get_running_loop().time()
        waited = now - self._since.setdefault(key, now)
        if waited >= (LATEST if len(self._since) > MANY else SOON):
            del self._since[key]
            return False
        self._queue.add_after(key, SOON - waited if waited < SOON else SOON, Priority.LISTED)
        return True

    def forget(self, key: Key) -> None:
        """Forget an Agent that is gone."""
        self._since.pop(key, None)


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

"""What the runtime tells of its work, as calls; who listens to them keeps metrics, or traces, or nothing.

The names of results are those of controller-runtime, whose metrics dashboards know.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, TypeAlias

from attrs import define

from agentctl_core import Action

from ._key import Key

Result: TypeAlias = Literal["success", "requeue", "requeue_after", "error", "panic"]
"""How a pass ended: done; done so far, and to be tried again because what was seen was stale; done, and to be looked at
again at a known time; failed; failed by a fault of the operator."""


@define
class Pass:
    """One reconciliation on its way; what is told of it is set until it ends."""

    result: Result | None = None
    """None where it was broken off."""
    uid: str = ""
    revision: str = ""


Answered: TypeAlias = Callable[[int], None]
"""To be called with the status code of an answer."""


def _unheard(_: int) -> None:
    pass


class Telemetry:
    """Listens, and forgets; others override what they want to hear. Everything is called from the event loop."""

    def queued(self) -> None:
        """An Agent is to be worked on that was not so already."""

    def taken(self, waited: float) -> None:
        """A worker took an Agent that waited for so many seconds."""

    def worked(self, seconds: float) -> None:
        """A worker gave an Agent back."""

    def retried(self) -> None:
        """An Agent is tried again after a failure."""

    def reconciling(self, agent: Key) -> AbstractContextManager[Pass]:  # noqa: ARG002 -- as others want it
        """Stand around one pass over an Agent."""
        return nullcontext(Pass())

    def requesting(
        self,
        method: str,  # noqa: ARG002 -- as others want it
        host: str,  # noqa: ARG002
        path: str,  # noqa: ARG002
    ) -> AbstractContextManager[Answered]:
        """Stand around one request to the API server, until the head of its answer is there."""
        return nullcontext(_unheard)

    def executing(self, agent: Key, action: Action) -> None:
        """An action is about to be done for an Agent."""

    def executed(self, agent: Key, action: Action) -> None:
        """An action was done for an Agent."""

    def gone(self, agent: Key) -> None:
        """An Agent is no more."""

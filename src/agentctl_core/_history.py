"""What an Agent's status remembers: all that a decision knows of the past.

The operator's process remembers nothing that matters, so that a restart, or another replica, decides the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from attrs import evolve, frozen

from ._conditions import Verdict, condition_of
from ._json import dig, reach
from ._times import parse_timestamp, timestamp

_TERMINATION: Final[Mapping[str, type[str | int]]] = {
    "podUID": str,
    "containerName": str,
    "exitCode": int,
    "reason": str,
    "message": str,
    "finishedAt": str,
}


@frozen
class Failure:
    """`status.lastFailure`: the last pod that failed, which is counted once."""

    pod_uid: str
    time: datetime
    reason: str


@frozen(kw_only=True, unsafe_hash=False)
class History:
    """The past of an Agent: of its run (one revision of its pod), and of its whole life.

    Attributes:
        revision: of the last pod: `status.currentRevision`. None before the first.
        failures: of the run's pods, since it was last well for some time.
        started, completed: `startTime` and `completionTime`.
        finished: the condition Finished, where it is True.
        last_failure, last_termination: of the Agent's life.
    """

    revision: str | None = None
    failures: int = 0
    started: datetime | None = None
    completed: datetime | None = None
    finished: Verdict | None = None
    last_failure: Failure | None = None
    last_termination: Mapping[str, Any] | None = None

    def of_run(self, revision: str | None) -> History:
        """Return the history as the run of that revision has it: another run begins with none of its own."""
        if revision is None or self.revision in (None, revision):
            return self
        return evolve(self, failures=0, started=None, completed=None, finished=None)

    def to_status(self) -> dict[str, Any]:
        """Return the fields of `status` that it stands in, besides the condition; in fresh dicts."""
        failure = self.last_failure
        fields: dict[str, Any] = {
            "currentRevision": self.revision,
            "startTime": None if self.started is None else timestamp(self.started),
            "completionTime": None if self.completed is None else timestamp(self.completed),
            "failures": self.failures or None,
            "lastFailure": failure
            and {"podUID": failure.pod_uid, "time": timestamp(failure.time), "reason": failure.reason},
            "lastTermination": None if self.last_termination is None else dict(self.last_termination),
        }
        return {name: value for name, value in fields.items() if value is not None}


def recall(manifest: Mapping[str, Any]) -> History:
    """Return the history that stands in an Agent's status; what is malformed there is forgotten."""
    status = reach(manifest, "status")
    finished = condition_of(manifest, "Finished")
    return History(
        revision=dig(status, "currentRevision", kind=str),
        failures=max(0, dig(status, "failures", kind=int) or 0),
        started=parse_timestamp(dig(status, "startTime", kind=str)),
        completed=parse_timestamp(dig(status, "completionTime", kind=str)),
        finished=finished if finished is not None and finished.status == "True" else None,
        last_failure=_failure(reach(status, "lastFailure")),
        last_termination=_termination(reach(status, "lastTermination")),
    )


def _failure(value: object) -> Failure | None:
    uid, reason = dig(value, "podUID", kind=str), dig(value, "reason", kind=str)
    time = parse_timestamp(dig(value, "time", kind=str))
    return None if uid is None or time is None else Failure(uid, time, reason or "")


def _termination(value: object) -> Mapping[str, Any] | None:
    termination: dict[str, Any] = {}
    for name, kind in _TERMINATION.items():
        if (field := dig(value, name, kind=kind)) is not None:
            termination[name] = field
    if parse_timestamp(termination.get("finishedAt")) is None:
        termination.pop("finishedAt", None)
    return termination or None

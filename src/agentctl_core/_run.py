"""The run of an Agent: its failures, when the next pod may be made, and when it is over.

Everything derives from what the status remembers, the pod as it is and the time, so that a crash at any moment, or a
decision made twice, changes nothing: a failure is counted once for each pod's uid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import evolve, frozen

from ._agent import Agent
from ._conditions import Verdict
from ._history import Failure, History
from ._identity import REVISION
from ._json import dig, is_being_deleted, reach
from ._pod_state import end_reason, finished_at, has_ended, last_termination, ready_since, restarts
from ._times import parse_timestamp

FIRST_BACKOFF: Final = timedelta(seconds=10)
LONGEST_BACKOFF: Final = timedelta(seconds=300)
"""The wait before another pod doubles with each failure, as kubelet's for a container."""
FORGIVEN: Final = timedelta(seconds=600)
"""A service that has been ready for so long has no failures any more."""
TOLD: Final = timedelta(seconds=1)
"""So long an end is to be seen, however short `ttlSecondsAfterFinished` is."""
BACKOFF_LIMIT: Final = 6
"""How often a task may fail by default, as a Job's."""


@frozen(unsafe_hash=False)
class Run:
    """Where an Agent stands in its run.

    Attributes:
        history: up to now: what the status is to remember.
        due: when the next pod may be made, where that is later than now.
        has_expired: whether the Agent is to be deleted, as its `ttlSecondsAfterFinished` asks.
        again: moments at which this changes by itself.
    """

    history: History
    due: datetime | None = None
    has_expired: bool = False
    again: tuple[datetime, ...] = ()

    @property
    def finished(self) -> Verdict | None:
        """The condition Finished, where it is True."""
        return self.history.finished

    def unfinished(self, agent: Agent) -> Run:
        """Return the same without an end: another run of the Agent is about to begin."""
        history = evolve(self.history, finished=None, completed=None)
        return evolve(self, history=_or_suspended(agent, history), has_expired=False)


def follow(agent: Agent, revision: str, pod: Mapping[str, Any] | None, history: History, now: datetime) -> Run:
    """Return where an Agent stands.

    Args:
        agent: what is asked for.
        revision: of the pod that it asks for.
        pod: the Agent's own pod, whatever state it is in; None where there is none.
        history: what the status remembers.
        now: the present time.
    """
    was_finished = history.finished is not None
    history = history.of_run(revision if pod is None else pod_revision(pod))
    was_finished &= history.finished is not None
    if pod is not None:
        history = _with_pod(agent, pod, history, now)
    history = _or_suspended(agent, _with_end(agent, pod, history, now))
    due = _due(history, now) if pod is None and agent.spec.replicas else None
    expiry = _expiry(agent, history)
    # Only what has been written down: the end has to be seen before it is cleared away.
    has_expired = was_finished and expiry is not None and now >= expiry
    if expiry is not None and expiry <= now and not has_expired:
        expiry = _after(now, TOLD)
    return Run(
        history=history,
        due=due,
        has_expired=has_expired,
        again=tuple(moment for moment in (due, expiry, *_turns(agent, pod, history)) if moment and moment > now),
    )


def carry(pod: Mapping[str, Any] | None, history: History) -> Run:
    """Return where an Agent stands that nothing is decided about: the past stays what it is."""
    if pod is None or is_being_deleted(pod):
        return Run(history)
    history = history.of_run(pod_revision(pod))
    termination = last_termination(pod) or history.last_termination
    return Run(evolve(history, revision=pod_revision(pod) or history.revision, last_termination=termination))


def is_service(agent: Agent) -> bool:
    """Tell whether the Agent is to run for ever; a task is to finish."""
    return agent.spec.restart_policy == "Always"


def pod_revision(pod: object) -> str | None:
    """Return the revision that a pod was made from; None where it does not say."""
    return dig(reach(pod, "metadata", "annotations"), REVISION, kind=str) or None


def _with_pod(agent: Agent, pod: Mapping[str, Any], history: History, now: datetime) -> History:
    """Add what the pod tells."""
    created = parse_timestamp(dig(pod, "metadata", "creationTimestamp", kind=str))
    history = evolve(history, revision=pod_revision(pod) or history.revision, started=history.started or created or now)
    if is_being_deleted(pod):
        # How it ends now says nothing of the agent: it was told to.
        return history
    if (termination := last_termination(pod)) is not None:
        history = evolve(history, last_termination=termination)
    if has_ended(pod) and (is_service(agent) or dig(pod, "status", "phase", kind=str) == "Failed"):
        # What is lost with its node says nothing of the agent.
        return history if end_reason(pod) == "NodeLost" else _with_failure(pod, history, now)
    since = ready_since(pod)
    if history.failures and is_service(agent) and since is not None and now - since >= FORGIVEN:
        return evolve(history, failures=0)
    return history


def _with_failure(pod: Mapping[str, Any], history: History, now: datetime) -> History:
    uid = dig(pod, "metadata", "uid", kind=str) or ""
    if history.last_failure is not None and history.last_failure.pod_uid == uid:
        return history
    return evolve(history, failures=history.failures + 1, last_failure=Failure(uid, now, end_reason(pod)))


def _with_end(agent: Agent, pod: Mapping[str, Any] | None, history: History, now: datetime) -> History:
    """Add the end of a task, where this is it."""
    if is_service(agent):
        is_over = history.finished is not None or history.completed is not None
        return evolve(history, finished=None, completed=None) if is_over else history
    if history.finished is not None:
        return evolve(history, completed=history.completed or now)
    end = _end(agent, pod, history, now)
    if end is None:
        return history
    completed = (finished_at(pod) if end.reason == "Succeeded" else None) or now
    return evolve(history, finished=end, completed=completed)


def _or_suspended(agent: Agent, history: History) -> History:
    """Take away what does not outlast a suspension: who wakes an Agent wants it now, and no deadline runs meanwhile."""
    if agent.spec.replicas or history.finished is not None:
        return history
    return evolve(history, started=None, failures=0 if is_service(agent) else history.failures)


def _end(agent: Agent, pod: Mapping[str, Any] | None, history: History, now: datetime) -> Verdict | None:
    if not is_being_deleted(pod) and dig(pod, "status", "phase", kind=str) == "Succeeded":
        return Verdict("Finished", "True", "Succeeded", "The task has succeeded.")
    limit = BACKOFF_LIMIT if agent.spec.backoff_limit is None else agent.spec.backoff_limit
    attempts = history.failures
    if agent.spec.restart_policy == "OnFailure" and pod is not None and not has_ended(pod):
        attempts += restarts(pod)
    if attempts > limit:
        why = f" The last failure: {history.last_failure.reason}." if history.last_failure else ""
        told = f"The task has failed {attempts} times, with a backoffLimit of {limit}.{why}"
        return Verdict("Finished", "True", "Failed", f"{told} {_ANEW}")
    deadline = _deadline(agent, history)
    if agent.spec.replicas and deadline is not None and now >= deadline:
        seconds = agent.spec.active_deadline_seconds
        told = f"The task has taken longer than activeDeadlineSeconds ({seconds}) allows."
        return Verdict("Finished", "True", "DeadlineExceeded", f"{told} {_ANEW}")
    return None


def _turns(agent: Agent, pod: Mapping[str, Any] | None, history: History) -> Iterator[datetime | None]:
    """Yield the moments at which something is to be decided anew though nothing is seen to change."""
    if history.finished is not None:
        return
    if agent.spec.replicas:
        yield _deadline(agent, history)
    if is_service(agent) and history.failures and pod is not None:
        yield _after(ready_since(pod), FORGIVEN)


def _deadline(agent: Agent, history: History) -> datetime | None:
    seconds = agent.spec.active_deadline_seconds
    return None if seconds is None or is_service(agent) else _after(history.started, _seconds(seconds))


def _expiry(agent: Agent, history: History) -> datetime | None:
    seconds = agent.spec.ttl_seconds_after_finished
    if seconds is None or history.finished is None:
        return None
    return _after(history.completed, _seconds(seconds))


def _due(history: History, now: datetime) -> datetime | None:
    if history.finished is not None or not history.failures or history.last_failure is None:
        return None
    wait = min(FIRST_BACKOFF * 2 ** min(history.failures - 1, 10), LONGEST_BACKOFF)
    due = _after(history.last_failure.time, wait)
    # A failure in the future is one of another clock: it must not hold the next pod back for long.
    return due if due is not None and timedelta() < due - now <= 2 * wait else None


def _seconds(seconds: int) -> timedelta:
    return timedelta(seconds=min(seconds, _LONGEST_SECONDS))


def _after(moment: datetime | None, wait: timedelta) -> datetime | None:
    try:
        return None if moment is None else moment + wait
    except OverflowError:
        return None


_ANEW: Final = "Another revision of the spec starts it anew."
_LONGEST_SECONDS: Final = 10**10
"""Three hundred years: longer is never, and more than the clock can hold."""

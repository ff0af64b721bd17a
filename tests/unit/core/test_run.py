"""The run of an Agent: failures, the wait for the next pod, the end of a task."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from agentctl_core import parse_agent
from agentctl_core._conditions import Verdict
from agentctl_core._history import Failure, History
from agentctl_core._run import Run, carry, follow, is_service, pod_revision
from agentctl_core._times import timestamp

from .builders import GONE, NOW, POD_UID, Json, an_agent

REVISION = "present"
FORMER = "former"
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
FAILED = History(revision=REVISION, failures=1, last_failure=Failure("uid-before", NOW - MINUTE, "Error"))
ANEW = "Another revision of the spec starts it anew."
NEVER: Json = {"restartPolicy": "Never"}
ON_FAILURE: Json = {"restartPolicy": "OnFailure"}
SUCCEEDED: Json = {"phase": "Succeeded"}


def a_pod(revision: str | None = REVISION, status: Json | None = None, **metadata: Any) -> Json:
    """Return a pod as `follow` sees it, made a minute ago."""
    annotations = {} if revision is None else {"agentctl.dev/revision": revision}
    made = {"uid": POD_UID, "creationTimestamp": timestamp(NOW - MINUTE), "annotations": annotations}
    return {"metadata": made | metadata, "status": status or {"phase": "Running"}}


def ended(phase: str = "Failed", revision: str = REVISION, exit_code: int = 1, **metadata: Any) -> Json:
    terminated = {"exitCode": exit_code, "reason": "Error", "finishedAt": timestamp(NOW - 5 * SECOND)}
    statuses = [{"name": "agent", "state": {"terminated": terminated}}]
    return a_pod(revision, {"phase": phase, "containerStatuses": statuses}, **metadata)


def restarted(times: int, phase: str = "Running") -> Json:
    statuses = [{"name": "proxy", "restartCount": 99}, {"name": "agent", "restartCount": times}]
    return a_pod(status={"phase": phase, "containerStatuses": statuses})


def ready(since: datetime, **metadata: Any) -> Json:
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": timestamp(since)}
    return a_pod(status={"phase": "Running", "conditions": [condition]}, **metadata)


def run(
    pod: Json | None = None,
    history: History | None = None,
    now: datetime = NOW,
    revision: str = REVISION,
    **spec: Any,
) -> Run:
    return follow(parse_agent(an_agent(**spec)), revision, pod, history or History(), now)


def failed(times: int, ago: timedelta = timedelta(), **changes: Any) -> History:
    return evolve(FAILED, failures=times, last_failure=Failure("uid-before", NOW - ago, "Error"), **changes)


def end(found: Run) -> str | None:
    return None if found.finished is None else found.finished.reason


# What it is


def test_an_agent_that_always_runs_is_a_service() -> None:
    assert is_service(parse_agent(an_agent()))
    assert is_service(parse_agent(an_agent(restartPolicy="Always")))
    assert not is_service(parse_agent(an_agent(**NEVER)))
    assert not is_service(parse_agent(an_agent(**ON_FAILURE)))


@pytest.mark.parametrize(
    ("pod", "revision"),
    [
        (a_pod(), REVISION),
        (a_pod(FORMER), FORMER),
        (a_pod(None), None),
        (a_pod(""), None),
        (a_pod(annotations={"agentctl.dev/revision": 5}), None),
        (a_pod(annotations=None), None),
        (None, None),
    ],
)
def test_a_pod_says_what_it_was_made_from(pod: Any, revision: str | None) -> None:
    assert pod_revision(pod) == revision


def test_before_the_first_pod_there_is_nothing() -> None:
    assert run() == Run(History())


def test_a_pod_that_runs_is_remembered() -> None:
    assert run(a_pod()) == Run(History(revision=REVISION, started=NOW - MINUTE))


def test_the_run_starts_with_its_first_pod() -> None:
    early = History(revision=REVISION, started=NOW - 2 * MINUTE)
    assert run(a_pod(), early).history.started == NOW - 2 * MINUTE
    assert run(a_pod(creationTimestamp=None)).history.started == NOW
    assert run(a_pod(creationTimestamp="yesterday")).history.started == NOW
    assert run(None, early).history.started == NOW - 2 * MINUTE


def test_a_pod_that_does_not_say_its_revision_changes_none() -> None:
    known = failed(2, started=NOW)
    assert run(a_pod(None), known).history == known
    assert run(a_pod(None)).history.revision is None


def test_how_a_container_ended_last_is_kept() -> None:
    termination = {"podUID": POD_UID, "containerName": "agent", "exitCode": 1, "reason": "Error"}
    found = run(ended(), History(last_termination={"exitCode": 0})).history.last_termination
    assert found == termination | {"finishedAt": timestamp(NOW - 5 * SECOND)}
    assert run(a_pod(), History(last_termination=termination)).history.last_termination == termination
    assert run(None, History(last_termination=termination)).history.last_termination == termination


def test_how_a_pod_ends_that_is_told_to_says_nothing() -> None:
    before = failed(1, last_termination={"exitCode": 0}, started=NOW)
    assert run(ended(deletionTimestamp=GONE), before).history == before
    assert run(ended("Succeeded", deletionTimestamp=GONE), before, **NEVER).history == before


# Failures


@pytest.mark.parametrize(
    ("spec", "phase", "counts"),
    [
        ({}, "Failed", True),
        ({}, "Succeeded", True),
        ({}, "Running", False),
        ({}, "Pending", False),
        ({}, "Unknown", False),
        (NEVER, "Failed", True),
        (NEVER, "Succeeded", False),
        (ON_FAILURE, "Failed", True),
        (ON_FAILURE, "Succeeded", False),
    ],
)
def test_a_pod_that_ended_is_a_failure_but_for_a_task_that_succeeded(spec: Json, phase: str, *, counts: bool) -> None:
    found = run(ended(phase), FAILED, **spec).history
    assert found.failures == 1 + counts
    assert found.last_failure == (Failure(POD_UID, NOW, "Error") if counts else FAILED.last_failure)


def test_a_failure_counts_once_for_each_pod() -> None:
    once = run(ended(), FAILED).history
    assert once.failures == 2
    again = run(ended(), once, now=NOW + MINUTE).history
    assert again == once
    assert run(ended(uid="uid-of-another"), once, now=NOW + MINUTE).history.failures == 3


def test_a_pod_without_a_uid_counts_once_too() -> None:
    once = run(ended(uid=None), FAILED).history
    assert (once.failures, once.last_failure) == (2, Failure("", NOW, "Error"))
    assert run(ended(uid=None), once).history == once


def test_an_eviction_is_a_failure_with_its_own_reason() -> None:
    evicted = a_pod(status={"phase": "Failed", "reason": "Evicted", "message": "low on memory"})
    assert run(evicted).history.last_failure == Failure(POD_UID, NOW, "Evicted")


@pytest.mark.parametrize("spec", [{}, NEVER, ON_FAILURE])
@pytest.mark.parametrize(
    "told",
    [
        {"reason": "NodeLost"},
        {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC"}]},
    ],
)
def test_a_pod_that_is_lost_with_its_node_is_no_failure(spec: Json, told: Json) -> None:
    lost = a_pod(status={"phase": "Failed"} | told)
    found = run(lost, FAILED, **spec)
    assert (found.history.failures, found.history.last_failure) == (1, FAILED.last_failure)
    assert found.finished is None


def test_a_pod_that_is_gone_is_no_failure() -> None:
    assert run(None, failed(2, started=NOW)).history == failed(2, started=NOW)


@pytest.mark.parametrize(
    ("ready_for", "failures"),
    [
        (timedelta(), 2),
        (timedelta(seconds=599), 2),
        (timedelta(seconds=600), 0),
        (timedelta(seconds=601), 0),
        (timedelta(days=-1), 2),
    ],
)
def test_a_service_that_stays_ready_for_10_minutes_is_forgiven(ready_for: timedelta, failures: int) -> None:
    found = run(ready(NOW - ready_for), failed(2)).history
    assert found.failures == failures
    # That it has failed is still known.
    assert found.last_failure == failed(2).last_failure


@pytest.mark.parametrize("pod", [a_pod(), ready(NOW - 11 * MINUTE, deletionTimestamp=GONE)])
def test_a_service_that_is_not_ready_is_not_forgiven(pod: Json) -> None:
    assert run(pod, failed(2)).history.failures == 2


def test_a_pod_that_has_ended_is_not_forgiven_for_having_been_ready() -> None:
    pod = ready(NOW - 11 * MINUTE)
    pod["status"]["phase"] = "Failed"
    assert run(pod, failed(2)).history.failures == 3


@pytest.mark.parametrize("spec", [NEVER, ON_FAILURE])
def test_a_task_is_not_forgiven(spec: Json) -> None:
    assert run(ready(NOW - 11 * MINUTE), failed(2), **spec).history.failures == 2


def test_it_is_looked_at_again_when_a_service_is_to_be_forgiven() -> None:
    assert run(ready(NOW), failed(2)).again == (NOW + 10 * MINUTE,)
    assert run(ready(NOW - 10 * MINUTE), failed(2)).again == ()
    assert run(ready(NOW), failed(0)).again == ()
    assert run(a_pod(), failed(2)).again == ()
    assert run(ready(NOW), failed(2), **NEVER).again == ()


def test_who_suspends_a_service_forgives_it() -> None:
    for pod in (None, a_pod(), ended()):
        assert run(pod, failed(3), replicas=0).history.failures == 0
    # It is counted all the same: the pod that failed before is not counted when the Agent is awake again.
    asleep = run(ended(), failed(3), replicas=0).history
    assert asleep.last_failure == Failure(POD_UID, NOW, "Error")
    assert run(ended(), asleep).history.failures == 0


@pytest.mark.parametrize("spec", [NEVER, ON_FAILURE])
def test_a_task_that_is_suspended_keeps_its_failures(spec: Json) -> None:
    assert run(None, failed(3), replicas=0, **spec).history.failures == 3


def test_the_time_does_not_run_while_it_is_suspended() -> None:
    begun = failed(1, started=NOW - MINUTE)
    for spec in ({}, NEVER):
        assert run(None, begun, replicas=0, **spec).history.started is None
        assert run(a_pod(), begun, replicas=0, **spec).history.started is None
        assert run(a_pod(), begun, replicas=1, **spec).history.started == NOW - MINUTE


# Revisions


def test_another_revision_begins_with_no_failures() -> None:
    old = failed(
        4, revision=FORMER, started=NOW - MINUTE, completed=NOW, finished=Verdict("Finished", "True", "Failed", "")
    )
    anew = run(None, old, **NEVER)
    assert anew.history == evolve(old, failures=0, started=None, completed=None, finished=None)
    assert anew.due is None
    assert run(a_pod(), old, **NEVER).history == evolve(anew.history, revision=REVISION, started=NOW - MINUTE)


def test_the_pod_says_which_run_it_is_not_the_spec() -> None:
    old = failed(4, revision=FORMER, started=NOW - MINUTE)
    assert run(a_pod(FORMER), old).history == old
    assert run(ended(revision=FORMER), old).history.failures == 5


def test_the_failure_of_a_former_revisions_pod_is_counted_anew() -> None:
    # The pod was made, and failed, before any status could tell of it.
    found = run(ended(), failed(4, revision=FORMER)).history
    assert (found.revision, found.failures) == (REVISION, 1)
    assert run(ended(), found).history == found


# The wait for the next pod


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [
        (1, 10),
        (2, 20),
        (3, 40),
        (4, 80),
        (5, 160),
        (6, 300),
        (7, 300),
        (11, 300),
        (12, 300),
        (10**6, 300),
        (2**63 - 1, 300),
    ],
)
@pytest.mark.parametrize("spec", [{}, NEVER | {"backoffLimit": 2**31 - 1}])
def test_the_wait_doubles_from_10_seconds_to_5_minutes(failures: int, seconds: int, spec: Json) -> None:
    if spec and failures > 2**31:
        failures = 2**31 - 1
    due = NOW + timedelta(seconds=seconds)
    assert run(None, failed(failures), **spec).due == due
    assert run(None, failed(failures), **spec).again == (due,)
    assert run(None, failed(failures), now=due - SECOND, **spec).due == due
    assert run(None, failed(failures), now=due, **spec) == Run(failed(failures))
    assert run(None, failed(failures), now=due + SECOND, **spec) == Run(failed(failures))


def test_without_a_failure_there_is_no_wait() -> None:
    assert run(None, failed(0)).due is None
    assert run(None, evolve(FAILED, last_failure=None)).due is None


def test_while_there_is_a_pod_there_is_no_wait() -> None:
    for pod in (a_pod(), ended(), a_pod(deletionTimestamp=GONE)):
        found = run(pod, failed(3))
        assert (found.due, found.again) == (None, ())


@pytest.mark.parametrize("spec", [{}, NEVER])
def test_nothing_waits_for_the_next_pod_of_a_suspended_agent(spec: Json) -> None:
    found = run(None, failed(3), replicas=0, **spec)
    assert (found.due, found.again) == (None, ())


@pytest.mark.parametrize(
    ("ahead", "waits"), [(0, 40), (1, 41), (40, 80), (41, None), (3_600, None), (10**9, None), (10**11, None)]
)
def test_a_failure_in_the_future_holds_the_next_pod_back_no_longer_than_twice(ahead: int, waits: int | None) -> None:
    last = Failure("uid-before", NOW + timedelta(seconds=min(ahead, 2 * 10**11)), "Error")
    due = None if waits is None else NOW + timedelta(seconds=waits)
    assert run(None, evolve(failed(3), last_failure=last)).due == due


@pytest.mark.parametrize("moment", [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)])
def test_at_the_ends_of_all_time_nothing_overflows(moment: datetime) -> None:
    for spec in ({}, NEVER | {"activeDeadlineSeconds": 2**63 - 1, "ttlSecondsAfterFinished": 2**31 - 1}):
        for pod in (None, a_pod(), ended(), ended("Succeeded"), ready(moment.replace(microsecond=0))):
            for last in (moment, NOW, datetime.max.replace(tzinfo=NOW.tzinfo)):
                run(pod, evolve(failed(3), last_failure=Failure("uid", last, ""), started=last), now=moment, **spec)


# The end of a task


@pytest.mark.parametrize("spec", [NEVER, ON_FAILURE])
def test_a_task_whose_pod_succeeds_has_finished(spec: Json) -> None:
    found = run(ended("Succeeded", exit_code=0), **spec)
    assert found.finished == Verdict("Finished", "True", "Succeeded", "The task has succeeded.")
    assert found.history.completed == NOW - 5 * SECOND
    assert found.history.failures == 0
    assert found.again == ()


def test_a_task_that_does_not_say_when_it_succeeded_did_so_now() -> None:
    assert run(a_pod(status=SUCCEEDED), **NEVER).history.completed == NOW


def test_a_service_never_finishes() -> None:
    done = evolve(FAILED, finished=Verdict("Finished", "True", "Failed", ""), completed=NOW, started=NOW - MINUTE)
    for pod in (None, a_pod(), ended(), ended("Succeeded")):
        found = run(pod, done)
        assert (found.finished, found.history.completed, found.has_expired) == (None, None, False)
        assert all(moment == found.due for moment in found.again)


@pytest.mark.parametrize("spec", [NEVER, ON_FAILURE])
@pytest.mark.parametrize(
    ("limit", "failures", "finished"),
    [({"backoffLimit": 0}, 0, True), ({"backoffLimit": 1}, 0, False), ({"backoffLimit": 1}, 1, True)]
    + [({}, failures, failures == 6) for failures in range(7)]
    + [({"backoffLimit": 9}, 8, False), ({"backoffLimit": 9}, 9, True)],
)
def test_a_task_has_failed_when_one_more_pod_failed_than_the_limit_allows(
    spec: Json, limit: Json, failures: int, *, finished: bool
) -> None:
    found = run(ended(), failed(failures), **spec, **limit)
    assert found.history.failures == failures + 1
    assert end(found) == ("Failed" if finished else None)
    assert found.history.completed == (NOW if finished else None)


def test_the_message_of_a_failed_task_tells_why() -> None:
    verdict = run(ended(), backoffLimit=0, **NEVER).finished
    assert verdict is not None
    assert verdict == Verdict(
        "Finished",
        "True",
        "Failed",
        "The task has failed 1 times, with a backoffLimit of 0. The last failure: Error. "
        "Another revision of the spec starts it anew.",
    )
    unknown = run(None, evolve(failed(7), last_failure=None), **NEVER).finished
    assert unknown is not None
    assert unknown.message == (
        "The task has failed 7 times, with a backoffLimit of 6. Another revision of the spec starts it anew."
    )


@pytest.mark.parametrize(
    ("spec", "failures", "restarts", "finished"),
    [
        (ON_FAILURE, 0, 6, False),
        (ON_FAILURE, 0, 7, True),
        (ON_FAILURE, 3, 3, False),
        (ON_FAILURE, 3, 4, True),
        (ON_FAILURE | {"backoffLimit": 0}, 0, 0, False),
        (ON_FAILURE | {"backoffLimit": 0}, 0, 1, True),
        (NEVER, 0, 99, False),
        (NEVER, 6, 99, False),
    ],
)
def test_restarts_of_the_agents_container_count_where_it_is_restarted_on_failure(
    spec: Json, failures: int, restarts: int, *, finished: bool
) -> None:
    found = run(restarted(restarts), failed(failures), **spec)
    assert end(found) == ("Failed" if finished else None)
    assert found.history.failures == failures


def test_the_restarts_of_a_pod_that_has_ended_are_one_failure() -> None:
    found = run(restarted(7, "Failed"), **ON_FAILURE)
    assert (found.history.failures, end(found)) == (1, None)
    assert end(run(restarted(7, "Succeeded"), **ON_FAILURE)) == "Succeeded"


def test_a_task_that_succeeds_in_the_end_has_succeeded() -> None:
    past = failed(7, started=NOW - 60 * MINUTE)
    assert end(run(ended("Succeeded"), past, activeDeadlineSeconds=1, **NEVER)) == "Succeeded"


def test_a_task_that_fails_too_often_has_failed_however_long_it_took() -> None:
    assert end(run(ended(), failed(6, started=NOW - 60 * MINUTE), activeDeadlineSeconds=1, **NEVER)) == "Failed"


@pytest.mark.parametrize("spec", [NEVER, ON_FAILURE])
@pytest.mark.parametrize("pod", [None, a_pod(), a_pod(deletionTimestamp=GONE), ended()])
def test_a_task_has_taken_too_long_when_its_deadline_has_come(spec: Json, pod: Json | None) -> None:
    begun = failed(1, ago=MINUTE, started=NOW - MINUTE)
    late = run(pod, begun, activeDeadlineSeconds=60, **spec)
    assert late.finished == Verdict(
        "Finished",
        "True",
        "DeadlineExceeded",
        f"The task has taken longer than activeDeadlineSeconds (60) allows. {ANEW}",
    )
    assert late.history.completed == NOW
    assert late.again == ()
    assert late.due is None
    in_time = run(pod, begun, activeDeadlineSeconds=61, **spec)
    assert in_time.finished is None
    assert in_time.again == (NOW + SECOND,)


def test_the_deadline_counts_from_the_first_pod_of_the_run() -> None:
    assert run(a_pod(), activeDeadlineSeconds=61, **NEVER).again == (NOW + SECOND,)
    assert run(None, activeDeadlineSeconds=61, **NEVER).again == ()
    old = History(revision=FORMER, started=NOW - 60 * MINUTE)
    assert run(None, old, activeDeadlineSeconds=61, **NEVER) == Run(evolve(old, started=None))


def test_no_deadline_comes_while_it_is_suspended() -> None:
    found = run(a_pod(), activeDeadlineSeconds=1, replicas=0, **NEVER)
    assert (found.finished, found.again) == (None, ())


def test_a_deadline_beyond_all_time_never_comes() -> None:
    for seconds in (10**10, 2**63 - 1):
        found = run(a_pod(), activeDeadlineSeconds=seconds, **NEVER)
        assert found.finished is None
        assert all(moment > NOW for moment in found.again)


def test_both_the_wait_and_the_deadline_lead_back() -> None:
    found = run(None, failed(1, started=NOW), activeDeadlineSeconds=60, **NEVER)
    assert found.again == (NOW + 10 * SECOND, NOW + MINUTE)


DONE = History(
    revision=REVISION,
    started=NOW - 2 * MINUTE,
    completed=NOW - MINUTE,
    finished=Verdict("Finished", "True", "Succeeded", "as it was told"),
)


@pytest.mark.parametrize("pod", [None, a_pod(), ended(), a_pod(deletionTimestamp=GONE)])
def test_what_has_finished_stays_finished(pod: Json | None) -> None:
    found = run(pod, DONE, activeDeadlineSeconds=1, **NEVER)
    assert found.finished == DONE.finished
    assert found.history.completed == DONE.completed
    assert (found.due, found.has_expired, found.again) == (None, False, ())


def test_a_finished_task_without_a_completion_time_gets_one() -> None:
    assert run(None, evolve(DONE, completed=None), **NEVER).history.completed == NOW


def test_a_suspended_task_that_has_finished_keeps_its_times() -> None:
    assert run(None, DONE, replicas=0, **NEVER).history == DONE
    assert end(run(ended("Succeeded"), replicas=0, **NEVER)) == "Succeeded"
    assert run(ended("Succeeded"), replicas=0, **NEVER).history.started == NOW - MINUTE


def test_a_task_without_a_time_to_live_stays() -> None:
    found = run(None, DONE, **NEVER)
    assert (found.has_expired, found.again) == (False, ())


@pytest.mark.parametrize(
    ("ttl", "expired", "again"),
    [(60, True, ()), (59, True, ()), (0, True, ()), (61, False, (NOW + SECOND,)), (2**31 - 1, False, None)],
)
@pytest.mark.parametrize("spec", [NEVER, ON_FAILURE, NEVER | {"replicas": 0}])
def test_a_finished_task_expires_after_its_time_to_live(
    ttl: int, again: tuple[datetime, ...] | None, spec: Json, *, expired: bool
) -> None:
    found = run(None, DONE, ttlSecondsAfterFinished=ttl, **spec)
    assert found.has_expired is expired
    if again is not None:
        assert found.again == again
    assert found.history == DONE


def test_the_end_is_written_down_before_the_task_expires() -> None:
    found = run(ended("Succeeded"), ttlSecondsAfterFinished=0, **NEVER)
    assert (end(found), found.has_expired) == ("Succeeded", False)
    # Its own status leads no operator back: it comes back by itself.
    assert found.again == (NOW + SECOND,)
    assert run(ended("Succeeded"), found.history, ttlSecondsAfterFinished=0, **NEVER).has_expired
    later = run(ended("Succeeded"), ttlSecondsAfterFinished=60, **NEVER)
    assert later.again == (NOW + 55 * SECOND,)


def test_a_former_run_does_not_expire_the_present_one() -> None:
    old = evolve(DONE, revision=FORMER)
    for pod in (None, a_pod(), ended("Succeeded")):
        assert not run(pod, old, ttlSecondsAfterFinished=0, **NEVER).has_expired
    # With updateStrategy OnDelete its own pod is still there, and it is what has finished.
    assert run(ended("Succeeded", FORMER), old, ttlSecondsAfterFinished=0, **NEVER).has_expired


def test_a_run_that_begins_anew_has_no_end() -> None:
    found = run(ended("Succeeded"), DONE, ttlSecondsAfterFinished=0, **NEVER)
    assert found.has_expired
    anew = found.unfinished(parse_agent(an_agent(ttlSecondsAfterFinished=0, **NEVER)))
    assert anew == evolve(found, history=evolve(found.history, finished=None, completed=None), has_expired=False)
    assert anew.finished is None


def test_the_time_of_a_run_that_begins_anew_does_not_run_while_it_is_suspended() -> None:
    found = run(ended("Succeeded"), DONE, replicas=0, **NEVER)
    assert found.history.started is not None
    assert found.unfinished(parse_agent(an_agent(replicas=0, **NEVER))).history.started is None
    assert found.unfinished(parse_agent(an_agent(**NEVER))).history.started == found.history.started


# What nothing is decided about


def test_without_a_pod_the_past_is_carried_on() -> None:
    assert carry(None, DONE) == Run(DONE)
    assert carry(a_pod(FORMER, deletionTimestamp=GONE), DONE) == Run(DONE)


def test_a_pod_that_runs_is_remembered_though_nothing_is_decided() -> None:
    assert carry(a_pod(), History()).history == History(revision=REVISION)
    assert carry(a_pod(None), DONE).history == DONE
    found = carry(ended(), failed(1)).history
    assert found.last_termination is not None
    assert evolve(found, last_termination=None) == failed(1)
    assert carry(a_pod(), evolve(DONE, last_termination={"exitCode": 1})).history.last_termination == {"exitCode": 1}


def test_a_former_runs_end_is_not_that_of_the_pod_that_runs_now() -> None:
    # The pod of another revision was made, and the spec has turned invalid before the status could tell of it.
    old = evolve(DONE, revision=FORMER, failures=3)
    assert carry(a_pod(), old).history == History(revision=REVISION)


# Whatever it is

moments = st.integers(-900, 900).map(lambda seconds: NOW + timedelta(seconds=seconds))
failures = st.builds(Failure, st.sampled_from([POD_UID, "uid-before"]), moments, st.just("Error"))
histories = st.builds(
    History,
    revision=st.sampled_from([None, REVISION, FORMER]),
    failures=st.integers(0, 8),
    started=st.none() | moments,
    completed=st.none() | moments,
    finished=st.none() | st.just(DONE.finished),
    last_failure=st.none() | failures,
    last_termination=st.none(),
)
found_pods = st.sampled_from(
    [
        None,
        a_pod(),
        a_pod(FORMER),
        a_pod(None),
        a_pod(""),
        ended(),
        ended(revision=FORMER),
        ended("Succeeded"),
        ended(deletionTimestamp=GONE),
        restarted(3),
        ready(NOW - 11 * MINUTE),
        ready(NOW - 9 * MINUTE),
    ]
)
tasks = st.fixed_dictionaries(
    {"restartPolicy": st.sampled_from(["OnFailure", "Never"])},
    optional={
        "replicas": st.sampled_from([0, 1]),
        "backoffLimit": st.integers(0, 9),
        "activeDeadlineSeconds": st.integers(1, 900),
        "ttlSecondsAfterFinished": st.integers(0, 900),
    },
)


@given(found_pods, histories, tasks | st.just({}) | st.just({"replicas": 0}))
def test_what_has_been_written_down_is_not_decided_again(pod: Json | None, history: History, spec: Json) -> None:
    once = run(pod, history, **spec)
    again = run(pod, once.history, **spec)
    assert again.history == once.history
    if again.has_expired == once.has_expired:
        assert (again.due, again.again) == (once.due, once.again)
    else:
        # Its end is written down first; the TTL was over by then, so the Agent goes with the next look.
        assert again.has_expired
        assert once.again
    assert once.history.failures <= history.failures + 1
    assert all(moment > NOW for moment in once.again)
    assert once.due is None or once.due in once.again

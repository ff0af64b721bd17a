"""A service whose pods fail: replaced after a while that derives from the status, not from the operator's memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.agents import conditions, reasons
from tests.e2e.hand_node import HandNode
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.pod_states import evicted, failed, running, succeeded
from tests.e2e.stage import Json, Stage, tools
from tests.e2e.support import Kubectl, condition

FIRST = timedelta(seconds=10)
SLOW = timedelta(seconds=8)
"""The most that a pod that is due may take to be made: less than another `FIRST`."""
IMPRECISION = timedelta(seconds=1)
"""Times in Kubernetes have whole seconds."""


@pytest.fixture
def own_stage(kubectl: Kubectl, namespace: str, kubeconfig: Path, crd: str, tmp_path: Path) -> Iterator[Stage]:
    """A stage whose operator may be killed."""
    assert crd
    operator = OperatorProcess(kubeconfig, namespace, tmp_path / "log")
    with HandNode(kubectl) as node:
        operator.start()
        yield Stage(kubectl, namespace, node, operator)
        assert operator.stop() == 0


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def made_after(pod: Json, found: Json) -> timedelta:
    """Return how long after the last failure a pod was made."""
    return moment(pod["metadata"]["creationTimestamp"]) - moment(found["status"]["lastFailure"]["time"])


def fail(stage: Stage, pod: Json, count: int) -> Json:
    """Let a pod fail and go; return the Agent while it backs off."""
    name = pod["metadata"]["name"]
    stage.node.report(pod, failed(3, message="out of luck"))
    stage.wait_replaced(pod)
    found = stage.wait(name, lambda a: "the next is made at" in conditions(a)["Ready"]["message"], "it backs off")
    assert found["status"]["failures"] == count
    assert found["status"]["lastFailure"]["podUID"] == pod["metadata"]["uid"]
    assert found["status"]["lastFailure"]["reason"] == "Error"
    ended = found["status"]["lastTermination"]
    assert (ended["podUID"], ended["exitCode"], ended["message"]) == (pod["metadata"]["uid"], 3, "out of luck")
    return found


def test_a_service_that_fails_backs_off_across_a_restart_of_the_operator(own_stage: Stage) -> None:
    stage = own_stage
    first = stage.run("one")
    failure = fail(stage, first, 1)
    assert reasons(failure)["Ready"] == "Backoff"
    assert tools(failure) == ("InProgress", "Degraded")
    due = moment(failure["status"]["lastFailure"]["time"]) + FIRST
    assert f"{due:%Y-%m-%dT%H:%M:%SZ}" in conditions(failure)["Ready"]["message"]
    stage.operator.kill()
    stage.operator.start()
    restarted = datetime.now(UTC)
    second = stage.bound("one", other_than=first)
    # Neither at once nor 10 s from the restart.
    assert due - IMPRECISION <= moment(second["metadata"]["creationTimestamp"]) <= max(due, restarted) + SLOW
    stage.node.report(second, running())
    found = stage.wait_ready("one")
    assert found["status"]["failures"] == 1  # counted once
    assert found["status"]["lastFailure"] == failure["status"]["lastFailure"]
    assert found["status"]["lastTermination"]["podUID"] == first["metadata"]["uid"]
    assert tools(found) == ("Current", "Healthy")
    stage.wait_events("one", ("Warning", "PodFailed"))
    assert stage.operator.complaints() == []


@pytest.mark.parametrize(("before", "wait"), [(1, 20), (4, 160), (40, 300)])
def test_each_failure_in_a_row_doubles_the_wait_up_to_five_minutes(stage: Stage, before: int, wait: int) -> None:
    name = f"row-{before}"
    pod = stage.run(name)
    stage.remember(name, failures=before)
    found = fail(stage, pod, before + 1)
    due = moment(found["status"]["lastFailure"]["time"]) + timedelta(seconds=wait)
    assert f"{due:%Y-%m-%dT%H:%M:%SZ}" in conditions(found)["Ready"]["message"]


def test_a_changed_spec_starts_anew_at_once(stage: Stage) -> None:
    pod = stage.run("improved")
    stage.remember("improved", failures=4)
    fail(stage, pod, 5)  # the next pod would be made minutes later
    stage.patch("improved", args=["better"])
    stage.node.report(stage.bound("improved", other_than=pod), running())
    found = stage.wait_ready("improved")
    assert "failures" not in found["status"]
    stage.wait_events("improved", ("Warning", "PodFailed"))


def test_a_pod_that_failed_while_the_operator_was_away_counts_once(own_stage: Stage) -> None:
    stage = own_stage
    pod = stage.run("one")
    stage.remember("one", failures=4)
    stage.operator.kill()
    stage.node.report(pod, failed())
    stage.operator.start()
    found = stage.wait("one", lambda a: "lastFailure" in a["status"], "the failure is seen")
    assert found["status"]["failures"] == 5  # the next pod is made minutes later: there is time for restarts
    found = stage.wait("one", lambda a: "podName" not in a["status"], "the pod is gone")
    for _ in range(2):
        stage.operator.kill()
        stage.operator.start()
    assert stage.agent("one")["status"] == found["status"]
    stage.wait_events("one", ("Warning", "PodFailed"))


def test_a_service_that_ends_well_has_failed_too(stage: Stage) -> None:
    pod = stage.run("quitter")
    stage.node.report(pod, succeeded())
    found = stage.wait("quitter", lambda a: a["status"].get("failures") == 1, "it is counted")
    assert found["status"]["lastFailure"]["reason"] == "Completed"
    stage.wait_replaced(pod)
    stage.wait("quitter", lambda a: "the next is made at" in conditions(a)["Ready"]["message"], "it backs off")


def test_ten_minutes_of_being_ready_forgive_what_failed(stage: Stage) -> None:
    pod = stage.run("forgiven")
    fail(stage, pod, 1)
    again = stage.bound("forgiven", other_than=pod)
    stage.node.report(again, running())
    assert stage.wait_ready("forgiven")["status"]["failures"] == 1
    stage.node.report(again, running(since=601))
    found = stage.wait("forgiven", lambda a: "failures" not in a["status"], "it is forgiven")
    assert found["status"]["lastFailure"]["podUID"] == pod["metadata"]["uid"]  # that stays to be read


def test_suspending_ends_a_backoff(stage: Stage) -> None:
    pod = stage.run("woken")
    stage.remember("woken", failures=4)
    fail(stage, pod, 5)  # the next pod would be made minutes later
    stage.scale("woken", 0)
    stage.wait_reason("woken", "Suspended", "ScaledToZero")
    stage.scale("woken", 1)
    stage.node.report(stage.bound("woken", other_than=pod), running())
    assert "failures" not in stage.wait_ready("woken")["status"]


def test_a_pod_that_its_node_evicts_is_replaced_after_a_while(stage: Stage) -> None:
    pod = stage.run("evicted")
    stage.node.report(pod, evicted("The node was low on resource: memory."))
    # The API server waits for nobody to let a pod go that has ended, so Ready says Evicted for a moment only.
    stage.wait_replaced(pod)
    found = stage.wait_reason("evicted", "Ready", "Backoff")
    assert "(Evicted)" in conditions(found)["Ready"]["message"]
    assert found["status"]["lastFailure"]["reason"] == "Evicted"
    again = stage.bound("evicted", other_than=pod)
    assert FIRST - IMPRECISION <= made_after(again, found) <= FIRST + SLOW
    stage.node.report(again, running())
    stage.wait_ready("evicted")
    stage.wait_events("evicted", ("Warning", "Evicted"))


def test_an_agent_that_turns_invalid_keeps_its_pod(stage: Stage) -> None:
    pod = stage.run("turned")
    stage.patch("turned", podTemplate={"metadata": {"labels": {"agentctl.dev/agent": "x"}}})
    found = stage.wait_reason("turned", "Accepted", "InvalidSpec")
    assert condition(found, "Ready") == "True"
    assert reasons(found)["UpToDate"] == "UpdatePending"
    assert tools(found) == ("Failed", "Degraded")
    now = stage.pod("turned")["metadata"]
    assert (now["uid"], "deletionTimestamp" in now) == (pod["metadata"]["uid"], False)
    stage.node.report(pod, running(ready=False))  # and goes on telling of it
    stage.wait_reason("turned", "Ready", "PodNotReady")
    stage.node.report(pod, running())
    stage.patch("turned", podTemplate={"metadata": None})
    found = stage.wait("turned", lambda a: tools(a) == ("Current", "Healthy"), "it is valid again")
    assert reasons(found)["UpToDate"] == "Current"
    assert stage.uid("turned") == pod["metadata"]["uid"]
    stage.wait_events("turned", ("Warning", "InvalidSpec"))

"""Tasks: they finish, or fail, or take too long; and are cleared away."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from tests.e2e.agents import SECONDS, conditions, reasons
from tests.e2e.pod_states import crashing, failed, restarting, running, succeeded
from tests.e2e.stage import Json, Stage, tools
from tests.e2e.support import eventually

SLOW_SECONDS = 10
"""What a busy machine may take to do what is due."""


def run_task(stage: Stage, name: str, **spec: Any) -> Json:
    """Create a task and return its pod, which runs."""
    pod = stage.start(name, **{"restartPolicy": "Never"} | spec)
    stage.node.report(pod, running(ready=False))
    found = stage.wait_reason(name, "Ready", "PodNotReady")
    assert reasons(found)["Finished"] == "Running"
    assert tools(found) == ("InProgress", "Progressing")
    return pod


def test_a_task_that_succeeds_is_finished_and_keeps_its_pod(stage: Stage) -> None:
    pod = run_task(stage, "done")
    stage.node.report(pod, succeeded())
    stage.kubectl("wait", "--for=condition=Finished", "agent/done", "--timeout=30s", namespace=stage.namespace)
    found = stage.agent("done")
    assert reasons(found) == {
        "Accepted": "Accepted",
        "UpToDate": "Current",
        "Suspended": "Running",
        "Finished": "Succeeded",
    }
    assert tools(found) == ("Current", "Healthy")
    status = found["status"]
    assert status["completionTime"] == status["lastTermination"]["finishedAt"]
    assert status["startTime"] <= status["completionTime"]
    assert (status["replicas"], status["podName"]) == (0, "done")
    now = stage.pod("done")["metadata"]
    assert (now["uid"], "deletionTimestamp" in now) == (pod["metadata"]["uid"], False)
    assert stage.events("done") == []


def test_another_revision_runs_a_finished_task_anew(stage: Stage) -> None:
    pod = run_task(stage, "again")
    stage.node.report(pod, succeeded())
    stage.wait_reason("again", "Finished", "Succeeded")
    stage.patch("again", args=["2"])
    stage.wait_replaced(pod)
    second = stage.bound("again", other_than=pod)
    found = stage.wait_reason("again", "Finished", "Running")
    assert "completionTime" not in found["status"]
    stage.node.report(second, succeeded())
    stage.wait_reason("again", "Finished", "Succeeded")


def test_a_task_that_fails_more_often_than_it_may_has_failed(stage: Stage) -> None:
    pod = run_task(stage, "failing", backoffLimit=1)
    stage.node.report(pod, failed(1))
    stage.wait_replaced(pod)
    found = stage.wait_reason("failing", "Ready", "Backoff")
    assert reasons(found)["Finished"] == "Running"
    assert tools(found) == ("InProgress", "Degraded")
    second = stage.bound("failing", other_than=pod)  # after 10 s
    stage.node.report(second, failed(2))
    found = stage.wait_reason("failing", "Finished", "Failed")
    assert reasons(found)["Stalled"] == "Failed"
    assert "Ready" not in conditions(found)
    assert "backoffLimit of 1" in conditions(found)["Finished"]["message"]
    assert tools(found) == ("Failed", "Degraded")
    assert found["status"]["failures"] == 2
    assert found["status"]["lastTermination"]["exitCode"] == 2
    assert stage.uid("failing") == second["metadata"]["uid"]  # kept for its logs
    stage.wait_events("failing", ("Warning", "PodFailed"), ("Warning", "Failed"))


def test_with_on_failure_restarts_in_the_pod_count_against_the_limit(stage: Stage) -> None:
    pod = run_task(stage, "restarting", restartPolicy="OnFailure", backoffLimit=2)
    stage.node.report(pod, crashing(1, "Error", restarts=2))
    found = stage.wait("restarting", lambda a: a["status"].get("restarts") == 2, "restarts are told")
    assert reasons(found)["Finished"] == "Running"
    stage.node.report(pod, restarting(1, "Error", restarts=3))
    found = stage.wait_reason("restarting", "Finished", "Failed")
    assert tools(found) == ("Failed", "Degraded")
    stage.end(pod)  # it would go on for ever
    stage.wait_gone("restarting")
    assert reasons(stage.agent("restarting"))["Finished"] == "Failed"


def test_a_task_that_takes_too_long_is_ended(stage: Stage) -> None:
    pod = run_task(stage, "slow")
    started = datetime.fromisoformat(stage.agent("slow")["status"]["startTime"])
    deadline = seconds_since(started) + 3
    stage.patch("slow", activeDeadlineSeconds=deadline)
    found = stage.wait_reason("slow", "Finished", "DeadlineExceeded")
    assert reasons(found)["Stalled"] == "DeadlineExceeded"
    assert f"activeDeadlineSeconds ({deadline})" in conditions(found)["Finished"]["message"]
    assert tools(found) == ("Failed", "Degraded")
    completed = datetime.fromisoformat(found["status"]["completionTime"])
    assert deadline <= (completed - started).total_seconds() <= deadline + SLOW_SECONDS
    stage.end(pod)
    stage.wait_gone("slow")
    assert reasons(stage.agent("slow"))["Finished"] == "DeadlineExceeded"
    stage.wait_events("slow", ("Warning", "DeadlineExceeded"))


def test_a_finished_task_is_deleted_after_its_time_to_live(stage: Stage) -> None:
    pod = run_task(stage, "brief")
    stage.node.report(pod, succeeded())
    finished = stage.wait_reason("brief", "Finished", "Succeeded")
    completed = datetime.fromisoformat(finished["status"]["completionTime"])
    life = seconds_since(completed) + 3
    stage.patch("brief", ttlSecondsAfterFinished=life)
    eventually(lambda: stage.agent("brief") is None, SECONDS, "the Agent is deleted")
    assert life <= (datetime.now(UTC) - completed).total_seconds() <= life + SLOW_SECONDS
    stage.wait_gone("brief")


def seconds_since(moment: datetime) -> int:
    return int((datetime.now(UTC) - moment).total_seconds())


def test_a_task_that_is_suspended_loses_its_pod_and_runs_anew_when_woken(stage: Stage) -> None:
    pod = run_task(stage, "paused", activeDeadlineSeconds=600)
    started = stage.agent("paused")["status"]["startTime"]
    stage.scale("paused", 0)
    found = stage.wait_reason("paused", "Suspended", "ScaledToZero")
    assert tools(found) == ("Current", "Suspended")
    stage.end(pod)
    stage.wait_gone("paused")
    found = stage.wait("paused", lambda a: "startTime" not in a["status"], "its clock stands still")
    time.sleep(1)  # times have whole seconds
    stage.scale("paused", 1)
    again = stage.bound("paused", other_than=pod)
    stage.node.report(again, succeeded())
    found = stage.wait_reason("paused", "Finished", "Succeeded")
    assert found["status"]["startTime"] > started

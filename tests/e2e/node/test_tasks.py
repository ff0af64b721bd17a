"""Tasks on a real node: they succeed, fail, take too long, or are started again in their pod."""

from __future__ import annotations

from tests.e2e.agents import SECONDS
from tests.e2e.node.support import Json, OnNode
from tests.e2e.support import condition, eventually


def test_a_task_that_ends_well_has_succeeded_and_keeps_its_pod_for_its_log(on_node: OnNode) -> None:
    on_node.run("task", "entrypoint", "say=done,exit=0", restartPolicy="Never")
    on_node.kubectl("wait", "--for=condition=Finished", "agent/task", "--timeout=60s", namespace=on_node.namespace)
    found = on_node.agent("task")
    status = found["status"]
    assert (on_node.reason("task", "Finished"), condition(found, "Ready")) == ("Succeeded", None)
    assert status["startTime"] <= status["completionTime"] == status["lastTermination"]["finishedAt"]
    assert (status["lastTermination"]["exitCode"], status["replicas"], "failures" in status) == (0, 0, False)
    assert [line["event"] for line in on_node.log("task")] == ["start", "say"]
    assert on_node.events("task") == []


def test_a_task_that_fails_more_often_than_its_backoff_limit_has_failed(on_node: OnNode) -> None:
    on_node.run("task", "entrypoint", "exit=7", restartPolicy="Never", backoffLimit=1)
    on_node.wait_reason("task", "Ready", "Backoff")
    assert on_node.agent("task")["status"]["failures"] == 1
    found = on_node.wait_reason("task", "Finished", "Failed")  # another pod comes after 10 s
    assert "backoffLimit of 1" in _finished(found)["message"]
    assert (found["status"]["failures"], found["status"]["lastTermination"]["exitCode"]) == (2, 7)
    assert condition(found, "Stalled") == "True"
    assert on_node.uid("task") == found["status"]["lastFailure"]["podUID"]  # the last one is kept for its log
    on_node.wait_events("task", ("Warning", "PodFailed"), ("Warning", "Failed"))


def test_a_task_that_takes_too_long_is_ended(on_node: OnNode) -> None:
    on_node.run("task", "entrypoint", "wait,exit=0", restartPolicy="Never", activeDeadlineSeconds=4)
    on_node.said("task", "waiting")
    found = on_node.wait_reason("task", "Finished", "DeadlineExceeded")
    assert "activeDeadlineSeconds (4)" in _finished(found)["message"]
    assert condition(found, "Stalled") == "True"
    on_node.wait_gone("task")
    assert on_node.reason("task", "Finished") == "DeadlineExceeded"
    on_node.wait_events("task", ("Warning", "DeadlineExceeded"))


def test_on_failure_starts_the_container_again_in_the_same_pod(on_node: OnNode) -> None:
    fails_once = "[ -e /agentctl/mark ] && exit 0; touch /agentctl/mark; exit 5"
    on_node.run("task", "busybox", restartPolicy="OnFailure", command=["sh", "-c", fails_once])
    uid = eventually(lambda: on_node.uid("task"), SECONDS, "there is a pod")
    found = on_node.wait_reason("task", "Finished", "Succeeded")
    assert (found["status"]["restarts"], "failures" in found["status"]) == (1, False)
    assert (found["status"]["lastTermination"]["exitCode"], on_node.uid("task")) == (0, uid)


def _finished(found: Json) -> Json:
    conditions: list[Json] = found["status"]["conditions"]
    return next(each for each in conditions if each["type"] == "Finished")

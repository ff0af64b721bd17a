"""Each state of a pod that a user meets: its reason, what to do, how a container ended, and what other tools see."""

from __future__ import annotations

import re
from typing import Any

import pytest
from attrs import frozen

from tests.e2e.agents import SECONDS, Cluster, agent, conditions, quota_is_known, reasons, resource_quota
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.pod_states import crashing, init_failing, restarting, running, waiting
from tests.e2e.stage import Json, Stage, tools
from tests.e2e.support import Kubectl, eventually, pod_manifest


@frozen
class Case:
    """What the kubelet says of a pod, and what the Agent's status is to say.

    Attributes:
        told: parts of the message: what is wrong, and what to do.
        argo: what Argo CD shows.
        ended: `status.lastTermination`, but for the pod and the time.
    """

    status: Json
    reason: str
    told: tuple[str, ...]
    argo: str = "Degraded"
    ended: Json | None = None


def termination(exit_code: int, reason: str, container: str = "agent", **more: str) -> Json:
    return {"containerName": container, "exitCode": exit_code, "reason": reason, **more}


NO_IMAGE = 'failed to pull image "busybox:1.37": not found'
CASES = {
    "pull-error": Case(
        waiting("ErrImagePull", NO_IMAGE), "ImagePullFailed", ("spec.image", "imagePullSecrets", NO_IMAGE)
    ),
    "pull-back-off": Case(waiting("ImagePullBackOff", "Back-off"), "ImagePullFailed", ("imagePullSecrets", "Back-off")),
    "never-pulled": Case(waiting("ErrImageNeverPull", "not present"), "ImagePullFailed", ("spec.image", "not present")),
    "bad-image-name": Case(
        waiting("InvalidImageName", "could not parse"),
        "InvalidImageName",
        ("correct it in the spec", "could not parse"),
    ),
    "missing-secret": Case(
        waiting("CreateContainerConfigError", 'secret "keys" not found'), "ConfigError", ("create", 'secret "keys"')
    ),
    "bad-mount": Case(
        waiting("CreateContainerError", "mount failed"), "CreateContainerError", ("command, paths", "mount failed")
    ),
    "no-such-command": Case(
        crashing(128, "StartError", 'exec: "nothing": not found'),
        "CreateContainerError",
        ("check its command", 'exec: "nothing"'),
        ended=termination(128, "StartError", message='exec: "nothing": not found'),
    ),
    "init-fails": Case(
        init_failing(3),
        "InitFailed",
        ("agentctl-wrapper", "kubectl logs -c agentctl-wrapper", "exit code 3"),
        ended=termination(3, "Error", "agentctl-wrapper"),
    ),
    "crashes": Case(
        crashing(1, "Error", "Traceback"),
        "CrashLoopBackOff",
        ("exit code 1", "kubectl logs --previous -c agent"),
        ended=termination(1, "Error", message="Traceback"),
    ),
    "out-of-memory": Case(
        crashing(137, "OOMKilled"),
        "OOMKilled",
        ("resources.limits.memory", "raise"),
        ended=termination(137, "OOMKilled"),
    ),
    "ends-once": Case(
        restarting(2, "Error"),
        "PodNotReady",
        ("exit code 2", "started again"),
        argo="Progressing",
        ended=termination(2, "Error"),
    ),
    # So a kubelet writes it down for most of the first waits, before it says CrashLoopBackOff.
    "ends-again": Case(
        restarting(2, "Error", restarts=1),
        "CrashLoopBackOff",
        ("exit code 2", "kubectl logs --previous -c agent"),
        ended=termination(2, "Error"),
    ),
    "not-ready": Case(
        running(ready=False), "PodNotReady", ("readiness of agent", "readinessProbe", "logs"), argo="Progressing"
    ),
}
"""What a kubelet writes -> what the status says."""
UNTOLD = ("PodNotReady",)
"""What passes by itself most of the time is worth no event."""


@pytest.mark.parametrize("name", CASES)
def test_a_state_of_the_pod_is_told_with_what_to_do_until_it_is_cured(stage: Stage, name: str) -> None:
    case = CASES[name]
    pod = stage.start(name)
    stage.node.report(pod, case.status)
    found = stage.wait_reason(name, "Ready", case.reason)
    ready = conditions(found)["Ready"]
    assert ready["status"] == "False"
    assert [part for part in case.told if part not in ready["message"]] == [], ready["message"]
    assert_terminated(found, pod, case.ended)
    assert tools(found) == ("InProgress", case.argo)
    stage.node.report(pod, running())
    found = stage.wait_ready(name)
    assert reasons(found)["Ready"] == "PodReady"
    assert_terminated(found, pod, case.ended)  # remembered, though the container runs by now
    assert tools(found) == ("Current", "Healthy")
    stage.wait_events(name, *([] if case.reason in UNTOLD else [("Warning", case.reason)]))
    assert stage.uid(name) == pod["metadata"]["uid"]


def assert_terminated(found: Json, pod: Json, expected: Json | None) -> None:
    seen: Json | None = found["status"].get("lastTermination")
    if expected is None:
        assert seen is None
        return
    assert seen is not None
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", seen["finishedAt"])
    assert {k: v for k, v in seen.items() if k != "finishedAt"} == expected | {"podUID": pod["metadata"]["uid"]}


def test_a_pod_of_which_the_kubelet_has_said_nothing_is_pending(stage: Stage) -> None:
    stage.start("pending")
    found = stage.wait_reason("pending", "Ready", "PodPending")
    assert tools(found) == ("InProgress", "Progressing")
    assert stage.wait("pending", lambda a: a["status"].get("nodeName") == stage.node.name, "its node is told")
    assert stage.events("pending") == []


def test_a_pod_that_no_node_takes_is_told_in_the_schedulers_words(stage: Stage) -> None:
    stage.apply(agent("nowhere", podTemplate={"spec": {"nodeSelector": {"no-node": "has-this"}}}))
    found = stage.wait_reason("nowhere", "Ready", "Unschedulable")
    message = conditions(found)["Ready"]["message"]
    for part in ("nodes are available", "node affinity/selector", "Change resources, nodeSelector"):
        assert part in message
    assert tools(found) == ("InProgress", "Progressing")
    stage.wait_events("nowhere", ("Warning", "Unschedulable"))
    stage.apply(stage.manifest("nowhere"))
    stage.node.report(stage.bound("nowhere"), running())
    stage.wait_ready("nowhere")


def test_a_pod_that_somebody_deletes_is_terminating_and_made_anew_at_once(stage: Stage) -> None:
    pod = stage.run("deleted")
    stage.kubectl("delete", "pod", "deleted", "--wait=false", namespace=stage.namespace)
    found = stage.wait_reason("deleted", "Ready", "Terminating")
    assert tools(found) == ("InProgress", "Progressing")
    assert stage.uid("deleted") == pod["metadata"]["uid"]
    stage.end(pod)
    again = stage.bound("deleted", other_than=pod)
    stage.node.report(again, running())
    found = stage.wait_ready("deleted")
    assert "failures" not in found["status"]
    stage.wait_events("deleted", ("Normal", "PodDeleted"))


def test_the_pod_of_a_former_agent_of_the_name_is_waited_for(stage: Stage) -> None:
    former = stage.run("heir")
    stage.delete("heir")
    stage.apply(stage.manifest("heir"))
    found = stage.wait_reason("heir", "Ready", "Terminating")
    assert "former Agent" in conditions(found)["Ready"]["message"]
    assert reasons(found)["Accepted"] == "Accepted"
    assert tools(found) == ("InProgress", "Progressing")
    stage.end(former)
    stage.node.report(stage.bound("heir", other_than=former), running())
    assert tools(stage.wait_ready("heir")) == ("Current", "Healthy")


def test_a_used_up_quota_is_told_and_the_pod_is_made_once_it_is_raised(
    kubectl: Kubectl, namespace: str, operator: OperatorProcess
) -> None:
    assert operator.is_alive
    cluster = Cluster(kubectl, namespace)
    cluster.apply(resource_quota("none", {"pods": "0"}))
    eventually(lambda: quota_is_known(kubectl, "none", namespace), SECONDS, "the quota is in force")
    cluster.apply(agent("one"))
    found = cluster.wait_reason("one", "Ready", "QuotaExceeded")
    message = conditions(found)["Ready"]["message"]
    assert "exceeded quota: none" in message
    assert "pods=0" in message
    assert cluster.pod("one") is None
    assert tools(found) == ("InProgress", "Degraded")
    cluster.apply(resource_quota("none", {"pods": "1"}))
    eventually(lambda: quota_is_known(kubectl, "none", namespace), SECONDS, "the quota is raised")
    # An edit has it tried again at once; without one it would be within 30 s.
    cluster.patch("one", updateStrategy="OnDelete")
    assert tools(cluster.wait_ready("one")) == ("Current", "Healthy")
    cluster.wait_events("one", ("Warning", "QuotaExceeded"))


def test_a_pod_that_the_api_server_refuses_is_told_in_its_words(stage: Stage) -> None:
    stage.apply(stage.manifest("refused", livenessProbe={"periodSeconds": 5}))
    found = stage.wait_reason("refused", "Ready", "CreateRejected")
    assert "livenessProbe" in conditions(found)["Ready"]["message"]
    assert tools(found) == ("InProgress", "Degraded")
    assert stage.pod("refused") is None
    stage.apply(stage.manifest("refused"))
    stage.node.report(stage.bound("refused"), running())
    stage.wait_ready("refused")
    stage.wait_events("refused", ("Warning", "CreateRejected"))


@pytest.mark.parametrize(
    ("name", "spec", "reason", "path"),
    [
        (
            "invalid",
            {"podTemplate": {"metadata": {"labels": {"agentctl.dev/agent": "x"}}}},
            "InvalidSpec",
            "spec.podTemplate.metadata.labels",
        ),
        ("denied", {"securityContext": {"privileged": True}}, "PolicyDenied", "spec.securityContext.privileged"),
    ],
)
def test_an_agent_that_is_not_accepted_gets_no_pod_and_tools_stop_waiting(
    stage: Stage, name: str, spec: dict[str, Any], reason: str, path: str
) -> None:
    stage.apply(agent(name, **spec))
    found = stage.wait_reason(name, "Accepted", reason)
    assert reasons(found) == {"Accepted": reason, "Ready": "NotAccepted", "Stalled": reason}
    assert path in conditions(found)["Stalled"]["message"]
    assert tools(found) == ("Failed", "Degraded")
    assert stage.pod(name) is None
    stage.apply(stage.manifest(name))
    stage.node.report(stage.bound(name), running())
    found = stage.wait_ready(name)
    assert "Stalled" not in conditions(found)
    assert tools(found) == ("Current", "Healthy")
    stage.wait_events(name, ("Warning", reason))


def test_a_command_that_nobody_may_look_up_is_asked_for(stage: Stage) -> None:
    stage.apply(stage.manifest("silent", command=[], wrapper={"commandResolution": "Never"}))
    found = stage.wait_reason("silent", "Accepted", "CommandUnknown")
    assert reasons(found)["Ready"] == "NotAccepted"
    assert "command" in conditions(found)["Accepted"]["message"]
    # Not Stalled: what the registry lacks may come without an edit of the Agent.
    assert tools(found) == ("InProgress", "Degraded")
    assert stage.pod("silent") is None


def test_a_strangers_pod_keeps_the_name_until_it_goes(stage: Stage) -> None:
    stage.apply(pod_manifest("taken"))
    stranger = eventually(lambda: stage.pod("taken"), SECONDS, "the stranger is there")
    stage.apply(stage.manifest("taken"))
    found = stage.wait_reason("taken", "Accepted", "NameConflict")
    assert reasons(found)["Ready"] == "NotAccepted"
    assert "Give the Agent another name" in conditions(found)["Accepted"]["message"]
    assert tools(found) == ("InProgress", "Degraded")
    now = stage.pod("taken")
    assert (now["metadata"]["uid"], now["metadata"].get("labels")) == (stranger["metadata"]["uid"], None)
    stage.kubectl("delete", "pod", "taken", namespace=stage.namespace)
    # An edit has it looked at again at once; without one it would be within 30 s.
    stage.patch("taken", updateStrategy="OnDelete")
    stage.node.report(stage.bound("taken"), running())
    assert tools(stage.wait_ready("taken")) == ("Current", "Healthy")
    stage.wait_events("taken", ("Warning", "NameConflict"))


def test_an_edit_is_in_progress_until_the_operator_has_seen_it(
    kubectl: Kubectl, namespace: str, operator: OperatorProcess
) -> None:
    cluster = Cluster(kubectl, namespace)
    cluster.apply(agent("one"))
    cluster.wait_ready("one")
    assert operator.stop() == 0
    cluster.patch("one", command=["sleep", "1"])
    assert tools(cluster.agent("one")) == ("InProgress", "Progressing")
    operator.start()
    cluster.wait("one", lambda a: tools(a) == ("Current", "Healthy"), "it is where it should be")


def test_all_goes_well_without_an_event(stage: Stage) -> None:
    pod = stage.start("quiet")
    stage.node.report(pod, running(ready=False))
    stage.wait_reason("quiet", "Ready", "PodNotReady")
    stage.node.report(pod, running())
    stage.wait_ready("quiet")
    stage.delete("quiet")
    stage.end(pod)
    stage.wait_gone("quiet")
    assert stage.events("quiet") == []


def test_a_pod_that_flaps_is_told_of_once_for_each_reason(stage: Stage) -> None:
    pod = stage.run("flaps")
    for _ in range(4):
        for reason, status in (
            ("CrashLoopBackOff", crashing(1, "Error")),
            ("OOMKilled", crashing(137, "OOMKilled")),
            ("PodReady", running()),
        ):
            stage.node.report(pod, status)
            stage.wait_reason("flaps", "Ready", reason)
    assert stage.events("flaps") == [("Warning", "CrashLoopBackOff"), ("Warning", "OOMKilled")]

"""A pod's state is told with a reason, in words that say what to do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agentctl_core._conditions import Verdict
from agentctl_core._pod_state import (
    end_reason,
    ended,
    ending,
    finished_at,
    has_ended,
    last_termination,
    overdue_at,
    readiness,
    ready_since,
    restarts,
)

from .builders import GONE, NOW, SOON, Json

AT = "2026-01-31T11:30:00Z"
LATER = "2026-01-31T11:45:00Z"
IMAGE_CURE = "the image cannot be pulled; check spec.image and imagePullSecrets"
CREATE_CURE = "the container cannot be started; check its command, paths and mounts"
CONFIG_CURE = "create what it refers to, or correct the reference in the spec"
MEMORY_CURE = "it needs more memory than resources.limits.memory allows; raise that"
WAITED_FOR = (
    "It is waited for, since the agent may still run there: at most one. When the node is gone for good, delete the "
    "Node, or taint it with node.kubernetes.io/out-of-service."
)
UNBOUND = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims"
NO_CLAIM = 'persistentvolumeclaim "data" not found'
CLAIM_CURE = "See what its claims wait for: kubectl describe pvc."
NO_NODE_CURE = "Change resources, nodeSelector, affinity or tolerations, or add a node."
MADE_ANEW = "It is made anew once it is gone."


def pod(
    *,
    metadata: Mapping[str, Any] | None = None,
    node: str | None = "node-1",
    restart_policy: str = "Always",
    **status: Any,
) -> Json:
    beside = [{"name": "side", "restartPolicy": "Always"}, {"name": "setup"}]
    spec = {"initContainers": beside, "nodeName": node, "restartPolicy": restart_policy}
    return {"metadata": {"name": "demo", "uid": "u", **(metadata or {})}, "spec": spec, "status": status}


def ready(status: str, **more: Any) -> Json:
    return {"type": "Ready", "status": status, **more}


def target(reason: str, status: str = "True", **more: Any) -> Json:
    return {"type": "DisruptionTarget", "status": status, "reason": reason, **more}


def waiting(reason: str, message: str | None = None, name: str = "agent", **more: Any) -> Json:
    return {"name": name, "state": {"waiting": {"reason": reason, "message": message}}, **more}


def at_end(name: str = "agent", code: Any = 1, **terminated: Any) -> Json:
    return {"name": name, "state": {"terminated": {"exitCode": code, **terminated}}}


def again(name: str = "agent", code: Any = 1, state: Json | None = None, **terminated: Any) -> Json:
    return {"name": name, "state": state or {}, "lastState": {"terminated": {"exitCode": code, **terminated}}}


def once_more(name: str = "agent", code: Any = 1, restarts: int = 1, **terminated: Any) -> Json:
    """Return the status of a container that has been started again, and has ended anew."""
    return {**at_end(name, code, **terminated), "restartCount": restarts}


CRASHES: Json = {"waiting": {"reason": "CrashLoopBackOff"}}


def running(*containers: Json, init: tuple[Json, ...] = (), **status: Any) -> Json:
    return pod(phase="Running", containerStatuses=list(containers), initContainerStatuses=list(init), **status)


def told(verdict: Verdict) -> tuple[str, str]:
    assert verdict == Verdict("Ready", "False", verdict.reason, verdict.message)
    return verdict.reason, verdict.message


GATE_CURE = "of the pod's spec must be taken away, by whoever it is for, before a node is looked for."


def gated(*names: str | None, **status: Any) -> Json:
    return {**pod(**status), "spec": {"schedulingGates": [{"name": name} for name in names]}}


def test_a_pod_that_says_so_is_ready() -> None:
    assert readiness(pod(phase="Running", conditions=[ready("True")]), NOW) == Verdict(
        "Ready", "True", "PodReady", "The pod is ready."
    )


@pytest.mark.parametrize(
    ("state", "reason", "message"),
    [
        (pod(), "PodPending", "The pod is starting."),
        (pod(phase="Pending"), "PodPending", "The pod is starting."),
        (pod(phase="Pending", conditions=[{"type": "PodScheduled", "status": "True"}]), "PodPending",
         "The pod is starting."),
        (pod(phase="Pending", conditions=[{"type": "PodScheduled", "status": "False", "message": "0/1 nodes X..."}]),
         "Unschedulable", f"No node takes the pod: 0/1 nodes X. {NO_NODE_CURE}"),
        (pod(phase="Pending", conditions=[{"type": "PodScheduled", "status": "False"}]),
         "Unschedulable", f"No node takes the pod: no reason given. {NO_NODE_CURE}"),
        (pod(conditions=[{"type": "PodScheduled", "status": "False", "message": f"{UNBOUND}."}]),
         "Unschedulable", f"No node takes the pod: {UNBOUND}. {CLAIM_CURE}"),
        (pod(conditions=[{"type": "PodScheduled", "status": "False", "message": NO_CLAIM}]),
         "Unschedulable", f"No node takes the pod: {NO_CLAIM}. {CLAIM_CURE}"),
        (gated("a", "b"), "PodPending", f"The scheduling gates a and b {GATE_CURE}"),
        (gated("a", phase="Pending", conditions=[{"type": "PodScheduled", "status": "False", "message": "Blocked"}]),
         "PodPending", f"The scheduling gate a {GATE_CURE}"),
        (gated(), "PodPending", "The pod is starting."),
        (gated(None), "PodPending", f"The scheduling gate  {GATE_CURE}"),
        (pod(phase="Running"), "PodNotReady", "The pod is not ready."),
        (pod(phase="Running", conditions=[ready("False", message="a gate is shut")]), "PodNotReady", "a gate is shut"),
        (running({"name": "agent", "ready": False}, {"name": "other", "ready": True}), "PodNotReady",
         "The readiness of agent is not given yet; see readinessProbe and the logs."),
        (running({"name": "agent"}, init=({"name": "side"}, {"name": "setup"})), "PodNotReady",
         "The readiness of side and agent is not given yet; see readinessProbe and the logs."),
        (running({"ready": False}), "PodNotReady",
         "The readiness of  is not given yet; see readinessProbe and the logs."),
    ],
)  # fmt: skip
def test_a_pod_that_is_not_ready_yet_says_what_it_waits_for(state: Json, reason: str, message: str) -> None:
    assert told(readiness(state, NOW)) == (reason, message)


@pytest.mark.parametrize(
    ("waits", "reason", "cure"),
    [
        ("ErrImagePull", "ImagePullFailed", IMAGE_CURE),
        ("ImagePullBackOff", "ImagePullFailed", IMAGE_CURE),
        ("ErrImageNeverPull", "ImagePullFailed", IMAGE_CURE),
        ("ImageInspectError", "ImagePullFailed", IMAGE_CURE),
        ("RegistryUnavailable", "ImagePullFailed", IMAGE_CURE),
        ("SignatureValidationFailed", "ImagePullFailed", IMAGE_CURE),
        ("InvalidImageName", "InvalidImageName", "the image's name cannot be parsed; correct it in the spec"),
        ("CreateContainerConfigError", "ConfigError", CONFIG_CURE),
        ("CreateContainerError", "CreateContainerError", CREATE_CURE),
        ("RunContainerError", "CreateContainerError", CREATE_CURE),
        ("StartError", "CreateContainerError", CREATE_CURE),
        ("ContainerCannotRun", "CreateContainerError", CREATE_CURE),
    ],
)
def test_a_container_that_cannot_start_is_told_with_a_cure(waits: str, reason: str, cure: str) -> None:
    for phase in ("Pending", "Running"):
        quiet = pod(phase=phase, containerStatuses=[waiting(waits)])
        assert told(readiness(quiet, NOW)) == (reason, f"Container agent waits ({waits}): {cure}")
        loud = pod(phase=phase, initContainerStatuses=[waiting(waits, "the words of the kubelet", "setup")])
        message = f"Container setup waits ({waits}): {cure}: the words of the kubelet"
        assert told(readiness(loud, NOW)) == (reason, message)


@pytest.mark.parametrize(
    ("state", "reason", "message"),
    [
        (running(again(state=CRASHES)), "CrashLoopBackOff",
         "Container agent ends again and again (exit code 1); see kubectl logs --previous -c agent."),
        (running(again(state=CRASHES, code=3, reason="Error")), "CrashLoopBackOff",
         "Container agent ends again and again (exit code 3, Error); see kubectl logs --previous -c agent."),
        (running(again(state=CRASHES, code=0, reason="Completed")), "CrashLoopBackOff",
         "Container agent ends again and again (exit code 0, Completed); see kubectl logs --previous -c agent."),
        (running(at_end(reason="Error")), "PodNotReady",
         "Container agent has ended (exit code 1, Error) and is started again."),
        (running(at_end(code=0)), "PodNotReady",
         "Container agent has ended (exit code 0) and is started again."),
        (running(again(state=CRASHES, code=137, reason="OOMKilled")), "OOMKilled",
         f"Container agent ran out of memory: {MEMORY_CURE}."),
        (running(at_end("side", 137, reason="OOMKilled")), "OOMKilled",
         f"Container side ran out of memory: {MEMORY_CURE}."),
        (running(at_end(code=128, reason="StartError", message="no such file.")), "CreateContainerError",
         f"Container agent (exit code 128, StartError): {CREATE_CURE}. no such file."),
        (running(again(state=CRASHES, code=128, reason="ContainerCannotRun")), "CreateContainerError",
         f"Container agent (exit code 128, ContainerCannotRun): {CREATE_CURE}."),
        (pod(phase="Pending", initContainerStatuses=[at_end("setup", 2, reason="Error")]), "InitFailed",
         "Init container setup has failed (exit code 2, Error); see kubectl logs -c setup."),
        (pod(phase="Pending", initContainerStatuses=[again("setup", 2, CRASHES)]), "InitFailed",
         "Init container setup has failed (exit code 2); see kubectl logs -c setup."),
        (pod(phase="Pending", initContainerStatuses=[at_end("side", 2)]), "PodNotReady",
         "Container side has ended (exit code 2) and is started again."),
        (pod(phase="Pending", initContainerStatuses=[at_end("setup", 0)]), "PodPending", "The pod is starting."),
        # It runs again: what it waits for now counts.
        (running(again(state={"running": {}})), "PodNotReady",
         "The readiness of agent is not given yet; see readinessProbe and the logs."),
        (running({"name": "agent", "ready": True, "state": {"terminated": {"exitCode": 1}}}), "PodNotReady",
         "The pod is not ready."),
        (running({"name": "agent", "state": CRASHES}), "PodNotReady",
         "The readiness of agent is not given yet; see readinessProbe and the logs."),
        # The first in trouble is told.
        (running({"name": "a", "ready": True}, at_end("b"), at_end("c")), "PodNotReady",
         "Container b has ended (exit code 1) and is started again."),
    ],
)  # fmt: skip
def test_a_container_that_ended_is_told_with_what_to_look_at(state: Json, reason: str, message: str) -> None:
    assert told(readiness(state, NOW)) == (reason, message)


ENDS_AGAIN = "Container {} ends again and again (exit code {}); see kubectl logs --previous -c {}."
BEGAN = "2026-01-31T11:20:00Z"
LATE = "2026-01-31T11:30:01Z"


@pytest.mark.parametrize(
    ("state", "reason", "message"),
    [
        (running(once_more(code=3)), "CrashLoopBackOff", ENDS_AGAIN.format("agent", 3, "agent")),
        (running(once_more(code=0)), "CrashLoopBackOff", ENDS_AGAIN.format("agent", 0, "agent")),
        (running(once_more(code=3), restart_policy="OnFailure"), "CrashLoopBackOff",
         ENDS_AGAIN.format("agent", 3, "agent")),
        (running({"name": "agent"}, init=(once_more("side", 3, 2),)), "CrashLoopBackOff",
         ENDS_AGAIN.format("side", 3, "side")),
        (running({"name": "agent"}, init=(once_more("side", 3, 2),), restart_policy="Never"), "CrashLoopBackOff",
         ENDS_AGAIN.format("side", 3, "side")),
        # A kubelet waits before it starts a container again that has run for ten minutes at most.
        (running(once_more(startedAt=BEGAN, finishedAt=AT)), "CrashLoopBackOff",
         ENDS_AGAIN.format("agent", 1, "agent")),
        (running(once_more(startedAt=BEGAN, finishedAt=LATE)), "PodNotReady",
         "Container agent has ended (exit code 1) and is started again."),
        (running(once_more(startedAt=BEGAN, finishedAt="x")), "CrashLoopBackOff",
         ENDS_AGAIN.format("agent", 1, "agent")),
        (running(once_more(startedAt="x", finishedAt=LATE)), "CrashLoopBackOff",
         ENDS_AGAIN.format("agent", 1, "agent")),
        # What it lacks is told rather than that it lacks it again and again.
        (running(once_more(code=137, reason="OOMKilled")), "OOMKilled",
         f"Container agent ran out of memory: {MEMORY_CURE}."),
        (running(init=(once_more("setup", 3, 2),)), "InitFailed",
         "Init container setup has failed (exit code 3); see kubectl logs -c setup."),
    ],
)  # fmt: skip
def test_a_container_that_waits_to_be_started_again_is_told_of_before_its_kubelet_says_so(
    state: Json, reason: str, message: str
) -> None:
    assert told(readiness(state, NOW)) == (reason, message)


@pytest.mark.parametrize(("policy", "code"), [("OnFailure", 0), ("Never", 0), ("Never", 1)])
def test_what_has_ended_for_good_is_not_said_to_be_started_again(policy: str, code: int) -> None:
    for end in (at_end(code=code), once_more(code=code)):
        state = running(end, restart_policy=policy)
        assert told(readiness(state, NOW)) == ("PodNotReady", f"Container agent has ended (exit code {code}).")
        # Its sidecars are made to end then, and not started again.
        state = running(end, init=(once_more("side", 143),), restart_policy=policy)
        assert told(readiness(state, NOW)) == ("PodNotReady", f"Container agent has ended (exit code {code}).")


LOST = [{"type": "ContainersReady", "status": "True"}, ready("False", reason="NodeStatusUnknown")]


@pytest.mark.parametrize(
    ("state", "node"),
    [
        (pod(phase="Running", conditions=LOST), "node-1"),
        (pod(phase="Unknown"), "node-1"),
        (pod(phase="Unknown", node=None), "(none)"),
    ],
)
def test_a_node_that_does_not_answer_is_told_and_waited_for(state: Json, node: str) -> None:
    assert told(readiness(state, NOW)) == ("NodeLost", f"node {node} does not answer. {WAITED_FOR}")


@pytest.mark.parametrize(
    "conditions",
    [
        [{"type": "ContainersReady", "status": "True"}, ready("False", reason="ReadinessGatesNotReady")],
        [{"type": "ContainersReady", "status": "True"}, ready("Unknown")],
        [{"type": "ContainersReady", "status": "False"}, ready("False")],
        [ready("False")],
    ],
)
def test_what_only_looks_like_a_lost_node_is_none(conditions: list[Json]) -> None:
    assert readiness(pod(phase="Running", conditions=conditions), NOW).reason == "PodNotReady"


def leaving(at: str = SOON, **status: Any) -> Json:
    return pod(metadata={"deletionTimestamp": at}, **status)


@pytest.mark.parametrize(
    ("state", "reason", "message"),
    [
        (leaving(), "Terminating", "Pod demo is ending."),
        (leaving(conditions=[ready("True")]), "Terminating", "Pod demo is ending."),
        (leaving(conditions=[target("Else")]), "Terminating", "Pod demo is ending."),
        (leaving(conditions=[target("EvictionByEvictionAPI", "False")]), "Terminating", "Pod demo is ending."),
        (leaving(conditions=[target("EvictionByEvictionAPI")]), "Evicted",
         f"The pod is evicted, as when its node is drained. {MADE_ANEW}"),
        (leaving(conditions=[target("EvictionByEvictionAPI", message="Eviction API: evicting.")]), "Evicted",
         f"The pod is evicted, as when its node is drained. Eviction API: evicting. {MADE_ANEW}"),
        (leaving(conditions=[target("PreemptionByScheduler")]), "Preempted",
         f"A pod of higher priority takes the place of this one. {MADE_ANEW}"),
        (leaving(conditions=[target("DeletionByTaintManager")]), "Evicted",
         f"The pod is evicted, since it does not tolerate a taint of its node. {MADE_ANEW}"),
        (leaving(conditions=[target("TerminationByKubelet")]), "Evicted", f"The node has evicted the pod. {MADE_ANEW}"),
        (leaving(conditions=[target("DeletionByPodGC")]), "NodeLost", f"The pod's node is gone. {MADE_ANEW}"),
        (leaving(GONE), "NodeLost", f"Pod demo is to end, and node node-1 does not confirm it. {WAITED_FOR}"),
        (leaving(phase="Unknown"), "NodeLost",
         f"Pod demo is to end, and node node-1 does not confirm it. {WAITED_FOR}"),
        (leaving(GONE, phase="Failed"), "Terminating", "Pod demo is ending."),
        (leaving("soon"), "Terminating", "Pod demo is ending."),
    ],
)  # fmt: skip
def test_a_pod_that_ends_says_why(state: Json, reason: str, message: str) -> None:
    assert told(ending(state, NOW)) == told(readiness(state, NOW)) == (reason, message)


def test_a_deletion_is_overdue_half_a_minute_after_its_time() -> None:
    due = NOW + timedelta(seconds=50)
    assert overdue_at(leaving(SOON)) == due
    assert ending(leaving(SOON), due - timedelta(microseconds=1)).reason == "Terminating"
    assert ending(leaving(SOON), due).reason == "NodeLost"
    assert overdue_at(pod()) is None
    assert overdue_at(leaving("9999-12-31T23:59:59Z")) is None


@pytest.mark.parametrize(
    ("state", "reason", "message"),
    [
        (pod(phase="Failed"), "PodNotReady", "The pod has ended: phase Failed."),
        (pod(phase="Succeeded"), "PodNotReady", "The pod has ended: phase Succeeded."),
        (pod(phase="Failed", message="Pod was rejected by X."), "PodNotReady",
         "The pod has ended: Pod was rejected by X."),
        (pod(phase="Failed", message="m", containerStatuses=[at_end("other"), {"name": "agent"}]), "PodNotReady",
         "The pod has ended: m."),
        (pod(phase="Failed", reason="Evicted", message="low on X."), "Evicted",
         "The node has evicted the pod. low on X."),
        (pod(phase="Failed", reason="Preempting"), "Preempted",
         "The node has taken the pod's place for a critical one."),
        (pod(phase="Failed", reason="NodeShutdown"), "Evicted", "The node has been shut down."),
        (pod(phase="Failed", reason="Terminated"), "Evicted", "The node has been shut down."),
        (pod(phase="Failed", reason="NodeLost"), "NodeLost", "The pod's node is gone."),
        (pod(phase="Failed", conditions=[target("DeletionByPodGC")]), "NodeLost", "The pod's node is gone."),
        (pod(phase="Failed", message="m", conditions=[target("TerminationByKubelet")]), "Evicted",
         "The node has evicted the pod. m."),
        (pod(phase="Failed", reason="NodeShutdown", conditions=[target("DeletionByPodGC")]), "Evicted",
         "The node has been shut down."),
        (pod(phase="Failed", conditions=[target("DeletionByPodGC", "False")]), "PodNotReady",
         "The pod has ended: phase Failed."),
        (pod(phase="Failed", conditions=[target("Else")]), "PodNotReady", "The pod has ended: phase Failed."),
        (pod(phase="Failed", containerStatuses=[at_end(code=137, reason="OOMKilled")]), "OOMKilled",
         f"The pod has ended (container agent: exit code 137, OOMKilled): {MEMORY_CURE}."),
        (pod(phase="Failed", containerStatuses=[at_end(code=128, reason="StartError", message="not found.")]),
         "CreateContainerError",
         f"The pod has ended (container agent: exit code 128, StartError): {CREATE_CURE}. not found."),
        (pod(phase="Failed", initContainerStatuses=[at_end("setup", 4)]), "InitFailed",
         "The pod has ended before the agent could start (container setup: exit code 4); see its logs."),
        (pod(phase="Failed", initContainerStatuses=[at_end("setup", 0), at_end("side", 4)],
             containerStatuses=[at_end(code=137, reason="OOMKilled")]), "OOMKilled",
         f"The pod has ended (container agent: exit code 137, OOMKilled): {MEMORY_CURE}."),
        (pod(phase="Failed", containerStatuses=[at_end(code=7, reason="Error")]), "PodNotReady",
         "The pod has ended: container agent: exit code 7, Error."),
        (pod(phase="Succeeded", containerStatuses=[at_end(code=0, reason="Completed")]), "PodNotReady",
         "The pod has ended: container agent: exit code 0, Completed."),
    ],
)  # fmt: skip
def test_a_pod_that_has_ended_says_how(state: Json, reason: str, message: str) -> None:
    assert told(ended(state)) == told(readiness(state, NOW)) == (reason, message)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (pod(phase="Failed", reason="Preempting"), "Preempted"),
        (pod(phase="Failed", containerStatuses=[at_end("a", reason="A"), at_end(reason="Error")]), "Error"),
        (pod(phase="Failed", containerStatuses=[at_end("a", reason="A")]), "Failed"),
        (pod(phase="Failed", reason="UnexpectedAdmissionError", containerStatuses=[at_end("a")]),
         "UnexpectedAdmissionError"),
        (pod(phase="Succeeded", containerStatuses=[at_end(code=0)]), "Succeeded"),
        (pod(), "Failed"),
    ],
)  # fmt: skip
def test_why_a_pod_ended_is_told_in_one_word(state: Json, reason: str) -> None:
    assert end_reason(state) == reason


def test_the_phase_says_whether_a_pod_has_ended() -> None:
    phases = ("Pending", "Running", "Succeeded", "Failed", "Unknown", None)
    assert [has_ended(pod(phase=phase)) for phase in phases] == [False, False, True, True, False, False]


def test_since_when_a_pod_is_ready() -> None:
    since = ready("True", lastTransitionTime=AT)
    assert ready_since(pod(conditions=[{"type": "Else"}, since])) == datetime(2026, 1, 31, 11, 30, tzinfo=UTC)
    assert ready_since(pod(conditions=[ready("False", lastTransitionTime=AT)])) is None
    assert ready_since(leaving(conditions=[since])) is None
    assert ready_since(pod(conditions=[ready("True")])) is None


def test_restarts_are_those_of_the_agents_container() -> None:
    assert restarts(running({"name": "other", "restartCount": 5}, {"name": "agent", "restartCount": 3})) == 3
    assert restarts(running({"name": "agent", "restartCount": -1})) == 0
    assert restarts(running({"name": "agent", "restartCount": 1})) == 1
    assert restarts(running({"name": "agent"})) == restarts(pod()) == 0


def test_how_a_container_ended_last_is_told_in_full() -> None:
    end = at_end(code=3, reason="Error", message="m" * 5000, finishedAt=AT)
    assert last_termination(running(end)) == {
        "podUID": "u",
        "containerName": "agent",
        "exitCode": 3,
        "reason": "Error",
        "message": "m" * 4096,
        "finishedAt": AT,
    }
    assert last_termination(running(again(code=3))) == {"podUID": "u", "containerName": "agent", "exitCode": 3}
    assert last_termination(running(at_end(code=None, message="", finishedAt="x"))) == {
        "podUID": "u",
        "containerName": "agent",
    }


def test_of_several_that_ended_the_last_is_told_and_of_equals_the_agent() -> None:
    def name(*containers: Json, init: tuple[Json, ...] = ()) -> str | None:
        found = last_termination(running(*containers, init=init))
        return None if found is None else found["containerName"]

    assert name(at_end(finishedAt=AT), at_end("b", finishedAt=LATER)) == "b"
    assert name(at_end(finishedAt=LATER), at_end("b", finishedAt=AT)) == "agent"
    assert name(at_end("a", finishedAt=AT), at_end(finishedAt=AT), at_end("b", finishedAt=AT)) == "agent"
    assert name(at_end("a"), at_end(), at_end("b")) == "agent"
    assert name(at_end(finishedAt=AT), at_end("b")) == "agent"
    assert name(at_end(code=0, finishedAt=AT), init=(at_end("setup", 0, finishedAt=LATER),)) == "agent"
    assert name({"name": "agent"}, init=(at_end("setup", 0),)) is None
    assert name() is None


def test_the_end_that_lasts_counts_more_than_the_former_one() -> None:
    both = {**at_end(code=1), "lastState": {"terminated": {"exitCode": 2}}}
    found = last_termination(running(both))
    assert found is not None
    assert found["exitCode"] == 1


def test_when_the_agents_container_ended() -> None:
    ended_at = datetime(2026, 1, 31, 11, 30, tzinfo=UTC)
    assert finished_at(running(at_end("other", finishedAt=LATER), at_end(finishedAt=AT))) == ended_at
    assert finished_at(running(at_end(finishedAt="x"))) is None
    assert finished_at(running(at_end("other", finishedAt=AT))) is None

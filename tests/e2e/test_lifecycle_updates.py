"""What an edit of an Agent does to its pod: nothing, a change in place, or another pod."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.e2e.agents import SECONDS, conditions, quota_is_known, reasons, resource_quota
from tests.e2e.hand_node import HandNode
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.pod_states import resizing, running
from tests.e2e.stage import Json, Stage, tools
from tests.e2e.support import Kubectl, eventually

LESS: Json = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "200m", "memory": "128Mi"}}
SMALL, LARGE = {"cpu": "100m", "memory": "64Mi"}, {"cpu": "1", "memory": "256Mi"}
MORE: Json = {"requests": {"cpu": "300m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}}


def revisions(found: Json) -> tuple[str, str]:
    return found["status"]["currentRevision"], found["status"]["updateRevision"]


def resources(pod: Any) -> Json:
    found: Json = next(c for c in pod["spec"]["containers"] if c["name"] == "agent")["resources"]
    return found


def test_recreate_replaces_the_pod_and_tells_both_revisions(stage: Stage) -> None:
    pod = stage.run("recreated")
    before = revisions(stage.agent("recreated"))
    assert before[0] == before[1]
    stage.patch("recreated", env=[{"name": "A", "value": "1"}])
    found = stage.wait("recreated", lambda a: reasons(a).get("UpToDate") == "Recreating", "it is being replaced")
    assert reasons(found)["Ready"] == "Terminating"
    assert revisions(found)[0] == before[0]
    assert revisions(found)[1] != before[1]
    assert tools(found) == ("InProgress", "Progressing")
    assert stage.uid("recreated") == pod["metadata"]["uid"]  # never a second one
    stage.end(pod)
    again = stage.bound("recreated", other_than=pod)
    assert again["spec"]["containers"][0]["env"] == [{"name": "A", "value": "1"}]
    stage.node.report(again, running())
    found = stage.wait_ready("recreated")
    assert reasons(found)["UpToDate"] == "Current"
    assert revisions(found)[0] == revisions(found)[1] != before[1]
    assert tools(found) == ("Current", "Healthy")
    stage.wait_events("recreated", ("Normal", "Recreating"))


def test_an_edit_that_is_taken_back_while_the_pod_ends_makes_the_former_one_again(stage: Stage) -> None:
    pod = stage.run("undone")
    before = revisions(stage.agent("undone"))
    stage.patch("undone", args=["1"])
    stage.wait_reason("undone", "UpToDate", "Recreating")
    stage.patch("undone", args=None)
    stage.end(pod)
    stage.node.report(stage.bound("undone", other_than=pod), running())
    found = stage.wait_ready("undone")
    assert reasons(found)["UpToDate"] == "Current"
    assert revisions(found) == before


def test_on_delete_leaves_the_pod_until_somebody_deletes_it(stage: Stage) -> None:
    pod = stage.run("patient", updateStrategy="OnDelete")
    before = revisions(stage.agent("patient"))
    stage.patch("patient", args=["1"])
    found = stage.wait_reason("patient", "UpToDate", "UpdatePending")
    assert "until somebody deletes it" in conditions(found)["UpToDate"]["message"]
    assert reasons(found)["Ready"] == "PodReady"
    assert revisions(found)[0] == before[0]
    assert revisions(found)[1] != before[1]
    assert tools(found) == ("Current", "Healthy")
    assert stage.uid("patient") == pod["metadata"]["uid"]
    stage.kubectl("delete", "pod", "patient", "--wait=false", namespace=stage.namespace)
    stage.end(pod)
    again = stage.bound("patient", other_than=pod)
    stage.node.report(again, running())
    found = stage.wait_reason("patient", "UpToDate", "Current")
    assert revisions(found)[0] == revisions(found)[1] != before[1]
    assert again["spec"]["containers"][0]["command"][-2:] == ["infinity", "1"]
    stage.wait_events("patient", ("Normal", "UpdatePending"), ("Normal", "PodDeleted"), ("Normal", "Recreating"))


def test_labels_and_annotations_change_in_place_and_those_of_others_stay(stage: Stage) -> None:
    def template(**metadata: dict[str, str]) -> Json:
        return stage.manifest("labelled", podTemplate={"metadata": metadata})

    first = template(labels={"team": "a", "tier": "x"}, annotations={"example.com/note": "1"})
    stage.apply(first)
    pod = stage.bound("labelled")
    stage.node.report(pod, running())
    before = revisions(stage.wait_ready("labelled"))
    stage.kubectl("label", "pod", "labelled", "others=own", namespace=stage.namespace)
    stage.apply(template(labels={"team": "b"}, annotations={"example.com/note": "2", "example.com/new": "3"}))

    def is_changed() -> bool:
        metadata = stage.pod("labelled")["metadata"]
        assert metadata["uid"] == pod["metadata"]["uid"]
        labels, annotations = metadata["labels"], metadata["annotations"]
        assert (labels.get("team"), labels.get("tier"), labels.get("others")) == ("b", None, "own")
        assert (annotations.get("example.com/note"), annotations.get("example.com/new")) == ("2", "3")
        return True

    eventually(is_changed, SECONDS, "labels and annotations are patched")
    found = stage.wait("labelled", lambda a: a["status"]["observedGeneration"] == 2, "the edit is seen")
    assert reasons(found)["UpToDate"] == "Current"
    assert revisions(found) == before
    assert stage.events("labelled") == []


def test_cpu_and_memory_are_resized_in_place_and_told_once_the_node_says_so(stage: Stage) -> None:
    pod = stage.start("resized", resources=LESS)
    stage.node.report(pod, resizing(1))
    before = revisions(stage.wait_ready("resized"))
    stage.patch("resized", resources=MORE)
    eventually(lambda: resources(stage.pod("resized")) == MORE, SECONDS, "the pod asks for more")
    found = stage.wait(
        "resized", lambda a: "not seen" in conditions(a)["UpToDate"]["message"], "the node is waited for"
    )
    assert reasons(found)["UpToDate"] == "UpdatePending"
    resized = stage.pod("resized")
    generation = resized["metadata"]["generation"]
    assert generation == 2
    stage.node.report(resized, resizing(generation, type="PodResizeInProgress", message="going on"))
    stage.wait("resized", lambda a: "going on" in conditions(a)["UpToDate"]["message"], "the resize goes on")
    gone = {"conditions": [{"type": "PodResizeInProgress", "$patch": "delete"}]}
    stage.node.report(resized, gone)
    found = stage.wait_reason("resized", "UpToDate", "Current")
    assert stage.uid("resized") == pod["metadata"]["uid"]
    assert revisions(found) == before
    assert reasons(found)["Ready"] == "PodReady"


def test_a_resize_that_the_node_puts_off_is_waited_for(stage: Stage) -> None:
    pod = stage.start("deferred", resources=LESS)
    stage.node.report(pod, resizing(1))
    stage.wait_ready("deferred")
    stage.patch("deferred", resources=MORE)
    eventually(lambda: resources(stage.pod("deferred")) == MORE, SECONDS, "the pod asks for more")
    stage.node.report(pod, resizing(2, type="PodResizePending", reason="Deferred", message="no room now"))
    stage.wait("deferred", lambda a: "off: no room now" in conditions(a)["UpToDate"]["message"], "it is put off")
    assert reasons(stage.agent("deferred"))["UpToDate"] == "UpdatePending"
    assert stage.uid("deferred") == pod["metadata"]["uid"]
    stage.node.report(pod, {"conditions": [{"type": "PodResizePending", "$patch": "delete"}]})
    stage.wait_reason("deferred", "UpToDate", "Current")
    assert stage.uid("deferred") == pod["metadata"]["uid"]


def test_a_resize_that_the_node_can_never_give_takes_another_pod(stage: Stage) -> None:
    pod = stage.start("infeasible", resources=LESS)
    stage.node.report(pod, resizing(1))
    stage.wait_ready("infeasible")
    stage.patch("infeasible", resources=MORE)
    eventually(lambda: resources(stage.pod("infeasible")) == MORE, SECONDS, "the pod asks for more")
    news = resizing(2, type="PodResizePending", reason="Infeasible", message="never so much")
    stage.node.report(pod, news)
    found = stage.wait_reason("infeasible", "UpToDate", "Recreating")
    assert "never so much" in conditions(found)["UpToDate"]["message"]
    eventually(lambda: stage.is_ending(pod), SECONDS, "the pod is being deleted")
    time.sleep(1)
    assert reasons(stage.agent("infeasible"))["UpToDate"] == "Recreating"  # until it is gone
    stage.end(pod)
    again = stage.bound("infeasible", other_than=pod)
    assert resources(again) == MORE
    stage.node.report(again, running())
    assert reasons(stage.wait_ready("infeasible"))["UpToDate"] == "Current"


def test_a_resize_that_the_api_server_finds_impossible_takes_another_pod(stage: Stage) -> None:
    pod = stage.run("classless")  # without resources: a resize must not change the class of service
    assert pod["status"]["qosClass"] == "BestEffort"
    stage.patch("classless", resources=LESS)
    stage.wait_reason("classless", "UpToDate", "Recreating")
    stage.end(pod)
    again = stage.bound("classless", other_than=pod)
    assert (again["status"]["qosClass"], resources(again)) == ("Burstable", LESS)
    stage.node.report(again, running())
    assert reasons(stage.wait_ready("classless"))["UpToDate"] == "Current"
    stage.wait_events("classless", ("Normal", "UpdatePending"), ("Normal", "Recreating"))
    assert "refuses to resize the pod" in stage.notes("classless")["Recreating"]


def test_a_guaranteed_agent_is_resized_in_place_and_stays_guaranteed(stage: Stage) -> None:
    less, more = ({"limits": amounts, "requests": amounts} for amounts in (SMALL, LARGE))
    pod = stage.run("guaranteed", resources=less)
    assert pod["status"]["qosClass"] == "Guaranteed"
    stage.patch("guaranteed", resources=more)
    eventually(lambda: resources(stage.pod("guaranteed")) == more, SECONDS, "the pod asks for more")
    assert stage.uid("guaranteed") == pod["metadata"]["uid"]
    assert reasons(stage.wait_ready("guaranteed"))["UpToDate"] == "Current"


def test_a_resize_that_a_quota_forbids_is_told_and_the_pod_stays(
    kubectl: Kubectl, namespace: str, operator: OperatorProcess
) -> None:
    hard = {"requests.cpu": "150m"}
    with HandNode(kubectl) as node:
        stage = Stage(kubectl, namespace, node, operator)
        stage.apply(resource_quota("small", hard))
        eventually(lambda: quota_is_known(kubectl, "small", namespace), SECONDS, "the quota is in force")
        pod = stage.run("one", resources=LESS)
        stage.patch("one", resources=MORE)
        found = stage.wait("one", lambda a: "exceeded quota" in conditions(a)["UpToDate"]["message"], "it is told")
        assert reasons(found)["UpToDate"] == "UpdatePending"
        assert reasons(found)["Ready"] == "PodReady"
        assert (stage.uid("one"), resources(stage.pod("one"))) == (pod["metadata"]["uid"], LESS)


def test_what_does_not_concern_the_pod_leaves_it_alone(stage: Stage) -> None:
    pod = stage.run("unconcerned")
    stage.patch("unconcerned", service={"ports": [{"port": 80}]}, updateStrategy="OnDelete")
    found = stage.wait("unconcerned", lambda a: a["status"]["observedGeneration"] == 2, "the edit is seen")
    assert reasons(found)["UpToDate"] == "Current"
    now = stage.pod("unconcerned")["metadata"]
    assert (now["uid"], now["generation"]) == (pod["metadata"]["uid"], pod["metadata"]["generation"])
    assert stage.events("unconcerned") == []


def test_scale_suspends_and_wakes_an_agent(stage: Stage) -> None:
    pod = stage.run("sleeper")
    stage.scale("sleeper", 0)
    found = stage.wait_reason("sleeper", "Suspended", "ScaledToZero")
    assert "Ready" not in conditions(found)
    assert tools(found) == ("Current", "Suspended")
    stage.scale("sleeper", 1)  # awake again before the pod is gone: it is still one at most
    stage.wait_reason("sleeper", "Ready", "Terminating")
    assert stage.uid("sleeper") == pod["metadata"]["uid"]
    stage.end(pod)
    again = stage.bound("sleeper", other_than=pod)
    stage.node.report(again, running())
    stage.wait_ready("sleeper")
    stage.scale("sleeper", 0)
    stage.end(again)
    stage.wait_gone("sleeper")
    found = stage.wait("sleeper", lambda a: "podName" not in a["status"], "the pod is not told of any more")
    assert found["status"]["replicas"] == 0
    path = f"/apis/agentctl.dev/v1alpha1/namespaces/{stage.namespace}/agents/sleeper/scale"
    scale = json.loads(stage.kubectl("get", "--raw", path).stdout)
    assert scale["spec"].get("replicas", 0) == scale["status"]["replicas"] == 0
    stage.wait_events("sleeper", ("Normal", "ScaledToZero"), ("Normal", "Running"), ("Normal", "ScaledToZero"))

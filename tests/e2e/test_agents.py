"""The life of Agents on a real API server, with the operator as a process."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from agentctl_core import API_VERSION
from tests.e2e.agents import SECONDS, Cluster, agent
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.support import Kubectl, condition, eventually, pod_manifest

OWN_LABELS = {
    "app.kubernetes.io/name": "agent",
    "app.kubernetes.io/component": "agent",
    "app.kubernetes.io/managed-by": "agentctl",
}


@pytest.fixture
def cluster(kubectl: Kubectl, namespace: str) -> Cluster:
    return Cluster(kubectl, namespace)


def test_a_valid_agent_gets_exactly_one_pod_that_is_its_own(cluster: Cluster, operator: OperatorProcess) -> None:
    assert operator.is_alive
    cluster.apply(agent("one", env=[{"name": "A", "value": "1"}], ports=[{"containerPort": 8080}]))
    owner = cluster.wait_ready("one")
    assert cluster.names("pods") == ["one"]
    pod = cluster.pod("one")
    assert pod["metadata"]["ownerReferences"] == [
        {
            "apiVersion": API_VERSION,
            "kind": "Agent",
            "name": "one",
            "uid": owner["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    assert pod["metadata"]["labels"] == OWN_LABELS | {"app.kubernetes.io/instance": "one", "agentctl.dev/agent": "one"}
    container = pod["spec"]["containers"][0]
    assert (container["name"], container["image"]) == ("agent", "busybox:1.37")
    assert container["command"] == ["/agentctl/bin/tini", "-s", "--", "sleep", "infinity"]
    assert container["env"] == [{"name": "A", "value": "1"}]


def test_the_status_holds_the_documented_fields_and_nothing_else_is_written(
    cluster: Cluster, operator: OperatorProcess
) -> None:
    assert operator.is_alive
    cluster.apply(agent("one"))
    found = cluster.wait_ready("one")
    status = found["status"]
    told = {"observedGeneration", "conditions", "replicas", "selector", "podName", "podIPs", "nodeName", "restarts"}
    assert set(status) == told | {"currentRevision", "updateRevision", "startTime"}
    assert status["currentRevision"] == status["updateRevision"]
    assert status["observedGeneration"] == found["metadata"]["generation"] == 1
    assert (status["replicas"], status["selector"]) == (1, "agentctl.dev/agent=one")
    assert status["podName"] == "one"
    assert status["podIPs"] == cluster.pod("one")["status"]["podIPs"]
    assert [(c["type"], c["status"], c["reason"]) for c in status["conditions"]] == [
        ("Accepted", "True", "Accepted"),
        ("Ready", "True", "PodReady"),
        ("UpToDate", "True", "Current"),
        ("Suspended", "False", "Running"),
    ]
    raw = cluster.kubectl.json("get", "agent", "one", "--show-managed-fields", namespace=cluster.namespace)
    assert not raw["metadata"].get("annotations")
    assert not raw["metadata"].get("finalizers")
    ours = [m for m in raw["metadata"]["managedFields"] if m["manager"] != "kubectl"]
    assert [(m["manager"], m.get("subresource"), set(m["fieldsV1"])) for m in ours] == [
        ("agentctl", "status", {"f:status"})
    ]


def test_kubectl_get_agents_shows_what_matters(cluster: Cluster, operator: OperatorProcess) -> None:
    assert operator.is_alive
    cluster.apply(agent("one"))
    cluster.wait_ready("one")
    header, row = cluster.kubectl("get", "agents", namespace=cluster.namespace).stdout.splitlines()
    assert header.split() == ["NAME", "READY", "REASON", "UPTODATE", "POD", "AGE"]
    assert row.split()[:5] == ["one", "True", "PodReady", "True", "one"]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({}, "spec.image"),
        ({"image": ""}, "spec.image"),
        ({"image": 5}, "spec.image"),
        ({"image": "x", "command": "sleep"}, "spec.command"),
        ({"image": "x", "env": [{"name": "A", "value": 1}]}, "spec.env[0].value"),
        ({"image": "x", "env": [{"name": "A"}, {"name": "A"}]}, "spec.env[1]"),
        ({"image": "x", "replicas": 2}, "spec.replicas"),
        ({"image": "x", "resources": {"limits": {"memory": "lots"}}}, "spec.resources.limits.memory"),
        ({"image": "x", "imagee": "y"}, "spec.imagee"),
    ],
)
def test_the_api_server_refuses_a_bad_spec_and_names_the_field(
    cluster: Cluster, crd: str, spec: dict[str, Any], field: str
) -> None:
    bad = json.dumps(agent("bad") | {"spec": spec})
    done = cluster.kubectl("create", "-f", "-", namespace=cluster.namespace, input=bad, check=False)
    assert done.returncode != 0
    assert field in done.stderr
    assert cluster.names(crd) == []


@pytest.mark.parametrize("name", ["a.b", "a" * 64])
def test_the_api_server_refuses_a_name_that_no_pod_label_can_hold(cluster: Cluster, crd: str, name: str) -> None:
    bad = json.dumps(agent(name))
    done = cluster.kubectl("create", "-f", "-", namespace=cluster.namespace, input=bad, check=False)
    assert "DNS label" in done.stderr
    assert cluster.names(crd) == []


def test_a_spec_that_only_the_pod_shows_to_be_wrong_is_told_and_can_be_cured(
    cluster: Cluster, operator: OperatorProcess
) -> None:
    assert operator.is_alive
    cluster.apply(agent("odd", resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}))
    found = cluster.wait_reason("odd", "Ready", "CreateRejected")
    message = next(c["message"] for c in found["status"]["conditions"] if c["type"] == "Ready")
    assert "resources.requests" in message
    cluster.apply(agent("odd", resources={"requests": {"cpu": "1"}, "limits": {"cpu": "1"}}))
    cluster.wait_ready("odd")


def test_a_spec_that_only_the_operator_finds_wrong_gets_no_pod_and_can_be_cured(
    cluster: Cluster, operator: OperatorProcess
) -> None:
    cluster.apply(agent("odd", podTemplate={"metadata": {"labels": {"agentctl.dev/agent": "x"}}}))
    found = cluster.wait_reason("odd", "Accepted", "InvalidSpec")
    message = next(c["message"] for c in found["status"]["conditions"] if c["type"] == "Accepted")
    assert "spec.podTemplate.metadata.labels" in message
    assert cluster.pod("odd") is None
    cluster.apply(agent("odd"))
    cluster.wait_ready("odd")
    cluster.wait_events("odd", ("Warning", "InvalidSpec"))
    assert operator.complaints() == []


def test_a_deleted_agent_leaves_nothing(cluster: Cluster, operator: OperatorProcess, crd: str) -> None:
    assert operator.is_alive
    cluster.apply(agent("one"))
    cluster.wait_ready("one")
    cluster.delete("one")
    cluster.wait_gone("one")
    assert cluster.names(crd) == []
    left = cluster.kubectl.json("get", "all,configmaps,persistentvolumeclaims", namespace=cluster.namespace)["items"]
    assert [i["metadata"]["name"] for i in left if i["metadata"]["name"] != "kube-root-ca.crt"] == []


def test_foreground_deletion_returns_after_the_pod_is_gone(cluster: Cluster, operator: OperatorProcess) -> None:
    assert operator.is_alive
    cluster.apply(agent("one"))
    cluster.wait_ready("one")
    cluster.delete("one", "--cascade=foreground")
    assert cluster.pod("one") is None
    assert cluster.agent("one") is None


def test_delete_and_recreate_at_once_ends_with_the_new_agents_pod(cluster: Cluster, operator: OperatorProcess) -> None:
    cluster.apply(agent("one"))
    for generation in range(3):
        first = cluster.wait_ready("one")
        cluster.delete("one")
        cluster.apply(agent("one", args=[str(generation)]))

        def is_successor(former: str = first["metadata"]["uid"]) -> bool:
            pod, owner = cluster.pod("one"), cluster.agent("one")
            return (
                owner["metadata"]["uid"] != former
                and pod is not None
                and pod["metadata"]["ownerReferences"][0]["uid"] == owner["metadata"]["uid"]
                and condition(owner, "Ready") == "True"
            )

        eventually(is_successor, SECONDS, "the new Agent's pod is ready")
    assert cluster.names("pods") == ["one"]
    assert operator.complaints() == []


def test_a_strangers_pod_is_never_touched_and_its_end_cures_the_conflict(
    cluster: Cluster, operator: OperatorProcess
) -> None:
    cluster.apply(pod_manifest("one"))
    eventually(lambda: condition(cluster.pod("one"), "Ready") == "True", SECONDS, "the stranger runs")
    stranger = cluster.pod("one")
    cluster.apply(agent("one"))
    found = cluster.wait_reason("one", "Accepted", "NameConflict")
    assert condition(found, "Accepted") == "False"
    assert cluster.pod("one") == stranger
    cluster.kubectl("delete", "pod", "one", "--wait=true", namespace=cluster.namespace)
    cluster.wait_ready("one")
    events = cluster.kubectl.json("get", "events", "--field-selector=reason=NameConflict", namespace=cluster.namespace)
    assert len(events["items"]) == 1
    assert operator.complaints() == []


def test_suspend_and_wake_through_the_scale_subresource(cluster: Cluster, operator: OperatorProcess) -> None:
    assert operator.is_alive
    cluster.apply(agent("one"))
    cluster.wait_ready("one")
    cluster.kubectl("scale", "agent/one", "--replicas=0", namespace=cluster.namespace)
    cluster.wait_gone("one")
    eventually(lambda: condition(cluster.agent("one"), "Ready") is None, SECONDS, "Ready is absent")
    assert cluster.agent("one")["status"]["replicas"] == 0
    cluster.kubectl("scale", "agent/one", "--replicas=1", namespace=cluster.namespace)
    cluster.wait_ready("one")


def test_an_operator_that_is_asked_to_end_does_so_with_exit_code_0(operator: OperatorProcess) -> None:
    started = time.monotonic()
    assert operator.stop() == 0
    assert time.monotonic() - started < 30
    operator.start()

from __future__ import annotations

from typing import Any

import pytest

from agentctl_core import AGENT_LABEL, Ref, reconcile
from agentctl_core.testing import ModelCluster, Scenario, Timings, assert_converges

from .support import (
    agent,
    agent_ref,
    condition,
    exists,
    new_cluster,
    pod,
    pod_ref,
    reconcile_once,
    refusal,
    writes_until_quiet,
)


@pytest.fixture
def cluster() -> ModelCluster:
    return new_cluster()


def running(cluster: ModelCluster, **spec: Any) -> dict[str, Any]:
    cluster.create(agent(**spec))
    writes_until_quiet(cluster)
    return cluster.get(agent_ref())


def test_a_valid_agent_gets_a_ready_pod_and_then_nothing_is_written(cluster: ModelCluster) -> None:
    found = running(cluster)
    assert condition(found, "Accepted") == ("True", "Accepted")
    assert condition(found, "Ready") == ("True", "PodReady")
    assert found["status"]["podIPs"] == cluster.get(pod_ref())["status"]["podIPs"]
    assert cluster.get(pod_ref())["metadata"]["labels"][AGENT_LABEL] == "demo"
    version = cluster.storage.resource_version
    cluster.advance(3600)
    writes_until_quiet(cluster)
    assert cluster.storage.resource_version == version


def test_an_agent_that_a_rule_refuses_gets_a_status_and_an_event_and_no_pod(cluster: ModelCluster) -> None:
    # The schema of the CRD takes this label: its clash with the operator's own is found by the core.
    found = running(cluster, podTemplate={"metadata": {"labels": {AGENT_LABEL: "mine"}}})
    assert condition(found, "Accepted") == ("False", "InvalidSpec")
    assert not exists(cluster, pod_ref())
    events, _ = cluster.list("events.k8s.io/v1", "Event")
    assert [event["reason"] for event in events] == ["InvalidSpec"]


def test_an_edit_of_which_no_pod_can_be_made_leaves_the_one_that_runs() -> None:
    never = {"image": "example.com/agent:2", "wrapper": {"commandResolution": "Never"}}
    scenario = Scenario(spec={"image": "example.com/agent:1", "command": ["agent"]}, versions=[never])
    assert assert_converges(scenario, [(8, "edit")], seed=1).faults == ("edit",)


def test_a_stranger_is_not_met_where_no_pod_can_be_made() -> None:
    scenario = Scenario(spec={"image": "example.com/agent:2", "wrapper": {"commandResolution": "Never"}})
    assert assert_converges(scenario, [(5, "stranger")], seed=1).faults == ("stranger",)


def test_suspending_ends_the_pod_and_resuming_makes_another(cluster: ModelCluster) -> None:
    running(cluster)
    first = cluster.get(pod_ref())["metadata"]["uid"]
    cluster.patch(agent_ref(), {"spec": {"replicas": 0}})
    writes_until_quiet(cluster)
    assert not exists(cluster, pod_ref())
    cluster.patch(agent_ref(), {"spec": {"replicas": 1}})
    writes_until_quiet(cluster)
    assert cluster.get(pod_ref())["metadata"]["uid"] != first


def test_a_background_deletion_leaves_nothing(cluster: ModelCluster) -> None:
    running(cluster)
    cluster.delete(agent_ref(), propagation="Background")
    assert not exists(cluster, agent_ref())
    assert exists(cluster, pod_ref())
    writes_until_quiet(cluster)
    assert not exists(cluster, pod_ref())


def test_a_foreground_deletion_keeps_the_agent_until_its_pod_is_gone(cluster: ModelCluster) -> None:
    running(cluster)
    cluster.delete(agent_ref(), propagation="Foreground")
    cluster.settle()
    reconcile_once(cluster)
    assert condition(cluster.get(agent_ref()), "Ready") == ("False", "Terminating")
    assert "deletionTimestamp" in cluster.get(pod_ref())["metadata"]
    writes_until_quiet(cluster)
    assert not exists(cluster, pod_ref())
    assert not exists(cluster, agent_ref())


def test_an_agent_of_the_same_name_waits_for_the_pod_of_its_predecessor(cluster: ModelCluster) -> None:
    running(cluster)
    former = cluster.get(pod_ref())["metadata"]["uid"]
    cluster.delete(agent_ref())
    cluster.create(agent())
    cluster.settle()
    reconcile_once(cluster)
    assert condition(cluster.get(agent_ref()), "Ready") == ("False", "Terminating")
    assert cluster.get(pod_ref())["metadata"]["uid"] == former
    writes_until_quiet(cluster)
    assert condition(cluster.get(agent_ref()), "Ready") == ("True", "PodReady")
    assert cluster.get(pod_ref())["metadata"]["uid"] != former


def test_a_strangers_pod_is_left_alone(cluster: ModelCluster) -> None:
    cluster.create(pod())
    cluster.settle()
    before = cluster.get(pod_ref())
    found = running(cluster)
    assert condition(found, "Accepted") == ("False", "NameConflict")
    assert cluster.get(pod_ref()) == before
    cluster.delete(pod_ref())
    writes_until_quiet(cluster)
    assert condition(cluster.get(agent_ref()), "Ready") == ("True", "PodReady")


def test_a_pod_that_is_refused_is_told_and_tried_again_after_the_requeue(cluster: ModelCluster) -> None:
    # The CRD takes any image; the API server's rules for pods do not.
    found = running(cluster, image="example/agent ", command=["run"])
    assert condition(found, "Ready") == ("False", "CreateRejected")
    assert "must not have leading or trailing whitespace" in str(found["status"])
    cluster.advance(30)
    assert len(cluster.observe(found).objects) == 0


def test_a_conflict_ends_the_plan(cluster: ModelCluster) -> None:
    cluster.create(agent())
    manifest = cluster.get(agent_ref())
    cluster.patch(agent_ref(), {"metadata": {"labels": {"a": "b"}}})
    create, status = reconcile(manifest, cluster.observe(manifest))
    assert cluster.execute(create)
    assert not cluster.execute(status)


def test_a_terminating_namespace_refuses_the_pod_and_takes_the_agent_along(cluster: ModelCluster) -> None:
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})
    manifest = agent()
    manifest["metadata"]["namespace"] = "team"
    cluster.create(manifest)
    cluster.delete(Ref("v1", "Namespace", "", "team"))
    status = refusal(lambda: cluster.create(manifest | {"metadata": {"name": "late", "namespace": "team"}})).status
    assert (status["code"], status["details"]["causes"][0]["reason"]) == (403, "NamespaceTerminating")
    cluster.settle()
    assert cluster.list("v1", "Namespace")[0][0]["metadata"]["name"] == "default"
    assert cluster.list("agentctl.dev/v1alpha1", "Agent")[0] == []


def test_the_same_calls_give_the_same_cluster() -> None:
    def history() -> list[Any]:
        cluster = new_cluster()
        running(cluster)
        cluster.delete(agent_ref(), propagation="Foreground")
        writes_until_quiet(cluster)
        return list(cluster.storage.changes)

    assert history() == history()


def test_a_copy_goes_its_own_way(cluster: ModelCluster) -> None:
    running(cluster)
    other = cluster.copy()
    other.delete(agent_ref())
    writes_until_quiet(other)
    assert exists(cluster, agent_ref())
    assert exists(cluster, pod_ref())
    assert not exists(other, pod_ref())


def test_a_deadline_that_passes_is_another_event_and_no_other_name_of_one() -> None:
    task = Scenario(
        spec={"image": "example.com/agent:1", "restartPolicy": "OnFailure", "activeDeadlineSeconds": 3},
        timings=Timings(schedule=0, start=2, stop=3, run=20),
    )
    for seed in range(4):
        assert assert_converges(task, [(0, "agent-fails")], seed=seed).faults == ("agent-fails",)

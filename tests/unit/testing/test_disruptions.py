"""What befalls pods and nodes by other hands than the operator's."""

from __future__ import annotations

from typing import Any

import pytest

from agentctl_core.testing import ModelCluster, Refused, Timings

from .support import condition, exists, new_cluster, pod, pod_ref


def run(cluster: ModelCluster, seconds: float = 0) -> None:
    cluster.advance(seconds)
    cluster.settle()


def running(nodes: tuple[str, ...] = ("node-1",), **spec: Any) -> ModelCluster:
    cluster = new_cluster(nodes=nodes, timings=Timings(run=20))
    cluster.create(pod(**spec) | {"spec": {"containers": [{"name": "agent", "image": "example/image:1"}], **spec}})
    cluster.settle()
    return cluster


def container(cluster: ModelCluster) -> dict[str, Any]:
    found: dict[str, Any] = cluster.get(pod_ref())["status"]["containerStatuses"][0]
    return found


def test_an_evicted_pod_has_failed_and_stays() -> None:
    cluster = running()
    cluster.evict(pod_ref())
    run(cluster, 3600)
    status = cluster.get(pod_ref())["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "Evicted")
    assert condition(cluster.get(pod_ref()), "DisruptionTarget") == ("True", "TerminationByKubelet")
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137


@pytest.mark.parametrize(("how", "reason"), [("drain", "EvictionByEvictionAPI"), ("preempt", "PreemptionByScheduler")])
def test_a_pod_that_has_to_go_says_why_and_ends_with_its_grace_period(how: str, reason: str) -> None:
    cluster = running()
    getattr(cluster, how)(pod_ref())
    assert condition(cluster.get(pod_ref()), "DisruptionTarget") == ("True", reason)
    assert "deletionTimestamp" in cluster.get(pod_ref())["metadata"]
    run(cluster, 1)
    assert not exists(cluster, pod_ref())


def test_a_pod_ends_with_its_nodes_shutdown() -> None:
    cluster = running()
    cluster.shut_down(pod_ref())
    run(cluster)
    status = cluster.get(pod_ref())["status"]
    assert (status["phase"], status["reason"]) == ("Failed", "Terminated")


def test_a_container_that_ends_is_started_again_after_ever_longer_waits() -> None:
    cluster = running()
    for restarts, wait in enumerate((10, 20, 40, 80, 160, 300, 300)):
        cluster.end_container(pod_ref(), exit_code=1)
        assert container(cluster)["state"]["waiting"]["reason"] == "CrashLoopBackOff"
        assert condition(cluster.get(pod_ref()), "Ready") == ("False", "ContainersNotReady")
        run(cluster, wait - 1)
        assert container(cluster)["restartCount"] == restarts
        run(cluster, 1)
        assert container(cluster)["restartCount"] == restarts + 1
        assert container(cluster)["lastState"]["terminated"]["exitCode"] == 1
        assert condition(cluster.get(pod_ref()), "Ready") == ("True", "")


@pytest.mark.parametrize(
    ("policy", "exit_code", "phase"),
    [
        ("Never", 1, "Failed"),
        ("Never", 0, "Succeeded"),
        ("OnFailure", 0, "Succeeded"),
        ("OnFailure", 1, "Running"),
        ("Always", 0, "Running"),
    ],
)
def test_whether_a_pod_ends_with_its_container_depends_on_its_restart_policy(
    policy: str, exit_code: int, phase: str
) -> None:
    cluster = running(restartPolicy=policy)
    cluster.end_container(pod_ref(), exit_code=exit_code)
    assert cluster.get(pod_ref())["status"]["phase"] == phase


def test_a_pod_whose_image_cannot_be_pulled_waits_until_it_can() -> None:
    cluster = new_cluster(timings=Timings(start=2))
    agent = {"name": "agent", "image": "example/image:1", "resources": {"requests": {"cpu": "1"}}}
    cluster.create(pod() | {"spec": {"containers": [agent]}})
    cluster.settle()
    cluster.lose_image(pod_ref())
    waiting = container(cluster)["state"]["waiting"]
    assert waiting == {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "example/image:1"'}
    assert cluster.next_deadline() is None
    run(cluster, 1000)
    assert (cluster.get(pod_ref())["status"]["phase"], container(cluster)["state"]["waiting"]) == ("Pending", waiting)
    # Its kubelet sees what changes meanwhile.
    more = {"requests": {"cpu": "2"}}
    cluster.patch(pod_ref(), {"spec": {"containers": [agent | {"resources": more}]}}, subresource="resize")
    run(cluster)
    assert (cluster.get(pod_ref())["status"]["observedGeneration"], container(cluster)["resources"]) == (2, more)
    cluster.restore_image(pod_ref())
    assert container(cluster)["state"] == {"waiting": {"reason": "ContainerCreating"}}
    run(cluster)
    assert condition(cluster.get(pod_ref()), "Ready") == ("True", "")


def test_the_program_of_a_task_ends_by_itself() -> None:
    cluster = running(restartPolicy="OnFailure")
    deadline = cluster.next_deadline()
    assert deadline is not None
    assert (deadline - cluster.now).total_seconds() == 20
    run(cluster, 20)
    assert cluster.get(pod_ref())["status"]["phase"] == "Succeeded"
    assert running().next_deadline() is None


def test_a_pod_on_a_lost_node_is_not_ready_though_its_containers_are_and_nobody_confirms_its_end() -> None:
    cluster = running()
    cluster.lose_node("node-1")
    run(cluster)
    found = cluster.get(pod_ref())
    assert condition(found, "Ready") == ("False", "")
    assert condition(found, "ContainersReady") == ("True", "")
    assert found["status"]["phase"] == "Running"
    run(cluster, 299)
    assert "deletionTimestamp" not in cluster.get(pod_ref())["metadata"]
    run(cluster, 1)
    assert condition(cluster.get(pod_ref()), "DisruptionTarget") == ("True", "DeletionByTaintManager")
    run(cluster, 100_000)
    assert exists(cluster, pod_ref())


def test_a_node_that_is_back_confirms_what_it_was_asked_for() -> None:
    cluster = running()
    cluster.lose_node("node-1")
    run(cluster)
    cluster.restore_node("node-1")
    run(cluster)
    assert condition(cluster.get(pod_ref()), "Ready") == ("True", "")
    cluster.lose_node("node-1")
    cluster.delete(pod_ref())
    run(cluster, 1000)
    assert exists(cluster, pod_ref())
    cluster.restore_node("node-1")
    run(cluster)
    assert not exists(cluster, pod_ref())


def test_the_pods_of_a_node_that_is_removed_are_cleared_away() -> None:
    cluster = running(nodes=("node-1", "node-2"))
    assert cluster.get(pod_ref())["spec"]["nodeName"] == "node-1"
    cluster.lose_node("node-1")
    cluster.remove_node("node-1")
    run(cluster)
    assert not exists(cluster, pod_ref())


def test_pods_go_to_a_node_that_answers_and_has_room() -> None:
    cluster = running(nodes=("node-1", "node-2"))
    cluster.lose_node("node-1")
    cluster.create(pod("other"))
    cluster.create(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "large"}}
        | {"spec": {"containers": [{"name": "a", "image": "i", "resources": {"requests": {"cpu": "9"}}}]}}
    )
    run(cluster)
    assert cluster.get(pod_ref("other"))["spec"]["nodeName"] == "node-2"
    assert condition(cluster.get(pod_ref("large")), "PodScheduled") == ("False", "Unschedulable")
    cluster.remove_node("node-2")
    cluster.add_node("node-3")
    cluster.create(pod("third"))
    run(cluster)
    assert cluster.get(pod_ref("third"))["spec"]["nodeName"] == "node-3"


def test_a_resize_beyond_the_node_is_told_and_not_put_into_effect() -> None:
    container_of = {"name": "agent", "image": "example/image:1"}
    before = {"requests": {"cpu": "1"}}
    cluster = running(containers=[container_of | {"resources": before}], automountServiceAccountToken=False)
    for cpu, told in (("9", [("PodResizePending", "Infeasible")]), ("2", [])):
        containers = [container_of | {"resources": {"requests": {"cpu": cpu}}}]
        cluster.patch(pod_ref(), {"spec": {"containers": containers}}, subresource="resize")
        run(cluster)
        conditions = cluster.get(pod_ref())["status"]["conditions"]
        assert [(c["type"], c["reason"]) for c in conditions if c["type"] == "PodResizePending"] == told
        assert container(cluster)["resources"] == (before if told else {"requests": {"cpu": "2"}})


def test_a_pods_status_says_which_generation_it_speaks_of() -> None:
    cluster = running()
    found = cluster.get(pod_ref())
    assert found["status"]["observedGeneration"] == found["metadata"]["generation"]


def test_what_befalls_a_pod_that_is_not_there_is_refused() -> None:
    cluster = new_cluster()
    for befall in (cluster.evict, cluster.drain, cluster.preempt, cluster.shut_down):
        with pytest.raises(Refused):
            befall(pod_ref())
    with pytest.raises(Refused):
        cluster.end_container(pod_ref(), exit_code=1)

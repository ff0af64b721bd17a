from __future__ import annotations

from datetime import timedelta

from agentctl_core.testing import ModelCluster, Timings

from .support import START, condition, exists, new_cluster, pod, pod_ref


def run(cluster: ModelCluster, seconds: float = 0) -> None:
    cluster.advance(seconds)
    cluster.settle()


def test_a_pod_is_scheduled_started_and_ready_at_once_by_default() -> None:
    cluster = new_cluster()
    cluster.create(pod())
    run(cluster)
    found = cluster.get(pod_ref())
    assert found["spec"]["nodeName"] == "node-1"
    assert (found["status"]["phase"], found["status"]["podIP"]) == ("Running", "10.244.0.2")
    assert condition(found, "Ready") == ("True", "")
    assert found["status"]["containerStatuses"][0]["ready"]
    assert cluster.next_deadline() is None


def test_delays_are_deadlines() -> None:
    cluster = new_cluster(timings=Timings(schedule=2, start=3))
    cluster.create(pod())
    run(cluster)
    assert cluster.next_deadline() == START + timedelta(seconds=2)
    run(cluster, 2)
    assert condition(cluster.get(pod_ref()), "Ready") == ("False", "ContainersNotReady")
    assert cluster.next_deadline() == START + timedelta(seconds=5)
    run(cluster, 3)
    assert condition(cluster.get(pod_ref()), "Ready") == ("True", "")


def test_a_pod_that_fits_no_node_is_told_so_and_goes_at_once_when_deleted() -> None:
    cluster = new_cluster()
    cluster.create(pod(nodeSelector={"disk": "fast"}))
    run(cluster)
    assert condition(cluster.get(pod_ref()), "PodScheduled") == ("False", "Unschedulable")
    assert cluster.next_deadline() is None
    cluster.delete(pod_ref())
    assert not exists(cluster, pod_ref())


def test_a_running_pod_ends_a_second_after_its_deletion_or_with_its_grace_period() -> None:
    for grace, seconds in ((None, 1), (0, 0)):
        cluster = new_cluster()
        cluster.create(pod())
        run(cluster)
        cluster.delete(pod_ref(), grace_seconds=grace)
        run(cluster)
        assert exists(cluster, pod_ref()) == (seconds > 0)
        run(cluster, seconds)
        assert not exists(cluster, pod_ref())


def test_a_process_that_does_not_stop_is_killed_at_the_end_of_the_grace_period() -> None:
    cluster = new_cluster(timings=Timings(stop=1000))
    cluster.create(pod())
    run(cluster)
    deleted = cluster.delete(pod_ref())
    assert deleted["metadata"]["deletionGracePeriodSeconds"] == 30
    assert cluster.next_deadline() == START + timedelta(seconds=30)
    shortened = cluster.delete(pod_ref(), grace_seconds=5)
    assert shortened["metadata"]["deletionTimestamp"] == "2026-01-01T12:00:05Z"
    assert cluster.delete(pod_ref(), grace_seconds=60) == shortened
    run(cluster, 5)
    assert not exists(cluster, pod_ref())


def test_a_finalizer_keeps_a_pod_whose_processes_have_ended() -> None:
    cluster = new_cluster()
    cluster.create(pod() | {"metadata": {"name": "demo", "finalizers": ["example.com/x"]}})
    run(cluster)
    cluster.delete(pod_ref())
    run(cluster, 1)
    found = cluster.get(pod_ref())
    assert found["status"]["phase"] == "Succeeded"
    assert found["metadata"]["deletionGracePeriodSeconds"] == 0
    assert cluster.next_deadline() is None
    cluster.patch(pod_ref(), {"metadata": {"finalizers": None}})
    assert not exists(cluster, pod_ref())


def test_a_resize_takes_effect_on_the_node() -> None:
    cluster = new_cluster()
    containers = [{"name": "main", "image": "example/image:1", "resources": {"requests": {"cpu": "500m"}}}]
    cluster.create(pod(containers=containers))
    run(cluster)
    resources = {"requests": {"cpu": "1"}}
    body = {"spec": {"containers": [{"name": "main", "image": "ignored", "resources": resources}]}}
    resized = cluster.patch(pod_ref(), body, subresource="resize")
    assert resized["spec"]["containers"][0]["image"] == "example/image:1"
    assert resized["spec"]["containers"][0]["resources"] == resources
    run(cluster)
    assert cluster.get(pod_ref())["status"]["containerStatuses"][0]["resources"] == resources

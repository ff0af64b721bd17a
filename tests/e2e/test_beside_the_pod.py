"""Service, config map and claims of an Agent on a real API server; and what the policy forbids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.agents import SECONDS, Cluster, agent, claim_template, growing_storage
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.support import Kubectl, condition, eventually

PORTS = [{"port": 80, "targetPort": 8080}]


@pytest.fixture
def cluster(kubectl: Kubectl, namespace: str) -> Cluster:
    return Cluster(kubectl, namespace)


def _get(cluster: Cluster, kind: str, name: str) -> Any:
    return cluster.kubectl.get(kind, name, cluster.namespace)


def test_everything_beside_the_pod_is_made_changed_and_goes_with_the_agent(
    cluster: Cluster, operator: OperatorProcess
) -> None:
    whole = {
        "service": {"ports": PORTS},
        "files": [{"path": "tools/a.py", "content": "print('ä')\n"}],
        "sidecars": [{"name": "log", "image": "busybox:1.37"}],
        "initContainers": [{"name": "first", "image": "busybox:1.37"}],
        "sdk": {"runtime": "python", "packages": ["httpx==0.28.1"]},
    }
    cluster.apply(agent("one", **whole))
    cluster.wait_ready("one")
    pod = cluster.pod("one")
    assert [c["name"] for c in pod["spec"]["initContainers"]] == ["agentctl-wrapper", "agentctl-sdk", "first", "log"]
    for container in (*pod["spec"]["initContainers"], *pod["spec"]["containers"]):
        assert {"name": "agentctl-shared", "mountPath": "/agentctl"} in container["volumeMounts"]
    service = _get(cluster, "service", "one")
    assert service["spec"]["selector"] == {"agentctl.dev/agent": "one"}
    assert service["metadata"]["ownerReferences"] == pod["metadata"]["ownerReferences"]
    (config_map,) = [name for name in cluster.names("configmaps") if name.startswith("one-files-")]
    assert _get(cluster, "configmap", config_map)["data"] == {"file-0": "print('ä')\n"}
    assert _get(cluster, "configmap", config_map)["immutable"] is True

    cluster.delete("one")
    cluster.wait_gone("one")
    eventually(lambda: _get(cluster, "service", "one") is None, SECONDS, "the service is gone")
    eventually(lambda: _get(cluster, "configmap", config_map) is None, SECONDS, "the config map is gone")
    assert operator.complaints() == []


def test_a_service_follows_its_spec(cluster: Cluster, operator: OperatorProcess) -> None:
    cluster.apply(agent("one", service={"ports": PORTS}))
    cluster.wait_ready("one")
    uid = _get(cluster, "service", "one")["metadata"]["uid"]
    pod = cluster.pod("one")["metadata"]["uid"]

    def ports() -> list[int]:
        return [port["port"] for port in _get(cluster, "service", "one")["spec"]["ports"]]

    cluster.apply(agent("one", service={"ports": [{"port": 81}]}))
    eventually(lambda: ports() == [81], SECONDS, "the port is changed")
    assert _get(cluster, "service", "one")["metadata"]["uid"] == uid
    cluster.apply(agent("one", service={"headless": True, "ports": [{"port": 81}]}))
    eventually(
        lambda: (_get(cluster, "service", "one") or {}).get("spec", {}).get("clusterIP") == "None",
        SECONDS,
        "the service is headless",
    )
    cluster.apply(agent("one"))
    eventually(lambda: _get(cluster, "service", "one") is None, SECONDS, "the service is gone")
    assert cluster.pod("one")["metadata"]["uid"] == pod
    assert operator.complaints() == []


def test_a_changed_file_takes_another_config_map_and_another_pod_and_the_former_ones_go(
    cluster: Cluster, operator: OperatorProcess
) -> None:
    def config_maps() -> list[str]:
        return [name for name in cluster.names("configmaps") if name.startswith("one-files-")]

    cluster.apply(agent("one", files=[{"path": "a.py", "content": "1"}]))
    cluster.wait_ready("one")
    uid, (former,) = cluster.uid("one"), config_maps()
    cluster.apply(agent("one", files=[{"path": "a.py", "content": "2"}]))
    eventually(lambda: former not in config_maps(), SECONDS, "the former config map is gone")
    (present,) = config_maps()
    assert _get(cluster, "configmap", present)["data"] == {"file-0": "2"}
    assert cluster.uid("one") not in (uid, None)
    cluster.wait_ready("one")
    assert operator.complaints() == []


def test_a_claim_outlives_its_agent_and_is_taken_up_by_the_next(cluster: Cluster, operator: OperatorProcess) -> None:
    # No claim is bound here, so the pod waits; that is the claim's affair, and told.
    cluster.apply(agent("one", volumeClaimTemplates=[claim_template("1Gi")]))
    eventually(lambda: _get(cluster, "pvc", "data-one"), SECONDS, "the claim is made")
    claim = _get(cluster, "pvc", "data-one")
    assert "ownerReferences" not in claim["metadata"]
    assert claim["metadata"]["labels"]["agentctl.dev/agent"] == "one"
    cluster.wait_reason("one", "Ready", "Unschedulable")
    cluster.apply(agent("one"))
    cluster.delete("one")
    cluster.wait_gone("one")
    cluster.apply(agent("one", volumeClaimTemplates=[claim_template("1Gi")]))
    eventually(lambda: cluster.pod("one"), SECONDS, "the next pod is made")
    assert _get(cluster, "pvc", "data-one")["metadata"]["uid"] == claim["metadata"]["uid"]
    assert operator.complaints() == []


@pytest.fixture
def volume(cluster: Cluster) -> Iterator[str]:
    """A volume for the claim data-one, of a storage class of its own whose volumes may grow; returns the class."""
    name = cluster.namespace
    cluster.kubectl.apply(*growing_storage(name, "data-one", name))
    yield name
    cluster.kubectl("delete", "pv,storageclass", name, "--wait=false")


def test_a_claim_that_is_bound_grows_with_its_template(
    cluster: Cluster, operator: OperatorProcess, volume: str
) -> None:
    def requested() -> str:
        found: str = _get(cluster, "pvc", "data-one")["spec"]["resources"]["requests"]["storage"]
        return found

    cluster.apply(agent("one", volumeClaimTemplates=[claim_template("1Gi", volume)]))
    cluster.wait_ready("one")
    pod = cluster.pod("one")["metadata"]["uid"]
    cluster.apply(agent("one", volumeClaimTemplates=[claim_template("2Gi", volume)]))
    eventually(lambda: requested() == "2Gi", SECONDS, "the claim has grown")
    # It never shrinks, and the pod need not be made anew for either.
    cluster.apply(agent("one", volumeClaimTemplates=[claim_template("1Gi", volume)], service={"ports": PORTS}))
    eventually(lambda: _get(cluster, "service", "one"), SECONDS, "the service is made")
    assert requested() == "2Gi"
    assert cluster.pod("one")["metadata"]["uid"] == pod
    assert operator.complaints() == []


def test_a_growth_that_is_refused_is_told_and_keeps_nothing_else_from_being_done(
    cluster: Cluster, operator: OperatorProcess, volume: str
) -> None:
    cluster.apply(agent("one", volumeClaimTemplates=[claim_template("1Gi", volume)]))
    cluster.wait_ready("one")
    fixed = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": volume}}
    cluster.kubectl.apply(fixed | {"provisioner": "kubernetes.io/no-provisioner", "allowVolumeExpansion": False})
    cluster.apply(agent("one", volumeClaimTemplates=[claim_template("2Gi", volume)]))
    told = "PersistentVolumeClaim data-one cannot be changed"
    eventually(lambda: operator.said(told), SECONDS, "the refusal is told")
    cluster.apply(agent("one", volumeClaimTemplates=[claim_template("2Gi", volume)], service={"ports": PORTS}))
    eventually(lambda: _get(cluster, "service", "one"), SECONDS, "the service is made")
    assert {line["event"] for line in operator.complaints()} == {told}
    cluster.wait_ready("one")


def test_a_claim_goes_with_its_agent_where_that_is_asked_for(cluster: Cluster, operator: OperatorProcess) -> None:
    assert operator.is_alive
    retention = {"whenDeleted": "Delete"}
    cluster.apply(agent("one", volumeClaimTemplates=[claim_template("1Gi")]))
    eventually(lambda: _get(cluster, "pvc", "data-one"), SECONDS, "the claim is made")
    cluster.apply(
        agent("one", volumeClaimTemplates=[claim_template("1Gi")], persistentVolumeClaimRetentionPolicy=retention)
    )
    eventually(
        lambda: _get(cluster, "pvc", "data-one")["metadata"].get("ownerReferences"), SECONDS, "the claim has its owner"
    )
    cluster.delete("one")
    eventually(lambda: _get(cluster, "pvc", "data-one") is None, SECONDS, "the claim is gone")


def test_a_strangers_service_is_left_alone(cluster: Cluster, operator: OperatorProcess) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "one"}, "spec": {"ports": [{"port": 1}]}}
    cluster.apply(service)
    stranger = _get(cluster, "service", "one")
    cluster.apply(agent("one", service={"ports": PORTS}))
    cluster.wait_reason("one", "Accepted", "NameConflict")
    assert cluster.pod("one") is None
    assert _get(cluster, "service", "one") == stranger
    cluster.kubectl("delete", "service", "one", namespace=cluster.namespace)
    cluster.wait_ready("one")
    assert operator.complaints() == []


def test_the_policy_denies_with_every_path(cluster: Cluster, operator: OperatorProcess) -> None:
    assert operator.is_alive
    cluster.apply(
        agent(
            "one",
            securityContext={"privileged": True},
            volumes=[{"name": "host", "hostPath": {"path": "/"}}],
            podTemplate={"spec": {"hostNetwork": True}},
        )
    )
    found = cluster.wait_reason("one", "Accepted", "PolicyDenied")
    message = next(c["message"] for c in found["status"]["conditions"] if c["type"] == "Accepted")
    for path in ("spec.securityContext.privileged", "spec.volumes[0].hostPath", "spec.podTemplate.spec.hostNetwork"):
        assert path in message
    assert cluster.pod("one") is None
    denied = cluster.kubectl.json("get", "events", "--field-selector=reason=PolicyDenied", namespace=cluster.namespace)
    assert len(denied["items"]) == 1
    cluster.apply(agent("one"))
    assert condition(cluster.wait_ready("one"), "Accepted") == "True"


@pytest.mark.parametrize(("level", "profile"), [("baseline", "Baseline"), ("restricted", "Restricted")])
def test_agents_run_where_the_pod_security_standard_of_their_profile_is_enforced(
    cluster: Cluster, operator: OperatorProcess, level: str, profile: str
) -> None:
    label = f"pod-security.kubernetes.io/enforce={level}"
    cluster.kubectl("label", "namespace", cluster.namespace, label)
    whole = {
        "sidecars": [{"name": "log", "image": "busybox:1.37"}],
        "initContainers": [{"name": "first", "image": "busybox:1.37"}],
        "sdk": {"runtime": "python", "packages": ["httpx==0.28.1"]},
        "files": [{"path": "a", "content": "b"}],
    }
    cluster.apply(agent("one", securityProfile=profile, **whole))
    cluster.wait_ready("one")
    if level == "restricted":
        cluster.apply(agent("two", securityProfile="Baseline"))
        found = cluster.wait_reason("two", "Ready", "CreateRejected")
        message = next(c["message"] for c in found["status"]["conditions"] if c["type"] == "Ready")
        assert "violates PodSecurity" in message
    assert operator.complaints() == []

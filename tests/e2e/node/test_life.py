"""The life of an Agent on a real node: ready, replaced, out of memory, crashing, without an image, suspended, woken."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.agents import SECONDS, claim_template
from tests.e2e.node.support import Json, OnNode
from tests.e2e.support import Kubectl, condition, eventually

_STILL_SECONDS = 3
"""What is not to happen is waited for so long; probes come every second."""


def test_an_agent_is_ready_once_its_readiness_probe_succeeds_and_not_before(on_node: OnNode) -> None:
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
    on_node.run("agent", "entrypoint", "wait,http=8080,wait,exit=0", readinessProbe=probe)
    started = on_node.said("agent", "start")
    found = on_node.wait_reason("agent", "Ready", "PodNotReady")
    assert "readinessProbe" in _message(found, "Ready")
    time.sleep(_STILL_SECONDS)
    assert on_node.reason("agent", "Ready") == "PodNotReady"
    assert on_node.pod("agent")["status"]["phase"] == "Running"
    on_node.signal("agent", started["pid"])
    served = on_node.said("agent", "http")
    found = on_node.wait_ready("agent")
    assert served["time"] > started["time"] + _STILL_SECONDS
    assert found["status"]["restarts"] == 0


def test_a_changed_spec_replaces_the_pod_and_moves_the_revision(on_node: OnNode) -> None:
    on_node.run("agent", "entrypoint", "say=one,wait,exit=0")
    before = on_node.wait_ready("agent")["status"]
    uid = on_node.uid("agent")
    assert before["currentRevision"] == before["updateRevision"]
    on_node.patch("agent", env=[{"name": "PROBE", "value": "say=two,wait,exit=0"}])

    def is_replaced() -> Any:
        found = on_node.agent("agent")
        assert on_node.uid("agent") not in (None, uid)
        assert found["status"]["currentRevision"] == found["status"]["updateRevision"] != before["currentRevision"]
        assert condition(found, "Ready") == condition(found, "UpToDate") == "True"
        return found

    found = eventually(is_replaced, SECONDS, "another pod is ready")
    assert found["status"]["observedGeneration"] == found["metadata"]["generation"] == 2
    annotations = on_node.pod("agent")["metadata"]["annotations"]
    assert annotations["agentctl.dev/revision"] == found["status"]["currentRevision"]
    assert on_node.said("agent", "say")["text"] == "two"
    on_node.wait_events("agent", ("Normal", "Recreating"))


def test_an_agent_that_runs_out_of_memory_is_told_so(on_node: OnNode) -> None:
    limit = {"limits": {"memory": "48Mi"}}
    on_node.run("agent", "entrypoint", "memory=200,wait,exit=0", resources=limit)
    found = on_node.wait_reason("agent", "Ready", "OOMKilled")
    assert "resources.limits.memory" in _message(found, "Ready")
    termination = found["status"]["lastTermination"]
    assert {key: termination[key] for key in ("containerName", "exitCode", "reason")} == {
        "containerName": "agent",
        "exitCode": 137,
        "reason": "OOMKilled",
    }
    assert "memory" not in [line["event"] for line in on_node.log("agent")]
    on_node.patch("agent", resources={"limits": {"memory": "400Mi"}})
    on_node.wait_ready("agent")
    assert on_node.said("agent", "memory")["ok"] is True


def test_an_agent_that_ends_again_and_again_is_told_so_and_its_restarts_are_counted(on_node: OnNode) -> None:
    on_node.run("agent", "entrypoint", "exit=3")
    on_node.wait_reason("agent", "Ready", "CrashLoopBackOff")
    found = on_node.wait("agent", lambda agent: agent["status"]["restarts"] == _restarts(on_node) >= 1, "restarts")
    # A restart of a pod that lives is no failure of the Agent.
    assert (found["status"]["lastTermination"]["exitCode"], "failures" in found["status"]) == (3, False)
    on_node.wait_events("agent", ("Warning", "CrashLoopBackOff"))


def test_an_image_that_does_not_exist_is_told_and_cured_by_an_edit(on_node: OnNode) -> None:
    good = on_node.images.reference("entrypoint")
    bad = good.replace("entrypoint", "nowhere")
    # With a command nobody asks the registry before the kubelet does.
    manifest = on_node.manifest("agent", "entrypoint", command=["probe"])
    manifest["spec"]["image"] = bad
    on_node.apply(manifest)
    found = on_node.wait_reason("agent", "Ready", "ImagePullFailed")
    assert bad in _message(found, "Ready")
    assert condition(found, "Accepted") == "True"
    on_node.patch("agent", image=good)
    on_node.wait_ready("agent")
    assert on_node.said("agent", "start")["argv"] == ["probe"]


def test_an_image_that_is_looked_up_and_does_not_exist_gets_no_pod_until_it_is_corrected(on_node: OnNode) -> None:
    good = on_node.images.reference("entrypoint")
    manifest = on_node.manifest("agent", "entrypoint")
    manifest["spec"]["image"] = good.replace("entrypoint", "nowhere")
    on_node.apply(manifest)
    on_node.wait_reason("agent", "Accepted", "ImageNotFound")
    assert on_node.pod("agent") is None
    on_node.patch("agent", image=good)
    on_node.wait_ready("agent")


@pytest.fixture
def storage_class(on_node: OnNode, kubectl: Kubectl) -> Iterator[str]:
    """Storage for the claim `data-agent`, on the node itself: nothing there makes volumes for claims."""
    name = f"e2e-{on_node.namespace}"
    spec = {
        "capacity": {"storage": "16Mi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": name,
        "persistentVolumeReclaimPolicy": "Retain",
        # In memory, so that it goes with the node.
        "hostPath": {"path": f"/run/agentctl-{name}", "type": "DirectoryOrCreate"},
        "claimRef": {"namespace": on_node.namespace, "name": "data-agent"},
    }
    kubectl.apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec})
    yield name
    kubectl("delete", "persistentvolume", name, "--wait=false")


def test_a_suspended_agent_that_is_woken_finds_its_claim_and_a_fresh_shared_volume(
    on_node: OnNode, storage_class: str
) -> None:
    script = "read=/agentctl/mark,read=/data/mark,write=/agentctl/mark,write=/data/mark,wait,exit=0"
    claims = [claim_template("16Mi", storage_class)]
    mounts = [{"name": "data", "mountPath": "/data"}]
    on_node.run("agent", "entrypoint", script, volumeClaimTemplates=claims, volumeMounts=mounts)
    on_node.wait_ready("agent")
    uid = on_node.uid("agent")
    shared, data = _reads(on_node)
    assert shared["error"] == data["error"] == "No such file or directory"
    on_node.scale("agent", 0)
    found = on_node.wait_reason("agent", "Suspended", "ScaledToZero")
    assert condition(found, "Ready") is None
    on_node.wait_gone("agent")
    assert on_node.names("persistentvolumeclaims") == ["data-agent"]
    on_node.scale("agent", 1)
    found = on_node.wait_ready("agent")
    assert on_node.uid("agent") != uid
    assert condition(found, "Suspended") == "False"
    shared, data = _reads(on_node)
    assert shared["error"] == "No such file or directory"
    assert data["text"].strip().isdigit()
    # Before them, perhaps, that the pod waits for its claim to be bound.
    assert on_node.events("agent")[-2:] == [("Normal", "ScaledToZero"), ("Normal", "Running")]


def _restarts(on_node: OnNode) -> int:
    return int(on_node.pod("agent")["status"]["containerStatuses"][0]["restartCount"])


def _reads(on_node: OnNode) -> list[Json]:
    on_node.said("agent", "waiting")
    return [line for line in on_node.log("agent") if line["event"] == "read"]


def _message(found: Json, kind: str) -> str:
    return next(str(each["message"]) for each in found["status"]["conditions"] if each["type"] == kind)

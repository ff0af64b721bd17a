"""An older CRD lets through what today's schema refuses: the operator says what is wrong, and lives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from agentctl_core import API_VERSION
from tests.e2e.agents import SECONDS, Cluster
from tests.e2e.cluster.control_plane import ControlPlane
from tests.e2e.cluster.kwok_node import KwokNode
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.session import CRD_FILE
from tests.e2e.support import Kubectl, condition, eventually


@pytest.fixture(scope="module")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """A cluster of its own, since the CRD is one for all tests: its schema knows nothing of the spec."""
    folder = tmp_path_factory.mktemp("lenient")
    crd = yaml.safe_load(CRD_FILE.read_text())
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    del schema["x-kubernetes-validations"]
    schema["properties"]["spec"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    del crd["spec"]["versions"][0]["subresources"]["scale"]
    with ControlPlane(folder / "plane") as plane, KwokNode(plane.kubeconfig, plane.bin, folder / "kwok"):
        kubectl = Kubectl(plane.kubeconfig, plane.bin / "kubectl", folder / "cache")
        kubectl.apply(crd)
        kubectl("wait", "--for=condition=Established", f"crd/{crd['metadata']['name']}", "--timeout=30s")
        eventually(lambda: kubectl("get", "agents.agentctl.dev"), 30, "agents are served")
        yield kubectl


@pytest.fixture
def operator(lenient: Kubectl, tmp_path: Path) -> Iterator[OperatorProcess]:
    process = OperatorProcess(lenient.kubeconfig, "default", tmp_path / "log")
    process.start()
    yield process
    assert process.stop() == 0


def _agent(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": "Agent", "metadata": {"name": name}, "spec": spec}


def test_every_problem_is_told_with_its_path_once_and_no_pod_is_made(
    lenient: Kubectl, operator: OperatorProcess
) -> None:
    cluster = Cluster(lenient, "default")
    cluster.apply(_agent("bad", {"command": "sleep", "env": [{"name": "A", "value": 1}], "replicas": 7, "imagee": "x"}))
    found = cluster.wait_reason("bad", "Accepted", "InvalidSpec")
    conditions = {c["type"]: c for c in found["status"]["conditions"]}
    for path in ("spec.image:", "spec.command:", "spec.env[0].value:", "spec.replicas:", "spec.imagee:"):
        assert path in conditions["Accepted"]["message"]
    assert (conditions["Ready"]["status"], conditions["Ready"]["reason"]) == ("False", "NotAccepted")
    assert cluster.pod("bad") is None
    events = lenient.json("get", "events", "--field-selector=reason=InvalidSpec", namespace="default")["items"]
    assert [event["involvedObject"]["name"] for event in events] == ["bad"]
    # The operator stays alive, and serves the next one.
    cluster.apply(_agent("good", {"image": "busybox:1.37", "command": ["sleep", "infinity"]}))
    cluster.wait_ready("good")
    assert operator.complaints() == []
    cluster.delete("bad")
    cluster.delete("good")
    cluster.wait_gone("good")


def test_an_agent_that_turns_invalid_keeps_its_running_pod(lenient: Kubectl, operator: OperatorProcess) -> None:
    cluster = Cluster(lenient, "default")
    cluster.apply(_agent("turns", {"image": "busybox:1.37", "command": ["sleep", "infinity"]}))
    cluster.wait_ready("turns")
    pod = cluster.pod("turns")
    lenient("patch", "agent", "turns", "--type=merge", '--patch={"spec":{"image":5}}', namespace="default")
    found = cluster.wait_reason("turns", "Accepted", "InvalidSpec")
    assert condition(found, "Ready") == "True"
    assert found["status"]["observedGeneration"] == 2
    assert cluster.pod("turns") == pod
    operator.kill()
    operator.start()
    assert cluster.pod("turns") == pod
    lenient("patch", "agent", "turns", "--type=merge", '--patch={"spec":{"image":"busybox:1.37"}}', namespace="default")
    eventually(lambda: cluster.reason("turns", "Accepted") == "Accepted", SECONDS, "it is accepted again")
    assert cluster.pod("turns") == pod
    cluster.delete("turns")
    cluster.wait_gone("turns")

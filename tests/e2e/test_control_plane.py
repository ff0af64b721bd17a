from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.e2e.cluster.control_plane import ControlPlane
from tests.e2e.cluster.kwok_node import node_manifest
from tests.e2e.cluster.processes import PartFailedError
from tests.e2e.support import Kubectl, condition, eventually, pod_manifest

PARTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


def test_the_api_server_answers(kubectl: Kubectl) -> None:
    assert kubectl("get", "--raw", "/readyz").stdout == "ok"
    assert kubectl.json("version")["serverVersion"]["gitVersion"].startswith("v1.")


def test_a_pod_becomes_ready_on_the_simulated_node_and_goes_when_deleted(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(pod_manifest("plain"), namespace=namespace)
    pod = eventually(lambda: _ready_pod(kubectl, "plain", namespace), 20, "pod is ready")
    assert pod["status"]["phase"] == "Running"
    assert pod["status"]["podIP"]
    kubectl("delete", "pod", "plain", "--wait=false", namespace=namespace)
    eventually(lambda: kubectl.get("pod", "plain", namespace) is None, 20, "pod is gone")


def test_the_successor_of_a_pod_stays_on_the_simulated_node(kubectl: Kubectl, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/pods"
    with kubectl.proxy() as address, httpx2.Client(base_url=address, trust_env=False, timeout=60) as client:

        def create() -> Any | None:
            response = client.post(path, json=pod_manifest("plain"))
            assert response.status_code in (201, 409), response.text
            return response.json() if response.status_code == 201 else None

        pod = eventually(create, 20, "pod is created")
        for _ in range(15):
            eventually(lambda: client.get(f"{path}/plain").json()["status"]["phase"] == "Running", 20, "it runs")
            client.request("DELETE", f"{path}/plain", json={"preconditions": {"uid": pod["metadata"]["uid"]}})
            pod = eventually(create, 20, "its successor is created", interval=0.002)
            time.sleep(0.3)
            found = client.get(f"{path}/plain").json()
            assert found["metadata"].get("uid") == pod["metadata"]["uid"], found


def test_a_pod_on_a_node_that_is_not_simulated_stays_pending(kubectl: Kubectl, namespace: str) -> None:
    node = f"inert-{namespace}"
    kubectl.apply(node_manifest(node, simulated=False))
    try:
        kubectl.apply(pod_manifest("inert", nodeName=node), pod_manifest("plain"), namespace=namespace)
        eventually(lambda: _ready_pod(kubectl, "plain", namespace), 20, "the other pod is ready")
        inert = kubectl.json("get", "pod", "inert", namespace=namespace)
        assert inert["status"]["phase"] == "Pending"
    finally:
        # Without a kubelet nobody confirms the deletion.
        kubectl("delete", "pod", "inert", "--grace-period=0", "--force", "--ignore-not-found", namespace=namespace)
        kubectl("delete", "node", node)


def test_dependents_are_collected_when_the_owner_has_gone(kubectl: Kubectl, namespace: str) -> None:
    _owner_with_pod(kubectl, namespace)
    kubectl("delete", "configmap", "owner", "--cascade=background", namespace=namespace)
    eventually(lambda: kubectl.get("pod", "owned", namespace) is None, 20, "pod is collected")


def test_foreground_deletion_keeps_the_owner_until_the_dependents_have_gone(kubectl: Kubectl, namespace: str) -> None:
    _owner_with_pod(kubectl, namespace, finalizers=["agentctl.dev/test"])
    kubectl("delete", "configmap", "owner", "--cascade=foreground", "--wait=false", namespace=namespace)
    eventually(lambda: _deleting(kubectl, "pod", "owned", namespace), 20, "pod is being deleted")
    assert _deleting(kubectl, "configmap", "owner", namespace)
    kubectl("patch", "pod", "owned", "--type=merge", '--patch={"metadata":{"finalizers":null}}', namespace=namespace)
    eventually(lambda: kubectl.get("configmap", "owner", namespace) is None, 20, "owner is gone")
    assert kubectl.get("pod", "owned", namespace) is None


@pytest.mark.usefixtures("own_programs")
def test_two_control_planes_side_by_side_keep_to_themselves(tmp_path: Path) -> None:
    first = ControlPlane(tmp_path / "first")
    with first, ControlPlane(tmp_path / "second") as second:
        one, two = (Kubectl(plane.kubeconfig, plane.bin / "kubectl", tmp_path / "cache") for plane in (first, second))
        one("create", "namespace", "only-in-first")
        assert one.get("namespace", "only-in-first") is not None
        assert two.get("namespace", "only-in-first") is None
        assert first.failed_parts() == second.failed_parts() == []
    assert list(tmp_path.iterdir()) == [tmp_path / "cache"]


@pytest.mark.usefixtures("own_programs")
def test_a_failure_to_start_names_the_part_and_quotes_its_log(tmp_path: Path) -> None:
    plane = ControlPlane(tmp_path / "plane", apiserver_flags=["--no-such-flag"])
    with pytest.raises(PartFailedError, match=r"kube-apiserver ended before it was ready.*\n(.*\n)*.*no-such-flag"):
        plane.start()
    assert _processes_in(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("own_programs")
def test_nothing_outlives_a_killed_owner(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib, time, threading\n"
        "from tests.e2e.cluster.control_plane import ControlPlane\n"
        "plane = ControlPlane(pathlib.Path(sys.argv[1]))\n"
        # From a thread that ends: the parts must die with the process and not with that thread.
        "thread = threading.Thread(target=plane.start)\n"
        "thread.start(); thread.join()\n"
        "print('started', plane.failed_parts(), flush=True)\n"
        "time.sleep(600)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "plane")]
    root = Path(__file__).parent.parent.parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as owner:
        try:
            assert owner.stdout is not None
            assert owner.stdout.readline() == "started []\n"
            assert sorted(name for _, name in _processes_in(tmp_path)) == sorted([*PARTS, "python"])
        finally:
            owner.send_signal(signal.SIGKILL)
    eventually(lambda: _processes_in(tmp_path) == [], 10, "every part has gone")


@pytest.fixture
def own_programs() -> None:
    if os.environ.get("KUBECONFIG"):
        pytest.skip("KUBECONFIG names a cluster: the test control plane is not in use")


def _processes_in(folder: Path) -> list[tuple[int, str]]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = entry.read_bytes().split(b"\0")
        except OSError:  # it has ended meanwhile
            continue
        if any(bytes(folder) in argument for argument in arguments):
            name = Path(os.fsdecode(arguments[0])).name
            found.append((int(entry.parent.name), "python" if name.startswith("python") else name))
    return found


def _ready_pod(kubectl: Kubectl, name: str, namespace: str) -> Any | None:
    pod = kubectl.get("pod", name, namespace)
    return pod if pod is not None and condition(pod, "Ready") == "True" else None


def _deleting(kubectl: Kubectl, kind: str, name: str, namespace: str) -> bool:
    obj = kubectl.get(kind, name, namespace)
    return obj is not None and "deletionTimestamp" in obj["metadata"]


def _owner_with_pod(kubectl: Kubectl, namespace: str, finalizers: list[str] | None = None) -> None:
    kubectl("create", "configmap", "owner", namespace=namespace)
    owner = kubectl.json("get", "configmap", "owner", namespace=namespace)
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "owner",
        "uid": owner["metadata"]["uid"],
        "blockOwnerDeletion": True,
    }
    pod = pod_manifest("owned")
    pod["metadata"].update(ownerReferences=[reference], finalizers=finalizers or [])
    kubectl.apply(pod, namespace=namespace)
    eventually(lambda: _ready_pod(kubectl, "owned", namespace), 20, "pod is ready")

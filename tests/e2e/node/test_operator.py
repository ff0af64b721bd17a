"""The operator in the cluster: its own image, the manifests of deploy/, its rights, the standard `restricted`."""

from __future__ import annotations

from tests.e2e.node.operator import NAMESPACE, leader
from tests.e2e.node.support import OnNode
from tests.e2e.support import Kubectl, eventually


def test_both_replicas_run_as_deployed_and_one_of_them_works(installed: Kubectl) -> None:
    pods = installed.json("get", "pods", namespace=NAMESPACE)["items"]
    assert len(pods) == 2
    for pod in pods:
        status = pod["status"]["containerStatuses"][0]
        assert (status["ready"], status["restartCount"]) == (True, 0)
    labels = installed.json("get", "namespace", NAMESPACE)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert leader(installed) in {pod["metadata"]["name"] for pod in pods}


def test_an_agent_becomes_ready_behind_the_wrapper_and_its_deletion_leaves_nothing(on_node: OnNode) -> None:
    probe = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
    on_node.run("hello", "entrypoint", "http=8080,wait,exit=0", readinessProbe=probe)
    on_node.wait_ready("hello")
    assert on_node.said("hello", "start")["init"] == "tini"
    uid = str(on_node.uid("hello"))
    on_node.delete("hello", "--cascade=foreground")
    assert on_node.pod("hello") is None
    if on_node.node.enter:
        eventually(
            lambda: uid not in on_node.node.inside("ctr", "-n", "k8s.io", "containers", "ls"), 30, "no container"
        )
        folder = f"/var/lib/kubelet/pods/{uid}"
        eventually(lambda: not _is_there(on_node, folder), 30, "no volume")


def _is_there(on_node: OnNode, folder: str) -> bool:
    return on_node.node.inside("sh", "-c", f"[ -e {folder} ] && echo yes || true") != ""

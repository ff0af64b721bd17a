"""A simulated node: pods scheduled on it become Running and Ready without containers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Self

from tests.e2e.cluster.build import stages
from tests.e2e.cluster.processes import Part, Startable, stop_all, wait_ready
from tests.e2e.support import Kubectl, condition

ANNOTATION = "kwok.x-k8s.io/node"
_POD_DELETE = Path(__file__).parent / "kwok" / "pod-delete.yaml"
_READY_SECONDS = 30.0
_LEASE_SECONDS = 40
# From the ranges for documentation: nothing answers there.
_NODE_ADDRESS = "192.0.2.1"
_POD_ADDRESSES = "10.244.0.1/16"


class KwokNode(Startable):
    """A node that kwok simulates.

    kwok looks after nodes with the annotation ``kwok.x-k8s.io/node: fake`` and after no other, so
    pods on further Node objects without it stay as they are.
    """

    def __init__(self, kubeconfig: Path, binaries: Path, directory: Path, name: str = "kwok-node") -> None:
        """Describe the node ``name`` of the cluster of ``kubeconfig``; ``directory`` gets kwok's log."""
        self.name = name
        self._kubeconfig = kubeconfig
        self._program = binaries / "kwok"
        self._directory = directory
        self._kubectl = Kubectl(kubeconfig, binaries / "kubectl", directory / "kubectl-cache")
        self._part: Part | None = None

    def start(self) -> Self:
        """Start kwok, create the Node and wait until pods can be scheduled on it.

        Raises:
            PartFailedError: kwok failed, or the node is not ready within 30 seconds.
            KubectlError: the Node cannot be created.
            OSError: kwok or kubectl cannot be started.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        # A private working folder: kwok would read settings from the user's home.
        settings = {"KWOK_WORKDIR": str(self._directory / "kwok")}
        self._part = Part("kwok", self._command(), self._directory / "kwok.log", settings)
        try:
            self._kubectl.apply(node_manifest(self.name))
            wait_ready(self._part, self._schedulable, time.monotonic() + _READY_SECONDS)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop kwok. The Node object stays, and its pods are not looked after any more."""
        if self._part is not None:
            stop_all([self._part])
            self._part = None

    def _command(self) -> list[str]:
        return [
            str(self._program),
            f"--kubeconfig={self._kubeconfig}",
            *(f"--config={stage}" for stage in _stages()),
            "--manage-all-nodes=false",
            f"--manage-nodes-with-annotation-selector={ANNOTATION}=fake",
            f"--node-lease-duration-seconds={_LEASE_SECONDS}",
            f"--node-ip={_NODE_ADDRESS}",
            # The default has room for 254 pods.
            f"--cidr={_POD_ADDRESSES}",
        ]

    def _schedulable(self) -> bool:
        node = self._kubectl.json("get", "node", self.name)
        # The API server taints every new node, and the controller manager takes that away
        # some time after the node has become Ready.
        return condition(node, "Ready") == "True" and not node["spec"].get("taints")


def _stages() -> list[Path]:
    """Return kwok's own stages, with ours in the place of the one that deletes pods."""
    return [stage for stage in stages() if not stage.name.endswith(_POD_DELETE.name)] + [_POD_DELETE]


def node_manifest(name: str, *, simulated: bool = True) -> dict[str, Any]:
    """A Node object; without ``simulated`` kwok leaves it alone."""
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    annotations = {ANNOTATION: "fake"} if simulated else {}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": annotations},
        "spec": {},
    }

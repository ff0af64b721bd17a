"""A node whose kubelet is the test: its pods become what the test says, and end when the test says so."""

from __future__ import annotations

import json
import threading
import uuid
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from tests.e2e.cluster.kwok_node import node_manifest
from tests.e2e.support import Kubectl, eventually

Json = dict[str, Any]

TAINT = "e2e.agentctl.dev/hand"
POOL = "e2e.agentctl.dev/pool"
_BEAT_SECONDS = 10.0
"""The node controller gives a node up that has said nothing for 50 s."""


def placement(pool: str) -> Json:
    """Return the `podTemplate.spec` of a pod that goes to the nodes of that pool and to no other."""
    return {"nodeSelector": {POOL: pool}, "tolerations": [{"key": TAINT, "operator": "Exists"}]}


def pool_node(name: str, pool: str, *, simulated: bool) -> Json:
    """Return a Node that no pod of another test goes to."""
    node = node_manifest(name, simulated=simulated)
    node["metadata"]["labels"][POOL] = pool
    node["spec"]["taints"] = [{"key": TAINT, "value": pool, "effect": "NoSchedule"}]
    return node


class HandNode:
    """A Node object with the test for its kubelet; a context, at whose end the Node and its pods are gone.

    Attributes:
        name: of the Node.
        pool: what `placement` takes to send pods here; the name, unless another node is to take over.
    """

    def __init__(self, kubectl: Kubectl, *, cpu: str = "64", pool: str | None = None) -> None:
        """Describe a node with a name of its own and that much CPU."""
        self.name = f"hand-{uuid.uuid4().hex[:8]}"
        self.pool = pool or self.name
        self._kubectl = kubectl
        self._cpu = cpu
        self._dead = threading.Event()
        self._heart = threading.Thread(target=self._live, daemon=True)

    def __enter__(self) -> Self:
        self._kubectl.apply(pool_node(self.name, self.pool, simulated=False))
        try:
            self._beat()
            self._heart.start()
            # The controller manager takes its own taint away some time after the node has become Ready.
            eventually(lambda: len(self._node()["spec"]["taints"]) == 1, 30, f"{self.name} takes pods")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.die()
        self._kubectl("delete", "node", self.name, "--ignore-not-found")
        self.sweep()

    def die(self) -> None:
        """Say nothing any more: what a kubelet does whose machine has gone."""
        self._dead.set()
        if self._heart.is_alive():
            self._heart.join()

    def sweep(self) -> None:
        """Take away what is left of the node's pods, whatever anybody thinks of it."""
        for pod in self._pods():
            self.confirm(pod["metadata"]["namespace"], pod["metadata"]["name"])

    def report(self, pod: Json, status: Json) -> None:
        """Write what the kubelet sees of a pod; conditions that `status` does not name stay.

        Raises:
            KubectlError: the pod is gone, or the API server takes no such status.
        """
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        patch = json.dumps({"metadata": {"uid": pod["metadata"]["uid"]}, "status": status})
        arguments = ("patch", "pod", name, "--subresource=status", "--type=strategic", f"--patch={patch}")
        self._kubectl(*arguments, namespace=namespace)

    def confirm(self, namespace: str, name: str) -> None:
        """Say that a pod's containers have ended, upon which the API server lets the pod go."""
        options = ("--grace-period=0", "--force", "--ignore-not-found", "--wait=false")
        self._kubectl("delete", "pod", name, *options, namespace=namespace)

    def _pods(self) -> list[Json]:
        selector = f"--field-selector=spec.nodeName={self.name}"
        items: list[Json] = self._kubectl.json("get", "pods", "--all-namespaces", selector)["items"]
        return items

    def _node(self) -> Json:
        node: Json = self._kubectl.json("get", "node", self.name)
        return node

    def _live(self) -> None:
        while not self._dead.wait(_BEAT_SECONDS):
            self._beat()

    def _beat(self) -> None:
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "by hand"}
        amounts = {"cpu": self._cpu, "memory": "64Gi", "pods": "100"}
        status = {"conditions": [ready | {"lastHeartbeatTime": now}], "capacity": amounts, "allocatable": amounts}
        arguments = ("patch", "node", self.name, "--subresource=status", "--type=strategic")
        self._kubectl(*arguments, f"--patch={json.dumps({'status': status})}")

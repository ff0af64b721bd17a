"""Where lifecycle scenarios play: a namespace, the operator as a process, and a node whose kubelet is the test."""

from __future__ import annotations

from typing import Any

from tests.argocd import health
from tests.e2e.agents import SECONDS, Cluster, agent
from tests.e2e.hand_node import HandNode, placement
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.pod_states import running
from tests.e2e.support import Kubectl, eventually
from tests.kstatus import kstatus

Json = dict[str, Any]


class Stage(Cluster):
    """One namespace in which Agents' pods go through what the test wants them to."""

    def __init__(self, kubectl: Kubectl, namespace: str, node: HandNode, operator: OperatorProcess) -> None:
        super().__init__(kubectl, namespace)
        self.node = node
        self.operator = operator

    def manifest(self, name: str, **spec: Any) -> Json:
        """Return an Agent whose pod goes to the node; `podTemplate` may bring metadata."""
        template = spec.pop("podTemplate", {})
        return agent(name, podTemplate={"spec": placement(self.node.pool)} | template, **spec)

    def bound(self, name: str, *, other_than: Json | None = None) -> Json:
        """Return the Agent's pod once it is on the node; `other_than` is its predecessor."""
        former = other_than and other_than["metadata"]["uid"]

        def check() -> Json | None:
            pod: Json | None = self.pod(name)
            is_bound = pod is not None and pod["spec"].get("nodeName") == self.node.name
            return pod if pod is not None and is_bound and pod["metadata"]["uid"] != former else None

        return eventually(check, SECONDS, f"pod {name} is on the node")

    def start(self, name: str, **spec: Any) -> Json:
        """Create an Agent and return its pod, of which the kubelet has said nothing yet."""
        self.apply(self.manifest(name, **spec))
        return self.bound(name)

    def run(self, name: str, **spec: Any) -> Json:
        """Create an Agent and return its pod, which runs and is ready."""
        pod = self.start(name, **spec)
        self.node.report(pod, running())
        self.wait_ready(name)
        return pod

    def end(self, pod: Json) -> None:
        """Let a pod that is being deleted go, as soon as it is."""
        name = pod["metadata"]["name"]
        eventually(lambda: self.is_ending(pod), SECONDS, f"pod {name} is being deleted")
        self.node.confirm(self.namespace, name)

    def wait_replaced(self, pod: Json) -> None:
        """Wait until a pod is gone that has ended: the API server waits for no kubelet then."""
        name = pod["metadata"]["name"]
        eventually(lambda: self.uid(name) != pod["metadata"]["uid"], SECONDS, f"pod {name} is gone")

    def is_ending(self, pod: Json) -> bool:
        found = self.pod(pod["metadata"]["name"])
        assert found is not None
        assert found["metadata"]["uid"] == pod["metadata"]["uid"]
        return "deletionTimestamp" in found["metadata"]


def tools(found: Json) -> tuple[str, str]:
    """Return what kstatus readers (Flux, Helm) and Argo CD make of an Agent."""
    return kstatus(found), health(found)[0]

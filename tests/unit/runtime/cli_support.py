"""A cluster inside the process for tests of commands."""

from __future__ import annotations

from typing import Any

from agentctl_core import Config, Ref, merge_patch, reconcile
from agentctl_core.testing import ModelCluster
from agentctl_runtime.embedded import EmbeddedServer

Json = dict[str, Any]
KINDS = (("agentctl.dev/v1alpha1", "Agent"), ("v1", "Pod"), ("v1", "Service"), ("v1", "ConfigMap"))


def agent(name: str = "demo", namespace: str = "team", **spec: Any) -> Json:
    return {
        "apiVersion": "agentctl.dev/v1alpha1",
        "kind": "Agent",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"image": "example/agent:1", "command": ["run"], **spec},
    }


class Served:
    """A cluster with an operator that is called by hand; what is sent to it is kept."""

    def __init__(self) -> None:
        self.server = EmbeddedServer()
        self.requests: list[tuple[str, str]] = []

    @property
    def cluster(self) -> ModelCluster:
        return self.server.cluster

    def create(self, manifest: Json) -> None:
        namespace = manifest["metadata"]["namespace"]
        if not self.cluster.list("v1", "Namespace", field_selector=f"metadata.name={namespace}")[0]:
            self.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        self.cluster.create(manifest)

    def add(self, *manifests: Json, config: Config | None = None) -> None:
        """Create Agents, and let an operator come to rest about them."""
        for manifest in manifests:
            self.create(manifest)
        for _ in range(8):
            for each in self.cluster.list("agentctl.dev/v1alpha1", "Agent")[0]:
                for action in reconcile(each, self.cluster.observe(each), config):
                    self.cluster.execute(action)
            self.cluster.settle()
            self.cluster.advance(5)

    def edit(self, kind: str, name: str = "demo", **fields: Any) -> None:
        version = "agentctl.dev/v1alpha1" if kind == "Agent" else "v1"
        there = self.cluster.get(Ref(version, kind, "team", name))
        self.cluster.update(merge_patch(there, fields))

    def dump(self) -> Json:
        items = [item for version, kind in KINDS for item in self.cluster.list(version, kind)[0]]
        return {"apiVersion": "v1", "kind": "List", "items": items}

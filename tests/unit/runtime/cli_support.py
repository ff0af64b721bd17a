"""Clusters inside the process for tests of commands."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from agentctl_core import Config, Ref, merge_patch, reconcile
from agentctl_core.crd import custom_resource_definition
from agentctl_core.testing import ModelCluster
from agentctl_runtime.embedded import EmbeddedServer

Json = dict[str, Any]
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/agents.agentctl.dev"
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/agentctl-system/leases/agentctl"
DEPLOYMENT = "/apis/apps/v1/namespaces/agentctl-system/deployments/agentctl"
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


def established() -> Json:
    conditions = [{"type": kind, "status": "True"} for kind in ("NamesAccepted", "Established")]
    return custom_resource_definition() | {"status": {"conditions": conditions}}


def lease(seconds: float, holder: str = "agentctl-1_x") -> Json:
    renewed = datetime.now(UTC) - timedelta(seconds=seconds)
    spec = {"holderIdentity": holder, "renewTime": renewed.isoformat(), "leaseDurationSeconds": 15}
    return {"metadata": {"namespace": "agentctl-system"}, "spec": spec}


def deployment(ready: int = 2, image: str | None = "registry.example/agentctl:1") -> Json:
    env = [] if image is None else [{"name": "AGENTCTL_WRAPPER_IMAGE", "value": image}]
    spec = {"replicas": 2, "template": {"spec": {"containers": [{"name": "operator", "env": env}]}}}
    return {"metadata": {"namespace": "agentctl-system"}, "spec": spec, "status": {"readyReplicas": ready}}


def version(minor: str, major: str = "1") -> Json:
    return {"major": major, "minor": minor, "gitVersion": f"v{major}.{minor}.0"}


class Canned:
    """Answers with canned objects; what may not be done is in `denied`."""

    def __init__(self) -> None:
        self.answers: dict[str, Json] = {
            "/version": version("37"),
            "/api/v1": {"resources": [{"name": "pods"}, {"name": "pods/resize"}]},
            CRD: established(),
            f"{POLICIES}ies/agents.agentctl.dev": {},
            f"{POLICIES}ybindings/agents.agentctl.dev": {},
            LEASE: lease(1),
            DEPLOYMENT: deployment(),
        }
        self.denied: list[Json] = []
        self.reviews: list[Json] = []
        self.code = 404

    async def handle(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            body = json.loads(request.content)
            self.reviews.append(body)
            asked = body["spec"]["resourceAttributes"]
            allowed = not any(denied.items() <= asked.items() for denied in self.denied)
            return httpx2.Response(201, json=body | {"status": {"allowed": allowed}})
        assert request.method == "GET"
        if request.url.path in self.answers:
            return httpx2.Response(200, json=self.answers[request.url.path])
        reason = {403: "Forbidden", 404: "NotFound"}[self.code]
        status = {"kind": "Status", "code": self.code, "reason": reason, "message": f"{reason}!"}
        return httpx2.Response(self.code, json=status)

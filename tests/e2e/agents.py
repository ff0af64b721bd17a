"""Agents as a user sees them, through kubectl."""

from __future__ import annotations

from typing import Any

from agentctl_core import API_VERSION
from tests.e2e.support import Kubectl, condition, eventually

SECONDS = 60


def agent(name: str, **spec: Any) -> dict[str, Any]:
    spec = {"image": "busybox:1.37", "command": ["sleep", "infinity"]} | spec
    return {"apiVersion": API_VERSION, "kind": "Agent", "metadata": {"name": name}, "spec": spec}


class Cluster:
    """One namespace, seen as a user sees it."""

    def __init__(self, kubectl: Kubectl, namespace: str) -> None:
        self.kubectl = kubectl
        self.namespace = namespace

    def apply(self, *documents: dict[str, Any]) -> None:
        self.kubectl.apply(*documents, namespace=self.namespace)

    def agent(self, name: str) -> Any:
        return self.kubectl.get("agent", name, self.namespace)

    def pod(self, name: str) -> Any:
        return self.kubectl.get("pod", name, self.namespace)

    def delete(self, name: str, *options: str) -> None:
        self.kubectl("delete", "agent", name, *options, namespace=self.namespace)

    def reason(self, name: str, kind: str) -> str | None:
        found = self.agent(name) or {}
        return next((c["reason"] for c in found.get("status", {}).get("conditions", []) if c["type"] == kind), None)

    def wait_ready(self, name: str) -> Any:
        return eventually(lambda: a if condition(a := self.agent(name), "Ready") == "True" else None, SECONDS, "Ready")

    def wait_reason(self, name: str, kind: str, reason: str) -> Any:
        def check() -> bool:
            found = self.reason(name, kind)
            assert found == reason
            return True

        eventually(check, SECONDS, f"{kind} says {reason}")
        return self.agent(name)

    def wait_gone(self, name: str) -> None:
        eventually(lambda: self.pod(name) is None, SECONDS, f"pod {name} is gone")

    def names(self, kind: str) -> list[str]:
        items = self.kubectl.json("get", kind, namespace=self.namespace)["items"]
        return [item["metadata"]["name"] for item in items]

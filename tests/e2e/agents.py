"""Agents as a user sees them, through kubectl."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from agentctl_core import API_VERSION
from tests.e2e.support import Kubectl, condition, eventually

Json = dict[str, Any]

SECONDS = 60


def agent(name: str, **spec: Any) -> dict[str, Any]:
    spec = {"image": "busybox:1.37", "command": ["sleep", "infinity"]} | spec
    return {"apiVersion": API_VERSION, "kind": "Agent", "metadata": {"name": name}, "spec": spec}


def resource_quota(name: str, hard: dict[str, str]) -> Json:
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name}, "spec": {"hard": hard}}


def quota_is_known(kubectl: Kubectl, name: str, namespace: str) -> bool:
    """Tell whether a quota is in force: some time after it was made or changed."""
    quota = kubectl.get("resourcequota", name, namespace) or {}
    return bool(quota) and quota.get("status", {}).get("hard") == quota["spec"]["hard"]


def claim_template(storage: str, storage_class: str = "") -> Json:
    spec = {
        "storageClassName": storage_class,
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": storage}},
    }
    return {"metadata": {"name": "data"}, "spec": spec}


def growing_storage(name: str, claim: str, namespace: str) -> tuple[Json, Json]:
    """A storage class whose volumes may grow, and a volume of it for one claim; both of that name."""
    storage_class = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": "kubernetes.io/no-provisioner",
        "allowVolumeExpansion": True,
    }
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": name,
        "hostPath": {"path": "/nowhere"},
        "claimRef": {"namespace": namespace, "name": claim},
    }
    return storage_class, {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}


def conditions(found: Json) -> dict[str, Json]:
    """Return the conditions of an Agent by their types."""
    return {each["type"]: each for each in found.get("status", {}).get("conditions", [])}


def reasons(found: Json) -> dict[str, str]:
    """Return the reason of each condition of an Agent."""
    return {kind: each["reason"] for kind, each in conditions(found).items()}


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
        return reasons(self.agent(name) or {}).get(kind)

    def wait_ready(self, name: str) -> Any:
        return eventually(lambda: a if condition(a := self.agent(name), "Ready") == "True" else None, SECONDS, "Ready")

    def wait_reason(self, name: str, kind: str, reason: str) -> Any:
        def check() -> Any:
            found = self.agent(name)
            told = reasons(found or {}).get(kind)
            assert told == reason, told
            return found

        return eventually(check, SECONDS, f"{kind} says {reason}")

    def wait_gone(self, name: str) -> None:
        eventually(lambda: self.pod(name) is None, SECONDS, f"pod {name} is gone")

    def names(self, kind: str) -> list[str]:
        items = self.kubectl.json("get", kind, namespace=self.namespace)["items"]
        return [item["metadata"]["name"] for item in items]

    def uid(self, name: str) -> str | None:
        """Return the uid of the Agent's pod; None where there is none."""
        pod = self.pod(name)
        return None if pod is None else str(pod["metadata"]["uid"])

    def wait(self, name: str, check: Callable[[Json], bool], message: str) -> Json:
        """Return the Agent once that is true of it."""

        def seen() -> Json | None:
            found: Json = self.agent(name)
            return found if check(found) else None

        return eventually(seen, SECONDS, f"{name}: {message}")

    def patch(self, name: str, **spec: Any) -> None:
        """Edit an Agent by a merge patch."""
        body = json.dumps({"spec": spec})
        self.kubectl("patch", "agent", name, "--type=merge", f"--patch={body}", namespace=self.namespace)

    def remember(self, name: str, **status: Any) -> None:
        """Put something into an Agent's status that the operator takes for its own memory."""
        body = json.dumps({"status": status})
        arguments = ("patch", "agent", name, "--subresource=status", "--type=merge", f"--patch={body}")
        self.kubectl(*arguments, namespace=self.namespace)

    def scale(self, name: str, replicas: int) -> None:
        self.kubectl("scale", f"agent/{name}", f"--replicas={replicas}", namespace=self.namespace)

    def events(self, name: str) -> list[tuple[str, str]]:
        """Return type and reason of each event of an Agent, the oldest first."""
        selector = f"--field-selector=involvedObject.kind=Agent,involvedObject.name={name}"
        items = self.kubectl.json("get", "events", selector, namespace=self.namespace)["items"]
        items.sort(key=lambda item: item["eventTime"])
        assert all(item.get("count", 1) == 1 for item in items)
        return [(item["type"], item["reason"]) for item in items]

    def notes(self, name: str) -> dict[str, str]:
        """Return what the events of an Agent say, by their reasons."""
        items = self.kubectl.json("get", "events", namespace=self.namespace)["items"]
        return {i["reason"]: i["message"] for i in items if i["involvedObject"]["name"] == name}

    def wait_events(self, name: str, *expected: tuple[str, str]) -> None:
        """Wait until these are an Agent's events, and no other; those of one decision bear one time."""

        def check() -> bool:
            found = self.events(name)
            assert sorted(found) == sorted(expected), found
            return True

        eventually(check, SECONDS, f"events of {name}")

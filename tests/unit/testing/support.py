"""Builders for the tests of the model cluster."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from agentctl_core import Ref, reconcile
from agentctl_core.testing import ModelCluster, Refused

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
AGENT_API = "agentctl.dev/v1alpha1"


def new_cluster(**options: Any) -> ModelCluster:
    return ModelCluster(START, **options)


def agent(name: str = "demo", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    spec = {"image": "example/agent", "command": ["agent"], **spec}  # with a command no registry has to be asked
    return {"apiVersion": AGENT_API, "kind": "Agent", "metadata": metadata, "spec": spec}


def pod(name: str = "demo", **spec: Any) -> dict[str, Any]:
    containers = [{"name": "main", "image": "example/image:1"}]
    spec = {"containers": containers, "automountServiceAccountToken": False, **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def config_map(name: str = "demo", **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}}


def owner(manifest: dict[str, Any], **fields: Any) -> dict[str, Any]:
    metadata = manifest["metadata"]
    return {
        "apiVersion": manifest["apiVersion"],
        "kind": manifest["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        **fields,
    }


def agent_ref(name: str = "demo") -> Ref:
    return Ref(AGENT_API, "Agent", "default", name)


def pod_ref(name: str = "demo") -> Ref:
    return Ref("v1", "Pod", "default", name)


def config_map_ref(name: str = "demo") -> Ref:
    return Ref("v1", "ConfigMap", "default", name)


def exists(cluster: ModelCluster, ref: Ref) -> bool:
    items, _ = cluster.list(ref.api_version, ref.kind, ref.namespace, field_selector=f"metadata.name={ref.name}")
    return bool(items)


def refusal(call: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value


def condition(manifest: dict[str, Any], kind: str) -> tuple[str, str]:
    found = next(c for c in manifest["status"]["conditions"] if c["type"] == kind)
    return found["status"], found.get("reason", "")


def reconcile_once(cluster: ModelCluster, name: str = "demo") -> None:
    """Reconcile an Agent as a host does: anew, where a plan was made from a view that no longer held."""
    for _ in range(5):
        if not exists(cluster, agent_ref(name)):
            return
        manifest = cluster.get(agent_ref(name))
        if all(map(cluster.execute, reconcile(manifest, cluster.observe(manifest)))):
            return
    raise AssertionError("plans are cut short again and again")


def writes_until_quiet(cluster: ModelCluster, name: str = "demo", seconds: float = 120) -> None:
    """Let host and controllers run, through time, until neither has anything to write."""
    end = cluster.now.timestamp() + seconds
    while True:
        before = cluster.storage.resource_version
        cluster.settle()
        reconcile_once(cluster, name)
        cluster.settle()
        if cluster.storage.resource_version != before:
            continue
        deadline = cluster.next_deadline()
        if deadline is None or deadline.timestamp() > end:
            return
        cluster.advance((deadline - cluster.now).total_seconds())

"""The pod that the other contenders make: what agentctl makes of the same Agent, but for its annotations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

GROUP, VERSION, PLURAL = "agentctl.dev", "v1alpha1", "agents"
WRAPPER_IMAGE = "example.com/wrapper:1"
_SHARED = {"name": "shared", "mountPath": "/agentctl"}
_BIN = {"name": "bin", "mountPath": "/agentctl/bin"}


def pod_of(name: str, namespace: str, uid: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pod of an Agent."""
    owner = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "Agent", "name": name, "uid": uid, "controller": True,
             "blockOwnerDeletion": True}  # fmt: skip
    install = {
        "name": "wrapper",
        "image": WRAPPER_IMAGE,
        "command": ["cp", "/usr/bin/tini", "/agentctl/bin/"],
        "volumeMounts": [_BIN],
    }
    agent = {
        "name": "agent",
        "image": spec["image"],
        "command": ["/agentctl/bin/tini", "-s", "--", *spec["command"]],
        "env": list(spec.get("env") or []),
        "volumeMounts": [_SHARED, _BIN],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"agentctl.dev/agent": name},
            "ownerReferences": [owner],
        },
        "spec": {
            "volumes": [{"name": "shared", "emptyDir": {}}, {"name": "bin", "emptyDir": {}}],
            "initContainers": [install],
            "containers": [agent],
        },
    }


def status_of(name: str, generation: int, ready: str, phase: str) -> dict[str, Any]:
    """Return the status of an Agent whose pod is in that state."""
    condition = {
        "type": "Ready",
        "status": ready,
        "reason": f"Pod{phase}",
        "message": "",
        "observedGeneration": generation,
        "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return {"podName": name, "observedGeneration": generation, "conditions": [condition]}

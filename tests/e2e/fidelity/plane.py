"""A kube-apiserver with etcd and nothing else, so that between two operations nobody writes; and namespaces in it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx2

from tests.e2e.cluster.control_plane import ControlPlane
from tests.e2e.fidelity.sides import ModelSide, Request, ServerSide, Side, client_of
from tests.e2e.session import CRD_FILE

CONNECTIONS: Final = 32
_SERVED_SECONDS: Final = 30
_NODES: Final = ("n1", "n2")
_FEATURES: Final = (
    "InPlacePodLevelResourcesVerticalScaling",
    "InPlacePodVerticalScalingInitContainers",
    "InPlacePodVerticalScalingMemoryBackedVolumes",
)
"""What the nodes say that they can do: a resize that needs more is refused."""
_STORAGE_CLASSES: Final = ("fast", "slow")
"""Those that claims name: they may grow."""


@contextmanager
def bare_plane(directory: Path) -> Iterator[httpx2.Client]:
    """Start the two, serve Agents, and yield a client."""
    plane = ControlPlane(directory, manifests=[CRD_FILE], controllers=False)
    with plane, client_of(plane.kubeconfig, CONNECTIONS) as client:
        deadline = time.monotonic() + _SERVED_SECONDS
        while client.get("/apis/agentctl.dev/v1alpha1/agents").status_code != httpx2.codes.OK:
            assert time.monotonic() < deadline, "Agents are not served"
            time.sleep(0.05)
        for name in _STORAGE_CLASSES:
            _post(ServerSide(client), "/apis/storage.k8s.io/v1/storageclasses", _storage_class(name))
        for name in _NODES:
            _post(ServerSide(client), "/api/v1/nodes", _node(name))
        yield client


def _storage_class(name: str) -> object:
    header = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}}
    return header | {"provisioner": "example.com/none", "allowVolumeExpansion": True}


def _node(name: str) -> object:
    labels = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    room = {"cpu": "1000", "memory": "1000Gi", "pods": "1000"}
    status = {"allocatable": room, "capacity": room, "declaredFeatures": [*_FEATURES]}
    header = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
    return header | {"status": status}


def prepared(client: httpx2.Client, namespace: str) -> tuple[ModelSide, ServerSide]:
    """Make a namespace on both sides, and the service account that pods need on the real one."""
    sides = (ModelSide(), ServerSide(client))
    for side in sides:
        _post(side, "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    _post(sides[1], f"/api/v1/namespaces/{namespace}/serviceaccounts", account)
    return sides


def _post(side: Side, path: str, manifest: object) -> None:
    body = json.dumps(manifest).encode()
    answer = side.ask(Request(method="POST", path=path, query={}, content="application/json", body=body))
    assert answer.code == httpx2.codes.CREATED, answer

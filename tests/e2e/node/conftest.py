"""Fixtures of the tests on a real node."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import NoReturn

import pytest

from tests.e2e.cluster.node_images import Images
from tests.e2e.node.operator import install
from tests.e2e.node.support import OnNode
from tests.e2e.node_session import NodeAccess, NoNodeError, node_access
from tests.e2e.support import Kubectl


@pytest.fixture(scope="session")
def node() -> NodeAccess:
    """The cluster with the real node; where there can be none, the test says so."""
    try:
        return node_access()
    except NoNodeError as error:
        unavailable(error)


def unavailable(error: NoNodeError) -> NoReturn:
    """Skip the test, or in CI let it fail: there a run without the node would prove nothing."""
    if os.environ.get("CI"):
        pytest.fail(f"no real node: {error}", pytrace=False)
    pytest.skip(f"no real node: {error}")


@pytest.fixture(scope="session")
def starts_nodes(node: NodeAccess) -> None:
    """Whether the test may start nodes of its own: where the user has named a cluster, the test says that it cannot."""
    if not node.enter:
        pytest.skip("KUBECONFIG names a cluster: no node of our own is in use")


@pytest.fixture(scope="session")
def kubeconfig(node: NodeAccess) -> Path:
    """The administrator's kubeconfig of the cluster with the real node."""
    return node.kubeconfig


@pytest.fixture(scope="session")
def kubectl(node: NodeAccess) -> Kubectl:
    """Runs kubectl as the administrator of the cluster with the real node."""
    return node.administrator()


@pytest.fixture(scope="session")
def images(node: NodeAccess) -> Images:
    """The test images in the registry."""
    return Images(node.registry)


@pytest.fixture(scope="session")
def installed(kubectl: Kubectl, images: Images, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    """The operator, running in the cluster from deploy/cluster-wide."""
    # One worker installs it, the others wait.
    shared = tmp_path_factory.getbasetemp().parent
    done = shared / "operator-is-installed"
    with (shared / "operator.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists() or os.environ.get("PYTEST_XDIST_WORKER") is None:
            install(kubectl, images, tmp_path_factory.mktemp("deploy"))
            done.touch()
    return kubectl


@pytest.fixture
def on_node(installed: Kubectl, namespace: str, images: Images, node: NodeAccess) -> OnNode:
    """A fresh namespace of the cluster with the real node, with the operator at work."""
    return OnNode(installed, namespace, images, node)

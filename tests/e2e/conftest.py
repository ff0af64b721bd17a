"""Fixtures of the end-to-end tests."""

from __future__ import annotations

import fcntl
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e import plugin
from tests.e2e.hand_node import HandNode
from tests.e2e.line import Figures
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.session import CRD_FILE, access
from tests.e2e.stage import Stage
from tests.e2e.support import Kubectl, eventually

_EMPTY_SECONDS = 60


def pytest_configure(config: pytest.Config) -> None:
    """Register the hooks, unless a conftest.py further up has done so."""
    if not config.pluginmanager.is_registered(plugin):
        config.pluginmanager.register(plugin, plugin.__name__)


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Figures:
    """Takes lines to show at the end of the test run."""
    return lambda text: record_property("figures", text)


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    """The administrator's kubeconfig of the cluster under test."""
    return access().kubeconfig


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    """Runs kubectl as the administrator of the cluster under test."""
    return access().administrator()


@pytest.fixture
def namespace(kubectl: Kubectl) -> Iterator[str]:
    """A fresh namespace; afterwards it is deleted, and its Agents and pods are gone."""
    with fresh_namespace(kubectl) as name:
        yield name


@contextmanager
def fresh_namespace(kubectl: Kubectl) -> Iterator[str]:
    name = f"e2e-{uuid.uuid4().hex[:12]}"
    kubectl("create", "namespace", name)
    try:
        # Pods are refused until it is there.
        eventually(lambda: kubectl.get("serviceaccount", "default", name), 30, f"service account of {name}")
        yield name
    finally:
        kubectl("delete", "namespace", name, "--wait=false")
        # The cluster would do this too, but not within the first 5 seconds. In a namespace that
        # is being deleted nobody makes new ones. What else is in it is left to the cluster.
        kubectl("delete", "agents.agentctl.dev", "--all", "--wait=false", namespace=name, check=False)
        kubectl("delete", "pods", "--all", "--wait=false", namespace=name)
        eventually(lambda: not _left_in(kubectl, name), _EMPTY_SECONDS, f"namespace {name} is empty")


def _left_in(kubectl: Kubectl, namespace: str) -> str:
    left = kubectl("get", "pods", "--output=name", namespace=namespace).stdout
    agents = kubectl("get", "agents.agentctl.dev", "--output=name", namespace=namespace, check=False)
    if agents.returncode != 0 and "doesn't have a resource type" not in agents.stderr:
        return agents.stderr
    return left + agents.stdout


@pytest.fixture(scope="session")
def crd(kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Agent resource type, established; returns its name."""
    # Workers have folders side by side below that of the run. One after the other: creations of
    # the same object at the same time may fail with a conflict.
    with (tmp_path_factory.getbasetemp().parent / "agentctl-crd.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kubectl("apply", "--server-side", f"--filename={CRD_FILE}")
        kubectl("wait", "--for=condition=Established", f"--filename={CRD_FILE}", "--timeout=30s")
    # Established comes before the API server lists it in its discovery documents.
    eventually(lambda: kubectl("get", "agents.agentctl.dev", "--all-namespaces"), 30, "agents are served")
    return "agents.agentctl.dev"


@pytest.fixture
def operator(kubeconfig: Path, crd: str, namespace: str, tmp_path: Path) -> Iterator[OperatorProcess]:
    """The operator as a process, serving the test's namespace alone; it must end well when the test does."""
    assert crd
    process = OperatorProcess(kubeconfig, namespace, tmp_path / "log")
    process.start()
    yield process
    assert process.stop() == 0


@pytest.fixture(scope="module")
def stage(kubectl: Kubectl, kubeconfig: Path, crd: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage that the scenarios of a module share, each with an Agent of its own name."""
    assert crd
    with fresh_namespace(kubectl) as namespace, HandNode(kubectl) as node:
        operator = OperatorProcess(kubeconfig, namespace, tmp_path_factory.mktemp("stage") / "log")
        operator.start()
        yield Stage(kubectl, namespace, node, operator)
        assert operator.stop() == 0
        kubectl("delete", "agents.agentctl.dev", "--all", namespace=namespace)
        node.sweep()
        # That a resize is refused is logged, and belongs to the scenarios.
        assert [line for line in operator.complaints() if "cannot be resized" not in line.get("event", "")] == []

"""The one cluster of a test run: started by pytest's controller process, used by every worker."""

from __future__ import annotations

import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

from tests.e2e.cluster.build import binaries
from tests.e2e.cluster.control_plane import ControlPlane
from tests.e2e.cluster.go_programs import BuildError
from tests.e2e.cluster.kwok_node import KwokNode
from tests.e2e.cluster.processes import PartFailedError, Startable
from tests.e2e.support import Kubectl, KubectlError

CRD_FILE = Path(__file__).parent.parent.parent / "crds" / "agents.yaml"

# How the workers of pytest-xdist, which are its child processes, learn of the cluster.
_KUBECONFIG = "AGENTCTL_E2E_KUBECONFIG"
_KUBECTL = "AGENTCTL_E2E_KUBECTL"


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach the cluster.

    Attributes:
        kubeconfig: the administrator's kubeconfig.
        kubectl: the kubectl program.
        own: whether the cluster was started for this run, with a simulated node.
    """

    kubeconfig: Path
    kubectl: Path
    own: bool

    def administrator(self) -> Kubectl:
        """Runs kubectl as the cluster's administrator.

        Ports are used again by later clusters, and kubectl caches what a server offers by its address: the cache of a
        cluster of our own ends with it.
        """
        return Kubectl(self.kubeconfig, self.kubectl, self.kubeconfig.parent / "kubectl-cache" if self.own else None)


class OfSession(ABC):
    """A cluster for the length of a pytest session, in a folder of its own, announced by environment variables."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._directory: Path | None = None
        self._started: list[Startable] = []
        self._announced: dict[str, str] = {}

    def start(self) -> None:
        """Start it, and announce it to this process and its children. Does nothing the second time.

        Nothing is started where it is not needed, such as with KUBECONFIG in the environment.

        Raises:
            BuildError: the programs cannot be built.
            PartFailedError: a part of the cluster failed.
            KubectlError: a manifest or the Node cannot be applied.
            OSError: a program or a file failed.
        """
        if self._directory is not None or not self._is_needed():
            return
        self._directory = Path(tempfile.mkdtemp(prefix="agentctl-e2e-"))
        try:
            self._announced = self._begin(self._directory)
        except BaseException:
            self.stop()
            raise
        os.environ.update(self._announced)

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    def failures(self) -> list[str]:
        """What is to be said about each part that ended during the tests."""
        return [line for each in self._started for line in each.failed_parts()]

    def stop(self) -> None:
        """Stop what was started and remove its files. May be called twice."""
        for name in self._announced:
            os.environ.pop(name, None)
        started, directory = self._started, self._directory
        self._started, self._directory, self._announced = [], None, {}
        try:
            for each in reversed(started):
                each.stop()
        finally:
            if directory is not None:
                shutil.rmtree(directory, ignore_errors=True)

    @abstractmethod
    def _is_needed(self) -> bool:
        """Tell whether tests of this session can and want to run on it."""

    @abstractmethod
    def _begin(self, directory: Path) -> dict[str, str]:
        """Start each part, noting it in `_started`; return the variables that say how to reach it."""


class SessionCluster(OfSession):
    """A control plane with a simulated node."""

    def _is_needed(self) -> bool:
        return users_kubeconfig() is None

    def _begin(self, directory: Path) -> dict[str, str]:
        manifests = [CRD_FILE] if CRD_FILE.exists() else []
        plane = ControlPlane(directory / "control-plane", manifests=manifests).start()
        self._started.append(plane)
        self._started.append(KwokNode(plane.kubeconfig, plane.bin, directory / "kwok").start())
        return {_KUBECONFIG: str(plane.kubeconfig), _KUBECTL: str(plane.bin / "kubectl")}


def access() -> Access:
    """The cluster of this session.

    Raises:
        BuildError: KUBECONFIG is to be used, and there is no kubectl and none can be built.
        ValueError: KUBECONFIG names several files.
        LookupError: no cluster was started.
    """
    given = users_kubeconfig()
    if given is not None:
        if os.pathsep in given:
            raise ValueError(f"KUBECONFIG={given} names several files; the end-to-end tests need one")
        found = shutil.which("kubectl")
        return Access(Path(given).absolute(), Path(found) if found else binaries() / "kubectl", own=False)
    if _KUBECONFIG not in os.environ:
        raise LookupError(
            "pytest's controller process has started no control plane, because it has not loaded"
            " tests/e2e/plugin.py: with pytest-xdist name tests/e2e on the command line"
        )
    return Access(Path(os.environ[_KUBECONFIG]), Path(os.environ[_KUBECTL]), own=True)


def start_or_exit(cluster: OfSession, config: pytest.Config) -> None:
    """Start a cluster, showing the build's progress; end the test run where that fails.

    A run without the cluster would prove nothing, so the tests are never skipped instead.

    Raises:
        pytest.exit.Exception: it cannot be built or started.
    """
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.suspend_global_capture(in_=False)
    try:
        cluster.start()
    except (BuildError, PartFailedError, KubectlError, OSError) as error:
        pytest.exit(f"no cluster for the end-to-end tests: {error}", returncode=pytest.ExitCode.TESTS_FAILED)
    finally:
        if capture is not None:
            capture.resume_global_capture()


def users_kubeconfig() -> str | None:
    """KUBECONFIG, where it is set: the tests then run on that cluster."""
    return os.environ.get("KUBECONFIG") or None

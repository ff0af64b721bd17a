"""The one cluster of a test run: started by pytest's controller process, used by every worker."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from tests.e2e.cluster.build import binaries
from tests.e2e.cluster.control_plane import ControlPlane
from tests.e2e.cluster.go_programs import BuildError
from tests.e2e.cluster.kwok_node import KwokNode
from tests.e2e.cluster.processes import PartFailedError
from tests.e2e.support import KubectlError

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


class SessionCluster:
    """A control plane with a simulated node for the length of a pytest session."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._directory: Path | None = None
        self._plane: ControlPlane | None = None
        self._node: KwokNode | None = None

    def start(self) -> None:
        """Start it, and announce it to this process and its children. Does nothing the second time.

        With KUBECONFIG in the environment that cluster is used, and nothing is started.

        Raises:
            BuildError: the programs cannot be built.
            PartFailedError: a part of the cluster failed.
            KubectlError: a manifest or the Node cannot be applied.
            OSError: a program or a file failed.
        """
        if self._directory is not None or users_kubeconfig() is not None:
            return
        self._directory = Path(tempfile.mkdtemp(prefix="agentctl-e2e-"))
        try:
            manifests = [CRD_FILE] if CRD_FILE.exists() else []
            self._plane = ControlPlane(self._directory / "control-plane", manifests=manifests).start()
            self._node = KwokNode(self._plane.kubeconfig, self._plane.bin, self._directory / "kwok").start()
        except BaseException:
            self.stop()
            raise
        os.environ[_KUBECONFIG] = str(self._plane.kubeconfig)
        os.environ[_KUBECTL] = str(self._plane.bin / "kubectl")

    def failures(self) -> list[str]:
        """What is to be said about each part that ended during the tests."""
        return self._plane.failed_parts() if self._plane is not None else []

    def stop(self) -> None:
        """Stop what was started and remove its files. May be called twice."""
        for name in (_KUBECONFIG, _KUBECTL):
            os.environ.pop(name, None)
        node, plane, directory = self._node, self._plane, self._directory
        self._node = self._plane = self._directory = None
        if node is not None:
            node.stop()
        if plane is not None:
            plane.stop()
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)


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


class Session(Protocol):
    """What is started once for a pytest session."""

    def start(self) -> None: ...


def start_or_exit(cluster: Session, config: pytest.Config) -> None:
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

"""The one real node of a test run: started by pytest's controller process, used by every worker."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.cluster.node_build import why_no_node
from tests.e2e.cluster.real_node import RealNode
from tests.e2e.session import access, users_kubeconfig

# How the workers of pytest-xdist, which are its child processes, learn of it.
_NODE = "AGENTCTL_E2E_NODE"
# For a cluster of the user's: a registry, HOST[:PORT][/PREFIX], that takes images over plain HTTP without asking who
# sends them, and that the cluster's nodes pull from.
_REGISTRY = "AGENTCTL_E2E_REGISTRY"


class NoNodeError(RuntimeError):
    """There is no real node to run tests on; the message says why, in one line."""


@dataclass(frozen=True, slots=True)
class NodeAccess:
    """How to reach the cluster with the real node.

    Attributes:
        kubeconfig: the administrator's kubeconfig.
        kubectl: the kubectl program.
        registry: where images go, as pods name it.
        enter: the command that leads into the node's namespaces; nothing on a cluster of the user's.
    """

    kubeconfig: Path
    kubectl: Path
    registry: str
    enter: tuple[str, ...]

    def inside(self, *command: str) -> str:
        """Run a command on the node (``ctr``, ``ps``, ``ip``) and return its output.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        return subprocess.run([*self.enter, *command], capture_output=True, text=True, check=True).stdout


class SessionNode:
    """A cluster with a real node for the length of a pytest session."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._directory: Path | None = None
        self._node: RealNode | None = None

    def start(self) -> None:
        """Start it, and announce it to this process and its children. Does nothing the second time.

        On a machine that cannot run a node, and with KUBECONFIG in the environment, nothing is started.

        Raises:
            BuildError: the programs cannot be built.
            PartFailedError: a part of the cluster failed.
            OSError: a program or a file failed.
        """
        if self._directory is not None or users_kubeconfig() is not None or why_no_node() is not None:
            return
        self._directory = Path(tempfile.mkdtemp(prefix="agentctl-e2e-node-"))
        try:
            self._node = RealNode(self._directory / "cluster").start()
        except BaseException:
            self.stop()
            raise
        said = {
            "kubeconfig": str(self._node.kubeconfig),
            "kubectl": str(self._node.kubectl),
            "registry": self._node.registry,
            "enter": self._node.inside("env", *self._node.environment()),
        }
        os.environ[_NODE] = json.dumps(said)

    def failures(self) -> list[str]:
        """What is to be said about each part that ended during the tests."""
        return self._node.failed_parts() if self._node is not None else []

    def stop(self) -> None:
        """Stop what was started and remove its files. May be called twice."""
        os.environ.pop(_NODE, None)
        node, directory = self._node, self._directory
        self._node = self._directory = None
        try:
            if node is not None:
                node.stop()
        finally:
            if directory is not None:
                shutil.rmtree(directory, ignore_errors=True)


def node_access() -> NodeAccess:
    """The cluster with the real node of this session.

    Raises:
        NoNodeError: there is none.
    """
    if users_kubeconfig() is not None:
        registry = os.environ.get(_REGISTRY)
        if not registry:
            raise NoNodeError(f"set {_REGISTRY}: a registry that the cluster of KUBECONFIG pulls from")
        reach = access()
        return NodeAccess(reach.kubeconfig, reach.kubectl, registry, ())
    if (reason := why_no_node()) is not None:
        raise NoNodeError(reason)
    if _NODE not in os.environ:
        raise LookupError("no node was started: with pytest-xdist name tests/e2e or tests/e2e/node on the command line")
    said = json.loads(os.environ[_NODE])
    return NodeAccess(Path(said["kubeconfig"]), Path(said["kubectl"]), said["registry"], tuple(said["enter"]))

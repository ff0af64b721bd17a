"""The one real node of a test run: started by pytest's controller process, used by every worker."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.cluster.node_build import why_no_node
from tests.e2e.cluster.real_node import RealNode
from tests.e2e.session import OfSession, access, users_kubeconfig
from tests.e2e.support import Kubectl

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

    def administrator(self) -> Kubectl:
        """Runs kubectl as the cluster's administrator; what it caches of a cluster of our own ends with that."""
        return Kubectl(self.kubeconfig, self.kubectl, self.kubeconfig.parent / "kubectl-cache" if self.enter else None)

    def inside(self, *command: str) -> str:
        """Run a command on the node (``ctr``, ``ps``, ``ip``) and return its output.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        return subprocess.run([*self.enter, *command], capture_output=True, text=True, check=True).stdout


class SessionNode(OfSession):
    """A cluster with a real node; nothing is started on a machine that cannot run one."""

    def _is_needed(self) -> bool:
        return users_kubeconfig() is None and why_no_node() is None

    def _begin(self, directory: Path) -> dict[str, str]:
        node = RealNode(directory / "cluster").start()
        self._started.append(node)
        reach = access_to(node)
        said = {
            "kubeconfig": str(reach.kubeconfig),
            "kubectl": str(reach.kubectl),
            "registry": reach.registry,
            "enter": reach.enter,
        }
        return {_NODE: json.dumps(said)}


def access_to(node: RealNode) -> NodeAccess:
    """How to reach a cluster that has been started here."""
    enter = tuple(node.inside("env", *node.environment()))
    return NodeAccess(node.kubeconfig, node.kubectl, node.registry, enter)


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

"""What a node of this machine is called, and its addresses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NodeNames:
    """Names and addresses of the node with this number; nodes of other numbers have others.

    Attributes:
        index: from 0; the node holds it while it runs.
    """

    index: int

    @property
    def node(self) -> str:
        """The Node object, and the host name."""
        return f"node-{self.index}"

    @property
    def link(self) -> str:
        """The machine's end of the pair of network cards."""
        return f"agentctl-e2e{self.index}"

    @property
    def cgroup(self) -> str:
        """The folder below the root of each cgroup hierarchy."""
        return f"agentctl-e2e-{self.index}"

    @property
    def machine_address(self) -> str:
        """The machine as the node sees it."""
        return f"10.77.{self.index}.1"

    @property
    def node_address(self) -> str:
        """The node as the machine sees it."""
        return f"10.77.{self.index}.2"

    @property
    def pod_addresses(self) -> str:
        """The addresses that pods get."""
        return f"10.244.{self.index}.0/24"

    @property
    def service_addresses(self) -> str:
        """The addresses that Services get."""
        return f"10.96.{self.index}.0/24"

    @property
    def kubernetes_service(self) -> str:
        """The address of the API server as pods know it: the first one that Services get."""
        return f"10.96.{self.index}.1"

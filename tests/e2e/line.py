"""An operator behind a proxy that disturbs it, and what a fault may cost: requests, memory and open files."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.agents import SECONDS, Cluster, agent
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.proxy import Proxy, Seen
from tests.e2e.support import Kubectl, condition, eventually

NIGHTLY = bool(os.environ.get("AGENTCTL_NIGHTLY"))
"""Whether the long forms are asked for, as `make nightly` does."""

Figures = Callable[[str], None]
"""Has a line shown at the end of the test run."""

MEMORY_MIB = 12.0
"""How much more memory than before a fault may be held after it: buffers that grow once and code that loads late."""


@dataclass
class Line(Cluster):
    """One namespace as a user sees it, served by an operator whose requests go through a proxy."""

    kubectl: Kubectl
    namespace: str
    proxy: Proxy
    operator: OperatorProcess

    def settle(self) -> None:
        """Create what the changes of `change` start from, and wait until nothing is sent any more."""
        self.apply(agent("gone"), agent("asleep"))
        self.wait_ready("gone")
        self.wait_ready("asleep")
        self.wait_quiet()

    def change(self) -> None:
        """Change things behind the operator's back: one Agent goes, one is suspended, one comes, one loses its pod."""
        self.delete("gone", "--wait=false")
        self.scale("asleep", 0)
        self.apply(agent("new"))

    def converged(self) -> bool:
        """Tell whether everything is as `change` wants it."""
        items = self.kubectl.json("get", "agents,pods", namespace=self.namespace)["items"]
        found = {(item["kind"], item["metadata"]["name"]): item for item in items}
        assert sorted(found) == [("Agent", "asleep"), ("Agent", "new"), ("Pod", "new")]
        assert condition(found["Agent", "new"], "Ready") == "True"
        assert condition(found["Agent", "asleep"], "Suspended") == "True"
        assert condition(found["Agent", "asleep"], "Ready") is None
        return True

    def wait_converged(self, seconds: float = SECONDS) -> float:
        """Wait until `converged`; return how many seconds it took."""
        started = time.monotonic()
        eventually(self.converged, seconds, "everything is as it was asked for", interval=0.3)
        return time.monotonic() - started

    def wait_quiet(self, seconds: float = 2.0) -> None:
        """Wait until no request was sent for so long."""

        def quiet() -> bool:
            return time.monotonic() - self.proxy.requests[-1].at > seconds

        eventually(quiet, SECONDS, "nothing is sent any more")


@contextmanager
def line(
    kubectl: Kubectl,
    namespace: str,
    tmp_path: Path,
    proxy: Proxy | None = None,
    process: Callable[[Path, str, Path], OperatorProcess] = OperatorProcess,
    **access: Any,
) -> Iterator[Line]:
    """Run an operator or another host behind a proxy; it must end well. `access` is for the proxy's `client_config`."""
    with proxy or Proxy(kubectl) as between:
        config = between.client_config(tmp_path / "config", **access)
        operator = process(config, namespace, tmp_path / "log")
        operator.start()
        try:
            yield Line(kubectl, namespace, between, operator)
            assert operator.stop() == 0
        finally:
            if operator.is_alive:
                operator.kill()


@dataclass
class Cost:
    """What a fault has cost the operator."""

    seconds: float
    requests: list[Seen]
    memory: float
    files: int

    def __str__(self) -> str:
        return f"{len(self.requests)} requests, {self.memory:+.1f} MiB, {self.files:+d} files, {self.seconds:.1f} s"


def cost_of(tested: Line, fault: Callable[[], None]) -> Cost:
    """Cause a fault, wait until all is well again, and return what it has cost.

    `fault` returns once the fault is over and everything has converged. The same process must be alive, and hold about
    as much as before.
    """
    operator, process = tested.operator, tested.operator.process
    memory, files, requests = operator.memory, operator.open_files, len(tested.proxy.requests)
    started = time.monotonic()
    fault()
    seconds = time.monotonic() - started
    tested.wait_quiet()
    assert operator.is_alive
    assert operator.process is process
    cost = Cost(seconds, tested.proxy.requests[requests:], operator.memory - memory, operator.open_files - files)
    assert cost.memory <= MEMORY_MIB, cost
    assert [entry for entry in operator.lines() if "raw" in entry or entry.get("level") in ("error", "critical")] == []
    return cost

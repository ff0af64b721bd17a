"""What the operator costs beside a contender on kopf and beside bare loops, on one API server, one after the other.

    python -m bench.operators [--contender agentctl --contender kopf ...] [--agents 200 --agents 1000] [--rounds 3]

Each round takes every contender once: with so many Agents at once, an idle minute, a restart, for agentctl an edit, a
suspension and waking of all, and their deletion; and with 100 Agents at ten a second. A round begins with another
contender than the one before, so what drifts hits all. Nodes are kwok's: pods become ready without containers.

Writes docs/benchmarks/operators.json with every run, and the tables and plots of docs/benchmarks.md and docs/scale.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any, Self

from bench.operators import report
from bench.operators.client import Cluster
from bench.operators.contenders import CONTENDERS, Contender
from bench.operators.phases import LATER, Phases
from tests.e2e.audit import AuditLog
from tests.e2e.cluster.control_plane import ControlPlane
from tests.e2e.cluster.kwok_node import KwokNode
from tests.e2e.session import CRD_FILE
from tests.e2e.support import Kubectl, eventually

USER = "contender"
PACED_AGENTS, RATE = 100, 10.0


class Stage:
    """A control plane with a simulated node, for one run."""

    def __init__(self, folder: Path) -> None:
        """Describe it; it is started by `with`."""
        self._folder = folder
        self.audit = AuditLog(folder, users=(USER,))
        self._plane = ControlPlane(folder / "plane", apiserver_flags=self.audit.flags, manifests=[CRD_FILE])

    def __enter__(self) -> Self:
        """Start it."""
        self._plane.start()
        self._node = KwokNode(self._plane.kubeconfig, self._plane.bin, self._folder / "kwok").start()
        self._plane.authority.issue(USER, USER, "system:masters")
        self.kubeconfig = self._folder / "contender.kubeconfig"
        self._plane.authority.kubeconfig(self.kubeconfig, USER, self._plane.server)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self._node.stop()
        self._plane.stop()

    def run(  # noqa: PLR0913, PLR0917 -- what a run consists of
        self,
        contender: Contender,
        count: int,
        rate: float,
        idle_seconds: float,
        logs: Path,
        left_out: Collection[str] = (),
    ) -> dict[str, Any]:
        """Let a contender go through its phases in a namespace of its own."""
        namespace = f"bench-{int(time.time())}"
        kubectl = Kubectl(self._plane.kubeconfig, self._plane.bin / "kubectl", self._folder / "cache")
        kubectl("create", "namespace", namespace)
        eventually(lambda: kubectl.get("serviceaccount", "default", namespace), 30, "pods are admitted")

        async def play() -> dict[str, Any]:
            cluster = Cluster(str(self._plane.kubeconfig))
            phases = Phases(
                contender=contender,
                kubeconfig=self.kubeconfig,
                user=USER,
                cluster=cluster,
                namespace=namespace,
                audit=self.audit,
                server=self._plane.pid("kube-apiserver"),
                folder=logs,
                count=count,
                left_out=left_out,
            )
            try:
                return await phases.run(rate, idle_seconds)
            finally:
                await cluster.close()

        return asyncio.run(play())


def main() -> int:
    """Run what is asked for, and write it down as it comes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--contender", choices=CONTENDERS, action="append")
    parser.add_argument(
        "--agents",
        type=int,
        action="append",
        help="at once; may be repeated (default: 200 and 1000; 0 for paced runs alone)",
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--idle-seconds", type=float, default=60)
    parser.add_argument("--leave-out", choices=LATER, action="append", default=[], help="may be repeated")
    parser.add_argument("--no-paced", action="store_true", help="without the runs at ten a second")
    parser.add_argument("--out", type=Path, default=report.RESULTS)
    parser.add_argument("--add", action="store_true", help="keep the runs that are there")
    options = parser.parse_args()
    contenders = [CONTENDERS[name] for name in options.contender or CONTENDERS]
    kinds = [(count, 0.0) for count in ((200, 1000) if options.agents is None else options.agents) if count]
    kinds += [] if options.no_paced else [(PACED_AGENTS, RATE)]
    runs: list[dict[str, Any]] = report.read_results(options.out)["runs"] if options.add else []
    for number in range(options.rounds):
        for count, rate in kinds:
            for contender in contenders[number % len(contenders) :] + contenders[: number % len(contenders)]:
                with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
                    load = os.getloadavg()[0]
                    logs = Path(tempfile.gettempdir())
                    phases = stage.run(contender, count, rate, options.idle_seconds, logs, options.leave_out)
                runs.append(
                    {"contender": contender.name, "agents": count, "rate": rate, "load": load, "phases": phases}
                )
                print(report.line(runs[-1]), flush=True)
                report.write_results(options.out, runs)
    if options.out == report.RESULTS:
        report.write_page(report.read_results(options.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())

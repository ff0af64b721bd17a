"""What an operator holds in memory: alone, with many Agents that are at rest, and at the most while they are made.

    python -m bench.memory [--agents 1000] [--against PROGRAM ...]

Against a real API server with a simulated node. Memory is the process's resident set. What an Agent takes is the
difference that the Agents make to an operator that finds them all at its start, divided by their number; as a ratio it
is in units of the JSON text of an Agent and its pod, as the API server sends them. Every PROGRAM, the `agentctl` of
another installation, finds the same Agents.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.poison import at_once, cluster
from tests.e2e.agents import agent
from tests.e2e.conftest import fresh_namespace
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.support import Kubectl, condition, eventually

MOST_EACH = 1.0
"""What an Agent takes, in units of its text and its pod's."""
MOST = {1_000: 70, 10_000: 160}
"""MiB at the most, by the number of Agents."""
SETTLE_SECONDS = 5


@contextmanager
def operator(kubectl: Kubectl, namespace: str, program: Path | None = None) -> Iterator[OperatorProcess]:
    """Run an operator whose first passes are over."""
    with tempfile.TemporaryDirectory() as folder:
        process = OperatorProcess(kubectl.kubeconfig, namespace, Path(folder) / "log")
        process.program = program or process.program
        process.start(wait=False)
        try:
            eventually(lambda: process.said("caches are synced"), 120, "the operator is ready")
            time.sleep(SETTLE_SECONDS)
            yield process
        finally:
            process.kill()


def make(kubectl: Kubectl, namespace: str, count: int) -> int:
    """Make Agents, wait until all are ready, and return the bytes that the API server sends of them and their pods."""
    with kubectl.proxy() as address:
        bodies = {name: agent(name) for name in (f"a-{number:05}" for number in range(count))}
        asyncio.run(at_once(address, namespace, "POST", bodies))

    def ready() -> int:
        items = kubectl.json("get", "agents", namespace=namespace)["items"]
        return sum(condition(item, "Ready") == "True" for item in items)

    eventually(lambda: ready() == count, 60 + count // 10, f"{count} Agents are ready", interval=2)
    found = kubectl.json("get", "agents,pods", "--show-managed-fields", namespace=namespace)["items"]
    return sum(len(json.dumps(item, separators=(",", ":"))) for item in found)


def main() -> int:
    """Print the figures; the exit code says whether every target is met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agents", type=int, default=1_000)
    parser.add_argument("--against", type=Path, action="append", default=[])
    options = parser.parse_args()
    count: int = options.agents
    most = MOST.get(count)
    with cluster() as kubectl, fresh_namespace(kubectl) as namespace:
        alone: dict[Path | None, float] = {}
        for program in (*options.against, None):
            with operator(kubectl, namespace, program) as process:
                alone[program] = process.memory
        with operator(kubectl, namespace) as process:
            text = make(kubectl, namespace, count)
            time.sleep(SETTLE_SECONDS)
            peak, rest = process.peak_memory, process.memory
        wanted = f", at most {most} wanted" if most else ""
        print(f"{count} Agents, {text / count:.0f} bytes of JSON each with its pod")
        print(f"made at once: {peak:.1f} MiB at the most{wanted}, {rest:.1f} at rest")
        each = 0.0
        for program in (*options.against, None):
            with operator(kubectl, namespace, program) as process:
                held = process.memory - alone[program]
                each = held * 2**20 / text
                print(
                    f"{program or 'this one'}: {alone[program]:.1f} MiB alone, {process.memory:.1f} with the Agents,"
                    f" {process.peak_memory:.1f} at the most; {held * 1024 / count:.1f} KiB for each Agent,"
                    f" {each:.2f} times its text, at most {MOST_EACH} wanted"
                )
    return int(each > MOST_EACH or (most is not None and peak > most))


if __name__ == "__main__":
    sys.exit(main())

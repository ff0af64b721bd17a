"""What a decision costs, in units of `json.loads` of the same Agent: ratios hold on any machine, times do not.

    python bench/core.py [FILE]     # examples/full.yaml by default

Prints a line for each figure: the ratio, its target, and the time beside it. Each time is the least of many short
runs: what the machine's other work adds is never negative.
"""

from __future__ import annotations

import json
import sys
import timeit
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from agentctl_core import ImageConfig, ImageInfo, Observed, Requeue, decide, prepare, reconcile
from agentctl_core.testing import ModelCluster

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUNS = 200


def settled(manifest: dict[str, Any]) -> tuple[dict[str, Any], Observed]:
    """Return an Agent as it is when its pod is ready, and what is observed then."""
    cluster = ModelCluster(NOW)
    cluster.create(manifest)
    image = ImageInfo(f"sha256:{0:064}", {"linux/amd64": ImageConfig(("/agent",))})
    for _ in range(20):
        (agent,), _version = cluster.list(manifest["apiVersion"], manifest["kind"])
        seen = cluster.observe(agent)
        observed = Observed(cluster.now, seen.objects, {manifest["spec"]["image"]: image})
        actions = reconcile(agent, observed)
        if not cluster.step() and all(isinstance(action, Requeue) for action in actions):
            return agent, observed
        for action in actions:
            if not cluster.execute(action):
                break
        cluster.settle()
        cluster.advance(1)
    raise SystemExit("the Agent does not settle in the model cluster")


def failed(agent: dict[str, Any], observed: Observed) -> tuple[dict[str, Any], Observed]:
    """Return a settled Agent as it is when its pod has just failed, and what is observed then."""
    pod = next(each for each in observed.objects if each["kind"] == "Pod")
    end = {"state": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-01-01T00:00:00Z"}}}
    statuses = [{**each, **end, "ready": False} for each in pod["status"]["containerStatuses"]]
    status = {**pod["status"], "phase": "Failed", "containerStatuses": statuses}
    others = tuple(each for each in observed.objects if each is not pod)
    return agent, Observed(observed.now, ({**pod, "status": status}, *others), observed.images)


def new_and_settled(file: Path) -> tuple[tuple[dict[str, Any], Observed], tuple[dict[str, Any], Observed]]:
    """Return the Agent of a file as it has just come, and as it is when it is settled, each with what is observed."""
    manifest = yaml.safe_load(file.read_text())
    manifest["metadata"].setdefault("namespace", "default")
    agent, observed = settled(manifest)
    new = {key: value for key, value in agent.items() if key != "status"}
    return (new, Observed(observed.now, (), observed.images)), (agent, observed)


def microseconds(call: Callable[[], object]) -> float:
    """Return the least time of one call."""
    timer = timeit.Timer(call)
    number = max(1, timer.autorange()[0] // 100)
    return min(timer.repeat(RUNS, number)) / number * 1e6


def main() -> int:
    """Print the figures; the exit code says whether every target is met."""
    file = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1] / "examples/full.yaml")
    (new, nothing), (agent, observed) = new_and_settled(file)
    text = json.dumps(agent)
    prepared = prepare(agent)
    unit = microseconds(lambda: json.loads(text))
    print(f"json.loads of {file.name}: {len(text)} bytes, {unit:.1f} us")
    missed = 0
    for name, call, most in (
        ("decide, settled", lambda: decide(prepared, agent, observed), 8),
        ("reconcile, cold and new", lambda: reconcile(new, nothing), 30),
    ):
        took = microseconds(call)
        missed += took / unit > most
        print(f"{name}: {took / unit:.1f} times that, at most {most} wanted; {took:.1f} us")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())

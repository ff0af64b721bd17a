"""Whether an Agent whose every call fails slows a hundred others: runs with and without it, in turn, on one API server.

    python -m bench.poison [--pairs 6] [--agents 100] [--fault slow]

A run creates the Agents at once and then edits them all at once, through a fresh operator in a fresh namespace. Two
times are taken for each Agent and change, in front of the operator: `whole`, from the moment that the watch tells it of
the change to the moment at which it writes the status that says Ready and UpToDate, with what the scheduler and the
node take; and `own`, which is the operator's part of that: from each event to the write that answers it.

Runs come in the order with, without, without, with, ...: what drifts hits both. A ratio is that of a pair's 99th
percentiles; beside it stands the ratio of two neighbouring runs without the poison, which is what noise comes to.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
from tests.e2e.agents import agent
from tests.e2e.conftest import fresh_namespace
from tests.e2e.faults import Reaction, failure
from tests.e2e.line import Line, line
from tests.e2e.poison import POISON, agent_of, conditions_written, only_for_the_poison
from tests.e2e.proxy import Seen
from tests.e2e.session import SessionCluster, access
from tests.e2e.support import Kubectl, condition, eventually

MOST = 1.5
CHANGES = ("create", "edit")
FAULTS: dict[str, Callable[[], Reaction]] = {
    "fast": lambda: failure(500, "InternalError"),
    "slow": lambda: failure(500, "InternalError", after=2),
    "429": lambda: failure(429, "TooManyRequests"),
}
Times = dict[str, list[float]]


class Events:
    """What the watches told the operator, and when."""

    def __init__(self) -> None:
        self.told: list[tuple[float, str, dict[str, Any]]] = []
        self._rest: dict[int, bytes] = {}

    def take(self, watch: Seen, piece: bytes) -> None:
        """Take a piece of a stream, as `Proxy.streamed`."""
        *lines, self._rest[id(watch)] = (self._rest.get(id(watch), b"") + piece).split(b"\n")
        now = time.monotonic()
        for text in lines:
            event = json.loads(text)
            self.told.append((now, event["type"], event["object"]))

    def first(self, name: str, kind: str, since: float, check: Callable[[str, dict[str, Any]], bool]) -> float:
        """Return when the operator was first told something of an Agent or its pod."""
        return next(
            at
            for at, event, found in self.told
            if at >= since and (found["kind"], found["metadata"].get("name")) == (kind, name) and check(event, found)
        )


def _first_write(requests: list[Seen], name: str, since: float, check: Callable[[Seen], bool]) -> float:
    return next(seen.at for seen in requests if seen.at >= since and agent_of(seen) == name and check(seen))


def _is_pod(method: str) -> Callable[[Seen], bool]:
    return lambda seen: seen.method == method and "/pods" in seen.path


def _is_generation(generation: int) -> Callable[[str, dict[str, Any]], bool]:
    return lambda _, found: bool(found["metadata"]["generation"] == generation)


def _says_well(generation: int) -> Callable[[Seen], bool]:
    def check(seen: Seen) -> bool:
        written = conditions_written(seen)
        return all(
            kind in written and (written[kind]["status"], written[kind]["observedGeneration"]) == ("True", generation)
            for kind in ("Ready", "UpToDate")
        )

    return check


def times(events: Events, requests: list[Seen], names: list[str]) -> dict[str, Times]:
    """Return `whole` and `own` of each change, in seconds, one for each Agent."""
    found: dict[str, Times] = {change: {"whole": [], "own": []} for change in CHANGES}
    for name in names:
        for generation, change in enumerate(CHANGES, start=1):
            told = events.first(name, "Agent", 0, _is_generation(generation))
            own, since = 0.0, told
            if change == "edit":
                deleted = _first_write(requests, name, told, _is_pod("DELETE"))
                since = events.first(name, "Pod", deleted, lambda event, _: event == "DELETED")
                own += deleted - told
            created = _first_write(requests, name, since, _is_pod("POST"))
            ready = events.first(name, "Pod", created, lambda _, it: condition(it, "Ready") == "True")
            done = _first_write(requests, name, ready, _says_well(generation))
            found[change]["own"].append(own + created - since + done - ready)
            found[change]["whole"].append(done - told)
    return found


async def at_once(address: str, namespace: str, method: str, bodies: dict[str, Any]) -> None:
    """Send a request for each Agent, many at a time."""
    path = f"/apis/agentctl.dev/v1alpha1/namespaces/{namespace}/agents"
    headers = {"Content-Type": "application/json" if method == "POST" else "application/merge-patch+json"}
    async with httpx2.AsyncClient(base_url=address, trust_env=False, timeout=60, headers=headers) as client:
        turn = asyncio.Semaphore(16)

        async def send(name: str, body: Any) -> None:
            async with turn:
                where = path if method == "POST" else f"{path}/{name}"
                (await client.request(method, where, content=json.dumps(body))).raise_for_status()

        await asyncio.gather(*(send(name, body) for name, body in bodies.items()))


def _wait_well(tested: Line, names: list[str], generation: int) -> None:
    says_well = _says_well(generation)

    def all_well() -> bool:
        written = {agent_of(seen) for seen in list(tested.proxy.writes) if says_well(seen)}
        return written.issuperset(names)

    eventually(all_well, 300, f"{len(names)} Agents are Ready and UpToDate", interval=0.5)


def run(kubectl: Kubectl, names: list[str], fault: Callable[[], Reaction] | None) -> dict[str, Times]:
    """Play one run; with a `fault` there is the poison, whose every call meets it."""
    events, all_names = Events(), ([POISON] if fault else []) + names
    with (
        fresh_namespace(kubectl) as namespace,
        tempfile.TemporaryDirectory() as folder,
        kubectl.proxy() as address,
        line(kubectl, namespace, Path(folder)) as tested,
    ):
        tested.proxy.streamed = events.take
        if fault:
            tested.proxy.react = only_for_the_poison(fault)
        asyncio.run(at_once(address, namespace, "POST", {name: agent(name) for name in all_names}))
        _wait_well(tested, names, 1)
        changed = {"spec": {"command": ["sleep", "1000"]}}
        asyncio.run(at_once(address, namespace, "PATCH", dict.fromkeys(all_names, changed)))
        _wait_well(tested, names, 2)
        requests = list(tested.proxy.requests)
        return times(events, requests, names)


def p99(values: list[float]) -> float:
    """Return the 99th percentile."""
    return statistics.quantiles(values, n=100, method="inclusive")[98]


@contextmanager
def cluster() -> Iterator[Kubectl]:
    """Start a control plane with a simulated node."""
    with SessionCluster():
        yield access().administrator()


def _shown(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def main() -> int:
    """Print the figures; the exit code says whether every median is within the target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--agents", type=int, default=100)
    parser.add_argument("--fault", choices=FAULTS, default="slow")
    options = parser.parse_args()
    names = [f"a-{number:03}" for number in range(options.agents)]
    runs: dict[bool, list[dict[str, Times]]] = {True: [], False: []}
    with cluster() as kubectl:
        run(kubectl, names, None)  # everybody warms up
        for pair in range(options.pairs):
            for poisoned in (True, False) if pair % 2 == 0 else (False, True):
                runs[poisoned].append(run(kubectl, names, FAULTS[options.fault] if poisoned else None))
                print(".", end="", flush=True)
    print(f"\none poison ({options.fault}) beside {options.agents} Agents, {options.pairs} pairs of runs")
    worst = 0.0
    for change in CHANGES:
        for part in ("whole", "own"):
            slow, usual = ([p99(each[change][part]) for each in runs[which]] for which in (True, False))
            ratios = [with_it / without for with_it, without in zip(slow, usual, strict=True)]
            noise = [max(a, b) / min(a, b) for a, b in pairwise(usual)]
            worst = max(worst, statistics.median(ratios))
            print(
                f"{change}, {part}: p99 {statistics.median(usual):.3f} s without, {statistics.median(slow):.3f} s with;"
                f" ratio {_shown(ratios)}, at most {MOST} wanted; without to without {_shown(noise or [1.0])}"
            )
    return int(worst > MOST)


if __name__ == "__main__":
    sys.exit(main())

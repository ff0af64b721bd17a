"""Sees through watches when each Agent's pod appears, and when both are ready."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import msgspec
from bench.operators.client import Cluster
from bench.operators.pods import GROUP, PLURAL, VERSION


class Condition(msgspec.Struct):
    """One of `status.conditions`."""

    type: str
    status: str


class Metadata(msgspec.Struct):
    """What is read of `metadata`."""

    name: str = ""
    uid: str = ""
    resourceVersion: str = ""  # noqa: N815
    generation: int = 0


class Status(msgspec.Struct):
    """What is read of `status`."""

    conditions: list[Condition] = []


class Item(msgspec.Struct):
    """An Agent or a pod."""

    metadata: Metadata = msgspec.field(default_factory=Metadata)
    status: Status = msgspec.field(default_factory=Status)


class Event(msgspec.Struct):
    """One event of a watch."""

    type: str
    object: Item


class Listed(msgspec.Struct):
    """The head of a list."""

    metadata: Metadata


_decode = msgspec.json.Decoder(Event).decode


class Observer:
    """Notes the first moment of each thing that happens to an Agent, by its name.

    Attributes:
        moments: by what has happened, and by name: `agent`, `pod`, `pod ready`, `ready`, `agent gone`, `pod gone`.
        ready: the Agents that say that they are ready now.
        events: how many came.
    """

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        """Watch nothing yet."""
        self.moments: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self.ready: set[str] = set()
        self.pods: dict[str, str] = {}
        self.events = 0
        self._cluster = cluster
        self.paths = {
            "agent": f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}",
            "pod": f"/api/v1/namespaces/{namespace}/pods",
        }

    def forget(self) -> None:
        """Begin anew: what comes from now on comes for the first time."""
        self.moments.clear()

    async def run(self, begun: Callable[[], object]) -> None:
        """Watch until cancelled; `begun` is called when nothing can be missed any more."""
        versions = {}
        for kind, path in self.paths.items():
            listed = msgspec.json.decode(await self._cluster.send("GET", f"{path}?limit=1"), type=Listed)
            versions[kind] = listed.metadata.resourceVersion
        begun()
        await asyncio.gather(*(self._watch(kind, version) for kind, version in versions.items()))

    async def _watch(self, kind: str, version: str) -> None:
        while True:  # a server that is busy may end a watch: nothing is missed by that
            async for line in self._cluster.watch(self.paths[kind], version):
                now, event = time.monotonic(), _decode(line)
                version = event.object.metadata.resourceVersion
                if event.type not in {"BOOKMARK", "ERROR"}:
                    self._take(kind, event, now)

    def _take(self, kind: str, event: Event, now: float) -> None:
        self.events += 1
        name = event.object.metadata.name
        if event.type == "DELETED":
            self.moments[f"{kind} gone"].setdefault(name, now)
            self.ready.discard(name)
            if kind == "pod":
                self.pods.pop(name, None)
            return
        self.moments[kind].setdefault(name, now)
        is_ready = any(each.type == "Ready" and each.status == "True" for each in event.object.status.conditions)
        if kind == "pod":
            self.pods[name] = event.object.metadata.uid
            if is_ready:
                self.moments["pod ready"].setdefault(name, now)
        elif is_ready:
            self.ready.add(name)
            self.moments["ready"].setdefault(name, now)
        else:
            self.ready.discard(name)

    def between(self, first: str, then: str) -> dict[str, Any]:
        """Return percentiles of the milliseconds from one thing to another, over all that met both."""
        one, other = self.moments[first], self.moments[then]
        taken = sorted(other[name] - one[name] for name in one.keys() & other.keys())
        if not taken:
            return {}
        places = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
        return {
            name: round(1000 * taken[max(0, -(-int(share * 1000) * len(taken) // 1000) - 1)], 1)
            for name, share in places.items()
        }

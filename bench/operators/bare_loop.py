"""The least that an operator in Python can do: one POST for each Agent, one status patch when its pod is ready.

    CLIENT=aiohttp|lightkube python -m bench.operators.bare_loop NAMESPACE

No retries, no events, no election, nothing about Agents that change: a lower bound, and no product.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import lightkube
import msgspec
from bench.operators.client import Cluster
from bench.operators.pods import GROUP, PLURAL, VERSION, pod_of, status_of
from lightkube.core.exceptions import ApiError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.resources.core_v1 import Pod
from lightkube.types import PatchType

WORKERS = 32
_MERGE = "application/merge-patch+json"


class Condition(msgspec.Struct):
    """One of `status.conditions`."""

    type: str
    status: str


class Metadata(msgspec.Struct):
    """What is read of `metadata`."""

    name: str = ""
    uid: str = ""
    resourceVersion: str = ""  # noqa: N815
    deletionTimestamp: str | None = None  # noqa: N815
    generation: int = 0


class Status(msgspec.Struct):
    """What is read of `status`, of Agents and of pods."""

    conditions: list[Condition] = []


class Item(msgspec.Struct):
    """An Agent or a pod."""

    metadata: Metadata
    spec: msgspec.Raw = msgspec.Raw(b"{}")
    status: Status = msgspec.field(default_factory=Status)

    @property
    def is_ready(self) -> bool:
        """Whether it says so."""
        return any(each.type == "Ready" and each.status == "True" for each in self.status.conditions)


class Event(msgspec.Struct):
    """One event of a watch."""

    type: str
    object: Item


class Items(msgspec.Struct):
    """A list."""

    metadata: Metadata
    items: list[Item]


class Spec(msgspec.Struct):
    """What is read of an Agent's spec."""

    image: str
    command: list[str]
    env: list[dict[str, Any]] = []


_decode_event = msgspec.json.Decoder(Event).decode
_decode_items = msgspec.json.Decoder(Items).decode
_decode_spec = msgspec.json.Decoder(Spec).decode


class OnAiohttp:
    """The client with nothing over it."""

    def __init__(self, namespace: str) -> None:
        self._cluster = Cluster(os.environ["KUBECONFIG"])
        self._paths = {
            "agents": f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}",
            "pods": f"/api/v1/namespaces/{namespace}/pods",
        }

    async def list(self, kind: str) -> Items:
        """Return all that there is."""
        return _decode_items(await self._cluster.send("GET", f"{self._paths[kind]}?resourceVersion=0"))

    async def watch(self, kind: str, version: str) -> AsyncIterator[Event]:
        """Yield what changes from there on."""
        async for line in self._cluster.watch(self._paths[kind], version):
            yield _decode_event(line)

    async def create(self, pod: dict[str, Any]) -> None:
        """Make a pod."""
        await self._cluster.send("POST", self._paths["pods"], pod)

    async def report(self, name: str, status: dict[str, Any]) -> None:
        """Write a status."""
        await self._cluster.send("PATCH", f"{self._paths['agents']}/{name}/status", {"status": status}, _MERGE)


class OnLightkube:
    """lightkube's client and models, as an ordinary user has them."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._agents = create_namespaced_resource(GROUP, VERSION, "Agent", PLURAL)
        self._resources: dict[str, Any] = {"agents": self._agents, "pods": Pod}
        self._client = lightkube.AsyncClient(field_manager="bare")

    async def list(self, kind: str) -> Items:
        """Return all that there is."""
        found = self._client.list(self._resources[kind], namespace=self._namespace)
        items = [_converted(each) async for each in found]
        return Items(Metadata(resourceVersion=found.resourceVersion), items)

    async def watch(self, kind: str, version: str) -> AsyncIterator[Event]:
        """Yield what changes from there on."""
        watch = self._client.watch(self._resources[kind], namespace=self._namespace, resource_version=version)
        async for change, found in watch:
            yield Event(change, _converted(found))

    async def create(self, pod: dict[str, Any]) -> None:
        """Make a pod."""
        try:
            await self._client.create(Pod.from_dict(pod))
        except ApiError as error:
            if error.status.code != HTTPStatus.CONFLICT:
                raise

    async def report(self, name: str, status: dict[str, Any]) -> None:
        """Write a status."""
        body, kind = {"status": status}, PatchType.MERGE
        try:
            await self._client.patch(self._agents.Status, name, body, namespace=self._namespace, patch_type=kind)
        except ApiError as error:
            if error.status.code != HTTPStatus.NOT_FOUND:
                raise


def _converted(found: Any) -> Item:
    plain = found.to_dict()
    plain["spec"] = msgspec.Raw(msgspec.json.encode(plain.get("spec") or {}))
    return msgspec.convert(plain, Item, strict=False)


class Loop:
    """Keeps what there is, and works on what has changed."""

    def __init__(self, client: OnAiohttp | OnLightkube, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._held: dict[str, dict[str, Item]] = {"agents": {}, "pods": {}}
        self._listed = {kind: asyncio.Event() for kind in self._held}
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._dirty: set[str] = set()
        self._made: set[str] = set()
        self._told: set[str] = set()

    async def run(self) -> None:
        """Run until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            for kind in self._held:
                group.create_task(self._reflect(kind))
            for listed in self._listed.values():
                await listed.wait()
            for _ in range(WORKERS):
                group.create_task(self._work())

    async def _reflect(self, kind: str) -> None:
        found = await self._client.list(kind)
        for item in found.items:
            self._take(kind, "ADDED", item)
        self._listed[kind].set()
        version = found.metadata.resourceVersion
        while True:  # a server that is busy may end a watch
            async for event in self._client.watch(kind, version):
                version = event.object.metadata.resourceVersion
                self._take(kind, event.type, event.object)

    def _take(self, kind: str, change: str, item: Item) -> None:
        name = item.metadata.name
        if change == "DELETED":
            self._held[kind].pop(name, None)
            if kind == "agents":
                self._made.discard(name)
                self._told.discard(name)
        elif change != "BOOKMARK":
            self._held[kind][name] = item
            if kind == "agents" and item.is_ready:
                self._told.add(name)
        if name not in self._dirty:
            self._dirty.add(name)
            self._queue.put_nowait(name)

    async def _work(self) -> None:
        while True:
            name = await self._queue.get()
            self._dirty.discard(name)
            await self._sync(name)

    async def _sync(self, name: str) -> None:
        agent, pod = self._held["agents"].get(name), self._held["pods"].get(name)
        if agent is None or agent.metadata.deletionTimestamp:
            return
        if pod is None and name not in self._made:
            self._made.add(name)
            spec = msgspec.to_builtins(_decode_spec(agent.spec))
            await self._client.create(pod_of(name, self._namespace, agent.metadata.uid, spec))
        elif pod is not None and pod.is_ready and name not in self._told:
            self._told.add(name)
            await self._client.report(name, status_of(name, agent.metadata.generation, "True", "Running"))


async def _main() -> None:
    namespace = sys.argv[1]
    client = OnAiohttp(namespace) if os.environ["CLIENT"] == "aiohttp" else OnLightkube(namespace)
    running = asyncio.create_task(Loop(client, namespace).run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        os._exit(0)  # at once: there is nothing to finish


if __name__ == "__main__":
    try:
        import uvloop
    except ImportError:
        asyncio.run(_main())
    else:
        uvloop.run(_main())

"""Two operators on one cluster: one works, the other takes over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import httpx2
import pytest

from agentctl_core import Ref
from agentctl_core.testing import Timings
from agentctl_runtime._api import Api
from agentctl_runtime._leader import Election
from agentctl_runtime._operator import LeadershipLostError, Operator
from agentctl_runtime.embedded import EmbeddedServer

from .support import now, run
from .test_operator import Between, agent

LEASE = Ref("coordination.k8s.io/v1", "Lease", "default", "agentctl")


class Wire(Between):
    """The way to the cluster, which can be cut."""

    is_cut = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.is_cut:
            raise httpx2.ConnectError("cut")
        return await super().handle_async_request(request)


class Replica:
    """One operator of several."""

    def __init__(self, server: EmbeddedServer, name: str) -> None:
        self.wire = Wire(server)
        self.api = Api.connect(server="http://embedded.invalid", transport=self.wire)
        self.stop = asyncio.Event()
        operator = Operator(self.api, instance=name, election=Election(self.api, LEASE, name))
        self.running = asyncio.create_task(operator.run(self.stop))

    @property
    def works(self) -> bool:
        return any(method != "GET" and "/leases" not in path for _, method, path in self.wire.asked)

    async def end(self) -> None:
        self.stop.set()
        await asyncio.wait([self.running])
        await self.api.aclose()


@asynccontextmanager
async def two() -> AsyncGenerator[tuple[EmbeddedServer, Replica, Replica]]:
    async with EmbeddedServer(timings=Timings(schedule=0.1, start=0.5, stop=1)) as server:
        first = Replica(server, "first")
        await until(lambda: holder(server) == "first")
        second = Replica(server, "second")
        try:
            yield server, first, second
        finally:
            await first.end()
            await second.end()


def holder(server: EmbeddedServer) -> str:
    leases, _ = server.cluster.list("coordination.k8s.io/v1", "Lease")
    return str(leases[0]["spec"]["holderIdentity"]) if leases else ""


def ready(server: EmbeddedServer) -> set[str]:
    agents, _ = server.cluster.list("agentctl.dev/v1alpha1", "Agent")
    return {
        item["metadata"]["name"]
        for item in agents
        for condition in item.get("status", {}).get("conditions", ())
        if (condition["type"], condition["status"]) == ("Ready", "True")
    }


async def until(check: Callable[[], object], seconds: float = 10) -> float:
    begin = now()
    while not check():
        assert now() - begin < seconds, "does not happen"
        await asyncio.sleep(0.05)
    return now() - begin


def test_one_of_two_works() -> None:
    async def main() -> None:
        async with two() as (server, first, second):
            server.cluster.create(agent("a"))
            await until(lambda: ready(server) == {"a"})
            await asyncio.sleep(60)
            assert first.works
            assert not second.works
            assert holder(server) == "first"

    run(main())


def test_a_leader_that_ends_hands_over_at_once() -> None:
    async def main() -> None:
        async with two() as (server, first, second):
            server.cluster.create(agent("a"))
            await until(lambda: ready(server) == {"a"})
            await first.end()
            assert first.running.exception() is None
            server.cluster.create(agent("b"))
            assert await until(lambda: ready(server) == {"a", "b"}) < 5
            assert second.works

    run(main())


def test_a_leader_that_is_cut_off_gives_up_before_the_other_takes_over() -> None:
    async def main() -> None:
        async with two() as (server, first, second):
            await asyncio.sleep(5)
            first.wire.is_cut = True
            begin = now()
            with pytest.raises(LeadershipLostError):
                await first.running
            gave_up = now() - begin
            assert not second.works
            server.cluster.create(agent("a"))
            await until(lambda: ready(server) == {"a"}, 20)
            took_over = now() - begin
            assert gave_up <= 12 < took_over <= 15 + 2.4 + 2
            assert second.works

    run(main())


def test_a_standby_that_is_stopped_leaves_the_lease_alone() -> None:
    async def main() -> None:
        async with two() as (server, _, second):
            await asyncio.sleep(5)
            await second.end()
            assert second.running.exception() is None
            assert holder(server) == "first"

    run(main())

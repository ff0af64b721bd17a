"""What a contender goes through with one namespace of Agents, and what each part of it costs.

Of CPU and requests all is counted until nothing happens any more: the echoes of its own writes are a contender's too.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from bench.operators.client import Cluster
from bench.operators.contenders import Contender
from bench.operators.observer import Observer
from bench.operators.process import Process, cpu_seconds
from tests.e2e.agents import agent
from tests.e2e.audit import AuditLog

LATER = ("idle", "restart", "update", "suspend", "wake", "delete")
"""The phases after the creation, which can be left out."""
CONCURRENCY = 16
"""Requests of the load at a time."""
QUIET_SECONDS = 3.0
BUSY = 0.05
"""Of a core: who uses more is not quiet."""
_WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_MERGE = "application/merge-patch+json"
Row = dict[str, Any]


class Phases:
    """One contender, its Agents, and who watches both.

    Args:
        contender: who runs.
        kubeconfig: how it logs in; its requests are counted by that user.
        user: that user.
        cluster: how the load logs in.
        namespace: of the Agents.
        audit: where requests are counted.
        server: the process id of the API server.
        folder: where the contender's log goes.
        count: how many Agents there are.
        left_out: phases that are not gone through.
    """

    def __init__(  # noqa: PLR0913 -- all of them by name
        self,
        *,
        contender: Contender,
        kubeconfig: Path,
        user: str,
        cluster: Cluster,
        namespace: str,
        audit: AuditLog,
        server: int,
        folder: Path,
        count: int,
        left_out: Collection[str] = (),
    ) -> None:
        self._contender = contender
        self._left_out = left_out
        self._kubeconfig = kubeconfig
        self._user = user
        self._cluster = cluster
        self._namespace = namespace
        self._audit = audit
        self._server = server
        self._log = (folder / f"{namespace}.log").open("ab")
        self._names = [f"a-{number:05}" for number in range(count)]
        self._seen = Observer(cluster, namespace)
        self._process: Process
        self._observing: asyncio.Task[None]

    async def run(self, rate: float, idle_seconds: float) -> dict[str, Row]:
        """Go through all phases; with a `rate` Agents come at so many a second, else all at once."""
        watching = asyncio.Event()
        observing = self._observing = asyncio.create_task(self._seen.run(watching.set))
        await watching.wait()
        self._start()
        try:
            await self._warm_up()
            rows = {"paced" if rate else "burst": await self._create(rate)}
            for name, go in self._later(rate, idle_seconds):
                if name not in self._left_out:
                    rows[name] = await go()
            return rows
        finally:
            self._process.stop()
            observing.cancel()
            await asyncio.gather(observing, return_exceptions=True)
            self._log.close()

    def _later(self, rate: float, idle_seconds: float) -> Iterator[tuple[str, Callable[[], Awaitable[Row]]]]:
        """Yield what comes after the creation."""
        if not rate:
            yield "idle", lambda: self._idle(idle_seconds)
            yield "restart", self._restart
            if self._contender.follows_edits:
                yield "update", self._update
                yield "suspend", lambda: self._scale(0)
                yield "wake", lambda: self._scale(1)
        yield "delete", self._delete

    def _start(self) -> None:
        self._process = Process(self._contender, self._kubeconfig, self._namespace, self._log)

    async def _warm_up(self) -> None:
        await self._send_each(["warm"], self._post)
        await self._until(lambda: "warm" in self._seen.ready, 60, "the first Agent is ready")
        await self._send_each(["warm"], self._remove)
        await self._until(lambda: "warm" in self._seen.moments["pod gone"], 60, "the first pod is gone")
        await self._quiet()
        self._seen.forget()

    async def _create(self, rate: float) -> Row:
        names = self._names

        async def act() -> None:
            await self._send_each(names, self._post, rate)
            await self._until(lambda: len(self._seen.ready) >= len(names), 60 + len(names), "all are ready")

        row = await self._measured(act)
        ready = self._seen.moments["ready"]
        first = min(self._seen.moments["agent"].values())
        row |= {"all ready s": round(max(ready.values()) - first, 2)}
        for name, first_thing, then in (
            ("created to pod ms", "agent", "pod"),
            ("created to Ready ms", "agent", "ready"),
            ("pod Ready to Ready ms", "pod ready", "ready"),
        ):
            row[name] = self._seen.between(first_thing, then)
        return row

    async def _idle(self, seconds: float) -> Row:
        await self._quiet()
        return await self._measured(lambda: asyncio.sleep(seconds), is_quiet=True)

    async def _restart(self) -> Row:
        self._process.stop()
        await asyncio.sleep(1)
        self._start()
        row = await self._measured(self._quiet, cpu=0.0)
        missing = len(self._names) - len(self._seen.ready)
        return row | {"not ready": missing}

    async def _update(self) -> Row:
        """Change a variable of each Agent, which takes another pod."""
        patch = {"spec": {"env": [{"name": "A", "value": "2"}]}}
        former = dict(self._seen.pods)

        def all_anew() -> bool:
            pods = self._seen.pods
            return len(self._seen.ready) == len(self._names) and all(
                pods.get(name, former[name]) != former[name] for name in self._names
            )

        return await self._changed(patch, all_anew)

    async def _scale(self, replicas: int) -> Row:
        patch = {"spec": {"replicas": replicas}}
        if replicas:
            return await self._changed(patch, lambda: len(self._seen.ready) == len(self._names))
        return await self._changed(patch, lambda: not self._seen.pods)

    async def _changed(self, patch: Row, is_done: Callable[[], bool]) -> Row:
        async def act() -> None:
            await self._send_each(self._names, lambda name: self._patch(name, patch))
            await self._until(is_done, 120 + len(self._names), "all have changed")

        return await self._measured(act)

    async def _delete(self) -> Row:
        async def act() -> None:
            await self._send_each(self._names, self._remove)
            await self._until(lambda: not self._seen.pods, 120 + len(self._names), "all pods are gone")

        return await self._measured(act)

    async def _post(self, name: str) -> None:
        body = agent(name, image="nginx:1", command=["nginx", "-g", "daemon off;"], env=[{"name": "A", "value": "1"}])
        await self._cluster.send("POST", self._seen.paths["agent"], body)

    async def _patch(self, name: str, body: Row) -> None:
        await self._cluster.send("PATCH", f"{self._seen.paths['agent']}/{name}", body, _MERGE)

    async def _remove(self, name: str) -> None:
        await self._cluster.send("DELETE", f"{self._seen.paths['agent']}/{name}")

    async def _send_each(self, names: Iterable[str], send: Callable[[str], Awaitable[None]], rate: float = 0) -> None:
        """Send a request for each Agent, as fast as they are answered or at a rate, whatever the answers take."""
        begin, sent = time.monotonic(), list[asyncio.Task[None]]()
        turn = asyncio.Semaphore(10_000 if rate else CONCURRENCY)

        async def in_turn(name: str) -> None:
            async with turn:
                await send(name)

        for number, name in enumerate(names):
            if rate:
                await asyncio.sleep(begin + number / rate - time.monotonic())
            sent.append(asyncio.create_task(in_turn(name)))
        await asyncio.gather(*sent)

    async def _measured(
        self, act: Callable[[], Awaitable[None]], *, cpu: float | None = None, is_quiet: bool = False
    ) -> Row:
        """Return what it takes; `cpu` is what had been used before, where that is known."""
        before = self._process.cpu if cpu is None else cpu
        server, asked, begin = cpu_seconds(self._server), self._audit.requests(self._user), time.monotonic()
        await act()
        seconds = time.monotonic() - begin
        if not is_quiet:
            await self._quiet()
        used = self._process.cpu - before
        requests = self._audit.requests(self._user) - asked
        resident, peak = self._process.memory
        return {
            "seconds": round(seconds, 2),
            "cpu s": round(used, 2),
            "cpu ms each": round(1000 * used / len(self._names), 2),
            "server cpu ms each": round(1000 * (cpu_seconds(self._server) - server) / len(self._names), 2),
            "writes": _count(requests, lambda what: what.split()[0] in _WRITES and what.split()[1] not in _APART),
            "writes each": round(
                _count(requests, lambda what: what.split()[0] in _WRITES and what.split()[1] not in _APART)
                / len(self._names),
                2,
            ),
            "requests": dict(requests.most_common()),
            "resident MiB": resident,
            "peak MiB": peak,
        }

    async def _until(self, is_true: Callable[[], object], seconds: float, what: str) -> None:
        """Wait; the contender must live."""
        deadline = time.monotonic() + seconds
        while not is_true():
            if not self._process.is_alive:
                raise SystemExit(f"{self._contender.name} has ended: see {self._log.name}")
            if self._observing.done():
                self._observing.result()
            if time.monotonic() > deadline:
                raise SystemExit(f"{self._contender.name}: not within {seconds:.0f} s: {what}; see {self._log.name}")
            await asyncio.sleep(0.01)

    async def _quiet(self) -> None:
        """Wait until nothing is seen to happen and the contender is at rest."""
        since = time.monotonic()
        events, cpu = self._seen.events, self._process.cpu
        while time.monotonic() - since < QUIET_SECONDS:
            await asyncio.sleep(0.5)
            now_events, now_cpu = self._seen.events, self._process.cpu
            if now_events != events or now_cpu - cpu > 0.5 * BUSY:
                since = time.monotonic()
            events, cpu = now_events, now_cpu


_APART = frozenset({"leases", "events"})
"""Counted apart: the election's renewals, and Events."""


def _count(requests: Counter[str], which: Callable[[str], bool]) -> int:
    return sum(count for what, count in requests.items() if which(what))

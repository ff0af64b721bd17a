"""Metrics, as Prometheus reads them."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from agentctl_core import Create, Delete, PatchStatus, Ref
from agentctl_core.testing import Timings
from agentctl_runtime._api import Api
from agentctl_runtime._key import Key
from agentctl_runtime._leader import Election
from agentctl_runtime._metrics import Metrics, metrics_app
from agentctl_runtime._operator import Operator
from agentctl_runtime._telemetry import Telemetry
from agentctl_runtime.embedded import EmbeddedServer

from .support import run
from .test_operator import Between, agent, agent_ref, create_unchecked, pod_ref, status

KEY = Key("default", "demo")
LEASE = Ref("coordination.k8s.io/v1", "Lease", "default", "agentctl")


def scrape(metrics: Metrics, query: str = "", **headers: str) -> tuple[bytes, dict[str, str]]:
    seen: dict[str, str] = {}
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/metrics", "QUERY_STRING": query, **headers}
    body = b"".join(metrics_app(metrics.registry)(environ, lambda _, given: seen.update(given)))
    return body, seen


def samples(metrics: Metrics) -> dict[str, float]:
    families = text_string_to_metric_families(scrape(metrics)[0].decode())
    return {_name(sample.name, sample.labels): sample.value for family in families for sample in family.samples}


def _name(name: str, labels: dict[str, str]) -> str:
    return f"{name}{{{','.join(f'{key}={value}' for key, value in sorted(labels.items()))}}}" if labels else name


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def operated(
    metrics: Metrics, *, elect: bool = False, told: Telemetry | None = None
) -> AsyncGenerator[tuple[EmbeddedServer, Between]]:
    async with EmbeddedServer(timings=Timings(schedule=0.1, start=0.5, stop=1)) as server:
        between = Between(server)
        async with Api.connect(server="http://embedded.invalid", transport=between, telemetry=told or metrics) as api:
            election = Election(api, LEASE, "me") if elect else None
            operator = Operator(api, election=election, telemetry=told or metrics)
            metrics.watch(operator)
            stop = asyncio.Event()
            running = asyncio.create_task(operator.run(stop))
            try:
                yield server, between
            finally:
                stop.set()
                await running


RECONCILE = "controller_runtime_reconcile_total{controller=agent,result=%s}"
BY_QUEUE = "{controller=agent,name=agent}"


def test_passes_requests_and_the_queue_are_counted_under_the_names_of_controller_runtime() -> None:
    async def main() -> None:
        metrics = Metrics()
        async with operated(metrics) as (server, _):
            server.cluster.create(agent())
            await asyncio.sleep(5)
            seen = samples(metrics)
        assert seen[RECONCILE % "success"] + seen[RECONCILE % "requeue_after"] > 1
        assert seen[RECONCILE % "error"] == seen["controller_runtime_reconcile_errors_total{controller=agent}"] == 0
        assert seen["controller_runtime_reconcile_time_seconds_count{controller=agent}"] == sum(
            value for name, value in seen.items() if name.startswith("controller_runtime_reconcile_total")
        )
        assert seen["controller_runtime_max_concurrent_reconciles{controller=agent}"] == 16
        assert seen["controller_runtime_active_workers{controller=agent}"] == 0
        assert seen[f"workqueue_adds_total{BY_QUEUE}"] == seen[f"workqueue_queue_duration_seconds_count{BY_QUEUE}"] > 1
        assert seen[f"workqueue_work_duration_seconds_count{BY_QUEUE}"] == seen[f"workqueue_adds_total{BY_QUEUE}"]
        assert seen[f"workqueue_depth{BY_QUEUE}"] == seen[f"workqueue_unfinished_work_seconds{BY_QUEUE}"] == 0
        host = "host=embedded.invalid"
        assert seen[f"rest_client_requests_total{{code=201,{host},method=POST}}"] == 1
        assert seen[f"rest_client_requests_total{{code=200,{host},method=PATCH}}"] > 0
        assert seen[f"rest_client_request_duration_seconds_count{{{host},verb=POST}}"] == 1
        assert "leader_election_master_status{name=agentctl}" not in seen
        assert seen["process_resident_memory_bytes"] > 0

    run(main())


def test_agents_are_counted_by_condition_as_they_are_when_asked() -> None:
    async def main() -> None:
        metrics = Metrics()
        async with operated(metrics) as (server, _):
            server.cluster.create(agent("one"))
            server.cluster.create(agent("two"))
            create_unchecked(server.cluster, agent("three", replicas=7))
            await asyncio.sleep(5)
            counted = {name: value for name, value in samples(metrics).items() if name.startswith("agentctl_agents")}
            assert counted["agentctl_agents{condition=Accepted,reason=Accepted,status=True}"] == 2
            assert counted["agentctl_agents{condition=Accepted,reason=InvalidSpec,status=False}"] == 1
            assert counted["agentctl_agents{condition=Ready,reason=PodReady,status=True}"] == 2
            assert sum(value for name, value in counted.items() if "=Accepted,r" in name) == 3
            for name in ("one", "two", "three"):
                server.cluster.delete(agent_ref(name))
            await asyncio.sleep(5)
            assert not any(name.startswith("agentctl_agents") for name in samples(metrics))

    run(main())


class Still:
    """An operator whose Agents are what they are."""

    def __init__(self, *agents: dict[str, Any], in_hand: Iterable[float] = ()) -> None:
        self._agents = agents
        self._operator = Operator(Api.connect(server="http://x.invalid"))
        self._in_hand = tuple(in_hand)

    def agents(self) -> list[Any]:
        return list(self._agents)

    def state(self) -> Any:
        return attrs.evolve(self._operator.state(), in_hand=self._in_hand)


def test_an_agent_that_nobody_has_looked_at_yet_is_accepted_unknown() -> None:
    async def main() -> None:
        metrics = Metrics()
        metrics.watch(Still({"metadata": {"name": "a"}}, in_hand=(3.0, 4.0)))
        seen = samples(metrics)
        assert seen["agentctl_agents{condition=Accepted,reason=,status=Unknown}"] == 1
        assert seen[f"workqueue_unfinished_work_seconds{BY_QUEUE}"] == 7
        assert seen[f"workqueue_longest_running_processor_seconds{BY_QUEUE}"] == 4

    run(main())


def test_what_fails_is_counted_by_how() -> None:
    async def main() -> None:
        metrics = Metrics()
        async with operated(metrics) as (server, between):
            answers: Iterator[httpx2.Response | Exception] = iter(
                [status(500, "InternalError"), status(409, "Conflict"), httpx2.ConnectError("cut")]
            )

            async def answer(_: httpx2.Request) -> httpx2.Response | None:
                given = next(answers, None)
                if isinstance(given, Exception):
                    raise given
                return given

            between.on("POST", "/api/v1/namespaces/default/pods", answer)
            server.cluster.create(agent())
            await asyncio.sleep(5)
            seen = samples(metrics)
        assert seen[RECONCILE % "error"] == seen["controller_runtime_reconcile_errors_total{controller=agent}"] == 2
        assert seen[RECONCILE % "requeue"] == 1
        assert seen[f"workqueue_retries_total{BY_QUEUE}"] == 3
        assert seen["controller_runtime_reconcile_panics_total{controller=agent}"] == 0
        assert seen["rest_client_requests_total{code=500,host=embedded.invalid,method=POST}"] == 1
        assert seen["rest_client_requests_total{code=<error>,host=embedded.invalid,method=POST}"] == 1

    run(main())


def test_a_fault_of_the_operator_is_a_panic(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    async def main() -> None:
        metrics = Metrics()
        async with operated(metrics) as (server, _):
            monkeypatch.setattr("agentctl_runtime._operator.decide", broken)
            server.cluster.create(agent())
            await asyncio.sleep(0.001)
            seen = samples(metrics)
        assert seen["controller_runtime_reconcile_panics_total{controller=agent}"] == 1
        assert seen[RECONCILE % "error"] == 1

    run(main())


def test_an_agent_that_is_to_be_looked_at_again_is_a_requeue_after() -> None:
    async def main() -> None:
        metrics = Metrics()
        async with operated(metrics) as (server, _):
            server.cluster.create(agent(restartPolicy="Never", activeDeadlineSeconds=600))
            await asyncio.sleep(5)
            assert samples(metrics)[RECONCILE % "requeue_after"] > 0

    run(main())


def test_leadership_is_a_metric_of_each_candidate() -> None:
    async def main() -> None:
        metrics = Metrics(lease="agentctl")
        name = "leader_election_master_status{name=agentctl}"
        metrics.watch(Still())
        assert samples(metrics)[name] == 1  # it has no election, so it leads
        metrics = Metrics(lease="agentctl")
        async with operated(metrics, elect=True):
            assert samples(metrics)[name] == 0
            await asyncio.sleep(5)
            assert samples(metrics)[name] == 1
        assert samples(metrics)[name] == 0

    run(main())


def ready(value: str) -> PatchStatus:
    conditions = [{"type": "Ready", "status": value, "reason": "x"}]
    return PatchStatus(agent_ref(), "1", {"conditions": conditions})


POD = Create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "demo", "namespace": "default"}})


def test_time_to_ready_is_counted_once_for_each_pod_that_this_process_made() -> None:
    clock = Clock()
    metrics = Metrics(clock=clock)
    metrics.executed(KEY, ready("True"))  # it was ready when we came
    metrics.executed(KEY, POD)
    clock.now = 3
    metrics.executed(KEY, ready("False"))
    clock.now = 7
    metrics.executed(KEY, ready("True"))
    clock.now = 9
    metrics.executed(KEY, ready("True"))
    seen = samples(metrics)
    assert (seen["agentctl_time_to_ready_seconds_count"], seen["agentctl_time_to_ready_seconds_sum"]) == (1, 7)


@pytest.mark.parametrize("end", ["deleted", "gone"])
def test_a_pod_that_never_became_ready_is_forgotten(end: str) -> None:
    metrics = Metrics()
    metrics.executed(KEY, POD)
    if end == "gone":
        metrics.gone(KEY)
    else:
        metrics.executed(KEY, Delete(pod_ref(), "uid"))
    metrics.executed(KEY, ready("True"))
    assert samples(metrics)["agentctl_time_to_ready_seconds_count"] == 0


def test_two_operators_in_one_process_count_apart() -> None:
    first, second = Metrics(), Metrics()
    first.queued()
    assert samples(first)[f"workqueue_adds_total{BY_QUEUE}"] == 1
    assert samples(second)[f"workqueue_adds_total{BY_QUEUE}"] == 0


def test_the_answer_is_compressed_selected_and_in_the_format_that_is_asked_for() -> None:
    metrics = Metrics()
    body, headers = scrape(metrics, HTTP_ACCEPT_ENCODING="gzip")
    assert headers["Content-Encoding"] == "gzip"
    assert b"workqueue_adds_total" in gzip.decompress(body)
    body, _ = scrape(metrics, "name[]=workqueue_adds_total")
    assert b"workqueue_adds_total" in body
    assert b"reconcile" not in body
    body, headers = scrape(metrics, HTTP_ACCEPT="application/openmetrics-text; version=1.0.0")
    assert headers["Content-Type"].startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


def test_no_created_series_double_the_number() -> None:
    assert b"_created" not in scrape(Metrics())[0]

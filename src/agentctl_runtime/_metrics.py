"""Metrics for Prometheus, under the names of client-go and controller-runtime, which dashboards and alerts know.

Everything stands in a registry of its own, so several operators fit into one process. What is a state and no event is
read when it is asked for, in the thread that answers: `State` and the list of Agents are copies, and manifests are
never changed.

https://book.kubebuilder.io/reference/metrics-reference
"""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, Final, Protocol, cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, exposition
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agentctl_core import Action, Create, Delete, PatchStatus

from ._key import Key
from ._operator import WORKERS, State
from ._store import Manifest
from ._telemetry import Answered, Pass, Telemetry

CONTROLLER: Final = "agent"
"""The value of the labels `controller` and `name`."""

_RECONCILE_BUCKETS: Final = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1),
    *(1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60),
)
_QUEUE_BUCKETS: Final = tuple(10.0**exponent for exponent in range(-8, 4))
_REQUEST_BUCKETS: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60)
_READY_BUCKETS: Final = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)

NO_ANSWER: Final = "<error>"
"""The code of a request that was not answered, as client-go writes it."""


class View(Protocol):
    """What is looked at when metrics are asked for: an `Operator`. Called from another thread."""

    def state(self) -> State: ...
    def agents(self) -> Iterable[Manifest]: ...


class Metrics(Telemetry):
    """Counts what it is told.

    Args:
        lease: name of the Lease, where there is an election.
        clock: in seconds, monotonic.
    """

    def __init__(self, lease: str | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.registry = registry = CollectorRegistry(auto_describe=True)
        self._lease = lease
        self._clock = clock
        self._created: dict[Key, float] = {}  # pods of ours that are not ready yet
        ProcessCollector(registry=registry)
        Info("agentctl_build", "The version that runs.", registry=registry).info({"version": version("agentctl")})

        passes = _Series(registry, controller=CONTROLLER)
        self._reconciled = Counter(
            "controller_runtime_reconcile",
            "Passes over an Agent by how they ended: success, requeue, requeue_after, error.",
            ("controller", "result"),
            registry=registry,
        )
        for result in ("success", "requeue", "requeue_after", "error"):
            self._reconciled.labels(CONTROLLER, result)
        self._errors = passes.counter("controller_runtime_reconcile_errors", "Passes that failed.")
        self._panics = passes.counter(
            "controller_runtime_reconcile_panics", "Passes that failed by a fault of the operator."
        )
        self._pass_time = passes.histogram(
            "controller_runtime_reconcile_time_seconds", "Seconds that a pass takes.", _RECONCILE_BUCKETS
        )
        self._active = passes.gauge("controller_runtime_active_workers", "Workers that reconcile right now.")
        passes.gauge("controller_runtime_max_concurrent_reconciles", "Workers that there are.").set(WORKERS)

        queue = _Series(registry, controller=CONTROLLER, name=CONTROLLER)
        self._adds = queue.counter("workqueue_adds", "Agents put into the queue.")
        self._retries = queue.counter("workqueue_retries", "Agents put into the queue again after a failure.")
        self._waited = queue.histogram(
            "workqueue_queue_duration_seconds",
            "Seconds that an Agent waits in the queue until a worker takes it.",
            _QUEUE_BUCKETS,
        )
        self._worked = queue.histogram(
            "workqueue_work_duration_seconds", "Seconds that a worker has an Agent in hand.", _QUEUE_BUCKETS
        )

        self._requests = Counter(
            "rest_client_requests",
            "Requests to the API server by status code, method and host; without an answer the code is <error>.",
            ("code", "method", "host"),
            registry=registry,
        )
        self._request_time = Histogram(
            "rest_client_request_duration_seconds",
            "Seconds until the API server begins to answer.",
            ("verb", "host"),
            buckets=_REQUEST_BUCKETS,
            registry=registry,
        )
        self._to_ready = Histogram(
            "agentctl_time_to_ready_seconds",
            "Seconds from the creation of an Agent's pod by this process to the status that says Ready.",
            buckets=_READY_BUCKETS,
            registry=registry,
        )

    def watch(self, view: View) -> None:
        """Report on an operator from now on."""
        self.registry.register(_Scraped(view, self._lease))

    def queued(self) -> None:
        self._adds.inc()

    def taken(self, waited: float) -> None:
        self._waited.observe(waited)

    def worked(self, seconds: float) -> None:
        self._worked.observe(seconds)

    def retried(self) -> None:
        self._retries.inc()

    @contextmanager
    def reconciling(self, agent: Key) -> Generator[Pass]:  # noqa: ARG002 -- a label for each Agent would be too many
        going, started = Pass(), self._clock()
        self._active.inc()
        try:
            yield going
        finally:
            self._active.dec()
            if going.result is not None:
                self._count(going.result, self._clock() - started)

    def _count(self, result: str, seconds: float) -> None:
        self._pass_time.observe(seconds)
        if result == "panic":
            self._panics.inc()
        if result in {"panic", "error"}:
            self._errors.inc()
            result = "error"
        self._reconciled.labels(CONTROLLER, result).inc()

    @contextmanager
    def requesting(self, method: str, host: str, path: str) -> Generator[Answered]:  # noqa: ARG002 -- nor for each path
        started = self._clock()
        code = NO_ANSWER

        def answered(status: int) -> None:
            nonlocal code
            code = str(status)

        try:
            yield answered
        finally:
            self._requests.labels(code, method, host).inc()
            self._request_time.labels(method, host).observe(self._clock() - started)

    def executed(self, agent: Key, action: Action) -> None:
        match action:
            case Create(manifest) if manifest["kind"] == "Pod":
                self._created[agent] = self._clock()
            case Delete(ref) if ref.kind == "Pod":
                self._created.pop(agent, None)
            case PatchStatus(status=status) if agent in self._created and _is_ready(status):
                self._to_ready.observe(self._clock() - self._created.pop(agent))
            case _:
                pass

    def gone(self, agent: Key) -> None:
        self._created.pop(agent, None)


class _Series:
    """Makes series whose labels have one value each, which dashboards expect them to bear all the same."""

    def __init__(self, registry: CollectorRegistry, **labels: str) -> None:
        self._registry = registry
        self._names = tuple(labels)
        self._values = tuple(labels.values())

    def counter(self, name: str, text: str) -> Counter:
        return Counter(name, text, self._names, registry=self._registry).labels(*self._values)

    def gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, self._names, registry=self._registry).labels(*self._values)

    def histogram(self, name: str, text: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(name, text, self._names, buckets=buckets, registry=self._registry).labels(*self._values)


def metrics_app(registry: CollectorRegistry) -> Callable[..., Iterable[bytes]]:
    """Return the WSGI application that answers with the metrics, in the format that is asked for."""
    app: Callable[..., Iterable[bytes]] = cast("Any", exposition).make_wsgi_app(_WithoutCreated(registry))
    return app


class _WithoutCreated:
    """Leaves the `_created` series out, which double their number and tell Prometheus nothing.

    The library's own switch would do so for whatever else uses it in this process.
    """

    def __init__(self, registry: Collector) -> None:
        self._registry = registry

    def restricted_registry(self, names: Iterable[str]) -> _WithoutCreated:
        return _WithoutCreated(cast("Any", self._registry).restricted_registry(names))

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family


class _Scraped:
    """Metrics that are read off an operator when they are asked for."""

    def __init__(self, view: View, lease: str | None) -> None:
        self._view = view
        self._lease = lease

    def describe(self) -> Iterator[Metric]:
        """Name them without looking at the operator; the registry checks that nothing is there twice."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        state = self._view.state()
        queue = (CONTROLLER, CONTROLLER)
        yield _gauge("workqueue_depth", "Agents that wait in the queue.", queue, state.depth)
        yield _gauge(
            "workqueue_unfinished_work_seconds",
            "Seconds that the Agents in hand have been so, added up; ever growing ones tell of stuck workers.",
            queue,
            sum(state.in_hand),
        )
        yield _gauge(
            "workqueue_longest_running_processor_seconds",
            "Seconds that the Agent has been in hand that has been so for longest.",
            queue,
            max(state.in_hand, default=0.0),
        )
        if self._lease is not None:
            family = GaugeMetricFamily(
                "leader_election_master_status", "1 where this process leads, 0 where it stands by.", labels=["name"]
            )
            family.add_metric([self._lease], float(state.leads))
            yield family
        yield _by_condition(self._view.agents())


def _gauge(name: str, text: str, queue: tuple[str, str], value: float) -> Metric:
    family = GaugeMetricFamily(name, text, labels=["controller", "name"])
    family.add_metric(queue, value)
    return family


def _by_condition(agents: Iterable[Manifest]) -> Metric:
    """Count Agents for each condition; one that nobody has looked at yet counts as Accepted Unknown."""
    tally = Tally[tuple[str, str, str]]()
    for agent in agents:
        conditions = _conditions(agent.get("status") or {})
        tally.update((each["type"], each["status"], each.get("reason", "")) for each in conditions)
        if not any(each["type"] == "Accepted" for each in conditions):
            tally["Accepted", "Unknown", ""] += 1
    family = GaugeMetricFamily(
        "agentctl_agents",
        "Agents by condition, its status and its reason; all that there are: the sum over condition Accepted.",
        labels=["condition", "status", "reason"],
    )
    for labels, count in sorted(tally.items()):
        family.add_metric(labels, count)
    return family


def _conditions(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return status.get("conditions") or []


def _is_ready(status: Mapping[str, Any]) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in _conditions(status))

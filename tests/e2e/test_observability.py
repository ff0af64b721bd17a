"""Metrics and probes of the real operator process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.agents import Cluster, agent
from tests.e2e.cluster.processes import free_ports
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.support import Kubectl, eventually


class Observed:
    """An operator process with both servers."""

    def __init__(self, kubeconfig: Path, namespace: str, log: Path, *arguments: str) -> None:
        metrics, health = free_ports(2)
        self._metrics, self._health = f"http://127.0.0.1:{metrics}/metrics", f"http://127.0.0.1:{health}"
        addresses = (f"--metrics-bind-address=127.0.0.1:{metrics}", f"--health-probe-bind-address=127.0.0.1:{health}")
        self.process = OperatorProcess(kubeconfig, namespace, log, options=(*addresses, *arguments))

    def probe(self, path: str, timeout: float = 1) -> tuple[int, str]:
        answer = httpx2.get(f"{self._health}{path}", timeout=timeout, trust_env=False)
        return answer.status_code, answer.text

    def status(self, path: str) -> int | None:
        """Return the answer's code; None where there is no answer."""
        try:
            return self.probe(path)[0]
        except httpx2.TransportError:
            return None

    def metrics(self) -> dict[tuple[str, ...], float]:
        """Each sample by its name and the values of its labels, in the order of their names."""
        families = text_string_to_metric_families(httpx2.get(self._metrics, timeout=5, trust_env=False).text)
        return {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
        }


@pytest.fixture
def observed(kubeconfig: Path, crd: str, namespace: str, tmp_path: Path) -> Iterator[Observed]:
    assert crd
    observed = Observed(kubeconfig, namespace, tmp_path / "log", "--leader-elect", f"--leader-election-id={namespace}")
    observed.process.start()
    yield observed
    assert observed.process.stop() == 0


def test_metrics_tell_what_was_done(observed: Observed, kubectl: Kubectl, namespace: str) -> None:
    Cluster(kubectl, namespace).apply(*(agent(f"a-{number}") for number in range(5)))
    ready = ("agentctl_agents", "Ready", "PodReady", "True")
    eventually(lambda: observed.metrics().get(ready) == 5, 60, "five Agents are counted")
    seen = observed.metrics()
    assert seen["agentctl_time_to_ready_seconds_count",] == 5
    assert 0 < seen["agentctl_time_to_ready_seconds_sum",] < 5 * 60
    results = ("success", "requeue_after")  # the latter where a status was put off
    assert sum(seen["controller_runtime_reconcile_total", "agent", result] for result in results) >= 5
    assert seen["controller_runtime_reconcile_errors_total", "agent"] == 0
    assert seen["controller_runtime_reconcile_panics_total", "agent"] == 0
    assert seen["workqueue_depth", "agent", "agent"] == 0
    assert seen["leader_election_master_status", namespace] == 1
    posts = [value for name, value in seen.items() if name[0] == "rest_client_requests_total" and name[-1] == "POST"]
    assert sum(posts) >= 5
    assert seen["process_resident_memory_bytes",] < 100 * 2**20


def test_a_standby_is_alive_and_ready_and_does_not_lead(
    observed: Observed, kubeconfig: Path, namespace: str, tmp_path: Path
) -> None:
    leads = ("leader_election_master_status", namespace)
    eventually(lambda: observed.metrics()[leads] == 1, 30, "the first leads")
    elect = ("--leader-elect", f"--leader-election-id={namespace}")
    standby = Observed(kubeconfig, namespace, tmp_path / "standby", *elect)
    standby.process.start()
    try:
        assert standby.probe("/readyz") == standby.probe("/healthz") == (200, "ok\n")
        assert standby.metrics()[leads] == 0
    finally:
        assert standby.process.stop() == 0


def test_it_is_alive_and_not_ready_while_there_is_no_api_server(tmp_path: Path) -> None:
    nowhere, (port,) = tmp_path / "kubeconfig", free_ports(1)
    nowhere.write_text(
        f"{{current-context: c, contexts: [{{name: c, context: {{cluster: c}}}}],"
        f" clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{port}'}}}}]}}"
    )
    observed = Observed(nowhere, "default", tmp_path / "log")
    observed.process.start(wait=False)
    try:
        eventually(lambda: observed.process.said("listening"), 30, "it listens")
        assert observed.probe("/healthz") == (200, "ok\n")
        status, text = observed.probe("/readyz")
        assert status == 503
        assert "agents in default are not listed yet" in text
    finally:
        assert observed.process.stop() == 0


def test_a_process_that_is_stopped_answers_no_probe_and_lives_on_afterwards(observed: Observed) -> None:
    assert observed.probe("/healthz") == (200, "ok\n")
    observed.process.pause()
    try:
        with pytest.raises(httpx2.TimeoutException):
            observed.probe("/healthz")
    finally:
        observed.process.resume()
    eventually(lambda: observed.probe("/healthz") == (200, "ok\n"), 10, "it is alive")


def test_a_loop_that_hangs_is_told_by_healthz_in_time(
    kubeconfig: Path, crd: str, kubectl: Kubectl, namespace: str, tmp_path: Path
) -> None:
    assert crd
    # Lines are written on the event loop: a pipe that nobody empties makes it hang, as a stuck log collector would.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    observed = Observed(kubeconfig, namespace, tmp_path / "log")
    with pipe.open("ab") as log:
        observed.process.spawn(log)
    try:
        eventually(lambda: drain(reader) and observed.status("/readyz") == 200, 30, "it is ready")
        assert observed.probe("/healthz") == (200, "ok\n")
        Cluster(kubectl, namespace).apply(*(agent(f"a-{number}") for number in range(10)))
        started = time.monotonic()
        eventually(lambda: observed.status("/healthz") == 503, 60, "it is told")
        assert 25 < time.monotonic() - started < 45
        assert "the event loop has been silent for" in observed.probe("/healthz")[1]
        assert observed.status("/readyz") == 503
        eventually(lambda: drain(reader) and observed.status("/healthz") == 200, 10, "it goes on")
    finally:
        observed.process.kill()
        os.close(reader)


def drain(reader: int) -> bool:
    """Empty a pipe; return True."""
    with contextlib.suppress(BlockingIOError):
        while os.read(reader, 65536):
            pass
    return True

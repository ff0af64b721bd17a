"""Two operators and one Lease: a leader that stood still does no harm, and one that is asked to end does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.e2e.agents import Cluster, agent
from tests.e2e.faults import Hold, Reaction
from tests.e2e.history import History
from tests.e2e.line import Figures
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.proxy import Proxy, Seen
from tests.e2e.support import Kubectl, eventually

pytestmark = pytest.mark.usefixtures("crd")

PAUSE_SECONDS = 40
STOP_SECONDS = 30
TAKE_OVER_SECONDS = 15 + 2 * 2.4 + 5
"""The Lease's duration, two looks of a standby, and some time for a slow machine."""


@contextmanager
def candidate(kubectl: Kubectl, namespace: str, folder: Path) -> Iterator[tuple[Proxy, OperatorProcess]]:
    folder.mkdir()
    options = ("--leader-elect", f"--leader-election-namespace={namespace}")
    with Proxy(kubectl) as proxy:
        operator = OperatorProcess(proxy.client_config(folder / "config"), namespace, folder / "log", options)
        operator.start()
        try:
            yield proxy, operator
        finally:
            if operator.is_alive:
                operator.resume()
                operator.kill()


def leads(operator: OperatorProcess) -> bool:
    return operator.said("became the leader")


def lease_holder(kubectl: Kubectl, namespace: str) -> str:
    return str(kubectl.json("get", "lease", "agentctl", namespace=namespace)["spec"].get("holderIdentity") or "")


def test_a_leader_that_stood_still_for_40_s_does_no_harm(
    kubectl: Kubectl, namespace: str, tmp_path: Path, figures: Figures
) -> None:
    cluster = Cluster(kubectl, namespace)
    with ExitStack() as stack:
        history = stack.enter_context(History(kubectl, namespace))
        proxy, former = stack.enter_context(candidate(kubectl, namespace, tmp_path / "former"))
        eventually(lambda: leads(former), 30, "the first leads")
        _, later = stack.enter_context(candidate(kubectl, namespace, tmp_path / "later"))
        cluster.apply(agent("a"), agent("b"))
        cluster.wait_ready("a")
        cluster.wait_ready("b")
        # It stops amid a plan: its writes about `a` and `b` are on the way, and arrive when everything has changed.
        release = threading.Event()
        held: list[Seen] = []

        def hold(seen: Seen) -> Reaction | None:
            if seen.method not in ("PATCH", "DELETE"):
                return None
            held.append(seen)
            return Hold(release)

        proxy.react = hold
        cluster.scale("a", 0)
        cluster.patch("b", command=["sleep", "1"])
        eventually(lambda: len(held) >= 2, 30, "the leader has begun to write")
        former.pause()
        started = time.monotonic()
        eventually(lambda: leads(later), TAKE_OVER_SECONDS, "the second takes over")
        taken = time.monotonic() - started
        cluster.wait_gone("a")
        cluster.scale("a", 1)
        cluster.wait_ready("a")
        eventually(lambda: len(history.pods("b")) == 2, 60, "the pod of b is another")
        cluster.wait_ready("b")
        time.sleep(max(0.0, started + PAUSE_SECONDS - time.monotonic()))
        pods = cluster.uid("a"), cluster.uid("b")
        release.set()
        proxy.react = lambda _: None
        former.resume()
        eventually(lambda: not former.is_alive, 30, "the former leader ends")
        assert former.process is not None
        assert former.process.returncode == 75
        assert former.said("leadership is lost")
        time.sleep(2)  # what it sent has its effect
        assert (cluster.uid("a"), cluster.uid("b")) == pods
        assert all(seen.status is None or seen.status >= 400 for seen in held), held
        history.check()
        assert later.stop() == 0
        figures(f"two operators: taken over after {taken:.1f} s; late writes of the paused one: "
                f"{[(seen.method, seen.status) for seen in held]}")  # fmt: skip


def test_a_stop_amid_work_ends_within_30_s_and_gives_the_lease_up(
    kubectl: Kubectl, namespace: str, tmp_path: Path, figures: Figures
) -> None:
    cluster = Cluster(kubectl, namespace)
    with History(kubectl, namespace) as history, candidate(kubectl, namespace, tmp_path / "one") as (proxy, operator):
        eventually(lambda: leads(operator), 30, "it leads")
        assert lease_holder(kubectl, namespace)
        lost = Hold()
        proxy.react = lambda seen: lost if seen.is_write and "/pods" in seen.path else None
        cluster.apply(*(agent(f"a-{number:02}") for number in range(20)))
        eventually(lambda: [seen for seen in proxy.writes if "/pods" in seen.path], 30, "it writes")
        started = time.monotonic()
        assert operator.stop() == 0
        seconds = time.monotonic() - started
        assert seconds <= STOP_SECONDS
        assert lease_holder(kubectl, namespace) == ""
        figures(f"SIGTERM with writes that hang: ended after {seconds:.1f} s")
        # The next one takes the work up where it was left.
        proxy.react = lambda _: None
        operator.start()
        for number in range(20):
            cluster.wait_ready(f"a-{number:02}")
        started = time.monotonic()
        assert operator.stop() == 0
        figures(f"SIGTERM at rest: ended after {time.monotonic() - started:.1f} s")
        history.check()

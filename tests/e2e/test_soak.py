"""Whatever users, the network and the machine do, for two minutes: afterwards everything is as the specs say.

`make soak` does it for 20 minutes, from a seed of its own each time. A failure tells the seed, and
`make soak SEED=... LENGTH=...` does the same steps at the same moments again; in which order requests meet a fault is
not in a seed's hands.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.e2e.conftest import fresh_namespace
from tests.e2e.history import History
from tests.e2e.line import Figures
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.proxy import Proxy
from tests.e2e.soak import Soak, storage
from tests.e2e.soak_plan import CLAIMED, NAMESPACES, Step, plan
from tests.e2e.support import Kubectl, eventually

SECONDS = float(os.environ.get("AGENTCTL_SOAK_SECONDS") or 120)
IS_LONG = "AGENTCTL_SOAK_SECONDS" in os.environ
SEED = int(os.environ.get("AGENTCTL_SOAK_SEED") or (secrets.randbelow(10**9) if IS_LONG else 1))
WARM_UP, KILLS = SECONDS / 4, SECONDS * 3 / 4
"""Memory is compared between these two; then the operator is killed again and again."""
SETTLE_SECONDS = 240
"""The longest backoffs of a pod that has failed twice and of a watch, after a request that ran out of time."""
IDLE_SECONDS = 20
GROWTH_MIB = 2.0
"""Medians of a process that goes on as before differ by some tenths; what grows once was there at the warm-up."""
GROWTH_FILES = 12
"""How many connections are open at a time depends on how many workers write, and have written for 10 s."""
FILES_AT_REST = 4
"""No connection is idle for longer than 10 s: what is open still are the watches, and the one that renews the Lease."""


@contextmanager
def _soak(kubectl: Kubectl, tmp_path: Path, steps: list[Step]) -> Iterator[tuple[Soak, list[History]]]:
    claims = sum(step.kind == "create" and step.name in CLAIMED for step in steps)
    with ExitStack() as stack:
        stack.enter_context(storage(kubectl, claims))
        namespaces = [stack.enter_context(fresh_namespace(kubectl)) for _ in range(NAMESPACES)]
        histories = [stack.enter_context(History(kubectl, namespace)) for namespace in namespaces]
        proxy = stack.enter_context(Proxy(kubectl))
        options = tuple(f"--namespace={namespace}" for namespace in namespaces)
        operator = OperatorProcess(proxy.client_config(tmp_path / "config"), None, tmp_path / "log", options)
        address = stack.enter_context(kubectl.proxy())
        client = stack.enter_context(httpx2.Client(base_url=address, trust_env=False, timeout=60))
        operator.start()
        try:
            yield Soak(kubectl, namespaces, proxy, operator, client, SEED), histories
        finally:
            if operator.is_alive:
                operator.kill()


@pytest.mark.usefixtures("crd")
def test_whatever_happens_everything_is_as_it_was_asked_for_in_the_end(
    kubectl: Kubectl, tmp_path: Path, figures: Figures
) -> None:
    steps = plan(SEED, SECONDS, KILLS)
    with _soak(kubectl, tmp_path, steps) as (soak, histories):
        try:
            _run(soak, histories, steps, figures)
        except BaseException as error:
            last = "".join(f"\n  {step}" for step in soak.done[-10:])
            error.add_note(f"`make soak SEED={SEED} LENGTH={SECONDS:g}` does it again; the last steps were:{last}")
            raise


def _run(soak: Soak, histories: list[History], steps: list[Step], figures: Figures) -> None:
    operator, proxy = soak.operator, soak.proxy
    files = operator.open_files
    soak.play(steps)
    started = time.monotonic()
    eventually(soak.check_settled, SETTLE_SECONDS, "everything is as it was asked for", interval=1)
    settled = time.monotonic() - started
    soak.wait_quiet(2)
    requests = len(proxy.requests)
    time.sleep(IDLE_SECONDS)
    assert [seen for seen in proxy.requests[requests:] if not seen.is_watch] == []
    assert soak.check_settled()
    memory, more_files = soak.growth(WARM_UP, KILLS)
    at_rest = operator.open_files - files
    figures(f"soak of {SECONDS:g} s, seed {SEED}: {soak.told()}; {len(proxy.requests)} requests, "
            f"{len(proxy.writes)} of them writes; settled {settled:.0f} s after the last fault; "
            f"memory {soak.samples[-1].memory:.1f} MiB, {memory:+.2f} after the warm-up; "
            f"files {more_files:+d}, at rest {at_rest:+d}")  # fmt: skip
    soak.end()
    eventually(soak.check_settled, SETTLE_SECONDS, "nothing is left", interval=1)
    for history in histories:
        history.check()
    assert operator.stop() == 0
    faults = [entry for entry in operator.lines() if "raw" in entry or entry.get("level") in ("error", "critical")]
    assert faults == []
    assert memory <= GROWTH_MIB, [(round(each.at), each.memory) for each in soak.samples[::10]]
    assert more_files <= GROWTH_FILES
    assert at_rest <= FILES_AT_REST

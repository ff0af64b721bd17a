"""One Agent whose every call hangs or fails, and a hundred others that do not notice.

How much slower they are is a ratio of times, which `make poison` measures. Here stands what no machine's speed changes.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.agents import SECONDS, agent
from tests.e2e.faults import Hold, failure
from tests.e2e.line import Figures, Line, line
from tests.e2e.poison import POISON, agent_of, only_for_the_poison, requests_about
from tests.e2e.proxy import Seen
from tests.e2e.support import Kubectl, condition, eventually

pytestmark = pytest.mark.usefixtures("crd")

OTHERS = [f"a-{number:03}" for number in range(100)]
STATUSES = 3
"""At most one for each state of a new pod: made, on its node, ready."""
STATUSES_OF_AN_EDIT = STATUSES + 2
"""And one for the pod that is outdated, and for the one that ends."""


def _wait_all(tested: Line, names: list[str], generation: int) -> None:
    """Wait until these Agents are Ready and UpToDate with their spec."""

    def all_well() -> bool:
        items = tested.kubectl.json("get", "agents", namespace=tested.namespace)["items"]
        well = {
            item["metadata"]["name"]
            for item in items
            if item.get("status", {}).get("observedGeneration") == generation
            and condition(item, "Ready") == condition(item, "UpToDate") == "True"
        }
        assert sorted(set(names) - well) == []
        return True

    eventually(all_well, 2 * SECONDS, f"{len(names)} Agents are Ready and UpToDate", interval=1)


def _writes(requests: list[Seen]) -> dict[str, Counter[str]]:
    """Return how often each Agent's pod was created and deleted, and how often its status was written."""
    counts = {name: Counter[str]() for name in (*OTHERS, POISON)}
    for seen in requests:
        name = agent_of(seen)
        kind = "status" if seen.resource.endswith("/status") else f"{seen.method} pod"
        # A Conflict says that more has happened than the operator had seen: that write is none.
        if name is not None and seen.is_write and "/events" not in seen.path and seen.status != 409:
            counts[name][kind] += 1
    return counts


def _attempts(seconds: float) -> int:
    """Return how often something that fails at once is tried in that time, at the most."""
    count, waited, pause = 1, 0.0, 0.005
    while waited < seconds:
        count, waited, pause = count + 1, waited + pause, pause * 2
    return count


def test_one_agent_whose_calls_hang_and_fail_costs_a_hundred_others_nothing(
    kubectl: Kubectl, namespace: str, tmp_path: Path, figures: Figures
) -> None:
    with line(kubectl, namespace, tmp_path) as tested:
        # Its first call hangs until all others are Ready: it holds one worker, and nobody waits for it.
        release = threading.Event()
        tested.proxy.react = only_for_the_poison(lambda: Hold(release))
        tested.apply(agent(POISON))
        eventually(lambda: requests_about(POISON, tested.proxy.requests), SECONDS, "its first call")
        tested.apply(*(agent(name) for name in OTHERS))
        _wait_all(tested, OTHERS, 1)
        calls = requests_about(POISON, tested.proxy.requests)
        assert [seen.status for seen in calls] == [None], "the others were held up until it had run out of time"
        made = _writes(tested.proxy.requests)
        release.set()
        _wait_all(tested, [POISON], 1)
        tested.wait_quiet()

        # Every call fails at once, and all are edited.
        edited, started = len(tested.proxy.requests), time.monotonic()
        tested.proxy.react = only_for_the_poison(lambda: failure(500, "InternalError"))
        tested.apply(*(agent(name, command=["sleep", "1000"]) for name in (POISON, *OTHERS)))
        _wait_all(tested, OTHERS, 2)
        seconds = time.monotonic() - started
        since = tested.proxy.requests[edited:]
        replaced, failed = _writes(since), requests_about(POISON, since)
        assert {seen.status for seen in failed} == {500}
        # An Event is a courtesy: what ends an attempt is the status that cannot be written.
        attempts = [seen for seen in failed if "/events" not in seen.path]
        assert 3 <= len(attempts) <= _attempts(seconds) + 1, attempts

        # It was not given up either.
        tested.proxy.react = lambda _: None
        _wait_all(tested, [POISON], 2)

        figures(f"poison: {len(attempts)} attempts failed in {seconds:.1f} s; statuses written for each other Agent: "
                f"{_spread(made)} until it is Ready, {_spread(replaced)} after an edit")  # fmt: skip
        for name in OTHERS:
            assert made[name].pop("status") <= STATUSES
            assert made[name] == {"POST pod": 1}
            assert replaced[name].pop("status") <= STATUSES_OF_AN_EDIT
            assert replaced[name] == {"DELETE pod": 1, "POST pod": 1}
    assert {entry.get("agent") for entry in tested.operator.complaints()} == {f"{namespace}/{POISON}"}


def _spread(counts: dict[str, Counter[str]]) -> str:
    """Return how many Agents got how many statuses."""
    return str(dict(sorted(Counter(counts[name]["status"] for name in OTHERS).items())))

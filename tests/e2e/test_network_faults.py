"""What a network, a proxy on the way or an overloaded API server can do to the operator: it outlives all of it.

Each test disturbs, changes things behind the operator's back meanwhile, and then expects that everything comes to what
was asked for, in the same process, with about the memory that it had, and with a bounded number of requests.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.e2e.faults import UNAVAILABLE_PAGE, UNAVAILABLE_TEXT, Instead, Reaction, Slow, Truncated, Unanswered, failure
from tests.e2e.line import NIGHTLY, Figures, cost_of, line
from tests.e2e.proxy import Seen
from tests.e2e.support import Kubectl

pytestmark = pytest.mark.usefixtures("crd")

FAULT_SECONDS = 60 if NIGHTLY else 4
REFLECTORS = 5
"""Agents, pods, services, config maps and claims, in one namespace."""
BACKOFF = (0.8, 30.0)
WORK = 40
"""Requests for the change itself: a list and a watch for each reflector, and the writes of three Agents."""
SILENCE_SECONDS = 75
RETRY_AFTER = 3


def attempts(seconds: float, first: float, most: float) -> int:
    """Return how often something is tried at the most in a fault of that length, with the waits doubling."""
    count, waited, pause = 1, 0.0, first
    while waited < seconds:
        count, waited, pause = count + 1, waited + pause, min(pause * 2, most)
    return count


def most_requests(seconds: float) -> int:
    """Return the bound: what each reflector and each of three Agents may try, and the work itself."""
    return WORK + REFLECTORS * attempts(seconds, *BACKOFF) + 3 * attempts(seconds, 0.005, 1000)


FAULTS: dict[str, Reaction] = {
    "429 with Retry-After": failure(429, "TooManyRequests", retry_after=RETRY_AFTER),
    "500": failure(500, "InternalError"),
    "503 as text": UNAVAILABLE_TEXT,
    "503 as a page": UNAVAILABLE_PAGE,
    "truncated JSON": Truncated(),
    "slow answers": Slow(2),
}


@pytest.mark.parametrize("name", FAULTS)
def test_answers_that_are_none(kubectl: Kubectl, namespace: str, tmp_path: Path, name: str, figures: Figures) -> None:
    with line(kubectl, namespace, tmp_path) as tested:
        tested.settle()

        def fault() -> None:
            tested.proxy.react = lambda _: FAULTS[name]
            tested.proxy.end_watches()
            tested.change()
            time.sleep(FAULT_SECONDS)
            tested.proxy.react = lambda _: None
            # The longest backoff that a fault of this length leads to, with its jitter.
            tested.wait_converged(30 + 2 * min(FAULT_SECONDS, BACKOFF[1]))

        cost = cost_of(tested, fault)
        figures(f"network fault, {name} for {FAULT_SECONDS} s: {cost}")
        assert len(cost.requests) <= most_requests(FAULT_SECONDS), cost
        if name.startswith("429"):
            assert _soonest_repeat(cost.requests) >= RETRY_AFTER


def _soonest_repeat(requests: list[Seen]) -> float:
    """Return how soon after a 429 the same was asked for again."""
    repeats: list[float] = []
    for index, refused in enumerate(requests):
        if refused.status == 429:
            later = (seen for seen in requests[index + 1 :] if _what(seen) == _what(refused))
            repeats += [seen.at - refused.at for seen in [next(later, None)] if seen is not None]
    assert repeats
    return min(repeats)


def _what(seen: Seen) -> tuple[str, str]:
    return seen.method, seen.resource


def test_refused_connections(kubectl: Kubectl, namespace: str, tmp_path: Path, figures: Figures) -> None:
    with line(kubectl, namespace, tmp_path) as tested:
        tested.settle()

        def fault() -> None:
            tested.proxy.refuse()
            tested.change()
            time.sleep(FAULT_SECONDS)
            tested.proxy.listen()
            tested.wait_converged(30 + 2 * min(FAULT_SECONDS, BACKOFF[1]))

        cost = cost_of(tested, fault)
        figures(f"network fault, refused for {FAULT_SECONDS} s: {cost}")
        assert len(cost.requests) <= WORK, cost


def test_a_deletion_in_the_gap_that_ends_with_410(
    kubectl: Kubectl, namespace: str, tmp_path: Path, figures: Figures
) -> None:
    with line(kubectl, namespace, tmp_path) as tested:
        tested.settle()
        expired: list[Seen] = []

        def too_old(seen: Seen) -> Reaction | None:
            if not seen.is_watch or seen.resource in {each.resource for each in expired}:
                return None
            expired.append(seen)
            if "/agents?" not in seen.path:
                return failure(410, "Expired")
            # Of custom resources the API server itself says it then, as an event in a stream that it opens with 200.
            return Instead(re.sub(r"resourceVersion=\d+", "resourceVersion=1", seen.path))

        def fault() -> None:
            tested.proxy.react = too_old
            tested.proxy.refuse()
            tested.change()
            tested.kubectl("delete", "agent", "gone", "--ignore-not-found", namespace=namespace)
            tested.wait_gone("gone")
            tested.proxy.listen()
            tested.wait_converged()

        cost = cost_of(tested, fault)
        figures(f"network fault, 410 with a deletion in the gap: {cost}")
        assert len(expired) == REFLECTORS
        relists = [entry["kind"] for entry in tested.operator.lines() if entry.get("code") == 410]
        assert sorted(relists) == ["Agent", "ConfigMap", "PersistentVolumeClaim", "Pod", "Service"]
        assert len(cost.requests) <= WORK, cost


@pytest.mark.parametrize("cut", [False, True], ids=["cleanly", "as a lost connection"])
def test_streams_that_end(kubectl: Kubectl, namespace: str, tmp_path: Path, figures: Figures, *, cut: bool) -> None:
    with line(kubectl, namespace, tmp_path) as tested:
        tested.settle()

        def fault() -> None:
            tested.change()
            for _ in range(8):
                tested.proxy.end_watches(cut=cut)
                time.sleep(FAULT_SECONDS / 8)
            tested.wait_converged()

        cost = cost_of(tested, fault)
        figures(f"network fault, streams that are {'cut' if cut else 'ended'} 8 times: {cost}")
        assert len(cost.requests) <= WORK + 8 * REFLECTORS, cost


@pytest.mark.parametrize("partition", [False, True], ids=["silent watches", "partition of one direction"])
def test_silence_is_found_out(
    kubectl: Kubectl, namespace: str, tmp_path: Path, figures: Figures, *, partition: bool
) -> None:
    """At its full length: a watch with neither event nor bookmark for 75 s is dead."""
    with line(kubectl, namespace, tmp_path) as tested:
        tested.settle()

        def silent() -> None:
            tested.proxy.silence_watches()
            tested.change()
            tested.wait_converged(SILENCE_SECONDS + 25)

        def one_way() -> None:
            tested.proxy.react = lambda _: Unanswered()
            tested.change()
            time.sleep(3)  # writes are on their way, and done
            tested.proxy.silence_watches()
            time.sleep(20)
            tested.proxy.react = lambda _: None
            tested.wait_converged(SILENCE_SECONDS + 25)

        cost = cost_of(tested, one_way if partition else silent)
        figures(f"network fault, {'one-way partition' if partition else 'silent watches'}: {cost}")
        assert len(cost.requests) <= WORK, cost

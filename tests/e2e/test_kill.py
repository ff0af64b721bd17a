"""The operator is killed with SIGKILL at each of its writes and started again: the end is always the same.

A plan is the number of a write and a moment: before it reaches the API server, when it was applied and is not answered
yet, and when it was answered. `make nightly` tries all plans. Otherwise it is every fifth of them, in the order of
writes and moments, which takes each moment in turn and writes from the first to the last.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.agents import SECONDS, Cluster, agent
from tests.e2e.history import History
from tests.e2e.line import NIGHTLY, Figures, Line, line
from tests.e2e.pod_states import failed
from tests.e2e.proxy import Seen
from tests.e2e.support import Kubectl, condition, eventually, pod_manifest

pytestmark = pytest.mark.usefixtures("crd")

MOMENTS = ("before", "applied", "answered")
WRITES = 27
"""The scenario's least number of writes. Statuses that follow each other quickly may become one."""
PLANS = [(number, moment) for number in range(1, WRITES + 1) for moment in MOMENTS][:: 1 if NIGHTLY else 5]

MADE = {"sleeper": 2, "edited": 2, "failing": 2, "taken": 1}
"""How many pods of each name there ever were; the one that is `taken` is a stranger's."""
DELETED = {"sleeper": 1, "edited": 2, "failing": 1}
END = {
    "sleeper": {"Accepted": "True", "Ready": "True"},
    "failing": {"Accepted": "True", "Ready": "True"},
    "taken": {"Accepted": "NameConflict"},
}


def _scenario(cluster: Cluster, history: History) -> None:
    """Create, fail, suspend, update, wake and delete; a stranger's pod stands in the way of one more Agent.

    While the Agent whose pod has failed backs off, the others go through their changes.
    """
    cluster.apply(pod_manifest("taken"), *(agent(name) for name in MADE))
    for name in ("sleeper", "edited", "failing"):
        cluster.wait_ready(name)
    cluster.wait_reason("taken", "Accepted", "NameConflict")
    status = json.dumps({"status": failed(3)})
    options = ("--subresource=status", "--type=strategic", f"--patch={status}")
    cluster.kubectl("patch", "pod", "failing", *options, namespace=cluster.namespace)
    cluster.scale("sleeper", 0)
    cluster.patch("edited", command=["sleep", "3600"])
    cluster.wait_gone("sleeper")
    eventually(lambda: cluster.reason("sleeper", "Ready") is None, SECONDS, "Ready is absent")
    cluster.scale("sleeper", 1)
    for name in ("edited", "sleeper", "failing"):
        _wait_second_pod(cluster, history, name)
        if name == "edited":
            cluster.delete(name)
            cluster.wait_gone(name)


def _wait_second_pod(cluster: Cluster, history: History, name: str) -> None:
    eventually(lambda: len(history.pods(name)) == 2, SECONDS, f"{name} has its second pod")
    cluster.wait(name, _is_ready, "the second pod is ready")


def _is_ready(found: dict[str, Any]) -> bool:
    is_seen = found["status"]["observedGeneration"] == found["metadata"]["generation"]
    return is_seen and condition(found, "Ready") == "True"


def _check_end(cluster: Cluster, history: History) -> bool:
    """Fail where the end is not that of a run without a kill."""
    pods = {(pod["metadata"]["name"], pod["metadata"]["uid"], event) for event, pod in history.of("Pod")}
    assert Counter(name for name, _ in {(name, uid) for name, uid, _ in pods}) == MADE
    assert Counter(name for name, _, event in pods if event == "DELETED") == DELETED
    assert cluster.names("agents") == cluster.names("pods") == sorted(END)
    for name, expected in END.items():
        owner, pod = cluster.agent(name), cluster.pod(name)
        if name == "taken":
            assert "ownerReferences" not in pod["metadata"]
            assert cluster.reason(name, "Accepted") == expected["Accepted"]
            continue
        assert {kind: condition(owner, kind) for kind in expected} == expected
        assert pod["metadata"]["ownerReferences"][0]["uid"] == owner["metadata"]["uid"]
        assert pod["metadata"]["uid"] == history.pods(name)[-1]
    return True


def play(tested: Line, is_back: Callable[[], bool] = lambda: True) -> None:
    """Play the scenario to its end, and have the operator, once it is back, leave that end as it is."""
    with History(tested.kubectl, tested.namespace) as history:
        try:
            _scenario(tested, history)
            eventually(lambda: _check_end(tested, history), SECONDS, "the end is that of a run without a kill")
            eventually(is_back, 30, "the operator is ready again")
            tested.wait_quiet(1.0)
            assert _check_end(tested, history)
        except AssertionError as error:
            error.add_note("".join(f"{name}:{history.told(name)}\n" for name in MADE))
            error.add_note(tested.operator.log.read_text())
            raise


def test_without_a_kill_the_scenario_makes_the_writes_that_are_tried(
    kubectl: Kubectl, namespace: str, tmp_path: Path, figures: Figures
) -> None:
    with line(kubectl, namespace, tmp_path) as tested:
        play(tested)
    figures(f"the scenario of kills makes {len(tested.proxy.writes)} writes")
    assert WRITES <= len(tested.proxy.writes) <= WRITES + 9, tested.proxy.writes
    assert tested.operator.complaints() == []


@pytest.mark.parametrize(("number", "moment"), PLANS)
def test_killed_at_a_write(kubectl: Kubectl, namespace: str, tmp_path: Path, number: int, moment: str) -> None:
    with line(kubectl, namespace, tmp_path) as tested:
        operator, killed = tested.operator, list[int]()

        def kill(count: int, _: Seen) -> None:
            if count == number and not killed:
                killed.append(len(operator.lines()))
                operator.kill()
                operator.start(wait=False)
                raise ConnectionResetError

        setattr(tested.proxy, moment, kill)
        play(tested, lambda: not killed or operator.said("caches are synced", killed[0]))
        assert len(killed) == 1, f"only {len(tested.proxy.writes)} writes: {tested.proxy.writes}"

"""Time travel: the operator's watches lead to a second API server, which is behind the one that takes its writes.

The stale view is recorded amid work: a pod is about to be deleted, another about to be made. When it comes back, the
work is done, and newer pods bear the names. Whatever the operator wants then must be refused or needless.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest

from tests.e2e.agents import SECONDS, agent
from tests.e2e.faults import Answer, Hold, Reaction, failure
from tests.e2e.hand_node import placement
from tests.e2e.history import History
from tests.e2e.line import Figures, Line, line
from tests.e2e.proxy import Seen
from tests.e2e.support import Kubectl, condition, eventually

pytestmark = pytest.mark.usefixtures("crd")

Json = dict[str, Any]

CONFLICT = 409
"""Also what is said of a name that is taken (AlreadyExists)."""
KINDS = ["Agent", "ConfigMap", "PersistentVolumeClaim", "Pod", "Service"]
STALE_SECONDS = 3
DELETING = ["edited", "reborn", "slept"]
"""Whose pod is about to be deleted in the stale view."""
PENDING = "slept"
"""Whose pods no node takes: each looks as the one before, so that no status patch is due that would be refused."""
POD_LESS = "fresh"
"""Whose pod is about to be made in the stale view."""
PODS = {"edited": 3, "fresh": 1, "gone": 1, "late": 1, "reborn": 3, "slept": 2}
"""How many pods of each name there are in all, at the least."""
END = sorted(PODS.keys() - {"gone"})


@dataclass(frozen=True)
class StaleServer:
    """An API server that stands still: for lists and watches it shows what was there when it was recorded.

    Attributes:
        lists: by their paths, with what they select.
        away: set when it goes away; the watches that wait for it are then answered by the true one.
    """

    lists: dict[str, Json]
    away: threading.Event

    @classmethod
    def record(cls, tested: Line) -> StaleServer:
        """Record all that the operator watches, as it is now."""
        paths = {_selected(seen.path) for seen in tested.proxy.requests if seen.is_watch}
        lists = {path: json.loads(tested.kubectl("get", "--raw", path).stdout) for path in paths}
        assert sorted(_kind(found) for found in lists.values()) == KINDS
        return cls(lists, threading.Event())

    def react(self, seen: Seen) -> Reaction | None:
        """Answer what is recorded here; anything else, such as writes, is left to the true server."""
        found = self.lists.get(_selected(seen.path)) if seen.method == "GET" else None
        if found is None:
            return None
        version = found["metadata"]["resourceVersion"]
        match seen.is_watch, _option(seen.path, "resourceVersion"):
            case False, _:
                return Answer(200, json.dumps(found).encode())
            case True, "":
                return Answer(200, _initial_events(found))
            case True, asked if asked == version:
                return Hold(self.away)  # nothing ever happens here
            case _:
                return failure(410, "Expired")


def _option(path: str, name: str) -> str:
    return parse_qs(path.partition("?")[2]).get(name, [""])[0]


def _selected(path: str) -> str:
    selector = _option(path, "labelSelector")
    return path.partition("?")[0] + (f"?{urlencode({'labelSelector': selector})}" if selector else "")


def _kind(found: Json) -> str:
    return str(found["kind"].removesuffix("List"))


def _initial_events(found: Json) -> bytes:
    """Return a list as a stream that begins with it (WatchList), and ends there."""
    kind = {"kind": _kind(found), "apiVersion": found["apiVersion"]}
    end = {
        "resourceVersion": found["metadata"]["resourceVersion"],
        "annotations": {"k8s.io/initial-events-end": "true"},
    }
    events = [{"type": "ADDED", "object": kind | item} for item in found["items"]]
    events.append({"type": "BOOKMARK", "object": kind | {"metadata": end}})
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def _stop_amid_work(tested: Line) -> StaleServer:
    """Record a view in which pods are about to be deleted and made; then let that be done."""
    started = ("edited", "reborn", "gone")
    tested.apply(*(agent(name) for name in started), agent(PENDING, podTemplate={"spec": placement("nowhere")}))
    for name in started:
        tested.wait_ready(name)
    tested.wait_reason(PENDING, "Ready", "Unschedulable")
    release = threading.Event()
    held: list[Seen] = []

    def hold(seen: Seen) -> Reaction | None:
        if seen.method not in ("POST", "DELETE") or "/pods" not in seen.path:
            return None
        held.append(seen)
        return Hold(release)

    tested.proxy.react = hold
    tested.patch("edited", command=["sleep", "1000"])
    tested.patch("reborn", command=["sleep", "1000"])
    tested.scale("slept", 0)
    tested.apply(agent(POD_LESS))
    eventually(lambda: len(held) == len(DELETING) + 1, 30, "the operator has begun to write")
    stale = StaleServer.record(tested)
    release.set()
    tested.proxy.react = lambda _: None
    return stale


def _go_on(tested: Line, history: History) -> None:
    """Have every pod of the recorded view succeeded by another, of another Agent or of another revision."""
    tested.wait_gone("slept")
    tested.scale("slept", 1)
    for name in ("edited", "reborn"):
        _wait_pods(history, name, 2)
    tested.patch("edited", command=["sleep", "2000"])
    tested.delete("reborn")
    tested.wait_gone("reborn")
    tested.delete("gone")
    tested.wait_gone("gone")
    tested.apply(agent("reborn"), agent("late"))
    for name in END:
        _wait_pods(history, name, PODS[name])
    _wait_end(tested)


def _wait_pods(history: History, name: str, count: int) -> None:
    eventually(lambda: len(history.pods(name)) >= count, SECONDS, f"{name} has had {count} pods")


def _wait_end(tested: Line) -> None:
    def check() -> bool:
        assert tested.names("agents") == tested.names("pods") == END
        for name in END:
            found = tested.agent(name)
            assert condition(found, "Ready") == ("False" if name == PENDING else "True"), found
            assert found["status"]["observedGeneration"] == found["metadata"]["generation"], found
            assert tested.pod(name)["metadata"]["ownerReferences"][0]["uid"] == found["metadata"]["uid"]
        return True

    eventually(check, SECONDS, "everything is as it was asked for")


@pytest.mark.parametrize("first", ["agents", "pods", None])
def test_a_stale_view_does_no_harm_to_what_is_newer(
    kubectl: Kubectl, namespace: str, tmp_path: Path, figures: Figures, *, first: str | None
) -> None:
    """The view of one resource becomes stale before the others; or all that a new process ever sees is stale."""
    with line(kubectl, namespace, tmp_path) as tested, History(kubectl, namespace) as history:
        proxy, operator = tested.proxy, tested.operator
        stale = _stop_amid_work(tested)
        _go_on(tested, history)
        tested.wait_quiet()
        pods = {name: tested.uid(name) for name in END}
        made = {name: len(history.pods(name)) for name in PODS}
        before, said = len(proxy.requests), len(operator.lines())
        proxy.react = stale.react
        if first is None:
            operator.kill()
            operator.start()
        else:
            proxy.end_watches(first, cut=True)
            eventually(lambda: _listed(operator.lines()[said:]), 30, f"the view of {first} is stale")
            time.sleep(STALE_SECONDS)
            proxy.end_watches(cut=True)
        eventually(lambda: _listed(operator.lines()[said:]) == KINDS, 30, "the stale view is all that it has")
        time.sleep(STALE_SECONDS)
        during = proxy.requests[before:]
        stale.away.set()
        proxy.react = lambda _: None
        tested.wait_quiet()
        _wait_end(tested)
        assert {name: tested.uid(name) for name in END} == pods
        assert {name: len(history.pods(name)) for name in PODS} == made
        on_pods = {(seen.method, _name(seen), seen.status) for seen in during if seen.is_write and "/pods" in seen.path}
        assert all(status == CONFLICT for _, _, status in on_pods), on_pods
        assert ("POST", POD_LESS, CONFLICT) in on_pods, "the stale view has asked for nothing"
        read = {seen.path.rpartition("/")[2] for seen in during if "/agents/" in seen.path and seen.method == "GET"}
        assert PENDING in read, "no deletion was wanted"
        history.check()
        figures(f"time travel, {first or 'all'} first: {sorted(on_pods)}; Agents that were read: {sorted(read)}")


def _listed(lines: list[Json]) -> list[str]:
    return sorted(entry["kind"] for entry in lines if entry.get("event") == "listed")


def _name(seen: Seen) -> str:
    if seen.method == "POST":
        return str(json.loads(seen.body)["metadata"]["name"])
    return seen.resource.rpartition("/")[2]

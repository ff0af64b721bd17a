"""`kubectl logs` of the operator: the life of one Agent in lines that a person understands."""

from __future__ import annotations

import re

from tests.e2e.node.operator import NAMESPACE, leader
from tests.e2e.node.support import Json, OnNode
from tests.e2e.support import eventually

_READY = re.compile(r"\bReady is [^,]*")
# Steps of a pod on its way, of which there may be none, one or two: what is over within a second is not written.
_ON_THE_WAY = re.compile(
    r"status: (nodeName is \S+|podIPs is \S+|replicas is 0)|Ready is False \(PodPending\)|Ready is still False.*"
)


def test_the_log_of_the_operator_tells_the_life_of_an_agent(on_node: OnNode) -> None:
    on_node.run("demo", "entrypoint", command=["probe"])
    on_node.wait_ready("demo")
    on_node.patch("demo", env=[{"name": "PROBE", "value": "say=two,wait,exit=0"}])
    on_node.said("demo", "say")
    on_node.wait_ready("demo")
    on_node.scale("demo", 0)
    on_node.wait_gone("demo")
    on_node.scale("demo", 1)
    on_node.wait_ready("demo")
    on_node.kubectl("delete", "pod", "demo", namespace=on_node.namespace)
    on_node.wait_ready("demo")
    on_node.delete("demo")
    eventually(lambda: _lines(on_node)[-1]["event"] == "the Agent is gone", 30, "the end is told")
    lines = _lines(on_node)
    steps = [_in_short(line["event"]) for line in lines]
    assert [step for step in steps if not _ON_THE_WAY.fullmatch(step)] == [
        "created Pod demo",
        "Ready is True (PodReady)",
        "emitted Event Recreating",
        "Ready is False (Terminating)",
        "deleted Pod demo",
        "created Pod demo",
        "Ready is True (PodReady)",
        "emitted Event ScaledToZero",
        "Ready is absent",
        "deleted Pod demo",
        "status: there is no pod",
        "created Pod demo",
        "emitted Event Running",
        "Ready is True (PodReady)",
        "emitted Event PodDeleted",
        "Ready is False (Terminating)",
        "created Pod demo",
        "Ready is True (PodReady)",
        "the Agent is gone",
    ]


def _in_short(event: str) -> str:
    """Return what a line says of Ready, where it does: what else comes with it depends on the pace."""
    ready = _READY.search(event)
    return ready[0] if ready else event


def _lines(on_node: OnNode) -> list[Json]:
    """Return what the operator that leads has logged about the Agent."""
    lines = on_node.log(leader(on_node.kubectl), "operator", namespace=NAMESPACE)
    return [line for line in lines if line.get("agent") == f"{on_node.namespace}/demo"]

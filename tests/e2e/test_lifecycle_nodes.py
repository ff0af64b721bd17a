"""Agents whose pods are moved by others, or whose node dies."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from tests.e2e.agents import SECONDS, conditions, reasons
from tests.e2e.hand_node import HandNode, placement, pool_node
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.pod_states import running
from tests.e2e.stage import Json, Stage, tools
from tests.e2e.support import Kubectl, condition, eventually, pod_manifest

GIVEN_UP_SECONDS = 90
"""The node controller gives a silent node up after 50 s, and looks every 5 s."""
COLLECTED_SECONDS = 120
"""The pod garbage collector looks every 20 s, and leaves the pods of a deleted node for 40 s."""


def test_a_pod_that_is_drained_is_made_anew_at_once(stage: Stage) -> None:
    pod = stage.run("drained")
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "drained"}}
    path = f"/api/v1/namespaces/{stage.namespace}/pods/drained/eviction"
    stage.kubectl("create", "--raw", path, "-f", "-", input=json.dumps(eviction))
    found = stage.wait_reason("drained", "Ready", "Evicted")
    assert "drained" in conditions(found)["Ready"]["message"]
    assert tools(found) == ("InProgress", "Progressing")
    assert stage.is_ending(pod)
    stage.end(pod)
    stage.node.report(stage.bound("drained", other_than=pod), running())
    found = stage.wait_ready("drained")
    assert "failures" not in found["status"]
    stage.wait_events("drained", ("Warning", "Evicted"))


@pytest.fixture
def high_priority(kubectl: Kubectl) -> Any:
    name = f"high-{uuid.uuid4().hex[:8]}"
    kubectl("create", "priorityclass", name, "--value=1000", "--description=end-to-end test")
    yield name
    kubectl("delete", "priorityclass", name)


def test_a_pod_that_the_scheduler_preempts_is_made_anew_when_there_is_room(
    kubectl: Kubectl, namespace: str, operator: OperatorProcess, high_priority: str
) -> None:
    half = {"requests": {"cpu": "800m"}}
    with HandNode(kubectl, cpu="1") as node:
        stage = Stage(kubectl, namespace, node, operator)
        pod = stage.run("one", resources=half)
        rival = pod_manifest("rival", priorityClassName=high_priority, **placement(node.pool))
        rival["spec"]["containers"][0]["resources"] = half
        stage.apply(rival)
        found = stage.wait_reason("one", "Ready", "Preempted")
        assert "higher priority" in conditions(found)["Ready"]["message"]
        assert tools(found) == ("InProgress", "Progressing")
        stage.end(pod)
        found = stage.wait_reason("one", "Ready", "Unschedulable")  # made at once, and the rival has the room
        assert "failures" not in found["status"]
        eventually(lambda: stage.pod("rival")["spec"].get("nodeName"), SECONDS, "the rival is on the node")
        node.confirm(namespace, "rival")
        node.report(stage.bound("one", other_than=pod), running())
        stage.wait_ready("one")
        stage.wait_events("one", ("Warning", "Preempted"), ("Warning", "Unschedulable"))
        stage.delete("one")


def tolerating(node: HandNode, taint: str, **more: Any) -> Json:
    toleration = {"key": f"node.kubernetes.io/{taint}", "operator": "Exists", "effect": "NoExecute", **more}
    spec = placement(node.pool)
    return {"spec": spec | {"tolerations": [*spec["tolerations"], toleration]}}


def test_a_pod_on_a_dead_node_is_waited_for_and_made_elsewhere_once_it_is_gone(
    kubectl: Kubectl, namespace: str, operator: OperatorProcess
) -> None:
    with HandNode(kubectl) as node:
        stage = Stage(kubectl, namespace, node, operator)
        pods = {
            "stays": stage.run("stays", podTemplate=tolerating(node, "out-of-service")),
            "evicted": stage.run("evicted", podTemplate=tolerating(node, "unreachable", tolerationSeconds=0)),
            "deleted": stage.run("deleted"),
        }
        node.die()
        dead = partial(kubectl.json, "get", "node", node.name)
        eventually(lambda: condition(dead(), "Ready") == "Unknown", GIVEN_UP_SECONDS, "the node is given up")
        kubectl("delete", "pod", "deleted", "--wait=false", namespace=namespace)
        for pod in pods.values():
            assert_lost(stage, pod)
        assert [name for name, pod in pods.items() if stage.is_ending(pod)] == ["evicted", "deleted"]

        with other_node(kubectl, node.pool) as other:
            # There is room elsewhere by now, but nobody knows what still runs on the dead node.
            time.sleep(3)
            for pod in pods.values():
                assert_lost(stage, pod)
            kubectl("taint", "node", node.name, "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute")
            for name in ("evicted", "deleted"):
                wait_elsewhere(stage, pods[name], other)
            assert_lost(stage, pods["stays"])
            kubectl("delete", "node", node.name)
            wait_elsewhere(stage, pods["stays"], other)
            assert {name: stage.events(name) for name in pods} == {key: [("Warning", "NodeLost")] for key in pods}
            kubectl("delete", "agents.agentctl.dev", "--all", "--cascade=foreground", namespace=namespace)


@contextmanager
def other_node(kubectl: Kubectl, pool: str) -> Iterator[str]:
    """A simulated node for the pods of a pool."""
    name = f"{pool}-other"
    kubectl.apply(pool_node(name, pool, simulated=True))
    try:
        yield name
    finally:
        kubectl("delete", "node", name)


def assert_lost(stage: Stage, pod: Json) -> None:
    name = pod["metadata"]["name"]
    found = stage.wait_reason(name, "Ready", "NodeLost")
    message = conditions(found)["Ready"]["message"]
    for part in (f"node {stage.node.name} does not", "at most one", "delete the Node", "out-of-service"):
        assert part in message
    assert tools(found) == ("InProgress", "Degraded")
    there = stage.pod(name)
    assert there["metadata"]["uid"] == pod["metadata"]["uid"]
    # As the node controller leaves it, for ever.
    assert (there["status"]["phase"], condition(there, "Ready")) == ("Running", "False")
    assert condition(there, "ContainersReady") == "True"


def wait_elsewhere(stage: Stage, former: Json, node: str) -> None:
    name = former["metadata"]["name"]

    def check() -> Json | None:
        pod, found = stage.pod(name), stage.agent(name)
        is_there = pod is not None and pod["metadata"]["uid"] != former["metadata"]["uid"]
        return found if is_there and reasons(found)["Ready"] == "PodReady" else None

    found = eventually(check, COLLECTED_SECONDS, f"{name} runs elsewhere")
    assert found["status"]["nodeName"] == node
    assert "failures" not in found["status"]

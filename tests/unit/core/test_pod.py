"""The pod of an Agent: every field where Kubernetes expects it, every clash with both paths."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given

from agentctl_core import InvalidAgent, Problem, build_pod, parse_agent

from .builders import UID, Json, an_agent
from .strategies import agents

SMALL: Json = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "demo",
        "namespace": "team",
        "labels": {
            "app.kubernetes.io/name": "agent",
            "app.kubernetes.io/instance": "demo",
            "app.kubernetes.io/component": "agent",
            "app.kubernetes.io/managed-by": "agentctl",
            "agentctl.dev/agent": "demo",
        },
        "ownerReferences": [
            {
                "apiVersion": "agentctl.dev/v1alpha1",
                "kind": "Agent",
                "name": "demo",
                "uid": UID,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    },
    "spec": {
        "containers": [{"name": "agent", "image": "example.com/agent:1"}],
        "restartPolicy": "Always",
        "automountServiceAccountToken": False,
    },
}


def pod_of(**spec: Any) -> Json:
    return build_pod(parse_agent(an_agent(**spec)))


def problems_of(**metadata: Any) -> tuple[Problem, ...]:
    with pytest.raises(InvalidAgent) as caught:
        pod_of(podTemplate={"metadata": metadata})
    return caught.value.problems


def test_a_small_agent_gives_a_small_pod() -> None:
    assert pod_of() == SMALL


def test_a_full_agent_gives_a_pod_with_all_of_it() -> None:
    container = {
        "command": ["run"],
        "args": ["--price=$(PRICE)", ""],
        "workingDir": "/srv",
        "env": [
            {"name": "B", "value": ""},
            {"name": "A", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "a", "optional": True}}},
        ],
        "envFrom": [{"prefix": "X_", "configMapRef": {"name": "settings"}}],
        "ports": [{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 80, "protocol": "UDP", "name": "dns"}],
        "resources": {"limits": {"memory": "1Gi"}, "requests": {"cpu": 1, "example.com/gpu": "2"}},
    }
    template = {"labels": {"team": "a", "example.com/b": ""}, "annotations": {"note": "line\nline"}}
    golden = copy.deepcopy(SMALL)
    golden["spec"]["containers"][0].update(container)
    golden["metadata"]["labels"].update(template["labels"])
    golden["metadata"]["annotations"] = template["annotations"]
    assert pod_of(**container, replicas=1, podTemplate={"metadata": template}) == golden


def test_the_order_of_commands_and_variables_is_kept() -> None:
    (container,) = pod_of(command=["b", "a"], env=[{"name": "B"}, {"name": "A"}])["spec"]["containers"]
    assert container["command"] == ["b", "a"]
    assert container["env"] == [{"name": "B"}, {"name": "A"}]


def test_empty_fields_are_left_to_the_image() -> None:
    assert pod_of(command=[], args=[], workingDir="", env=[], envFrom=[], ports=[], resources={}) == SMALL


def test_the_number_of_replicas_does_not_change_the_pod() -> None:
    assert pod_of(replicas=0) == pod_of(replicas=1)


@pytest.mark.parametrize(
    "label",
    [
        "app.kubernetes.io/name",
        "app.kubernetes.io/instance",
        "app.kubernetes.io/component",
        "app.kubernetes.io/managed-by",
        "agentctl.dev/agent",
    ],
)
def test_a_label_of_ours_cannot_be_set(label: str) -> None:
    message = f'label "{label}" is already set by the operator; choose another name'
    assert problems_of(labels={label: "mine"}) == (Problem(f"spec.podTemplate.metadata.labels[{label}]", message),)


def test_reserved_names_are_told_all_at_once() -> None:
    labels = Problem(
        "spec.podTemplate.metadata.labels[agentctl.dev/x]",
        "labels under agentctl.dev/ are the operator's own; choose another name",
    )
    annotations = Problem(
        "spec.podTemplate.metadata.annotations[agentctl.dev/revision]",
        "annotations under agentctl.dev/ are the operator's own; choose another name",
    )
    assert problems_of(labels={"agentctl.dev/x": ""}, annotations={"agentctl.dev/revision": ""}) == (
        labels,
        annotations,
    )


def test_clashes_are_told_in_the_order_of_their_names() -> None:
    names = ["agentctl.dev/b", "agentctl.dev/a"]
    assert problems_of(labels=dict.fromkeys(names, "")) == problems_of(labels=dict.fromkeys(reversed(names), ""))


def test_names_that_only_look_reserved_are_free() -> None:
    free = {"agentctl.dev": "a", "x.agentctl.dev/y": "b", "agentctl.develop/z": "c"}
    labels = pod_of(podTemplate={"metadata": {"labels": free, "annotations": free}})["metadata"]
    assert labels["annotations"] == free
    assert labels["labels"] == SMALL["metadata"]["labels"] | free


def test_a_path_is_short_and_printable_whatever_the_name() -> None:
    (problem,) = problems_of(labels={"agentctl.dev/\n" + "x" * 4_000_000: ""})
    assert problem.path == rf"spec.podTemplate.metadata.labels[agentctl.dev/\n{'x' * 66}...]"


@given(agents())
def test_a_pod_shares_nothing_with_its_agent(manifest: Any) -> None:
    agent = parse_agent(manifest)
    first = build_pod(agent)
    golden = copy.deepcopy(first)
    _wreck(first)
    assert build_pod(agent) == golden


def _wreck(value: Any) -> None:
    """Empty every dict and list, the inner ones first."""
    if isinstance(value, dict | list):
        for child in list(value.values() if isinstance(value, dict) else value):
            _wreck(child)
        value.clear()

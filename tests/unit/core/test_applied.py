"""A pod remembers which of its labels, annotations and amounts came from the spec."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from agentctl_core import parse_agent
from agentctl_core._applied import Applied, applied, read_applied

from .builders import Json, a_pod, an_agent, nested
from .strategies import any_json, specs

KEY = "agentctl.dev/applied"


def asked(**spec: Any) -> Applied:
    return applied(parse_agent(an_agent(**spec)))


def remembering(text: Any) -> Json:
    return a_pod(metadata={"annotations": {KEY: text}})


def test_an_agent_that_asks_for_nothing_of_it_leaves_nothing_to_remember() -> None:
    assert asked() == Applied()
    assert asked(resources={"limits": {"example.com/gpu": 1}}, sidecars=[{"name": "s", "image": "i"}]) == Applied()
    assert Applied().to_json() is None
    assert KEY not in a_pod()["metadata"]["annotations"]


def test_the_keys_of_labels_and_annotations_are_remembered_in_their_order() -> None:
    template = {"metadata": {"labels": {"b": "1", "a": ""}, "annotations": {"d": "2", "c": ""}}}
    assert asked(podTemplate=template) == Applied(labels=("a", "b"), annotations=("c", "d"))


def test_the_cpu_and_memory_of_agent_and_sidecars_are_remembered() -> None:
    found = asked(
        resources={"limits": {"cpu": "1", "memory": 0, "example.com/gpu": 1}, "requests": {"memory": "1Gi"}},
        sidecars=[
            {"name": "proxy", "image": "i", "resources": {"requests": {"cpu": "1m"}}},
            {"name": "idle", "image": "i"},
        ],
        initContainers=[{"name": "init", "image": "i", "resources": {"limits": {"cpu": "1"}}}],
    )
    assert found == Applied(
        resources={"agent": ("limits.cpu", "limits.memory", "requests.memory"), "proxy": ("requests.cpu",)}
    )


def test_the_annotation_is_compact_json_without_what_is_empty() -> None:
    assert Applied(labels=("a",)).to_json() == '{"labels":["a"]}'
    assert Applied(annotations=("é",)).to_json() == '{"annotations":["\\u00e9"]}'
    whole = Applied(labels=("b",), annotations=("a",), resources={"agent": ("limits.cpu",)})
    assert whole.to_json() == '{"annotations":["a"],"labels":["b"],"resources":{"agent":["limits.cpu"]}}'


def test_what_an_agent_asks_for_stands_in_its_pod() -> None:
    manifest = an_agent(podTemplate={"metadata": {"labels": {"a": "1"}}}, resources={"limits": {"cpu": 1}})
    assert read_applied(a_pod(of=manifest)) == applied(parse_agent(manifest))


@given(specs)
def test_what_is_written_is_read_again(spec: Json) -> None:
    found = applied(parse_agent(an_agent(**spec)))
    text = found.to_json()
    assert read_applied(remembering(text)) == found
    assert (text is None) == (found == Applied())


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ({"labels": ["a", 5, None, "b"], "strange": 1}, Applied(labels=("a", "b"))),
        ({"labels": "ab", "annotations": {"a": 1}}, Applied()),
        ({"annotations": ["a"], "resources": ["agent"]}, Applied(annotations=("a",))),
        (
            {"resources": {"agent": "limits.cpu", "proxy": ["limits.cpu", 5]}},
            Applied(resources={"agent": (), "proxy": ("limits.cpu",)}),
        ),
        (["labels"], Applied()),
        (None, Applied()),
    ],
)
def test_what_is_malformed_in_it_is_forgotten(said: Any, read: Applied) -> None:
    assert read_applied(remembering(json.dumps(said))) == read


@pytest.mark.parametrize("text", ["", "{", "nonsense", '{"labels":["a"]', "[" * 200_000, None, 5, ["a"], "\ud800"])
def test_an_annotation_that_is_no_json_remembers_nothing(text: Any) -> None:
    assert read_applied(remembering(text)) == Applied()


@pytest.mark.parametrize("pod", [None, 5, {}, {"metadata": None}, {"metadata": {"annotations": []}}, nested(9, list)])
def test_a_pod_without_annotations_remembers_nothing(pod: Any) -> None:
    assert read_applied(pod) == Applied()


@given(any_json)
def test_nothing_makes_the_reading_raise(value: Any) -> None:
    read_applied(value)
    read_applied(remembering(value))

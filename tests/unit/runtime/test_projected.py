"""What is read straight from the text is what `project` makes of the whole."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.builders import a_pod, a_refusal, an_agent
from tests.unit.core.decisions import a_claim, cases
from tests.unit.core.strategies import damaged, pods

from agentctl_core import project
from agentctl_core.host import READ
from agentctl_runtime._projected import Projected, projected, read_event, read_object

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
NOT_READ: dict[str, Any] = {
    "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:status": {}}}],
    "finalizers": ["a"],
}

ODD: st.SearchStrategy[Any] = st.sampled_from([None, True, 0, 1.5, "a", [], {}, [[{}]], [{}, 1]])


def text_of(value: Any) -> bytes:
    """Return JSON as a server may write it; what it cannot hold as something else."""
    return json.dumps(value, allow_nan=False, default=str).encode("utf-8", "replace")


def objects() -> list[dict[str, Any]]:
    config_map = {**a_claim(), "apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}, "spec": {}}
    of_cases: list[Any] = [item for _, agent, there in cases() for item in (agent, *there)]
    found: list[Any] = [an_agent(), a_pod(), a_claim(), config_map, *of_cases]
    return [item | {"metadata": item["metadata"] | NOT_READ} for item in found if item["kind"] in READ]


@pytest.mark.parametrize("whole", objects(), ids=lambda whole: whole["kind"])
def test_each_kind_is_read_as_its_projection(whole: dict[str, Any]) -> None:
    text = text_of(whole)
    expected = project(json.loads(text))
    assert read_object(text) == expected
    event = text_of({"type": "ADDED", "object": whole})
    assert read_event(event, whole["kind"]) == {"type": "ADDED", "object": expected}
    assert read_event(event, "Pod" if whole["kind"] != "Pod" else "Service") is None


def test_every_kind_is_among_them() -> None:
    assert {whole["kind"] for whole in objects()} == READ.keys()


def test_what_kubectl_remembers_of_an_agent_is_left_out() -> None:
    manifest = an_agent()
    manifest["metadata"]["annotations"] = {LAST_APPLIED: "{}", "a": "b"}
    found = read_object(text_of(manifest))
    assert found is not None
    assert found["metadata"]["annotations"] == {"a": "b"}


@given(damaged(pods("demo"), ODD))
def test_whatever_shape_it_has_it_is_read_as_the_whole_or_left_to_who_reads_that(manifest: Any) -> None:
    try:
        text = text_of(manifest)
        whole = msgspec.json.decode(text, type=dict[str, Any])
    except ValueError:
        return
    found = read_object(text)
    assert found == project(whole) if whole.get("kind") == "Pod" else found is None
    # A pod of whatever shape is read, and nothing else is.


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"kind": "Pod", "metadata": ',
        b'{"kind": 1}',
        b"[" * 100_000,
        text_of(a_refusal()),
        text_of({"kind": "Lease"}),
        text_of({"metadata": {}}),
    ],
)
def test_what_is_none_of_them_is_left_to_who_reads_it_whole(text: bytes) -> None:
    assert read_object(text) is None
    assert read_event(b'{"type": "ADDED", "object": ' + text + b"}", "Pod") is None


def test_an_event_of_a_kind_that_no_decision_reads_is_left_to_who_reads_it_whole() -> None:
    assert read_event(text_of({"type": "ADDED", "object": {"kind": "Lease"}}), "Lease") is None


@pytest.mark.parametrize("kind", ["BOOKMARK", "ERROR", "WHATEVER"])
def test_only_changes_are_read(kind: str) -> None:
    assert read_event(text_of({"type": kind, "object": a_pod()}), "Pod") is None


def test_a_projection_is_not_projected_again() -> None:
    once = projected(a_pod() | {"more": 1})
    assert once == project(a_pod())
    assert projected(once) is once
    assert isinstance(read_object(text_of(a_pod())), Projected)

"""Dumps are read as Kubernetes would read them, and what is none is told with its place."""

from __future__ import annotations

import json

import pytest

from agentctl_runtime._dump import BadDump, read_dump

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "team"}}


def test_documents_lists_and_json_are_all_objects() -> None:
    text = """
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Pod, metadata: {name: a}}
- apiVersion: agentctl.dev/v1alpha1
  kind: AgentList
  items: [{apiVersion: agentctl.dev/v1alpha1, kind: Agent, metadata: {name: b, namespace: team}}]
---
---
apiVersion: v1
kind: Pod
metadata: {name: c}
"""
    found = read_dump(text, "x")
    assert [(m["kind"], m["metadata"]["namespace"], m["metadata"]["name"]) for m in found] == [
        ("Pod", "default", "a"),
        ("Agent", "team", "b"),
        ("Pod", "default", "c"),
    ]
    assert read_dump(json.dumps({"kind": "PodList", "apiVersion": "v1", "items": [POD]}), "x") == [POD]
    assert read_dump("{kind: Pod, apiVersion: v1, metadata: {name: p, namespace: team}}", "x") == [POD]
    assert read_dump('{"kind": "List", "items": null}', "x") == []


def test_times_are_texts_and_json_escapes_are_jsons() -> None:
    dated = read_dump("{kind: Pod, apiVersion: v1, metadata: {name: p, creationTimestamp: 2026-01-01T00:00:00Z}}", "x")
    assert dated[0]["metadata"]["creationTimestamp"] == "2026-01-01T00:00:00Z"
    escaped = {**POD, "spec": {"a": "\U0001f600\t"}}
    assert read_dump(json.dumps(escaped), "x") == [escaped]


def _laughs() -> str:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds nothing"),
        ("---\n---\n", "holds nothing"),
        ("a: [", "line 2, column 1: a value is missing"),
        ('{"a": [', "line 2, column 1: a value is missing"),
        ("\x00", "the control character U+0000"),
        ("hello", "document 1: must be an object"),
        ("[1]", "document 1: must be an object"),
        ("kind: Pod", "document 1: has no apiVersion or no kind"),
        ("{apiVersion: v1, kind: Pod}", "document 1: has no metadata"),
        ("{apiVersion: v1, kind: Pod, metadata: {}}", "document 1.metadata.name: must be a text"),
        ("{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: 5}}", "metadata.namespace: must be a text"),
        ("{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {a: 1}}}", "metadata.labels: must be texts"),
        ("{apiVersion: v1, kind: Pod, metadata: {name: a, labels: [a]}}", "metadata.labels: must be texts"),
        ("{apiVersion: v1, kind: Pod, metadata: {name: a, ownerReferences: [a]}}", "metadata.ownerReferences: must be"),
        ("{apiVersion: v1, kind: List, items: 5}", "document 1.items: must be a list"),
        ("{apiVersion: v1, kind: List, items: [{kind: Pod}]}", "document 1.items[0]: has no apiVersion"),
        ("{~: 2}", "the name None of a field is no text"),
        ("{a: .nan}", "nan is nothing that JSON has"),
        ("{a: !!binary aGk=}", "is nothing that JSON has"),
        ("[" * 90 + "1" + "]" * 90, "document 1: must be an object"),
        ("[" * 150 + "]" * 150, "nested more than 100 levels"),
        ("[" * 200_000, "nested too deep"),
        ("- " * 200_000 + "1", "nested more than 100 levels"),
        (_laughs(), "more than 5000000 values"),
    ],
    ids=lambda value: value[:40],
)
def test_what_is_no_dump_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(BadDump) as caught:
        read_dump(text, "the-file")
    assert str(caught.value).startswith("the-file: ")
    assert told in str(caught.value)


def test_odd_numbers_are_left_to_the_core() -> None:
    assert read_dump(json.dumps({**POD, "spec": {"a": 1 << 70}}), "x")

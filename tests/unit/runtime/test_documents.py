"""YAML and JSON are read as kubectl reads them, and everything in them has its place."""

from __future__ import annotations

from typing import Any

import pytest

from agentctl_runtime._documents import Document, Flaw, read_documents
from agentctl_runtime._yaml_errors import Place


def values(text: str) -> list[Any]:
    found = list(read_documents(text))
    assert all(isinstance(document, Document) for document in found), found
    return [document.value for document in found if isinstance(document, Document)]


def flaw(text: str) -> str:
    (found,) = (document for document in read_documents(text) if isinstance(document, Flaw))
    return str(found)


WORDS: list[tuple[str, Any]] = [
    ("yes", True),
    ("No", False),
    ("on", True),
    ("n", False),
    ("~", None),
    ("", None),
    ("null", None),
    ("7", 7),
    ("-1_000", -1000),
    ("0755", 493),
    ("0o755", 493),
    ("0x1F", 31),
    ("089", 89.0),
    ("1e3", 1000.0),
    ("0o", "0o"),
    ("0", 0),
    ("1.50", 1.5),
    (".5", 0.5),
    ("12:30", "12:30"),
    ("1.2.3", "1.2.3"),
    ("2026-01-01", "2026-01-01"),
    ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
    ("=", "="),
    ("yEs", "yEs"),
    ("'7'", "7"),
]
"""How kubectl reads a word; tests/e2e/test_mistakes.py asks it."""


@pytest.mark.parametrize(("word", "value"), WORDS)
def test_a_word_is_what_kubectl_takes_it_for(word: str, value: Any) -> None:
    (found,) = values(f"a: {word}\n")
    assert found == {"a": value}
    assert type(found["a"]) is type(value)


def test_names_are_texts() -> None:
    assert values("{1: a, yes: b, 1.5: c}") == [{"1": "a", "true": "b", "1.5": "c"}]


def test_aliases_and_merges_are_put_in() -> None:
    text = "a: &a {x: 1, z: 2}\nb:\n  <<: *a\n  z: 3\nc: *a\n"
    (found,) = read_documents(text)
    assert isinstance(found, Document)
    assert found.value == {"a": {"x": 1, "z": 2}, "b": {"x": 1, "z": 3}, "c": {"x": 1, "z": 2}}
    assert found.flaws == ()


def test_documents_are_read_one_by_one() -> None:
    text = "\ufeff# one\n---\na: 1\n---\n\n--- # nothing\n---\nb: {\n---\nc: 1\n...\n---\n"
    first, second, third = read_documents(text)
    assert isinstance(first, Document)
    assert isinstance(second, Flaw)
    assert isinstance(third, Document)
    assert (first.value, third.value) == ({"a": 1}, {"c": 1})
    assert (first.place("a"), second.place, third.place("c")) == (Place(3, 1), Place(9, 1), Place(10, 1))


def test_json_is_read_as_json_one_document_after_another() -> None:
    text = '{"a": "\\ud83d\\ude00", "b": 1e2}\n  {"c": [1]} '
    first, second = read_documents(text)
    assert isinstance(first, Document)
    assert isinstance(second, Document)
    assert (first.value, second.value) == ({"a": "\U0001f600", "b": 100.0}, {"c": [1]})
    assert (first.place("b"), second.place("c[0]")) == (Place(1, 23), Place(2, 10))


TREE = """
spec:
  env:
  - name: A
    value: b
  podTemplate:
    metadata:
      labels: {a/b: c, a: d, a.b: e}
"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("", Place(2, 1)),
        ("spec", Place(2, 1)),
        ("spec.env[0]", Place(4, 5)),
        ("spec.env[0].value", Place(5, 5)),
        ("spec.env[0].valueFrom", Place(4, 5)),
        ("spec.env[7].name", Place(3, 3)),
        ("spec.image", Place(2, 1)),
        ("metadata.name", Place(2, 1)),
        ("spec.podTemplate.metadata.labels[a/b]", Place(8, 16)),
        ("spec.podTemplate.metadata.labels[a]", Place(8, 24)),
        ("spec.podTemplate.metadata.labels[a.b]", Place(8, 30)),
        ("spec.podTemplate.metadata.labels[b]", Place(8, 7)),
    ],
)
def test_a_path_leads_to_its_field_or_to_the_parent_of_what_is_missing(path: str, place: Place) -> None:
    (found,) = read_documents(TREE)
    assert isinstance(found, Document)
    assert found.place(path) == place


def test_what_stands_twice_is_told_with_both_lines() -> None:
    (found,) = read_documents("spec:\n  - a: 1\n    b: 2\n    a: 3\n")
    assert isinstance(found, Document)
    (double,) = found.flaws
    assert (double.path, double.place) == ("spec[0].a", Place(4, 5))
    assert double.message == "stands here for the second time (first in line 2); leave one out"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: {~: 1}", "line 1, column 1: the name None of a field is no text"),
        ("a: !foo b", "line 1, column 4: a value that begins with '!' is a tag in YAML; put it in quotes"),
        ("a: &x 1\nb: &x 2", "line 2, column 4: an anchor of this name is there already"),
        ("a: *b", "line 1, column 4: an alias without its anchor"),
        ("a: & b", "line 1, column 5: a value that begins with '&' is an anchor"),
        ("a: |x\n  b", "line 1, column 5: the text after '|' or '>' must begin on the next line"),
        ("a: ? b", "line 1, column 4: a value cannot begin with '?'"),
        ("a:\n  <<: 5", "line 2, column 7: '<<' takes an alias of an object"),
        ('a: "\\ud83d"', "line 1, column 7: an escape that is no character"),
        ("b: [x]\na:1\nc: 2", "line 2, column 1: no field; write name: value"),
        ("a:1\nb: 2", "line 2, column 2: the line before has no space after its ':'"),
        ("a: b\n  c: d", "line 2, column 4: a field where none can be"),
        ("? [a]\n: b", "line 1, column 3: the name of a field cannot be an object or a list"),
        ("{{ if .x }}\na: 1", "line 1, column 2: a template, which is no YAML"),
        ("x: 1\ny: .inf", "line 1, column 1: inf is nothing that JSON has"),
        ("a: 1\n--- {b: 2}\n", "line 2, column 1: a text after '---', which kubectl does not take"),
        ("&a [*a]", "line 1, column 1: nested more than 100 levels deep"),
        ('{"a": 1,,}', "line 1, column 9: "),
        ("a: 1\n\n\t\nb: 2", "line 3, column 1: a tab"),
    ],
)
def test_what_is_no_yaml_is_told_in_the_words_of_whoever_writes_one(text: str, told: str) -> None:
    assert told in flaw(text)


def test_a_line_that_a_message_names_is_one_of_the_file() -> None:
    assert "close the '[' of line 4" in flaw("x: 1\n---\n# two\na: [1\nb: 2\n")

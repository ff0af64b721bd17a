"""What problems say: what is wrong, and what to write."""

from __future__ import annotations

from typing import Any

import pytest

from agentctl_core import _wording as wording

STRING = {"type": "string"}
INTEGER = {"type": "integer"}
OBJECT = {"type": "object", "properties": {"b": STRING, "a": STRING}}
MAP = {"type": "object", "additionalProperties": STRING}
MANY = {"type": "object", "properties": {f"f{number}": STRING for number in range(17)}}
LIST = {"type": "array", "items": STRING}
BOOLEAN = {"type": "boolean"}
PORT = {"x-kubernetes-int-or-string": True}
IN_QUOTES = "; write it in quotes"
UNQUOTED = "; write it without quotes"
AS_LIST = "; write [a, b], or each item on its own line after '- '"


@pytest.mark.parametrize(
    ("schema", "value", "told"),
    [
        (STRING, 5, "must be a string, not a number" + IN_QUOTES),
        (STRING, 0.5, "must be a string, not a number" + IN_QUOTES),
        (STRING, False, "must be a string, not a boolean" + IN_QUOTES),
        (STRING, None, "must be a string, not null; write it, or '' for an empty one"),
        (STRING, [], "must be a string, not a list"),
        (STRING, {}, "must be a string, not an object"),
        (INTEGER, "80", "must be an integer, not a string" + UNQUOTED),
        (INTEGER, "8" * 20, "must be an integer, not a string" + UNQUOTED),
        (INTEGER, "8" * 21, "must be an integer, not a string"),
        (INTEGER, "", "must be an integer, not a string"),
        (INTEGER, "8o", "must be an integer, not a string"),
        (INTEGER, 1.5, "must be an integer, not a number; write it without a fraction"),
        (INTEGER, True, "must be an integer, not a boolean"),
        (BOOLEAN, "true", "must be true or false, not a string" + UNQUOTED),
        (BOOLEAN, "false", "must be true or false, not a string" + UNQUOTED),
        (BOOLEAN, "yes", "must be true or false, not a string"),
        (BOOLEAN, 1, "must be true or false, not a number"),
        (PORT, 0.5, "must be an integer or a string, not a number" + IN_QUOTES),
        (PORT, True, "must be an integer or a string, not a boolean"),
        (LIST, "a b", "must be a list, not a string" + AS_LIST),
        (LIST, 5, "must be a list, not a number" + AS_LIST),
        (LIST, 0.5, "must be a list, not a number" + AS_LIST),
        (LIST, {}, "must be a list, not an object; begin each item with '- '"),
        (LIST, None, "must be a list, not null"),
        (OBJECT, [], "must be an object, not a list; leave out the '- '"),
        (OBJECT, (), "must be an object, not a list; leave out the '- '"),
        (OBJECT, "x", "must be an object, not a string; its fields are a, b"),
        (OBJECT, 0.5, "must be an object, not a number; its fields are a, b"),
        (OBJECT, None, "must be an object, not null"),
        (MAP, 5, "must be an object, not a number; write name: value"),
        (MANY, "x", "must be an object, not a string"),
        (STRING, b"x", "must be a string, not a Python bytes, which JSON does not have"),
    ],
)
def test_a_value_of_the_wrong_type_is_told_with_what_to_write(schema: dict[str, Any], value: Any, told: str) -> None:
    assert wording.expected(schema, value) == told


def test_up_to_sixteen_fields_are_told() -> None:
    few = {"type": "object", "properties": {f"f{number:02}": STRING for number in range(16)}}
    fields = ", ".join(sorted(few["properties"]))
    assert wording.expected(few, "x").endswith(f"; its fields are {fields}")
    assert wording.unknown("x", sorted(few["properties"]), {}) == f"unknown field; the fields here are {fields}"
    assert wording.unknown("x", [*few["properties"], "f16"], {}) == "unknown field"


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        (STRING, "is required; write a string"),
        ({"type": "string", "enum": ["a", ""]}, 'is required; write one of a, ""'),
        (INTEGER, "is required; write an integer"),
        (BOOLEAN, "is required; write true or false"),
        (LIST, "is required; write a list"),
        (MAP, "is required; write an object"),
        (PORT, "is required; write an integer or a string"),
    ],
)
def test_a_field_that_is_missing_is_told_with_its_type(schema: dict[str, Any], told: str) -> None:
    assert wording.required(schema) == told


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("comand", "unknown field; did you mean command?"),
        ("COMMAND", "unknown field; did you mean command?"),
        ("port", "unknown field; write it elsewhere"),
        ("zzz", "unknown field; the fields here are command, comments"),
        (5, "unknown field; the fields here are command, comments"),
        ("comments" * 9, "unknown field; the fields here are command, comments"),
    ],
)
def test_an_unknown_field_is_told_with_what_was_meant(key: object, told: str) -> None:
    assert wording.unknown(key, ["command", "comments"], {"port": "write it elsewhere"}) == told


def test_a_very_long_name_is_compared_by_its_beginning() -> None:
    name = "a" * 40
    assert wording.unknown(name + "b" * 80, [name], {}) == f"unknown field; did you mean {name}?"


def test_a_choice_is_told_with_what_was_meant() -> None:
    assert wording.no_choice("always", ["Always", ""]) == '"always" is not one of Always, ""; did you mean Always?'
    assert wording.no_choice("zzz", ["Always", "Never"]) == '"zzz" is not one of Always, Never'


@pytest.mark.parametrize(
    ("schema", "value", "told"),
    [
        (INTEGER, -3, "must be at least 1"),
        (INTEGER, 12, "must be at most 9"),
        (INTEGER | {"minimum": 1}, 0, "must be at least 1"),
        (INTEGER | {"minimum": 1}, 12, "must be at most 9"),
        (INTEGER | {"minimum": 1, "maximum": 9}, 12, "must be between 1 and 9"),
        (INTEGER | {"x-hint": "must be few"}, 12, "must be few"),
        (PORT | {"minimum": 1, "maximum": 9, "x-hint": "is no name"}, 12, "must be between 1 and 9"),
    ],
)
def test_an_integer_that_is_outside_is_told_with_the_bounds_that_the_schema_has(
    schema: dict[str, Any], value: int, told: str
) -> None:
    assert wording.outside(schema, value, 1, 9) == told


def test_too_few_and_too_many_fields_are_told_with_those_that_there_are() -> None:
    three = {"minProperties": 1, "properties": {"c": STRING, "a": STRING, "b": STRING}}
    assert wording.too_few(three, {}) == "has 0 fields; at least 1 must be there: a, b or c"
    assert wording.too_few({"minProperties": 1, "properties": {"a": STRING}}, {}).endswith("must be there: a")
    value = {"c": 1, "a": 1, "name": 1}
    assert wording.too_many(value, ["name"], 2) == "has 3 fields; at most 2 may be there: leave out a or c"


def test_what_is_shown_is_short_and_can_be_printed() -> None:
    assert wording.quoted("a\nb" + "c" * 90) == f'"a\\nb{"c" * 77}..."'
    assert wording.quoted("c" * 80) == f'"{"c" * 80}"'
    assert wording.quoted(5) == "5"
    assert wording.printable("é\x1b") == "é\\x1b"
    assert wording.kind(None) == "null"

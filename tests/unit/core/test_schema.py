"""The walker does to a value what the API server does to a custom resource, and tells every problem at once."""

from __future__ import annotations

import json
from collections import OrderedDict
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl_core import AgentSpec, Problem
from agentctl_core._agent import schema_of
from agentctl_core._core_v1 import CORE_V1
from agentctl_core._schema import Rule, compile_schema

from .builders import nested
from .strategies import all_specs, any_json, damaged, reordered, specs

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
BOOLEAN: Schema = {"type": "boolean"}
INT_OR_STRING: Schema = {"x-kubernetes-int-or-string": True, "pattern": "^[0-9]+m?$", "x-hint": "is no amount"}
STRING_MAP: Schema = {"type": "object", "additionalProperties": STRING}
STRINGS: Schema = {"type": "array", "items": STRING}
POINT: Schema = {
    "type": "object",
    "required": ["x"],
    "properties": {"x": INTEGER, "label": STRING, "unit": {"type": "string", "default": "m"}},
}
PORTS: Schema = {
    "type": "array",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["port", "protocol"],
    "items": {
        "type": "object",
        "required": ["port"],
        "properties": {"port": INTEGER, "protocol": {"type": "string", "default": "TCP"}},
    },
}
HUGE = 10**5000
LARGE_TEXT = "a" * 4_000_000

check_spec = compile_schema(schema_of(AgentSpec), CORE_V1)


def walk(schema: Schema, value: object) -> tuple[Any, list[str]]:
    problems: list[Problem] = []
    out = compile_schema(schema)(value, (None, "spec"), problems)
    return out, [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("schema", "value", "stored"),
    [
        (STRING, "", ""),
        (STRING, "é", "é"),
        pytest.param(STRING, LARGE_TEXT, LARGE_TEXT, id="large-text"),
        (INTEGER, 2**63 - 1, 2**63 - 1),
        (INTEGER, 1.0, 1),
        (BOOLEAN, False, False),
        (INT_OR_STRING, 5, 5),
        (INT_OR_STRING, 5.0, 5),
        (INT_OR_STRING, "500m", "500m"),
        (STRINGS, ("a", "b"), ["a", "b"]),
        (STRING_MAP, MappingProxyType({"a": "b"}), {"a": "b"}),
        (STRING_MAP, OrderedDict(a="b"), {"a": "b"}),
        (POINT, {"x": 1}, {"x": 1, "unit": "m"}),
        (POINT, {"x": 1, "unit": "km"}, {"x": 1, "unit": "km"}),
    ],
)
def test_a_valid_value_is_stored_as_the_api_server_would_store_it(
    schema: Schema, value: object, stored: object
) -> None:
    out, problems = walk(schema, value)
    assert problems == []
    assert out == stored
    assert type(out) is type(stored)


def test_nulls_of_fields_and_entries_are_dropped() -> None:
    assert walk(POINT, {"x": 1, "label": None, "unit": None}) == ({"x": 1, "unit": "m"}, [])
    assert walk(STRING_MAP, {"a": None, "b": "c"}) == ({"b": "c"}, [])


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        (STRING, None, "must be a string, not null; write it, or '' for an empty one"),
        (STRING, 5, "must be a string, not a number; write it in quotes"),
        (STRING, True, "must be a string, not a boolean; write it in quotes"),
        (STRING, b"x", "must be a string, not a Python bytes, which JSON does not have"),
        (STRING, "\ud800", "has a lone surrogate; it must be valid Unicode"),
        (STRING | {"minLength": 1}, "", "must not be empty"),
        (STRING | {"minLength": 2}, "a", "needs 2 characters or more"),
        (STRING | {"maxLength": 2}, "abc", "has 3 characters; at most 2 are allowed"),
        pytest.param(
            STRING | {"maxLength": 9}, LARGE_TEXT, "has 4000000 characters; at most 9 are allowed", id="large-text"
        ),
        (STRING | {"enum": ["a", "b"]}, "c", '"c" is not one of a, b'),
        pytest.param(STRING | {"enum": ["a"]}, LARGE_TEXT, f'"{"a" * 80}..." is not one of a', id="large-choice"),
        (STRING | {"pattern": "^a$"}, "b", '"b" does not match ^a$'),
        (STRING | {"pattern": "^a$"}, "a\n", r'"a\n" does not match ^a$'),
        (STRING | {"pattern": r"^\d$"}, "٣", r'"٣" does not match ^\d$'),
        (INTEGER, "1", "must be an integer, not a string; write it without quotes"),
        (INTEGER, "one", "must be an integer, not a string"),
        (INTEGER, True, "must be an integer, not a boolean"),
        (INTEGER, 1.5, "must be an integer, not a number; write it without a fraction"),
        (INTEGER, float("nan"), "must be an integer, not a number; write it without a fraction"),
        (INTEGER, float("inf"), "must be an integer, not a number; write it without a fraction"),
        pytest.param(INTEGER, HUGE, f"must be at most {2**63 - 1}", id="huge-integer"),
        (INTEGER, 1e300, "must be an integer, not a number; write it without a fraction"),
        (INTEGER, 2.0**53, "must be an integer, not a number; write it without a fraction"),
        (INTEGER | {"x-literal": True}, 1.0, "must be an integer, not a number; write it without a fraction"),
        (INT_OR_STRING | {"maximum": 9}, 10, "must be at most 9"),
        (STRING_MAP | {"required": ["a"]}, {"a": None}, "[a]: is required; write a string"),
        (STRINGS | {"x-kubernetes-list-type": "set"}, ["a", "b", "a"], '[2]: duplicate of "a"; leave one out'),
        (POINT | {"maxProperties": 1}, {"x": 1}, "has 2 fields; at most 1 may be there: leave out unit"),
        (POINT | {"minProperties": 3}, {"x": 1}, "has 2 fields; at least 3 must be there: label, unit or x"),
        (POINT, {"x": 1, "lable": ""}, ".lable: unknown field; did you mean label?"),
        (INTEGER | {"format": "int32"}, 2**31, f"must be at most {2**31 - 1}"),
        (INTEGER | {"format": "int32"}, -(2**31) - 1, f"must be at least {-(2**31)}"),
        (INTEGER | {"minimum": 0, "maximum": 1}, -1, "must be between 0 and 1"),
        (BOOLEAN, 1, "must be true or false, not a number"),
        (BOOLEAN, "true", "must be true or false, not a string; write it without quotes"),
        (BOOLEAN, "yes", "must be true or false, not a string"),
        (INT_OR_STRING, 0.5, "must be an integer or a string, not a number; write it in quotes"),
        (INT_OR_STRING, float("nan"), "must be an integer or a string, not a number; write it in quotes"),
        (INT_OR_STRING, True, "must be an integer or a string, not a boolean"),
        pytest.param(INT_OR_STRING, HUGE, f"must be at most {2**63 - 1}", id="huge-int-or-string"),
        (INT_OR_STRING, "5\n", r'"5\n" is no amount'),
        (STRINGS, "abc", "must be a list, not a string; write [a, b], or each item on its own line after '- '"),
        (STRINGS, {"a": 1}, "must be a list, not an object; begin each item with '- '"),
        (STRINGS | {"maxItems": 1}, ["a", "b"], "has 2 items; at most 1 are allowed"),
        (STRINGS | {"minItems": 1}, [], "has 0 items; at least 1 are needed"),
        (STRING_MAP, [], "must be an object, not a list; leave out the '- '"),
        (STRING_MAP, "a", "must be an object, not a string; write name: value"),
        (STRING_MAP | {"maxProperties": 1}, {"a": "", "b": ""}, "has 2 entries; at most 1 are allowed"),
        (POINT, "x", "must be an object, not a string; its fields are label, unit, x"),
    ],
)
def test_a_wrong_value_is_told_with_what_it_should_be(schema: Schema, value: object, problem: str) -> None:
    assert walk(schema, value)[1] == [f"spec{problem}" if problem[0] in ".[" else f"spec: {problem}"]


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        (POINT, {}, "spec.x: is required; write an integer"),
        (POINT, {"x": None}, "spec.x: is required; write an integer"),
        (POINT, {"x": "1"}, "spec.x: must be an integer, not a string; write it without quotes"),
        (POINT, {"x": 1, "y": None}, "spec.y: unknown field; the fields here are label, unit, x"),
        (POINT, {"x": 1, "y" * 100: 1}, f"spec.{'y' * 80}...: unknown field; the fields here are label, unit, x"),
        (POINT, {"x": 1, 5: 1}, "spec[a number as key]: unknown field; the fields here are label, unit, x"),
        (POINT, {"x": 1, "\ud800": 1}, r"spec.\ud800: unknown field; the fields here are label, unit, x"),
        (STRINGS, ["a", None, "b"], "spec[1]: must be a string, not null; write it, or '' for an empty one"),
        (STRING_MAP, {"a/b": 1}, "spec[a/b]: must be a string, not a number; write it in quotes"),
        (STRING_MAP, {"a\nb": 1}, r"spec[a\nb]: must be a string, not a number; write it in quotes"),
        (STRING_MAP, {"\ud800": "a"}, r"spec[\ud800]: is no valid key; keys are Unicode strings"),
        (STRING_MAP, {None: "a"}, "spec[null as key]: is no valid key; keys are Unicode strings"),
        (
            PORTS,
            [{"port": 1}, {"port": 1, "protocol": "TCP"}],
            'duplicate of item [0]: same port 1, protocol "TCP"; leave one out',
        ),
    ],
)
def test_a_problem_has_the_path_of_its_field(schema: Schema, value: object, problem: str) -> None:
    (told,) = walk(schema, value)[1]
    assert told == (problem if problem.startswith("spec") else f"spec[1]: {problem}")


def test_a_required_field_with_a_default_is_never_missing() -> None:
    schema = {"type": "object", "required": ["a"], "properties": {"a": INTEGER | {"default": 1}}}
    assert walk(schema, {}) == ({"a": 1}, [])


def test_problems_have_an_order_of_their_own() -> None:
    value = {"y": {"b" * 100 + end: 0 for end in "ab"} | {5: 0, "a": 0}, "unknown": 0, None: 0, "other": 0, "x": "1"}
    schema = {"type": "object", "properties": {"x": INTEGER, "y": STRING_MAP}}
    problems = walk(schema, value)[1]
    assert [problem.partition(":")[0].replace("b" * 80, "bb") for problem in problems] == [
        "spec.x",
        "spec.y[a number as key]",
        "spec.y[a]",
        "spec.y[bb...]",
        "spec.y[bb...]",
        "spec.other",
        "spec.unknown",
        "spec[null as key]",
    ]
    assert walk(schema, reordered(value))[1] == problems


def test_items_that_differ_in_one_key_are_no_duplicates() -> None:
    assert walk(PORTS, [{"port": 1}, {"port": 1, "protocol": "UDP"}, {"port": 2}])[1] == []


def test_an_item_with_a_wrong_key_is_told_once() -> None:
    assert walk(PORTS, [{"port": "1"}, {"port": "1"}, 7])[1] == [
        "spec[0].port: must be an integer, not a string; write it without quotes",
        "spec[1].port: must be an integer, not a string; write it without quotes",
        "spec[2]: must be an object, not a number; its fields are port, protocol",
    ]


def test_every_problem_is_told_at_once() -> None:
    schema = {"type": "object", "required": ["z"], "properties": {"a": STRINGS, "p": POINT, "z": STRING}}
    value = {"a": ["", 1, 2], "p": {"x": True, "nope": {}}, "q": 0}
    assert walk(schema, value)[1] == [
        "spec.a[1]: must be a string, not a number; write it in quotes",
        "spec.a[2]: must be a string, not a number; write it in quotes",
        "spec.p.x: must be an integer, not a boolean",
        "spec.p.nope: unknown field; the fields here are label, unit, x",
        "spec.z: is required; write a string",
        "spec.q: unknown field; the fields here are a, p, z",
    ]


@pytest.mark.parametrize("kind", [list, dict])
@pytest.mark.parametrize("field", ["image", "command", "env", "resources", "podTemplate", "nope"])
def test_nesting_without_end_is_a_problem_like_others(kind: Any, field: str) -> None:
    problems: list[Problem] = []
    check_spec({"image": "a", field: nested(100_000, kind)}, (None, "spec"), problems)
    assert problems
    assert all(len(str(problem)) < 500 for problem in problems)


def test_a_definition_is_followed() -> None:
    check = compile_schema({"type": "array", "items": {"$ref": "Point"}}, {"Point": POINT})
    problems: list[Problem] = []
    check([{"x": 1}, {}], (None, "spec"), problems)
    assert problems == [Problem("spec[1].x", "is required; write an integer")]


@pytest.mark.parametrize("default", [{"a": [1]}, [{}]])
def test_who_gets_a_default_may_change_it(default: Any) -> None:
    check = compile_schema({"type": "object", "properties": {"a": STRING_MAP | {"default": default}}})
    got = check({}, (None, "spec"), [])
    assert got == {"a": default}
    got["a"].clear()
    assert check({}, (None, "spec"), []) == {"a": default} != got


def test_a_type_without_a_check_is_refused() -> None:
    with pytest.raises(ValueError, match="no check for the schema type 'number'"):
        compile_schema({"type": "number"})


@given(any_json | damaged(specs, any_json))
def test_what_is_accepted_is_plain_json_and_is_accepted_again_as_it_is(value: Any) -> None:
    problems: list[Problem] = []
    out = check_spec(value, (None, "spec"), problems)
    if problems:
        assert all(str(problem).isprintable() for problem in problems)
        return
    json.dumps(out, allow_nan=False, ensure_ascii=False).encode()
    assert check_spec(out, (None, "spec"), problems) == out
    assert problems == []


BOUNDED: Schema = POINT | {
    "x-rules": (
        Rule(cel="self.x > 0", holds=lambda v: v["x"] > 0, field=".x", message="must be positive"),
        Rule(cel="self.unit != 'mm'", holds=lambda v: v["unit"] != "mm", field="", message="mm is too small"),
    )
}


def test_every_broken_rule_is_told_at_its_field() -> None:
    assert walk(BOUNDED, {"x": 0, "unit": "mm"})[1] == ["spec.x: must be positive", "spec: mm is too small"]
    assert walk(BOUNDED, {"x": 1}) == ({"x": 1, "unit": "m"}, [])


def test_a_rule_waits_for_an_object_that_is_right_in_itself() -> None:
    assert walk(BOUNDED, {"x": 0, "label": 5})[1] == ["spec.label: must be a string, not a number; write it in quotes"]
    assert walk(BOUNDED, {})[1] == ["spec.x: is required; write an integer"]


def test_where_there_are_many_fields_they_are_not_told() -> None:
    schema = {"type": "object", "properties": {f"field{index}": STRING for index in range(17)}}
    assert walk(schema, {"q": 1})[1] == ["spec.q: unknown field"]
    few = {"type": "object", "properties": {f"field{index}": STRING for index in range(16)}}
    fields = ", ".join(sorted(few["properties"]))
    assert walk(few, {"q": 1})[1] == [f"spec.q: unknown field; the fields here are {fields}"]


def test_keys_that_have_no_order_are_told_too() -> None:
    told = "spec[a Python complex, which JSON does not have as key]: unknown field; the fields here are label, unit, x"
    assert walk(POINT, {"x": 1, 1j: 1, 2j: 1})[1] == [told, told]


@given(specs | all_specs)
def test_a_valid_spec_has_no_problems(spec: Any) -> None:
    problems: list[Problem] = []
    check_spec(spec, (None, "spec"), problems)
    assert problems == []


@given(st.lists(st.sampled_from(["image", "command", "replicas", "nope", "env"]), unique=True))
def test_each_wrong_field_is_told_exactly_once(fields: list[str]) -> None:
    problems: list[Problem] = []
    check_spec({"image": "a"} | dict.fromkeys(fields, False), (None, "spec"), problems)
    assert sorted(problem.path for problem in problems) == sorted(f"spec.{field}" for field in fields)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("y" * 80, f'"{"y" * 80}"'),
        ("y" * 81, f'"{"y" * 80}..."'),
        ("a\\b", '"a\\b"'),
        ("a\\b\x00", '"a\\b\\x00"'),
        ("it's\n", '"it\'s\\n"'),
    ],
)
def test_a_value_is_quoted_up_to_80_characters_and_escaped_only_where_it_must_be(value: str, told: str) -> None:
    assert walk({"type": "string", "enum": ["a"]}, value)[1] == [f"spec: {told} is not one of a"]


def test_keys_that_are_no_texts_are_told_in_the_order_of_their_kinds() -> None:
    told = [problem.partition(" as key")[0] for problem in walk(STRING_MAP, {"a": 1, None: "", 5: "", True: ""})[1]]
    assert told == [
        "spec[a boolean",
        "spec[a number",
        "spec[null",
        "spec[a]: must be a string, not a number; write it in quotes",
    ]


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        (STRING_MAP | {"maxProperties": 1}, {"a": ""}, None),
        (STRINGS | {"maxItems": 1}, ["a"], None),
        (INT_OR_STRING, -(2**63), None),
        (INT_OR_STRING, 2**63 - 1, None),
        (INT_OR_STRING, 2**63, f"spec: must be at most {2**63 - 1}"),
        (INT_OR_STRING | {"minimum": 1, "maximum": 2}, 1, None),
        (INT_OR_STRING | {"minimum": 1, "maximum": 2}, 2, None),
        (INT_OR_STRING | {"minimum": 1, "maximum": 2}, 0, "spec: must be between 1 and 2"),
        (INT_OR_STRING | {"minimum": 1, "maximum": 2}, 3, "spec: must be between 1 and 2"),
    ],
)
def test_a_bound_may_be_met(schema: Schema, value: Any, problem: str | None) -> None:
    assert walk(schema, value)[1] == ([] if problem is None else [problem])


def test_duplicates_are_told_behind_items_that_are_wrong() -> None:
    duplicate = 'spec[3]: duplicate of item [2]: same port 1, protocol "TCP"; leave one out'
    wrong = [
        "spec[0]: must be an object, not a number; its fields are port, protocol",
        "spec[1].port: is required; write an integer",
    ]
    assert walk(PORTS, [5, {}, {"port": 1}, {"port": 1}])[1] == [*wrong, duplicate]


def test_an_object_may_be_any_mapping() -> None:
    assert walk(POINT, MappingProxyType({"x": 1})) == ({"x": 1, "unit": "m"}, [])


def test_problems_are_told_in_the_order_of_the_schema() -> None:
    schema = {
        "type": "object",
        "required": ["n", "m"],
        "properties": {"z": STRING, "n": STRING, "m": STRING, "a": STRING},
    }
    told = [problem.partition(":")[0] for problem in walk(schema, {"a": 1, "z": 1})[1]]
    assert told == ["spec.z", "spec.n", "spec.m", "spec.a"]


def test_a_text_may_be_as_long_as_its_bound() -> None:
    bounded = STRING | {"maxLength": 2}
    assert walk(bounded, "ab")[1] == []
    assert walk(bounded, "abc")[1] == ["spec: has 3 characters; at most 2 are allowed"]

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl_core._merge import merge_diff, merge_patch

# Without -0.0, which is equal to 0.0 and printed otherwise.
FLOATS = st.floats(allow_nan=False, width=16).map(lambda number: number + 0.0)
SCALARS = st.booleans() | st.integers(-3, 3) | FLOATS | st.text("ab", max_size=2)
KEYS = st.sampled_from(["a", "b", "c"])
# Without nulls in objects: a merge patch cannot write them.
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner | st.none(), max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=3)
PATCHES = st.dictionaries(KEYS, st.none() | VALUES, max_size=3)


def same(left: Any, right: Any) -> bool:
    """Equality of JSON: 1, 1.0 and true are three values."""
    return bool(left == right) and repr(left_sorted(left)) == repr(left_sorted(right))


def left_sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return [(key, left_sorted(value[key])) for key in sorted(value)]
    if isinstance(value, list):
        return [left_sorted(item) for item in value]
    return value


def test_a_patch_of_a_part_leaves_the_rest_of_it() -> None:
    assert merge_patch({"a": {"b": 1, "c": {"d": 2}}}, {"a": {"c": {"e": 3}}}) == {"a": {"b": 1, "c": {"d": 2, "e": 3}}}


def test_a_field_that_is_the_same_hides_no_other() -> None:
    assert merge_diff({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": None, "c": 4}) == {"b": None, "c": 4}


@given(OBJECTS, OBJECTS)
def test_applying_the_difference_gives_what_is_desired(current: dict[str, Any], desired: dict[str, Any]) -> None:
    assert same(merge_patch(current, merge_diff(current, desired)), desired)


@given(OBJECTS)
def test_there_is_no_difference_to_itself(value: dict[str, Any]) -> None:
    assert merge_diff(value, value) == {}


@given(OBJECTS, OBJECTS)
def test_only_what_differs_is_in_the_difference(current: dict[str, Any], desired: dict[str, Any]) -> None:
    patch = merge_diff(current, desired)
    assert all(not same(current.get(key), desired.get(key)) or (key in current) != (key in desired) for key in patch)


@given(OBJECTS, PATCHES)
def test_applying_a_patch_twice_is_applying_it_once(target: dict[str, Any], patch: dict[str, Any]) -> None:
    once = merge_patch(target, patch)
    assert same(merge_patch(once, patch), once)


@given(OBJECTS, PATCHES)
def test_the_arguments_are_left_as_they_are(target: dict[str, Any], patch: dict[str, Any]) -> None:
    before = repr((target, patch))
    merged = merge_patch(target, patch)
    for value in list(merged.values()):
        if isinstance(value, dict | list):
            value.clear()
    assert repr((target, patch)) == before


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    # The test cases in appendix A of RFC 7386.
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_the_rfc(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch(target, patch) == result


def test_nothing_there_is_an_empty_object() -> None:
    assert merge_diff(None, {"a": {"b": 1}}) == {"a": {"b": 1}}


def test_what_goes_is_an_explicit_null() -> None:
    assert merge_diff({"a": 1, "b": {"c": 1, "d": 2}}, {"b": {"d": 2}}) == {"a": None, "b": {"c": None}}

"""Values that nobody has checked: what is not of the expected shape is absent."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given

from agentctl_core._json import copy_json, dig, dig_list, digest, reach, same_json

from .builders import nested
from .strategies import any_json, reordered, specs


@pytest.mark.parametrize(
    ("value", "kind", "found"),
    [
        ({"a": {"b": "c"}}, str, "c"),
        (MappingProxyType({"a": MappingProxyType({"b": "c"})}), str, "c"),
        ({"a": {"b": "é"}}, str, "é"),
        ({"a": {"b": 1}}, int, 1),
        ({"a": {"b": False}}, bool, False),
        ({"a": {"b": True}}, int, None),
        ({"a": {"b": 1}}, bool, None),
        ({"a": {"b": 1}}, str, None),
        ({"a": {"b": "\ud800"}}, str, None),
        ({"a": {"b": 2**63}}, int, None),
        ({"a": {"b": -(2**63) - 1}}, int, None),
        ({"a": {"b": None}}, str, None),
        ({"a": {}}, str, None),
        ({"a": ["b"]}, str, None),
        ({"a": "b"}, str, None),
        ([], str, None),
        (None, str, None),
    ],
)
def test_a_value_is_found_only_where_it_has_its_kind(value: object, kind: Any, found: object) -> None:
    assert dig(value, "a", "b", kind=kind) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"a": {"b": [{"c": 1}, None, 5, [], MappingProxyType({"d": 2})]}}, ({"c": 1}, {"d": 2})),
        ({"a": {"b": ({"c": 1},)}}, ({"c": 1},)),
        ({"a": {"b": {"c": 1}}}, ()),
        ({"a": {"b": "text"}}, ()),
        ({"a": []}, ()),
        (None, ()),
    ],
)
def test_only_the_objects_of_a_list_are_found(value: object, found: object) -> None:
    assert dig_list(value, "a", "b") == found


def test_a_copy_is_plain_and_shares_nothing() -> None:
    inner = {"c": [1]}
    copied = copy_json(MappingProxyType({"a": (inner,)}))
    assert copied == {"a": [{"c": [1]}]}
    inner["c"].append(2)
    assert copied == {"a": [{"c": [1]}]}


@given(specs)
def test_equal_json_is_the_same_in_any_order_and_mapping(spec: Any) -> None:
    assert same_json(spec, reordered(spec, MappingProxyType))
    assert digest(spec) == digest(reordered(spec))


@pytest.mark.parametrize(
    ("checked", "other"),
    [
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": 1.0}),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, {"a": 1}),
        ({"a": None}, {"b": None}),
        ({"a": 1}, {1: 1}),
        ({"a": [1]}, {"a": [1, 2]}),
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ({"a": []}, {"a": {}}),
        ({}, []),
        ({}, None),
        ("1", 1),
    ],
)
def test_different_json_is_not_the_same(checked: object, other: object) -> None:
    assert not same_json(checked, other)
    assert not same_json(other, checked)


@pytest.mark.parametrize("kind", [list, dict])
def test_a_comparison_goes_no_deeper_than_what_is_known(kind: Any) -> None:
    assert not same_json({"spec": ["a"]}, nested(100_000, kind))


@given(any_json)
def test_no_value_is_beyond_reading(value: Any) -> None:
    dig(value, "metadata", "name", kind=str)
    dig_list(value, "status", "conditions")
    same_json({"status": {"conditions": [{"type": "Ready"}]}}, value)


def test_a_digest_is_the_same_for_ever() -> None:
    assert digest({"b": [1, "é"], "a": None}) == "a44633ba036df252"
    assert digest("\ud800") != digest("?")


def test_what_is_reached_may_be_in_any_mapping() -> None:
    assert reach(MappingProxyType({"a": MappingProxyType({"b": [1]})}), "a", "b") == [1]
    assert reach({"a": 5}, "a", "b") is None


class Listed(list[Any]):
    """What a client library may give for a list."""


def test_a_list_of_another_kind_is_copied_into_one() -> None:
    inner = {"a": [1]}
    copied = copy_json({"b": Listed([inner, Listed([2])])})
    assert copied == {"b": [{"a": [1]}, [2]]}
    assert type(copied["b"]) is type(copied["b"][1]) is list
    assert copied["b"][0] is not inner
    marker = object()
    assert copy_json(marker) is marker


@pytest.mark.parametrize(
    ("number", "is_there"), [(-(2**63), True), (2**63 - 1, True), (-(2**63) - 1, False), (2**63, False)]
)
def test_an_integer_has_64_bits(number: int, is_there: bool) -> None:  # noqa: FBT001 -- drawn
    assert dig({"a": number}, "a", kind=int) == (number if is_there else None)

"""Quantities are numbers, however they are spelled."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl_core._quantity import amount, canonical


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0), (0, 0), (5, 5), ("5", 5), ("-1", -1), ("+1", 1), ("1.5", Fraction(3, 2)), (".5", Fraction(1, 2)),
        ("5.", 5), ("100m", Fraction(1, 10)), ("1u", Fraction(1, 10**6)), ("1n", Fraction(1, 10**9)), ("1k", 1000),
        ("1M", 10**6), ("1G", 10**9), ("1T", 10**12), ("1P", 10**15), ("1E", 10**18), ("1Ki", 1024), ("1Mi", 2**20),
        ("1Gi", 2**30), ("1Ti", 2**40), ("1Pi", 2**50), ("1Ei", 2**60), ("1e3", 1000), ("1E3", 1000),
        ("1E-3", Fraction(1, 1000)),
        ("1e+3", 1000), ("0.1Gi", Fraction(2**30, 10)),
    ],
)  # fmt: skip
def test_every_suffix_has_its_value(text: str | int, number: Fraction | int) -> None:
    assert amount(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "1 ", "a", "1K", "1ki", "1mi", "1e", "1e3k", "--1", ".", "1.2.3", "1_000", "0x1", "1/2", "inf", "nan",
        "\u0661", "1\n", "1e" + "9" * 10, "9" * 31, "9" * 4_000_000, "1Gi1", "$(A)", "\ud800",
    ],
)  # fmt: skip
def test_what_is_no_quantity_has_no_value_and_stays_as_it_is(text: str) -> None:
    assert amount(text) is None
    assert canonical(text) == text


@pytest.mark.parametrize(
    "same",
    [["1", 1, "1000m", "1.0", "1e0", "+1"], ["1Gi", "1024Mi", 2**30], ["0", 0, "0Gi", "-0"], ["1k", "1e3", 1000]],
)
def test_spellings_of_one_amount_are_one(same: list[str | int]) -> None:
    assert len(set(map(canonical, same))) == 1


@given(st.text() | st.from_regex(r"[+-]?[0-9.]{1,8}([KMGTPEkmun]i?|[eE][+-]?[0-9]{1,3})?", fullmatch=True))
def test_no_text_makes_it_raise_and_canonical_is_final(text: str) -> None:
    number = amount(text)
    once = canonical(text)
    assert canonical(once) == once or number is not None
    if number is not None and number.denominator == 1 and len(once) <= 30:
        assert amount(once) == number


def test_no_long_quantities_are_kept() -> None:
    tracemalloc.start()
    try:
        for number in range(100):
            amount("0" * 100_000 + str(number))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000


def test_a_quantity_of_more_than_30_characters_is_no_amount() -> None:
    assert amount("1" * 30) == int("1" * 30)
    assert amount("1" * 31) is None

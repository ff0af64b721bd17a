"""What is said and done in each situation is what tests/golden/decisions.txt has."""

from __future__ import annotations

import pytest

from .decisions import GOLDEN, cases, in_words, text

CASES = {name: (manifest, objects) for name, manifest, objects in cases()}
RENEW = "where this is meant, write tests/golden anew with `make golden`, and read the difference"


def parts() -> dict[str, str]:
    named = (part.partition("\n") for part in GOLDEN.read_text("utf-8").rstrip("\n").split("\n\n"))
    return {name: lines for name, _, lines in named}


@pytest.mark.parametrize("name", CASES)
def test_a_situation_is_decided_and_told_as_its_golden_text_says(name: str) -> None:
    manifest, objects = CASES[name]
    assert "\n".join([*in_words(manifest, objects)] or ["  nothing"]) == parts()[name], RENEW


def test_the_golden_texts_are_those_of_the_situations() -> None:
    assert list(parts()) == list(CASES), RENEW
    assert text() == GOLDEN.read_text("utf-8"), RENEW

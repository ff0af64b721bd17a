"""docs/validate.md shows what is said of each mistake, which is one line that names place, field and cure."""

from __future__ import annotations

import re

import pytest
from tests.mistakes import MISTAKES, Mistake
from tools.validate_doc import PAGE, said_of, with_table

EVERY = [mistake for section in MISTAKES.values() for mistake in section]
TWO = ("several ports of a service without names",)
"""Mistakes that are in two fields."""


def test_the_page_says_what_the_command_says() -> None:
    text = PAGE.read_text()
    assert with_table(text) == text


def test_there_are_many_mistakes_and_each_is_another() -> None:
    assert len(EVERY) >= 60
    assert len({mistake.text for mistake in EVERY}) == len({mistake.title for mistake in EVERY}) == len(EVERY)


@pytest.mark.parametrize("mistake", EVERY, ids=lambda mistake: str(mistake.title))
def test_a_mistake_is_told_in_one_line_with_place_field_and_words(mistake: Mistake) -> None:
    said = said_of(mistake)
    assert len(said) == 1 + (mistake.title in TWO), said
    for line in said:
        found = re.fullmatch(r"hello\.yaml:(\d+):(\d+): (.*: )?(\S.{10,})", line)
        assert found, line
        number, column = int(found[1]), int(found[2])
        lines = [*mistake.text.split("\n"), ""]
        assert 1 <= number <= len(lines)
        assert 1 <= column <= len(lines[number - 1]) + 1
        assert mistake.shown[0] <= number <= mistake.shown[1] or "is required" in line or "commandResolution" in line


def test_a_page_without_marks_is_an_error() -> None:
    with pytest.raises(ValueError, match="mistakes"):
        with_table("no marks")

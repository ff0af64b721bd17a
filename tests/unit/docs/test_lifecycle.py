"""docs/lifecycle.md says what the code does."""

from __future__ import annotations

import re

import pytest
from tools.lifecycle_doc import PAGE, decision_table, with_table

from agentctl_core._situation import Holder, Want

TEXT = PAGE.read_text()


def rows(heading: str) -> list[str]:
    """Return the first cells of the table under a heading."""
    section = TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [line.split("|")[1].strip() for line in lines[1:]]


def test_the_decision_table_is_the_codes() -> None:
    assert decision_table() in TEXT
    assert with_table(TEXT) == TEXT


def test_every_word_is_explained_once_in_the_codes_order() -> None:
    assert rows("What an Agent asks for") == [want.value for want in Want]
    assert rows("Who holds the pod's name") == [holder.value for holder in Holder]


def test_the_picture_has_every_holder_of_the_name() -> None:
    assert "](pictures/life.svg)" in TEXT
    names = re.findall(r'class="name"[^>]*>([^<]+)<', (PAGE.parent / "pictures/life.svg").read_text())
    assert sorted(names) == sorted(holder.value for holder in Holder)


def test_a_page_without_marks_is_an_error() -> None:
    with pytest.raises(ValueError, match="decision table"):
        with_table("no marks")

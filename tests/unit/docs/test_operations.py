"""docs/operations.md says what the code does."""

from __future__ import annotations

from tools.operations_doc import PAGE, with_tables


def test_the_tables_are_those_of_the_code() -> None:
    assert PAGE.read_text() == with_tables(PAGE.read_text()), "run `python -m tools.operations_doc`"

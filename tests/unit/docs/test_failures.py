"""docs/failures.md says what `agentctl explain` says."""

from __future__ import annotations

from tools.failures_doc import PAGE, page


def test_the_page_is_that_of_the_advice() -> None:
    assert PAGE.read_text() == page(), "run `python -m tools.failures_doc`"

"""What docs/admission.md says about differences is what the tests on the real API server know of them."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.test_admission import _LEFT
from tests.e2e.test_generated import CORE_ALONE

TEXT = (Path(__file__).parents[3] / "docs/admission.md").read_text()


def _after(heading: str) -> str:
    return TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def test_the_table_of_what_the_core_alone_refuses_is_complete() -> None:
    rows = [line for line in _after("What the core alone refuses").splitlines() if line.startswith("| ")]
    assert rows[1:] == [f"| {what} | {why} |" for what, (why, _) in CORE_ALONE.items()]


def test_the_list_of_differences_is_complete() -> None:
    rows = _after("Where the API server and the core differ over a single field").strip().splitlines()
    assert rows == [f"- {reason}" for reason in _LEFT]

"""What docs/fidelity.md says is not modelled is what the test on the real API server leaves out."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.fidelity.not_modelled import NOT_MODELLED

TEXT = (Path(__file__).parents[3] / "docs/fidelity.md").read_text()


def test_the_table_of_what_is_not_modelled_is_complete() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| ")]
    assert rows[1:] == [f"| {entry.what} | {entry.reason} |" for entry in NOT_MODELLED]

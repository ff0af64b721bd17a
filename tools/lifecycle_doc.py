"""Writes the decision table in docs/lifecycle.md anew from the code: ``python -m tools.lifecycle_doc``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tools.marked_parts import with_part

from agentctl_core._reconcile import STEPS
from agentctl_core._situation import Holder, Want

PAGE: Final = Path(__file__).parents[1] / "docs/lifecycle.md"


def decision_table() -> str:
    """Return the table as markdown: a row for each holder of the pod's name, a column for each want."""
    rows = [["", *(want.value for want in Want)], ["---"] * (len(Want) + 1)]
    rows += [[holder.value, *(STEPS[want][holder].value for want in Want)] for holder in Holder]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def with_table(text: str) -> str:
    """Return the page's text with the table as it is now.

    Raises:
        ValueError: the page has no marks to put it between.
    """
    return with_part(text, "decision table", decision_table(), PAGE)


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))

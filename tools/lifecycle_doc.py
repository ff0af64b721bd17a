"""Writes the decision table in docs/lifecycle.md anew from the code: ``python -m tools.lifecycle_doc``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from agentctl_core._reconcile import STEPS
from agentctl_core._situation import Holder, Want

PAGE: Final = Path(__file__).parents[1] / "docs/lifecycle.md"
_MARK: Final = re.compile(r"(<!-- decision table -->\n).*?(<!-- end -->)", re.DOTALL)


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
    fresh, count = _MARK.subn(lambda found: f"{found[1]}{decision_table()}{found[2]}", text)
    if count != 1:
        raise ValueError(f"{PAGE} needs one '<!-- decision table -->' and one '<!-- end -->' after it")
    return fresh


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))

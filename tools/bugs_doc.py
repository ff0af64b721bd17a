"""Writes the table of known bugs in docs/proof.md anew, by looking for each of them: ``python -m tools.bugs_doc``."""

from __future__ import annotations

import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from tests.proof.bugs import BUGS, Bug
from tests.proof.test_seeded_bugs import hunt, with_bug

PAGE: Final = Path(__file__).parents[1] / "docs/proof.md"
_MARK: Final = re.compile(r"(<!-- known bugs -->\n).*?(<!-- end -->)", re.DOTALL)
_MOST: Final = 110
"""Characters of what was said."""


def look_for(bug: Bug) -> dict[str, Any]:
    """Return what finds a bug."""
    with tempfile.TemporaryDirectory() as folder:
        return hunt(with_bug(bug, Path(folder)))


def row(bug: Bug, found: dict[str, Any]) -> str:
    """Return a bug's row of the table."""
    told = str(found["told"]).partition(": (")[0].replace("|", "/").replace("\n", " ")
    told = told if len(told) <= _MOST else f"{told[:_MOST]}..."
    unit = "runs" if str(found["means"]).startswith("random") else "states"
    return f"| {bug.name} | {bug.what} | {found['means']} | {found['after']} {unit} | {told} |\n"


def with_table(text: str, rows: list[str]) -> str:
    """Return the page's text with another table.

    Raises:
        ValueError: the page has no marks to put it between.
    """
    table = "| bug | what is wrong | found by | after | what is said |\n| --- | --- | --- | --- | --- |\n"
    fresh, count = _MARK.subn(lambda found: f"{found[1]}{table}{''.join(rows)}{found[2]}", text)
    if count != 1:
        raise ValueError(f"{PAGE} needs one '<!-- known bugs -->' and one '<!-- end -->' after it")
    return fresh


if __name__ == "__main__":
    with ThreadPoolExecutor(2) as pool:
        PAGE.write_text(with_table(PAGE.read_text(), list(map(row, BUGS, pool.map(look_for, BUGS)))))

"""Writes the figures and the table of known bugs in docs/proof.md anew: ``python -m tools.proof_doc``."""

from __future__ import annotations

import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

from tests.proof.bugs import BUGS, Bug
from tests.proof.scenarios import SCENARIOS, VIEWS
from tests.proof.test_explorer import VIEW_FLOORS
from tests.proof.test_seeded_bugs import hunt, with_bug
from tools.marked_parts import with_part

from agentctl_core.testing import Exploration, explore

PAGE: Final = Path(__file__).parents[1] / "docs/proof.md"
_MOST: Final = 110
"""Characters of what was said."""


def bug_row(bug: Bug) -> str:
    """Look for a bug, and return its row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        return row_of(bug, hunt(with_bug(bug, Path(folder))))


def row_of(bug: Bug, found: dict[str, Any]) -> str:
    """Return the row of a bug, from what its hunt has found."""
    told = str(found["told"]).partition(": (")[0].replace("|", "/").replace("\n", " ")
    told = told if len(told) <= _MOST else f"{told[:_MOST]}..."
    unit = "runs" if str(found["means"]).startswith("random") else "states"
    return f"| {bug.name} | {bug.what} | {found['means']} | {found['after']} {unit} | {told} |\n"


def scenario_row(name: str) -> str:
    """Explore a scenario with two faults, and return its row."""
    return _explored(name, explore(SCENARIOS[name], most_faults=2))


def views_row(name: str) -> str:
    """Explore a scenario with three faults about views, and return its row."""
    return _explored(f"{name}, three of views", explore(SCENARIOS[name], faults=VIEWS, most_faults=3))


def _explored(name: str, found: Exploration) -> str:
    return f"| {name} | {found.states:,} | {found.settled:,} | {found.transitions:,} | {found.depth} |\n"


if __name__ == "__main__":
    text = PAGE.read_text()
    with ProcessPoolExecutor(2) as pool:
        head = "| scenario | states | settled | transitions | depth |\n| --- | --- | --- | --- | --- |\n"
        rows = [*pool.map(scenario_row, SCENARIOS), *pool.map(views_row, VIEW_FLOORS)]
        text = with_part(text, "figures", head + "".join(rows), PAGE)
        head = "| bug | what is wrong | found by | after | what is said |\n| --- | --- | --- | --- | --- |\n"
        PAGE.write_text(with_part(text, "known bugs", head + "".join(pool.map(bug_row, BUGS)), PAGE))

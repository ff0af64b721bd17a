"""docs/proof.md names what there is: every fault, every known bug, every scenario."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.proof.bugs import BUGS, Bug
from tests.proof.scenarios import SCENARIOS
from tests.proof.test_explorer import VIEW_FLOORS
from tools.marked_parts import with_part

import agentctl_core
from agentctl_core.testing import FAULTS

TEXT = (Path(__file__).parents[3] / "docs/proof.md").read_text()


def rows(part: str) -> list[list[str]]:
    found = TEXT.partition(f"<!-- {part} -->\n")[2].partition("<!-- end -->")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found.splitlines()[2:]]


def test_every_fault_is_explained_and_no_other() -> None:
    table = TEXT.partition("All others are faults:")[2].partition("A run is")[0]
    assert set(re.findall(r"`([a-z-]+)`", table)) == set(FAULTS)


def test_every_known_bug_has_been_found() -> None:
    assert [(row[0], row[1]) for row in rows("known bugs")] == [(bug.name, bug.what) for bug in BUGS]
    assert all(re.fullmatch(r"[1-9]\d* (states|runs)", row[3]) for row in rows("known bugs"))
    assert len(BUGS) >= 20


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_known_bug_is_in_one_place_of_the_sources(bug: Bug) -> None:
    source = Path(agentctl_core.__file__).parent / bug.file
    assert source.read_text().count(bug.old) == 1, f"{bug.file} has changed: say anew where {bug.name} is"


def test_every_scenario_has_been_explored() -> None:
    views = [f"{name}, three of views" for name in VIEW_FLOORS]
    assert [row[0] for row in rows("figures")] == [*SCENARIOS, *views]


def test_a_page_without_marks_is_an_error() -> None:
    with pytest.raises(ValueError, match="figures"):
        with_part("no marks", "figures", "", Path("page.md"))

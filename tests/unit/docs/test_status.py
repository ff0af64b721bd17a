"""docs/status.md has every reason that the code can write, and no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs/status.md").read_text()


def section(heading: str) -> str:
    return TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def reasons_in_code() -> set[str]:
    """Return every text in the core that is written like a reason, in calls that make conditions."""
    sources = (ROOT / "src/agentctl_core").glob("*.py")
    text = "".join(source.read_text() for source in sources if not source.name.startswith("_core_v1"))
    return set(re.findall(r'"([A-Z][a-z]+(?:[A-Z]+[a-z]*)*|OOMKilled)"', text))


def test_every_reason_of_a_condition_in_the_page_is_the_codes() -> None:
    named = set(re.findall(r"\b[A-Z][a-z]+[A-Za-z]*\b", " ".join(section("Conditions").splitlines()[4:10])))
    conditions = {"Accepted", "Ready", "UpToDate", "Suspended", "Finished", "Stalled", "Unknown", "Agent"}
    assert named - conditions - {"Accepted"} <= reasons_in_code()

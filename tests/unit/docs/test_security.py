"""docs/security.md says what the manifests grant and what the admission policy asks for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from tests.rights import Right, for_pull_secrets, shipped

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs/security.md").read_text()
_RESOURCE = re.compile(r"`([a-z/]+)`(?: of ([a-z0-9.]+))?(?: named `([a-z]+)`)?")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table in a section, without its head."""
    section = TEXT.partition(f"\n{heading}\n")[2].partition("\n##")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


@pytest.mark.parametrize(
    ("heading", "granted"),
    [("## What the operator may do", shipped()), ("### Registry credentials", for_pull_secrets())],
)
def test_the_tables_of_rights_are_what_the_manifests_grant(heading: str, granted: frozenset[Right]) -> None:
    told: set[Right] = set()
    for resource, verbs, reason in rows(heading):
        assert reason
        match = _RESOURCE.fullmatch(resource)
        assert match, resource
        name, group, object_name = match.groups(default="")
        told |= {Right(group, name, verb, object_name) for verb in verbs.split(", ")}
    assert told == granted


def test_the_table_of_the_admission_policy_names_what_it_asks_for() -> None:
    policy = yaml.safe_load((ROOT / "deploy/admission/policy.yaml").read_text())
    asked = " ".join(validation["expression"] for validation in policy["spec"]["validations"])
    named = " ".join(right for _, right in rows("## The confused deputy"))
    checked = set(re.findall(r"[.]resource\('([a-z]+)'\)", asked))
    assert set(re.findall(r"`([a-z]+)[`/]", named)) == checked
    assert len(checked) == 5
    assert len(policy["spec"]["validations"]) == len(rows("## The confused deputy"))

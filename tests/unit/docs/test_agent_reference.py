"""The reference of the Agent resource leads to every field of the CRD, and says of it what the CRD says."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
from tools.agent_reference import agent_reference

from agentctl_core.crd import agent_schema

Json = dict[str, Any]
TEXT = agent_reference()
SCHEMA = agent_schema()["properties"]


@cache
def rows(title: str) -> dict[str, list[str]]:
    """Return the cells of each row of a section's table, by the name of the field."""
    section = re.search(rf"^#+ {title}\n(.*?)(?=^#|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert section, title
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in section[1].splitlines() if line.startswith("| `")]
    return {row[0].split("`")[1]: [cell.strip() for cell in row] for row in cells}


def walk(schema: Json, title: str, path: str, seen: list[str]) -> None:
    """Compare an object of the CRD with the section of that title, and go on to what its rows lead to."""
    assert list(schema["properties"]) == list(rows(title)), path
    for name, child in schema["properties"].items():
        here = f"{path}.{name}"
        seen.append(here)
        first, meaning = rows(title)[name]
        text, _, terms = meaning.rpartition("<br>") if "<br>" in meaning else (meaning, "", meaning)
        assert first.endswith(", required") == (name in schema.get("required", ())), here
        if "description" in child:
            assert text == child["description"].replace("<", "&lt;").replace("*", "\\*").replace("\n", " "), here
        if child.get("default") not in (None, {}):
            assert terms.startswith("(default "), here
        while "items" in child or "additionalProperties" in child:
            child = child.get("items") or child["additionalProperties"]  # noqa: PLW2901 -- down to what is held
        if "properties" in child:
            target = re.search(r"\[(\w+)\]\(#agent-\1\)", first)
            assert target, here
            walk(child, target[1], here, seen)


def test_it_leads_to_every_field_of_the_spec() -> None:
    seen: list[str] = []
    walk(SCHEMA["spec"], "spec", "spec", seen)
    assert len(seen) > 800


def test_it_has_every_field_of_the_status_with_its_meaning() -> None:
    told = rows("status")
    assert {f"status.{name}" for name in SCHEMA["status"]["properties"]} <= told.keys()
    assert {"status.conditions[].reason", "status.lastTermination.exitCode"} <= told.keys()
    assert [name for name, row in told.items() if not row[1]] == []


@pytest.mark.parametrize(
    ("title", "field", "limits"),
    [
        ("spec", "replicas", "default `1`; 0 to 1"),
        ("spec", "files", "at most 64 items; each `path` once"),
        ("Wrapper", "install", 'default `"InitContainer"`; one of `"InitContainer"`, `"ImageVolume"`'),
        ("Sdk", "version", "matches ``^[0-9]+([.][0-9]+){0,2}$``"),
        ("ServicePort", "port", "1 to 65535"),
        ("HTTPGetAction", "scheme", 'one of `"HTTP"`, `"HTTPS"`'),
    ],
)
def test_limits_are_told(title: str, field: str, limits: str) -> None:
    assert rows(title)[field][1].rpartition("<br>")[2] == f"({limits})"


def test_rules_between_fields_are_told() -> None:
    assert "- `claimName` a claim has its own medium and size" in TEXT

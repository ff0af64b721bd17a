"""docs/hosts.md names what there is: every action, every outcome, every scenario that the hosts go through."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from tests.e2e import test_hosts

import agentctl_core
from agentctl_core import Action, host
from agentctl_core.host import Outcome

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs/hosts.md").read_text("utf-8")


def test_every_action_has_its_row() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)
    assert rows == [action.__name__ for action in get_args(Action)]


def test_every_outcome_has_its_row() -> None:
    assert re.findall(r"^\| ([A-Z]+) \|", TEXT, re.MULTILINE) == [outcome.name for outcome in Outcome]


def test_every_scenario_is_listed() -> None:
    scenarios = sorted(name for name in vars(test_hosts) if name.startswith("test_"))
    assert re.findall(r"^- ([a-z].*)$", TEXT, re.MULTILINE) == [
        name.removeprefix("test_").replace("_", " ") for name in scenarios
    ]


def test_what_is_named_is_there() -> None:
    named = set(re.findall(r"`([a-z]+_[a-z_]+|[A-Z]+_[A-Z]+|OURS|DEPENDENTS)`", TEXT))
    assert {"generation_of", "REFUSAL_SECONDS", "agents_of"} <= named
    assert [n for n in named - {"agentctl_core"} if not hasattr(host, n) and not hasattr(agentctl_core, n)] == []
    files = re.findall(r"`((?:examples|tests|deploy)/[\w/.]+)`", TEXT)
    assert files
    assert [path for path in files if not (ROOT / path).exists()] == []

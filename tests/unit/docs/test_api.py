"""The public API is what tests/golden/api.txt says: whoever changes it sees it there, and so does who reviews."""

from __future__ import annotations

import re

from tools.public_api import LISTING, public_api

import agentctl_core

NOW = public_api()


def test_the_public_api_is_the_one_that_is_written_down() -> None:
    assert LISTING.read_text("utf-8") == NOW, "where this is meant: `make api`, read the difference, and CHANGELOG.md"


def test_it_has_every_name_of_the_root_and_no_private_one() -> None:
    root = NOW.partition("\nagentctl_core.")[0]
    names = re.findall(r"^  (?:class |def )?(\w+)", root, re.MULTILINE)
    assert sorted(names) == sorted(agentctl_core.__all__)
    assert re.findall(r"^ +(?:def |class )?_(?!_init__)\w+", NOW, re.MULTILINE) == []


def test_the_reference_has_every_public_module() -> None:
    page = (LISTING.parents[2] / "docs/api.md").read_text()
    modules = re.findall(r"^agentctl_core\S*$", NOW, re.MULTILINE)
    assert sorted(re.findall(r"automodule:: (\S+)", page)) == sorted(modules)
    assert sorted(re.findall(r"^## (\S+)$", page, re.MULTILINE)) == sorted(modules)


def test_it_tells_parameters_types_and_defaults() -> None:
    assert "\n  def reconcile(manifest: Mapping[str, Any], observed: Observed, config: Config | None = None)" in NOW
    assert "\n    Observed(now, objects=(), images=...)\n" in NOW
    assert "\n    now: datetime\n" in NOW
    assert "\nagentctl_core.testing.strategies\n" in NOW
    assert "\n    def create(manifest" in NOW, "what is inherited"

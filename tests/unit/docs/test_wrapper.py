"""docs/wrapper.md says what the conformance suite takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentctl_conformance.plugin import _OPTIONS

_PAGE = (Path(__file__).parents[3] / "docs" / "wrapper.md").read_text()


@pytest.mark.parametrize("name", _OPTIONS)
def test_each_option_stands_there_with_its_default(name: str) -> None:
    (row,) = [line for line in _PAGE.splitlines() if line.startswith("|") and f"`{name}`" in line]
    assert _OPTIONS[name][0] in row

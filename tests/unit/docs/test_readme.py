"""The README's code runs as it stands there."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

README = (Path(__file__).parents[3] / "README.md").read_text()


def test_the_library_example_prints_the_pod_and_the_conditions() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})  # noqa: S102 -- our own text
    first, second = printed.getvalue().splitlines()
    assert first.startswith("Create(")
    assert second.startswith("PatchStatus(")


def test_every_file_that_it_names_is_there() -> None:
    root = Path(__file__).parents[3]
    named = set(re.findall(r"\b(?:src|crds|docs|examples|tests)/[\w./-]*\w/?", README))
    assert len(named) > 6
    assert {name for name in named if not (root / name).exists()} == set()


def test_it_fits_two_screens() -> None:
    lines = README.splitlines()
    assert len(lines) <= 100
    assert [line for line in lines if len(line) > 120] == []


def test_every_link_leads_to_a_file() -> None:
    root = Path(__file__).parents[3]
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(links) > 12
    assert [link for link in links if not link.startswith("http") and not (root / link).exists()] == []

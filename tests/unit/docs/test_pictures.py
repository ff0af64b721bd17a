"""The pictures in docs/pictures are small, and show what there is."""

from __future__ import annotations

import asyncio
import html
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.unit.runtime import support
from tools.pictures import FOLDER, HELLO, ROOT, WINDOWS

from agentctl_runtime.cli._group import agentctl

TIME = re.compile(r"^ *\d+\.\d\d s  ", re.MULTILINE)


@pytest.mark.parametrize("picture", sorted(FOLDER.iterdir()), ids=lambda picture: picture.name)
def test_a_picture_is_small(picture: Path) -> None:
    assert 1_000 < picture.stat().st_size < 150_000


def test_every_window_has_its_picture() -> None:
    assert {file.stem for file in FOLDER.glob("*.png")} == WINDOWS.keys()


def test_the_picture_of_the_demo_shows_what_the_demo_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "run", support.run)
    told = CliRunner().invoke(agentctl, ["demo", str(ROOT / HELLO)]).stdout
    shown = (FOLDER / "demo.svg").read_text()
    lines: dict[str, str] = {}
    for place, text in re.findall(r'<text class="demo-r\d+" x="[^"]+" y="([^"]+)"[^>]*>([^<]*)</text>', shown):
        lines[place] = lines.get(place, "") + html.unescape(text).replace("\xa0", " ")
    picture = [TIME.sub("", line).rstrip() for line in lines.values()]
    assert picture[0] == "$ make demo"
    shown_lines, told_lines = set(filter(None, picture[1:])), {TIME.sub("", line) for line in told.splitlines()}
    # Not in order nor number: what happens at the same time is seen in this order or that, or written at once.
    assert not_of_the_pod(shown_lines) == not_of_the_pod(told_lines)
    # A state of the pod that lasts but a moment is seen or missed.
    assert states_of_the_pod(told_lines) <= states_of_the_pod(shown_lines)


def not_of_the_pod(lines: set[str]) -> set[str]:
    return {line for line in lines if not line.startswith("pod ")}


def states_of_the_pod(lines: set[str]) -> set[str]:
    """Return the states between which it changed."""
    return {state for line in lines - not_of_the_pod(lines) for state in line.removeprefix("pod").strip().split(" -> ")}


def test_a_picture_asks_nobody_for_a_font() -> None:
    for picture in FOLDER.glob("*.svg"):
        text = picture.read_text()
        assert not re.search(r"url\(\"?http|href=\"http|@import|@font-face", text), picture.name

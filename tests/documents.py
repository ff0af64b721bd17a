"""The code blocks of README.md, CONTRIBUTING.md and docs/, as the tests that run them see them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt

ROOT: Final = Path(__file__).resolve().parent.parent
PAGES: Final = tuple(sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]))
INDENTED: Final = "(indented)"
"""Stands for the language of a block without a fence."""
RUN: Final = frozenset({"sh", "console", "python"})
"""Languages of what is run."""
GIVEN: Final = "given"
"""Stands for the language of what a page does first, in a comment that nobody sees."""

_COMMENT: Final = re.compile(r"<!--\s*(not run|exit codes):\s*(.*?)\s*-->\s*")
_GIVEN: Final = re.compile(r"<!-- given\n(.*?)-->\s*", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code in a page.

    Attributes:
        page, line: where it stands; the line of the fence, from 1.
        language: what the fence says that it is in.
        text: what stands in it.
        not_run: why it cannot be run in the tests; empty where it is run.
        exit_codes: of its commands, in order; empty where all are 0.
    """

    page: Path
    line: int
    language: str
    text: str
    not_run: str = ""
    exit_codes: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def is_run(self) -> bool:
        return (self.language in RUN and not self.not_run) or self.language == GIVEN


@dataclass(frozen=True)
class Command:
    """A command of a block for a shell.

    Attributes:
        text: of one line or several.
        shown: what the page shows that it says; None where the page shows nothing.
        exit_code: what it ends with.
    """

    text: str
    shown: str | None = None
    exit_code: int = 0


def blocks(page: Path) -> list[Block]:
    """Return every block of code of a page, in order."""
    found: list[Block] = []
    said: dict[str, str] = {}
    for token in MarkdownIt().parse(page.read_text("utf-8")):
        line = token.map[0] + 1 if token.map else 0
        if token.type in {"fence", "code_block"}:
            language = token.info.strip() if token.type == "fence" else INDENTED
            codes = tuple(map(int, said.get("exit codes", "").split()))
            found.append(Block(page, line, language, token.content, said.get("not run", ""), codes))
        if token.type == "html_block":
            found += [Block(page, line, GIVEN, text) for text in _GIVEN.findall(token.content)]
            said = dict(_COMMENT.findall(token.content))
        elif token.nesting == 0:
            said = {}
    return found


def commands(block: Block) -> list[Command]:
    """Return the commands of a block for a shell; in one that shows a console they follow a `$`.

    Raises:
        ValueError: it ends in the middle of a command, begins with none, or has not as many as exit codes.
    """
    found = list(_of_console(block) if block.language == "console" else map(Command, _whole(block.text.splitlines())))
    codes = block.exit_codes or (0,) * len(found)
    if len(codes) != len(found):
        raise ValueError(f"{block} has {len(found)} commands and {len(codes)} exit codes")
    return [replace(command, exit_code=code) for command, code in zip(found, codes, strict=True)]


@dataclass
class _Typed:
    lines: list[str]
    shown: list[str] = field(default_factory=list)


def _of_console(block: Block) -> Iterator[Command]:
    typed: list[_Typed] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            typed.append(_Typed([line[2:]]))
        elif not typed:
            raise ValueError(f"{block} begins with no command: {line!r}")
        elif not typed[-1].shown and not _is_whole("\n".join(typed[-1].lines)):
            typed[-1].lines.append(line)
        else:
            typed[-1].shown.append(line)
    for each in typed:
        yield Command("\n".join(each.lines), "\n".join(each.shown) if each.shown else None)


def _whole(lines: list[str]) -> Iterator[str]:
    """Join lines until they are whole commands, and leave out what is but a remark."""
    waiting: list[str] = []
    for line in lines:
        waiting.append(line)
        text = "\n".join(waiting)
        if _is_whole(text):
            if not all(each.lstrip().startswith("#") or not each.strip() for each in waiting):
                yield text
            waiting = []
    if waiting:
        raise ValueError(f"this ends in the middle of a command: {waiting}")


def _is_whole(text: str) -> bool:
    """Ask bash whether something is missing: the end of a quotation, a pipe or a here-document."""
    checked = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    return not text.rstrip().endswith("\\") and checked.returncode == 0 and not checked.stderr

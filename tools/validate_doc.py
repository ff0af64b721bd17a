"""Writes what is said of each mistake into docs/validate.md: ``python -m tools.validate_doc``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from click.testing import CliRunner
from tests.mistakes import FILE, MISTAKES, Mistake
from tools.marked_parts import with_part

from agentctl_runtime.cli._exits import ExitCode
from agentctl_runtime.cli._group import agentctl

PAGE: Final = Path(__file__).parents[1] / "docs/validate.md"


def said_of(mistake: Mistake) -> Sequence[str]:
    """Return what `agentctl validate` prints for a file."""
    result = CliRunner().invoke(agentctl, ["validate", "-"], input=mistake.text)
    if result.exit_code != ExitCode.NO or not result.stdout:
        raise ValueError(f"{mistake.title}: {result.output}{result.exception}")
    return [line.replace("-:", f"{FILE}:", 1) for line in result.stdout.splitlines()]


def section(mistakes: Sequence[Mistake]) -> Iterator[str]:
    """Yield the lines of a section: of each mistake what is written, with line numbers, and what is said of it."""
    for mistake in mistakes:
        first, last = mistake.shown
        lines = mistake.text.splitlines()[first - 1 : last]
        yield f"# {mistake.title} [{mistake.found_by}]"
        yield from (f"{number:4} | {_visible(line)}".rstrip() for number, line in enumerate(lines, first))
        yield from said_of(mistake)
        yield ""


def _visible(line: str) -> str:
    return line.replace("\t", "<tab>").replace("\a", "<bell>")


def table() -> str:
    """Return all sections as markdown."""
    parts = (
        f"### {title}\n\n```text\n{chr(10).join(section(mistakes)).rstrip()}\n```\n"
        for title, mistakes in MISTAKES.items()
    )
    return "\n" + "\n".join(parts) + "\n"


def with_table(text: str) -> str:
    """Return the page's text with the sections as they are now.

    Raises:
        ValueError: the page has no marks to put them between.
    """
    return with_part(text, "mistakes", table(), PAGE)


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))

"""What commands print: for people in 80 columns, and as JSON or YAML."""

from __future__ import annotations

import json
import os
import shutil
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

FORMATS: Final = ("table", "json", "yaml")
_COLUMNS: Final = 80


def output_option(*formats: str) -> Callable[[F], F]:
    """Return the decorator for `-o`, the parameter `output`; the first format is the default."""
    formats = formats or FORMATS
    text = "Print it for people, or as one document for programs." if "table" in formats else "Print it so."
    return click.option("-o", "--output", type=click.Choice(formats), default=formats[0], show_default=True, help=text)


def html_option(command: F) -> F:
    """Add `--html`, the parameter `html`."""
    text = "Draw it too, as a page in this file; nothing else is needed to show it."
    return click.option("--html", metavar="PAGE", type=click.Path(dir_okay=False), help=text)(command)


def show(output: str, told: Callable[[], object], lines: Callable[[], Iterable[str]]) -> None:
    """Print what a command has found in the format that `-o` asks for.

    Args:
        output: the format.
        told: returns it as JSON values.
        lines: returns it for people.
    """
    match output:
        case "json":
            click.echo(json.dumps(told(), indent=2))
        case "yaml":
            from ._yaml import to_yaml  # noqa: PLC0415 -- PyYAML takes 20 ms, for this format alone

            click.echo(to_yaml(told()), nl=False)
        case _:
            for line in lines():
                click.echo(line)


def wrapped(text: str, indent: str = "", hanging: str | None = None) -> list[str]:
    """Return prose as lines that fit: into 80 columns, or a terminal that has fewer. Long words are left whole.

    Args:
        text: what is told.
        indent: before the first line.
        hanging: before the others; `indent` if not given.
    """
    width = min(shutil.get_terminal_size((_COLUMNS, 24)).columns, _COLUMNS)
    hanging = indent if hanging is None else hanging
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [indent]


def columns(rows: Sequence[Sequence[str]], indent: str = "  ") -> Iterator[str]:
    """Yield rows of cells under each other; the last cell of a row is as long as it is."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    for row in rows:
        yield indent + "  ".join(printable(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def printable(text: str) -> str:
    """Return a text with whatever would move a terminal's cursor, or cannot be written, escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def wants_colour() -> bool | None:
    """Return what a context of click takes: False where the environment asks for none, None for a terminal alone."""
    return False if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else None

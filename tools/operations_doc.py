"""Writes the tables in docs/operations.md anew from the code: ``python -m tools.operations_doc``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import click

from agentctl_runtime.cli.run import run

PAGE: Final = Path(__file__).parents[1] / "docs/operations.md"


def settings_table() -> str:
    """Return a row for each option of `agentctl run`."""
    rows = [["flag", "variable", "default", "meaning"], ["---"] * 4]
    rows += [_row(each) for each in run.params if isinstance(each, click.Option)]
    return _table(rows)


def _row(option: click.Option) -> list[str]:
    default = str(option.default) if isinstance(option.default, str) else ""
    if option.is_flag:
        default = "on" if option.default else "off"
    if isinstance(option.type, click.Choice):
        default += f" ({', '.join(choice for choice in option.type.choices if choice != default)})"
    text, _, told = (option.help or "").partition(" [default: ")
    return [f"`{option.opts[0]}`", f"`{option.envvar}`", told.removesuffix("]") or _code(default), text]


def _code(text: str) -> str:
    first, space, rest = text.partition(" (")
    return f"`{first}`{space}{rest}" if first else ""


def _table(rows: list[list[str]]) -> str:
    escaped = ([cell.replace("|", "\\|") for cell in row] for row in rows)
    return "".join(f"| {' | '.join(row)} |\n" for row in escaped)


TABLES: Final = {"settings": settings_table}


def with_tables(text: str) -> str:
    """Return the page's text with the tables as they are now.

    Raises:
        ValueError: the page has no marks to put one between.
    """
    for name, table in TABLES.items():
        mark = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        found = mark.findall(text)
        if len(found) != 1:
            raise ValueError(f"{PAGE} needs one '<!-- {name} -->' and one '<!-- end -->' after it")
        before, _, rest = text.partition(found[0][0])
        text = before + found[0][0] + table() + rest[rest.index(found[0][1]) :]
    return text


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))

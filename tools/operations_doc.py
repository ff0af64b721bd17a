"""Writes the tables in docs/operations.md anew from the code: ``python -m tools.operations_doc``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
from tools.marked_parts import with_part

from agentctl_runtime._metrics import Metrics
from agentctl_runtime._operator import State
from agentctl_runtime._store import Manifest
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


class _Example:
    """An operator of which every metric has a value."""

    def state(self) -> State:
        return State(leads=True, depth=0, in_hand=(), unsynced=(), silences=())

    def agents(self) -> list[Manifest]:
        return [{"metadata": {"name": "a"}}]


def example() -> Metrics:
    """Return metrics of which each has a value."""
    metrics = Metrics(lease="agentctl")
    metrics.watch(_Example())
    with metrics.requesting("GET", "10.96.0.1:443", "/api") as answered:
        answered(200)
    return metrics


def metrics_table() -> str:
    """Return a row for each metric that the operator serves."""
    rows = [["metric", "labels", "kind", "meaning"], ["---"] * 4]
    for family in sorted(example().registry.collect(), key=lambda family: family.name):
        sample = next(each for each in family.samples if not each.name.endswith("_created"))
        name = sample.name if family.type in {"counter", "info"} else family.name
        labels = sorted(set(sample.labels) - {"le"})
        rows.append([f"`{name}`", ", ".join(f"`{label}`" for label in labels), family.type, family.documentation])
    return _table(rows)


def _table(rows: list[list[str]]) -> str:
    escaped = ([cell.replace("|", "\\|").replace("<", "&lt;") for cell in row] for row in rows)
    return "".join(f"| {' | '.join(row)} |\n" for row in escaped)


TABLES: Final = {"settings": settings_table, "metrics": metrics_table}


def with_tables(text: str) -> str:
    """Return the page's text with the tables as they are now.

    Raises:
        ValueError: the page has no marks to put one between.
    """
    for name, table in TABLES.items():
        text = with_part(text, name, table(), PAGE)
    return text


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))

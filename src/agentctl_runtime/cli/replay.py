"""`agentctl replay`: decide again what an operator recorded, with the core as it is now."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from agentctl_core import Action
from agentctl_core.testing.replay import (
    BadLine,
    Difference,
    Header,
    InvalidRecord,
    Recorded,
    encode_action,
    read,
)
from agentctl_core.testing.replay import (
    replay as decide_again,
)

from ._changes import MOST, plain_change, told_change

DIFFERS: Final = 1
BAD_DATA: Final = 65
"""EX_DATAERR of sysexits: a line could not be read."""


@click.command
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_context
def replay(context: click.Context, file: Path, output: str) -> None:
    """Decide again what `agentctl run --record FILE` has recorded, and show each decision that differs.

    Exit code 0 means that every decision is the same, 1 that some differ, 65 that a line cannot be read (the others
    are decided again all the same). With -o json each difference is a line of JSON.
    """
    decisions = differing = bad = 0
    with file.open("rb") as lines:
        for found in read(lines):
            if isinstance(found, Header):
                continue
            outcome = _differences(found)
            if isinstance(outcome, BadLine):
                bad += 1
                click.echo(f"{file}:{outcome.line}: {outcome.message}", err=True)
                continue
            decisions += 1
            differing += bool(outcome)
            if isinstance(found, Recorded):
                _show(found, outcome, output)
    if output == "text":
        click.echo(f"{decisions} decisions, {differing} differ, {bad} lines cannot be read")
    context.exit(BAD_DATA if bad else DIFFERS if differing else 0)


def _differences(found: Recorded | BadLine) -> tuple[Difference, ...] | BadLine:
    if isinstance(found, BadLine):
        return found
    try:
        return decide_again(found.record)
    except InvalidRecord as error:
        return BadLine(found.line, str(error))


def _show(found: Recorded, differences: tuple[Difference, ...], output: str) -> None:
    if not differences:
        return
    metadata: Any = found.record.manifest.get("metadata") or {}
    agent = f"{metadata.get('namespace', 'default')}/{metadata.get('name')}"
    if output == "json":
        for difference in differences:
            click.echo(json.dumps({"line": found.line, "agent": agent, **_plain(difference)}))
        return
    click.echo(f"line {found.line}: Agent {agent} at {found.record.observed.now.isoformat()}")
    for difference in differences:
        for line in _told(difference):
            click.echo(f"  {line}")


def _told(difference: Difference) -> Iterator[str]:
    """Yield what a person reads: + what appears, - what disappears, ~ what changes."""
    if difference.before is None:
        yield f"+ {difference.path} {_in_short(difference.after)}"
    elif difference.after is None:
        yield f"- {difference.path} {_in_short(difference.before)}"
    else:
        yield f"~ {difference.path} {type(difference.after).__name__}"
        for change in difference.changes:
            yield f"    {told_change(change)}"


def _in_short(action: Action | None) -> str:
    text = json.dumps({} if action is None else encode_action(action), ensure_ascii=False)
    return f"{type(action).__name__} {text if len(text) <= MOST else text[:MOST] + '...'}"


def _plain(difference: Difference) -> dict[str, Any]:
    return {
        "path": difference.path,
        "before": None if difference.before is None else encode_action(difference.before),
        "after": None if difference.after is None else encode_action(difference.after),
        "changes": [plain_change(change) for change in difference.changes],
    }

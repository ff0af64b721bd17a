"""`agentctl replay`: decide again what an operator recorded, with the core as it is now."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from agentctl_core import Action
from agentctl_core.testing.preview import THIS
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
from ._exits import FILE_ERRORS, ExitCode, command
from ._files import opened, write_text
from ._output import html_option, output_option, show
from ._page import Facts, page
from ._replayed import Album


@command(
    {ExitCode.OK: "every decision is the same", ExitCode.NO: "some differ"},
    *FILE_ERRORS,
)
@click.argument("file", type=click.Path())
@output_option()
@html_option
@click.pass_context
def replay(context: click.Context, file: str, output: str, html: str | None) -> None:
    """Decide again what `agentctl run --record FILE` has recorded, and show each decision that differs.

    A line that cannot be read is named; the others are decided again all the same.
    """
    album = None if html is None else Album()
    counts: Counter[str] = Counter(decisions=0, differing=0, unreadable=0)
    differing = _differing(file, counts, album)
    show(
        output,
        lambda: {"differences": [each for found in differing for each in _plain(*found)], "summary": dict(counts)},
        lambda: _lines(differing, counts),
    )
    if html is not None and album is not None:
        table = [("Record", Path(file).name), ("Decisions", f"{counts['decisions']:,}"), ("Decided again by", THIS)]
        write_text(html, page(Facts("agentctl replay", Path(file).name, table, album.left_out()), album.parts()))
    context.exit(ExitCode.DATA if counts["unreadable"] else ExitCode.NO if counts["differing"] else ExitCode.OK)


def _differing(
    file: str, counts: Counter[str], album: Album | None
) -> Iterator[tuple[Recorded, tuple[Difference, ...]]]:
    """Yield the decisions that differ, and count all of them; name each line that cannot be read."""
    with opened(file) as lines:
        for found in read(lines):
            if isinstance(found, Header):
                continue
            outcome = _differences(found)
            if isinstance(outcome, BadLine):
                counts["unreadable"] += 1
                click.echo(f"{file}:{outcome.line}: {outcome.message}", err=True)
                continue
            counts["decisions"] += 1
            if not isinstance(found, Recorded):
                continue
            if album is not None:
                told = zip(map(_in_words, outcome), _plain(found, outcome), strict=True)
                album.add(_name(found), found.record, list(told))
            if outcome:
                counts["differing"] += 1
                yield found, outcome


def _lines(differing: Iterator[tuple[Recorded, tuple[Difference, ...]]], counts: Counter[str]) -> Iterator[str]:
    for found, differences in differing:
        yield f"line {found.line}: Agent {_name(found)} at {found.record.observed.now.isoformat()}"
        for difference in differences:
            yield from (f"  {line}" for line in _told(difference))
    yield (
        f"{counts['decisions']} decisions, {counts['differing']} differ, {counts['unreadable']} lines cannot be read"
    )


def _plain(found: Recorded, differences: tuple[Difference, ...]) -> Iterator[dict[str, Any]]:
    for difference in differences:
        yield {
            "line": found.line,
            "agent": _name(found),
            "path": difference.path,
            "before": None if difference.before is None else encode_action(difference.before),
            "after": None if difference.after is None else encode_action(difference.after),
            "changes": [plain_change(change) for change in difference.changes],
        }


def _name(found: Recorded) -> str:
    metadata: Any = found.record.manifest.get("metadata") or {}
    return f"{metadata.get('namespace', 'default')}/{metadata.get('name')}"


def _differences(found: Recorded | BadLine) -> tuple[Difference, ...] | BadLine:
    if isinstance(found, BadLine):
        return found
    try:
        return decide_again(found.record)
    except InvalidRecord as error:
        return BadLine(found.line, str(error))


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


def _in_words(difference: Difference) -> str:
    return "; ".join(line.strip() for line in _told(difference))


def _in_short(action: Action | None) -> str:
    text = json.dumps({} if action is None else encode_action(action), ensure_ascii=False)
    return f"{type(action).__name__} {text if len(text) <= MOST else text[:MOST] + '...'}"

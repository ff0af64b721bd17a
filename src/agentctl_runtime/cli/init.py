"""`agentctl init`: an Agent to start from."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final

import click

from ._exits import command

PATTERNS: Final = {
    "service": "serves others, under a name that stays",
    "task": "does something once",
    "wrapped": "an image of somebody else's, as it is",
    "glue": "a few lines of your own, with packages",
}
NAME: Final = "my-agent"
"""Of the Agents in `patterns/`."""
_LABEL: Final = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
"""A Service must begin with a letter, so that is what everybody gets."""


def _name(_: click.Context, __: click.Parameter, value: str) -> str:
    if not _LABEL.fullmatch(value):
        raise click.BadParameter(
            f"{value!r} is no name for an Agent: write up to 63 lower-case letters, digits and '-', beginning with a "
            "letter and ending with a letter or a digit"
        )
    return value


@command()
@click.argument("name", default=NAME, callback=_name)
@click.option("--pattern", type=click.Choice(list(PATTERNS)), default="service", show_default=True, help="Which kind.")
def init(name: str, pattern: str) -> None:
    """Print an Agent to start from, with comments that explain it.

    \b
      service  serves others, under a name that stays
      task     does something once
      wrapped  an image of somebody else's, as it is
      glue     a few lines of your own, with packages

    \b
      agentctl init researcher > researcher.yaml
      agentctl validate researcher.yaml
      kubectl apply -f researcher.yaml
    """  # noqa: D301 -- click wants these backspaces
    text = (files("agentctl_runtime.cli") / "patterns" / f"{pattern}.yaml").read_text("utf-8")
    click.echo(text.replace(NAME, name), nl=False)

"""`agentctl validate`: everything that is wrong with the Agents in files, before they are applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from ._config_options import config_from, config_options
from ._exits import ExitCode, command
from ._findings import Finding, Read, look_through, read_agents
from ._output import output_option, show


@command({ExitCode.OK: "nothing is wrong", ExitCode.NO: "something is wrong; it is told"}, ExitCode.NO_INPUT)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@output_option()
@config_options
@click.pass_context
def validate(ctx: click.Context, /, *, files: tuple[str, ...], output: str, **settings: Any) -> None:
    """Tell everything that is wrong with the Agents in FILEs, each with its place and what to write instead.

    A FILE holds documents of YAML or JSON; objects of other kinds are skipped. A folder stands for the files in it
    that end with .yaml, .yml or .json, and - for the standard input. No cluster is asked.

    \b
      hello.yaml:7:3: spec.comand: unknown field; did you mean command?

    What an Agent may ask for is for the operator's owner to say: the options are those of `agentctl run`, and so are
    their variables.
    """  # noqa: D301 -- click wants this backspace
    config = config_from(settings)
    read = read_agents(files)
    findings = look_through(read, config)
    show(output, lambda: _json(read, findings), lambda: map(str, findings))
    if output == "table":
        click.echo(_summary(read, findings), err=True)
    ctx.exit(ExitCode.NO if findings else ExitCode.OK)


def _json(read: Read, findings: Sequence[Finding]) -> dict[str, Any]:
    problems = [finding.to_json() for finding in findings]
    return {"problems": problems, "summary": {"agents": len(read.agents), "skipped": read.skipped}}


def _summary(read: Read, findings: Sequence[Finding]) -> str:
    skipped = f"; {_counted(read.skipped, 'document')} of other kinds skipped" if read.skipped else ""
    wrong = _counted(len(findings), "problem") if findings else "no problem"
    return f"{_counted(len(read.agents), 'Agent')}: {wrong}{skipped}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

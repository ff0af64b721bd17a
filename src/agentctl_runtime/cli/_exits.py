"""How commands end: the one table of exit codes, which docs/commands.md and each command's help show.

0 to 2 are answers; from 64 on there is none, and the number is that of sysexits(3). An uncaught exception, which Python
ends with 1, is `SOFTWARE`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, Final

import click
from click.exceptions import Exit


class ExitCode(IntEnum):
    """The number that a command ends with."""

    OK = 0
    NO = 1
    WORSE = 2
    USAGE = 64
    DATA = 65
    NO_INPUT = 66
    UNAVAILABLE = 69
    SOFTWARE = 70
    CANNOT_CREATE = 73
    LATER = 75
    NO_PERMISSION = 77
    CONFIGURATION = 78
    INTERRUPTED = 130


MEANINGS: Final[Mapping[ExitCode, str]] = {
    ExitCode.OK: "yes: all is well, or done",
    ExitCode.NO: "no: what was asked about is not so; each command says what that is",
    ExitCode.WORSE: "no, and gravely: a command that has it says what that is",
    ExitCode.USAGE: "wrong usage: a command, an option or its variable, or an argument",
    ExitCode.DATA: "a FILE holds something that cannot be used",
    ExitCode.NO_INPUT: "what was named is not there, or cannot be read",
    ExitCode.UNAVAILABLE: "the cluster does not answer, or does not know Agents",
    ExitCode.SOFTWARE: "a bug of agentctl: what follows it is a traceback",
    ExitCode.CANNOT_CREATE: "a file cannot be written",
    ExitCode.LATER: "not now: leadership was lost; start it again",
    ExitCode.NO_PERMISSION: "the cluster refuses: who asks is unknown there, or may not",
    ExitCode.CONFIGURATION: "no usable configuration of a cluster, or packages are missing",
    ExitCode.INTERRUPTED: "interrupted from the keyboard",
}
FILE_ERRORS: Final = (ExitCode.DATA, ExitCode.NO_INPUT)
"""How a command that reads FILEs may end."""
CLUSTER_ERRORS: Final = (ExitCode.UNAVAILABLE, ExitCode.NO_PERMISSION, ExitCode.CONFIGURATION)
"""How a command that asks a cluster may end."""


class Failure(Exception):  # noqa: N818 -- like ApiFailure
    """A command has no answer, for this reason."""

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class Command(click.Command):
    """A command whose help shows how it ends; made by `command`."""

    exits: Mapping[ExitCode, str]
    words: Mapping[str, Mapping[str, str]] = {}
    """Tables of what else is to be known, by their titles."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- click's signature
        for title, table in self.words.items():
            with formatter.section(title):
                formatter.write_dl(list(table.items()))
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), meaning) for code, meaning in sorted(self.exits.items())])


def command(
    answers: Mapping[ExitCode, str] | None = None, *errors: ExitCode
) -> Callable[[Callable[..., Any]], Command]:
    """Return the decorator that makes a command.

    Args:
        answers: what its own codes, 0 to 2, say; only 0, with nothing to say, if not given.
        errors: the further ones that it may end with, such as `FILE_ERRORS`. Those that each may end with go without
            saying, except for wrong usage.
    """
    told = answers or {ExitCode.OK: "done"}
    exits = {**told, **{code: MEANINGS[code] for code in (ExitCode.USAGE, *errors)}}

    def decorate(function: Callable[..., Any]) -> Command:
        made = click.command(cls=Command)(function)
        made.exits = exits
        return made

    return decorate


@contextmanager
def with_exit_codes() -> Generator[None]:
    """End a command that fails, or is called wrongly, with the exit code of this table."""
    try:
        yield
    except Failure as failure:
        click.echo(f"Error: {failure}", err=True)
        raise Exit(failure.code) from failure
    except click.UsageError as error:
        error.show()
        raise Exit(ExitCode.USAGE) from error
    except (KeyboardInterrupt, click.Abort) as error:
        raise Exit(ExitCode.INTERRUPTED) from error

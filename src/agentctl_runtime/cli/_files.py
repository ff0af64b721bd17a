"""The FILEs that commands read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Any

import click
from click.core import ParameterSource

from ._exits import ExitCode, Failure


def opened(name: str) -> IO[bytes]:
    """Open a file, or with `-` the standard input. Raises Failure (NO_INPUT): it is not there, or cannot be read."""
    try:
        return click.open_file(name, "rb")
    except OSError as error:
        raise _unreadable(name, error) from error


def bytes_of(name: str) -> bytes:
    """Return what a file holds. Raises Failure (NO_INPUT): it is not there, or cannot be read."""
    with opened(name) as file:
        try:
            content: Any = file.read()
        except OSError as error:
            raise _unreadable(name, error) from error
    return bytes(content)


def text_of(name: str) -> str:
    """Return the text that a file holds. Raises Failure: as `bytes_of`, or it is no text (DATA)."""
    try:
        return bytes_of(name).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Failure(ExitCode.DATA, f"{name}: no text in UTF-8: {error}") from error


def write_text(name: str, text: str) -> None:
    """Write a file, or with `-` to the standard output. Raises Failure (CANNOT_CREATE): it cannot be written."""
    try:
        with click.open_file(name, "w", encoding="utf-8", errors="replace", atomic=name != "-") as file:
            file.write(text)
    except OSError as error:
        raise Failure(ExitCode.CANNOT_CREATE, f"{name}: {error.strerror or error}") from error


def refuse_both(context: click.Context, files: Sequence[str]) -> None:
    """Raise click.UsageError where FILEs are given and --context too; its variable may be set for other commands."""
    if files and context.get_parameter_source("context") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--context chooses a cluster, and FILEs take its place: give one of the two.")


def _unreadable(name: str, error: OSError) -> Failure:
    return Failure(ExitCode.NO_INPUT, f"{name}: {error.strerror or error}")

"""docs/commands.md says what the commands do."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from agentctl_runtime.cli._exits import MEANINGS, Command, ExitCode
from agentctl_runtime.cli._group import COMMANDS, agentctl

TEXT = (Path(__file__).parents[3] / "docs" / "commands.md").read_text("utf-8")


def test_every_exit_code_has_its_row() -> None:
    rows = re.findall(r"^\| (\d+) \| ([^|]*) \|$", TEXT, re.MULTILINE)
    assert {int(code): meaning for code, meaning in rows} == {int(code): told for code, told in MEANINGS.items()}
    assert MEANINGS.keys() == set(ExitCode)


def test_every_command_has_its_row_of_answers_in_the_order_of_the_help() -> None:
    names = re.findall(r"^\| ([a-z]+) \|(?: [^|]* \|| \|){3}$", TEXT, re.MULTILINE)
    assert names == ["command", *COMMANDS]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_answers_of_a_command_are_those_of_its_help(name: str) -> None:
    command = agentctl.get_command(click.Context(agentctl), name)
    assert isinstance(command, Command)
    row = re.search(rf"^\| {name} \|(.*)\|(.*)\|(.*)\|$", TEXT, re.MULTILINE)
    assert row is not None
    codes = (ExitCode.OK, ExitCode.NO, ExitCode.WORSE)
    assert [text.strip() for text in row.groups()] == [command.exits.get(code, "") for code in codes]

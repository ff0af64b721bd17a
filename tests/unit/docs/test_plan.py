"""docs/plan.md says what `agentctl plan` does."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from agentctl_core.testing.preview import Treatment
from agentctl_runtime.cli._group import agentctl
from agentctl_runtime.cli.plan import BAD_DATA, RESTARTS, TO_DO, USAGE

TEXT = (Path(__file__).parents[3] / "docs" / "plan.md").read_text("utf-8")


def test_every_treatment_has_its_row_and_exit_code() -> None:
    rows = dict(re.findall(r"^\| ([a-z ]+) \| .* \| (\d) \|$", TEXT, re.MULTILINE))
    codes = dict.fromkeys(Treatment, TO_DO) | {Treatment.RESTART: RESTARTS, Treatment.SAME: 0}
    assert rows == {treatment.value: str(code) for treatment, code in codes.items()}


def test_the_exit_codes_are_those_of_the_program_and_of_its_help() -> None:
    rows = re.findall(r"^\| (\d+) \| ([a-z][^|]*) \|$", TEXT, re.MULTILINE)
    assert {int(code) for code, _ in rows} == {0, 1, TO_DO, RESTARTS, USAGE, BAD_DATA}
    said = CliRunner().invoke(agentctl, ["plan", "--help"]).output
    assert {int(code) for code in re.findall(r"^ +(\d+)  ", said, re.MULTILINE)} == {int(code) for code, _ in rows}


def test_what_a_dump_should_hold_is_said_the_same_everywhere() -> None:
    said = CliRunner().invoke(agentctl, ["plan", "--help"]).output
    (command,) = set(re.findall(r"kubectl get \S+ -A -o yaml --show-managed-fields", TEXT))
    assert command in said

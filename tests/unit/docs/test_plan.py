"""docs/plan.md says what `agentctl plan` does."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from agentctl_core.testing.preview import Treatment
from agentctl_runtime.cli._exits import ExitCode
from agentctl_runtime.cli._group import agentctl

TEXT = (Path(__file__).parents[3] / "docs" / "plan.md").read_text("utf-8")


def test_every_treatment_has_its_row_and_exit_code() -> None:
    rows = dict(re.findall(r"^\| ([a-z ]+) \| .* \| (\d) \|$", TEXT, re.MULTILINE))
    codes = dict.fromkeys(Treatment, ExitCode.NO) | {Treatment.RESTART: ExitCode.WORSE, Treatment.SAME: ExitCode.OK}
    assert rows == {treatment.value: str(int(code)) for treatment, code in codes.items()}


def test_what_a_dump_should_hold_is_said_the_same_everywhere() -> None:
    said = CliRunner().invoke(agentctl, ["plan", "--help"]).output.replace("\\\n", "")
    (command,) = set(re.findall(r"kubectl get \S+ -A -o yaml --show-managed-fields", TEXT))
    assert command in " ".join(said.split())

"""`agentctl init` prints an Agent that is right and explains itself."""

from __future__ import annotations

import re

import pytest
import yaml
from click.testing import CliRunner, Result

from agentctl_runtime.cli._group import agentctl
from agentctl_runtime.cli.init import PATTERNS

MOST_COLUMNS = 100


def invoke(*arguments: str, text: str = "") -> Result:
    result = CliRunner().invoke(agentctl, arguments, input=text)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("name", [(), ("researcher",), ("a" * 63,)], ids=lambda name: "".join(name)[:10])
def test_what_it_prints_is_valid_and_has_the_name(pattern: str, name: tuple[str, ...]) -> None:
    text = invoke("init", *name, "--pattern", pattern).stdout
    assert yaml.safe_load(text)["metadata"]["name"] == ("".join(name) or "my-agent")
    assert "my-agent" not in text or not name
    validated = invoke("validate", "-", text=text)
    assert (validated.exit_code, validated.stdout) == (0, "")


@pytest.mark.parametrize("pattern", PATTERNS)
def test_it_explains_itself_in_few_columns(pattern: str) -> None:
    lines = invoke("init", "--pattern", pattern).stdout.splitlines()
    assert [line for line in lines if len(line) > MOST_COLUMNS] == []
    assert sum("#" in line for line in lines) >= 8
    assert "kubectl apply" in "\n".join(lines[:8])


def test_each_pattern_is_what_it_is_called() -> None:
    specs = {each: yaml.safe_load(invoke("init", "--pattern", each).stdout)["spec"] for each in PATTERNS}
    assert [each for each, spec in specs.items() if "service" in spec] == ["service", "wrapped"]
    assert [each for each, spec in specs.items() if spec.get("restartPolicy", "Always") != "Always"] == ["task", "glue"]
    assert [each for each, spec in specs.items() if "command" not in spec] == ["wrapped"]
    assert [each for each, spec in specs.items() if "sdk" in spec and "files" in spec] == ["glue"]
    assert yaml.safe_load(invoke("init").stdout)["spec"] == specs["service"]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_field_in_a_comment_is_right_too(pattern: str) -> None:
    text = invoke("init", "--pattern", pattern).stdout
    shown = re.sub(r"(?m)^(\s+)# (- name|  valueFrom|securityProfile|command)", r"\1\2", text)
    assert invoke("validate", "-", text=shown).stdout == ""


def test_the_help_names_each_pattern() -> None:
    told = invoke("init", "--help").stdout
    for pattern, about in PATTERNS.items():
        assert re.search(rf"{pattern} +{about}", told)


@pytest.mark.parametrize("name", ["Researcher", "1st", "a.b", "a" * 64, "a-", ""])
def test_a_name_that_no_agent_can_have_is_told(name: str) -> None:
    result = invoke("init", name)
    assert result.exit_code == 64
    assert "is no name for an Agent: write up to 63 lower-case letters" in result.stderr

"""What all commands have in common: sections of the help, exit codes, formats, completion, and what they import."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from agentctl_runtime import cli
from agentctl_runtime.cli import _exits
from agentctl_runtime.cli._exits import MEANINGS, Command, ExitCode, Failure
from agentctl_runtime.cli._group import COMMANDS, SECTIONS, agentctl
from agentctl_runtime.cli._output import wrapped

AGENTCTL = Path(sys.executable).with_name("agentctl")
WATCHED = (
    "agentctl_core", "agentctl_core.testing", "agentctl_runtime.embedded", "asyncio", "httpx2", "hypothesis",
    "lightkube", "opentelemetry", "prometheus_client", "rich", "structlog", "waitress", "yaml",
)  # fmt: skip
"""Whatever takes time or memory to import."""
_CLUSTER = {"agentctl_core", "asyncio", "httpx2", "lightkube", "yaml"}
_OPERATOR = _CLUSTER | {"structlog"}
IMPORTS = {
    "": set[str](),
    "init": set[str](),
    "validate": {"agentctl_core", "agentctl_core.testing", "yaml"},
    "render": {"agentctl_core", "agentctl_core.testing", "asyncio", "httpx2", "rich", "structlog", "yaml"},
    "completion": set[str](),
    "crd": {"agentctl_core", "yaml"},
    "demo": _OPERATOR | {"agentctl_core.testing", "agentctl_runtime.embedded", "rich"},
    "doctor": _CLUSTER,
    "explain": _CLUSTER,
    "plan": _CLUSTER | {"agentctl_core.testing"},
    "replay": {"agentctl_core", "agentctl_core.testing"},
    "run": _OPERATOR | {"prometheus_client", "rich", "waitress"},
    "simulate": {"agentctl_core", "agentctl_core.testing", "rich", "yaml"},
}
"""By command, what its help imports of what is watched; the first is `agentctl --help`."""


def command(name: str) -> Command:
    found = agentctl.get_command(click.Context(agentctl), name)
    assert isinstance(found, Command)
    return found


def test_the_help_shows_each_command_once_in_its_section() -> None:
    said = CliRunner().invoke(agentctl, ["--help"], terminal_width=80).output
    for title, commands in SECTIONS.items():
        shown = re.search(rf"^{title}:\n((?:  .*\n)+)", said, re.MULTILINE)
        names = re.findall(r"^  (\S+)", shown[1], re.MULTILINE) if shown else []
        assert names == list(commands)
    for line in COMMANDS.values():
        assert said.count(f"  {line}\n") == 1, "a command's line fits"


@pytest.mark.parametrize("name", IMPORTS)
def test_a_help_imports_what_its_command_needs_and_no_more(name: str) -> None:
    code = f"""
import sys
from agentctl_runtime.cli import main
sys.argv[1:] = [*{name!r}.split(), "--help"]
try:
    main()
finally:
    print([name for name in {WATCHED!r} if name in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.startswith(f"Usage: agentctl {name}".rstrip())
    assert run.stdout.splitlines()[-1] == str([each for each in WATCHED if each in IMPORTS[name]])


def test_what_is_imported_is_known_of_every_command() -> None:
    assert IMPORTS.keys() - {""} == COMMANDS.keys()


# Exit codes


@pytest.mark.parametrize("name", COMMANDS)
def test_a_help_tells_how_its_command_ends(name: str) -> None:
    exits = command(name).exits
    said = CliRunner().invoke(agentctl, [name, "--help"], terminal_width=80).output
    told = " ".join(said.partition("Exit codes:\n")[2].split())
    assert told == " ".join(f"{int(code)} {exits[code]}" for code in sorted(exits))
    for code in exits:
        assert code <= ExitCode.WORSE or exits[code] == MEANINGS[code]


@pytest.mark.parametrize("arguments", [["nonsense"], ["--nonsense"], ["crd", "--nonsense"], ["replay"], ["crd", "x"]])
def test_wrong_usage_has_one_code_in_every_command(arguments: list[str]) -> None:
    result = CliRunner().invoke(agentctl, arguments)
    assert result.exit_code == ExitCode.USAGE
    assert "Usage: agentctl" in result.stderr


def ends(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    @_exits.command()
    def broken() -> None:
        raise error

    monkeypatch.setattr(agentctl, "get_command", lambda *_: broken)
    monkeypatch.setattr(sys, "argv", ["agentctl", "broken"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_a_bug_is_no_answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(monkeypatch, KeyError("lost")) == ExitCode.SOFTWARE
    assert "KeyError: 'lost'" in capsys.readouterr().err


def test_an_interruption_is_none_either(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(monkeypatch, KeyboardInterrupt()) == ExitCode.INTERRUPTED
    assert "Traceback" not in capsys.readouterr().err


def test_a_failure_is_told_with_its_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(monkeypatch, Failure(ExitCode.NO_PERMISSION, "you may not")) == ExitCode.NO_PERMISSION
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "Error: you may not\n")


# Formats


def test_prose_fits_into_80_columns_or_a_narrower_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "word " * 40 + "a" * 100
    monkeypatch.setenv("COLUMNS", "200")
    lines = wrapped(text, "  ", "    ")
    assert lines[0].startswith("  word")
    assert all(line.startswith("    ") for line in lines[1:])
    assert max(map(len, lines[:-1])) in range(76, 81)
    assert lines[-1] == "    " + "a" * 100
    monkeypatch.setenv("COLUMNS", "40")
    assert max(map(len, wrapped(text)[:-1])) <= 40
    assert wrapped("", "  ") == ["  "]


def test_a_document_of_yaml_says_what_that_of_json_says() -> None:
    text = CliRunner().invoke(agentctl, ["crd"]).output
    made = CliRunner().invoke(agentctl, ["crd", "-o", "json"]).output
    assert json.loads(made) == yaml.safe_load(text)


# Completion


def completed(*words: str) -> list[str]:
    """Return what a real bash proposes for the last word."""
    script = """
source <(agentctl completion bash)
complete -p agentctl >/dev/null || exit 1
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
_agentctl_completion agentctl
printf '%s\\n' "${COMPREPLY[@]}"
"""
    environment = {**os.environ, "PATH": f"{AGENTCTL.parent}:{os.environ['PATH']}"}
    bash = ["bash", "--norc", "--noprofile", "-c", script, "bash", "agentctl", *words]
    run = subprocess.run(bash, capture_output=True, text=True, check=True, env=environment)
    assert run.stderr == ""
    return run.stdout.split()


def test_bash_completes_commands_options_and_values() -> None:
    assert completed("") == list(COMMANDS)
    assert completed("r") == ["render", "replay", "run"]
    assert completed("plan", "--up") == ["--upgrade"]
    assert completed("plan", "-o", "") == ["table", "json", "yaml"]
    assert completed("completion", "z") == ["zsh"]


def test_completing_a_command_imports_none() -> None:
    code = """
import sys
from agentctl_runtime.cli import main
try:
    main()
finally:
    print([name for name in ("agentctl_core", "lightkube", "yaml") if name in sys.modules])
"""
    words = {"_AGENTCTL_COMPLETE": "bash_complete", "COMP_WORDS": "agentctl p", "COMP_CWORD": "1"}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **words}
    )
    assert run.stdout == "plain,plan\n[]\n"


def test_kubectl_is_proposed_every_command_each_on_a_line_with_what_it_is() -> None:
    commands = "".join(f"{name}\t{line}\n" for name, line in COMMANDS.items())
    asked = str(AGENTCTL.with_name("kubectl_complete-agent"))
    for command_line in ([asked], [asked, ""]):
        said = subprocess.run(command_line, capture_output=True, text=True, check=True).stdout
        assert said == f"{commands}:36\n"


@pytest.mark.parametrize(
    ("shell", "line"), [("zsh", "#compdef agentctl"), ("fish", "complete --no-files --command agentctl")]
)
def test_other_shells_have_a_script_too(shell: str, line: str) -> None:
    result = CliRunner().invoke(agentctl, ["completion", shell])
    assert result.exit_code == 0
    assert line in result.output
    assert "_AGENTCTL_COMPLETE" in result.output

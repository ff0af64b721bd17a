"""What all commands print can be read: in 80 columns, without colour, in a pipe, by programs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from agentctl_core import Config, Observed, reconcile
from agentctl_core.testing.replay import Record, header_line, to_line
from agentctl_runtime.cli._group import COMMANDS, agentctl

from . import support
from .cli_support import Json, Served, agent

AGENTCTL = Path(sys.executable).with_name("agentctl")
EXAMPLES = Path(__file__).parents[3] / "examples"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
QUIET = {"run"}
"""What logs, and prints nothing."""
SCRIPTS = {"completion", "init"}
"""What prints a program, or a file to be edited."""
RUNS: dict[str, list[str]] = {
    "init": [],
    "validate": ["WRONG"],
    "render": [str(EXAMPLES / "full.yaml")],
    "plan": ["FAILING", "--at", "2026-02-01T00:00:00Z"],
    "explain": ["demo", "FAILING"],
    "replay": ["RECORD"],
    "simulate": [str(EXAMPLES / "hello.yaml"), "--faults", "pod-killed@30s"],
    "demo": [],
    "doctor": [],
    "crd": [],
    "completion": ["bash"],
}
"""By command, arguments with which it has something to tell; FAILING, RECORD and WRONG stand for files."""
DATA = (" -> ", " runs [", "~ actions", "+ actions", "agent.yaml:1:")
"""What a line has that shows a file's or a cluster's own values, which stand as they are, or a place for an editor."""
WITH_FORMATS = sorted(RUNS.keys() - SCRIPTS - {"demo"})


@pytest.fixture
def run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """Runs a command as it is in RUNS, with further options."""
    monkeypatch.setattr(asyncio, "run", support.run)
    monkeypatch.setenv("COLUMNS", "80")

    def call(name: str, *options: str, **settings: Any) -> Result:
        served: Served = request.getfixturevalue("canned" if name == "doctor" else "served")
        files = {"FAILING": failing, "RECORD": record, "WRONG": wrong}
        arguments = [files[each](served, tmp_path) if each in files else each for each in RUNS[name]]
        result = CliRunner().invoke(agentctl, [name, *arguments, *options], **settings)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        assert result.exit_code in (0, 1), result.output
        return result

    return call


def failing(served: Served, folder: Path) -> str:
    """Write a dump of an Agent that is about to be changed, with whatever can be told of it."""
    file = folder / "dump.json"
    if not file.exists():
        served.add(agent())
        served.edit("Agent", spec={"image": "example/agent:2"})
        file.write_text(json.dumps(served.dump()))
    return str(file)


def record(_: Served, folder: Path) -> str:
    """Write a record in which a decision differs."""
    manifest: Json = agent()
    manifest["metadata"] |= {"uid": "u", "resourceVersion": "1"}
    observed = Observed(NOW)
    actions = reconcile(manifest, observed)
    file = folder / "record"
    file.write_bytes(header_line(NOW) + to_line(Record(manifest, observed, Config(), actions[1:])))
    return str(file)


def wrong(_: Served, folder: Path) -> str:
    """Write an Agent with two mistakes."""
    file = folder / "agent.yaml"
    file.write_text(json.dumps(agent(imagee="x", replicas=7)))
    return str(file)


def test_every_command_is_looked_at() -> None:
    assert RUNS.keys() | QUIET == COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_help_fits_into_80_columns(name: str) -> None:
    said = CliRunner().invoke(agentctl, [name, "--help"], terminal_width=80).output
    assert [line for line in said.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("name", sorted(RUNS.keys() - SCRIPTS - {"crd", "render"}))
def test_what_a_command_tells_fits_into_80_columns_but_for_data(run: Callable[..., Result], name: str) -> None:
    lines = run(name).output.splitlines()
    assert len(lines) > 1
    assert [line for line in lines if len(line) > 80 and not any(mark in line for mark in DATA)] == []


@pytest.mark.parametrize("name", RUNS)
def test_nothing_but_text_goes_into_a_pipe(run: Callable[..., Result], name: str) -> None:
    output = run(name).output
    assert all(c.isprintable() or c == "\n" for c in output)


@pytest.mark.parametrize("surroundings", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
@pytest.mark.parametrize("name", ["doctor", "explain"])
def test_colour_is_left_out_where_it_is_not_wanted(
    run: Callable[..., Result], name: str, surroundings: dict[str, str]
) -> None:
    plain = {"NO_COLOR": "", "TERM": "xterm"}
    coloured = run(name, color=True, env=plain).output
    assert "\x1b[" in coloured
    text = run(name, color=True, env=plain | surroundings).output
    assert text == click.unstyle(coloured), "colour says nothing that words do not"


@pytest.mark.parametrize("name", WITH_FORMATS)
def test_json_is_one_document_and_yaml_says_the_same(run: Callable[..., Result], name: str) -> None:
    told = json.loads(run(name, "-o", "json").stdout)
    documents = [*yaml.safe_load_all(run(name, "-o", "yaml").stdout)]
    assert documents == (told["items"] if told.get("kind") == "List" else [told])


@pytest.mark.parametrize(
    ("surroundings", "is_coloured"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
@pytest.mark.parametrize("name", ["explain", "simulate"])
def test_on_a_terminal_there_is_colour_unless_it_is_not_wanted(
    served: Served,
    tmp_path: Path,
    name: str,
    surroundings: dict[str, str],
    is_coloured: bool,  # noqa: FBT001
) -> None:
    arguments = [failing(served, tmp_path) if each == "FAILING" else each for each in RUNS[name]]
    environment = {"PATH": os.environ["PATH"], **surroundings}
    reader, writer = pty.openpty()
    with os.fdopen(reader, "rb", buffering=0) as terminal:
        with subprocess.Popen([AGENTCTL, name, *arguments], stdout=writer, stderr=writer, env=environment) as process:
            os.close(writer)
            said = b""
            with contextlib.suppress(OSError):  # the end of a terminal whose other side is closed
                while part := terminal.read(4096):
                    said += part
        assert process.returncode in (0, 1), said
    assert (b"\x1b[" in said) == is_coloured, said

"""`agentctl replay` says what a record's decisions have become."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from attrs import evolve
from click.testing import CliRunner, Result

from agentctl_core import Config, Observed, PatchStatus, Requeue, reconcile
from agentctl_core.testing.replay import Record, header_line, to_line
from agentctl_runtime.cli._group import agentctl

from .support import in_order

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MANIFEST = {
    "apiVersion": "agentctl.dev/v1alpha1",
    "kind": "Agent",
    "metadata": {"name": "demo", "namespace": "team", "uid": "u", "resourceVersion": "1"},
    "spec": {"image": "example/agent", "command": ["run"]},
}
OBSERVED = Observed(NOW)
RIGHT = Record(MANIFEST, OBSERVED, Config(), reconcile(MANIFEST, OBSERVED))


def invoke(file: Path, *arguments: str) -> Result:
    return CliRunner().invoke(agentctl, ["replay", str(file), *arguments])


def record(folder: Path, *lines: bytes) -> Path:
    file = folder / "record"
    file.write_bytes(header_line(NOW) + b"".join(lines))
    return file


def test_the_same_decisions_make_no_difference(tmp_path: Path) -> None:
    result = invoke(record(tmp_path, to_line(RIGHT), to_line(RIGHT)))
    assert (result.exit_code, result.output) == (0, "2 decisions, 0 differ, 0 lines cannot be read\n")


def test_an_action_that_appears_disappears_or_changes_is_shown_with_its_place(tmp_path: Path) -> None:
    less = evolve(RIGHT, actions=RIGHT.actions[1:])
    more = evolve(RIGHT, actions=(*RIGHT.actions, Requeue(30)))
    create, written = RIGHT.actions
    assert isinstance(written, PatchStatus)
    status = evolve(written, status={"replicas": 9})
    other = evolve(RIGHT, actions=(create, status))
    result = invoke(record(tmp_path, to_line(less), to_line(more), to_line(other)))
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[0] == "line 2: Agent team/demo at 2026-01-01T00:00:00+00:00"
    assert lines[1].startswith("  + actions[0] Create {")
    assert '  - actions[2] Requeue {"do": "Requeue", "after": 30' in result.output
    assert "  ~ actions[1] PatchStatus" in lines
    assert any("status.replicas: 9 -> 1" in line for line in lines)
    assert lines[-1] == "3 decisions, 3 differ, 0 lines cannot be read"


def test_differences_are_json_for_machines(tmp_path: Path) -> None:
    result = invoke(record(tmp_path, to_line(evolve(RIGHT, actions=()))), "-o", "json")
    told = json.loads(result.output)
    found = told["differences"]
    assert result.exit_code == 1
    assert told["summary"] == {"decisions": 1, "differing": 1, "unreadable": 0}
    assert {(each["line"], each["agent"], each["before"]) for each in found} == {(2, "team/demo", None)}
    assert [each["after"]["do"] for each in found] == ["Create", "PatchStatus"]


@pytest.mark.parametrize("bad", [b"{", b"\xff\x00\n", b"[" * 100_000 + b"\n", b'{"format": 99}\n', b"5\n"])
def test_a_line_that_cannot_be_read_is_named_and_the_others_are_replayed(tmp_path: Path, bad: bytes) -> None:
    file = record(tmp_path, to_line(RIGHT), bad)
    result = invoke(file)
    assert result.exit_code == 65
    assert f"{file}:3: " in result.output
    assert "1 decisions, 0 differ, 1 lines cannot be read" in result.output


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = invoke(tmp_path / "none")
    assert result.exit_code == 66
    assert f"{tmp_path / 'none'}: No such file" in result.stderr


def test_a_page_shows_each_agent_its_decisions_and_what_differs(tmp_path: Path) -> None:
    other = evolve(RIGHT, manifest={**MANIFEST, "metadata": {**MANIFEST["metadata"], "name": "other"}})  # type: ignore[dict-item]
    other = evolve(other, actions=reconcile(other.manifest, OBSERVED))
    later = evolve(RIGHT, observed=Observed(NOW + timedelta(seconds=90)), actions=RIGHT.actions[1:])
    page = tmp_path / "page.html"
    result = invoke(record(tmp_path, to_line(other), to_line(RIGHT), to_line(later)), "--html", str(page))
    assert result.exit_code == 1
    told = re.sub(r"<[^>]+>", " ", page.read_text())
    in_order(told, ["3", "team/demo", "2 decisions, 1 differ", "1 m 30 s", "+ actions[0] Create", "team/other"])
    assert told.count("1 decisions, 0 differ") == 1
    assert "Ready = False (PodPending)" in told


def test_a_record_of_many_agents_shows_those_that_differ_and_says_who_is_missing(tmp_path: Path) -> None:
    lines = []
    for number in range(25):
        named = evolve(RIGHT, manifest={**MANIFEST, "metadata": {"name": f"a{number:02}", "uid": "u"}})
        named = evolve(named, actions=reconcile(named.manifest, OBSERVED))
        lines.append(to_line(named if number < 24 else evolve(named, actions=())))
    page = tmp_path / "page.html"
    invoke(record(tmp_path, *lines), "--html", str(page))
    text = page.read_text()
    assert re.findall(r'<h2 id="p0h">(.*?)</h2>', text) == ["default/a24"]
    assert text.count("<h2") == 20
    assert "5 more Agents are in the record, and not in this page." in text


def test_a_record_of_anything_is_drawn(tmp_path: Path) -> None:
    objects = ({"kind": "Pod", "metadata": {"name": "demo"}, "status": {"conditions": "none"}, "spec": 1},)
    odd = {**MANIFEST, "status": {"conditions": [5, {"type": "Ready"}]}}
    line = to_line(Record(odd, Observed(NOW, objects), Config(), ()))
    page = tmp_path / "page.html"
    result = invoke(record(tmp_path, line), "--html", str(page))
    assert result.exit_code == 1
    assert "Ready = None (None)" in page.read_text()

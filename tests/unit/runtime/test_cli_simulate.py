"""`agentctl simulate` tells what would become of an Agent, to people and to programs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from agentctl_core.testing import FAULTS
from agentctl_core.testing.simulation import LawBrokenError
from agentctl_runtime.cli import _simulated as simulated
from agentctl_runtime.cli._fault_options import KNOWN, FaultList
from agentctl_runtime.cli._group import agentctl
from agentctl_runtime.cli._times import length_in_words, length_of
from agentctl_runtime.cli.simulate import simulate

from .support import in_order

EXAMPLES = Path(__file__).parents[3] / "examples"
HELLO = EXAMPLES / "hello.yaml"


def invoke(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(agentctl, ["simulate", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    return result


def agent_file(folder: Path, **spec: Any) -> Path:
    manifest = {"apiVersion": "agentctl.dev/v1alpha1", "kind": "Agent", "metadata": {"name": "mine"}, "spec": spec}
    file = folder / f"agent-{len(list(folder.iterdir()))}.yaml"
    file.write_text(yaml.safe_dump(manifest))
    return file


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_example_comes_through(file: Path) -> None:
    result = invoke(file)
    assert result.exit_code == 0, result.output
    in_order(result.stdout, ["applied Agent", "create Pod", "Running, ready", "Ready = True", "would happen"])


def test_faults_happen_at_their_times_and_are_told() -> None:
    result = invoke(HELLO, "--faults", "pod-killed@30s, conflict", "--faults", "node-lost@1m")
    in_order(
        result.stdout,
        [
            "  0.00 s  fault     conflict: the API server answers 409 Conflict to a write",
            "(create Pod hello)",
            " 30.00 s  fault     pod-killed: somebody deletes the pod without grace",
            " 30.00 s  pod       Running, ready on node-1 -> absent",
            " 60.00 s  fault     node-lost",
            " 60.00 s  condition Ready = False (NodeLost)",
        ],
    )
    assert invoke(HELLO, "--faults", "pod-killed@30s,conflict,node-lost@1m").stdout == result.stdout


def test_a_user_who_changes_or_deletes_the_agent_is_no_fault(tmp_path: Path) -> None:
    suspended = agent_file(tmp_path, image="example.com/agent:2", command=["agent"], replicas=0)
    result = invoke(HELLO, "--change", f"{suspended}@20s", "--faults", "delete@1m")
    in_order(
        result.stdout,
        [
            " 20.00 s  you       changed the spec of Agent hello",
            "Suspended = True",
            "Ready is not told any more",
            "delete Pod hello",
            " 60.00 s  you       delete the Agent",
            " 60.00 s  condition Accepted is not told any more",
        ],
    )
    assert " fault " not in result.stdout
    refused = invoke(HELLO, "--change", f"{agent_file(tmp_path, image=5)}@20s")
    assert "which the API server refuses: 422 Invalid" in " ".join(refused.stdout.split())


def test_images_that_are_looked_up_and_denied_writes_are_told() -> None:
    told = invoke(EXAMPLES / "image-lookup.yaml").stdout
    in_order(told, ["ask the registry what", "is assumed to run"])
    assert "(refused: it decides again)" in invoke(HELLO, "--faults", "stranger").stdout


def test_whether_the_agent_came_through_is_the_exit_code() -> None:
    result = invoke(HELLO, "--faults", "node-lost@10s")
    assert (result.exit_code, "failed    Ready = False (NodeLost)" in result.stdout) == (1, True)
    assert invoke(HELLO, "--faults", "node-lost@10s,node-back@1m").exit_code == 0
    assert invoke(HELLO, "--faults", "node-lost@10s,node-back@1m", "--until", "30s").exit_code == 1


def test_an_image_that_cannot_be_pulled_is_told_until_it_can_or_the_spec_names_another(tmp_path: Path) -> None:
    result = invoke(HELLO, "--faults", "image-lost")
    in_order(result.stdout, ["image-lost: ", "Ready = False (ImagePullFailed)", "failed    Ready = False"])
    assert result.exit_code == 1
    assert invoke(HELLO, "--faults", "image-lost,image-back@1m").exit_code == 0
    other = agent_file(tmp_path, image="example.com/other:1", command=["agent"])
    result = invoke(HELLO, "--faults", "image-lost", "--change", f"{other}@1m")
    in_order(result.stdout, ["Ready = False (ImagePullFailed)", "delete Pod hello", "create Pod hello", "Ready = True"])
    assert result.exit_code == 0


def test_what_could_not_happen_and_what_would_come_next_is_said() -> None:
    result = invoke(HELLO, "--faults", "node-back@10s")
    assert (result.exit_code, "node-back (10 s) could not happen" in result.stdout) == (1, True)
    assert "the next thing would happen at 23 s" in invoke(EXAMPLES / "task.yaml", "--until", "10s").stdout


def test_random_faults_are_those_of_their_seed() -> None:
    seven = ("--faults", "random", "--seed", "7")
    assert invoke(HELLO, *seven).stdout == invoke(HELLO, *seven).stdout
    assert invoke(HELLO, *seven).stdout != invoke(HELLO, *seven[:-1], "8").stdout
    assert invoke(HELLO, *seven[:2]).stdout == invoke(HELLO, *seven[:-1], "0").stdout


def test_programs_get_every_entry_with_its_details() -> None:
    told = json.loads(invoke(HELLO, "--faults", "pod-killed@30s", "-o", "json").stdout)
    assert yaml.safe_load(invoke(HELLO, "--faults", "pod-killed@30s", "-o", "yaml").stdout) == told
    assert (told["agent"], told["amiss"], told["couldNotHappen"]) == ("default/hello", [], [])
    assert told["end"] == {"at": 33, "because": "settled", "next": None}
    create = next(entry for entry in told["entries"] if entry["kind"] == "Create")
    assert (create["who"], create["detail"]["manifest"]["kind"]) == ("operator", "Pod")
    assert [entry["kind"] for entry in told["entries"] if entry["who"] == "fault"] == ["pod-killed"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--faults", "pod-kiled"), 64, "no fault is named 'pod-kiled'; did you mean pod-killed?"),
        (("--faults", "zzz@3s"), 64, "there are: random, crash, crash-during, "),
        (("--faults", "pod-killed@30"), 64, "'30' is no length of time; write for example 30s, 1m30s or 2h"),
        (("--faults", "random@30s"), 64, "write random alone"),
        (("--seed", "7"), 64, "it needs --faults random"),
        (("--change", "new.yaml"), 64, "'new.yaml' does not say when; write for example new.yaml@1m"),
        (("--change", "new.yaml@x"), 64, "'x' is no length of time"),
        (("--change", "new.yaml@1m"), 66, "new.yaml: No such file"),
        (("--until", "999999999999999h"), 64, "is more than 30 days"),
        (("--until", ""), 64, "'' is no length of time"),
    ],
)
def test_wrong_usage_names_what_is_wrong_and_what_to_write(arguments: tuple[str, ...], code: int, told: str) -> None:
    result = invoke(HELLO, *arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert told in " ".join(result.stderr.split())


def test_an_agent_that_is_not_valid_is_not_run(tmp_path: Path) -> None:
    result = invoke(agent_file(tmp_path, imagee="x", replicas=7))
    assert (result.exit_code, result.stdout) == (65, "")
    assert "spec.imagee" in result.stderr
    assert "spec.replicas" in result.stderr


def test_a_change_to_what_has_no_spec_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none.yaml").write_text("kind: Agent\nspec: [1]\n")
    result = invoke(HELLO, "--change", f"{tmp_path / 'none.yaml'}@5s")
    assert (result.exit_code, "spec: must be an object" in result.stderr) == (65, True)


def test_a_broken_law_is_a_bug_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise LawBrokenError("two pods are alive")

    monkeypatch.setattr(simulated, "_tell", broken)
    result = invoke(HELLO)
    assert (result.exit_code, "two pods are alive" in result.stderr) == (70, True)


def test_the_help_explains_every_fault() -> None:
    help_text = " ".join(invoke("--help").stdout.split())
    assert KNOWN.keys() == FAULTS.keys() - {"edit"}
    assert all(f" {name} {told} " in help_text for name, told in KNOWN.items())


def test_faults_are_completed_after_each_comma() -> None:
    context = simulate.make_context("simulate", [str(HELLO)])
    found = FaultList().shell_complete(context, simulate.params[1], "conflict,pod-k")
    assert [(item.value, item.help) for item in found] == [("conflict,pod-killed", FAULTS["pod-killed"].told)]


@pytest.mark.parametrize(
    ("text", "seconds", "words"),
    [("0.5s", 0.5, "0.5 s"), ("90s", 90, "1 m 30 s"), ("1h5m", 3900, "1 h 5 m"), ("60m", 3600, "1 h")],
)
def test_lengths_of_time_are_read_and_told(text: str, seconds: float, words: str) -> None:
    assert length_of(text).total_seconds() == seconds
    assert length_in_words(seconds) == words


def test_no_line_of_the_help_is_wider_than_a_terminal() -> None:
    assert max(map(len, invoke("--help").stdout.splitlines())) <= 80
    assert not re.search(r"\x1b", invoke(HELLO).stdout)


def test_a_page_is_written_beside_what_is_printed(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    arguments = (HELLO, "--faults", "node-lost@1m,node-back@5s", "--html", file)
    result = invoke(*arguments)
    assert result.stdout == invoke(*arguments[:-2]).stdout
    text = file.read_text()
    in_order(text, ["node-back at 5 s, node-lost at 1 m", "node-back: the lost node answers again", "</html>"])
    assert "it came through" in text
    invoke(HELLO, "--faults", "node-lost@1m", "--html", file)
    assert "Ready = False (NodeLost)" in file.read_text()


def test_a_page_that_cannot_be_written_is_an_error() -> None:
    result = invoke(HELLO, "--html", "/nowhere/page.html")
    assert (result.exit_code, "/nowhere/page.html: No such file" in result.stderr) == (73, True)

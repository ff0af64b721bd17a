"""`agentctl validate`, as a person and as a pipeline use it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from tests.mistakes import HEAD

from agentctl_runtime.cli._group import agentctl

EXAMPLES = Path(__file__).parents[3] / "examples"
OTHER = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n"


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AGENTCTL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def validate(*arguments: str, text: str | bytes = "") -> Result:
    result = CliRunner().invoke(agentctl, ["validate", *arguments], input=text)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_every_example_is_valid() -> None:
    result = validate(str(EXAMPLES))
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"{len(list(EXAMPLES.glob('*.yaml')))} Agents: no problem\n"


def test_problems_are_told_in_the_order_of_files_and_lines_and_the_rest_is_counted() -> None:
    Path("b.yaml").write_text(f"{HEAD}  replicas: 2\n  comand: []\n---\n{OTHER}")
    Path("a.json").write_text(json.dumps(yaml.safe_load(HEAD) | {"kind": "agent"}, indent=2))
    result = validate("b.yaml", "a.json", "-", text=f"{OTHER}---\n{HEAD}---\nx: [\n")
    assert result.exit_code == 1
    assert [line.split(": ")[:2] for line in result.stdout.splitlines()] == [
        ["b.yaml:8:3", "spec.replicas"],
        ["b.yaml:9:3", "spec.comand"],
        ["a.json:3:3", "kind"],
        ["-:14:1", "a value is missing here; add it, or close the bracket or brace of line 14"],
    ]
    assert result.stderr == "3 Agents: 4 problems; 2 documents of other kinds skipped\n"


def test_programs_get_one_document() -> None:
    for output, load in (("json", json.loads), ("yaml", yaml.safe_load)):
        result = validate("-", "-o", output, text=f"{HEAD}  replicas: 2\n")
        assert (result.exit_code, result.stderr) == (1, "")
        told = load(result.stdout)
        (problem,) = told["problems"]
        assert problem.pop("message").startswith("must be 0 or 1")
        assert problem == {"file": "-", "line": 8, "column": 3, "path": "spec.replicas"}
        assert told["summary"] == {"agents": 1, "skipped": 0}
    assert json.loads(validate("-", "-o", "json", text=HEAD).stdout)["problems"] == []


def test_a_folder_stands_for_the_manifests_in_it() -> None:
    Path("deep/er").mkdir(parents=True)
    for name in ("deep/a.yaml", "deep/er/b.yml", "deep/er/c.json", "deep/d.txt"):
        Path(name).write_text("x")
    result = validate("deep")
    assert [line.partition(":")[0] for line in result.stdout.splitlines()] == [
        "deep/a.yaml",
        "deep/er/b.yml",
        "deep/er/c.json",
    ]
    Path("empty").mkdir()
    assert validate("empty").stderr == "0 Agents: no problem\n"


def test_agents_in_lists_have_their_place() -> None:
    items = [yaml.safe_load(HEAD), yaml.safe_load(HEAD.replace("hello", "Bad")), yaml.safe_load(OTHER)]
    text = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items}, sort_keys=False)
    result = validate("-", text=text)
    assert result.stdout.startswith("-:15:5: items[1].metadata.name: must be a DNS label")
    assert result.stderr == "2 Agents: 1 problem; 1 document of other kinds skipped\n"


@pytest.mark.parametrize(
    "text",
    [
        OTHER,
        HEAD.replace("agentctl.dev/v1alpha1", "agent.k8s.elastic.co/v1alpha1"),
        "image: {repository: a}\nreplicas: 5\n",
        "kind: Kustomization\nresources: [a.yaml]\n",
    ],
)
def test_other_kinds_are_skipped_also_those_with_the_same_name(text: str) -> None:
    result = validate("-", text=text)
    assert (result.exit_code, result.stderr) == (0, "0 Agents: no problem; 1 document of other kinds skipped\n")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (HEAD.encode("utf-16"), "-:1:1: is in UTF-16; save it as UTF-8"),
        (b"# caf\xe9\n" + HEAD.encode(), "-:1:6: the byte 0xe9 is no UTF-8; save the file as UTF-8"),
        (f"a: 1\n# é\n# é{'x' * 3}".encode() + b"\xff", "-:3:7: the byte 0xff is no UTF-8"),
        (b"[" * 200_000, "nested too deep"),
        (b"- " * 200_000, "nested more than 100 levels deep"),
    ],
)
def test_bytes_that_are_no_text_or_too_much_are_told(content: bytes, told: str) -> None:
    result = validate("-", text=content)
    assert result.exit_code == 1
    assert told in result.stdout


def test_aliases_that_stand_for_more_than_a_computer_holds_are_told() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "more than 5000000 values; leave out the aliases" in validate("-", text="\n".join(lines)).stdout


def test_what_the_operators_owner_allows_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"{HEAD}  securityContext: {{privileged: true}}\n"
    assert "privileged containers are forbidden" in validate("-", text=text).stdout
    assert validate("-", "--allow-privileged", text=text).exit_code == 0
    monkeypatch.setenv("AGENTCTL_ALLOW_PRIVILEGED", "true")
    assert validate("-", text=text).exit_code == 0


def test_a_text_that_would_move_the_cursor_is_escaped() -> None:
    result = validate("-", text=f'{HEAD}  "a\\e[2J": 1\n')
    assert "\x1b" not in result.stdout
    assert r"spec.a\x1b[2J: unknown field" in result.stdout


def test_a_file_that_is_not_there_and_no_file_at_all_are_errors() -> None:
    missing = validate("nothing.yaml")
    assert missing.exit_code == 66
    assert "nothing.yaml: No such file or directory" in missing.stderr
    assert validate().exit_code == 64

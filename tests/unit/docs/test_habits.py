"""What the project asks of those who work on it leads to what is there: make targets, hooks, forms, files."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z0-9-]+):.*## ", MAKEFILE, re.MULTILINE))
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))


def read(path: str | Path) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def steps() -> list[dict[str, Any]]:
    assert WORKFLOWS
    return [step for path in WORKFLOWS for job in read(path)["jobs"].values() for step in job["steps"]]


def targets_of(command: str) -> set[str]:
    """Return the targets of a make command; nothing else may stand there but settings of variables."""
    match = re.fullmatch(r"(?:exec )?make((?: [a-z0-9-]+| [A-Z]+=\S+)+)", command)
    assert match, command
    return {word for word in match[1].split() if "=" not in word}


def test_workflows_call_make_targets_that_are_there_and_nothing_else() -> None:
    asked = set[str]().union(*(targets_of(step["run"].strip()) for step in steps() if "run" in step))
    assert asked <= TARGETS
    assert {"test", "docs", "unit", "lint", "mutation-changed"} <= asked


def test_workflows_do_what_ci_does_here() -> None:
    here = set[str]().union(
        *map(targets_of, re.findall(r"^(?:exec )?make.*$", (ROOT / ".ci/run").read_text(), re.MULTILINE))
    )
    assert here <= set[str]().union(*(targets_of(step["run"].strip()) for step in steps() if "run" in step))


def test_workflows_use_actions_of_github_alone_each_of_a_named_version() -> None:
    used = [step["uses"] for step in steps() if "uses" in step]
    assert used
    assert [name for name in used if not re.fullmatch(r"actions/[a-z-]+@v\d+", name)] == []


def test_every_target_is_explained() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.split()[0] for line in said.splitlines() if line.startswith("  ")} == TARGETS
    assert [line for line in said.splitlines() if len(line) > 110] == []


def test_no_target_is_taken_for_a_file() -> None:
    known = subprocess.run(["make", "-npq"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    assert set(re.findall(r"^([a-z0-9-]+):.*\n#  Phony target", known, re.MULTILINE)) == TARGETS


def test_hooks_of_pre_commit_are_valid_and_their_programs_are_installed() -> None:
    subprocess.run([BIN / "pre-commit", "validate-config", ".pre-commit-config.yaml"], cwd=ROOT, check=True)
    hooks = [hook for repository in read(".pre-commit-config.yaml")["repos"] for hook in repository["hooks"]]
    assert len(hooks) > 3
    for hook in hooks:
        program, *arguments = hook["entry"].split()
        assert (BIN / program.removeprefix(".venv/bin/")).exists(), program
        assert [each for each in arguments if "/" in each and not (ROOT / each).exists()] == []


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_forms_ask_for_something_under_names_of_their_own(name: str) -> None:
    form = read(f".github/ISSUE_TEMPLATE/{name}.yaml")
    assert form["name"]
    assert form["description"]
    asked = [part for part in form["body"] if part["type"] != "markdown"]
    assert {part["type"] for part in asked} <= {"textarea", "input", "dropdown", "checkboxes"}
    assert all(part["attributes"]["label"] for part in asked)
    assert len({part["id"] for part in asked}) == len(asked) > 2
    assert any(part.get("validations", {}).get("required") for part in asked)


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "SECURITY.md", ".github/pull_request_template.md"])
def test_what_is_named_is_there(page: str) -> None:
    text = (ROOT / page).read_text()
    named = set(re.findall(r"`make ([a-z-]+)", text))
    assert named <= TARGETS
    files = set(re.findall(r"`((?:src|tests|docs|deploy|examples|crds)/[\w./-]+)`", text))
    files |= set(re.findall(r"\]\(([\w./-]+)\)", text)) | set(re.findall(r"`([A-Z]+\.md)`", text))
    assert [name for name in files if not (ROOT / name).exists()] == []

"""docs/mutation.md: its figures add up, and what picks the modules of a change picks the right ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tools import mutation

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/mutation.md").read_text("utf-8")
ROW = re.compile(r"^\| `([\w.]+)` \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| ([\d.]+) % \|$", re.MULTILINE)


def test_the_figures_add_up() -> None:
    whole = re.search(r"\*\*([\d.]+) %\*\* of (\d+) mutants are killed: (\d+) are, (\d+) survive, (\d+) lines", PAGE)
    assert whole is not None
    score, total, killed, survived, pragmas = whole.groups()
    rows = [[int(figure) for figure in row[1:5]] for row in ROW.findall(PAGE)]
    assert [sum(column) for column in zip(*rows, strict=True)][:2] == [int(total) - int(pragmas), int(killed)]
    assert int(killed) + int(survived) + int(pragmas) == int(total)
    assert float(score) == pytest.approx(100 * int(killed) / int(total), abs=0.05)


def test_every_module_that_is_mutated_has_its_row() -> None:
    paths = (ROOT / mutation.CORE).rglob("*.py")
    modules = {mutation.module_of(path.relative_to(ROOT)) for path in paths} - {None, "__init__", "features.__init__"}
    assert {row[0] for row in ROW.findall(PAGE)} == modules


def test_every_survivor_has_its_reason() -> None:
    assert "NOT EXPLAINED" not in PAGE
    counts = [int(count) for count in re.findall(r"^- .*\((\d+)\)$", PAGE, re.MULTILINE)]
    assert sum(counts) == sum(int(row[4]) for row in ROW.findall(PAGE))
    assert len(re.findall(r"^  - `", PAGE, re.MULTILINE)) == sum(counts)


def test_no_line_is_kept_from_mutation_unseen() -> None:
    modules = [row[0] for row in ROW.findall(PAGE)]
    assert f"{mutation.pragmas_in(modules)} lines are kept from mutation by a pragma" in PAGE


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("src/agentctl_core/_pod.py", "_pod"),
        ("src/agentctl_core/features/files.py", "features.files"),
        ("src/agentctl_core/_core_v1_docs.py", None),
        ("src/agentctl_core/testing/_node.py", None),
        ("src/agentctl_core/py.typed", None),
    ],
)
def test_a_path_leads_to_a_module_that_is_mutated(path: str, module: str | None) -> None:
    assert mutation.module_of(Path(path)) == module
    if module is not None:
        assert mutation.path_of(module) == Path(path)


def test_a_module_may_not_fall_below_the_goal_or_what_it_had() -> None:
    mutants = [mutation.Mutant(f"agentctl_core._pod.x_f__mutmut_{n}", 1 if n < 8 else 0) for n in range(10)]
    assert list(mutation.low(mutants, {})) == [("_pod", 80.0, 90.0)]
    assert list(mutation.low(mutants, {"_pod": 85.0})) == [("_pod", 80.0, 85.0)]
    assert list(mutation.low(mutants, {"_pod": 80.0})) == []
    assert list(mutation.low([mutation.Mutant("agentctl_core._pod.x_f__mutmut_1", 36)], {})) == [("_pod", 0.0, 90.0)]


def test_recorded_scores_are_read_from_the_page() -> None:
    assert mutation.scores_in("| `features.files` | 10 | 9 | 0 | 1 | 90.0 % |\n| other | 1 |\n") == {
        "features.files": 90.0
    }


def test_where_nothing_has_changed_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert mutation.changed(None) == 0
    assert capsys.readouterr().out.startswith("mutation tests: nothing is run, since there is no commit")


def test_a_commit_that_is_not_there_is_an_error() -> None:
    assert str(mutation.changed("no-such-commit")).startswith("mutation tests: fatal: ")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["- a = f(x, 1)", "+ a = f(x, 2)"], "`` a = f(x, ⟨1⟩ `` → `` ⟨2⟩ ``"),
        (['- return "one two"', '+ return "XXone twoXX"'], '`` return ⟨"one two"⟩ `` → `` ⟨"XXone twoXX"⟩ ``'),
        (["- f(a, b)", "+ f(a, )"], "`` f(a, ⟨b⟩ `` → `` ⟨⟩ ``"),
    ],
)
def test_a_change_is_told_in_short(lines: list[str], told: str) -> None:
    assert mutation.in_short(lines) == told

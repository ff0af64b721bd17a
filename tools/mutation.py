"""Mutation tests of the core with mutmut: `make mutation` and `make mutation-changed` (see docs/mutation.md).

    python -m tools.mutation run [MODULE...]   run the mutants that are not dead yet (or all of these modules)
    python -m tools.mutation changed [BASE]    run those of the modules that changed since BASE, where that is quick
    python -m tools.mutation report            write the figures of docs/mutation.md from the results in mutants/

A module is named as in the core: `_pod`, `features.files`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from difflib import unified_diff
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from attrs import frozen
from tools.mutation_reasons import reason_of

ROOT: Final = Path(__file__).parents[1]
CORE: Final = Path("src/agentctl_core")
PAGE: Final = Path("docs/mutation.md")
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
COPIED: Final = ("crds", "docs", "examples", "pyproject.toml", "src", "tests", "tools")
GOAL: Final = 90.0
LIMIT_SECONDS: Final = 300
"""As long as the mutants of a change may take."""
START_SECONDS: Final = 60
"""Before the first mutant runs: mutants are made, and it is found out which tests reach them."""
MUTANTS_PER_SECOND: Final = 5
"""On two cores, on the slow side."""
CHILDREN: Final = 2
PRAGMA: Final = re.compile(r"#\s*pragma:\s*no mutate")
KILLED: Final = {1: "killed", -24: "timeout", 24: "timeout", 152: "timeout"}
"""Exit codes of a worker: a test failed, or it ran for many times as long as its tests do."""


@frozen
class Mutant:
    """One mutant and what became of it."""

    name: str
    exit_code: int | None

    @property
    def module(self) -> str:
        """The module of the core that it is one of: `_pod`, `features.files`."""
        return self.name.rpartition(".")[0].removeprefix("agentctl_core.")

    @property
    def function(self) -> str:
        """The function or method that is mutated."""
        mangled = self.name.rpartition(".")[2].rpartition("__mutmut_")[0]
        return mangled.removeprefix("x_") if mangled.startswith("x_") else mangled[1:].strip("ǁ").replace("ǁ", ".")

    @property
    def is_killed(self) -> bool:
        """Whether the tests noticed it."""
        return self.exit_code in KILLED


def main(arguments: Sequence[str]) -> str | int:
    """Do what the command line says; return the exit status, or what to say with status 1."""
    match [*arguments]:
        case ["run", *modules]:
            run(modules)
            return report(modules)
        case ["changed", *base]:
            return changed(base[0] if base and base[0] else default_base())
        case ["report"]:
            return report()
        case _:
            return str(__doc__)


def run(modules: Sequence[str] = ()) -> None:
    """Run mutants: those of some modules, or all that no test has killed yet."""
    import mutmut.__main__ as mutmut  # noqa: PLC0415 -- a report needs none of it
    from mutmut.configuration import config  # noqa: PLC0415
    from mutmut.workers import isolation  # noqa: PLC0415
    from tools.mutation_runner import IMPORTED, CollectedRunner  # noqa: PLC0415

    sys.dont_write_bytecode = False  # mutants are imported again and again
    isolation.PytestRunner = CollectedRunner  # type: ignore[attr-defined]
    estimate = mutmut.estimated_worst_case_time
    survivors = _forget_survivors()

    def order(mutant_name: str) -> float:
        # New ones first, then what mutmut knows no tests of and takes longest, then what survived before.
        return estimate(mutant_name) + 1000 * mutant_name.startswith(IMPORTED) + 2000 * (mutant_name in survivors)

    mutmut.estimated_worst_case_time = order
    _spare(mutmut)
    if modules:
        config().only_mutate = [str(path_of(module)) for module in modules]
    began = datetime.now(UTC)
    mutmut._run((), CHILDREN)  # noqa: SLF001 -- the command without its command line
    took = (datetime.now(UTC) - began).total_seconds()
    print(f"mutation tests took {took:.0f} s")


def _spare(mutmut: Any) -> None:
    """Do seldom what mutmut does for each mutant, which takes as long as the mutant: count all, write all down."""
    from mutmut.mutation.data import SourceFileMutationData  # noqa: PLC0415

    count, save = mutmut.print_stats, SourceFileMutationData.save
    last: dict[object, float] = {}

    def seldom(what: object, seconds: float) -> bool:
        now = time.monotonic()
        if now - last.get(what, 0) < seconds:
            return False
        last[what] = now
        return True

    def print_stats(data: Mapping[str, Any], *, force_output: bool = False) -> None:
        if force_output or seldom("stats", 5):
            count(data, force_output=force_output)
        if force_output:
            for each in data.values():
                save(each)

    def save_at_times(data: Any) -> None:
        if seldom(data.path, 5):
            save(data)

    mutmut.print_stats = print_stats
    SourceFileMutationData.save = save_at_times  # type: ignore[assignment]


def _forget_survivors() -> set[str]:
    """Have the mutants run again that no test has killed; return their names."""
    survivors: set[str] = set()
    for path in Path("mutants/src").rglob("*.meta"):
        data = json.loads(path.read_text())
        codes = data["exit_code_by_key"]
        left = {name for name, code in codes.items() if code not in (None, 1)}
        codes.update(dict.fromkeys(left))
        path.write_text(json.dumps(data))
        survivors |= left
    return survivors


def changed(base: str | None) -> str | int:
    """Run the mutants of the modules that differ from a commit; nothing but a word where that would take too long."""
    if base is None:
        print("mutation tests: nothing is run, since there is no commit to compare with; set BASE")
        return 0
    try:
        names = _git("diff", "--name-only", base, "--", str(CORE)).split()
    except subprocess.CalledProcessError as error:
        return f"mutation tests: {error.stderr.strip()}"
    modules = sorted(module for path in map(Path, names) if (module := module_of(path)) and path.exists())
    if not modules:
        print(f"mutation tests: nothing is run, since no module of the core has changed since {base[:12]}")
        return 0
    count = sum(len(_mutate(path_of(module))) for module in modules)
    seconds = START_SECONDS + count / MUTANTS_PER_SECOND
    if seconds > LIMIT_SECONDS:
        print(
            f"mutation tests: nothing is run, since the {count} mutants of {len(modules)} modules would take some "
            f"{seconds:.0f} s, more than {LIMIT_SECONDS}; use make mutation"
        )
        return 0
    recorded = scores_in((ROOT / PAGE).read_text("utf-8"))
    with tempfile.TemporaryDirectory() as copy:
        for name in COPIED:
            source = ROOT / name
            copied = Path(copy, name)
            shutil.copytree(source, copied, ignore=_NO_CACHES) if source.is_dir() else shutil.copy2(source, copied)
        os.chdir(copy)
        run(modules)
        mutants = results(modules)
        show(mutants)
        os.chdir(ROOT)
    poor = [f"{m}: {score:.1f} % < {floor:.1f} %" for m, score, floor in low(mutants, recorded)]
    return f"mutation tests: fewer mutants are killed than should be: {'; '.join(poor)}" if poor else 0


_NO_CACHES: Final = shutil.ignore_patterns("__pycache__")


def low(mutants: Sequence[Mutant], recorded: Mapping[str, float]) -> Iterator[tuple[str, float, float]]:
    """Yield the modules that are below the goal, or what they had where that is less: module, score, floor."""
    for module in sorted({m.module for m in mutants}):
        score = score_of([m for m in mutants if m.module == module])
        floor = min(GOAL, recorded.get(module, GOAL))
        if score < floor:
            yield module, score, floor


def default_base() -> str | None:
    """Return where this branch left main; None where that is not known."""
    for main_branch in ("main", "origin/main"):
        try:
            return _git("merge-base", "HEAD", main_branch).strip()
        except subprocess.CalledProcessError:
            continue
    return None


def _git(*arguments: str) -> str:
    return subprocess.run(["git", "-C", ROOT, *arguments], check=True, capture_output=True, text=True).stdout  # noqa: S603, S607


def module_of(path: Path) -> str | None:
    """Return the module that a path of the core is, `_pod` or `features.files`; None where it is not mutated."""
    parts = path.relative_to(CORE).with_suffix("").parts
    is_mutated = path.suffix == ".py" and parts[0] != "testing" and not parts[0].startswith("_core_v1")
    return ".".join(parts) if is_mutated else None


def path_of(module: str) -> Path:
    """Return the path of a module of the core."""
    return (CORE / module.replace(".", "/")).with_suffix(".py")


def _mutate(path: Path) -> Sequence[str]:
    from mutmut.mutation.file_mutation import mutate_file_contents  # noqa: PLC0415

    return mutate_file_contents(str(path), path.read_text("utf-8")).mutant_names


def results(modules: Sequence[str] = ()) -> list[Mutant]:
    """Return all mutants, or those of some modules, with what became of them."""
    found: list[Mutant] = []
    for path in sorted(Path("mutants", CORE).rglob("*.meta")):
        codes = json.loads(path.read_text())["exit_code_by_key"]
        found += (Mutant(name, code) for name, code in codes.items())
    return [mutant for mutant in found if not modules or mutant.module in modules]


def score_of(mutants: Sequence[Mutant], pragmas: int = 0) -> float:
    """Return how many percent are killed; a line that is kept from mutation counts as a survivor."""
    total = len(mutants) + pragmas
    return 100 * sum(m.is_killed for m in mutants) / total if total else 100.0


def pragmas_in(modules: Iterable[str]) -> int:
    """Return how many lines of these modules are kept from mutation."""
    return sum(len(PRAGMA.findall(path_of(module).read_text("utf-8"))) for module in modules)


def show(mutants: Sequence[Mutant]) -> None:
    """Print the score and the survivors."""
    survivors = [m for m in mutants if not m.is_killed]
    for mutant in survivors:
        print(mutant.name, *changes(mutant), sep="\n    ")
    print(f"{len(mutants)} mutants, {len(survivors)} survive: {score_of(mutants):.1f} % killed")


def changes(mutant: Mutant) -> list[str]:
    """Return the lines that a mutant takes out and puts in, with - and +."""
    from mutmut.mutation.data import MutantLineSpans  # noqa: PLC0415

    spans = MutantLineSpans.load(path_of(mutant.module))
    if spans is None:
        return []
    name = mutant.name.rpartition(".")[2]
    original = f"{name.rpartition('__mutmut_')[0]}__mutmut_orig"
    before, after = (
        text.replace(its_name, "f").splitlines()
        for text, its_name in zip(spans.read_function_sources([original, name]), (original, name), strict=True)
    )
    lines = unified_diff(before, after, n=0, lineterm="")
    return [f"{line[0]} {line[1:].strip()}" for line in lines if not line.startswith(("---", "+++", "@@"))]


def scores_in(page: str) -> dict[str, float]:
    """Return the recorded score of each module, in percent."""
    return {
        module.replace("/", "."): float(score)
        for module, score in re.findall(r"^\| `([\w./]+)` \|.*\| ([\d.]+) % \|$", page, re.MULTILINE)
    }


def report(modules: Sequence[str] = ()) -> str | int:
    """Print what the run came to, and write it into the page where all modules were run."""
    mutants = results(modules)
    if any(mutant.exit_code is None for mutant in mutants):
        return f"{sum(m.exit_code is None for m in mutants)} mutants have not been run: make mutation goes on with them"
    if modules:
        show(mutants)
        return 0
    text, unexplained = figures(mutants)
    page = ROOT / PAGE
    before, _, rest = page.read_text("utf-8").partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{text}{END}{rest.partition(END)[2]}", "utf-8")
    print(text.partition("\n\n")[0])
    return f"{unexplained} survivors have no reason in tools/mutation_reasons.py" if unexplained else 0


def figures(mutants: Sequence[Mutant]) -> tuple[str, int]:
    """Return the generated part of the page, and how many survivors have no reason."""
    modules = sorted({m.module for m in mutants})
    pragmas = pragmas_in(modules)
    killed = sum(m.is_killed for m in mutants)
    python = ".".join(map(str, sys.version_info[:3]))
    summary = (
        f"**{score_of(mutants, pragmas):.1f} %** of {len(mutants) + pragmas} mutants are killed: {killed} are, "
        f"{len(mutants) - killed} survive, {pragmas} lines are kept from mutation by a pragma. "
        f"mutmut {version('mutmut')}, Python {python}, {datetime.now(UTC):%Y-%m-%d}."
    )
    lines = [
        summary,
        "",
        "| module | mutants | killed | of these by timeout | survived | score |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for module in modules:
        own = [m for m in mutants if m.module == module]
        dead = sum(m.is_killed for m in own)
        late = sum(m.exit_code != 1 for m in own if m.is_killed)
        score = score_of(own, pragmas_in([module]))
        lines.append(f"| `{module}` | {len(own)} | {dead} | {late} | {len(own) - dead} | {score:.1f} % |")
    lines += ["", "### Survivors, and why", ""]
    unexplained = 0
    for module in modules:
        survivors = [m for m in mutants if m.module == module and not m.is_killed]
        if survivors:
            explained = [(m, changes(m)) for m in survivors]
            unexplained += sum(reason_of(m.module, m.function, c) is None for m, c in explained)
            lines += [f"#### {module}", "", *_explain(explained), ""]
    return "\n".join(lines) + "\n", unexplained


def _explain(survivors: Sequence[tuple[Mutant, list[str]]]) -> Iterator[str]:
    """Yield one line for each reason, and below it what survives for that reason."""
    reasons = [reason_of(m.module, m.function, c) or "NOT EXPLAINED" for m, c in survivors]
    for reason, count in Counter(reasons).most_common():
        yield f"- {reason} ({count})"
        for (mutant, lines), its_reason in zip(survivors, reasons, strict=True):
            if its_reason == reason:
                number = mutant.name.rpartition("_")[2]
                yield f"  - `{mutant.function}` {number}: {in_short(lines)}"


def in_short(lines: Sequence[str]) -> str:
    """Return a change as what stood there and what stands there now, without what is the same in both."""
    old, new = (" ".join(line[2:] for line in lines if line.startswith(sign)) for sign in "-+")
    head = _same(old, new)
    tail = _same(old[len(head) :][::-1], new[len(head) :][::-1])
    was, becomes = (text[len(head) : len(text) - len(tail)].strip() for text in (old, new))
    return f"`` {head[-40:].strip()} ⟨{was}⟩ `` → `` ⟨{becomes}⟩ ``"


def _same(one: str, other: str) -> str:
    """Return what two texts begin with alike, without the word that is cut through."""
    count = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return re.sub(r"[\w.'\"$<>=!*+/-]*$", "", one[:count])


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))

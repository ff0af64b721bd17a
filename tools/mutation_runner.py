"""How mutmut runs the tests of a mutant here: collected once, and those that are likely to see it first.

mutmut's own runner starts pytest anew for each mutant, which costs a second where the tests of a mutant cost a tenth
of it. Here the server that forks the workers has collected the tests, and a worker runs those that it needs.

mutmut asks for each test that reaches the mutated function, in no order. Most mutants die of the tests of their own
module, so these come first; property tests and hostile input, which are slow, meet the mutants of their own module
alone, unless the whole tier is asked for.

What runs while the core is imported (the schema is compiled, the fields are made) ran in that server, with no mutant:
for these functions the worker imports the core and collects the tests anew, so that the mutant has its say.
"""

from __future__ import annotations

import gc
import os
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path, PurePath

import pytest
from _pytest.config import _prepareconfig
from mutmut.mutation import trampoline
from mutmut.runners.harness import PytestRunner
from mutmut.state import state
from mutmut.utils.file_utils import change_cwd

WHOLE = "MUTATION_WHOLE_TIER"
"""The environment variable that lets a mutant meet every test that reaches it."""

IMPORTED = (
    "agentctl_core._agent.x__field_schema",
    "agentctl_core._agent.x_json_name",
    "agentctl_core._agent.x_schema_of",
    "agentctl_core._schema.x__array",
    "agentctl_core._schema.x__compile_pattern",
    "agentctl_core._schema.x__int_or_string",
    "agentctl_core._schema.x__integer",
    "agentctl_core._schema.x__mapping",
    "agentctl_core._schema.x__string",
    "agentctl_core._schema.x__whole_object",
    "agentctl_core._schema.x_compile_schema",
    "agentctl_core._schema.xǁ_Compilerǁ",
    "agentctl_core._spec.",
)
"""How the names of functions start that run while the core is imported."""
CACHED = (
    "agentctl_core._containers.x__place_of",
    "agentctl_core._revision.x__field_of",
    "agentctl_core._revision.x__strip",
)
"""How the names of functions start whose result is cached: mutmut knows only of the first test that needs it."""
# The tests of a module, where there are others than those of its name.
_OWN = {
    "_agent": ("agent", "crd"),
    "_change": ("change", "decisions", "revision", "reconcile"),
    "_conditions": ("conditions", "decisions"),
    "_containers": ("containers", "clashes", "pod", "files", "volumes", "shared_volume"),
    "_contribution": ("pod", "clashes"),
    "_events": ("events", "decisions", "reconcile", "status"),
    "_history": ("history", "decisions", "run"),
    "_identity": ("identity", "decisions", "objects", "reconcile"),
    "_objects": ("objects", "decisions"),
    "_observed": ("actions",),
    "_pod_state": ("pod_state", "decisions", "status", "run"),
    "_problem": ("schema", "agent"),
    "_reconcile": ("reconcile", "decisions"),
    "_resolve": ("resolve", "decisions"),
    "_revision": ("revision", "golden"),
    "_run": ("run", "decisions"),
    "_schema": ("schema", "crd"),
    "_situation": ("situation", "decisions", "reconcile", "run"),
    "_spec": ("agent", "crd", "golden", "schema"),
    "_status": ("status", "decisions", "reconcile", "run"),
}
_USES_CORE = ("agentctl_core", "tests", "tools.golden", "tools.embed_core_v1")
_OTHERS = 8  # tests of each other file
_SLOW = ("nesting", "4_mb", "largest", "large_text")


class _Killers:
    """Remembers which tests have killed mutants of a function: the next one is likely to die of the same."""

    def __init__(self, mutant: str) -> None:
        self._path = Path("killers", mutant.rpartition("__mutmut_")[0])

    def first(self, items: list[pytest.Item]) -> list[pytest.Item]:
        """Return the tests with those in front."""
        try:
            known = self._path.read_text("utf-8").splitlines()
        except FileNotFoundError:
            return items
        return sorted(items, key=lambda item: item.nodeid not in known)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._path.parent.mkdir(exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{report.nodeid}\n")


class CollectedRunner(PytestRunner):
    """Runs tests of a session that has been collected before the worker was forked."""

    _session: pytest.Session | None = None

    def warm_up(self) -> None:
        """Collect all tests of the tier."""
        # That a test fails is enough: to say why takes long, since mutated modules are large.
        pytest.Function.repr_failure = lambda self, excinfo: ""  # type: ignore[method-assign]  # noqa: ARG005
        with change_cwd("mutants"):
            self._session = self._collect(self._pytest_add_cli_args_test_selection)
        gc.collect()
        gc.freeze()  # what is there stays as it is, so that workers share it

    def run_tests(self, *, mutant_name: str | None, tests: Iterable[str]) -> int:
        """Run these tests, or all, until one fails.

        Returns:
            pytest's exit code: 0 where none failed, 1 where one did.
        """
        if mutant_name is None:
            return super().run_tests(mutant_name=mutant_name, tests=tests)
        trampoline.get_mutant_under_test = lambda: mutant_name  # it asks the environment at each call, which takes long
        wanted = set() if mutant_name.startswith((*IMPORTED, *CACHED)) else set(tests)
        with change_cwd("mutants"):
            if mutant_name.startswith(IMPORTED):
                session = self._import_anew(mutant_name)
                if session is None:
                    return 1
            else:
                if self._session is None:
                    raise RuntimeError("no tests have been collected")
                session = self._session
                if mutant_name.startswith(CACHED):
                    _forget()
            session.items = chosen({item.nodeid: item for item in session.items}, mutant_name, wanted)
            killers = _Killers(mutant_name)
            session.items = killers.first(session.items)
            session.config.pluginmanager.register(killers)
            session.testscollected = len(session.items)
            if not session.items:
                return 5
            try:
                session.config.hook.pytest_runtestloop(session=session)
            except session.Failed:
                return 1
        return 1 if session.testsfailed else 0

    def _collect(self, selection: list[str]) -> pytest.Session:
        arguments = ["--rootdir=.", "--tb=native", "-x", "-q", "--capture=no", *selection, *self._pytest_add_cli_args]
        config = _prepareconfig(arguments)
        session = pytest.Session.from_config(config)
        config._do_configure()  # noqa: SLF001 -- what pytest.main does, without running anything
        config.hook.pytest_sessionstart(session=session)
        session.perform_collect()
        return session

    def _import_anew(self, mutant: str) -> pytest.Session | None:
        """Collect the tests of the mutant's module with the mutant in place; None where it cannot even be imported."""
        for name in [name for name in sys.modules if name.startswith(_USES_CORE)]:
            del sys.modules[name]
        files = [str(path) for path in Path("tests/unit/core").rglob("test_*.py") if _is_own(path, mutant)]
        try:
            return self._collect(files)
        except (pytest.Session.Failed, pytest.Session.Interrupted):  # by an error in collection
            return None


def chosen(items: Mapping[str, pytest.Item], mutant: str, wanted: Collection[str]) -> list[pytest.Item]:
    """Return the tests that a mutant meets, in this order.

    Args:
        items: all tests by their ids.
        mutant: its name.
        wanted: the ids of those that reach it; empty means that this is not known.

    Raises:
        KeyError: one of them is not there.
    """
    durations = state().duration_by_test
    found = [items[test] for test in sorted(wanted or items, key=lambda test: durations.get(test, 0))]
    own = [item for item in found if _is_own(item.path, mutant)]
    others = [item for item in found if not _is_own(item.path, mutant)] if wanted else []
    if WHOLE in os.environ:
        return own + others
    seen: Counter[Path] = Counter()
    few = [item for item in others if _count(seen, item.path) <= _OTHERS and not _is_slow(item)]
    home = f"test_{_module(mutant).removeprefix('_')}"
    return [item for item in own if item.path.stem == home or not _is_slow(item)] + few


def _forget() -> None:
    """Empty the caches that were filled while the tests were collected."""
    for name, module in list(sys.modules.items()):
        if name.startswith("agentctl_core"):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


def _count(seen: Counter[Path], path: Path) -> int:
    seen[path] += 1
    return seen[path]


def _module(mutant: str) -> str:
    return mutant.rpartition(".")[0].rpartition(".")[2]


def _is_own(path: PurePath, mutant: str) -> bool:
    module = _module(mutant)
    return path.stem.removeprefix("test_") in _OWN.get(module, (module.removeprefix("_"),))


def _is_slow(item: pytest.Item) -> bool:
    return (
        item.path.stem == "test_hostile"
        or getattr(getattr(item, "function", None), "is_hypothesis_test", False)
        or any(word in item.name for word in _SLOW)
    )

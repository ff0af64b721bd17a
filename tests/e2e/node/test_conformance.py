"""The conformance suite of wrappers: the default one passes it, and one that breaks the contract is found out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from agentctl_core import Config
from tests.e2e.cluster.node_images import WRAPPERS, Images, wrapper
from tests.e2e.cluster.operator_image import tini
from tests.e2e.node_session import NodeAccess
from tests.e2e.support import Kubectl

_TINI = " ".join(Config().wrapper_command)
_SECONDS = 600
_SAME = "test_an_agent_sees_nothing_but_what_it_sees_without_the_wrapper"
_CODES = "test_exit_codes_arrive_as_they_are"
_TERM = "test_the_kubelets_sigterm_reaches_the_agent_which_finishes_within_the_grace_period"
# What finds out a wrapper that breaks the contract in one point.
_FOUND_BY = {
    "swallows-term": [_TERM],
    "splits-words": [_SAME],
    "uses-a-shell": [_SAME, _CODES],
    "loses-the-code": [_CODES, "test_an_end_by_a_signal_is_told_as_by_a_shell"],
    "does-not-reap": ["test_orphans_are_reaped"],
}


class Suite:
    """The suite, run as by somebody who has installed it; in pods, with images that the cluster can pull."""

    def __init__(self, folder: Path, kubectl: Kubectl, images: Images) -> None:
        self._folder = folder
        self._kubectl = kubectl
        self._images = images

    def on_this_machine(self, command: str, *options: str) -> dict[str, list[str]]:
        return self._run(f"--wrapper-command={command}", *options)

    def in_pods(self, image: str, command: str, *options: str) -> dict[str, list[str]]:
        named = {"wrapper": image, "agent": "python", "empty": "pause"}
        where = [f"--{kind}-image={self._images.reference(name)}" for kind, name in named.items()]
        return self._run(f"--wrapper-command={command}", *where, *options)

    def _run(self, *options: str) -> dict[str, list[str]]:
        """Return which tests passed and which failed."""
        report = self._folder / "report.xml"
        # No settings of this project.
        alone = ["-c", os.devnull, f"--rootdir={self._folder}", "-p", "no:cacheprovider", f"--junitxml={report}"]
        suite = ["-p", "agentctl_conformance.plugin", "--pyargs", "agentctl_conformance"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *alone, *suite, *options],
            env={**os.environ, **self._environment()},
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
        assert done.returncode in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED), done.stdout + done.stderr
        outcomes: dict[str, list[str]] = {"passed": [], "failed": []}
        for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it
            outcomes["failed" if len(case) else "passed"].append(case.get("name", ""))
        print(done.stdout)  # noqa: T201 - shown where the caller fails
        return outcomes

    def _environment(self) -> dict[str, str]:
        path = f"{Path(self._kubectl.binary).parent}:{os.environ['PATH']}"
        cache = {"KUBECACHEDIR": str(self._kubectl.cache)} if self._kubectl.cache else {}
        return {"KUBECONFIG": str(self._kubectl.kubeconfig), "PATH": path, **cache}


@pytest.fixture
def suite(kubectl: Kubectl, images: Images, tmp_path: Path) -> Suite:
    return Suite(tmp_path, kubectl, images)


@pytest.fixture
def programs(node: NodeAccess, tmp_path: Path) -> Path:
    """A folder with the wrappers as programs of this machine."""
    assert node
    folder = tmp_path / "wrappers"
    folder.mkdir()
    shutil.copy2(tini(), folder / "tini")
    for name in WRAPPERS:
        shutil.copy2(wrapper(), folder / name)
    return folder


def test_the_default_wrapper_keeps_the_contract(suite: Suite) -> None:
    outcomes = suite.in_pods("operator", _TINI, "-n", "4")
    assert (len(outcomes["passed"]), outcomes["failed"]) == (21, [])


def test_from_an_image_volume_it_does_too(suite: Suite) -> None:
    # How it got there is of no consequence once it has started.
    outcomes = suite.in_pods("operator", _TINI, "--wrapper-install=ImageVolume", "-k", f"{_SAME} or test_pods")
    assert (len(outcomes["passed"]), outcomes["failed"]) == (5, [])


@pytest.mark.parametrize("command", ["tini -s", "keeps"])
def test_on_this_machine_a_wrapper_that_keeps_the_contract_passes(suite: Suite, programs: Path, command: str) -> None:
    outcomes = suite.on_this_machine(f"{programs}/{command}", "--orphan-seconds=5")
    assert (len(outcomes["passed"]), outcomes["failed"]) == (9, [])


@pytest.mark.parametrize("name", _FOUND_BY)
def test_on_this_machine_one_that_breaks_it_is_found_out(suite: Suite, programs: Path, name: str) -> None:
    outcomes = suite.on_this_machine(str(programs / name), "--orphan-seconds=2", "--patience=8")
    expected = {f"{test}[on this machine]" for test in _FOUND_BY[name] if test != _TERM}
    assert expected <= set(outcomes["failed"])


@pytest.mark.parametrize("name", _FOUND_BY)
def test_in_pods_one_that_breaks_it_is_found_out(suite: Suite, name: str) -> None:
    chosen = f"({' or '.join(_FOUND_BY[name])}) and not shared"
    outcomes = suite.in_pods("wrappers", f"/{name}", "--orphan-seconds=2", "--patience=20", "-k", chosen)
    assert outcomes["passed"] == []
    assert {test.partition("[")[0] for test in outcomes["failed"]} == set(_FOUND_BY[name])


def test_in_pods_one_that_keeps_it_is_not(suite: Suite) -> None:
    every = {test for tests in _FOUND_BY.values() for test in tests}
    install = "--wrapper-install-command=/bin/busybox cp /keeps /agentctl/bin/keeps"
    chosen = f"({' or '.join(every)}) and not shared"
    outcomes = suite.in_pods("wrappers", "/keeps", install, "--orphan-seconds=2", "-k", chosen)
    assert outcomes["failed"] == []
    assert {test.partition("[")[0] for test in outcomes["passed"]} == every

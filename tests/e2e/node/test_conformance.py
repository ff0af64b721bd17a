"""The conformance suite of wrappers: the default one passes it, and one that breaks the contract is found out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from agentctl_conformance._machine import _writing_to
from agentctl_core import Config
from tests.e2e.cluster.node_images import WRAPPERS, Images, wrapper
from tests.e2e.cluster.operator_image import tini
from tests.e2e.node_session import NodeAccess
from tests.e2e.support import Kubectl, eventually

_TINI = " ".join(Config().wrapper_command)
_SECONDS = 600
_SAME = "test_an_agent_sees_nothing_but_what_it_sees_without_the_wrapper"
_CODES = "test_exit_codes_arrive_as_they_are"
_BY_SIGNALS = "test_an_end_by_a_signal_is_told_as_by_a_shell"
_SIGNALS = "test_signals_reach_the_agent_and_leave_it_time_to_finish"
_TERM = "test_the_kubelets_sigterm_reaches_the_agent_which_finishes_within_the_grace_period"
# What finds out a wrapper that breaks the contract in one point, and what is said then.
_FOUND_BY = {
    "swallows-term": {_SIGNALS: 'does not say "SIGTERM"', _TERM: 'does not say "finished"'},
    "splits-words": {_SAME: "{'argv': "},
    "uses-a-shell": {_SAME: "/bin/sh: ", _CODES: "{42: 2} != {42: 42}"},
    "loses-the-code": {_CODES: "{42: 0} != {42: 42}", _BY_SIGNALS: "{137: 0} != {137: 137}"},
    "does-not-reap": {"test_orphans_are_reaped": " == 0"},
}
# In pods the patience has to be enough for a pod's start on a busy machine.
_QUICKLY = ("--orphan-seconds=2", "--patience=10")
_QUICKLY_IN_PODS = ("--orphan-seconds=2", "--patience=30")


@dataclass(frozen=True)
class Outcomes:
    """The tests that passed, and what those said that failed."""

    passed: list[str]
    failed: dict[str, str]


class Suite:
    """The suite, run as by somebody who has installed it; in pods, with images that the cluster can pull."""

    def __init__(self, folder: Path, kubectl: Kubectl, images: Images) -> None:
        self._folder = folder
        self._kubectl = kubectl
        self._images = images

    def on_this_machine(self, command: str, *options: str) -> Outcomes:
        return self._run(f"--wrapper-command={command}", *options)

    def in_pods(self, image: str, command: str, *options: str) -> Outcomes:
        named = {"wrapper": image, "agent": "python", "empty": "pause"}
        where = [f"--{kind}-image={self._images.reference(name)}" for kind, name in named.items()]
        return self._run(f"--wrapper-command={command}", *where, *options)

    def _run(self, *options: str) -> Outcomes:
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
        cases = list(ET.parse(report).iter("testcase"))  # noqa: S314 - pytest wrote it
        failed = {case.get("name", ""): "".join(case.itertext()) for case in cases if len(case)}
        return Outcomes([name for case in cases if (name := case.get("name", "")) not in failed], failed)

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
    outcomes = suite.in_pods("operator", _TINI, "-n", "2")
    assert outcomes.failed == {}, "\n".join(outcomes.failed.values())
    assert len(outcomes.passed) == 21


def test_from_an_image_volume_it_does_too(suite: Suite) -> None:
    # How it got there is of no consequence once it has started.
    outcomes = suite.in_pods("operator", _TINI, "--wrapper-install=ImageVolume", "-k", f"{_SAME} or test_pods")
    assert outcomes.failed == {}, "\n".join(outcomes.failed.values())
    assert len(outcomes.passed) == 5


@pytest.mark.parametrize("command", ["tini -s", "keeps"])
def test_on_this_machine_a_wrapper_that_keeps_the_contract_passes(suite: Suite, programs: Path, command: str) -> None:
    outcomes = suite.on_this_machine(f"{programs}/{command}", "--orphan-seconds=5")
    assert outcomes.failed == {}, "\n".join(outcomes.failed.values())
    assert len(outcomes.passed) == 9


@pytest.mark.parametrize("name", _FOUND_BY)
def test_on_this_machine_one_that_breaks_it_is_found_out(suite: Suite, programs: Path, name: str) -> None:
    outcomes = suite.on_this_machine(str(programs / name), *_QUICKLY, "-k", " or ".join(_FOUND_BY[name]))
    # The kubelet's own signal is a matter of pods.
    _assert_found_out(outcomes, {test: said for test, said in _FOUND_BY[name].items() if test != _TERM})


@pytest.mark.parametrize("name", _FOUND_BY)
def test_in_pods_one_that_breaks_it_is_found_out(suite: Suite, name: str) -> None:
    outcomes = suite.in_pods(
        "wrappers", f"/{name}", *_QUICKLY_IN_PODS, "-k", f"({' or '.join(_FOUND_BY[name])}) and not shared"
    )
    _assert_found_out(outcomes, _FOUND_BY[name])


def test_in_pods_one_that_keeps_it_is_not(suite: Suite) -> None:
    every = {test for tests in _FOUND_BY.values() for test in tests}
    install = "--wrapper-install-command=/bin/busybox cp /keeps /agentctl/bin/keeps"
    chosen = f"({' or '.join(every)}) and not shared"
    outcomes = suite.in_pods("wrappers", "/keeps", install, "--orphan-seconds=2", "-k", chosen)
    assert outcomes.failed == {}, "\n".join(outcomes.failed.values())
    assert {test.partition("[")[0] for test in outcomes.passed} == every


def test_a_file_of_the_same_name_in_a_container_is_another_one(node: NodeAccess, tmp_path: Path) -> None:
    assert node  # which needs what this needs: root on Linux
    ours, others = tmp_path / "ours", tmp_path / "others"
    for file in (ours, others):
        file.touch()
    script = 'mount --bind "$1" "$2" && exec sleep 600 > "$2"'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", str(others), str(ours)]
    with subprocess.Popen(command) as stranger:
        try:
            output = Path(f"/proc/{stranger.pid}/fd/1")
            eventually(lambda: str(output.readlink()) == str(ours), 10, "it writes to a file of that name")
            assert _writing_to(ours.stat()) == []
            assert _writing_to(others.stat()) == [stranger.pid]
        finally:
            stranger.kill()


def _assert_found_out(outcomes: Outcomes, expected: Mapping[str, str]) -> None:
    assert outcomes.passed == []
    failed = {test.partition("[")[0]: said for test, said in outcomes.failed.items()}
    assert failed.keys() == expected.keys()
    for test, said in expected.items():
        assert said in failed[test], failed[test]

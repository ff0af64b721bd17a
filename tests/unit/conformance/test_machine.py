"""Agents of the conformance suite on this machine: they end, and nothing of them stays."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from agentctl_conformance._hosts import agent, said
from agentctl_conformance._machine import Machine

# As dumb-init does it: the agent is out of reach of whoever knows the wrapper's session alone.
_APART = "import subprocess, sys; sys.exit(subprocess.call(sys.argv[2:], start_new_session=True))"


@pytest.mark.parametrize("tty", [False, True])
def test_what_a_killed_wrapper_leaves_behind_is_ended(tmp_path: Path, *, tty: bool) -> None:
    machine = Machine([sys.executable, "-c", _APART], tmp_path, patience=20)
    wrapper = said(machine.start(*agent("listen", "600"), tty=tty, stdin=tty), "waiting")["parent"]
    (pid,) = Path(f"/proc/{wrapper}/task/{wrapper}/children").read_text().split()
    machine.stop()
    until = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < until, f"{pid} is still there"
        time.sleep(0.05)


def test_a_reader_ends_with_its_input(tmp_path: Path) -> None:
    machine = Machine([], tmp_path, patience=20)
    run = machine.start(*agent("read"), wrapped=False)
    assert said(run, "read")["data"] == ""
    assert run.exit_code() == 0

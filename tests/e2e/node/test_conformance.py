"""The conformance suite of wrappers: the operator's own passes, and whoever breaks the contract is found out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest

from agentctl_core import Config
from tests.e2e.cluster.node_images import WRAPPERS, Images, wrapper
from tests.e2e.cluster.operator_image import static_tini
from tests.e2e.node_session import NodeAccess
from tests.e2e.support import Kubectl

_TINI = " ".join(Config().wrapper_command)
_SECONDS = 300
_SIGNALS = "test_signals_reach_the_agent_and_leave_it_time_to_finish"
# What finds out those that break the contract.
_FOUND_BY = {
    "swallows-term": [_SIGNALS],
    "splits-words": ["test_an_agent_sees_nothing_but_what_it_sees_without_the_wrapper"],
    "uses-a-shell": [
        "test_an_agent_sees_nothing_but_what_it_sees_without_the_wrapper",
        "test_exit_codes_arrive_as_they_are",
    ],
    "loses-the-code": ["test_exit_codes_arrive_as_they_are", "test_an_end_by_a_signal_is_told_as_by_a_shell"],
    "does-not-reap": ["test_orphans_are_reaped"],
}


def failures(folder: Path, *options: str, **environment: str) -> dict[str, str]:
    """Run the suite as somebody who has installed it; return the tests that failed, with what they said."""
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-p", "agentctl_conformance.plugin", "--pyargs", "agentctl_conformance"]
    (folder / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [*command, f"--junitxml={report}", "-p", "no:cacheprovider", *options],
        env={**os.environ, **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    print(done.stdout, done.stderr)
    return {}

"""Known bugs are put into a copy of the core, one at a time: the general means have to find every one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import agentctl_core

from .bugs import BUGS, Bug

ROOT = Path(__file__).parents[2]
CORE = Path(agentctl_core.__file__).parent


def with_bug(bug: Bug, folder: Path) -> Path:
    """Return a folder to import the core from that has the bug."""
    shutil.copytree(CORE, folder / "agentctl_core", ignore=shutil.ignore_patterns("__pycache__"))
    source = folder / "agentctl_core" / bug.file
    text = source.read_text()
    assert text.count(bug.old) == 1, f"{bug.file} has changed: say anew where {bug.name} is"
    source.write_text(text.replace(bug.old, bug.new))
    return folder


def hunt(path: Path | None) -> dict[str, object]:
    """Look for what is wrong with the core, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": f"{path}:{ROOT}" if path else str(ROOT), "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "tests.proof.hunt"]
    run = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=1200, check=False)
    assert run.returncode == 0, run.stderr
    found: dict[str, object] = json.loads(run.stdout)
    return found


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_known_bug_is_found(bug: Bug, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    found = hunt(with_bug(bug, tmp_path))
    assert found["means"], f"nothing finds: {bug.what}"
    assert not str(found["told"]).startswith(("ImportError", "SyntaxError", "NameError", "AttributeError", "TypeError"))
    record_property("bug", {"name": bug.name, **found})
    record_property("figures", f"bug {bug.name}: {found['means']}, after {found['after']}: {found['told']}"[:240])

"""Control groups of the machine, in all hierarchies that it has."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


def hierarchies() -> list[Path]:
    """The roots of the hierarchies: one for each controller in version 1, else the one there is."""
    if (_ROOT / "cgroup.procs").exists():
        return [_ROOT]
    return [path for path in _ROOT.iterdir() if (path / "cgroup.procs").exists() and not path.is_symlink()]


def existing(name: str) -> list[Path]:
    """The folders of this group."""
    return [root / name for root in hierarchies() if (root / name).exists()]


def remove(name: str, seconds: float) -> list[Path]:
    """Remove a group with those below it, and return what is left of it after so many seconds.

    That is where processes are, and for a moment also where some were.
    """
    deadline = time.monotonic() + seconds
    while left := existing(name):
        for top in left:
            _remove_empty(top)
        if time.monotonic() > deadline:
            return existing(name)
        time.sleep(0.05)
    return []


def _remove_empty(top: Path) -> None:
    for folder, _, _ in os.walk(top, topdown=False):
        with suppress(OSError):
            os.rmdir(folder)  # noqa: PTH106 - os.walk gives strings

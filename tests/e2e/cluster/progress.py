"""Progress lines for people."""

from __future__ import annotations

import sys


def say(line: str) -> None:
    """Print one line to standard error at once."""
    print(f"[cluster] {line}", file=sys.stderr, flush=True)  # noqa: T201 - a build of minutes must show its progress

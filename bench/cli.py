"""What it costs to start the command line, in units of a bare Python: ratios hold on any machine, times do not.

    python bench/cli.py

Prints a line for the help of each command: the ratio, its target where it has one, and the time beside it.
"""

from __future__ import annotations

import subprocess
import sys
import time

from agentctl_runtime.cli._group import COMMANDS

RUNS = 15
MOST = 7.5
"""Of `agentctl --help`: 150 ms where Python alone takes 20."""


def milliseconds(*arguments: str) -> float:
    """Return the least time of one run."""
    least = float("inf")
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)  # noqa: S603 -- our own
        least = min(least, time.perf_counter() - start)
    return least * 1e3


def main() -> int:
    """Print the figures; the exit code says whether the target is met."""
    unit = milliseconds("-c", "pass")
    print(f"python -c pass: {unit:.0f} ms")
    code = "from agentctl_runtime.cli import main; main()"
    took = milliseconds("-c", code, "--help")
    print(f"agentctl --help: {took / unit:.1f} times that, at most {MOST:g} wanted; {took:.0f} ms")
    for name in COMMANDS:
        each = milliseconds("-c", code, name, "--help")
        print(f"agentctl {name} --help: {each / unit:.1f} times that; {each:.0f} ms")
    return int(took > MOST * unit)


if __name__ == "__main__":
    sys.exit(main())

"""Where the time goes, as flame graphs: of the operator under a burst, and of `reconcile` on examples/full.yaml.

    python -m bench.flame [--agents 1000]

Writes docs/benchmarks/flame-burst.svg and flame-reconcile.svg, by py-spy, which samples a process from outside. A box
is a function, its width the share of the time in it and in what it calls; a browser shows more of one that is clicked.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.core import new_and_settled
from bench.operators.__main__ import Stage
from bench.operators.contenders import CONTENDERS
from bench.operators.phases import LATER
from bench.operators.report import RESULTS

from agentctl_core import reconcile

RATE = 250
"""Samples a second."""
SECONDS = 10
_STARTED_SECONDS = 2
_PY_SPY = Path(sys.executable).with_name("py-spy")
_ROOT = Path(__file__).parents[1]


def sample(pid: int, file: Path, title: str) -> None:
    """Sample a process, where it does something, until it ends, and draw it."""
    options = ("--function", "--gil", "--rate", str(RATE), "--duration", "unlimited", "--output", str(file))
    command = (str(_PY_SPY), "record", *options, "--pid", str(pid))
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)  # noqa: S603 -- ours
    file.write_text(file.read_text().replace(" ".join(command), title))


def under(file: Path, command: list[str]) -> None:
    """Become a command that is sampled from soon after its start."""
    pid = os.getpid()
    if os.fork() == 0:
        os.setsid()
        time.sleep(_STARTED_SECONDS)
        sample(pid, file, "agentctl under a burst")
        return
    os.execv(command[0], command)  # noqa: S606 -- ours


def of_burst(file: Path, agents: int) -> None:
    """Draw the operator while so many Agents are made at once."""
    operator = CONTENDERS["agentctl"]
    run = (sys.executable, "-m", "bench.flame", "--under", str(file), "--", *operator.command)
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        stage.run(replace(operator, command=run), agents, 0, 0, Path(tempfile.gettempdir()), LATER)


def of_reconcile(file: Path) -> None:
    """Draw cold decisions about a new Agent."""
    deciding = subprocess.Popen((sys.executable, "-m", "bench.flame", "--decide"), cwd=_ROOT)
    time.sleep(_STARTED_SECONDS)
    sample(deciding.pid, file, "reconcile, cold, examples/full.yaml")
    deciding.wait()


def decide_on_and_on() -> None:
    """Decide for a while."""
    (new, nothing), _ = new_and_settled(_ROOT / "examples/full.yaml")
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        reconcile(new, nothing)


def main() -> None:
    """Draw both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--under", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    parser.add_argument("--decide", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("command", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.under:
        under(options.under, options.command)
    elif options.decide:
        decide_on_and_on()
    else:
        of_reconcile(RESULTS.with_name("flame-reconcile.svg"))
        of_burst(RESULTS.with_name("flame-burst.svg"), options.agents)


if __name__ == "__main__":
    main()

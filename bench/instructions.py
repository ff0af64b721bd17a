"""What decisions cost in bytecode instructions and calls into C: the same on every machine, however busy it is.

    python -m bench.instructions            # compare with bench/instructions.json
    python -m bench.instructions --write    # and write down what is so now

Times tell more and hold less: see `bench/core.py`. What C does within one call is not seen here, so a cheap call that
takes a costly one's place counts alike. Counts belong to a minor version of Python; of one that nothing is written down
for, they are compared with the nearest one's, with twice the room.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, Final

from bench.core import failed, new_and_settled

from agentctl_core import Config, build_pod, decide, parse_agent, prepare, project, reconcile
from agentctl_runtime._key import Key
from agentctl_runtime._store import Held

BASELINE: Final = Path(__file__).with_suffix(".json")
ROOM: Final = 1.10
"""How much more than what is written down is no regression yet."""
OTHER_ROOM: Final = 1.25
"""The same, for another version of Python."""
_ROOT: Final = Path(__file__).parents[1]
_HELD: Final = 100
Counts = dict[str, int]


def instructions(call: Callable[[], object]) -> int:
    """Return how many bytecode instructions a call executes, and how many functions of C it calls, added up."""
    count = 0

    def traced(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return traced

    def profiled(_: FrameType, event: str, __: object) -> None:
        nonlocal count
        count += event == "c_call"

    sys.settrace(traced)
    sys.setprofile(profiled)
    try:
        call()
    finally:
        sys.setprofile(None)
        sys.settrace(None)
    return count


def decisions() -> Counts:
    """Return what decisions on the example with everything in it cost, once what is compiled at first use is there."""
    (new, nothing), (agent, observed) = new_and_settled(_ROOT / "examples/full.yaml")
    failing, seen = failed(agent, observed)
    pod = next(each for each in observed.objects if each["kind"] == "Pod")
    parsed, prepared, config = parse_agent(agent), prepare(agent), Config()
    calls: dict[str, Callable[[], object]] = {
        "parse": lambda: parse_agent(agent),
        "build": lambda: build_pod(parsed, config),
        "prepare": lambda: prepare(agent, config),
        "decide, settled": lambda: decide(prepared, agent, observed),
        "reconcile, new": lambda: reconcile(new, nothing, config),
        "reconcile, failed": lambda: reconcile(failing, seen, config),
        "project a pod": lambda: project(pod),
    }
    for call in calls.values():
        instructions(call)
    return {name: instructions(call) for name, call in calls.items()} | {"bytes of an Agent held": _held(agent)}


def _held(agent: Mapping[str, Any]) -> int:
    """Return the bytes that one Agent takes in the operator's cache."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    held = [Held.of(agent, frozenset({Key("default", "demo")})) for _ in range(_HELD)]
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) // len(held)


def measured() -> Counts:
    """Return every count, taken in an interpreter of its own: the order of sets depends on its seed."""
    environment = os.environ | {"PYTHONHASHSEED": "0", "PYTHONPATH": f"{_ROOT}:{_ROOT}/src"}
    code = "import json; from bench.instructions import decisions; print(json.dumps(decisions()))"
    run = subprocess.run(  # noqa: S603 -- our own
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True, cwd=_ROOT
    )
    counts: Counts = json.loads(run.stdout)
    return counts


def regressions(counts: Counts, written: Mapping[str, Counts], version: str) -> list[str]:
    """Return, for each count that is more than what is written down, a line that says so."""
    known = version in written
    expected = written[version if known else max(written)]
    room = ROOM if known else OTHER_ROOM
    return [
        f"{name}: {count}, which is {count / expected[name]:.2f} times the {expected[name]} written down"
        for name, count in counts.items()
        if count > room * expected[name]
    ]


def read_baseline() -> dict[str, Counts]:
    """Return what is written down, by version of Python."""
    found: dict[str, Counts] = json.loads(BASELINE.read_text())
    return found


def version() -> str:
    """Return the minor version of this Python."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def main() -> int:
    """Print the counts beside those written down; the exit code says whether one is a regression."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the counts down for this version of Python")
    options = parser.parse_args()
    counts, written = measured(), read_baseline() if BASELINE.exists() else {}
    for name, count in counts.items():
        print(f"{name}: {count} ({written.get(version(), {}).get(name, 'nothing')} written down)")
    if options.write:
        BASELINE.write_text(json.dumps(written | {version(): counts}, indent=1) + "\n")
        return 0
    found = regressions(counts, written, version())
    print(*found, sep="\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())

"""Writes what was measured: every run as JSON, the medians as tables in docs/benchmarks.md, and plots."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

_DOCS = Path(__file__).parents[2] / "docs"
RESULTS = _DOCS / "benchmarks" / "operators.json"
PAGE = _DOCS / "benchmarks.md"
_PACKAGES = ("agentctl", "lightkube", "httpx2", "httptools", "msgspec", "aiohttp", "kopf", "uvloop")
_COLOURS = {"agentctl": "#1f77b4", "kopf": "#d62728", "bare, aiohttp": "#7f7f7f", "bare, lightkube": "#bcbd22"}
Run = dict[str, Any]
Read = Callable[[dict[str, Any]], Any]

_CREATION: dict[str, Read] = {
    "CPU of the operator, ms each": lambda row: row["cpu ms each"],
    "writes each": lambda row: row["writes each"],
    "most MiB": lambda row: row["peak MiB"],
    "CPU of the API server, ms each": lambda row: row["server cpu ms each"],
    "all Ready, s": lambda row: row["all ready s"],
}
_PACE: dict[str, Read] = {
    "created to pod, p50 ms": lambda row: row["created to pod ms"]["p50"],
    "p99": lambda row: row["created to pod ms"]["p99"],
    "pod Ready to Ready, p50 ms": lambda row: row["pod Ready to Ready ms"]["p50"],
}
_OTHER: dict[str, Read] = {
    "CPU, s": lambda row: row["cpu s"],
    "writes": lambda row: row["writes"],
    "MiB": lambda row: row["resident MiB"],
    "seconds": lambda row: row["seconds"],
}
TABLES: dict[str, dict[str, Read]] = {
    "burst": _CREATION,
    "paced": _CREATION | _PACE,
    "idle": _OTHER,
    "restart": _OTHER,
    "update": _OTHER,
    "suspend": _OTHER,
    "wake": _OTHER,
    "delete": _OTHER,
}
"""The columns of each phase's table."""


def line(run: Run) -> str:
    """Return one run in one line, for who waits."""
    told = [f"{name} {row['cpu s']} s CPU, {row['writes']} writes" for name, row in run["phases"].items()]
    return f"{run['contender']}, {run['agents']} Agents: {'; '.join(told)}"


def machine() -> dict[str, Any]:
    """Return what the figures were measured on and with."""
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "cpu": found[1] if found else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def write_results(file: Path, runs: Sequence[Run]) -> None:
    """Write every run so far."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"machine": machine(), "runs": runs}, indent=1) + "\n")


def read_results(file: Path) -> dict[str, Any]:
    """Return what was written."""
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def write_page(results: dict[str, Any]) -> None:
    """Write the tables into their place in the page, and the plots beside it."""
    text = "\n".join(_told(results))
    page = PAGE.read_text()
    begin, end = "<!-- operators -->\n", "<!-- end -->"
    head, _, rest = page.partition(begin)
    PAGE.write_text(f"{head}{begin}{text}\n{end}{rest.partition(end)[2]}")
    _plot_burst(results["runs"])
    _plot_scale(results["runs"])


def _told(results: dict[str, Any]) -> Iterable[str]:
    runs: list[Run] = results["runs"]
    about, loads = results["machine"], [run["load"] for run in runs]
    packages = ", ".join(f"{name} {number}" for name, number in about["packages"].items())
    yield f"{about['cores']} cores of {about['cpu']}, Linux {about['kernel']}, Python {about['python']}; {packages}."
    yield f"Load of the machine before each run: {min(loads):.1f} to {max(loads):.1f}."
    for phase, columns in TABLES.items():
        for count in sorted({run["agents"] for run in runs if phase in run["phases"]}):
            found = _by_contender(runs, phase, count)
            yield f"\n**{phase}, {count} Agents** (median of {min(map(len, found.values()))} or more; least to most)\n"
            yield f"| | {' | '.join(columns)} |"
            yield f"|---|{'---|' * len(columns)}"
            for name, rows in found.items():
                yield f"| {name} | {' | '.join(_shown([read(row) for row in rows]) for read in columns.values())} |"


def _by_contender(runs: Sequence[Run], phase: str, count: int) -> dict[str, list[dict[str, Any]]]:
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for run in runs:
        if run["agents"] == count and phase in run["phases"]:
            found[run["contender"]].append(run["phases"][phase])
    return dict(sorted(found.items()))


def _shown(values: Sequence[float]) -> str:
    middle = f"{statistics.median(values):g}"
    return middle if len(set(values)) == 1 else f"{middle} ({min(values):g} to {max(values):g})"


def _plot_burst(runs: Sequence[Run]) -> None:
    """Draw what a burst costs, by the number of Agents."""
    counts = _counts(runs, "burst")
    if not counts:
        return
    figure, places = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    names = sorted({run["contender"] for run in runs})
    shown = ("CPU of the operator, ms each", "most MiB", "writes each")
    for place, title in zip(places, shown, strict=True):
        for index, name in enumerate(names):
            rows = {count: _by_contender(runs, "burst", count).get(name, []) for count in counts}
            heights = [statistics.median(map(_CREATION[title], rows[count])) if rows[count] else 0 for count in counts]
            where = [place_of + 0.2 * index for place_of in range(len(counts))]
            place.bar(where, heights, width=0.19, label=name, color=_COLOURS.get(name))
        place.set_title(title, fontsize=10)
        place.set_xticks(
            [place_of + 0.1 * (len(names) - 1) for place_of in range(len(counts))],
            [f"{count:,}" for count in counts],
        )
        place.set_xlabel("Agents", fontsize=9)
        place.spines[["top", "right"]].set_visible(False)
    places[0].legend(frameon=False, fontsize=8)
    _save(figure, "burst")


_SCALE: dict[str, tuple[str, Callable[[dict[str, Any], int], float]]] = {
    "memory at the most, MiB": ("burst", lambda row, _: row["peak MiB"]),
    "CPU of a burst, ms each": ("burst", lambda row, _: row["cpu ms each"]),
    "all Ready, ms each": ("burst", lambda row, count: 1000 * row["all ready s"] / count),
    "CPU of a restart, s": ("restart", lambda row, _: row["cpu s"]),
    "CPU at rest, ms a minute": ("idle", lambda row, _: 60_000 * row["cpu s"] / row["seconds"]),
}
"""What is drawn against the number of Agents: the phase, and how it is read, of a row and of that number."""


def _plot_scale(runs: Sequence[Run]) -> None:
    """Draw the cost against the number of Agents: the median of each contender's runs, and from least to most."""
    if len(_counts(runs, "burst")) <= 1:
        return
    figure, places = plt.subplots(1, len(_SCALE), figsize=(15, 3.4), layout="constrained")
    for place, (title, (phase, read)) in zip(places, _SCALE.items(), strict=True):
        for name in sorted({run["contender"] for run in runs}):
            found = {count: _by_contender(runs, phase, count).get(name, []) for count in _counts(runs, phase)}
            counts = [count for count, rows in found.items() if rows]
            values = [[read(row, count) for row in found[count]] for count in counts]
            if counts:
                middles = list(map(statistics.median, values))
                place.plot(counts, middles, marker="o", markersize=3, label=name, color=_COLOURS.get(name))
                place.fill_between(
                    counts, list(map(min, values)), list(map(max, values)), alpha=0.15, color=_COLOURS.get(name)
                )
        place.set_xscale("log")
        place.set_ylim(bottom=0)
        place.set_title(title, fontsize=10)
        place.set_xlabel("Agents", fontsize=9)
        place.spines[["top", "right"]].set_visible(False)
    places[0].legend(frameon=False, fontsize=8)
    _save(figure, "scale")


def _counts(runs: Sequence[Run], phase: str) -> list[int]:
    return sorted({run["agents"] for run in runs if phase in run["phases"]})


def _save(figure: Figure, name: str) -> None:
    mpl.rcParams["svg.hashsalt"] = "agentctl"  # the same figures, the same file
    for kind in ("svg", "png"):
        metadata = {"Date": None} if kind == "svg" else None
        figure.savefig(RESULTS.with_name(f"{name}.{kind}"), dpi=150, metadata=metadata)
    plt.close(figure)

"""Helm, from the cache of built programs."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.cluster.build import helm

CHART = Path(__file__).parents[2] / "deploy/chart/agentctl"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Helm:
    """Runs helm with a home of its own.

    Attributes:
        folder: where it keeps what it keeps.
        kubeconfig: of the cluster; None where none is asked.
        cwd: the folder that paths are taken from; None for that of the tests.
    """

    folder: Path
    kubeconfig: Path | None = None
    cwd: Path | None = None

    def __call__(self, *arguments: str, values: Json | None = None, check: bool = True) -> str:
        """Run ``helm ARGUMENTS`` and return what it says: its output, or where it may fail and has, its error.

        Args:
            *arguments: of the command.
            values: for the chart; None where the command takes none.
            check: whether it must not fail.
        """
        given = [] if values is None else ["--values=-"]
        run = subprocess.run(
            [helm(), *arguments, *given],
            input=json.dumps(values or {}),
            env=self._environment(),
            cwd=self.cwd,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert run.returncode == 0 or not check, f"helm {' '.join(arguments)} failed:\n{run.stderr}{run.stdout}"
        return run.stdout if run.returncode == 0 else run.stderr

    def _environment(self) -> dict[str, str]:
        homes = {f"HELM_{kind}_HOME": str(self.folder / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
        return {**os.environ, **homes, "KUBECONFIG": str(self.kubeconfig or os.devnull)}

    def rendered(self, values: Json, release: str = "agentctl", namespace: str = "agentctl-system") -> list[Json]:
        """Return the objects that the chart makes with these values."""
        text = self("template", release, str(CHART), f"--namespace={namespace}", values=values)
        # The parser in C: the resource type alone takes the other one most of a second.
        return [each for each in yaml.load_all(text, Loader=yaml.CSafeLoader) if each]

"""Who is compared: each makes one pod for each Agent, behind the wrapper, and reports Ready."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

_BIN = Path(sys.executable).parent
_AGENTCTL = Path(__file__).parents[2] / "build/operator/bin/agentctl"
"""Installed by `make bench` from the operator's own lock."""


@dataclass(frozen=True)
class Contender:
    """One operator.

    Attributes:
        name: as it stands in tables.
        command: its command line; `{namespace}` stands for the namespace that it serves.
        environment: variables besides KUBECONFIG.
        follows_edits: whether it does something about a changed spec, and about `replicas`.
        is_bound: whether it is a lower bound and no product: no retries, no leader election, no metrics.
    """

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    follows_edits: bool = False
    is_bound: bool = False

    def command_in(self, namespace: str) -> list[str]:
        """Return the command line for one namespace."""
        return [part.replace("{namespace}", namespace) for part in self.command]


def _bare(name: str, client: str) -> Contender:
    command = (sys.executable, "-m", "bench.operators.bare_loop", "{namespace}")
    return Contender(name, command, {"CLIENT": client}, is_bound=True)


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender(
            "agentctl",
            # Everything on that a cluster has on: election, metrics, probes, lines of JSON.
            (
                str(_AGENTCTL),
                "run",
                "--namespace={namespace}",
                "--leader-elect",
                "--leader-election-namespace={namespace}",
                "--metrics-bind-address=127.0.0.1:0",
                "--health-probe-bind-address=127.0.0.1:0",
                "--log-format=json",
            ),
            follows_edits=True,
        ),
        Contender(
            "kopf",
            (
                str(_BIN / "kopf"),
                "run",
                "--quiet",
                "--standalone",
                "--namespace={namespace}",
                str(Path(__file__).with_name("kopf_operator.py")),
            ),
        ),
        _bare("bare, aiohttp", "aiohttp"),
        _bare("bare, lightkube", "lightkube"),
    )
}

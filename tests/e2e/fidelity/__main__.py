"""Look for differences, or run one sequence again: `python -m tests.e2e.fidelity --help`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path

import httpx2

from tests.e2e.fidelity.campaign import Campaign, shown
from tests.e2e.fidelity.generate import sequence
from tests.e2e.fidelity.operations import from_line
from tests.e2e.fidelity.plane import CONNECTIONS, bare_plane
from tests.e2e.fidelity.sides import client_of


def main() -> int:
    """Run what the command line asks for; return 1 where there is a difference."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.fidelity", description=__doc__)
    parser.add_argument("--replay", metavar="LINE", help="one sequence, as a difference prints it")
    parser.add_argument("--first", type=int, default=0, metavar="NUMBER", help="the first sequence")
    parser.add_argument("--sequences", type=int, default=300, metavar="COUNT", help="how many")
    parser.add_argument("--jobs", type=int, default=8, metavar="COUNT", help="how many at a time")
    parser.add_argument("--shown", type=int, default=20, metavar="COUNT", help="how many differences are shrunk")
    parser.add_argument("--kubeconfig", type=Path, help="of a control plane without controllers; else one is started")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="agentctl-fidelity-") as folder, _client(asked, folder) as client:
        campaign = Campaign(client, jobs=asked.jobs)
        if asked.replay is not None:
            text = sys.stdin.read() if asked.replay == "-" else asked.replay
            outcome = campaign.once(from_line(text))
            print(shown(outcome) if outcome.found else "no difference")
            return int(bool(outcome.found))
        started = time.monotonic()
        campaign.run(map(sequence, range(asked.first, asked.first + asked.sequences)))
        print(campaign.report())
        print(f"{time.monotonic() - started:.1f} s")
        for text in campaign.explained_differences(asked.shown):
            print(f"\n{text}")
        return int(bool(campaign.differing))


def _client(asked: argparse.Namespace, folder: str) -> AbstractContextManager[httpx2.Client]:
    return client_of(asked.kubeconfig, CONNECTIONS) if asked.kubeconfig else bare_plane(Path(folder) / "plane")


if __name__ == "__main__":
    sys.exit(main())

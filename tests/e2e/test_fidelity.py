"""The model cluster answers as a real API server does: the same random operations on both, answers compared.

What the model leaves out stands in one table, `tests/e2e/fidelity/not_modelled.py`, each entry with its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from agentctl_core import API_VERSION, KIND
from tests.e2e.cluster.control_plane import ControlPlane
from tests.e2e.fidelity.campaign import Campaign
from tests.e2e.fidelity.collection import collect_all
from tests.e2e.fidelity.generate import sequence
from tests.e2e.fidelity.not_modelled import NOT_MODELLED
from tests.e2e.fidelity.operations import Operation
from tests.e2e.fidelity.plane import CONNECTIONS, bare_plane
from tests.e2e.fidelity.sides import client_of
from tests.e2e.session import CRD_FILE

SEQUENCES = 300
OPERATIONS = 5000
"""The least number of operations that are compared."""
SELDOM = [
    Operation(
        verb="POST",
        kind="Agent",
        body={
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": "a"},
            "spec": {"image": "i", "restartPolicy": 5},
        },
    )
]
"""What the sequences may miss: a field that is wrong by its type and by its value."""
COLLECTIONS = 40
_JOBS = 6


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[httpx2.Client]:
    """An API server where nobody else writes."""
    with bare_plane(tmp_path / "plane") as client:
        yield client


@pytest.fixture
def collected(tmp_path: Path) -> Iterator[httpx2.Client]:
    """An API server with the real garbage collector."""
    with (
        ControlPlane(tmp_path / "plane", manifests=[CRD_FILE]) as plane,
        client_of(plane.kubeconfig, CONNECTIONS) as client,
    ):
        yield client


def test_the_model_answers_as_the_api_server_does(
    alone: httpx2.Client, record_property: Callable[[str, object], None]
) -> None:
    campaign = Campaign(alone, jobs=_JOBS)
    campaign.run([*map(sequence, range(SEQUENCES)), SELDOM])
    record_property("figures", f"fidelity: {campaign.headline}")
    assert not campaign.differing, "\n\n".join(campaign.explained_differences(5))
    assert campaign.operations >= OPERATIONS
    needless = [entry.what for entry in NOT_MODELLED if not campaign.explained[entry.what]]
    assert not needless, needless


def test_the_model_collects_garbage_as_the_controllers_do(
    collected: httpx2.Client, record_property: Callable[[str, object], None]
) -> None:
    outcomes = collect_all(range(COLLECTIONS), collected, jobs=_JOBS)
    differing = [outcome.shown() for outcome in outcomes if outcome.states is not None]
    assert not differing, "\n\n".join(differing[:5])
    compared = sum((outcome.compared for outcome in outcomes), Counter[str]())
    record_property("figures", f"garbage collection: {compared.total()} states at rest compared")
    assert {"DELETE Foreground", "DELETE Background", "DELETE Orphan", "DELETE Namespace"} <= compared.keys()

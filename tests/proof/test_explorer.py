"""Every order of steps, with every fault at every moment, up to two of them on a path."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agentctl_core.testing import FAULTS, explore

from .scenarios import SCENARIOS

# What was found when this was written; fewer states would mean that the model does less than it did.
FLOORS = {"service": 22_000, "task": 50_000, "full": 28_000, "on-delete": 21_000}


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_nothing_goes_wrong_whatever_happens(name: str, record_property: Callable[[str, object], None]) -> None:
    found = explore(SCENARIOS[name], most_faults=2)
    record_property("figures", f"explored {name}: {found}")
    assert found.states >= FLOORS[name]
    assert set(found.faults) == set(FAULTS)

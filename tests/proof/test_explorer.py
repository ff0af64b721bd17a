"""Every order of steps, with every fault at every moment, up to two of them on a path; three of those about views."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agentctl_core.testing import FAULTS, explore

from .scenarios import SCENARIOS, VIEWS

# What was found when this was written; fewer states would mean that the model does less than it did.
FLOORS = {"service": 25_000, "task": 56_000, "full": 32_000, "on-delete": 26_000}
VIEW_FLOORS = {"service": 14_000, "task": 29_000}


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_nothing_goes_wrong_whatever_happens(name: str, record_property: Callable[[str, object], None]) -> None:
    found = explore(SCENARIOS[name], most_faults=2)
    record_property("figures", f"explored {name}: {found}")
    assert found.states >= FLOORS[name]
    assert set(found.faults) == set(FAULTS)


@pytest.mark.parametrize("name", sorted(VIEW_FLOORS))
def test_nothing_goes_wrong_however_late_each_watch_is(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    found = explore(SCENARIOS[name], faults=VIEWS, most_faults=3)
    record_property("figures", f"explored views of {name}: {found}")
    assert found.states >= VIEW_FLOORS[name]
    assert set(found.faults) == set(VIEWS)

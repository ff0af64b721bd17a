"""Eventually stable reconciliation: from wherever faults leave it, an Agent comes to what is asked for, and stays."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import seed as at
from hypothesis import strategies as st

from agentctl_core.testing import FAULTS, Scenario, assert_converges
from agentctl_core.testing.strategies import agents
from tests.examples import can_be_placed

Json = dict[str, Any]

EXAMPLES: Final = int(os.environ.get("AGENTCTL_EXAMPLES", "2000"))
"""`make nightly` tries 20,000."""
PARTS: Final = 4
"""Run side by side."""


SPECS: Final = agents().map(lambda manifest: manifest["spec"]).filter(can_be_placed)
_COMMON: Final = {"updateStrategy": st.sampled_from(["Recreate", "OnDelete"]), "replicas": st.sampled_from([0, 1])}
_OF_TASKS: Final = {
    "backoffLimit": st.integers(0, 3),
    "activeDeadlineSeconds": st.integers(1, 400),
    "ttlSecondsAfterFinished": st.integers(0, 400),
}
_POLICY: Final = {"restartPolicy": st.sampled_from(["OnFailure", "Never"])}
LIFE: Final = st.fixed_dictionaries({}, optional=_COMMON) | st.fixed_dictionaries(
    _POLICY, optional={**_COMMON, **_OF_TASKS}
)
_ALL: Final = {"restartPolicy", *_COMMON, *_OF_TASKS}
FAULTY: Final = st.lists(st.tuples(st.integers(0, 30), st.sampled_from(sorted(FAULTS))), min_size=1, max_size=10)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    first, life = draw(SPECS), draw(LIFE)
    others = draw(st.lists(SPECS, max_size=2))
    first, *others = (
        {name: value for name, value in spec.items() if name not in _ALL} | life for spec in (first, *others)
    )
    return Scenario(spec=first, versions=others)


@pytest.mark.parametrize("part", range(PARTS))
def test_an_agent_comes_to_rest_after_any_faults(part: int, record_property: Callable[[str, object], None]) -> None:
    rounds: list[int] = []
    faults = 0

    @settings(max_examples=EXAMPLES // PARTS)
    @given(scenarios(), FAULTY, st.integers(0, 2**32).map(lambda seed: seed * PARTS + part))
    def search(scenario: Scenario, faulty: list[tuple[int, str]], seed: int) -> None:
        nonlocal faults
        found = assert_converges(scenario, faulty, seed=seed)
        rounds.append(found.rounds)
        faults += len(found.faults)

    if settings.default and settings.default.derandomize:
        search = at(part + 1)(search)  # else each part would try the same
    search()
    rounds.sort()
    median, late = rounds[len(rounds) // 2], rounds[len(rounds) * 99 // 100]
    told = f"{len(rounds)} runs with {faults} faults; rounds to converge: median {median}, p99 {late}, max {rounds[-1]}"
    record_property("figures", f"converged, part {part + 1} of {PARTS}: {told}")
    assert len(rounds) >= EXAMPLES // PARTS

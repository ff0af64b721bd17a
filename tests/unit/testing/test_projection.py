"""Whatever befalls an Agent in the model cluster, its operator decides from projections as from the whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.examples import can_be_placed

from agentctl_core import Action, Observed, Prepared, decide, prepare, project
from agentctl_core.testing import _operator, assert_converges
from agentctl_core.testing.strategies import agents

SPECS = agents().map(lambda manifest: manifest["spec"]).filter(can_be_placed)


@settings(max_examples=60)
@given(SPECS, st.integers(0, 2**32))
def test_it_decides_the_same_through_any_faults(spec: Any, seed: int) -> None:
    compared = 0

    def both(prepared: Prepared, manifest: Mapping[str, Any], observed: Observed) -> tuple[Action, ...]:
        nonlocal compared
        compared += 1
        seen = evolve(observed, objects=[project(item) for item in observed.objects])
        from_whole = decide(prepared, manifest, observed)
        assert decide(prepared, project(manifest), seen) == from_whole
        return from_whole

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_operator, "decide", both)
        run = assert_converges(spec, seed, seed=seed)
    # Nothing is decided about an Agent that is gone before it is seen.
    assert compared or not {"delete", "delete-foreground"}.isdisjoint(run.faults)
    whole = {"apiVersion": "agentctl.dev/v1alpha1", "kind": "Agent", "metadata": {"name": "a"}, "spec": spec}
    assert prepare(project(whole)) == prepare(whole)

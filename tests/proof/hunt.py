"""Looks for what is wrong with the core that can be imported: ``python -m tests.proof.hunt``.

Run on a copy of the core with a bug in it, it says what finds the bug and how soon, as one line of JSON. The means are
the general ones, in the order of what they cost: explorer with one fault, random runs, explorer with three faults of
those alone that concern views, explorer with two of all.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from agentctl_core.testing import Scenario, Violation, assert_converges, explore
from tests.proof.scenarios import SCENARIOS, VIEWS

RUNS: Final = 300


def hunt() -> dict[str, object]:
    """Return what finds a bug: `means` (None if nothing does), `after` how many states or runs, `told`, `steps`."""
    for means, look in _means():
        try:
            look()
        except Violation as found:
            return {"means": means, "after": found.after, "told": found.told, "steps": found.steps}
        except Exception as error:  # noqa: BLE001 -- a bug may break anything
            return {"means": means, "after": 1, "told": f"{type(error).__name__}: {error}", "steps": ""}
    return {"means": None}


def _means() -> Iterator[tuple[str, Callable[[], object]]]:
    for name, scenario in SCENARIOS.items():
        yield f"explorer, {name}, 1 fault", partial(explore, scenario, most_faults=1)
    for name, scenario in SCENARIOS.items():
        yield f"random runs, {name}", partial(_run, scenario)
    yield "explorer, service, 3 faults of views", partial(explore, SCENARIOS["service"], faults=VIEWS, most_faults=3)
    for name, scenario in SCENARIOS.items():
        yield f"explorer, {name}, 2 faults", partial(explore, scenario, most_faults=2)


def _run(scenario: Scenario) -> None:
    for seed in range(RUNS):
        try:
            assert_converges(scenario, seed, seed=seed)
        except Violation as found:
            raise Violation(found.told, found.steps.split(), after=seed + 1) from None


if __name__ == "__main__":
    sys.stdout.write(json.dumps(hunt()) + "\n")

"""Taking a step in a world: by name, checked against the laws."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ._faults import FAULTS
from ._laws import LawBrokenError, check_action, check_plan, check_state, with_ghost
from ._refused import Refused
from ._world import Scenario, World

FREE: Final = frozenset({"plan", "act", "step", "wait"})
"""The steps by which things go on: the operator's, the controllers' and time's."""
_EXECUTING: Final = ("act", "crash-during", "lost-response")
"""Steps in which a request of the operator's is carried out."""


class Violation(AssertionError):  # noqa: N818 -- it is no error of this program
    """A law does not hold.

    Attributes:
        told: which, and how it is broken.
        steps: what leads there: `retrace(scenario, steps)`.
        after: how many states had been explored, or runs made, when it was found.
    """

    def __init__(self, told: str, steps: Iterable[str], *, after: int = 1) -> None:
        self.told = told
        self.steps = " ".join(steps)
        self.after = after
        super().__init__(f"{told}\n    retrace(scenario, {self.steps!r})")


def enabled(world: World, faults: Iterable[str]) -> Iterator[str]:
    """Yield the faults of that selection that can happen now."""
    for name in faults:
        if FAULTS[name].can_happen(world):
            yield name


def take(world: World, step: str) -> World:
    """Return the world after one step; the given one stays as it is.

    Raises:
        LawBrokenError: what has happened must not happen.
        KeyError: there is no such step.
    """
    after = world.copy()
    try:
        if step in FREE:
            getattr(after, step)()
        else:
            FAULTS[step].happen(after)
    except Refused as refusal:
        raise LawBrokenError(f"the API server refuses what is asked for: {refusal}") from refusal
    if step in _EXECUTING:
        check_action(world, world.operator.plan[0], after)
    if step == "plan":
        check_plan(world, after)
    with_ghost(world, after, by_operator=step in _EXECUTING)
    check_state(after)
    return after


def retrace(scenario: Scenario, line: str) -> World:
    """Return the world after the steps that a line of text names, as a failure prints it.

    Raises:
        LawBrokenError: as it happened before.
        KeyError: there is no such step.
    """
    world = World(scenario)
    for step in line.split():
        world = take(world, step)
    return world

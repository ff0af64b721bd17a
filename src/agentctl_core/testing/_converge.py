"""Random search: long runs with many faults, for specs of any kind, beyond what can be explored exhaustively."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from attrs import frozen

from ._faults import FAULTS
from ._laws import LawBrokenError, check_goal, check_settled
from ._steps import Violation, enabled, take
from ._world import Scenario, World

Chosen: TypeAlias = tuple[int, str]
"""After how many steps since the last fault, and which."""

MOST_ROUNDS: Final = 400
"""Plans after the last fault, beyond which a world is taken never to settle."""
_MOST_FAULTS: Final = 8
_MOST_STEPS: Final = 20_000
_MOST_STEPS_BETWEEN: Final = 40


@frozen(kw_only=True)
class Convergence:
    """How a run went.

    Attributes:
        rounds: how many plans the operator made after the last fault until it came to rest.
        plans: how many it made in all.
        faults: the faults that did happen, in their order.
        steps: the whole run, for `retrace`.
    """

    rounds: int
    plans: int
    faults: tuple[str, ...]
    steps: str


def random_faults(seed: int) -> tuple[Chosen, ...]:
    """Return faults of any kind at random moments, the same ones for the same seed."""
    source = random.Random(seed)  # noqa: S311 -- nothing secret
    kinds, count = tuple(FAULTS), source.randrange(_MOST_FAULTS)
    return tuple((source.randrange(_MOST_STEPS_BETWEEN), source.choice(kinds)) for _ in range(count))


def assert_converges(
    spec: Mapping[str, Any] | Scenario, faults: Iterable[Chosen] | int = (), *, seed: int = 0
) -> Convergence:
    """Run an Agent through faults, and check every law at every step, and the goal once it has come to rest.

    What happens next, where more than one thing can, is drawn from `seed`: so the same arguments give the same run.
    A fault that cannot happen at its moment happens as soon as it can, or not at all.

    Args:
        spec: of the Agent, or a whole scenario.
        faults: which, each with the number of steps before it; or the seed to draw them from.
        seed: of the order of steps.

    Raises:
        Violation: a law does not hold, or the world does not come to what the user asks for; it tells the steps.
    """
    scenario = spec if isinstance(spec, Scenario) else Scenario(spec=spec)
    chosen = random_faults(faults) if isinstance(faults, int) else tuple(faults)
    return _Run(scenario, seed).through(chosen)


class _Run:
    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._world = World(scenario)
        self._source = random.Random(seed)  # noqa: S311 -- nothing secret
        self._steps: list[str] = []
        self._faults: list[str] = []
        self._plans = 0
        self._at_last_fault = 0

    def through(self, faults: Sequence[Chosen]) -> Convergence:
        for gap, name in faults:
            for _ in range(gap):
                if not self._go_on():
                    break
            self._meet(name)
        self._come_to_rest()
        rounds = self._plans - self._at_last_fault
        self._cure()
        steps = " ".join(self._steps)
        return Convergence(rounds=rounds, plans=self._plans, faults=tuple(self._faults), steps=steps)

    def _meet(self, name: str) -> None:
        for _ in range(_MOST_STEPS_BETWEEN):
            if name in enabled(self._world, (name,)):
                self._take(name)
                self._faults.append(name)
                self._at_last_fault = self._plans
                return
            if not self._go_on():
                return

    def _go_on(self) -> bool:
        free = list(self._world.free_steps())
        if not free:
            return False
        self._take(self._source.choice(free))
        return True

    def _come_to_rest(self) -> None:
        """Go on until nothing is written any more, however long one waits."""
        quiet_for = 0
        while quiet_for < _QUIET_ROUNDS:
            if self._world.is_quiet():
                self._check(check_settled)
                if self._world.next_deadline() is None:
                    break
                version = self._world.cluster.storage.resource_version
                self._take("wait")
                while not self._world.is_quiet():
                    self._go_on()
                    self._bound()
                is_same = version == self._world.cluster.storage.resource_version
                quiet_for = quiet_for + 1 if is_same else 0
            elif not self._go_on():
                break
            self._bound()
        self._check(check_goal)

    def _cure(self) -> None:
        """End what faults have begun and left, and check that this comes to the goal, too."""
        while cures := list(enabled(self._world, (name for name, fault in FAULTS.items() if fault.is_cure))):
            self._take(self._source.choice(cures))
            self._at_last_fault = self._plans
            self._come_to_rest()

    def _bound(self) -> None:
        if self._plans - self._at_last_fault > MOST_ROUNDS or len(self._steps) > _MOST_STEPS:
            raise Violation("it never settles", self._steps)

    def _take(self, step: str) -> None:
        self._plans += step == "plan"
        self._steps.append(step)
        try:
            self._world = take(self._world, step)
        except LawBrokenError as broken:
            raise Violation(str(broken), self._steps) from None

    def _check(self, law: Any) -> None:
        try:
            law(self._world)
        except LawBrokenError as broken:
            raise Violation(str(broken), self._steps) from None


_QUIET_ROUNDS: Final = 4
"""Waits in a row without a write after which nothing more is expected, but that nothing is found again and again."""

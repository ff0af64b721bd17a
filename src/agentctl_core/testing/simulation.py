"""One Agent on the model cluster, with the production decision code: what happens when, and what faults lead to.

The same events give the same run: nobody's turn is drawn by lot. Where more than one could go on, the operator does,
then the controllers of the cluster; time passes where nobody has anything to do::

    simulation = Simulation(Scenario(spec=spec), [Event(timedelta(seconds=30), "pod-killed")])
    for moment in simulation.run():
        print(moment.at, moment.step)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from enum import Enum
from typing import Final

from attrs import frozen

from ._converge import random_faults
from ._faults import FAULTS
from ._laws import LawBrokenError
from ._refused import Refused
from ._steps import enabled, take
from ._world import START, Scenario, World

__all__ = ["CHANGE", "CREATE", "START", "End", "Event", "LawBrokenError", "Moment", "Simulation", "random_events"]

CREATE: Final = "create"
"""The step that every run begins with: its user creates the Agent."""
CHANGE: Final = "change"
"""The step by which its user replaces the Agent's spec by another one of the scenario."""


@frozen
class Event:
    """Something that befalls the Agent's world.

    Attributes:
        at: when, since the start: from then on, as soon as it can.
        name: of a fault in `FAULTS`, or `CHANGE`.
        version: for `CHANGE`, which of the scenario's specs; 0 is the first one.
    """

    at: timedelta
    name: str
    version: int = 0


@frozen(unsafe_hash=False)
class Moment:
    """One step of a run.

    Attributes:
        at: when, since the start, on the cluster's clock.
        step: `CREATE`; of the operator: `plan`, `act`; of the cluster's controllers: `step`; or an event's name.
        before, after: the world. For `CREATE` both are the same one.
        refusal: what the API server answered where it refused a change.
    """

    at: timedelta
    step: str
    before: World
    after: World
    refusal: str | None = None


class End(Enum):
    """Why a run is over."""

    SETTLED = "settled"
    """Nothing would ever happen any more."""
    TIME = "time"
    """The time that was asked for has passed."""
    STEPS = "steps"
    """It has taken as many steps as it may."""


class Simulation:
    """A run, to be gone through once.

    Attributes:
        world: as it is by now.
        left: the events that have not happened; at the end, those that never could.
        end: why it is over; None before that.
    """

    def __init__(
        self,
        scenario: Scenario,
        events: Iterable[Event] = (),
        *,
        until: timedelta = timedelta(minutes=10),
        most_steps: int = 10_000,
    ) -> None:
        """Prepare a run.

        Args:
            scenario: what there is.
            events: what befalls it; two of the same time in their order.
            until: how long it lasts at most.
            most_steps: how many steps it has at most.

        Raises:
            Refused: the API server refuses the Agent.
            KeyError: there is no such fault.
        """
        self.left = sorted(events, key=lambda event: event.at)
        for event in self.left:
            if event.name != CHANGE:
                FAULTS[event.name]
        self.world = World(scenario)
        self.end: End | None = None
        self._until = until
        self._most_steps = most_steps

    def run(self) -> Iterator[Moment]:
        """Yield what happens, in order.

        Raises:
            LawBrokenError: what has happened must never happen: a bug of agentctl or of its model.
        """
        yield Moment(timedelta(), CREATE, self.world, self.world)
        for _ in range(self._most_steps):
            moment = self._event() or self._free_step()
            while moment is None:
                if not self._pass_time():
                    return
                moment = self._event() or self._free_step()
            self.world = moment.after
            yield moment
        self.end = End.STEPS

    @property
    def elapsed(self) -> timedelta:
        """How long it has taken, on the cluster's clock."""
        return self.world.cluster.now - START

    def _event(self) -> Moment | None:
        """Let the first event happen that is due and can."""
        for event in self.left:
            if event.at > self.elapsed:
                return None
            if event.name == CHANGE:
                self.left.remove(event)
                return self._change(event.version)
            if any(enabled(self.world, [event.name])):
                self.left.remove(event)
                return self._taken(event.name)
        return None

    def _change(self, version: int) -> Moment:
        after, refusal = self.world.copy(), None
        try:
            after.apply(version)
        except Refused as error:
            refusal = str(error)
        return Moment(self.elapsed, CHANGE, self.world, after, refusal)

    def _free_step(self) -> Moment | None:
        step = self.world.operator_step()
        if step is None and self.world.stepped() is not None:
            step = "step"
        return None if step is None else self._taken(step)

    def _taken(self, step: str) -> Moment:
        return Moment(self.elapsed, step, self.world, take(self.world, step))

    def _pass_time(self) -> bool:
        """Let time pass until something is to happen; tell whether that comes before the end."""
        now, due = self.world.cluster.now, self.world.next_deadline()
        coming = [START + event.at for event in self.left if START + event.at > now]
        coming += [] if due is None else [due]
        first = min(coming, default=None)
        if first is None or first > START + self._until:
            self.end = End.SETTLED if first is None else End.TIME
            return False
        self.world = self.world.copy()
        self.world.wait_until(first)
        return True


def random_events(seed: int, *, but: Iterable[str] = ()) -> tuple[Event, ...]:
    """Return up to seven faults of any kind but these, each up to 39 s after the last; the same for the same seed."""
    events: list[Event] = []
    at = timedelta()
    for seconds, name in random_faults(seed):
        at += timedelta(seconds=seconds)
        if name not in but:
            events.append(Event(at, name))
    return tuple(events)

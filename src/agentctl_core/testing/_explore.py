"""Exhaustive exploration: every order of steps, with every fault at every moment, until no new state appears.

Breadth first, so that what is found is found by the shortest way. The graph that results is checked as a whole: no
cycle of free steps writes (a livelock), and wherever the free steps come to rest, what the user asks for is there.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Iterable, Mapping, Sequence

from attrs import field, frozen

from ._components import components
from ._faults import FAULTS
from ._fingerprint import fingerprint
from ._laws import LawBrokenError, check_goal, check_settled
from ._steps import FREE, Violation, enabled, take
from ._world import Scenario, World


@frozen(kw_only=True)
class Exploration:
    """What was explored, in figures.

    Attributes:
        states: how many there are.
        transitions: how many lead from one to another.
        depth: the length of the longest shortest way to a state.
        settled: states in which operator and controllers are quiet.
        faults: how often each kind of fault was tried.
    """

    states: int
    transitions: int
    depth: int
    settled: int
    faults: Mapping[str, int] = field(factory=dict[str, int])

    def __str__(self) -> str:
        tried = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        figures = f"{self.states} states ({self.settled} settled), {self.transitions} transitions, depth {self.depth}"
        return f"{figures}; faults tried: {tried}"


class _Graph:
    """The states found so far, by number, and how they hang together."""

    def __init__(self) -> None:
        self.numbers: dict[Hashable, int] = {}
        self.came: list[tuple[int, str]] = []
        self.free: list[list[tuple[int, bool]]] = []
        """For each state the ones that free steps lead to, and whether they write."""
        self.depth: list[int] = []

    def add(self, print_: Hashable, came_from: int, step: str) -> tuple[int, bool]:
        """Return the number of a state, and whether it is new."""
        found = self.numbers.get(print_)
        if found is not None:
            return found, False
        number = self.numbers[print_] = len(self.came)
        self.came.append((came_from, step))
        self.free.append([])
        self.depth.append(0 if number == 0 else self.depth[came_from] + 1)
        return number, True

    def steps_to(self, number: int) -> list[str]:
        """Return the shortest way to a state."""
        steps: list[str] = []
        while number:
            number, step = self.came[number]
            steps.append(step)
        return steps[::-1]

    def violation(self, told: str, number: int, *steps: str) -> Violation:
        """Return the error that tells what is wrong in a state, or after more steps from it."""
        return Violation(told, [*self.steps_to(number), *steps], after=len(self.came))


def explore(
    scenario: Scenario,
    *,
    faults: Iterable[str] = tuple(FAULTS),
    most_faults: int = 2,
    most_states: int = 1_000_000,
) -> Exploration:
    """Explore a scenario until no new state appears.

    Args:
        scenario: what to begin with.
        faults: names of the kinds of fault that may happen, of `FAULTS`.
        most_faults: how many may happen on one path; those that only end what another began are free.
        most_states: where to give up.

    Raises:
        Violation: a law does not hold; it tells the steps that lead there.
        RuntimeError: there are more states than `most_states`.
    """
    chosen = tuple(faults)
    graph, tried = _Graph(), Counter[str]()
    resting: dict[int, str] = {}
    first = World(scenario)
    graph.add(fingerprint(first, faults_left=most_faults), 0, "")
    waiting = deque([(0, first, most_faults)])
    transitions = settled = 0
    while waiting:
        number, world, left = waiting.popleft()
        free = tuple(world.free_steps())
        if set(free) <= {"wait"}:  # it is quiet
            settled += 1
            try:
                check_settled(world)
            except LawBrokenError as broken:
                raise graph.violation(str(broken), number) from None
            resting[number] = _goal(world)
        for step in (*free, *_possible(world, chosen, left)):
            cost = 0 if step in FREE or FAULTS[step].is_cure else 1
            try:
                after = take(world, step)
            except LawBrokenError as broken:
                raise graph.violation(str(broken), number, step) from None
            reached, is_new = graph.add(fingerprint(after, faults_left=left - cost), number, step)
            transitions += 1
            if step in FREE:
                writes = after.cluster.storage.resource_version != world.cluster.storage.resource_version
                graph.free[number].append((reached, writes))
            else:
                tried[step] += 1
            if is_new:
                waiting.append((reached, after, left - cost))
                if len(graph.came) > most_states:
                    raise RuntimeError(f"more than {most_states} states")
    _check_graph(graph, resting)
    return Exploration(
        states=len(graph.came), transitions=transitions, depth=max(graph.depth), settled=settled, faults=dict(tried)
    )


def _possible(world: World, chosen: Sequence[str], left: int) -> Iterable[str]:
    return enabled(world, chosen if left else (name for name in chosen if FAULTS[name].is_cure))


def _goal(world: World) -> str:
    """Return why a settled world is not what its user asks for; empty where it is."""
    try:
        check_goal(world)
    except LawBrokenError as broken:
        return str(broken)
    return ""


def _check_graph(graph: _Graph, resting: Mapping[int, str]) -> None:
    """Check that nothing goes on for ever, and that everything comes to what is asked for.

    Where the free steps lead in the end is a component of the graph that none of them leaves.
    """
    successors = [[reached for reached, _ in edges] for edges in graph.free]
    for component in components(successors):
        members = set(component)
        for number in component:
            if any(writes and reached in members for reached, writes in graph.free[number]):
                raise graph.violation("a livelock: a cycle of steps that writes", number)
        if all(reached in members for number in component for reached in successors[number]):
            quiet = [number for number in component if number in resting]
            if not quiet:
                raise graph.violation("it never settles", component[0])
            for number in quiet:
                if resting[number]:
                    raise graph.violation(resting[number], number)

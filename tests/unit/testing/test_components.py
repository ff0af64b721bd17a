from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentctl_core.testing._components import components

GRAPHS = st.integers(1, 8).flatmap(
    lambda size: st.lists(st.lists(st.integers(0, size - 1), max_size=4), min_size=size, max_size=size)
)


def reachable(graph: list[list[int]], start: int) -> set[int]:
    seen, waiting = {start}, [start]
    while waiting:
        for other in graph[waiting.pop()]:
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen


@given(GRAPHS)
def test_nodes_are_together_if_each_can_be_reached_from_the_other(graph: list[list[int]]) -> None:
    reach = [reachable(graph, node) for node in range(len(graph))]
    found = {frozenset(component) for component in components(graph)}
    expected = {frozenset(other for other in reach[node] if node in reach[other]) for node in range(len(graph))}
    assert found == expected


def test_a_path_as_long_as_one_likes_needs_no_recursion() -> None:
    graph = [[node + 1] for node in range(50_000)] + [[]]
    assert sum(1 for _ in components(graph)) == 50_001

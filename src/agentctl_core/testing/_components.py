"""Strongly connected components, after Tarjan (SIAM J. Comput. 1, 1972), without recursion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def components(successors: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Yield the strongly connected components of a graph.

    Args:
        successors: for each node, numbered from 0, the nodes that its edges lead to.
    """
    index = [-1] * len(successors)
    low = [0] * len(successors)
    on_path = [False] * len(successors)
    path: list[int] = []
    count = 0
    for root in range(len(successors)):
        if index[root] != -1:
            continue
        work = [(root, 0)]
        while work:
            node, edge = work.pop()
            if edge == 0:
                index[node] = low[node] = count
                count += 1
                path.append(node)
                on_path[node] = True
            for position in range(edge, len(successors[node])):
                other = successors[node][position]
                if index[other] == -1:
                    work.append((node, position + 1))
                    work.append((other, 0))
                    break
                if on_path[other]:
                    low[node] = min(low[node], index[other])
            else:
                if low[node] == index[node]:
                    yield _popped(path, on_path, node)
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[node])


def _popped(path: list[int], on_path: list[bool], root: int) -> list[int]:
    component: list[int] = []
    while not component or component[-1] != root:
        node = path.pop()
        on_path[node] = False
        component.append(node)
    return component

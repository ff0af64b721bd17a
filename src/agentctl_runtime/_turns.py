"""Turns of image look-ups: so many at a time in all, at one registry and for one namespace.

Each bound is half of the next: a registry that is silent holds half of what its namespace has, and a namespace with
ever so many silent registries holds half of what there is. A turn that gets free goes to whom the fewest are taken for.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

from attrs import define, field

IN_ALL: Final = 24
"""Each may hold up to 16 MiB of answers: more would not fit into the operator's memory limit."""
PER_NAMESPACE: Final = 12
PER_HOST: Final = 6

_Lanes: TypeAlias = "dict[str, deque[Turn]]"
"""What a namespace waits for, by host."""


@define(eq=False)
class Turn:
    """One look-up's turn, waited for in the name of one namespace or of several.

    Attributes:
        host: where the look-up goes.
        namespaces: in whose name it waits.
        taken_for: the one that it counts for, once it is taken.
    """

    host: str
    namespaces: set[str] = field(factory=set[str])
    taken_for: str = ""
    is_over: bool = False
    begins: asyncio.Event = field(factory=asyncio.Event)


class Turns:
    """Gives turns to who waits."""

    def __init__(self) -> None:
        self._taken: list[Turn] = []
        self._waiting: dict[str, _Lanes] = {}
        """By namespace. Of namespaces, and of the hosts of one, what had a turn longest ago comes first."""

    @asynccontextmanager
    async def taken(self, turn: Turn) -> AsyncGenerator[None]:
        """Wait for a turn and hold it; it is waited for in the name of whom `join` has named, before or meanwhile."""
        try:
            await turn.begins.wait()
            yield
        finally:
            turn.is_over = True
            if turn in self._taken:
                self._taken.remove(turn)
                self._give()

    def join(self, turn: Turn, namespace: str) -> None:
        """Wait for a turn in the name of a further namespace: it need not wait as long as the first one might."""
        if namespace not in turn.namespaces and not turn.begins.is_set():
            turn.namespaces.add(namespace)
            self._waiting.setdefault(namespace, {}).setdefault(turn.host, deque()).append(turn)
            # Of what waited before nothing can begin now: a burst need not be looked through for each of its look-ups.
            namespaces, hosts = self._counts()
            if namespaces[namespace] < PER_NAMESPACE and hosts[turn.host] < PER_HOST:
                self._give()

    def _give(self) -> None:
        while len(self._taken) < IN_ALL and (place := self._next()) is not None:
            namespace, host = place
            lanes = self._waiting[namespace] = self._waiting.pop(namespace)
            lanes[host] = lanes.pop(host)
            turn = lanes[host].popleft()
            turn.taken_for = namespace
            turn.begins.set()
            self._taken.append(turn)

    def _next(self) -> tuple[str, str] | None:
        """Return the namespace whose look-up is to begin now, and the host that it goes to."""
        namespaces, hosts = self._counts()
        for namespace in sorted(self._waiting, key=lambda each: namespaces[each]):
            if namespaces[namespace] >= PER_NAMESPACE:
                break
            host = _least(self._waiting[namespace], hosts)
            if host is not None:
                return namespace, host
            if not self._waiting[namespace]:
                del self._waiting[namespace]
        return None

    def _counts(self) -> tuple[Counter[str], Counter[str]]:
        """Return how many turns are taken for each namespace and at each host."""
        return Counter(turn.taken_for for turn in self._taken), Counter(turn.host for turn in self._taken)


def _least(lanes: _Lanes, hosts: Counter[str]) -> str | None:
    """Return the host of the fewest look-ups, of those that may have another one; forget those nobody waits for."""
    least: str | None = None
    empty: list[str] = []
    for host, turns in lanes.items():
        while turns and (turns[0].is_over or turns[0].begins.is_set()):
            turns.popleft()  # given up, or taken in another's name
        if not turns:
            empty.append(host)
        elif hosts[host] < PER_HOST and (least is None or hosts[host] < hosts[least]):
            least = host
            if not hosts[host]:
                break
    for host in empty:
        del lanes[host]
    return least

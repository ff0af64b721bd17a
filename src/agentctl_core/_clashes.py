"""Finds what two fields of an Agent ask for at once: names, paths, ports."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from ._contribution import OPERATOR, Item
from ._problem import InvalidAgent, Problem


class Clashes:
    """Remembers every problem that the merge finds, in the order in which it finds them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)

    def among(self, sort: str, items: Iterable[Item]) -> dict[str, Any]:
        """Return `name -> value`, in order; of two items with one name the first is kept, and the second told."""
        first: dict[str, Item] = {}
        for item in items:
            if self.is_new(sort, f'"{item.name}"', item.name, item.path, first):
                first[item.name] = item
        return {name: item.value for name, item in first.items()}

    def is_new(self, sort: str, shown: str, key: Hashable, path: str, first: dict[Any, Item]) -> bool:
        """Tell whether nobody holds `key` yet; tell the clash with whoever does."""
        holder = first.get(key)
        if holder is None:
            return True
        by = "the operator" if holder.path == OPERATOR else holder.path
        self.problems.append(Problem(path, f"{sort} {shown} is already set by {by}; choose another"))
        return False

    def reserve(self, sort: str, items: Iterable[Item], prefix: str, own: frozenset[str]) -> list[Item]:
        """Return the items without those whose names the operator keeps for itself; `own` paths may use them."""
        free: list[Item] = []
        for item in items:
            if item.name.startswith(prefix) and item.path not in own:
                told = f'{sort} names that begin with "{prefix}" are the operator\'s own; choose another'
                self.problems.append(Problem(item.path, told))
            else:
                free.append(item)
        return free

    def refuse(self, path: str, message: str) -> None:
        """Remember a problem of another kind."""
        self.problems.append(Problem(path, message))

    def raise_problems(self) -> None:
        """Raise InvalidAgent where there are problems: each once, though several containers may have it."""
        if self.problems:
            raise InvalidAgent(dict.fromkeys(self.problems))

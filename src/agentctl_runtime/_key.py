"""What names an Agent in the queue, the caches, and whatever is told of it."""

from __future__ import annotations

from typing import NamedTuple


class Key(NamedTuple):
    """Names one Agent."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

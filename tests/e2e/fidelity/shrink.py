"""The smallest sequence that still shows a difference."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from attrs import evolve

from tests.e2e.fidelity.operations import Operation

Fails = Callable[[Sequence[Operation]], bool]


def shrunk(operations: Sequence[Operation], fails: Fails, seconds: float) -> list[Operation]:
    """Return a sequence that fails too, with fewer and smaller operations, as far as `seconds` reach."""
    deadline = time.monotonic() + seconds
    best = list(operations)
    while smaller := next((one for one in _smaller(best) if time.monotonic() < deadline and fails(one)), None):
        best = smaller
    return best


def _smaller(operations: list[Operation]) -> Iterator[list[Operation]]:
    """Yield sequences with something left out: whole operations first, never the last, which differs."""
    size = len(operations) // 2
    while size:
        for start in range(0, len(operations) - 1, size):
            end = min(start + size, len(operations) - 1)
            yield [*operations[:start], *operations[end:]]
        size //= 2
    for index, operation in enumerate(operations):
        for body in _without_one(operation.body):
            yield [*operations[:index], evolve(operation, body=body), *operations[index + 1 :]]
        for query in _without_one(operation.query):
            yield [*operations[:index], evolve(operation, query=query), *operations[index + 1 :]]


def _without_one(value: Any) -> Iterator[Any]:
    """Yield JSON with one entry less, in any depth; the larger entries come first."""
    if isinstance(value, dict) and not any(key.startswith("$") and key != "$seen" for key in value):
        for key in value:
            if key not in ("$seen", "patch"):
                yield {k: child for k, child in value.items() if k != key}
        for key, child in value.items():
            for smaller in _without_one(child):
                yield value | {key: smaller}
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield [*value[:index], *value[index + 1 :]]
            for smaller in _without_one(child):
                yield [*value[:index], smaller, *value[index + 1 :]]

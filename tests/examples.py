"""Examples of a strategy as a list, for tests that look at many at once; and what some tests leave out."""

from __future__ import annotations

from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

T = TypeVar("T")


def examples(strategy: st.SearchStrategy[T], count: int) -> list[T]:
    """Return examples, the same ones on every run."""
    found: list[T] = []

    @settings(
        max_examples=count,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: T) -> None:
        found.append(example)

    collect()
    return found


def can_be_placed(spec: dict[str, Any]) -> bool:
    """Tell whether a pod can stay: one that is put on a node that is not there is taken away again and again."""
    return "nodeName" not in (spec.get("podTemplate") or {}).get("spec", {})

"""Many sequences at a time, what they came to, and their differences in the smallest form."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpx2

from tests.e2e.fidelity.operations import Operation, to_line
from tests.e2e.fidelity.plane import prepared
from tests.e2e.fidelity.run import Counted, Outcome, run
from tests.e2e.fidelity.shrink import shrunk

_SHRINK_SECONDS: Final = 20.0


class Campaign:
    """Runs sequences on the model and on a server.

    Attributes:
        counted: how many operations were compared, by verb, kind, code and reason.
        explained: how often each entry of the table of what is not modelled was needed.
        differing: the outcomes with a difference that nothing explains.
    """

    def __init__(self, client: httpx2.Client, *, jobs: int) -> None:
        self._client = client
        self._jobs = jobs
        self.counted: Counter[Counted] = Counter()
        self.explained: Counter[str] = Counter()
        self.differing: list[Outcome] = []

    @property
    def operations(self) -> int:
        """How many operations were compared."""
        return self.counted.total()

    def once(self, operations: Sequence[Operation]) -> Outcome:
        """Run one sequence in a namespace of its own."""
        namespace = f"f-{uuid.uuid4().hex[:12]}"
        model, server = prepared(self._client, namespace)
        return run(operations, model, server, namespace)

    def run(self, sequences: Iterable[Sequence[Operation]]) -> None:
        """Run these sequences."""
        with ThreadPoolExecutor(self._jobs) as pool:
            for outcome in pool.map(self.once, sequences):
                self.counted += outcome.counted
                self.explained += outcome.explained
                if outcome.found:
                    self.differing.append(outcome)

    def explained_differences(self, most: int) -> Iterator[str]:
        """Yield each kind of difference, in the smallest sequence that shows it."""
        groups: dict[Any, list[Outcome]] = {}
        for outcome in self.differing:
            groups.setdefault(outcome.found[0].signature, []).append(outcome)
        for signature, outcomes in sorted(groups.items(), key=lambda item: -len(item[1]))[:most]:
            first = min(outcomes, key=lambda outcome: len(outcome.operations))

            def fails(operations: Sequence[Operation], signature: Any = signature) -> bool:
                found = self.once(operations).found
                return bool(found) and found[0].signature == signature

            smallest = self.once(shrunk(first.operations, fails, _SHRINK_SECONDS))
            again = "" if smallest.found else " (not seen again)"
            yield f"{len(outcomes)} x {signature}{again}\n{shown(smallest if smallest.found else first)}"

    @property
    def headline(self) -> str:
        """What was compared, in one line."""
        return f"{self.operations} operations compared, {len(self.differing)} sequences with a difference"

    def report(self) -> str:
        """Return what was compared, by verb and by answer."""
        by_verb: Counter[str] = Counter()
        by_answer: Counter[str] = Counter()
        by_kind: Counter[str] = Counter()
        for (verb, kind, code, reason), count in self.counted.items():
            by_verb[verb] += count
            by_kind[kind] += count
            by_answer[f"{code} {reason}".strip()] += count
        parts = [
            self.headline,
            *(_spread(name, spread) for name, spread in (("verb", by_verb), ("answer", by_answer), ("kind", by_kind))),
            _spread("not modelled", self.explained),
        ]
        return "\n".join(parts)


def _spread(name: str, counted: Counter[str]) -> str:
    listed = ", ".join(f"{what} {count}" for what, count in counted.most_common())
    return f"by {name}: {listed}"


def shown(outcome: Outcome) -> str:
    """Return a difference for people, with the line that runs it again."""
    lines = [
        f"  {one.path}\n    model:  {_short(one.model)}\n    server: {_short(one.server)}" for one in outcome.found[:6]
    ]
    told = "\n".join(f"  {index}: {to_line([one])}" for index, one in enumerate(outcome.operations))
    bodies = outcome.answers or ("", "")
    replay = f"python -m tests.e2e.fidelity --replay '{to_line(list(outcome.operations))}'"
    return (
        f"operations:\n{told}\ndifferences:\n" + "\n".join(lines) + f"\nmodel answered:  {_short(bodies[0], 900)}"
        f"\nserver answered: {_short(bodies[1], 900)}\n{replay}"
    )


def _short(value: Any, size: int = 400) -> str:
    text = value if isinstance(value, str) else json.dumps(_without_managed(value))
    return text if len(text) <= size else f"{text[:size]}..."


def _without_managed(value: Any) -> Any:
    match value:
        case dict():
            return {key: _without_managed(child) for key, child in value.items() if key != "managedFields"}
        case list():
            return [_without_managed(child) for child in value]
        case _:
            return value

"""Runs a sequence of operations on both sides and compares each answer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from attrs import field, frozen

from tests.e2e.fidelity.compare import Difference, differences
from tests.e2e.fidelity.names import Names
from tests.e2e.fidelity.operations import Memory, Operation
from tests.e2e.fidelity.sides import Answer, Request, Side, watch_seconds

Json: TypeAlias = dict[str, Any]
Counted: TypeAlias = tuple[str, str, int, str]

_SENT_TWICE: Final = ("LIST", "WATCH")


@frozen(kw_only=True, unsafe_hash=False)
class Outcome:
    """What came of a sequence.

    Attributes:
        operations: those that were run: the rest is void after a difference.
        answers: the answer of each side to the last of them, with ids named: what is shown of a difference.
        found: the differences in the last answers that nothing explains.
        counted: verb, kind, code and reason of each operation that was compared.
        explained: how often each entry of the table was needed, by `what`.
    """

    operations: tuple[Operation, ...]
    answers: tuple[Any, Any] | None = None
    found: tuple[Difference, ...] = ()
    counted: Counter[Counted] = field(factory=Counter)
    explained: Counter[str] = field(factory=Counter)


class _Asked:
    """One side with what it has seen, and the names of its ids."""

    def __init__(self, side: Side, namespace: str) -> None:
        self._side = side
        self._memory = Memory(namespace)
        self._names = Names(namespace)
        self._namespace = namespace

    def ask(self, operation: Operation) -> tuple[Answer, Any]:
        """Return the answer as it came, and with its ids named."""
        query = {key: str(value) for key, value in self._memory.filled(dict(operation.query)).items()}
        watches = operation.verb == "WATCH"
        if watches:
            query |= {"watch": "true", "timeoutSeconds": watch_seconds()}
        body = None if operation.body is None else json.dumps(self._memory.filled(operation.body)).encode()
        request = Request(
            method=operation.method(),
            path=operation.path(self._namespace),
            query=query,
            content=operation.content,
            body=body,
        )
        answer = self._side.watch(request) if watches else self._side.ask(request)
        if "dryRun" not in query:
            self._memory.learn(answer.body)
        is_list = isinstance(answer.body, dict) and "items" in answer.body
        return answer, (self._names.normal_list if is_list else self._names.normal)(answer.body)


def run(operations: Sequence[Operation], model: Side, server: Side, namespace: str) -> Outcome:
    """Run operations in a namespace that exists and is empty on both sides, up to the first difference."""
    mine, real = _Asked(model, namespace), _Asked(server, namespace)
    counted: Counter[Counted] = Counter()
    explained: Counter[str] = Counter()
    for done, operation in enumerate(operations, 1):
        model_answer, model_shown = mine.ask(operation)
        server_answer, server_shown = real.ask(operation)
        codes = (model_answer.code, server_answer.code)
        unexplained = []
        for difference in differences(operation, codes, model_shown, server_shown):
            if (reason := difference.reason()) is not None:
                explained[reason.what] += 1
            else:
                unexplained.append(difference)
        body = server_answer.body
        reason = str(body.get("reason", "")) if isinstance(body, dict) and server_answer.code >= 400 else ""  # noqa: PLR2004
        counted[operation.shown, operation.kind, server_answer.code, reason] += 1
        if unexplained:
            return Outcome(
                operations=tuple(operations[:done]),
                answers=(model_shown, server_shown),
                found=tuple(unexplained),
                counted=counted,
                explained=explained,
            )
    return Outcome(operations=tuple(operations), counted=counted, explained=explained)

"""Runs a sequence of operations on both sides and compares each answer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from attrs import evolve, field, frozen

from tests.e2e.fidelity.compare import Difference, differences, without_second_reasons
from tests.e2e.fidelity.names import Names
from tests.e2e.fidelity.not_modelled import OWNERSHIP, SECOND_REASON
from tests.e2e.fidelity.operations import THIS, Memory, Operation
from tests.e2e.fidelity.sides import Answer, Request, Side, watch_seconds

Json: TypeAlias = dict[str, Any]
Counted: TypeAlias = tuple[str, str, int, str]


@frozen(kw_only=True, unsafe_hash=False)
class Outcome:
    """What came of a sequence.

    Attributes:
        operations: those that were run: the rest is void after a difference.
        answers: the answer of each side to the last of them, with ids named, where they differ.
        found: the differences in the last answers that nothing explains.
        counted: verb, kind, code and reason of each operation that was compared.
        explained: how often each entry of the table was needed, by `what`.
    """

    operations: tuple[Operation, ...]
    answers: tuple[Any, Any] | None = None
    found: tuple[Difference, ...] = ()
    counted: Counter[Counted] = field(factory=Counter)
    explained: Counter[str] = field(factory=Counter)


_NAMESPACE: Final = Operation(verb="GET", kind="Namespace", name=THIS)


class Asked:
    """One side with what it has seen, and the names of its ids."""

    def __init__(self, side: Side, namespace: str) -> None:
        self._side = side
        self._memory = Memory(namespace)
        self._names = Names(namespace)
        self._namespace = namespace
        self._before: Json | None = None
        self.shown(_NAMESPACE, self.ask(_NAMESPACE).body)

    def ask(self, operation: Operation) -> Answer:
        """Return the answer as it comes."""
        query = {key: str(value) for key, value in self._memory.filled(dict(operation.query)).items()}
        watches = operation.verb == "WATCH"
        if watches:
            query |= {"watch": "true", "timeoutSeconds": watch_seconds()}
        body = None if operation.body is None else json.dumps(self._memory.filled(operation.body)).encode()
        path = operation.path(self._namespace)
        request = Request(
            method=operation.method(),
            path=path,
            query=query,
            content=operation.content,
            body=body,
        )
        answer = self._side.watch(request) if watches else self._side.ask(request)
        self._before = self._memory.seen(operation)
        if not operation.is_dry:
            self._memory.learn(operation, answer.body)
        if operation.subresource == "scale" and operation.verb != "GET":
            agent = self._side.ask(evolve(request, method="GET", path=path.removesuffix("/scale")))
            self._memory.learn(operation, agent.body)
        return answer

    def version_moved(self, operation: Operation) -> bool:
        """Tell whether the last operation changed the resourceVersion of an object that was seen before."""
        after = self._memory.seen(operation)
        return self._before is not None and after is not None and _version(self._before) != _version(after)

    def ownership_moved_alone(self, operation: Operation) -> bool:
        """Tell whether all that the last operation changed is `managedFields`; take that for no change from then on."""
        before, after = self._before, self._memory.seen(operation)
        if before is None or after is None or _version(before) == _version(after) or _bare(before) != _bare(after):
            return False
        self._names.alias(int(_version(after)), int(_version(before)))
        self._memory.supersede(_version(before), _version(after))
        return True

    def shown(self, operation: Operation, body: Any) -> Any:
        """Return the body of an answer with its ids named."""
        if operation.is_dry:
            return self._names.normal_dry(body)
        if isinstance(body, dict) and "items" in body:
            return self._names.normal_list(body)
        if isinstance(body, list):
            body = [event for event in body if not self._is_about_ownership(event)]
        return self._names.normal(body)

    def _is_about_ownership(self, event: Json) -> bool:
        return event["type"] == "MODIFIED" and self._names.is_alias(_version(event["object"]))


def _version(manifest: Json) -> str:
    return str(manifest["metadata"].get("resourceVersion", ""))


def _bare(manifest: Json) -> Json:
    metadata = manifest["metadata"]
    kept = {key: value for key, value in metadata.items() if key not in ("managedFields", "resourceVersion")}
    return manifest | {"metadata": kept}


def run(operations: Sequence[Operation], model: Side, server: Side, namespace: str) -> Outcome:
    """Run operations in a namespace that exists and is empty on both sides, up to the first difference."""
    mine, real = Asked(model, namespace), Asked(server, namespace)
    counted: Counter[Counted] = Counter()
    explained: Counter[str] = Counter()
    for done, operation in enumerate(operations, 1):
        answers = (mine.ask(operation), real.ask(operation))
        if not mine.version_moved(operation) and real.ownership_moved_alone(operation):
            explained[OWNERSHIP.what] += 1
        shown = (mine.shown(operation, answers[0].body), real.shown(operation, answers[1].body))
        shown, spared = without_second_reasons(operation, *shown)
        explained[SECOND_REASON.what] += spared
        found = list(differences(operation, (answers[0].code, answers[1].code), *shown))
        reasons = [one.reason() for one in found]
        explained.update(reason.what for reason in reasons if reason is not None)
        counted[operation.shown, operation.kind, answers[1].code, _reason(answers[1])] += 1
        unexplained = tuple(one for one, reason in zip(found, reasons, strict=True) if reason is None)
        if unexplained:
            return Outcome(
                operations=tuple(operations[:done]),
                answers=shown,
                found=unexplained,
                counted=counted,
                explained=explained,
            )
    return Outcome(operations=tuple(operations), counted=counted, explained=explained)


def _reason(answer: Answer) -> str:
    if answer.code < HTTPStatus.BAD_REQUEST or not isinstance(answer.body, dict):
        return ""
    return str(answer.body.get("reason", ""))

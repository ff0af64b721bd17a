"""In what two answers to one request differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from attrs import frozen

from tests.e2e.fidelity.not_modelled import ABSENT, NOT_MODELLED, NotModelled
from tests.e2e.fidelity.operations import Operation

_CLOCKS_APART_SECONDS: Final = 10.0
"""So long may the server take to answer; times that operations write are months away."""
_TIMES: Final = ("creationTimestamp", "deletionTimestamp", "lastTransitionTime")


@frozen(kw_only=True, unsafe_hash=False)
class Difference:
    """One place where the answers to an operation differ.

    Attributes:
        operation: what was asked.
        code: the code of the real answer.
        path: where, for example `metadata.labels`; the answer's code is at `code`.
        model: what is there in the model's answer.
        server: what is there in the real one.
    """

    operation: Operation
    code: int
    path: str
    model: Any
    server: Any

    @property
    def signature(self) -> tuple[Any, ...]:
        """What differences of one cause have in common."""
        operation = self.operation
        where = "".join(c for c in self.path if not c.isdigit())
        kinds = (_sort_of(self.model), _sort_of(self.server))
        return operation.shown, operation.kind, self.code, where, *kinds

    def reason(self) -> NotModelled | None:
        """Return the entry of the table that explains the difference, if there is one."""
        found = (entry for entry in NOT_MODELLED if entry.covers(self.operation, self.code, self.path))
        return next((entry for entry in found if entry.agrees(self.model, self.server)), None)


def _sort_of(value: Any) -> str:
    if value == ABSENT:
        return ABSENT
    return str(value)[:60] if isinstance(value, str | int) else type(value).__name__


def differences(operation: Operation, codes: tuple[int, int], model: Any, server: Any) -> Iterator[Difference]:
    """Yield every place where the answers of the model and of the server, with their ids named, differ."""
    found = [("code", *codes)] if codes[0] != codes[1] else []
    for path, mine, real in (*found, *_walk("", _ordered(model), _ordered(server))):
        yield Difference(operation=operation, code=codes[1], path=path, model=mine, server=real)


def without_second_reasons(operation: Operation, model: Any, server: Any) -> tuple[tuple[Any, Any], int]:
    """Return two answers about an Agent without what the server says to a field, or around and within it, besides.

    Returns:
        The answers, and whether anything was left out: 0 or 1.
    """
    match operation.kind, model, server:
        case "Agent", {"details": {"causes": list() as mine}}, {"details": {"causes": list() as real}}:
            told = {(str(one.get("field")), one.get("reason")) for one in mine}
            kept = [one for one in real if not _is_second(one, told)]
            if len(kept) == len(real):
                return (model, server), 0
            message = server["message"].replace(_listed(real), _listed(kept))
            return (model, server | {"message": message, "details": server["details"] | {"causes": kept}}), 1
        case _:
            return (model, server), 0


def _is_second(cause: Mapping[str, Any], told: set[tuple[str, Any]]) -> bool:
    path = str(cause.get("field"))
    if (path, cause.get("reason")) in told:
        return False
    if path == "<nil>":  # that rules were not looked at, which follows from a second reason
        return True
    return any(_is_within(path, other) or _is_within(other, path) for other, _ in told)


def _is_within(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


def _listed(causes: list[Any]) -> str:
    texts = list(dict.fromkeys(f"{one.get('field', '')}: {one['message']}" for one in causes))
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


_UNKNOWN: Final = re.compile(r'(?:unknown field "[^"]*"(?:, )?){2,}')


def _ordered(answer: Any) -> Any:
    """Return a refusal with its causes in order and each of them once; the text that lists them is told by them.

    The API server looks at the fields of maps in any order, and at some things twice. Unknown fields are put in order.
    """
    match answer:
        case str():
            return _UNKNOWN.sub(lambda found: ", ".join(sorted(found[0].split(", "))), answer)
        case {"kind": "Status", "details": {"causes": [_, *_] as causes}, "message": str() as message}:
            unique = {(one.get("field", ""), one.get("reason", ""), one["message"]): one for one in causes}
            ordered = [unique[key] | {"message": _ordered(unique[key]["message"])} for key in sorted(unique)]
            told = message.replace(_listed(causes), "<the causes>")
            return answer | {"details": answer["details"] | {"causes": ordered}, "message": told}
        case {"kind": "Status", "message": str() as message}:
            return answer | {"message": _ordered(message)}
        case _:
            return answer


def _walk(path: str, model: Any, server: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(model, Mapping) and isinstance(server, Mapping):
        for key in sorted({*model, *server}):
            here = f"{path}.{key}" if path else str(key)
            yield from _walk(here, model.get(key, ABSENT), server.get(key, ABSENT))
    elif isinstance(model, list) and isinstance(server, list):
        for index in range(max(len(model), len(server))):
            mine, real = (items[index] if index < len(items) else ABSENT for items in (model, server))
            yield from _walk(f"{path}[{index}]", mine, real)
    elif (type(model) is not type(server) or model != server) and not _are_one_time(path, model, server):
        yield path, model, server


def _are_one_time(path: str, model: Any, server: Any) -> bool:
    """Tell whether both are times that the server set, as far apart as the two sides were asked."""
    if path.rpartition(".")[2] not in _TIMES:
        return False
    try:
        times = [datetime.fromisoformat(text).astimezone(UTC) for text in (model, server)]
    except (TypeError, ValueError):
        return False
    return abs((times[0] - times[1]).total_seconds()) <= _CLOCKS_APART_SECONDS

"""Label and field selectors, as in list and watch requests: read lexeme by lexeme, as Kubernetes does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from . import _rules as rules
from ._decoded import object_at
from ._refused import bad_request
from ._resources import AGENTS, EVENTS, NAMESPACES, PODS, SECRETS, SERVICES, Resource

Selector: TypeAlias = Callable[[Mapping[str, Any]], bool]
_Term: TypeAlias = Callable[[Mapping[str, str]], bool]

_TOKEN: Final = re.compile(r"[ \t\r\n]*(?:(==|!=|[=!(),><])|([^ \t\r\n=!(),><]+))")
_IN_SETS: Final = ("in", "notin")
_OPERATORS: Final = ("in", "notin", "=", "==", "!=", ">", "<")
_LISTED: Final = "in, notin, =, ==, !=, gt, lt"
_METADATA: Final = ("metadata.name", "metadata.namespace")
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    PODS.full_name: (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    EVENTS.full_name: (
        "regarding.kind",
        "regarding.namespace",
        "regarding.name",
        "regarding.uid",
        "regarding.apiVersion",
        "regarding.resourceVersion",
        "regarding.fieldPath",
        "reason",
        "reportingController",
        "type",
    ),
    SERVICES.full_name: ("spec.clusterIP", "spec.type"),
    SECRETS.full_name: ("type",),
    NAMESPACES.full_name: ("status.phase",),
}
"""What can be selected by besides the name and the namespace."""


class _Labels:
    """A parser of label selectors such as `a=b,c!=d,e in (f,g),h,!i`."""

    def __init__(self, text: str) -> None:
        self._tokens = [found[1] or found[2] for found in _TOKEN.finditer(text)]
        self._place = 0

    def _next(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def _take(self) -> str:
        lexeme = self._next()
        self._place += 1
        return lexeme

    def terms(self) -> list[_Term]:
        """Return the requirements.

        Raises:
            ValueError: the selector cannot be read; the message says why.
        """
        found: list[_Term] = []
        while lexeme := self._next():
            if lexeme != "!" and not _is_word(lexeme):
                raise ValueError(f"found '{lexeme}', expected: !, identifier, or 'end of string'")
            try:
                found.append(self._requirement())
            except ValueError as error:
                raise ValueError(f"unable to parse requirement: {error}") from None
            lexeme = self._take()
            if not lexeme:
                break
            if lexeme != ",":
                raise ValueError(f"found '{lexeme}', expected: ',' or 'end of string'")
            if self._next() != "!" and not _is_word(self._next()):
                raise ValueError(f"found '{self._next()}', expected: identifier after ','")
        return found

    def _requirement(self) -> _Term:
        key = self._take()
        is_absent = key == "!"
        if is_absent:
            key = self._take()
        if not _is_word(key):
            raise ValueError(f"found '{key}', expected: identifier")
        if wrong := "; ".join(rules.label_key(key)):
            raise ValueError(f'<nil>: Invalid value: "{key}": {wrong}')
        if is_absent:
            return lambda labels: key not in labels
        if self._next() in ("", ","):
            return lambda labels: key in labels
        return self._comparison(key)

    def _comparison(self, key: str) -> _Term:
        operator = self._take()
        if operator not in _OPERATORS:
            raise ValueError(f"found '{operator}', expected: {_LISTED}")
        values = self._set() if operator in _IN_SETS else {self._exact()}
        for index, value in enumerate(sorted(values)):
            if operator in (">", "<") and not re.fullmatch(r"[+-]?\d+", value):
                told = "for 'Gt', 'Lt' operators, the value must be an integer"
                raise ValueError(f'values[{index}]: Invalid value: "{value}": {told}')
            if wrong := "; ".join(rules.label_value(value)):
                raise ValueError(f'values[{index}][{key}]: Invalid value: "{value}": {wrong}')
        if operator in (">", "<"):
            (limit,) = values
            return lambda labels: _compare(labels.get(key), operator, int(limit))
        wanted = operator not in ("notin", "!=")
        return lambda labels: (labels.get(key) in values) == wanted

    def _exact(self) -> str:
        if self._next() in ("", ","):
            return ""
        value = self._take()
        if not _is_word(value):
            raise ValueError(f"found '{value}', expected: identifier")
        return value

    def _set(self) -> set[str]:
        lexeme = self._take()
        if lexeme != "(":
            raise ValueError(f"found '{lexeme}' expected: '('")
        first = self._next()
        if first == ")":
            self._take()
            return {""}
        if first != "," and not _is_word(first):
            raise ValueError(f"found '{first}', expected: ',', ')' or identifier")
        values = self._listed()
        self._take()
        return values

    def _listed(self) -> set[str]:
        values: set[str] = set()
        while True:
            lexeme, after = self._take(), self._next()
            if _is_word(lexeme):
                values.add(lexeme)
                if after == ")":
                    return values
                if after != ",":
                    raise ValueError(f"found '{after}', expected: ',' or ')'")
            elif lexeme == ",":
                if not values or after in (")", ","):
                    values.add("")
                if after == ")":
                    return values
            else:
                raise ValueError(f"found '{lexeme}', expected: ',', or identifier")


def _is_word(lexeme: str) -> bool:
    return bool(lexeme) and lexeme[0] not in "=!(),><"


def _compare(value: str | None, operator: str, limit: int) -> bool:
    if value is None or not re.fullmatch(r"[+-]?\d+", value):
        return False
    return int(value) > limit if operator == ">" else int(value) < limit


def label_selector(text: str) -> Selector:
    """Return the test for a label selector such as `a=b,c!=d,e in (f,g),h,!i`; the empty one matches everything.

    Raises:
        Refused: 400, the selector cannot be read.
    """
    try:
        terms = _Labels(text).terms()
    except ValueError as error:
        raise bad_request(str(error)) from None

    def matches(manifest: Mapping[str, Any]) -> bool:
        labels = object_at(manifest, "metadata", "labels")
        return all(term(labels) for term in terms)

    return matches


def field_selector(text: str, resource: Resource) -> Selector:
    """Return the test for a field selector such as `metadata.name=a,status.phase!=Running`.

    Raises:
        Refused: 400, the selector cannot be read or names a field that cannot be selected by.
    """
    terms: list[tuple[tuple[str, ...], str, bool]] = []
    for term in sorted(filter(None, text.split(","))):
        match = re.fullmatch(r"(.*?)(==|!=|=)(.*)", term)
        if match is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
        terms.append((tuple(match[1].split(".")), match[3], match[2] != "!="))
    for path, _, _ in terms:
        _check_field(".".join(path), resource)

    def matches(manifest: Mapping[str, Any]) -> bool:
        return all((_text_at(manifest, path) == value) == wanted for path, value, wanted in terms)

    return matches


def _check_field(field: str, resource: Resource) -> None:
    listed = _FIELDS.get(resource.full_name, ())
    if field in (*_METADATA, *listed):
        return
    if listed:
        raise bad_request(f"field label not supported: {field}")
    if resource is AGENTS:
        raise bad_request(f"field label not supported: {field}")
    raise bad_request(f'"{field}" is not a known field selector: only "metadata.name", "metadata.namespace"')


def _text_at(manifest: Mapping[str, Any], path: tuple[str, ...]) -> str:
    value = object_at(manifest, *path[:-1]).get(path[-1])
    if path == ("spec", "hostNetwork"):
        return "true" if value else "false"
    return value if isinstance(value, str) else ""

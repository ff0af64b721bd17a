"""Label and field selectors, as in list and watch requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from .._json import dig
from ._decoded import object_at
from ._refused import bad_request
from ._resources import PODS, Resource

Selector: TypeAlias = Callable[[Mapping[str, Any]], bool]

_KEY = r"[A-Za-z0-9./_-]+"
_VALUE = r"[A-Za-z0-9._-]*"
_LABEL_TERM: Final = re.compile(
    rf"\s*(?:(?P<not>!)\s*(?P<absent>{_KEY})"
    rf"|(?P<key>{_KEY})\s*(?:(?P<op>==|!=|=)\s*(?P<value>{_VALUE})|\s(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?)\s*"
    r"(?:,|\Z)"
)
_POD_FIELDS: Final = (
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
)


def label_selector(text: str) -> Selector:
    """Return the test for a label selector such as `a=b,c!=d,e in (f,g),h,!i`; the empty one matches everything.

    Raises:
        Refused: 400, the selector cannot be read.
    """
    terms: list[Callable[[Mapping[str, str]], bool]] = []
    position = 0
    while position < len(text):
        match = _LABEL_TERM.match(text, position)
        if match is None:
            raise bad_request(f"unable to parse requirement: found '{text[position:].strip()}'")
        terms.append(_label_term(match))
        position = match.end()

    def matches(manifest: Mapping[str, Any]) -> bool:
        labels = object_at(manifest, "metadata", "labels")
        return all(term(labels) for term in terms)

    return matches


def _label_term(match: re.Match[str]) -> Callable[[Mapping[str, str]], bool]:
    key, value = match["key"], match["value"]
    if match["not"]:
        return lambda labels: match["absent"] not in labels
    if match["set"]:
        values = {item.strip() for item in match["values"].split(",")}
        wanted = match["set"] == "in"
        return lambda labels: (labels.get(key) in values) == wanted
    if match["op"] == "!=":
        return lambda labels: labels.get(key) != value
    if match["op"]:
        return lambda labels: labels.get(key) == value
    return lambda labels: key in labels


def field_selector(text: str, resource: Resource) -> Selector:
    """Return the test for a field selector such as `metadata.name=a,status.phase!=Running`.

    Raises:
        Refused: 400, the selector cannot be read or names a field that cannot be selected by.
    """
    known = ("metadata.name", "metadata.namespace", *(_POD_FIELDS if resource is PODS else ()))
    terms: list[tuple[tuple[str, ...], str, bool]] = []
    for term in filter(None, text.split(",")):
        match = re.fullmatch(r"([^=!]+)(==|!=|=)(.*)", term)
        if match is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
        if match[1] not in known:
            raise bad_request(f"field label not supported: {match[1]}")
        terms.append((tuple(match[1].split(".")), match[3], match[2] != "!="))

    def matches(manifest: Mapping[str, Any]) -> bool:
        return all(((dig(manifest, *path, kind=str) or "") == value) == wanted for path, value, wanted in terms)

    return matches

"""Decisions as lines of text: what was recorded somewhere else is decided again here, and compared.

One line of JSON holds one decision with all that it came from, so any selection of lines of a record is a record. What
never decides anything is left out: `metadata.managedFields`, and of a Secret everything but its name::

    for found in read(file):
        if isinstance(found, Recorded):
            for difference in replay(found.record):
                print(difference)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias, cast

from attrs import frozen

from .._actions import Action
from .._config import VERSION
from .._reconcile import reconcile
from ._differences import ABSENT, Absent, Change, Difference, changes, differences
from ._encoding import FORMAT, InvalidRecord, Record, decode, encode, encode_action, format_of, object_at, text_at

__all__ = [
    "ABSENT",
    "FORMAT",
    "Absent",
    "BadLine",
    "Change",
    "Difference",
    "Header",
    "InvalidRecord",
    "Record",
    "Recorded",
    "changes",
    "decided",
    "decode",
    "differences",
    "encode",
    "encode_action",
    "header_line",
    "read",
    "replay",
    "to_line",
]

_HEADER: Final = "header"


@frozen
class Header:
    """Who recorded the lines that follow.

    Attributes:
        line: the number of its line, from 1.
        versions: of the programs that decided, by name: `agentctl`, `python`.
        started: when, in RFC 3339.
    """

    line: int
    versions: Mapping[str, str]
    started: str


@frozen
class BadLine:
    """A line that holds no decision; the message says why, and what to do about it."""

    line: int
    message: str


@frozen(unsafe_hash=False)
class Recorded:
    """A decision, and the number of its line, from 1."""

    line: int
    record: Record


Json: TypeAlias = dict[str, Any]


def header_line(started: datetime, **versions: str) -> bytes:
    """Return the line that a record begins with; `versions` are those of other programs that matter."""
    told = {"agentctl": VERSION, **versions}
    return _text({"format": FORMAT, _HEADER: {"versions": told, "started": started.isoformat()}})


def to_line(record: Record) -> bytes:
    """Return a decision as one line of ASCII, with its line feed.

    Raises:
        ValueError: JSON cannot hold it: it is nested too deeply, a key is no string, or the like.
    """
    return _text(encode(record))


def read(lines: Iterable[bytes]) -> Iterator[Header | Recorded | BadLine]:
    """Read the lines of a record, whatever they hold; empty ones are passed over."""
    for number, text in enumerate(lines, 1):
        if text.strip():
            yield _read(number, text)


def replay(record: Record) -> tuple[Difference, ...]:
    """Decide again, with this version of the core, and return in what the plan differs from the recorded one.

    Raises:
        InvalidRecord: it is nested too deeply to be compared.
    """
    actions = decided(record)
    try:
        return differences(record.actions, actions)
    except RecursionError as error:
        raise InvalidRecord("actions: nested too deeply to be compared") from error


def decided(record: Record) -> tuple[Action, ...]:
    """Return what this version of the core decides on what was recorded."""
    return reconcile(record.manifest, record.observed, record.config)


def _text(value: Json) -> bytes:
    try:
        return json.dumps(value, separators=(",", ":"), default=_plain).encode("ascii") + b"\n"
    except (TypeError, RecursionError) as error:
        raise ValueError(f"JSON cannot hold it: {error}") from error


def _plain(value: object) -> Json:
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value))
    raise TypeError(f"no JSON: {type(value).__name__}")


def _read(number: int, text: bytes) -> Header | Recorded | BadLine:
    try:
        value = object_at(json.loads(text), "the line")
    except InvalidRecord as error:
        return BadLine(number, f"{error}; is this file a record of `agentctl run --record`?")
    except RecursionError:
        return BadLine(number, "nested too deeply to be read; no operator writes such a line: delete it")
    except ValueError as error:
        return BadLine(number, f"no JSON: {error}; {_cure(text)}")
    try:
        version = format_of(value)
        if version != FORMAT:
            return BadLine(number, f"format {version} is not known to agentctl {VERSION}, which reads {FORMAT}")
        return (
            _header(number, object_at(value[_HEADER], _HEADER)) if _HEADER in value else Recorded(number, decode(value))
        )
    except InvalidRecord as error:
        return BadLine(number, str(error))


def _cure(text: bytes) -> str:
    if not text.endswith(b"\n"):
        return "the file ends within it: its writer was stopped, or the copy is not whole; delete the line"
    if text.lstrip().startswith(b"{"):
        return "it is not whole, as when a disk was full; delete the line"
    return "is this file a record of `agentctl run --record`?"


def _header(number: int, value: Json) -> Header:
    versions = object_at(value.get("versions"), f"{_HEADER}.versions")
    told = {name: text_at(version, f"{_HEADER}.versions.{name}") for name, version in versions.items()}
    return Header(number, told, text_at(value.get("started"), f"{_HEADER}.started"))

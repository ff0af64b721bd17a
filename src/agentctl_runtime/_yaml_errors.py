"""What is wrong with a text that is no YAML, in the words of whoever writes one."""

from __future__ import annotations

import re
from typing import Any, Final

import yaml
from attrs import frozen


@frozen
class Place:
    """Where something is in a text: line and column, both from 1 on."""

    line: int
    column: int

    def moved(self, mark: Any) -> Place:
        """Return the place of a mark of PyYAML's in a text that begins here."""
        return Place(self.line + mark.line, mark.column + (1 if mark.line else self.column))


_TAB: Final = "a tab, which YAML does not take for indentation; write spaces"
_TEMPLATE: Final = (
    "a template, which is no YAML; write what it comes to (helm template prints that), or put it in quotes"
)
_ITEM: Final = "a list item among the fields that begin in line {began}; indent it below the field that it belongs to"
_AFTER_QUOTE: Final = "a text after the closing quote; put the whole value in quotes, and double those in it"
_INDENTED: Final = "not indented like the fields that begin in line {began}; begin it in the same column as they do"
_NO_SPACE: Final = "the line before has no space after its ':'; write name: value"
_COLON: Final = "a second ': ' in one line; put the value in quotes"
_DEEPER: Final = "a field where none can be; the line before has a value already, or is indented otherwise"

_WORDS: Final = (
    # what PyYAML says of the context, and of the problem; what a person reads
    ("", "tab character", _TAB),
    ("", "cannot start any token", "a value cannot begin with {character}; put it in quotes"),
    ("", "mapping keys are not allowed", "a value cannot begin with '?'; put it in quotes"),
    ("quoted scalar", "unknown escape", "no escape in double quotes; use single quotes, or write \\\\ for \\"),
    ("quoted scalar", "escape code", "an escape that is no character; write the character itself"),
    ("an alias", "", "a value that begins with '*' is an alias in YAML; put it in quotes"),
    ("an anchor", "", "a value that begins with '&' is an anchor in YAML; put it in quotes"),
    ("", "undefined alias", "an alias without its anchor; put a value that begins with '*' in quotes"),
    ("", "second occurrence", "an anchor of this name is there already; choose another name"),
    ("block scalar", "", "the text after '|' or '>' must begin on the next line; write it there"),
    ("", "constructor for the tag", "a value that begins with '!' is a tag in YAML; put it in quotes"),
    ("", "for merging", "'<<' takes an alias of an object; leave it out, or write <<: *NAME"),
    ("", "nesting depth", "nested too deep; no object of Kubernetes' has as many levels"),
    ("", "an object or a list", "the name of a field cannot be an object or a list; put it in quotes"),
    ("flow mapping", "expected ',' or '}'", "expected ',' or '}'; add it, or close the '{' of line {began}"),
    ("flow sequence", "expected ',' or ']'", "expected ',' or ']'; add it, or close the '[' of line {began}"),
    ("flow node", "", "a value is missing here; add it, or close the bracket or brace of line {began}"),
    ("block collection", "", "not indented like the list that begins in line {began}; begin it with '- ' there"),
)
_AT_CONTEXT: Final = (
    # likewise, but told where it began
    ("quoted scalar", "end of stream", "a quote that is not closed; close it"),
    ("simple key", "could not find expected ':'", "no field; write name: value, and indent the lines of a long text"),
)


def told_error(error: yaml.YAMLError, text: str, start: Place) -> tuple[Place, str]:
    """Return where a text that begins at `start` is no YAML; and what is wrong, and what to write."""
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        told = f"the control character U+{int(error.character):04X}; leave it out, or escape it in double quotes"
        return Place(start.line + before.count("\n"), len(before) - before.rfind("\n")), told
    if not isinstance(error, yaml.MarkedYAMLError):
        return start, str(error)
    mark: Any = error.problem_mark or error.context_mark
    context, problem = str(error.context or ""), str(error.problem or "")
    for where, what, told in _AT_CONTEXT:
        if where in context and what in problem:
            return start.moved(error.context_mark), told
    lines = [*text.split("\n"), ""]
    character = repr(lines[int(mark.line)][int(mark.column) :][:1])
    began = start.moved(error.context_mark or mark).line
    told = _told(context, problem, lines, mark)
    return start.moved(mark), told.replace("{character}", character).replace("{began}", str(began))


def _told(context: str, problem: str, lines: list[str], mark: Any) -> str:
    line: int = mark.line
    column: int = mark.column
    before, after = lines[line][:column], lines[line][column:]
    if re.search(r"\{[{%]", before + after[:1] + after[1:2]):
        return _TEMPLATE
    if after.startswith("\t"):
        return _TAB
    if "mapping values are not allowed" in problem:
        return _of_colon(before, lines[line - 1].strip() if line else "")
    if "block mapping" in context:
        return _AFTER_QUOTE if before.strip() else _ITEM if after.startswith("- ") else _INDENTED
    found = (told for where, what, told in _WORDS if where in context and what in problem)
    return next(found, f"no YAML: {problem}")


def _of_colon(before: str, previous: str) -> str:
    """Return what is told of a ':' that does not make a field."""
    if ": " in before:
        return _COLON
    is_glued = re.fullmatch(r"(- )?[\w.-]+:\S.*", previous) is not None
    return _NO_SPACE if is_glued else _DEEPER

"""A walker for Kubernetes structural schemas: every problem at once, each with its path.

It does to a value what the API server does to a custom resource at admission with `fieldValidation=Strict`:
nulls of fields that are not nullable are dropped, defaults are filled in, unknown fields and wrong values are refused.
What it returns is made of plain dicts, lists and scalars, whatever Mapping came in.

The schema vocabulary is that of `apiextensions.k8s.io/v1` structural schemas, plus `{"$ref": NAME}` into a table of
definitions (a CRD holds them expanded), `x-hint`, what to write instead of a value that is not allowed, `x-rules`,
the rules between fields, `x-elsewhere`, where fields are that people look for here, and `x-literal`: no 1.0 for an
integer, which the API server refuses in the scale subresource.
A schema is compiled once into closures; the depth of what is walked is bounded by the schema, not by the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeAlias, cast

from attrs import frozen

from ._json import MAX_INT64, MIN_INT64, copy_json, is_unicode
from ._problem import Problem
from ._wording import (
    expected,
    kind,
    no_choice,
    outside,
    printable,
    quoted,
    required,
    shortened,
    too_few,
    too_many,
    unknown,
)

Path: TypeAlias = "tuple[Path | None, str]"
"""A linked list of path segments, the last first: nothing is formatted until there is a problem to tell."""


@frozen(unsafe_hash=False)
class Rule:
    """A rule between the fields of one object, in both languages: CEL for the API server, Python for the walker.

    Attributes:
        cel: the rule as `x-kubernetes-validations` states it.
        holds: the same over the checked object, its defaults filled in.
        field: what the problem's path ends with, for example `.claimName`; empty for the object itself.
        message: what is wrong and what to write instead.
    """

    cel: str
    holds: Callable[[Mapping[str, Any]], bool]
    field: str
    message: str


Check: TypeAlias = Callable[[object, Path, list[Problem]], Any]
"""Return the value as it would be stored; append what is wrong with it to the list."""

_FLOAT_LIMIT = 2**53
_INT_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (MIN_INT64, MAX_INT64)}


class _Invalid:
    """The value of a field that had a problem: it is left out of what is returned."""


_INVALID = _Invalid()


def format_path(path: Path) -> str:
    """Return `spec.env[2].name` for the segments `spec`, `.env`, `[2]`, `.name`, so that it can be printed."""
    return printable(join_path(path))


def join_path(path: Path) -> str:
    """Return the segments of a path as one text, whatever is in them."""
    parts: list[str] = []
    here: Path | None = path
    while here is not None:
        here, segment = here
        parts.append(segment)
    return "".join(reversed(parts))


def compile_schema(schema: Mapping[str, Any], definitions: Mapping[str, Mapping[str, Any]] | None = None) -> Check:
    """Return the check for a structural schema; `definitions` is what its `$ref`s name."""
    return _Compiler(definitions or {}).compile(schema)


class _Compiler:
    """Compiles each definition once, so that a type used in ten places is held once."""

    def __init__(self, definitions: Mapping[str, Mapping[str, Any]]) -> None:
        self._definitions = definitions
        self._compiled: dict[str, Check] = {}

    def compile(self, schema: Mapping[str, Any]) -> Check:
        if name := schema.get("$ref"):
            if name not in self._compiled:
                self._compiled[name] = self.compile(self._definitions[name])
            return self._compiled[name]
        if schema.get("x-kubernetes-int-or-string"):
            return _int_or_string(schema)
        match schema["type"]:
            case "object" if "properties" in schema:
                return self._object(schema)
            case "object":
                entry = schema["additionalProperties"]
                return _mapping(self.compile(entry), schema, required(self._resolve(entry)))
            case "array":
                item = schema["items"]
                return _array(self.compile(item), schema, takes_text=_takes_any_text(self._resolve(item)))
            case "string":
                return _string(schema)
            case "integer":
                return _integer(schema)
            case "boolean":
                return _boolean
            case other:
                raise ValueError(f"no check for the schema type {other!r}")

    def _resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._definitions[schema["$ref"]] if "$ref" in schema else schema

    def _object(self, schema: Mapping[str, Any]) -> Check:
        properties: Mapping[str, Mapping[str, Any]] = schema["properties"]
        fields = {
            name: (f".{name}", self.compile(child), _takes_any_text(self._resolve(child)))
            for name, child in properties.items()
        }
        defaults = {name: child["default"] for name, child in properties.items() if "default" in child}
        needed = {name: f".{name}" for name in (*schema.get("required", ()), *defaults)}
        missing = {name: required(self._resolve(properties[name])) for name in schema.get("required", ())}
        elsewhere: Mapping[str, str] = schema.get("x-elsewhere", {})
        ranks = {f".{name}": rank for rank, name in enumerate(properties)}
        check_whole = _whole_object(schema)

        def check(value: object, path: Path, problems: list[Problem]) -> Any:
            if type(value) is not dict and not isinstance(value, Mapping):  # an abstract class is slow to ask
                return _refuse(path, problems, expected(schema, value))
            given = cast("Mapping[object, object]", value)
            before = len(problems)
            out: dict[str, Any] = {}
            parts: list[_Part] = []
            is_known = _check_known(given, fields, out, path, problems, parts)
            for name, segment in needed.items():
                if given.get(name) is None:
                    if name in defaults:
                        out[name] = copy_json(defaults[name])  # whoever gets it may change it
                    else:
                        parts.append((segment, len(problems), len(problems) + 1))
                        _refuse((path, segment), problems, missing[name])
            if len(parts) > 1:
                parts.sort(key=lambda part: ranks[part[0]])
                problems[before:] = [problem for _, start, end in parts for problem in problems[start:end]]
            if not is_known:
                _refuse_unknown(given, fields, elsewhere, path, problems)
            if check_whole is not None and len(problems) == before:  # as on the API server, what is right in itself
                check_whole(out, path, problems)
            return out

        return check


_Part: TypeAlias = tuple[str, int, int]
"""Which problems are about a field: from which to which. The fields come in any order, but are told in the schema's."""


def _check_known(  # noqa: PLR0913, PLR0917 -- the innermost loop: it fills what its caller has
    given: Mapping[object, object],
    fields: Mapping[str, tuple[str, Check, bool]],
    out: dict[str, Any],
    path: Path,
    problems: list[Problem],
    parts: list[_Part],
) -> bool:
    """Put the checked fields into `out`; tell whether the schema knows all that is given."""
    is_known = True
    count = len(problems)
    for key, child in given.items():
        field = fields.get(key)  # type: ignore[call-overload]
        if field is None:
            is_known = False
        elif field[2] and type(child) is str and child.isascii():  # which most of an Agent is
            out[key] = child  # type: ignore[index]
        elif child is not None:
            result = field[1](child, (path, field[0]), problems)
            if result is not _INVALID:
                out[key] = result  # type: ignore[index]
            if len(problems) != count:
                parts.append((field[0], count, len(problems)))
                count = len(problems)
    return is_known


def _refuse_unknown(
    given: Mapping[object, object],
    known: Mapping[str, object],
    elsewhere: Mapping[str, str],
    path: Path,
    problems: list[Problem],
) -> None:
    names = sorted(known)
    others = ((key_segment(key), key) for key in given if not isinstance(key, str) or key not in known)
    for segment, key in sorted(others, key=itemgetter(0)):
        _refuse((path, segment), problems, unknown(key, names, elsewhere))


def _whole_object(schema: Mapping[str, Any]) -> Callable[[Mapping[str, Any], Path, list[Problem]], None] | None:
    """Return the check of what the fields of an object are to each other: how many there are, and the rules."""
    if not any(name in schema for name in ("minProperties", "maxProperties", "x-rules")):
        return None
    least: int = schema.get("minProperties", 0)
    most: int = schema.get("maxProperties", len(schema["properties"]))
    rules: Sequence[Rule] = schema.get("x-rules", ())
    needed: Sequence[str] = schema.get("required", ())

    def check(value: Mapping[str, Any], path: Path, problems: list[Problem]) -> None:
        if len(value) < least:
            _refuse(path, problems, too_few(schema, value))
        if len(value) > most:
            _refuse(path, problems, too_many(value, needed, most))
        for rule in rules:
            if not rule.holds(value):
                _refuse((path, rule.field), problems, rule.message)

    return check


def _mapping(check_value: Check, schema: Mapping[str, Any], missing: str) -> Check:
    most: int | None = schema.get("maxProperties")
    needed: Sequence[str] = schema.get("required", ())

    def check(value: object, path: Path, problems: list[Problem]) -> Any:
        if not isinstance(value, Mapping):
            return _refuse(path, problems, expected(schema, value))
        given = cast("Mapping[object, object]", value)
        if most is not None and len(given) > most:
            return _refuse(path, problems, f"has {len(given)} entries; at most {most} are allowed")
        out: dict[str, Any] = {}
        for key in sorted(given, key=_in_order):
            child, here = given[key], (path, key_segment(key, in_map=True))
            if not isinstance(key, str) or not is_unicode(key):
                _refuse(here, problems, "is no valid key; keys are Unicode strings")
            elif child is not None:
                _keep(out, key, check_value(child, here, problems))
        for key in needed:
            if given.get(key) is None:
                _refuse((path, key_segment(key, in_map=True)), problems, missing)
        return out

    return check


def _in_order(key: object) -> tuple[bool, str]:
    return (True, key) if isinstance(key, str) else (False, kind(key))


def _array(check_item: Check, schema: Mapping[str, Any], *, takes_text: bool) -> Check:
    most: int | None = schema.get("maxItems")
    least: int = schema.get("minItems", 0)
    keys: Sequence[str] = schema.get("x-kubernetes-list-map-keys", ())
    is_set = schema.get("x-kubernetes-list-type") == "set"

    def check(value: object, path: Path, problems: list[Problem]) -> Any:
        if not isinstance(value, list | tuple):
            return _refuse(path, problems, expected(schema, value))
        items = cast("Sequence[object]", value)
        if most is not None and len(items) > most:
            return _refuse(path, problems, f"has {len(items)} items; at most {most} are allowed")
        if len(items) < least:
            return _refuse(path, problems, f"has {len(items)} items; at least {least} are needed")
        out = [
            item
            if takes_text and type(item) is str and item.isascii()
            else check_item(item, (path, f"[{index}]"), problems)
            for index, item in enumerate(items)
        ]
        if keys:
            _find_duplicates(out, keys, path, problems)
        elif is_set:
            _find_repeated(out, path, problems)
        return out

    return check


def _find_duplicates(items: Iterable[Any], keys: Sequence[str], path: Path, problems: list[Problem]) -> None:
    """Append a problem for each item of a map list that has the keys of an earlier one."""
    first: dict[tuple[object, ...], int] = {}
    for index, item in enumerate(items):
        if item is _INVALID:
            continue
        identity = tuple(item.get(key) for key in keys)
        if None in identity:  # a key that is missing or wrong has told its own problem
            continue
        if identity in first:
            told = ", ".join(f"{key} {quoted(value)}" for key, value in zip(keys, identity, strict=True))
            _refuse(
                (path, f"[{index}]"), problems, f"duplicate of item [{first[identity]}]: same {told}; leave one out"
            )
        else:
            first[identity] = index


def _find_repeated(items: Iterable[Any], path: Path, problems: list[Problem]) -> None:
    """Append a problem for each item of a set list, whose items are scalars, that is there before."""
    seen: set[object] = set()
    for index, item in enumerate(items):
        if item in seen and item is not _INVALID:
            _refuse((path, f"[{index}]"), problems, f"duplicate of {quoted(item)}; leave one out")
        seen.add(item)


def _string(schema: Mapping[str, Any]) -> Check:
    least: int = schema.get("minLength", 0)
    most: int | None = schema.get("maxLength")
    allowed: Sequence[str] = schema.get("enum", ())
    pattern = _compile_pattern(schema["pattern"]) if "pattern" in schema else None
    wanted = schema.get("x-hint") or f"does not match {schema.get('pattern')}"

    def check(value: object, path: Path, problems: list[Problem]) -> Any:
        if not isinstance(value, str):
            return _refuse(path, problems, expected(schema, value))
        if not value.isascii() and not is_unicode(value):
            return _refuse(path, problems, "has a lone surrogate; it must be valid Unicode")
        if len(value) < least:
            return _refuse(path, problems, "must not be empty" if least == 1 else f"needs {least} characters or more")
        if most is not None and len(value) > most:
            return _refuse(path, problems, f"has {len(value)} characters; at most {most} are allowed")
        if allowed and value not in allowed:
            return _refuse(path, problems, no_choice(value, allowed))
        if pattern is not None and not pattern.search(value):
            return _refuse(path, problems, f"{quoted(value)} {wanted}")
        return value

    return check


def _takes_any_text(schema: Mapping[str, Any]) -> bool:
    """Tell whether a schema is of strings, and has nothing to say of them."""
    limits = ("minLength", "maxLength", "enum", "pattern", "x-kubernetes-int-or-string")
    return schema.get("type") == "string" and not any(name in schema for name in limits)


def _compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a pattern to what Go's RE2 means by it: `$` is the very end, classes are ASCII."""
    return re.compile(re.sub(r"\$$", r"\\Z", pattern), re.ASCII)


def _integer(schema: Mapping[str, Any]) -> Check:
    low, high = _INT_RANGES[schema.get("format", "int64")]
    low, high = max(low, schema.get("minimum", low)), min(high, schema.get("maximum", high))
    literal: bool = schema.get("x-literal", False)

    def check(value: object, path: Path, problems: list[Problem]) -> Any:
        value = value if literal else _whole(value)
        if not isinstance(value, int) or isinstance(value, bool):
            return _refuse(path, problems, expected(schema, value))
        if not low <= value <= high:
            return _refuse(path, problems, outside(schema, value, low, high))
        return value

    return check


def _whole(value: object) -> object:
    """Return an integer for a whole float: JSON has one kind of number; the API server takes 1.0 for an integer.

    Like it, only up to where every integer is a float: a larger one may not be the number that was written.
    """
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < _FLOAT_LIMIT else value


def _boolean(value: object, path: Path, problems: list[Problem]) -> Any:
    if not isinstance(value, bool):
        return _refuse(path, problems, expected({"type": "boolean"}, value))
    return value


def _int_or_string(schema: Mapping[str, Any]) -> Check:
    as_string = _string(schema)
    low, high = schema.get("minimum", MIN_INT64), schema.get("maximum", MAX_INT64)

    def check(value: object, path: Path, problems: list[Problem]) -> Any:
        if isinstance(value, str):
            return as_string(value, path, problems)
        value = _whole(value)
        if not isinstance(value, int) or isinstance(value, bool):
            return _refuse(path, problems, expected(schema, value))
        if not low <= value <= high:
            return _refuse(path, problems, outside(schema, value, low, high))
        return value

    return check


def _refuse(path: Path, problems: list[Problem], message: str) -> _Invalid:
    problems.append(Problem(format_path(path), message))
    return _INVALID


def _keep(out: dict[str, Any], key: str, result: Any) -> None:
    """Put a checked value where it belongs; one that had a problem is left out."""
    if result is not _INVALID:
        out[key] = result


def key_segment(key: object, *, in_map: bool = False) -> str:
    """Return the path segment of a key: `.name` of a field, `[name]` of an entry of a map."""
    if not isinstance(key, str):
        return f"[{kind(key)} as key]"
    return f"[{shortened(key)}]" if in_map else f".{shortened(key)}"

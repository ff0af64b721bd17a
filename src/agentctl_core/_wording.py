"""What problems say: what is wrong, and what to write instead. Values are never told whole: they may be secret."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

REQUIRED: Final = "is required"
UNKNOWN: Final = "unknown field"
_KEY_LENGTH: Final = 40
_FEW: Final = 16
_MOST: Final = 80
_LIST_CURES: Final[Mapping[type, str]] = {
    str: "write [a, b], or each item on its own line after '- '",
    dict: "begin each item with '- '",
}
_TYPES: Final[Mapping[str, str]] = {
    "object": "an object",
    "array": "a list",
    "string": "a string",
    "integer": "an integer",
    "boolean": "true or false",
}


def expected(schema: Mapping[str, Any], value: object) -> str:
    """Return what is told of a value of the wrong type, for a schema without a `$ref`."""
    told = f"must be {_type_of(schema)}, not {kind(value)}"
    cure = _cure(schema, value)
    return f"{told}; {cure}" if cure else told


def required(schema: Mapping[str, Any]) -> str:
    """Return what is told of a field of this schema that is not there."""
    choices: Sequence[str] = schema.get("enum", ())
    return f"{REQUIRED}; write {f'one of {_listed(choices)}' if choices else _type_of(schema)}"


def unknown(key: object, names: Sequence[str], elsewhere: Mapping[str, str]) -> str:
    """Return what is told of a field that is not there: where it is, what may have been meant, or what there is.

    Args:
        key: the field.
        names: the fields that there are.
        elsewhere: where fields that people look for here are.
    """
    if isinstance(key, str) and key in elsewhere:
        return f"{UNKNOWN}; {elsewhere[key]}"
    if meant := _meant(key, names):
        return f"{UNKNOWN}; did you mean {meant}?"
    return UNKNOWN if len(names) > _FEW else f"{UNKNOWN}; the fields here are {_listed(names)}"


def too_few(schema: Mapping[str, Any], value: Mapping[str, Any]) -> str:
    """Return what is told of an object with too few fields."""
    told = f"has {len(value)} fields; at least {schema['minProperties']} must be there"
    return f"{told}: {_either(sorted(schema['properties']))}"


def too_many(value: Mapping[str, Any], needed: Sequence[str], most: int) -> str:
    """Return what is told of an object with too many fields, `needed` ones among them."""
    spare = _either([name for name in sorted(value) if name not in needed])
    return f"has {len(value)} fields; at most {most} may be there: leave out {spare}"


def outside(schema: Mapping[str, Any], value: int, low: int, high: int) -> str:
    """Return what is told of an integer that is not between two others; of those that the schema names."""
    if "x-hint" in schema and "type" in schema:  # where strings are taken too, the hint is about them
        return str(schema["x-hint"])
    if "minimum" in schema and "maximum" in schema:
        return f"must be between {low} and {high}"
    return f"must be at least {low}" if value < low else f"must be at most {high}"


def no_choice(value: str, choices: Sequence[str]) -> str:
    """Return what is told of a string that is none of a few."""
    meant = _meant(value, choices)
    return f"{quoted(value)} is not one of {_listed(choices)}" + (f"; did you mean {meant}?" if meant else "")


def kind(value: object) -> str:
    """Name a value's JSON type."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case Mapping():
            return "an object"
        case list() | tuple():
            return "a list"
        case _:
            return f"a Python {type(value).__name__}, which JSON does not have"


def quoted(value: object) -> str:
    """Return a value as it is shown: a string in quotes and in short."""
    return printable(f'"{shortened(value)}"' if isinstance(value, str) else str(value))


def shortened(text: str) -> str:
    """Return the beginning of a text."""
    return text if len(text) <= _MOST else f"{text[:_MOST]}..."


def printable(text: str) -> str:
    """Escape what would break a line, a terminal or UTF-8."""
    # By repr and not by the codec `unicode_escape`, which Python imports from disk at its first use.
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _type_of(schema: Mapping[str, Any]) -> str:
    return "an integer or a string" if schema.get("x-kubernetes-int-or-string") else _TYPES[schema["type"]]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(name or '""' for name in names)


def _either(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def _meant(key: object, names: Sequence[str]) -> str | None:
    """Return which of the names may have been meant: the same in other letters, or a similar one."""
    if not isinstance(key, str):
        return None
    same = (name for name in names if name.lower() == key.lower())
    return next(same, None) or next(iter(get_close_matches(key[:_KEY_LENGTH], names, 1)), None)


def _cure(schema: Mapping[str, Any], value: object) -> str | None:
    """Return what to write instead of a value of the wrong type, where that can be told."""
    match _type_of(schema), value:
        case "a string", None:
            return "write it, or '' for an empty one"
        case "an integer", float():
            return "write it without a fraction"
        case ("a string", int() | float()) | ("an integer or a string", float()):
            return "write it in quotes"
        case ("an integer", str()) if re.fullmatch("[0-9]{1,20}", value):
            return "write it without quotes"
        case ("true or false", str()) if value in ("true", "false"):
            return "write it without quotes"
        case "a list", str() | int() | float():
            return _LIST_CURES[str]
        case "a list", Mapping():
            return _LIST_CURES[dict]
        case "an object", list() | tuple():
            return "leave out the '- '"
        case "an object", str() | int() | float() if len(names := schema.get("properties", ())) <= _FEW:
            return f"its fields are {_listed(sorted(names))}" if names else "write name: value"
        case _:
            return None

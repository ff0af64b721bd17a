"""Agents as the API server takes them: checked, pruned and defaulted by the schema in the CRD."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias, cast

from .._agent import NAME_RULE, SERVICE_NAME_RULE, schema_of
from .._core_v1 import CORE_V1
from .._json import dig, dig_list
from .._problem import Problem
from .._schema import Check, compile_schema
from .._spec import LABEL_PATTERN, NAME_MAX_LENGTH, AgentSpec
from .._wording import REQUIRED, UNKNOWN
from ..crd import agent_schema
from ._decoded import Decoded
from ._go_values import go_text
from ._refused import cause, required

JsonObject: TypeAlias = dict[str, Any]

_STATUS: Final = agent_schema()["properties"]["status"]
_CHECKS: Final[dict[str, Check]] = {
    "spec": compile_schema(schema_of(AgentSpec), CORE_V1),
    "status": compile_schema(_STATUS),
}
_INVALID_VALUE: Final = "Invalid value: "
_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_REASONS: Final = (
    ("must be an ", "FieldValueTypeInvalid"),
    ("must be a ", "FieldValueTypeInvalid"),
    ("is not one of", "FieldValueNotSupported"),
    ("items; at most", "FieldValueTooMany"),
    ("entries; at most", "FieldValueTooMany"),
    ("fields; at most", "FieldValueTooMany"),
    ("characters; at most", "FieldValueTooLong"),
    ("must be true or false", "FieldValueTypeInvalid"),
    ("duplicate of", "FieldValueDuplicate"),
)
"""What a problem of the core's walker says -> the reason that the API server gives."""
_STOPS_RULES: Final = (
    "FieldValueTypeInvalid",
    "FieldValueRequired",
    "FieldValueTooMany",
    "FieldValueTooLong",
    "FieldValueNotSupported",
)
_RULES_NOT_CHECKED: Final = cause(
    "<nil>",
    "Invalid value: null: some validation rules were not checked because the object was invalid;"
    " correct the existing errors to complete validation",
)


def _messages(schema: Any) -> Iterator[str]:
    """Return what the rules of a schema say: ours stand in our own types alone."""
    yield from (rule.message for rule in schema.get("x-rules", ()))
    for child in (*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else ())):
        yield from _messages(child)


_RULES: Final = frozenset([NAME_RULE, SERVICE_NAME_RULE, *_messages(schema_of(AgentSpec))])


def with_default_status(manifest: JsonObject) -> JsonObject:
    """Return an Agent that has the status of one that no operator has looked at, if it has none."""
    return manifest | ({} if manifest.get("status") is not None else {"status": dict(_STATUS["default"])})


def decode(manifest: JsonObject) -> Decoded:
    """Return an Agent pruned and defaulted, and every problem of its spec and status."""
    problems: list[Problem] = []
    out = with_default_status(manifest)
    for field, check in _CHECKS.items():
        if manifest.get(field) is not None:
            checked = check(manifest[field], (None, field), problems)
            out[field] = checked if isinstance(checked, dict) else manifest[field]
    scale = _scale_causes(manifest)
    numbers = {field: dig(manifest, field, "replicas", kind=float) for field in _CHECKS}
    taken = {f"{field}.replicas" for field, number in numbers.items() if number is not None and number.is_integer()}
    causes = [_cause(p) for p in problems if not p.message.startswith(UNKNOWN) and p.path not in taken]
    if manifest.get("spec") is None:
        causes.append(required("spec"))
    unknown = tuple(sorted(p.path for p in problems if p.message.startswith(UNKNOWN)))
    return Decoded(out, unknown=unknown, causes=(*causes, *scale, *_time_causes(manifest)))


def validate(manifest: JsonObject, previous: JsonObject | None) -> list[JsonObject]:
    """Return the rules of the CRD that a valid name still breaks: they hold at creation and ever after."""
    name = manifest["metadata"].get("name", "")
    if previous is None and (len(name) > NAME_MAX_LENGTH or not re.fullmatch(LABEL_PATTERN.strip("^$"), name)):
        return [_broken(NAME_RULE)]
    if name[:1].isdigit() and dig(manifest, "spec", "service", kind=dict) is not None:
        return [_broken(SERVICE_NAME_RULE)]
    return []


def _broken(rule: str) -> JsonObject:
    return cause("metadata.name", f"{_INVALID_VALUE}{rule}")


def finish(causes: list[JsonObject]) -> list[JsonObject]:
    """Return causes as the API server tells them: rules in CEL are not looked at while the schema is broken."""
    if any(item["reason"] in _STOPS_RULES for item in causes):
        return [item for item in causes if item["message"].removeprefix(_INVALID_VALUE) not in _RULES] + [
            _RULES_NOT_CHECKED
        ]
    return causes


_SCALE_PATHS: Final = (
    ("spec", "replicas", "int64", "0"),
    ("status", "replicas", "int64", "0"),
    ("status", "selector", "string", '""'),
)
"""What the scale subresource reads: object, field, the type in Go, and what it is shown as where it is another one."""


def _scale_causes(manifest: JsonObject) -> list[JsonObject]:
    """Return what the scale subresource says to values that it cannot read, which the schema may take: 1.0, say."""
    found: list[JsonObject] = []
    for part, field, wanted, shown in _SCALE_PATHS:
        path = f".{part}.{field}"
        holder: object = manifest.get(part)
        value = cast("Mapping[str, object]", holder).get(field) if isinstance(holder, Mapping) else holder
        expected = wanted if isinstance(holder, Mapping) else "map[string]interface{}"
        if value is not None and _go_type(value) != expected:
            told = f"{path} accessor error: {go_text(value)} is of the type {_go_type(value)}, expected {expected}"
            found.append(cause(path, f"Invalid value: {shown}: {told}"))
        elif wanted == "int64" and isinstance(value, int) and value < 0:
            found.append(cause(path, f"Invalid value: {value}: should be a non-negative integer"))
    return found


def _go_type(value: object) -> str:
    match value:
        case bool():
            return "bool"
        case int():
            return "int64"
        case float():
            return "float64"
        case str():
            return "string"
        case Mapping():
            return "map[string]interface {}"
        case _:
            return "[]interface {}"


def _time_causes(manifest: JsonObject) -> list[JsonObject]:
    """Return the refusal of what is no date-time in a condition: a format that the core's walker does not read."""
    found: list[JsonObject] = []
    for index, condition in enumerate(dig_list(manifest, "status", "conditions")):
        text = dig(condition, "lastTransitionTime", kind=str)
        if text is not None and not _DATE_TIME.fullmatch(text):
            field = f"conditions[{index}].lastTransitionTime"
            told = f'Invalid value: "{text}": {field} in body must be of type date-time: "{text}"'
            found.append(cause(f"status.{field}", told, "FieldValueTypeInvalid"))
    return found


def _cause(problem: Problem) -> JsonObject:
    path, message = problem.path, problem.message
    if message.startswith(REQUIRED):
        return required(path)
    reason = next((reason for said, reason in _REASONS if said in message), "FieldValueInvalid")
    return cause(path, f"{_INVALID_VALUE}{message}", reason)

"""Everything that can be made wrong in a valid Agent, one thing at a time, by its schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

from attrs import frozen

from .._agent import schema_of
from .._core_v1 import CORE_V1
from .._json import copy_json
from .._schema import Path, format_path, key_segment
from .._spec import AgentSpec

JsonObject: TypeAlias = dict[str, Any]
Schema: TypeAlias = Mapping[str, Any]
Way: TypeAlias = tuple[str | int, ...]

KINDS: Final = (
    *("unknown field", "missing required", "wrong type", "null", "out of bounds", "bad enum", "bad pattern"),
    "duplicate",
)
_MANY: Final = 1000
"""So many items, and one more, are too large an example."""
_GONE: Final = object()
"""Stands for a field that is left out."""
_OTHERS: Final[Mapping[str, tuple[Any, ...]]] = {
    "string": (5, True, [], {}),
    "integer": ("1", True, 1.5, [], {}),
    "boolean": (1, "true", [], {}),
    "array": ("a", 5, {}, True),
    "object": ("a", 5, [], True),
    "int or string": (True, 1.5, [], {}),
}
"""Values of other types, by type."""


@frozen(unsafe_hash=False)
class Mutation:
    """One change. `way` leads from the spec to what is replaced, `path` is how a problem tells it."""

    kind: str
    path: str
    way: Way
    value: Any

    def applied(self, manifest: Mapping[str, Any]) -> JsonObject:
        """Return a copy of the Agent with the change made."""
        copy: JsonObject = copy_json(manifest)
        holder: Any = copy
        *way, last = ("spec", *self.way)
        for step in way:
            holder = holder[step]
        if self.value is _GONE:
            del holder[last]
        else:
            holder[last] = copy_json(self.value)
        return copy


def mutations(spec: Mapping[str, Any]) -> tuple[Mutation, ...]:
    """Return every mutation of a valid spec, in a fixed order."""
    return tuple(_of(spec, schema_of(AgentSpec), (), (None, "spec")))


def _of(value: Any, schema: Schema, way: Way, path: Path) -> Iterator[Mutation]:
    schema = CORE_V1[schema["$ref"]] if "$ref" in schema else schema
    kind = "int or string" if schema.get("x-kubernetes-int-or-string") else schema["type"]
    told = format_path(path)
    for other in _OTHERS[kind]:
        yield Mutation("wrong type", told, way, other)
    match kind:
        case "object":
            of_fields = _of_object if "properties" in schema else _of_map
            yield from of_fields(cast("JsonObject", value), schema, way, path)
        case "array":
            yield from _of_list(cast("list[Any]", value), schema, way, path)
        case "string":
            yield from _of_string(schema, way, told)
        case "int or string":
            yield from _of_number(schema, way, told)
        case "integer":
            yield from _of_integer(schema, way, told)
        case _:
            pass


def _of_object(value: JsonObject, schema: Schema, way: Way, path: Path) -> Iterator[Mutation]:
    unknown = "unknownField"
    yield Mutation("unknown field", format_path((path, f".{unknown}")), (*way, unknown), 1)
    for name in schema.get("required", ()):
        told = format_path((path, f".{name}"))
        if "default" not in schema["properties"][name]:
            yield Mutation("missing required", told, (*way, name), _GONE)
            yield Mutation("null", told, (*way, name), None)
    for name, child in value.items():
        yield from _of(child, schema["properties"][name], (*way, name), (path, f".{name}"))


def _of_map(value: JsonObject, schema: Schema, way: Way, path: Path) -> Iterator[Mutation]:
    for name in schema.get("required", ()):
        yield Mutation("missing required", format_path((path, key_segment(name, in_map=True))), (*way, name), _GONE)
    for name, child in value.items():
        yield from _of(child, schema["additionalProperties"], (*way, name), (path, key_segment(name, in_map=True)))


def _of_list(value: Sequence[Any], schema: Schema, way: Way, path: Path) -> Iterator[Mutation]:
    told = format_path(path)
    if value and (schema.get("x-kubernetes-list-map-keys") or schema.get("x-kubernetes-list-type") == "set"):
        yield Mutation("duplicate", format_path((path, f"[{len(value)}]")), way, [*value, value[0]])
    if schema.get("minItems"):
        yield Mutation("out of bounds", told, way, [])
    if value and schema.get("maxItems", _MANY) < _MANY:
        yield Mutation("out of bounds", told, way, list(value[:1]) * (schema["maxItems"] + 1))
    for index, item in enumerate(value):
        yield Mutation("null", format_path((path, f"[{index}]")), (*way, index), None)
        yield from _of(item, schema["items"], (*way, index), (path, f"[{index}]"))


def _of_string(schema: Schema, way: Way, told: str) -> Iterator[Mutation]:
    if "enum" in schema:
        yield Mutation("bad enum", told, way, "NoSuchValue")
    if "pattern" in schema:
        yield Mutation("bad pattern", told, way, "Ä=:\n")
    if schema.get("minLength"):
        yield Mutation("out of bounds", told, way, "")
    if "maxLength" in schema:
        yield Mutation("out of bounds", told, way, "a" * (schema["maxLength"] + 1))


def _of_integer(schema: Schema, way: Way, told: str) -> Iterator[Mutation]:
    if "minimum" in schema:
        yield Mutation("out of bounds", told, way, schema["minimum"] - 1)
    high = schema.get("maximum", 2**31 - 1 if schema.get("format") == "int32" else 2**63 - 1)
    yield Mutation("out of bounds", told, way, high + 1)


def _of_number(schema: Schema, way: Way, told: str) -> Iterator[Mutation]:
    if "pattern" in schema:
        yield Mutation("bad pattern", told, way, "1 Gi!")
    if "maximum" in schema:
        yield Mutation("out of bounds", told, way, schema["maximum"] + 1)

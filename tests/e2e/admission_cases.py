"""Agents for the differential test of admission: every field of the schema, right and wrong in every way it can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agentctl_core import API_VERSION, KIND
from agentctl_core._agent import schema_of
from agentctl_core._core_v1 import CORE_V1
from agentctl_core._spec import AgentSpec

Json = dict[str, Any]
Schema = Mapping[str, Any]

IMAGE = "example.com/agent:1"
_TEXTS = ("", "a\x00é\n")
_BOUNDED_TEXTS = ("A b", "a\n", "a" * 63, "a" * 64, "/a", "../a", "a:b", "-a", "1", "a=b", "a--b")
_NO_TEXTS: tuple[Any, ...] = (5, True, None, [], {})
_NUMBERS = (0, 1, 1.0, 1.5, -1, -1.0, 2**31, 2**53 + 1, 2.0**53 - 1, 2.0**53)
_BOUNDED_NUMBERS = (511, 512, 1e3, 65535, 65535.0, 65536, 2**31 - 1, -(2**31), -(2**31) - 1, 2.0**31)
_HUGE = (2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 10**30)
_NO_NUMBERS: tuple[Any, ...] = ("1", True, None, {})
_NO_BOOLEANS: tuple[Any, ...] = (1, "true", None, [])
_AMOUNTS = (
    *("1", "500m", "0.5", ".5", "5.", "+1", "-1", "1Gi", "1 Gi", "1gi", "1K", "1k", "1e3", "1E3", "12E", "1Ei", "1u"),
    *("", "Gi", "0x1", "1_0", "1e", "1e1.5", "٣", "1\n", "1n", "NaN", "9" * 30, "a", "a-b", "http", "80"),
)
_ALTERNATIVES = ({"content", "configMapKeyRef", "secretKeyRef"}, {"claimName", "medium", "sizeLimit"})
"""Fields of one object of which a rule allows one group."""
_LEAST: Json = {
    "path": "a/b",
    "mountPath": "/a",
    "packages": ["a"],
    "storage": "1Gi",
    "version": "3",
    "medium": "Memory",
}
"""What a field is where no rule of the schema makes a value: by name."""


def an_agent(spec: Any, name: Any = "admitted") -> Json:
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}


def resolved(schema: Schema) -> Schema:
    """The type that a schema refers to, or itself."""
    return CORE_V1[schema["$ref"]] if "$ref" in schema else schema


def least(schema: Schema, field: str = "") -> Any:
    """The least valid value of a schema; of an array, one with an item."""
    schema = resolved(schema)
    if "enum" in schema:
        return schema["enum"][-1]
    if field in _LEAST:
        return _LEAST[field]
    if schema.get("x-kubernetes-int-or-string"):
        return 1
    match schema["type"]:
        case "string":
            return "a"
        case "integer":
            return max(1, schema.get("minimum", 1)) if schema.get("maximum") != 0 else 0
        case "boolean":
            return True
        case "array":
            return [least(schema["items"])]
        case _ if "properties" not in schema:
            return {key: least(schema["additionalProperties"], key) for key in schema.get("required", ("a",))}
        case _:
            return _least_object(schema)


def _least_object(schema: Schema) -> Json:
    properties = schema["properties"]
    names = [*schema.get("required", ())]
    if schema.get("minProperties", 0) > len(names):
        names.append(next(iter(properties)))
    if "content" in properties:
        names.append("content")
    return {name: least(properties[name], name) for name in names}


def places(schema: Schema, told: set[str] | None = None) -> Iterator[tuple[tuple[str, ...], Schema]]:
    """Each node of a schema with the way to it; an embedded type once, since it is the same everywhere."""
    told = set() if told is None else told
    if (reference := schema.get("$ref")) is not None:
        if reference in told and "properties" in CORE_V1[reference]:
            yield (), CORE_V1[reference]
            return
        told.add(reference)
    schema = resolved(schema)
    yield (), schema
    for name, child in schema.get("properties", {}).items():
        for way, node in places(child, told):
            yield (f".{name}", *way), node
    for key in ("items", "additionalProperties"):
        if key in schema:
            for way, node in places(schema[key], told):
                yield (key, *way), node


def placed(schema: Schema, way: tuple[str, ...], value: Any) -> Any:
    """The least valid value of a schema that has `value` at the end of the way."""
    if not way:
        return value
    schema, step = resolved(schema), way[0]
    if step == "items":
        return [placed(schema["items"], way[1:], value)]
    if step == "additionalProperties":
        out = least(schema)
        return out | {next(iter(out)): placed(schema["additionalProperties"], way[1:], value)}
    out, name = least(schema), step[1:]
    for group in _ALTERNATIVES:
        if name in group and group <= schema["properties"].keys():
            out = {key: child for key, child in out.items() if key not in group}
    if schema.get("maxProperties") == 1:
        out = {}
    out[name] = placed(schema["properties"][name], way[1:], value)
    return out


SPEC = schema_of(AgentSpec)


def agent_with(way: tuple[str, ...], value: Any) -> Json:
    """The least valid Agent that has `value` at the end of the way."""
    spec = placed(SPEC, way, value)
    if isinstance(spec, dict) and spec.keys() & {"backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"}:
        spec["restartPolicy"] = "Never"
    return an_agent(spec)


def right(schema: Schema, field: str = "") -> Iterator[Any]:
    """Valid values: the least one, and each of an enumeration."""
    yield from schema.get("enum", ()) or [least(schema, field)]


def tried(schema: Schema, field: str = "") -> Iterator[Any]:
    """Values worth trying in a place, most of them wrong."""
    if schema.get("x-kubernetes-int-or-string"):
        yield from (*_AMOUNTS, *_NUMBERS, *_HUGE, 0.5, True, None, [], {})
        return
    match schema["type"]:
        case "string":
            yield from (*_TEXTS, *_NO_TEXTS)
            if schema.keys() & {"enum", "pattern", "minLength", "maxLength"}:
                yield from _BOUNDED_TEXTS
            if most := schema.get("maxLength"):
                yield from ("a" * most, "a" * (most + 1), "/" + "a" * (most - 1), "/" + "a" * most)
                yield from ("é" * most, "é" * (most + 1))
        case "integer":
            yield from (*_NUMBERS, *_HUGE, *_NO_NUMBERS)
            if schema.keys() & {"minimum", "maximum"}:
                yield from _BOUNDED_NUMBERS
        case "boolean":
            yield from (True, False, *_NO_BOOLEANS)
        case "array":
            yield from _tried_lists(schema)
        case _:
            yield from _tried_objects(schema, field)


def _tried_lists(schema: Schema) -> Iterator[Any]:
    item = least(schema["items"])
    yield from ([], [None], [item], [item, item], [item, None], [[]], [5], None, "a", {"0": item})
    if (most := schema.get("maxItems")) and not isinstance(item, dict):
        yield from ([item] * most, [item] * (most + 1))
    elif most:
        keys = schema.get("x-kubernetes-list-map-keys", ())
        for count in (most, most + 1):
            yield [item | {key: _numbered(item[key], index) for key in keys if key in item} for index in range(count)]


def _numbered(value: Any, index: int) -> Any:
    return index + 1 if isinstance(value, int) else f"{value}{index}"


def _tried_objects(schema: Schema, field: str) -> Iterator[Any]:
    value = least(schema, field)
    yield from (value, {}, None, [], [value], "a")
    if "properties" in schema:
        yield from (value | {"unknown": 1}, value | {"unknown": None}, value | {"Unknown\n": {}})
        for name in value:
            yield {key: child for key, child in value.items() if key != name}
            yield value | {name: None}
        return
    item = least(schema["additionalProperties"])
    yield from ({"a": None}, {"": item}, {"é/b c": item}, {"a\n": item}, {"a": item, "b": None}, {"a": []})


def generated() -> Iterator[Json]:
    """Every value tried in every place."""
    for way, schema in places(SPEC):
        field = way[-1][1:] if way and way[-1].startswith(".") else ""
        for value in tried(schema, field):
            yield agent_with(way, value)


def valid() -> Iterator[Json]:
    """Agents that are right: each field, each value of each enumeration."""
    for way, schema in places(SPEC):
        field = way[-1][1:] if way and way[-1].startswith(".") else ""
        for value in right(schema, field):
            yield agent_with(way, value)

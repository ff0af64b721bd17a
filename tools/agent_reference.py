"""Writes the reference of the Agent resource, from the classes and schemas that make the CRD; docs/conf.py shows it.

Each class of the spec and each structure of core/v1 that it leads to is a section with a table of its fields, once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import attrs

from agentctl_core._agent import NAME_RULE, SERVICE_NAME_RULE, json_name, schema_of
from agentctl_core._core_v1 import CORE_V1
from agentctl_core._core_v1_docs import CORE_V1_DOCS
from agentctl_core._spec import AgentSpec
from agentctl_core.crd import agent_schema

Schema = Mapping[str, Any]

_BOUNDS: Final = (
    ("minLength", "maxLength", " characters"),
    ("minItems", "maxItems", " items"),
    ("minimum", "maximum", ""),
)
_QUANTITY: Final = "A quantity, as text or as a number: `500m`, `2`, `1Gi`."


@dataclass(frozen=True)
class Section:
    """A structure to be told.

    Attributes:
        title: its name.
        intro: what is said before the table.
        schema: of the object.
        docs: what each field means, where its schema does not say so.
    """

    title: str
    intro: str
    schema: Schema
    docs: Mapping[str, str]


def agent_reference() -> str:
    """Return the reference as Markdown: spec, its own classes, status, and the structures of core/v1."""
    own = list(_classes(AgentSpec))
    parts = [
        "## metadata.name\n",
        f"It {NAME_RULE}; it {SERVICE_NAME_RULE}.\n",
        "## spec\n",
        *_section(own[0]),
        "## The parts of spec\n",
    ]
    for each in own[1:]:
        parts += [f"(agent-{each.title})=\n### {each.title}\n", *_section(each)]
    status: dict[str, Any] = agent_schema()["properties"]["status"]
    parts += ["## status\n", *_section(Section("status", status["description"], status, {}), "status.")]
    parts += ["## Structures of core/v1\n", "As Kubernetes has them, with what an Agent may hold of them.\n"]
    for name in _reached(schema_of(AgentSpec)):
        parts += [f"(agent-{name})=\n### {name}\n", *_core(name)]
    return "\n".join(parts)


def _classes(cls: type[Any]) -> Iterator[Section]:
    """Yield a class of the spec and those within it, each with its name as the title."""
    yield Section(cls.__name__, (cls.__doc__ or "").strip(), schema_of(cls, describe=True), {})
    for attribute in attrs.fields(cls):
        nested = attribute.metadata.get("class") or attribute.metadata.get("items")
        if nested is not None:
            yield from _classes(nested)


def _own_names(cls: type[Any] = AgentSpec) -> Mapping[tuple[str, str], str]:
    """Return the class of each field that has one of ours, by the class that the field is in and its name."""
    found: dict[tuple[str, str], str] = {}
    for attribute in attrs.fields(cls):
        nested = attribute.metadata.get("class") or attribute.metadata.get("items")
        if nested is not None:
            found |= {(cls.__name__, json_name(attribute.name)): nested.__name__, **_own_names(nested)}
    return found


_OWN: Final = _own_names()


def _reached(schema: object) -> list[str]:
    """Return the names of all structures of core/v1 that a schema leads to, sorted."""
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            name = each.get("$ref")
            if isinstance(name, str) and name not in found:
                found.add(name)
                waiting.append(CORE_V1[name])
            waiting += each.values()
        elif isinstance(each, list | tuple):
            waiting += each
    return sorted(found)


def _core(name: str) -> list[str]:
    schema = CORE_V1[name]
    if "properties" not in schema:
        return [(_QUANTITY if name == "Quantity" else f"{_type(schema, '')}. {_limits(schema)}") + "\n"]
    docs = {field: CORE_V1_DOCS.get(f"{name}.{field}", "") for field in schema["properties"]}
    return _section(Section(name, "", schema, docs))


def _section(section: Section, prefix: str = "") -> list[str]:
    required = section.schema.get("required", ())
    rows = [
        (
            f"`{prefix}{field}`<br>"
            + _type(schema, _OWN.get((section.title, field), ""))
            + (", required" if field in required else ""),
            "<br>".join(
                filter(None, [_text(schema.get("description") or section.docs.get(field, "")), _terms(schema)])
            ),
        )
        for field, schema in _flat(section.schema)
    ]
    table = ["{.fields}", "| field | meaning |", "|---|---|"]
    table += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    rules = [f"- {_named(rule.field)}{_text(rule.message)}" for rule in section.schema.get("x-rules", ())]
    return [f"{_text(section.intro)}\n", "\n".join(table) + "\n", *(["\n".join(rules) + "\n"] if rules else [])]


def _named(field: str) -> str:
    return f"`{field[1:]}` " if field else ""


def _flat(schema: Schema, prefix: str = "") -> Iterator[tuple[str, Schema]]:
    """Yield each field with its schema; of the status, which has no classes, those within it too."""
    for field, child in schema["properties"].items():
        yield prefix + field, child
        inner = child.get("items", child)
        is_status = "x-rules" not in schema and "description" in schema
        if (prefix or is_status) and "properties" in inner:
            yield from _flat(inner, f"{prefix}{field}{'[]' if 'items' in child else ''}.")


def _type(schema: Schema, own: str) -> str:
    if "items" in schema:
        return f"list of {_type(schema['items'], own)}"
    if "additionalProperties" in schema:
        return f"map to {_type(schema['additionalProperties'], own)}"
    name = own or schema.get("$ref")
    if name:
        return f"[{name}](#agent-{name})"
    if schema.get("x-kubernetes-int-or-string"):
        return "integer or string"
    return str(schema.get("type", "any value"))


def _terms(schema: Schema) -> str:
    """Return default and limits, in parentheses."""
    told = "; ".join(filter(None, [_default(schema), _limits(schema)]))
    return f"({told})" if told else ""


def _default(schema: Schema) -> str:
    return f"default `{json.dumps(schema['default'])}`" if schema.get("default") not in (None, {}) else ""


def _bounds(schema: Schema) -> Iterator[str]:
    for least, most, unit in _BOUNDS:
        low, high = schema.get(least), schema.get(most)
        if low is not None and high is not None:
            yield f"{low} to {high}{unit}"
        elif high is not None:
            yield f"at most {high}{unit}"
        elif low is not None:
            yield "not empty" if unit and low == 1 else f"at least {low}{unit}"


def _limits(schema: Schema) -> str:
    told = list(_bounds(schema))
    if "enum" in schema:
        told.append("one of " + ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"]))
    if "pattern" in schema:
        told.append(f"matches ``{schema['pattern']}``")
    if keys := schema.get("x-kubernetes-list-map-keys"):
        told.append("each " + " and ".join(f"`{key}`" for key in keys) + " once")
    if "items" in schema and (inner := _limits(schema["items"])):
        told.append(f"each {inner}")
    return "; ".join(told)


def _text(text: str) -> str:
    """Return a description as Markdown: nothing in it is a tag or an emphasis."""
    return text.replace("<", "&lt;").replace("*", "\\*").replace("\n", " ")

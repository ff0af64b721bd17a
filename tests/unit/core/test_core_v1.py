"""The embedded core/v1 types hold together: every reference, key, mend and documentation has its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tools.core_v1_mends import DROPPED, FIELDS, OWN, REQUIRED, TYPES
from tools.embed_core_v1 import ROOTS, embed, embed_all, first_sentence, references

from agentctl_core._agent import schema_of
from agentctl_core._core_v1 import CORE_V1
from agentctl_core._core_v1_docs import CORE_V1_DOCS
from agentctl_core._schema import compile_schema
from agentctl_core._spec import AgentSpec

FIELD_NAMES = {f"{name}.{field}" for name, schema in CORE_V1.items() for field in schema.get("properties", ())}


def nodes(schema: Any) -> Iterator[Any]:
    if isinstance(schema, dict):
        yield schema
        for child in schema.values():
            yield from nodes(child)


def test_exactly_what_is_referred_to_is_there() -> None:
    assert references(CORE_V1) | references(schema_of(AgentSpec)) == CORE_V1.keys()
    assert set(ROOTS) <= CORE_V1.keys()


@pytest.mark.parametrize("name", CORE_V1)
def test_each_type_has_a_check(name: str) -> None:
    compile_schema({"$ref": name}, CORE_V1)


def test_what_is_dropped_is_not_there_and_what_is_mended_is() -> None:
    assert not {f"{name}.{field}" for name, fields in DROPPED.items() for field in fields} & FIELD_NAMES
    assert FIELDS.keys() <= FIELD_NAMES
    # Every IntOrString of today is a port; a new one would be another.
    assert TYPES.keys() | REQUIRED.keys() | OWN.keys() - {"IntOrString"} <= CORE_V1.keys()
    for name, fields in REQUIRED.items():
        assert set(fields) <= set(CORE_V1[name]["required"]) <= CORE_V1[name]["properties"].keys(), name


def test_documentation_is_that_of_fields_and_fits() -> None:
    assert CORE_V1_DOCS.keys() <= FIELD_NAMES
    assert len(CORE_V1_DOCS) > 0.9 * len(FIELD_NAMES)
    assert max(map(len, CORE_V1_DOCS.values())) <= 120


def test_no_default_is_a_zero_value() -> None:
    assert [node for node in nodes(CORE_V1) if "default" in node and not node["default"]] == []
    assert CORE_V1["ContainerPort"]["properties"]["protocol"]["default"] == "TCP"


@pytest.mark.parametrize(
    ("node", "mend", "embedded"),
    [
        ({"type": "string", "default": "", "description": "x"}, {}, {"type": "string"}),
        (
            {"type": "string", "default": "TCP"},
            {"enum": ["TCP"]},
            {"type": "string", "default": "TCP", "enum": ["TCP"]},
        ),
        ({"allOf": [{"$ref": "#/components/schemas/io.k8s.api.core.v1.A"}], "default": {}}, {}, {"$ref": "A"}),
        ({"$ref": "#/components/schemas/io.k8s.B"}, {"$ref": "Port"}, {"$ref": "Port"}),
        (
            {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "atomic"},
            {"minItems": 1, "items": {"minLength": 1}},
            {"type": "array", "x-kubernetes-list-type": "atomic", "minItems": 1}
            | {"items": {"type": "string", "minLength": 1}},
        ),
    ],
)
def test_a_schema_of_the_document_becomes_a_structural_one(node: Any, mend: Any, embedded: Any) -> None:
    assert embed(node, mend) == embedded


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Name of it. More on it.", "Name of it."),
        ("Name of it", "Name of it."),
        ("One line\nand another. More", "One line and another."),
        ("Ports, e.g. 80 or i.e. none. More", "Ports, e.g. 80 or i.e. none."),
        ("word " * 40, "word " * 22 + "word..."),
    ],
)
def test_of_a_description_the_first_sentence_is_told(text: str, told: str) -> None:
    assert first_sentence(text) == told


def test_all_that_a_root_needs_is_embedded() -> None:
    document: Any = {"components": {"schemas": {}}}
    for root in ROOTS:
        document["components"]["schemas"][f"io.k8s.api.core.v1.{root}"] = {"properties": {}}
    reference = {"$ref": "#/components/schemas/io.k8s.api.core.v1.Inner", "description": "Told. More."}
    document["components"]["schemas"]["io.k8s.api.core.v1.Probe"]["properties"]["inner"] = reference
    document["components"]["schemas"]["io.k8s.api.core.v1.Inner"] = {"properties": {"a": {"type": "boolean"}}}
    schemas, docs = embed_all(document)
    assert schemas["Probe"]["properties"] == {"inner": {"$ref": "Inner"}}
    assert schemas["Inner"] == {"type": "object", "properties": {"a": {"type": "boolean"}}}
    assert docs == {"Probe.inner": "Told."}

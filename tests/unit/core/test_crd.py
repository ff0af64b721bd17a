"""The CustomResourceDefinition: what the API server checks is what the core checks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from agentctl_core import InvalidAgent, Problem, parse_agent
from agentctl_core._agent import json_name, schema_of
from agentctl_core._schema import Check, Rule, compile_schema
from agentctl_core._spec import AgentSpec
from agentctl_core.crd import agent_schema, custom_resource_definition

from .builders import Json, a_pod, an_agent, plan, status_of
from .strategies import agents, damaged, shallow_json, specs


def nodes(schema: Any, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every schema in a schema, with its path."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from nodes(schema[key], f"{path}.{key}")


NODES = list(nodes(agent_schema()))


def compiled(part: str) -> Check:
    return compile_schema(agent_schema()["properties"][part])


def problems_of(check: Check, value: Any, part: str) -> tuple[Problem, ...]:
    problems: list[Problem] = []
    check(value, (None, part), problems)
    return tuple(problems)


SPEC, STATUS = compiled("spec"), compiled("status")


def test_every_node_has_a_type_and_nothing_that_structural_schemas_forbid() -> None:
    assert len(NODES) > 50
    for path, node in NODES:
        assert ("type" in node) != (node.get("x-kubernetes-int-or-string") is True), path
        assert not {"$ref", "x-hint", "allOf", "anyOf", "definitions"} & node.keys(), path
        assert not ("properties" in node and "additionalProperties" in node), path
        if node.get("type") == "array":
            assert "items" in node, path


def test_keys_of_map_lists_are_there_in_every_item() -> None:
    for path, node in NODES:
        if node.get("x-kubernetes-list-type") == "map":
            item = node["items"]
            for key in node["x-kubernetes-list-map-keys"]:
                assert key in item.get("required", ()) or "default" in item["properties"][key], path


def test_everything_that_we_add_is_explained() -> None:
    for path, node in NODES:
        if path.count(".") == 2 and path.startswith((".spec.", ".status.")):
            assert node["description"], path


def test_defaults_are_those_that_the_core_has() -> None:
    assert dict(class_defaults(AgentSpec)) == dict(schema_defaults(schema_of(AgentSpec)))


def class_defaults(cls: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """What a class sets, but for what means that a field is absent."""
    for field in attrs.fields(cls):
        here = f"{path}.{json_name(field.name)}"
        if nested := field.metadata.get("class") or field.metadata.get("items"):
            yield from class_defaults(nested, here)
        elif field.default not in (attrs.NOTHING, None, ()) and not isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]
            yield here, field.default


def schema_defaults(schema: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """What our own schema sets, embedded types left out."""
    if "default" in schema:
        yield path, schema["default"]
    for name, child in schema.get("properties", {}).items():
        yield from schema_defaults(child, f"{path}.{name}")
    if "items" in schema:
        yield from schema_defaults(schema["items"], path)


def test_each_rule_stands_in_cel_where_the_core_has_it() -> None:
    told = [rule for path, node in NODES if path for rule in node.get("x-kubernetes-validations", ())]
    rules = list(rules_of(schema_of(AgentSpec)))
    assert len(rules) > 5
    assert [(rule["rule"], rule["message"], rule.get("fieldPath", "")) for rule in told] == [
        (rule.cel, rule.message, rule.field) for rule in rules
    ]
    assert {rule["reason"] for rule in told} == {"FieldValueInvalid"}


def rules_of(schema: Any) -> Iterator[Rule]:
    yield from schema.get("x-rules", ())
    for child in (*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])):
        yield from rules_of(child)


def test_nothing_that_is_ours_alone_is_left() -> None:
    for path, node in NODES:
        assert [key for key in node if key.startswith("x-") and not key.startswith("x-kubernetes-")] == [], path


def test_each_embedded_field_is_explained_where_its_type_stands_first_and_each_of_a_container_always() -> None:
    told = {path for path, node in NODES if node.get("description")}
    assert ".spec.livenessProbe.exec" in told
    assert ".spec.readinessProbe.exec" not in told
    assert {".spec.initContainers.items.name", ".spec.sidecars.items.livenessProbe"} <= told


def test_names_and_subresources() -> None:
    spec = custom_resource_definition()["spec"]
    (version,) = spec["versions"]
    assert custom_resource_definition()["metadata"]["name"] == "agents.agentctl.dev"
    assert (spec["group"], spec["scope"], spec["names"]["plural"]) == ("agentctl.dev", "Namespaced", "agents")
    assert (version["name"], version["served"], version["storage"]) == ("v1alpha1", True, True)
    assert version["subresources"] == {
        "status": {},
        "scale": {
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector",
        },
    }


def test_columns_of_kubectl_get() -> None:
    columns = custom_resource_definition()["spec"]["versions"][0]["additionalPrinterColumns"]
    assert [column["name"] for column in columns if not column.get("priority")] == [
        "Ready",
        "Reason",
        "UpToDate",
        "Pod",
        "Age",
    ]
    paths = {path for path, _ in NODES}
    for column in columns:
        path = re.sub(r'\[\?\(@.type=="\w+"\)\]', ".items", column["jsonPath"]).replace("[0]", ".items")
        assert path in paths or path == ".metadata.creationTimestamp", column


def test_each_call_returns_fresh_dicts() -> None:
    custom_resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"].clear()
    schema = agent_schema()
    schema["properties"]["status"]["properties"].clear()
    schema["properties"]["spec"]["properties"]["env"]["items"].clear()
    assert list(nodes(agent_schema())) == NODES


def test_no_dict_stands_in_two_places() -> None:
    # YAML writers turn one into an anchor and an alias, which people cannot read.
    containers = [id(value) for value in _containers(custom_resource_definition())]
    assert len(containers) == len(set(containers))


def _containers(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for child in value.values() if isinstance(value, dict) else value:
            yield from _containers(child)


@given(agents(specs | damaged(specs, shallow_json)))
def test_the_crd_accepts_and_refuses_what_the_core_does(manifest: Any) -> None:
    told = problems_of(SPEC, manifest["spec"], "spec")
    try:
        parse_agent(manifest)
    except InvalidAgent as error:
        # The core's own words for a missing spec, and its hints, are not in the CRD; nor is the name in its spec.
        assert [p.path for p in told] == [p.path for p in error.problems if p.path != "metadata.name"]  # noqa: PT017
    else:
        assert told == ()


@given(agents(), st.booleans())
def test_every_status_fits_the_crd(manifest: Any, there: bool) -> None:  # noqa: FBT001 -- drawn
    manifest.pop("status", None)
    manifest["metadata"]["name"] = "demo"
    pods = (a_pod(status={"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}]}),) if there else ()
    if plan(manifest, *pods):
        assert problems_of(STATUS, status_of(manifest, *pods), "status") == ()


def test_a_whole_agent_is_checked_too() -> None:
    schema = agent_schema()
    del schema["properties"]["metadata"]  # every resource's own, and the API server's business
    check = compile_schema(schema)
    manifest = an_agent()
    del manifest["metadata"]
    assert problems_of(check, manifest, "agent") == ()
    assert problems_of(check, {"kind": 5}, "agent") == (
        Problem("agent.kind", "must be a string, not a number; write it in quotes"),
        Problem("agent.spec", "is required; write an object"),
    )


@pytest.mark.parametrize("name", ["a", "a" * 63, "a-b"])
def test_the_rule_for_names_is_in_the_crd(name: str) -> None:
    rule, _ = agent_schema()["x-kubernetes-validations"]
    assert rule["rule"] == (
        "self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')"
    )
    assert parse_agent(an_agent(metadata={"name": name})).name == name


def test_the_crd_that_is_shipped_is_the_models() -> None:
    shipped = Path(__file__).parents[3] / "crds" / "agents.yaml"
    assert custom_resource_definition() == yaml.safe_load(shipped.read_text("utf-8"))

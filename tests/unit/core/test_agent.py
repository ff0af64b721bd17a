"""A manifest becomes an Agent, or every problem that it has."""

from __future__ import annotations

import copy
import pickle
from types import MappingProxyType
from typing import Any

import attrs
import pytest
from hypothesis import given

from agentctl_core import Agent, AgentSpec, InvalidAgent, PodTemplate, PodTemplateMetadata, Problem, parse_agent
from agentctl_core._agent import PLACEHOLDER_UID, SERVICE_NAME_RULE, json_name, schema_of
from agentctl_core._spec import File, Sdk, Service, SharedVolume, Wrapper

from .builders import UID, an_agent
from .strategies import agents, any_json, damaged, reordered

NAME_RULE = (
    "must be a DNS label: at most 63 lower-case letters, digits and '-', starting and ending with a letter or digit"
)


def problems_of(manifest: Any) -> list[str]:
    with pytest.raises(InvalidAgent) as caught:
        parse_agent(manifest)
    return [str(problem) for problem in caught.value.problems]


def test_the_least_agent_has_the_documented_defaults() -> None:
    agent = parse_agent({"metadata": {"name": "demo"}, "spec": {"image": "i"}})
    assert agent == Agent(name="demo", namespace="default", uid=PLACEHOLDER_UID, spec=AgentSpec(image="i"))
    assert agent.spec.replicas == 1
    assert agent.spec.command == agent.spec.args == ()
    assert agent.spec.env == agent.spec.env_from == agent.spec.ports == ()
    assert agent.spec.working_dir is None
    assert agent.spec.resources is None
    assert agent.spec.pod_template.metadata.labels == agent.spec.pod_template.metadata.annotations == {}


def test_every_field_is_read() -> None:
    manifest = an_agent(
        command=["run"],
        args=["--fast"],
        workingDir="/srv",
        env=[{"name": "A", "value": "1"}],
        envFrom=[{"secretRef": {"name": "keys"}}],
        ports=[{"containerPort": 80}],
        resources={"limits": {"cpu": "1"}},
        replicas=0,
        podTemplate={"metadata": {"labels": {"team": "a"}, "annotations": {"note": "b"}}},
    )
    assert parse_agent(manifest) == Agent(
        name="demo",
        namespace="team",
        uid=UID,
        spec=AgentSpec(
            image="example.com/agent:1",
            command=("run",),
            args=("--fast",),
            working_dir="/srv",
            env=({"name": "A", "value": "1"},),
            env_from=({"secretRef": {"name": "keys"}},),
            ports=({"containerPort": 80, "protocol": "TCP"},),
            resources={"limits": {"cpu": "1"}},
            replicas=0,
            pod_template=PodTemplate(metadata=PodTemplateMetadata(labels={"team": "a"}, annotations={"note": "b"})),
        ),
    )


@pytest.mark.parametrize("name", ["a", "0", "a-b", "a--b", "a" * 63])
def test_a_dns_label_is_a_name(name: str) -> None:
    assert parse_agent(an_agent(metadata={"name": name})).name == name


@pytest.mark.parametrize(
    "name", ["", "a.b", "A", "-a", "a-", "a_b", "a\n", "\na", "a b", "é", "٣", "\ud800", "a" * 64, 5, True, ["a"], {}]
)
def test_anything_else_is_none(name: Any) -> None:
    assert problems_of(an_agent(metadata={"name": name})) == [f"metadata.name: {NAME_RULE}"]


def test_a_name_is_required() -> None:
    assert problems_of(an_agent(metadata={"name": None})) == [
        "metadata.name: is required; write a DNS label, for example my-agent"
    ]


def test_another_resource_is_refused() -> None:
    assert problems_of(an_agent() | {"apiVersion": "v1", "kind": "Pod"}) == [
        "apiVersion: must be agentctl.dev/v1alpha1",
        "kind: must be Agent",
    ]


def test_a_missing_spec_says_what_the_least_is() -> None:
    assert problems_of({"metadata": {"name": "demo"}}) == ["spec: is required; write at least spec.image"]
    assert problems_of(an_agent() | {"spec": None}) == ["spec: is required; write at least spec.image"]


def test_every_problem_is_told_at_once() -> None:
    manifest = an_agent(metadata={"name": "A"}, image="", replicas=2, env=[{"value": "1"}], wrapper={"a": 1})
    assert [line.partition(":")[0] for line in problems_of(manifest)] == [
        "metadata.name",
        "spec.image",
        "spec.env[0].name",
        "spec.replicas",
        "spec.wrapper.a",
    ]


def test_what_is_nested_becomes_classes_of_ours() -> None:
    spec = parse_agent(
        an_agent(
            wrapper={"command": ["/tini"]},
            files=[{"path": "a", "content": "b"}],
            sdk={"runtime": "python", "packages": ["a"]},
            service={"ports": [{"port": 80}]},
            sharedVolume=None,
        )
    ).spec
    assert spec.wrapper == Wrapper(command=("/tini",))
    assert spec.files == (File(path="a", content="b"),)
    assert spec.sdk == Sdk(runtime="python", packages=("a",))
    assert spec.service == Service(ports=({"port": 80, "protocol": "TCP"},))
    assert spec.shared_volume == SharedVolume()


_FILE = {"path": "a"}
_KEY = {"name": "a", "key": "b"}
_PORTS = [{"port": 80}]


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"sharedVolume": {"claimName": "a", "sizeLimit": 1}}, "spec.sharedVolume.claimName"),
        ({"files": [_FILE]}, "spec.files[0]"),
        ({"files": [_FILE | {"content": "", "secretKeyRef": _KEY}]}, "spec.files[0]"),
        ({"service": {"ports": _PORTS, "headless": True, "type": "NodePort"}}, "spec.service.headless"),
        ({"backoffLimit": 0}, "spec.backoffLimit"),
        ({"activeDeadlineSeconds": 1}, "spec.activeDeadlineSeconds"),
        ({"ttlSecondsAfterFinished": 0, "restartPolicy": "Always"}, "spec.ttlSecondsAfterFinished"),
    ],
)
def test_a_broken_rule_is_told_at_its_field(spec: Any, path: str) -> None:
    assert [problem.partition(":")[0] for problem in problems_of(an_agent(**spec))] == [path]


@pytest.mark.parametrize(
    "spec",
    [
        {"sharedVolume": {"claimName": "a", "medium": None}},
        {"files": [_FILE | {"content": None, "secretKeyRef": _KEY}]},
        {"service": {"ports": _PORTS, "headless": True}},
        {"backoffLimit": 0, "restartPolicy": "Never"},
        {"backoffLimit": None},
    ],
)
def test_a_rule_sees_defaults_and_no_nulls(spec: Any) -> None:
    parse_agent(an_agent(**spec))


def test_an_agent_with_a_service_has_the_name_of_one() -> None:
    digit = an_agent(metadata={"name": "1a"}, service={"ports": _PORTS})
    assert problems_of(digit) == [f"metadata.name: {SERVICE_NAME_RULE}"]
    assert parse_agent(an_agent(metadata={"name": "1a"}, service=None)).name == "1a"


def test_a_duplicate_variable_is_told_with_its_first() -> None:
    manifest = an_agent(env=[{"name": "A"}, {"name": "B"}, {"name": "A"}])
    assert problems_of(manifest) == ['spec.env[2]: duplicate of item [0]: same name "A"; leave one out']


def test_a_quantity_is_checked() -> None:
    manifest = an_agent(resources={"limits": {"cpu": "1 core", "memory": "1Gi\n"}})
    assert problems_of(manifest) == [
        'spec.resources.limits[cpu]: "1 core" is not a quantity; write for example 500m, 2 or 1Gi',
        r'spec.resources.limits[memory]: "1Gi\n" is not a quantity; write for example 500m, 2 or 1Gi',
    ]


@pytest.mark.parametrize("manifest", [None, [], "Agent", 5])
def test_what_is_no_object_is_no_agent(manifest: Any) -> None:
    assert problems_of(manifest) == [
        "metadata.name: is required; write a DNS label, for example my-agent",
        "spec: is required; write at least spec.image",
    ]


def test_the_exception_tells_its_problems_and_survives_a_copy() -> None:
    error = InvalidAgent([Problem("spec.a", "is wrong"), Problem("spec.b", "too")])
    for each in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301 -- our own bytes
        assert str(each) == "spec.a: is wrong; spec.b: too"
        assert each.problems == (Problem("spec.a", "is wrong"), Problem("spec.b", "too"))


def test_an_agent_does_not_share_anything_with_its_manifest() -> None:
    manifest = an_agent(env=[{"name": "A"}], resources={"limits": {"cpu": 1}})
    agent = parse_agent(manifest)
    manifest["spec"]["env"][0]["name"] = "B"
    manifest["spec"]["resources"]["limits"]["cpu"] = 2
    assert agent.spec.env == ({"name": "A"},)
    assert agent.spec.resources == {"limits": {"cpu": 1}}


def test_each_field_has_a_schema_and_a_documentation_that_stands_alone() -> None:
    for name, schema in schema_of(AgentSpec, describe=True)["properties"].items():
        assert schema["description"].endswith("."), name
    assert json_name("env_from") == "envFrom"


def test_an_agent_cannot_be_changed() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        parse_agent(an_agent()).spec.image = "other"  # type: ignore[misc]


@given(agents())
def test_key_order_and_mapping_type_do_not_matter(manifest: Any) -> None:
    assert parse_agent(reordered(manifest, MappingProxyType)) == parse_agent(manifest)


@given(any_json | damaged(agents()))
def test_whatever_comes_in_is_an_agent_or_an_invalid_one(manifest: Any) -> None:
    try:
        parse_agent(manifest)
    except InvalidAgent as error:
        assert error.problems  # noqa: PT017 -- both outcomes are right


def test_a_list_of_the_spec_is_a_tuple() -> None:
    files = parse_agent(an_agent(files=[{"path": "a", "content": ""}])).spec.files
    assert type(files) is tuple
    listed: Any = [*files]
    assert type(attrs.evolve(parse_agent(an_agent()).spec, files=listed).files) is tuple

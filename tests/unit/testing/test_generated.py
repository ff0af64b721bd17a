"""What holds for every valid Agent, tried on Agents made from the schema."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry, Resource
from tests.examples import can_be_placed, examples

from agentctl_core import (
    Agent,
    Create,
    Delete,
    EmitEvent,
    ImageInfo,
    InvalidAgent,
    Observed,
    Patch,
    PatchStatus,
    Ref,
    Requeue,
    Resize,
    ResolveImage,
    build_pod,
    parse_agent,
    prepare,
    reconcile,
    wanted,
)
from agentctl_core._agent import schema_of
from agentctl_core._core_v1 import CORE_V1
from agentctl_core._quantity import amount
from agentctl_core._spec import AgentSpec
from agentctl_core.testing import ModelCluster
from agentctl_core.testing._mutations import KINDS, mutations
from agentctl_core.testing.strategies import (
    FIELDS,
    UNREACHABLE,
    Broken,
    agents,
    broken_agents,
    fields_of,
    images,
    json_values,
)

Json = dict[str, Any]

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WRITES = (Create, Patch, Delete, Resize, PatchStatus, EmitEvent)
many = settings(max_examples=300)
SPEC = schema_of(AgentSpec)


words = st.lists(st.text(max_size=4) | st.sampled_from(["$(A)", "$$(A)", "$$$", "--", " a ", "\n"]), max_size=3)
command_lines = st.fixed_dictionaries({}, optional={"command": words, "args": words})


@cache
def kubernetes_schema(kind: str) -> Draft202012Validator:
    """Kubernetes' own JSON schema of a core/v1 kind, in which unknown fields are wrong."""
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / "v1.37.0-local-strict"
    contents = [json.loads((folder / name).read_text()) for name in (f"{kind.lower()}-v1.json", "_definitions.json")]
    resources = [Resource.from_contents(content) for content in contents]
    return Draft202012Validator(contents[0], registry=resources @ Registry())


def agent_and_pod(manifest: Json, image: ImageInfo) -> tuple[Agent, Json]:
    agent = parse_agent(manifest)
    return agent, build_pod(agent, image=None if agent.spec.command else image)


def all_containers(pod: Json) -> Iterator[Json]:
    yield from pod["spec"].get("initContainers", ())
    yield from pod["spec"]["containers"]


def expanded(word: str, variables: Mapping[str, str]) -> str:
    """What the kubelet makes of a word of a command: `$(VAR)` where there is VAR, and `$` for `$$`."""
    return re.sub(
        r"\$(\$|\(([^)]*)\))",
        lambda match: "$" if match[1] == "$" else variables.get(match[2], match[0]),
        word,
        flags=re.DOTALL,
    )


@many
@given(agents(), images())
def test_pod_and_objects_are_valid_by_kubernetes_own_schema(manifest: Json, image: ImageInfo) -> None:
    _, pod = agent_and_pod(manifest, image)
    rendered = prepare(manifest).rendered
    assert rendered is not None
    for item in (pod, *rendered.objects):
        plain = json.loads(json.dumps(item))
        assert [error.message for error in kubernetes_schema(plain["kind"]).iter_errors(plain)] == []


@many
@given(agents(), command_lines, images(), st.dictionaries(st.sampled_from(["A", "B_1"]), st.text(max_size=3)))
def test_the_command_line_reaches_the_agent_byte_for_byte(
    manifest: Json, given_words: Json, image: ImageInfo, variables: dict[str, str]
) -> None:
    manifest["spec"] |= given_words
    agent, pod = agent_and_pod(manifest, image)
    main = pod["spec"]["containers"][-1]
    spec, config = agent.spec, next(iter(image.platforms.values()))
    told = main.get("command", [])
    if spec.wrapper.enabled:
        assert "args" not in main
        assert told[0].startswith(f"{spec.shared_volume.mount_path}/bin/")
        told = told[told.index("--") + 1 :]
    if spec.command:
        # As they are: `$(VAR)` in them is the user's own.
        assert [*told, *main.get("args", ())] == [*spec.command, *spec.args]
    elif spec.wrapper.enabled:
        from_spec, from_image = list(spec.args), [*config.entrypoint, *(() if spec.args else config.cmd)]
        assert told[len(from_image) :] == from_spec
        assert [expanded(word, variables) for word in told[: len(from_image)]] == from_image
    for name in ("workingDir", "stdin", "tty"):
        assert main.get(name) == manifest["spec"].get(name)


@many
@given(agents(), images())
def test_every_container_sees_the_shared_volume_at_the_same_path(manifest: Json, image: ImageInfo) -> None:
    agent, pod = agent_and_pod(manifest, image)
    for container in all_containers(pod):
        mounts = [m for m in container["volumeMounts"] if m["name"] == "agentctl-shared"]
        assert mounts == [{"name": "agentctl-shared", "mountPath": agent.spec.shared_volume.mount_path}]
        places = [mount["mountPath"] for mount in container["volumeMounts"]]
        assert len(set(places)) == len(places)
    declared = {volume["name"] for volume in pod["spec"]["volumes"]}
    assert {m["name"] for container in all_containers(pod) for m in container["volumeMounts"]} <= declared


def reordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(value)}
    return [reordered(item) for item in value] if isinstance(value, list) else value


def with_defaults(value: Any, schema: Mapping[str, Any], *, top: bool = True) -> Any:
    """The value with every default of its schema spelled out, and quantities written otherwise."""
    quantity = schema.get("$ref") == "Quantity"
    schema = CORE_V1[schema["$ref"]] if "$ref" in schema else schema
    if quantity:
        number = amount(value)
        assert number is not None
        return f"{number * 1000}m" if (number * 1000).denominator == 1 else value
    if isinstance(value, list):
        return [with_defaults(item, schema["items"], top=False) for item in value]
    if not isinstance(value, dict):
        return value
    if "properties" not in schema:
        return {key: with_defaults(child, schema["additionalProperties"], top=False) for key, child in value.items()}
    properties = schema["properties"]
    defaults = {name: child["default"] for name, child in properties.items() if "default" in child}
    if top:
        defaults |= {
            "wrapper": {},
            "sharedVolume": {},
            "persistentVolumeClaimRetentionPolicy": {},
            "env": [],
            "args": [],
        }
    return {name: with_defaults(child, properties[name], top=False) for name, child in (defaults | value).items()}


@many
@given(agents())
def test_the_revision_is_that_of_what_is_meant_not_of_how_it_is_written(manifest: Json) -> None:
    def revision(spec: Json) -> str:
        annotations = build_pod(parse_agent({**manifest, "spec": spec}))["metadata"]["annotations"]
        return str(annotations["agentctl.dev/revision"])

    first = revision(manifest["spec"])
    assert revision(reordered(manifest["spec"])) == first
    assert revision(with_defaults(manifest["spec"], SPEC)) == first
    assert revision({**manifest["spec"], "replicas": 0}) == first
    assert revision({**manifest["spec"], "image": "another"}) != first


def converge(cluster: ModelCluster, ref: Ref, image: ImageInfo) -> int:
    """Reconcile until there is nothing to write; return how often that took."""
    for turn in range(12):
        cluster.settle()
        manifest = cluster.get(ref)
        observed = evolve(cluster.observe(manifest), images={manifest["spec"]["image"]: image})
        actions = reconcile(manifest, observed)
        if not any(isinstance(action, WRITES) for action in actions):
            return turn
        for action in actions:
            if not cluster.execute(action):
                break
    raise AssertionError(f"it writes again and again: {actions}")


@many
@given(agents().filter(lambda manifest: can_be_placed(manifest["spec"])), images())
def test_an_agent_converges_to_what_it_asks_for_and_then_nothing_is_written(manifest: Json, image: ImageInfo) -> None:
    cluster = ModelCluster(NOW)
    created = cluster.create(manifest)
    ref = Ref("agentctl.dev/v1alpha1", "Agent", "default", created["metadata"]["name"])
    converge(cluster, ref, image)
    version = cluster.storage.resource_version
    if "activeDeadlineSeconds" not in manifest["spec"]:
        cluster.advance(3600)
    assert converge(cluster, ref, image) == 0
    assert cluster.storage.resource_version == version
    found = cluster.get(ref)
    conditions = {c["type"]: c for c in found["status"]["conditions"]}
    spec = parse_agent(found).spec
    if spec.replicas and not spec.command and spec.wrapper.enabled and spec.wrapper.command_resolution == "Never":
        assert conditions["Accepted"]["reason"] == "CommandUnknown"
        return
    assert conditions["Accepted"]["status"] == "True"
    expected = [one for one in wanted(found) if spec.replicas or one.kind != "Pod"]
    for one in expected:
        assert cluster.get(one)["metadata"]["name"] == one.name


@many
@given(broken_agents())
def test_a_broken_agent_is_refused_where_it_is_broken_and_gets_no_pod(broken: Broken) -> None:
    with pytest.raises(InvalidAgent) as caught:
        parse_agent(broken.manifest)
    paths = [problem.path for problem in caught.value.problems]
    assert any(path == broken.path or path.startswith(broken.path) for path in paths), (broken.kind, broken.path)
    actions = reconcile(broken.manifest, Observed(now=NOW))
    assert not any(isinstance(action, Create | ResolveImage | Delete) for action in actions)
    # Whether the model's API server would let it in is the same question.
    assert not any(isinstance(action, Requeue) for action in actions)


def test_each_field_is_refused_in_every_way_in_which_it_can_be_broken() -> None:
    tried: set[tuple[str, str]] = set()
    for field in FIELDS:
        (manifest,) = examples(agents(exercising=field), 1)
        for mutation in mutations(manifest["spec"]):
            tried.add((mutation.kind, mutation.path))
            with pytest.raises(InvalidAgent):
                parse_agent(mutation.applied(manifest))
    assert {kind for kind, _ in tried} == set(KINDS)


@many
@given(json_values(), st.sampled_from(["", "spec", "metadata", "status"]))
def test_anything_at_all_can_be_reconciled(value: Any, place: str) -> None:
    manifest = {"metadata": {"name": "a", "uid": "b"}, "spec": {"image": "c", "command": ["d"]}}
    reconcile({**manifest, place: value} if place else value, Observed(now=NOW))


def test_the_generator_exercises_every_field_that_a_valid_agent_can_have() -> None:
    seen: set[str] = set()
    for field in FIELDS:
        (manifest,) = examples(agents(exercising=field), 1)
        build_pod(parse_agent(manifest))
        assert field in fields_of(manifest)
        seen |= fields_of(manifest)
    assert seen == set(FIELDS)
    # A field that comes to the schema comes to the generator; what is out of reach is listed with its reason.
    assert len(FIELDS) >= 775
    assert len(UNREACHABLE) <= 88


def test_the_model_cluster_needs_no_hypothesis() -> None:
    program = "import sys; sys.modules['hypothesis'] = None; import agentctl_core.testing"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr

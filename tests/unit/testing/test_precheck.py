"""A precheck finds what API server and operator would find, and tells it at the Agent's own fields."""

from __future__ import annotations

from typing import Any

import pytest
from tests.examples import examples

from agentctl_core import Config, Policy
from agentctl_core.testing.precheck import precheck
from agentctl_core.testing.strategies import agents

Json = dict[str, Any]
ALL = Config(
    policy=Policy(
        allow_privileged=True,
        allow_host_path=True,
        allow_host_namespaces=True,
        allow_host_ports=True,
        allow_unconfined=True,
        allow_probe_hosts=True,
        allow_capabilities=("*",),
        allow_sysctls=("*",),
    )
)
FIELD = {"fieldRef": {"fieldPath": "metadata.name"}}
BESIDE = {"name": "i", "image": "a"}
EXEC = {"exec": {"command": ["a"]}}


def an_agent(metadata: Json | None = None, **spec: Any) -> Json:
    return {
        "apiVersion": "agentctl.dev/v1alpha1",
        "kind": "Agent",
        "metadata": {"name": "demo"} | (metadata or {}),
        "spec": {"image": "example/agent:1", "command": ["serve"]} | spec,
    }


def told(manifest: Json, config: Config | None = None) -> list[str]:
    return [str(problem) for problem in precheck(manifest, config)]


def test_nothing_is_wrong_with_agents_that_the_api_server_takes() -> None:
    refused = [(found, manifest) for manifest in examples(agents(), 150) if (found := told(manifest, ALL))]
    assert refused == []


def test_metadata_as_the_api_server_returns_it_is_no_problem() -> None:
    metadata = {
        "uid": "u",
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": None,
        "managedFields": [{"anything": 1}],
        "finalizers": ["a.example/b"],
        "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "u", "controller": True}],
    }
    assert told(an_agent(metadata) | {"status": {"anything": 1}}) == []


def test_a_name_may_be_the_api_servers_to_generate() -> None:
    manifest = an_agent()
    manifest["metadata"] = {"generateName": "demo-"}
    assert told(manifest) == []
    manifest["metadata"] = {"generateName": "Demo-"}
    assert [path.partition(":")[0] for path in told(manifest)] == ["metadata.name"]
    manifest["metadata"] = {"generateName": ""}
    assert told(manifest) == ["metadata.name: is required; write a DNS label, for example my-agent"]


@pytest.mark.parametrize(
    ("metadata", "path"),
    [
        ({"labels": {"a": "b c"}}, "metadata.labels"),
        ({"annotations": {"a b": ""}}, "metadata.annotations"),
        ({"finalizers": ["a b"]}, "metadata.finalizers"),
        ({"namespace": "Team"}, "metadata.namespace"),
        ({"labels": []}, "metadata.labels"),
        ({"annotations": {"a": 1}}, "metadata.annotations[a]"),
        ({"ownerReferences": [{"kind": "a"}]}, "metadata.ownerReferences[0].apiVersion"),
        ({"nmae": "a"}, "metadata.nmae"),
    ],
)
def test_what_is_wrong_with_metadata_is_told(metadata: Json, path: str) -> None:
    assert told(an_agent(metadata))[0].startswith(f"{path}: ")


@pytest.mark.parametrize("metadata", [None, [], "demo", 5])
def test_metadata_that_is_none_is_told_once(metadata: Any) -> None:
    manifest = an_agent() | {"metadata": metadata}
    found = told(manifest)
    assert len(found) == len({line.partition(":")[0] for line in found})
    assert found


CASES: list[tuple[str, Json]] = [
    ("spec.livenessProbe", {"livenessProbe": {}}),
    ("spec.env[1].valueFrom", {"env": [{"name": "A", "value": "c"}, {"name": "B", "value": "c", "valueFrom": FIELD}]}),
    ("spec.initContainers[0].livenessProbe", {"initContainers": [{**BESIDE, "livenessProbe": EXEC}]}),
    ("spec.sidecars[1].readinessProbe", {"sidecars": [{**BESIDE, "name": "s"}, {**BESIDE, "readinessProbe": {}}]}),
    ("spec.volumes[0].emptyDir.sizeLimit", {"volumes": [{"name": "v", "emptyDir": {"sizeLimit": "-1"}}]}),
    ("spec.podTemplate.metadata.labels", {"podTemplate": {"metadata": {"labels": {"a": "b c"}}}}),
    ("spec.podTemplate.spec.nodeSelector", {"podTemplate": {"spec": {"nodeSelector": {"a": "b c"}}}}),
    ("spec.service.ports[0].name", {"service": {"ports": [{"port": 80}, {"port": 81}]}}),
    ("spec.resources.requests", {"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}),
]


@pytest.mark.parametrize(("path", "spec"), CASES)
def test_what_the_pod_would_be_refused_for_is_told_at_the_agents_field(path: str, spec: Json) -> None:
    for extra in ({}, {"sdk": {"runtime": "python", "packages": ["a"]}}):  # which adds variables and containers
        lines = told(an_agent(**spec, **extra))
        assert path in [line.partition(": ")[0] for line in lines], lines
        assert all("(or the API server refuses the " in line for line in lines)
        assert not [line for line in lines if line.startswith("spec: ")]


def test_a_field_that_was_meant_is_not_told_to_be_missing_too() -> None:
    manifest = an_agent()
    manifest["spec"]["imag"] = manifest["spec"].pop("image")
    assert told(manifest) == ["spec.imag: unknown field; did you mean image?"]
    manifest["spec"]["imago"] = "b"
    assert len(told(manifest)) == 2


def test_clashes_and_what_the_policy_denies_are_told_together() -> None:
    manifest = an_agent(securityContext={"privileged": True}, sidecars=[{"name": "agent", "image": "a"}])
    assert [line.partition(":")[0] for line in told(manifest)] == [
        "spec.securityContext.privileged",
        "spec.sidecars[0]",
    ]
    assert [line.partition(":")[0] for line in told(manifest, ALL)] == ["spec.sidecars[0]"]

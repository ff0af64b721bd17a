"""What makes a pod outdated, and what does not."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl_core import Config, InvalidAgent, Policy, build_pod, parse_agent
from agentctl_core._revision import revision

from .builders import Json, an_agent
from .strategies import agents, all_specs, reordered, specs

REVISION = "agentctl.dev/revision"
CONTAINER: Json = {"name": "x", "image": "i"}
CLAIM: Json = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}
LARGER_CLAIM: Json = CLAIM | {"spec": CLAIM["spec"] | {"resources": {"requests": {"storage": "2Gi"}}}}


def revision_of(**spec: Any) -> str:
    return revision(parse_agent(an_agent(**spec)))


def test_it_is_16_hexadecimal_digits_in_an_annotation() -> None:
    agent = parse_agent(an_agent())
    assert re.fullmatch("[0-9a-f]{16}", revision(agent))
    assert build_pod(agent)["metadata"]["annotations"][REVISION] == revision(agent)


def test_it_never_changes_from_one_version_to_the_next() -> None:
    assert revision_of() == "23bc6c69e7a5d465"
    assert revision_of(resources={"limits": {"cpu": 1, "example.com/gpu": 1}}) == "503840d3a248e504"


CHANGES: list[Json] = [
    {"image": "example.com/agent:2"},
    {"command": ["a"]},
    {"command": ["a", "b"]},
    {"command": ["b", "a"]},
    {"args": ["a"]},
    {"args": [""]},
    {"workingDir": "/w"},
    {"env": [{"name": "A"}]},
    {"env": [{"name": "A", "value": "1"}]},
    {"env": [{"name": "A"}, {"name": "B"}]},
    {"env": [{"name": "B"}, {"name": "A"}]},
    {"envFrom": [{"secretRef": {"name": "s"}}]},
    {"ports": [{"containerPort": 80}]},
    {"ports": [{"containerPort": 80, "protocol": "UDP"}]},
    {"resources": {"limits": {"example.com/gpu": 1}}},
    {"resources": {"limits": {"ephemeral-storage": "1Gi"}}},
    {"resources": {"claims": [{"name": "c"}]}},
    {"volumeMounts": [{"name": "v", "mountPath": "/v"}]},
    {"livenessProbe": {"exec": {"command": ["a"]}}},
    {"readinessProbe": {"exec": {"command": ["a"]}}},
    {"securityContext": {"runAsUser": 0}},
    {"imagePullPolicy": "Always"},
    {"stdin": True},
    {"tty": True},
    {"wrapper": {"enabled": False}},
    {"wrapper": {"image": "w"}},
    {"wrapper": {"command": ["/w"]}},
    {"wrapper": {"install": "ImageVolume"}},
    {"sharedVolume": {"mountPath": "/s"}},
    {"sharedVolume": {"medium": "Memory"}},
    {"sharedVolume": {"sizeLimit": "1Gi"}},
    {"sharedVolume": {"sizeLimit": 0}},
    {"sharedVolume": {"claimName": "c"}},
    {"initContainers": [CONTAINER]},
    {"initContainers": [CONTAINER | {"resources": {"limits": {"cpu": 1}}}]},
    {"sidecars": [CONTAINER]},
    {"sidecars": [CONTAINER | {"args": ["a"]}]},
    {"files": [{"path": "a", "content": ""}]},
    {"files": [{"path": "a", "content": "b"}]},
    {"files": [{"path": "b", "content": ""}]},
    {"files": [{"path": "a", "content": "", "mode": 0}]},
    {"files": [{"path": "a", "content": "", "mode": 0o755}]},
    {"files": [{"path": "a", "secretKeyRef": {"name": "s", "key": "k"}}]},
    {"files": [{"path": "a", "configMapKeyRef": {"name": "s", "key": "k"}}]},
    {"sdk": {"runtime": "python", "packages": ["a"]}},
    {"sdk": {"runtime": "nodejs", "packages": ["a"]}},
    {"sdk": {"runtime": "python", "packages": ["a"], "version": "3.13"}},
    {"sdk": {"runtime": "python", "packages": ["a"], "env": [{"name": "A"}]}},
    {"volumes": [{"name": "v", "emptyDir": {}}]},
    {"volumes": [{"name": "v", "emptyDir": {"medium": "Memory"}}]},
    {"volumeClaimTemplates": [CLAIM]},
    {"securityProfile": "Restricted"},
    {"securityProfile": "Baseline"},
    {"podTemplate": {"spec": {"nodeSelector": {"a": "b"}}}},
    {"podTemplate": {"spec": {"automountServiceAccountToken": True}}},
    {"podTemplate": {"spec": {"terminationGracePeriodSeconds": 0}}},
    {"restartPolicy": "OnFailure"},
]


def test_everything_that_the_pod_is_made_from_changes_it() -> None:
    revisions = [revision_of(), *(revision_of(**change) for change in CHANGES)]
    assert len(set(revisions)) == len(revisions)


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ({}, {"replicas": 0}),
        ({}, {"replicas": 1}),
        ({}, {"updateStrategy": "OnDelete"}),
        ({}, {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}),
        ({}, {"service": {"ports": [{"port": 80}]}}),
        ({"restartPolicy": "Never"}, {"restartPolicy": "Never", "backoffLimit": 0}),
        ({"restartPolicy": "Never"}, {"restartPolicy": "Never", "activeDeadlineSeconds": 5}),
        ({"restartPolicy": "Never"}, {"restartPolicy": "Never", "ttlSecondsAfterFinished": 0}),
        ({}, {"podTemplate": {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}}}),
        (
            {"podTemplate": {"spec": {"priority": 1}}},
            {"podTemplate": {"spec": {"priority": 1}, "metadata": {"labels": {"a": "b"}}}},
        ),
        ({}, {"resources": {"limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": "100m"}}}),
        (
            {"resources": {"limits": {"example.com/gpu": 1}}},
            {"resources": {"limits": {"example.com/gpu": 1, "cpu": 2}, "requests": {"memory": 1}}},
        ),
        ({"sidecars": [CONTAINER]}, {"sidecars": [CONTAINER | {"resources": {"limits": {"cpu": 1}}}]}),
        ({"volumeClaimTemplates": [CLAIM]}, {"volumeClaimTemplates": [LARGER_CLAIM]}),
    ],
)
def test_what_needs_no_new_pod_does_not(one: Json, same: Json) -> None:
    assert revision_of(**same) == revision_of(**one)


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ({}, {name: [] for name in ("command", "args", "env", "envFrom", "ports", "volumeMounts", "files", "volumes")}),
        ({}, {"initContainers": [], "sidecars": [], "volumeClaimTemplates": []}),
        ({}, {"workingDir": "", "stdin": False, "tty": False, "terminationMessagePath": ""}),
        ({}, {"workingDir": None, "stdin": None, "sdk": None, "resources": None}),
        ({}, {"wrapper": {}, "sharedVolume": {}, "podTemplate": {"metadata": {}, "spec": {}}}),
        (
            {},
            {"wrapper": {"enabled": True, "install": "InitContainer", "commandResolution": "Registry", "command": []}},
        ),
        ({}, {"sharedVolume": {"mountPath": "/agentctl", "medium": ""}}),
        ({}, {"resources": {}, "restartPolicy": "Always", "podTemplate": {"spec": {"nodeSelector": {}}}}),
        (
            {"ports": [{"containerPort": 80}]},
            {"ports": [{"containerPort": 80, "protocol": "TCP"}]},
        ),
        (
            {"files": [{"path": "a", "content": ""}]},
            {"files": [{"path": "a", "content": "", "mode": 0o644}]},
        ),
        ({"podTemplate": {"spec": {"tolerations": []}}}, {}),
        ({"initContainers": [CONTAINER]}, {"initContainers": [CONTAINER | {"env": [], "args": []}]}),
    ],
)
def test_defaults_that_are_spelled_out_do_not(one: Json, same: Json) -> None:
    assert revision_of(**same) == revision_of(**one)


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ({"sharedVolume": {"sizeLimit": "1Gi"}}, {"sharedVolume": {"sizeLimit": 2**30}}),
        ({"sharedVolume": {"sizeLimit": "1Gi"}}, {"sharedVolume": {"sizeLimit": "1024Mi"}}),
        ({"resources": {"limits": {"x.io/y": 1}}}, {"resources": {"limits": {"x.io/y": "1000m"}}}),
        (
            {"initContainers": [CONTAINER | {"resources": {"limits": {"memory": "1Gi"}}}]},
            {"initContainers": [CONTAINER | {"resources": {"limits": {"memory": 2**30}}}]},
        ),
        (
            {"volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1k"}}]},
            {"volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1e3"}}]},
        ),
        ({"podTemplate": {"spec": {"overhead": {"cpu": "1"}}}}, {"podTemplate": {"spec": {"overhead": {"cpu": 1}}}}),
    ],
)
def test_another_spelling_of_a_quantity_does_not(one: Json, same: Json) -> None:
    assert revision_of(**same) == revision_of(**one)


@pytest.mark.parametrize("metadata", [{"name": "other"}, {"namespace": "n"}, {"uid": "u"}, {"labels": {"a": "b"}}])
def test_nor_does_the_agents_own_metadata(metadata: Json) -> None:
    assert revision(parse_agent(an_agent(metadata=metadata))) == revision_of()


@given(agents(specs | all_specs))
def test_nor_do_the_order_of_keys_another_version_or_another_config(manifest: Json) -> None:
    try:
        agent = parse_agent(manifest)
        pod = build_pod(agent)
    except InvalidAgent:
        return
    config = Config(
        wrapper_image="w",
        wrapper_command=("/w",),
        python_image="p",
        nodejs_image="n",
        python_version="1",
        nodejs_version="1",
        security_profile="Restricted",
        policy=Policy(allow_privileged=True),
    )
    assert pod["metadata"]["annotations"][REVISION] == revision(agent)
    assert build_pod(agent, config)["metadata"]["annotations"][REVISION] == revision(agent)
    assert revision(parse_agent(reordered(manifest))) == revision(agent)


@given(specs, st.sampled_from([0, 1]))
def test_a_quick_look_at_the_agent_is_enough(spec: Json, replicas: int) -> None:
    first, second = an_agent(**spec), an_agent(**spec | {"replicas": replicas})
    assert revision(parse_agent(first)) == revision(parse_agent(second))

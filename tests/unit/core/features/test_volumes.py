"""Volumes are the user's own; claims are made from templates and kept."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.core.builders import Json, an_agent, an_owner, labels_of, main_of, pod_of, problems_of, volumes_of

from agentctl_core import Config, parse_agent
from agentctl_core._pod import render

CLAIM: Json = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
TEMPLATE: Json = {"metadata": {"name": "data"}, "spec": CLAIM}


def claims_of(**spec: Any) -> list[Json]:
    return [dict(m) for m in render(parse_agent(an_agent(**spec)), Config()).objects]


def test_volumes_follow_the_operators_own_as_they_are() -> None:
    own: list[Json] = [{"name": "b", "emptyDir": {}}, {"name": "a", "secret": {"secretName": "s"}}]
    assert pod_of(volumes=own)["spec"]["volumes"][2:] == own


def test_a_claim_template_is_a_volume_and_a_claim() -> None:
    pod = pod_of(volumeClaimTemplates=[TEMPLATE], volumeMounts=[{"name": "data", "mountPath": "/data"}])
    assert volumes_of(pod)["data"] == {"name": "data", "persistentVolumeClaim": {"claimName": "data-demo"}}
    assert main_of(pod)["volumeMounts"][-1] == {"name": "data", "mountPath": "/data"}


@pytest.mark.parametrize(
    ("policy", "owners"),
    [
        ({}, {}),
        ({"whenDeleted": "Retain"}, {}),
        ({"whenDeleted": "Delete"}, {"ownerReferences": [an_owner()]}),
    ],
)
def test_a_claim_is_ours_by_its_label_and_goes_with_the_agent_if_asked(policy: Json, owners: Json) -> None:
    (claim,) = claims_of(volumeClaimTemplates=[TEMPLATE], persistentVolumeClaimRetentionPolicy=policy)
    assert claim == {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data-demo", "namespace": "team", "labels": labels_of()} | owners,
        "spec": CLAIM,
    }


def test_names_are_unique_and_the_operators_are_reserved() -> None:
    problems = problems_of(
        volumes=[{"name": "data", "emptyDir": {}}, {"name": "agentctl-bin", "emptyDir": {}}],
        volumeClaimTemplates=[TEMPLATE, {"metadata": {"name": "agentctl-x"}, "spec": CLAIM}],
    )
    reserved = 'volume names that begin with "agentctl-" are the operator\'s own; choose another'
    assert [(problem.path, problem.message) for problem in problems] == [
        ("spec.volumes[1]", reserved),
        ("spec.volumeClaimTemplates[1]", reserved),
        ("spec.volumeClaimTemplates[0]", 'volume "data" is already set by spec.volumes[0]; choose another'),
    ]


def test_two_templates_of_one_name_are_told() -> None:
    problems = problems_of(volumeClaimTemplates=[TEMPLATE, TEMPLATE])
    assert {problem.path for problem in problems} == {"spec.volumeClaimTemplates[1]"}


@pytest.mark.parametrize("name", ["", "A", "a.b", "a/b", "-a", "x" * 64])
def test_the_name_of_a_template_is_a_label(name: str) -> None:
    (problem,) = problems_of(volumeClaimTemplates=[{"metadata": {"name": name}, "spec": CLAIM}])
    assert problem.path == "spec.volumeClaimTemplates[0].metadata.name"

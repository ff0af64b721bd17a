"""What the pod gets besides its containers."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.core.builders import Json, pod_of, problems_of


def spec_of(**template: Any) -> Json:
    spec: Json = pod_of(podTemplate={"spec": template})["spec"]
    return spec


def test_fields_of_the_pod_are_as_they_are() -> None:
    own: Json = {
        "nodeSelector": {"a": "b"},
        "tolerations": [{"key": "k", "operator": "Exists"}],
        "serviceAccountName": "runner",
        "terminationGracePeriodSeconds": 5,
        "imagePullSecrets": [{"name": "s"}],
        "hostname": "$(A)",
    }
    assert own.items() <= spec_of(**own).items()


@pytest.mark.parametrize("mounted", [True, False])
def test_credentials_of_the_cluster_are_for_those_who_ask(mounted: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    assert spec_of()["automountServiceAccountToken"] is False
    assert spec_of(automountServiceAccountToken=mounted)["automountServiceAccountToken"] is mounted


@pytest.mark.parametrize("policy", ["Always", "OnFailure", "Never"])
def test_the_restart_policy_is_the_agents(policy: str) -> None:
    assert pod_of(restartPolicy=policy)["spec"]["restartPolicy"] == policy


@pytest.mark.parametrize(
    "field",
    [
        "containers",
        "initContainers",
        "ephemeralContainers",
        "volumes",
        "restartPolicy",
        "activeDeadlineSeconds",
        "serviceAccount",
    ],
)
def test_what_stands_elsewhere_cannot_be_set_here(field: str) -> None:
    (problem,) = problems_of(podTemplate={"spec": {field: []}})
    assert problem.path == f"spec.podTemplate.spec.{field}"


def test_the_security_profile_lies_under_the_pods_own_settings() -> None:
    assert spec_of(securityContext={"fsGroup": 1})["securityContext"] == {
        "fsGroup": 1,
        "seccompProfile": {"type": "RuntimeDefault"},
    }

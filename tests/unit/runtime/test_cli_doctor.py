"""`agentctl doctor` says whether the operator can work in a cluster; it changes nothing."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest
from click.testing import CliRunner, Result
from tests.rights import Right, shipped

from agentctl_runtime.cli._group import agentctl
from agentctl_runtime.cli._rights import FOR_THE_LEASE, WHERE_AGENTS_LIVE

from .cli_support import CRD, DEPLOYMENT, LEASE, POLICIES, Canned, Json, deployment, lease, version

NAMES = [
    "server", "resource type", "rights", "admission policy", "operator", "leader", "resize in place", "image volumes",
]  # fmt: skip


def invoke(*arguments: str) -> Result:
    result = CliRunner().invoke(agentctl, ["doctor", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def verdict(name: str, *arguments: str) -> tuple[int, str, str, str]:
    """Return the exit code, and what one check says: its verdict, what was found, the cure."""
    result = invoke("-o", "json", *arguments)
    checks = json.loads(result.output)["checks"]
    assert [check["name"] for check in checks] == NAMES
    (found,) = [check for check in checks if check["name"] == name]
    others = {check["name"] for check in checks if check["verdict"] != "ok"} - {name}
    assert others <= {"image volumes"}, others
    assert bool(found["cure"]) == (found["verdict"] != "ok")
    return result.exit_code, found["verdict"], found["told"], found["cure"] or ""


def test_the_rights_are_exactly_those_of_the_manifests() -> None:
    asked = {
        Right(right.group, f"{right.resource}/{right.subresource}".rstrip("/"), right.verb, right.name)
        for right in (*WHERE_AGENTS_LIVE, *FOR_THE_LEASE)
    }
    assert asked == shipped()
    assert len(asked) == len(WHERE_AGENTS_LIVE) + len(FOR_THE_LEASE)


def test_a_cluster_in_which_all_is_well(canned: Canned) -> None:
    result = invoke()
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[:2] == ["ok       server", "         Kubernetes v1.37.0; 1.33 or newer is needed."]
    assert lines[-1] == "8 ok, 0 warning, 0 failed"
    assert max(map(len, lines)) <= 80
    assert {review["kind"] for review in canned.reviews} == {"SelfSubjectAccessReview"}


@pytest.mark.parametrize(
    ("told", "code", "said"),
    [(version("33"), 0, "ok"), (version("34+"), 0, "ok"), (version("32"), 1, "failed"), (version("0", "2"), 0, "ok")],
)
def test_an_api_server_that_is_too_old_fails(canned: Canned, told: Json, code: int, said: str) -> None:
    canned.answers["/version"] = told
    assert verdict("server")[:2] == (code, said)


@pytest.mark.parametrize(("minor", "said"), [("34", "warning"), ("35", "ok")])
def test_image_volumes_are_on_by_default_from_a_version_on(canned: Canned, minor: str, said: str) -> None:
    canned.answers["/version"] = version(minor)
    assert verdict("image volumes")[:2] == (0, said)


def test_a_cluster_without_the_resource_type_fails(canned: Canned) -> None:
    del canned.answers[CRD]
    assert verdict("resource type") == (
        1, "failed", "The cluster does not know Agents.", "agentctl crd | kubectl apply --server-side -f -",
    )  # fmt: skip


@pytest.mark.parametrize("condition", [0, 1])
def test_a_resource_type_that_is_not_served_fails(canned: Canned, condition: int) -> None:
    canned.answers[CRD]["status"]["conditions"][condition] |= {"status": "False", "message": "in use"}
    code, said, told, _ = verdict("resource type")
    assert (code, said) == (1, "failed")
    assert "in use" in told


def spec_of(crd: Json) -> Json:
    found: Json = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    return found


@pytest.mark.parametrize(
    ("added", "removed", "said"),
    [
        ("future", "", "It is newer than this version of agentctl, which does not know spec.future."),
        ("", "backoffLimit", "It is older than this version: it lacks spec.backoffLimit."),
        ("future", "backoffLimit", "It is older than this version: it lacks spec.backoffLimit."),
    ],
)
def test_the_resource_type_of_another_version_is_warned_about(
    canned: Canned, added: str, removed: str, said: str
) -> None:
    there = deepcopy(canned.answers[CRD])
    if added:
        spec_of(there)[added] = {"type": "string"}
    if removed:
        del spec_of(there)[removed]
    canned.answers[CRD] = there
    assert verdict("resource type")[:3] == (0, "warning", said)


def test_a_rule_alone_may_differ(canned: Canned) -> None:
    there = deepcopy(canned.answers[CRD])
    spec_of(there)["backoffLimit"]["maximum"] = 5
    canned.answers[CRD] = there
    assert verdict("resource type")[:3] == (0, "warning", "It is another version's.")


def test_rights_that_are_missing_are_named_with_their_namespace(canned: Canned) -> None:
    canned.denied = [
        {"verb": "patch", "resource": "pods", "subresource": "resize", "namespace": "two"},
        {"verb": "update", "resource": "leases"},
    ]
    code, said, told, _ = verdict(
        "rights", "--namespace", "one", "--namespace", "two", "--operator-namespace=agentctl-system"
    )
    assert (code, said) == (1, "failed")
    assert told == "Who asks may not patch pods/resize in two, update leases agentctl in agentctl-system."
    asked = {review["spec"]["resourceAttributes"].get("namespace") for review in canned.reviews}
    assert asked == {"one", "two", "agentctl-system"}


def test_many_missing_rights_are_told_in_short(canned: Canned) -> None:
    canned.denied = [{"group": "agentctl.dev"}]
    told = verdict("rights")[2]
    assert "delete agents in all namespaces, " in told
    assert told.endswith(" and 1 more.")


def test_the_rights_of_a_service_account_are_asked_for_as_its_own(canned: Canned) -> None:
    told = verdict("rights", "--service-account", "agentctl-system:agentctl")[2]
    assert told == "system:serviceaccount:agentctl-system:agentctl may do all that the operator does."
    assert {review["kind"] for review in canned.reviews} == {"SubjectAccessReview"}
    (user,) = {review["spec"]["user"] for review in canned.reviews}
    assert user == "system:serviceaccount:agentctl-system:agentctl"
    assert canned.reviews[0]["spec"]["groups"] == [
        "system:serviceaccounts", "system:serviceaccounts:agentctl-system", "system:authenticated",
    ]  # fmt: skip


def test_a_service_account_without_its_namespace_is_wrong_usage() -> None:
    assert invoke("--service-account", "agentctl").exit_code == 64


@pytest.mark.parametrize("part", ["ies", "ybindings"])
def test_an_admission_policy_that_is_missing_is_warned_about(canned: Canned, part: str) -> None:
    del canned.answers[f"{POLICIES}{part}/agents.agentctl.dev"]
    code, said, told, cure = verdict("admission policy")
    assert (code, said) == (0, "warning")
    assert f"validatingadmissionpolic{part}" in told
    assert "deploy/admission" in cure


@pytest.mark.parametrize(
    ("age", "holder", "ends", "told"),
    [
        (1, "agentctl-1_x", (0, "ok"), "agentctl-1_x leads."),
        (100, "agentctl-1_x", (1, "failed"), "agentctl-1_x has led, and has not renewed its Lease for 10"),
        (1, "", (0, "warning"), "has no holder"),
    ],
)
def test_whether_an_operator_leads(canned: Canned, age: float, holder: str, ends: tuple[int, str], told: str) -> None:
    canned.answers[LEASE] = lease(age, holder)
    found = verdict("leader")
    assert found[:2] == ends
    assert told in found[2]


def test_an_operator_without_a_lease_is_warned_about(canned: Canned) -> None:
    del canned.answers[LEASE]
    code, said, told, _ = verdict("leader")
    assert (code, said) == (0, "warning")
    assert "There is no Lease agentctl in agentctl-system" in told


@pytest.mark.parametrize(
    ("there", "code", "said", "told"),
    [
        (deployment(), 0, "ok", "2 of 2 replicas are ready; the wrapper's image is registry.example/agentctl:1."),
        (deployment(0), 1, "failed", "0 of 2 replicas are ready."),
        (deployment(image=None), 0, "warning", "the wrapper's image is the default"),
        (None, 0, "warning", "There is no Deployment agentctl in agentctl-system."),
    ],
)
def test_whether_the_operator_runs(canned: Canned, there: Json | None, code: int, said: str, told: str) -> None:
    canned.answers.pop(DEPLOYMENT)
    canned.answers |= {} if there is None else {DEPLOYMENT: there}
    found = verdict("operator")
    assert found[:2] == (code, said)
    assert told in found[2]


def test_pods_that_cannot_be_resized_are_warned_about(canned: Canned) -> None:
    canned.answers["/api/v1"]["resources"].pop()
    assert verdict("resize in place")[:2] == (0, "warning")


@pytest.mark.parametrize(("path", "name"), [(CRD, "resource type"), (LEASE, "leader"), (DEPLOYMENT, "operator")])
def test_what_may_not_be_read_is_a_warning_of_its_own(canned: Canned, path: str, name: str) -> None:
    canned.code = 403
    del canned.answers[path]
    assert verdict(name)[:3] == (0, "warning", "It cannot be told: Forbidden!")


def test_a_cluster_of_which_nothing_can_be_read_is_no_answer(canned: Canned) -> None:
    canned.code = 403
    canned.answers.clear()
    assert invoke().exit_code == 77

"""The admission policy in deploy/: nobody makes by an Agent what he may not make himself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import yaml

from tests.e2e.agents import SECONDS, Cluster, agent
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.support import Kubectl, eventually
from tests.e2e.users import allow
from tests.rights import Right

Json = dict[str, Any]

POLICY = Path(__file__).parents[2] / "deploy" / "admission"
WRITER = {Right("agentctl.dev", "agents", verb) for verb in ("get", "list", "watch", "create", "patch", "delete")} | {
    Right("agentctl.dev", "agents/scale", verb) for verb in ("get", "patch", "update")
}
PODS = Right("", "pods", "create")
CLAIM: Json = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
ACCOUNT: Json = {"podTemplate": {"spec": {"serviceAccountName": "powerful"}}}


def read(name: str) -> Any:
    return yaml.safe_load((POLICY / name).read_text())


def files(*sources: Json) -> Json:
    return {"files": [{"path": f"file-{index}"} | source for index, source in enumerate(sources)]}


@pytest.fixture
def policed(kubectl: Kubectl, crd: str, namespace: str) -> Iterator[Cluster]:
    """A namespace where the policy holds, under a name of its own: the cluster's other users are not concerned."""
    assert crd
    policy, binding = read("policy.yaml"), read("binding.yaml")
    policy["metadata"]["name"] = binding["metadata"]["name"] = binding["spec"]["policyName"] = namespace
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    binding["spec"]["matchResources"] = {"namespaceSelector": selector}
    cluster = Cluster(kubectl, namespace)
    kubectl.apply(policy, binding)
    try:
        allow(kubectl, "nobody", WRITER, namespace)
        eventually(lambda: create(cluster, "nobody", "probe").returncode, SECONDS, "the policy is in force")
        yield cluster
    finally:
        kubectl("delete", "validatingadmissionpolicies,validatingadmissionpolicybindings", namespace)


def create(cluster: Cluster, user: str, name: str, *options: str, **spec: Any) -> CompletedProcess[str]:
    """Let a user create an Agent; only in appearance, unless `options` say otherwise."""
    arguments = ("create", "--filename=-", f"--as={user}", *(options or ("--dry-run=server",)))
    manifest = json.dumps(agent(name, **spec))
    return cluster.kubectl(*arguments, input=manifest, namespace=cluster.namespace, check=False)


def patch(cluster: Cluster, user: str, name: str, body: Json) -> CompletedProcess[str]:
    arguments = ("patch", "agents.agentctl.dev", name, "--type=merge", f"--patch={json.dumps(body)}", f"--as={user}")
    return cluster.kubectl(*arguments, namespace=cluster.namespace, check=False)


CLAIMS: Json = {"volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": CLAIM}]}
CONTENT = files({"configMapKeyRef": {"name": "a", "key": "a"}}, {"content": ""})
FORBIDDEN: list[tuple[Json, Right, str, str]] = [
    ({}, PODS, "an Agent makes a pod, which", "ask for `create` on `pods`"),
    (
        {"service": {"ports": [{"port": 80}]}},
        Right("", "services", "create"),
        "spec.service makes a Service, which",
        "leave it out, or ask for `create` on `services`",
    ),
    (
        CONTENT,
        Right("", "configmaps", "create"),
        "the content of spec.files makes a ConfigMap, which",
        "refer to one that is there by configMapKeyRef, or ask for `create` on `configmaps`",
    ),
    (
        CLAIMS,
        Right("", "persistentvolumeclaims", "create"),
        "spec.volumeClaimTemplates make PersistentVolumeClaims, which",
        "refer to one that is there in spec.volumes, or ask for `create` on `persistentvolumeclaims`",
    ),
    *(
        (
            ACCOUNT,
            right,
            "spec.podTemplate.spec.serviceAccountName:",
            "ask for `create` on `serviceaccounts/token` or `impersonate` on `serviceaccounts`, of that name",
        )
        for right in (
            Right("", "serviceaccounts/token", "create", "powerful"),
            Right("", "serviceaccounts", "impersonate", "powerful"),
        )
    ),
]
"""A spec, the right that it takes, and what is said without it: what is wrong, and the cure."""


def test_what_a_user_may_not_make_he_may_not_have_made(policed: Cluster) -> None:
    for number, (spec, right, problem, cure) in enumerate(FORBIDDEN):
        may, may_not = f"may-{number}", f"may-not-{number}"
        allow(policed.kubectl, may_not, (WRITER | {PODS}) - {right}, policed.namespace)
        allow(policed.kubectl, may, WRITER | {PODS, right}, policed.namespace)
        refused = create(policed, may_not, "one", **spec).stderr
        assert f"{problem} {may_not} in namespace {policed.namespace} may not" in refused
        assert cure in refused
        assert create(policed, may, "one", **spec).stderr == ""


def test_nothing_but_what_the_spec_asks_for_is_needed(policed: Cluster) -> None:
    allow(policed.kubectl, "modest", WRITER | {PODS}, policed.namespace)
    references = files({"configMapKeyRef": {"name": "a", "key": "a"}}, {"secretKeyRef": {"name": "a", "key": "a"}})
    default: Json = {"podTemplate": {"spec": {"serviceAccountName": "default"}}}
    for spec in ({}, references, default, {"podTemplate": {"metadata": {"labels": {"a": "b"}}}}):
        assert create(policed, "modest", "one", **spec).stderr == ""


def test_the_alias_of_the_service_account_is_no_way_round(policed: Cluster) -> None:
    allow(policed.kubectl, "modest", WRITER | {PODS}, policed.namespace)
    alias: Json = {"podTemplate": {"spec": {"serviceAccount": "powerful"}}}
    made = create(policed, "modest", "one", "--validate=false", "--output=json", **alias)
    assert made.returncode == 0, made.stderr
    assert "serviceAccount" not in made.stdout


def test_changes_of_the_spec_are_asked_about_and_nothing_else(policed: Cluster) -> None:
    policed.apply(agent("one"))
    allowed = patch(policed, "nobody", "one", {"metadata": {"labels": {"a": "b"}, "finalizers": []}})
    assert allowed.returncode == 0, allowed.stderr
    for spec in ({"args": ["1"]}, {"replicas": 0}, ACCOUNT):
        assert "an Agent makes a pod" in patch(policed, "nobody", "one", {"spec": spec}).stderr
    for replicas in (0, 1):
        scale = ("scale", "agents.agentctl.dev/one", f"--replicas={replicas}", "--as=nobody")
        assert policed.kubectl(*scale, namespace=policed.namespace).returncode == 0


def test_the_largest_agent_is_within_what_expressions_may_cost(policed: Cluster) -> None:
    rights = {Right("", kind, "create") for kind in ("pods", "services", "configmaps", "persistentvolumeclaims")}
    allow(policed.kubectl, "ample", WRITER | rights | {Right("", "serviceaccounts", "impersonate")}, policed.namespace)
    text = "a" * 4000
    whole: Json = {
        **files(*({"secretKeyRef": {"name": "a", "key": "a"}} for _ in range(63)), {"content": text}),
        "env": [{"name": f"A{number}", "value": text[:100]} for number in range(1000)],
        "volumeClaimTemplates": [{"metadata": {"name": f"data-{number}"}, "spec": CLAIM} for number in range(16)],
        "service": {"ports": [{"port": 80}]},
        **ACCOUNT,
    }
    assert create(policed, "ample", "one", **whole).stderr == ""


@pytest.mark.parametrize("cascade", ["foreground", "background", "orphan"])
def test_no_deletion_hangs(policed: Cluster, operator: OperatorProcess, cascade: str) -> None:
    allow(policed.kubectl, "owner", WRITER | {PODS}, policed.namespace)
    assert create(policed, "owner", "one", "--output=name").returncode == 0
    policed.wait_ready("one")
    # By somebody who may delete it and could not make it.
    policed.delete("one", f"--cascade={cascade}", "--timeout=30s", "--as=nobody")
    assert policed.agent("one") is None
    if cascade == "orphan":
        assert "ownerReferences" not in policed.pod("one")["metadata"]
    else:
        policed.wait_gone("one")
    assert operator.complaints() == []


def test_the_api_server_finds_no_fault_with_the_expressions(policed: Cluster) -> None:
    def checked() -> Json | None:
        found = policed.kubectl.json("get", "validatingadmissionpolicy", policed.namespace)
        status: Json = found.get("status", {})
        return status if status.get("observedGeneration") == found["metadata"]["generation"] else None

    assert eventually(checked, SECONDS, "the expressions are checked").get("typeChecking", {}) == {}

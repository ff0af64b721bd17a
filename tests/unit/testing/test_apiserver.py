"""The expected texts are what kube-apiserver 1.37.2 answers to the same requests."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kstatus import kstatus

from agentctl_core import Ref
from agentctl_core.testing import ModelCluster

from .support import (
    AGENT_API,
    START,
    agent,
    agent_ref,
    config_map,
    config_map_ref,
    exists,
    new_cluster,
    owner,
    pod,
    pod_ref,
    refusal,
)


@pytest.fixture
def cluster() -> ModelCluster:
    return new_cluster()


def test_a_new_agent_has_what_only_the_server_sets_and_the_schemas_defaults(cluster: ModelCluster) -> None:
    created = cluster.create(agent() | {"status": {"replicas": 1}})
    assert created["metadata"]["generation"] == 1
    assert created["metadata"]["creationTimestamp"] == "2026-01-01T12:00:00Z"
    assert created["metadata"]["uid"]
    defaults = {"replicas": 1, "restartPolicy": "Always", "updateStrategy": "Recreate"}
    assert created["spec"] == defaults | {"image": "example/agent", "command": ["agent"]}
    assert created["status"] == {"observedGeneration": -1}
    assert kstatus(created) == "InProgress"
    assert cluster.get(agent_ref()) == created


def test_what_comes_out_is_the_callers_own(cluster: ModelCluster) -> None:
    created = cluster.create(agent())
    created["spec"]["image"] = "changed"
    cluster.list(AGENT_API, "Agent")[0][0]["spec"].clear()
    assert cluster.get(agent_ref())["spec"]["image"] == "example/agent"


def test_a_name_is_taken_once(cluster: ModelCluster) -> None:
    cluster.create(agent())
    assert refusal(lambda: cluster.create(agent())).status == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'agents.agentctl.dev "demo" already exists',
        "reason": "AlreadyExists",
        "details": {"name": "demo", "group": "agentctl.dev", "kind": "agents"},
        "code": 409,
    }


def test_names_are_generated(cluster: ModelCluster) -> None:
    manifest = agent() | {"metadata": {"generateName": "demo-"}}
    names = [cluster.create(manifest)["metadata"]["name"] for _ in range(2)]
    assert len(set(names)) == 2
    assert all(name.startswith("demo-") and len(name) == 10 for name in names)


def test_unknown_fields_are_refused_or_pruned(cluster: ModelCluster) -> None:
    error = refusal(lambda: cluster.create(agent(foo=1, bar=2)))
    assert error.status["message"] == (
        'Agent in version "v1alpha1" cannot be handled as a Agent: strict decoding error:'
        ' unknown field "spec.bar", unknown field "spec.foo"'
    )
    assert (error.code, error.reason) == (400, "BadRequest")
    assert "foo" not in cluster.create(agent(foo=1), strict=False)["spec"]
    assert refusal(lambda: cluster.patch(agent_ref(), {"spec": {"foo": 1}})).code == 422
    assert refusal(lambda: cluster.create(pod(foo=1))).status["message"] == (
        'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.foo"'
    )


def test_an_agent_that_breaks_the_schema_is_refused_with_every_cause(cluster: ModelCluster) -> None:
    manifest = agent("a3", replicas=3)
    del manifest["spec"]["image"]
    error = refusal(lambda: cluster.create(manifest))
    assert (error.code, error.reason) == (422, "Invalid")
    fields = [(item["field"], item["reason"]) for item in error.status["details"]["causes"]]
    assert ("spec.replicas", "FieldValueInvalid") in fields
    assert ("spec.image", "FieldValueRequired") in fields
    assert fields[-1] == ("<nil>", "FieldValueInvalid")
    assert error.status["details"]["kind"] == "Agent"


@pytest.mark.parametrize("name", ["a.b", "a" * 64])
def test_the_crds_rule_for_names_holds(cluster: ModelCluster, name: str) -> None:
    error = refusal(lambda: cluster.create(agent(name)))
    assert error.status["message"].startswith(
        f'Agent.agentctl.dev "{name}" is invalid: metadata.name: Invalid value: must be a DNS label'
    )


def test_a_rule_is_told_at_its_field_unless_the_schema_is_broken(cluster: ModelCluster) -> None:
    error = refusal(lambda: cluster.create(agent(backoffLimit=1)))
    assert [item["field"] for item in error.status["details"]["causes"]] == ["spec.backoffLimit"]
    error = refusal(lambda: cluster.create(agent("1a", backoffLimit=1, service={"ports": [{"port": 80}]}, tty="")))
    assert [item["field"] for item in error.status["details"]["causes"]] == ["spec.tty", "<nil>"]
    error = refusal(lambda: cluster.create(agent("1a", service={"ports": [{"port": 80}]})))
    assert [item["field"] for item in error.status["details"]["causes"]] == ["metadata.name"]


def test_what_is_not_there_is_not_found(cluster: ModelCluster) -> None:
    error = refusal(lambda: cluster.get(agent_ref("nope")))
    assert error.status["message"] == 'agents.agentctl.dev "nope" not found'
    assert refusal(lambda: cluster.get(Ref("v1", "Nope", "default", "x"))).code == 404
    manifest = agent()
    manifest["metadata"]["namespace"] = "nope"
    assert refusal(lambda: cluster.create(manifest)).status["message"] == 'namespaces "nope" not found'


def test_a_write_that_changes_nothing_writes_nothing(cluster: ModelCluster) -> None:
    created = cluster.create(agent())
    assert cluster.patch(agent_ref(), {"spec": {"replicas": 1}, "status": {"replicas": 1}}) == created
    assert cluster.update(created) == created
    assert cluster.storage.resource_version == int(created["metadata"]["resourceVersion"])


def test_a_stale_version_conflicts_even_where_nothing_changes(cluster: ModelCluster) -> None:
    cluster.create(agent())
    for subresource in (None, "status"):
        stale = {"metadata": {"resourceVersion": "1"}}
        error = refusal(lambda: cluster.patch(agent_ref(), stale, subresource=subresource))  # noqa: B023
        assert (error.code, error.reason) == (409, "Conflict")
        assert error.status["message"] == (
            'Operation cannot be fulfilled on agents.agentctl.dev "demo": the object has been modified;'
            " please apply your changes to the latest version and try again"
        )


def test_generation_counts_changes_of_the_spec(cluster: ModelCluster) -> None:
    cluster.create(agent())
    assert cluster.patch(agent_ref(), {"metadata": {"labels": {"a": "b"}}})["metadata"]["generation"] == 1
    assert cluster.patch(agent_ref(), {"status": {"replicas": 1}}, subresource="status")["metadata"]["generation"] == 1
    assert cluster.patch(agent_ref(), {"spec": {"replicas": 0}})["metadata"]["generation"] == 2


def test_status_is_written_by_its_own_verb_alone(cluster: ModelCluster) -> None:
    cluster.create(agent())
    everything = {"status": {"replicas": 1}, "spec": {"image": "other"}, "metadata": {"labels": {"a": "b"}, "uid": "x"}}
    written = cluster.patch(agent_ref(), everything, subresource="status")
    assert written["status"] == {"observedGeneration": -1, "replicas": 1}
    assert written["spec"]["image"] == "example/agent"
    assert "labels" not in written["metadata"]
    kept = cluster.patch(agent_ref(), {"status": None, "spec": {"image": "other"}})
    assert (kept["status"], kept["spec"]["image"]) == (written["status"], "other")
    emptied = cluster.patch(agent_ref(), {"status": None}, subresource="status")
    assert emptied["status"] == {"observedGeneration": -1}


def test_a_status_that_breaks_the_schema_is_refused(cluster: ModelCluster) -> None:
    cluster.create(agent())
    bad = {"status": {"conditions": [{"type": "Ready", "status": "Maybe", "lastTransitionTime": "x"}]}}
    causes = refusal(lambda: cluster.patch(agent_ref(), bad, subresource="status")).status["details"]["causes"]
    reasons = {item["field"]: item["reason"] for item in causes}
    assert reasons["status.conditions[0].reason"] == "FieldValueRequired"
    assert reasons["status.conditions[0].status"] == "FieldValueNotSupported"
    assert reasons["status.conditions[0].lastTransitionTime"] == "FieldValueTypeInvalid"


def test_an_integer_written_as_a_float_is_not_taken_for_replicas(cluster: ModelCluster) -> None:
    assert ".spec.replicas accessor error: 1 is of the type float64, expected int64" in str(
        refusal(lambda: cluster.create(agent(replicas=1.0)))
    )


def test_identity_is_immutable(cluster: ModelCluster) -> None:
    created = cluster.create(agent())
    error = refusal(lambda: cluster.patch(agent_ref(), {"metadata": {"uid": "x"}}))
    assert error.status["message"] == (
        'Agent.agentctl.dev "demo" is invalid: metadata.uid: Invalid value: "x": field is immutable'
    )
    kept = cluster.patch(agent_ref(), {"metadata": {"uid": None, "creationTimestamp": None, "generation": 7}})
    assert kept == created
    assert refusal(lambda: cluster.patch(agent_ref(), {"metadata": {"name": "x"}})).status["message"] == (
        "the name of the object (x) does not match the name on the URL (demo)"
    )


def test_put_of_a_custom_resource_needs_a_version(cluster: ModelCluster) -> None:
    created = cluster.create(agent())
    assert refusal(lambda: cluster.update(agent())).status["message"] == (
        'agents.agentctl.dev "demo" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an'
        " update"
    )
    created["metadata"]["uid"] = "x"
    assert "Precondition failed: UID in precondition: x" in str(refusal(lambda: cluster.update(created)))


def test_other_patches_than_merge_patches_are_not_taken(cluster: ModelCluster) -> None:
    cluster.create(agent())
    assert refusal(lambda: cluster.patch(agent_ref(), {}, content="apply")).code == 415


POD_RULES: list[tuple[dict[str, Any], str]] = [
    ({"containers": []}, "spec.containers: Required value"),
    ({"containers": [{"name": "c"}]}, "spec.containers[0].image: Required value"),
    (
        {"containers": [{"name": "c", "image": "x"}, {"name": "c", "image": "x"}]},
        'spec.containers[1].name: Duplicate value: "c"',
    ),
    (
        {"containers": [{"name": "c", "image": "x", "volumeDevices": [{"name": "v", "devicePath": "/v"}]}]},
        'spec.containers[0].volumeDevices[0].name: Not found: "v"',
    ),
    (
        {"containers": [{"name": "c", "image": "x", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}]},
        'spec.containers[0].volumeMounts[0].name: Not found: "v"',
    ),
    (
        {"containers": [{"name": "c", "image": "x", "ports": [{"containerPort": 70000}]}]},
        "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
    ),
    (
        {"containers": [{"name": "c", "image": "x", "env": [{"name": "a=b"}]}]},
        (
            'spec.containers[0].env[0].name: Invalid value: "a=b": a valid environment variable name must consist only'
            " of printable ASCII characters other than '='"
        ),
    ),
    (
        {"restartPolicy": "Foo"},
        'spec.restartPolicy: Unsupported value: "Foo": supported values: "Always", "OnFailure", "Never"',
    ),
]


@pytest.mark.parametrize(("spec", "message"), POD_RULES)
def test_pods_are_validated(cluster: ModelCluster, spec: dict[str, Any], message: str) -> None:
    error = refusal(lambda: cluster.create(pod(**spec)))
    assert (error.code, error.status["message"]) == (422, f'Pod "demo" is invalid: {message}')


def test_a_pods_spec_stays_as_it_is_but_for_the_image(cluster: ModelCluster) -> None:
    cluster.create(pod())
    error = refusal(lambda: cluster.patch(pod_ref(), {"spec": {"dnsPolicy": "Default"}}))
    assert error.status["message"].startswith(
        'Pod "demo" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers'
    )
    changed = cluster.patch(pod_ref(), {"spec": {"containers": [{"name": "main", "image": "example/image:2"}]}})
    assert changed["spec"]["containers"][0]["image"] == "example/image:2"
    assert changed["metadata"]["generation"] == 2


def test_an_object_with_finalizers_waits_for_them(cluster: ModelCluster) -> None:
    cluster.create(agent() | {"metadata": {"name": "demo", "finalizers": ["example.com/x"]}})
    deleted = cluster.delete(agent_ref())
    assert deleted["metadata"]["deletionGracePeriodSeconds"] == 0
    assert deleted["metadata"]["generation"] == 2
    assert cluster.delete(agent_ref()) == deleted
    assert refusal(lambda: cluster.create(agent())).status["message"] == (
        'object is being deleted: agents.agentctl.dev "demo" already exists'
    )
    more = {"metadata": {"finalizers": ["example.com/x", "example.com/y"]}}
    assert "no new finalizers can be added if the object is being deleted" in str(
        refusal(lambda: cluster.patch(agent_ref(), more))
    )
    cluster.patch(agent_ref(), {"metadata": {"finalizers": None}})
    assert not exists(cluster, agent_ref())


def test_a_deletion_checks_its_preconditions(cluster: ModelCluster) -> None:
    created = cluster.create(agent())
    uid, version = created["metadata"]["uid"], created["metadata"]["resourceVersion"]
    error = refusal(lambda: cluster.delete(agent_ref(), uid="zz"))
    assert error.status["message"] == (
        'Operation cannot be fulfilled on Agent.agentctl.dev "demo": the UID in the precondition (zz) does not match'
        f" the UID in record ({uid}). The object might have been deleted and then recreated"
    )
    assert refusal(lambda: cluster.delete(agent_ref(), resource_version="0")).reason == "Conflict"
    answer = cluster.delete(agent_ref(), uid=uid, resource_version=version)
    assert answer["status"] == "Success"
    assert answer["details"] == {"name": "demo", "group": "agentctl.dev", "kind": "agents", "uid": uid}
    assert refusal(lambda: cluster.delete(agent_ref(), uid=uid)).reason == "NotFound"


def test_watch_events_tell_each_change_once(cluster: ModelCluster) -> None:
    start = cluster.list(AGENT_API, "Agent")[1]
    cluster.create(agent())
    cluster.create(pod())
    cluster.patch(agent_ref(), {"spec": {"replicas": 0}})
    cluster.delete(agent_ref())
    events = cluster.events_since(AGENT_API, "Agent", start)
    assert [event.type for event in events] == ["ADDED", "MODIFIED", "DELETED"]
    versions = [int(event.resource_version) for event in events]
    assert versions == sorted(versions)
    assert cluster.events_since(AGENT_API, "Agent", events[1].resource_version) == events[2:]


def test_an_object_enters_and_leaves_a_selection(cluster: ModelCluster) -> None:
    created = cluster.create(config_map(labels={"a": "1"}))
    start = created["metadata"]["resourceVersion"]
    for value in ("2", "2x", "1"):
        cluster.patch(config_map_ref(), {"metadata": {"labels": {"a": value}}})
    events = cluster.events_since("v1", "ConfigMap", start, label_selector="a in (2, 2x)")
    assert [event.type for event in events] == ["ADDED", "MODIFIED", "DELETED"]


def test_a_history_that_is_too_short_is_told() -> None:
    cluster = new_cluster(history=2)
    cluster.create(config_map())
    for value in ("1", "2", "3"):
        cluster.patch(config_map_ref(), {"data": {"key": value}})
    assert len(cluster.events_since("v1", "ConfigMap", "3")) == 2
    error = refusal(lambda: cluster.events_since("v1", "ConfigMap", "2"))
    assert (error.code, error.reason, error.status["message"]) == (
        410,
        "Expired",
        "too old resource version: 2 (3)",
    )


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("", ["a", "b", "c"]),
        ("app=x", ["a", "b"]),
        ("app==x,tier!=back", ["a"]),
        ("tier", ["b"]),
        ("!tier", ["a", "c"]),
        ("app in (x,y), tier notin (back)", ["a", "c"]),
    ],
)
def test_label_selectors(cluster: ModelCluster, selector: str, names: list[str]) -> None:
    cluster.create(config_map("a", labels={"app": "x"}))
    cluster.create(config_map("b", labels={"app": "x", "tier": "back"}))
    cluster.create(config_map("c", labels={"app": "y"}))
    found = cluster.list("v1", "ConfigMap", "default", selector)[0]
    assert [item["metadata"]["name"] for item in found] == names


def test_field_selectors(cluster: ModelCluster) -> None:
    cluster.create(config_map("a"))
    cluster.create(config_map("b"))
    found, _ = cluster.list("v1", "ConfigMap", field_selector="metadata.name=b")
    assert [item["metadata"]["name"] for item in found] == ["b"]
    assert refusal(lambda: cluster.list("v1", "ConfigMap", field_selector="data.x=1")).code == 400
    assert refusal(lambda: cluster.list("v1", "ConfigMap", label_selector="a in (")).code == 400


def test_dependents_follow_their_owners_or_are_orphaned(cluster: ModelCluster) -> None:
    first, second = cluster.create(config_map("first")), cluster.create(config_map("second"))
    cluster.create(config_map("both", ownerReferences=[owner(first), owner(second)]))
    cluster.create(config_map("one", ownerReferences=[owner(first)]))
    cluster.delete(config_map_ref("first"))
    cluster.settle()
    assert not exists(cluster, config_map_ref("one"))
    assert cluster.get(config_map_ref("both"))["metadata"]["ownerReferences"] == [owner(second)]
    cluster.delete(config_map_ref("second"), propagation="Orphan")
    cluster.settle()
    assert not exists(cluster, config_map_ref("second"))
    assert "ownerReferences" not in cluster.get(config_map_ref("both"))["metadata"]


@pytest.mark.parametrize("blocks", [True, False])
def test_a_foreground_deletion_waits_for_dependents_that_block_it(cluster: ModelCluster, *, blocks: bool) -> None:
    parent = cluster.create(config_map("parent"))
    held = owner(parent, blockOwnerDeletion=blocks)
    cluster.create(config_map("child", ownerReferences=[held], finalizers=["example.com/x"]))
    cluster.delete(config_map_ref("parent"), propagation="Foreground")
    cluster.settle()
    assert exists(cluster, config_map_ref("parent")) == blocks
    assert "deletionTimestamp" in cluster.get(config_map_ref("child"))["metadata"]
    cluster.patch(config_map_ref("child"), {"metadata": {"finalizers": None}})
    cluster.settle()
    assert not exists(cluster, config_map_ref("parent"))


def test_the_default_namespace_stays(cluster: ModelCluster) -> None:
    assert refusal(lambda: cluster.delete(Ref("v1", "Namespace", "", "default"))).reason == "Forbidden"


def test_time_has_a_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        ModelCluster(START.replace(tzinfo=None))

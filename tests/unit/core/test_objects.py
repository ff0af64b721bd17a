"""What stands beside the pod: made before it, changed in place, and nothing of anybody else's touched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given

from agentctl_core import Action, Create, Delete, EmitEvent, Patch, PatchStatus, Ref, Requeue
from agentctl_core._objects import _is_covered, _with_node_port

from .builders import (
    GONE,
    UID,
    Json,
    a_pod,
    a_refusal,
    an_agent,
    an_owner,
    condition,
    labels_of,
    nested,
    only,
    plan,
    reason,
)
from .strategies import any_json
from .world import World

REPORTS = (PatchStatus, EmitEvent, Requeue)


def service(**spec: Any) -> Json:
    return {"ports": [{"port": 80, "name": "http"}]} | spec


def template(storage: str | int = "1Gi") -> Json:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage}}}
    return {"metadata": {"name": "data"}, "spec": spec}


def claiming(storage: str | int = "1Gi", when_deleted: str = "Retain", **spec: Any) -> Json:
    return an_agent(
        command=["run"],
        volumeClaimTemplates=[template(storage)],
        persistentVolumeClaimRetentionPolicy={"whenDeleted": when_deleted},
        **spec,
    )


def serving(**spec: Any) -> Json:
    return an_agent(command=["run"], service=service(**spec))


def holding(content: str, **spec: Any) -> Json:
    return an_agent(command=["run"], files=[{"path": "a", "content": content}], **spec)


FULL = an_agent(
    command=["run"],
    service=service(),
    volumeClaimTemplates=[template()],
    files=[{"path": "a", "content": "b"}],
)


def settled(manifest: Json, *objects: Json) -> World:
    world = World(manifest, *objects)
    world.settle()
    return world


def edited(world: World, manifest: Json) -> tuple[Action, ...]:
    """Give the Agent another spec; return what that leads to first, reports left out."""
    world.agent |= {"spec": manifest["spec"]}
    return tuple(action for action in world.plan() if not isinstance(action, REPORTS))


def held(world: World, kind: str) -> Json:
    (found,) = (manifest for key, manifest in world.objects.items() if key[0] == kind)
    return found


def names(world: World, kind: str) -> list[str]:
    return sorted(key[2] for key in world.objects if key[0] == kind)


def there(kind: str, name: str, *, owner: str | None = UID, **metadata: Any) -> Json:
    """Return an object of ours, of a former Agent's or, where `owner` is None, of nobody's."""
    owners = {} if owner is None else {"ownerReferences": [an_owner(owner)]}
    own = {"name": name, "namespace": "team", "uid": f"uid-of-{name}", "resourceVersion": "7", "labels": labels_of()}
    return {"apiVersion": "v1", "kind": kind, "metadata": own | owners | metadata}


def a_service(*, ports: list[Json] | None = None, kind: str = "ClusterIP", **options: Any) -> Json:
    given = [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80}] if ports is None else ports
    spec = {
        "type": kind,
        "selector": {"agentctl.dev/agent": "demo"},
        "ports": given,
        "clusterIP": "10.96.0.7",
        "clusterIPs": ["10.96.0.7"],
        "ipFamilies": ["IPv4"],
        "sessionAffinity": "None",
    }
    return there("Service", "demo", **options) | {"spec": spec}


def a_claim(storage: Any = "1Gi", *, phase: str = "Bound", owner: str | None = None, **metadata: Any) -> Json:
    return there("PersistentVolumeClaim", "data-demo", owner=owner, **metadata) | {
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage}}, "volumeName": "v"},
        "status": {"phase": phase},
    }


def acts(manifest: Json, *objects: Any) -> list[Action]:
    """Return what is done about objects, with the pod there already."""
    done = plan(manifest, a_pod(of=manifest), *objects)
    return [action for action in done if not isinstance(action, REPORTS)]


# Making them


def test_they_are_made_before_the_pod_which_needs_them() -> None:
    made = [(a.manifest["kind"], a.manifest["metadata"]["name"]) for a in plan(FULL) if isinstance(a, Create)]
    assert made[-1] == ("Pod", "demo")
    assert sorted(name for name, _ in made) == ["ConfigMap", "PersistentVolumeClaim", "Pod", "Service"]
    uses = {name for _, name in made}
    pod = next(a.manifest for a in plan(FULL) if isinstance(a, Create) and a.manifest["kind"] == "Pod")
    for volume in pod["spec"]["volumes"]:
        assert volume.get("persistentVolumeClaim", {"claimName": "data-demo"})["claimName"] in uses
        for source in volume.get("projected", {"sources": []})["sources"]:
            assert source["configMap"]["name"] in uses


def test_what_is_there_is_left_alone_and_what_lacks_is_made() -> None:
    world = settled(FULL)
    for key in [key for key in world.objects if key[0] != "Pod"]:
        lost = world.objects.pop(key)
        (action,) = (a for a in world.plan() if not isinstance(a, REPORTS))
        assert isinstance(action, Create)
        assert action.manifest["metadata"]["name"] == lost["metadata"]["name"]
        world.settle()


def test_labels_that_were_taken_away_come_back() -> None:
    labels = {"agentctl.dev/agent": "demo", "mine": "too", "app.kubernetes.io/name": "changed"}
    (action,) = acts(serving(), a_service(labels=labels))
    missing = {k: v for k, v in labels_of().items() if k != "agentctl.dev/agent"}
    assert action == Patch(Ref("v1", "Service", "team", "demo"), "uid-of-demo", "7", {"metadata": {"labels": missing}})


@pytest.mark.parametrize("metadata", [{"uid": None}, {"resourceVersion": None}])
def test_without_preconditions_nothing_is_changed(metadata: Json) -> None:
    assert acts(serving(), a_service(kind="NodePort", **metadata)) == []


def test_a_port_keeps_its_node_port_by_number_and_protocol() -> None:
    present: list[Json] = [
        {"port": 53, "protocol": "UDP", "nodePort": 30001},
        {"port": 53, "nodePort": 30002},  # TCP, where nothing is said
        {"port": 54, "protocol": "TCP"},
        {"port": 55, "protocol": "TCP", "nodePort": 30003},
    ]
    assert _with_node_port({"port": 53}, present) == {"port": 53, "nodePort": 30002}
    assert _with_node_port({"port": 53, "protocol": "UDP"}, present)["nodePort"] == 30001
    assert _with_node_port({"port": 54}, present) == {"port": 54}
    assert _with_node_port({"port": 55}, present) == {"port": 55, "nodePort": 30003}


def test_a_port_without_a_protocol_is_one_of_tcp() -> None:
    there: Json = {"port": 80, "targetPort": 80, "protocol": "TCP"}
    assert _is_covered({"port": 80}, there)
    assert not _is_covered({"port": 80}, there | {"protocol": "UDP"})


# The Service

A_NODE_PORT: Json = {"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80, "nodePort": 30001}


@pytest.mark.parametrize(
    ("wanted", "present"),
    [
        (service(), a_service()),
        (service(type="NodePort"), a_service(kind="NodePort", ports=[A_NODE_PORT])),
        (service(ports=[{"port": 80, "targetPort": "web"}]), a_service(
            ports=[{"port": 80, "protocol": "TCP", "targetPort": "web"}]
        )),
        (service(ports=[{"port": 80, "targetPort": 0, "nodePort": 0}]), a_service(
            ports=[{"port": 80, "protocol": "TCP", "targetPort": 80}]
        )),
    ],
)  # fmt: skip
def test_a_service_that_is_right_is_left_alone(wanted: Json, present: Json) -> None:
    assert acts(an_agent(service=wanted), present) == []


def test_what_others_set_in_a_service_stays() -> None:
    present = a_service(annotations={"cloud.example.com/lb": "x"})
    present["spec"] |= {"externalTrafficPolicy": "Local", "loadBalancerIP": "1.2.3.4"}
    assert acts(serving(), present) == []


@pytest.mark.parametrize(
    ("wanted", "patch"),
    [
        (service(type="LoadBalancer"), {"type": "LoadBalancer"}),
        (service(ports=[{"port": 81}]), {"ports": [{"port": 81, "protocol": "TCP"}]}),
        (service(ports=[{"port": 80}]), {"ports": [{"port": 80, "protocol": "TCP"}]}),
        (service(ports=[{"name": "http", "port": 80, "targetPort": "web"}]),
         {"ports": [{"name": "http", "port": 80, "targetPort": "web", "protocol": "TCP"}]}),
        (service(ports=[{"name": "http", "port": 80, "appProtocol": "h2c"}]),
         {"ports": [{"name": "http", "port": 80, "appProtocol": "h2c", "protocol": "TCP"}]}),
    ],
)  # fmt: skip
def test_a_service_is_changed_in_place(wanted: Json, patch: Json) -> None:
    (action,) = acts(an_agent(service=wanted), a_service())
    assert action == Patch(Ref("v1", "Service", "team", "demo"), "uid-of-demo", "7", {"spec": patch})


def test_a_field_that_is_no_longer_said_goes() -> None:
    ports = [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80, "appProtocol": "h2c"}]
    (action,) = acts(serving(), a_service(ports=ports))
    assert isinstance(action, Patch)
    assert action.patch == {"spec": {"ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}}


def test_a_selector_that_was_changed_is_put_right() -> None:
    present = a_service()
    present["spec"]["selector"] = {"app": "other"}
    (action,) = acts(serving(), present)
    assert isinstance(action, Patch)
    assert action.patch == {"spec": {"selector": {"agentctl.dev/agent": "demo"}}}


NODE_PORTS: list[Json] = [
    A_NODE_PORT,
    {"name": "dns", "port": 80, "protocol": "UDP", "targetPort": 80, "nodePort": 30002},
]


@pytest.mark.parametrize("kind", ["NodePort", "LoadBalancer"])
def test_node_ports_are_kept_when_others_change(kind: str) -> None:
    ports = [{"name": "new", "port": 9}, {"name": "dns", "port": 80, "protocol": "UDP"}, {"name": "web", "port": 80}]
    (action,) = acts(an_agent(service={"type": kind, "ports": ports}), a_service(kind=kind, ports=NODE_PORTS))
    assert isinstance(action, Patch)
    assert action.patch == {
        "spec": {
            "ports": [
                {"name": "new", "port": 9, "protocol": "TCP"},
                {"name": "dns", "port": 80, "protocol": "UDP", "nodePort": 30002},
                {"name": "web", "port": 80, "protocol": "TCP", "nodePort": 30001},
            ]
        }
    }


def test_a_node_port_of_the_specs_own_wins() -> None:
    ports = [{"name": "http", "port": 80, "nodePort": 31000}]
    (action,) = acts(
        an_agent(service={"type": "NodePort", "ports": ports}), a_service(kind="NodePort", ports=NODE_PORTS)
    )
    assert isinstance(action, Patch)
    assert action.patch["spec"]["ports"][0]["nodePort"] == 31000


def test_node_ports_go_with_the_type_that_has_them() -> None:
    ports = [{"name": "http", "port": 80}]  # one fewer than there is: the list is sent
    (action,) = acts(an_agent(service={"ports": ports}), a_service(kind="NodePort", ports=NODE_PORTS))
    assert isinstance(action, Patch)
    assert action.patch == {"spec": {"type": "ClusterIP", "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}}


@pytest.mark.parametrize("headless", [True, False])
def test_a_headless_service_is_made_anew_since_its_address_cannot_change(
    headless: bool,  # noqa: FBT001 -- a parameter of the test
) -> None:
    world = settled(serving(headless=not headless))
    before = held(world, "Service")["metadata"]["uid"]
    assert edited(world, serving(headless=headless)) == (Delete(Ref("v1", "Service", "team", "demo"), before),)
    world.settle()
    assert held(world, "Service")["metadata"]["uid"] != before
    assert (held(world, "Service")["spec"]["clusterIP"] == "None") == headless


def test_a_service_that_is_not_wanted_any_more_goes() -> None:
    world = settled(serving())
    uid = held(world, "Service")["metadata"]["uid"]
    assert edited(world, an_agent(command=["run"])) == (Delete(Ref("v1", "Service", "team", "demo"), uid),)
    world.settle()
    assert names(world, "Service") == []


# Claims


@pytest.mark.parametrize(
    ("wanted", "present", "asked"),
    [("2Gi", "1Gi", "2Gi"), (2**31, "1Gi", 2**31), ("2Gi", 2**30, "2Gi"), ("1.5Gi", "1G", "1.5Gi")],
)
def test_a_claim_grows(wanted: Any, present: Any, asked: Any) -> None:
    (action,) = acts(claiming(wanted), a_claim(present))
    assert action == Patch(
        Ref("v1", "PersistentVolumeClaim", "team", "data-demo"),
        "uid-of-data-demo",
        "7",
        {"spec": {"resources": {"requests": {"storage": asked}}}},
    )


@pytest.mark.parametrize(
    ("wanted", "present"), [("1Gi", "2Gi"), ("1Gi", "1024Mi"), (2**30, "1Gi"), ("1Gi", "1Ti"), ("0", "1")]
)
def test_a_claim_never_shrinks(wanted: Any, present: Any) -> None:
    assert acts(claiming(wanted), a_claim(present)) == []


@pytest.mark.parametrize("phase", ["Pending", "Lost", ""])
def test_a_claim_that_is_not_bound_cannot_grow_yet(phase: str) -> None:
    assert acts(claiming("2Gi"), a_claim("1Gi", phase=phase)) == []


def test_nothing_else_of_a_claim_is_changed() -> None:
    present = a_claim()
    present["spec"] |= {"accessModes": ["ReadWriteMany"], "storageClassName": "other"}
    assert acts(claiming(), present) == []


def test_a_claim_ends_with_its_agent_or_not() -> None:
    world = settled(claiming())
    uid = held(world, "PersistentVolumeClaim")["metadata"]["uid"]
    (action,) = edited(world, claiming(when_deleted="Delete"))
    assert isinstance(action, Patch)
    assert action.patch == {"metadata": {"ownerReferences": [an_owner()]}}
    world.settle()
    (action,) = edited(world, claiming(when_deleted="Retain"))
    assert isinstance(action, Patch)
    assert action.patch == {"metadata": {"ownerReferences": None}}
    world.settle()
    assert "ownerReferences" not in held(world, "PersistentVolumeClaim")["metadata"]
    assert held(world, "PersistentVolumeClaim")["metadata"]["uid"] == uid


def test_all_that_a_claim_needs_is_one_patch() -> None:
    (action,) = acts(claiming("2Gi"), a_claim(owner=UID, labels={"agentctl.dev/agent": "demo"}))
    assert isinstance(action, Patch)
    assert action.patch["metadata"]["ownerReferences"] is None
    assert action.patch["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "agentctl"
    assert action.patch["spec"] == {"resources": {"requests": {"storage": "2Gi"}}}


OTHERS: Json = {"apiVersion": "v1", "kind": "Backup", "name": "b", "uid": "u"}


def test_owner_references_of_others_stay_on_a_claim() -> None:
    assert acts(claiming(), a_claim(ownerReferences=[OTHERS])) == []
    (action,) = acts(claiming(when_deleted="Delete"), a_claim(ownerReferences=[OTHERS]))
    assert isinstance(action, Patch)
    assert action.patch == {"metadata": {"ownerReferences": [an_owner(), OTHERS]}}
    (action,) = acts(claiming(), a_claim(ownerReferences=[an_owner(), OTHERS]))
    assert isinstance(action, Patch)
    assert action.patch == {"metadata": {"ownerReferences": [OTHERS]}}


def test_a_claim_of_a_former_agent_is_taken_up_by_its_label() -> None:
    kept = a_claim()
    world = settled(claiming(), kept)
    assert held(world, "PersistentVolumeClaim") == kept
    assert world.pod is not None


def test_a_claim_of_another_agent_is_told_to_be_its_own() -> None:
    """Two templates can lead to one name; the data in it is the other's."""
    status = only(PatchStatus, plan(claiming(), a_claim(labels=labels_of("a-demo")))).status
    accepted = condition(status, "Accepted")
    assert accepted is not None
    assert accepted["reason"] == "NameConflict"
    assert "(it belongs to Agent a-demo)" in accepted["message"]


def test_an_edit_deletes_no_claim() -> None:
    for when_deleted in ("Retain", "Delete"):
        world = settled(claiming(when_deleted=when_deleted))
        policy = {"whenDeleted": when_deleted}
        edit = edited(world, an_agent(command=["run"], persistentVolumeClaimRetentionPolicy=policy))
        assert {action.ref.kind for action in edit if isinstance(action, Patch | Delete)} <= {"Pod"}
        world.settle()
        assert names(world, "PersistentVolumeClaim") == ["data-demo"]


def test_a_claim_that_is_no_longer_asked_for_is_retained_as_the_policy_says_now() -> None:
    world = settled(claiming(when_deleted="Delete"))
    action = only(Patch, edited(world, an_agent(command=["run"])))
    assert action.ref == Ref("v1", "PersistentVolumeClaim", "team", "data-demo")
    assert action.patch == {"metadata": {"ownerReferences": None}}
    world.settle()
    assert "ownerReferences" not in held(world, "PersistentVolumeClaim")["metadata"]


@pytest.mark.parametrize("other", [{"labels": {}}, {"deletionTimestamp": GONE}, {"namespace": "other"}])
def test_a_claim_that_is_not_of_the_operators_making_keeps_its_owner(other: Json) -> None:
    assert acts(an_agent(command=["run"]), a_claim(owner=UID, **other)) == []


def test_a_claim_that_nobody_asks_for_keeps_no_pod_waiting_while_it_goes() -> None:
    leaving = a_claim(owner=UID, deletionTimestamp=GONE)
    assert only(Create, plan(an_agent(command=["run"]), leaving)).manifest["kind"] == "Pod"


def test_what_is_left_over_goes_whatever_else_is_there() -> None:
    old = there("ConfigMap", "demo-files-0123456789")
    assert acts(serving(), {"kind": "Service"}, a_service(), old) == [
        Delete(Ref("v1", "ConfigMap", "team", "demo-files-0123456789"), "uid-of-demo-files-0123456789")
    ]


def test_a_claim_that_may_not_be_let_go_of_is_tried_again_later() -> None:
    claim = a_claim(owner=UID)
    refusal = a_refusal(kind="persistentvolumeclaims")
    refusal["details"]["name"] = "data-demo"
    manifest = an_agent(command=["run"])
    done = plan(manifest, a_pod(of=manifest), claim, refusal)
    assert not any(isinstance(action, Patch) for action in done)
    assert isinstance(done[-1], Requeue)


@pytest.mark.parametrize(("message", "told"), [("it is too large", "it is too large"), (None, "no reason given")])
def test_a_change_that_is_refused_is_told_though_all_is_ready(message: str | None, told: str) -> None:
    refusal = a_refusal(kind="persistentvolumeclaims") | {"message": message}
    refusal["details"]["name"] = "data-demo"
    manifest = claiming(storage="2Gi")
    up_to_date = condition(only(PatchStatus, plan(manifest, a_pod(of=manifest), a_claim(), refusal)).status, "UpToDate")
    assert up_to_date is not None
    assert (up_to_date["status"], up_to_date["reason"]) == ("False", "UpdatePending")
    assert up_to_date["message"] == f"The API server refuses to change PersistentVolumeClaim data-demo: {told}"


@pytest.mark.parametrize(
    ("wanted", "present", "grows"),
    [("0", "0", False), ("1", None, True), ("1", "many", True), ("1", 0, True), ("1", "1", False)],
)
def test_a_claim_of_a_strange_size_grows_where_it_is_larger(wanted: Any, present: Any, grows: bool) -> None:  # noqa: FBT001 -- drawn
    assert any(isinstance(action, Patch) for action in acts(claiming(storage=wanted), a_claim(present))) == grows


# Config maps


def test_another_content_is_another_config_map_and_the_old_one_stays_while_its_pod_does() -> None:
    world = settled(holding("old"))
    (old,) = names(world, "ConfigMap")
    edit = edited(world, holding("new"))
    new = only(Create, edit).manifest["metadata"]["name"]
    world.apply(edit[:-1])
    assert isinstance(edit[-1], Delete)  # of the old pod
    assert names(world, "ConfigMap") == sorted([old, new])
    assert world.pod is not None
    world.apply(edit[-1:])
    world.settle()
    assert names(world, "ConfigMap") == [new]


@pytest.mark.parametrize("ending", [{}, {"deletionTimestamp": GONE}])
def test_a_config_map_that_a_pod_uses_is_kept(ending: Json) -> None:
    projected = {"name": "agentctl-files", "projected": {"sources": [{"configMap": {"name": "demo-files-old"}}]}}
    manifest = an_agent(command=["run"])
    pod = a_pod(of=manifest, metadata=ending) | {"spec": {"volumes": [projected]}}
    done = plan(manifest, pod, there("ConfigMap", "demo-files-old"))
    assert not any(isinstance(action, Delete) for action in done)


def test_a_config_map_is_not_deleted_while_a_pod_may_be_there_unseen() -> None:
    left = there("ConfigMap", "demo-files-old")
    assert not any(isinstance(a, Delete) for a in plan(an_agent(command=["run"]), left))
    (action,) = (a for a in plan(an_agent(command=["run"], replicas=0), left) if isinstance(a, Delete))
    assert action == Delete(Ref("v1", "ConfigMap", "team", "demo-files-old"), "uid-of-demo-files-old")


@pytest.mark.parametrize(
    "left",
    [
        there("ConfigMap", "demo-files-old", owner=None),
        there("ConfigMap", "demo-files-old", owner="uid-of-former-agent"),
        there("ConfigMap", "demo-files-old", deletionTimestamp=GONE),
        there("ConfigMap", "demo-files-old", uid=None),
        there("ConfigMap", "demo-files-old", namespace="other"),
        there("ConfigMap", "somebody-elses"),
        there("Service", "other"),
        there("Service", "demo", owner=None),
        there("PersistentVolumeClaim", "demo-files-x"),
        there("Secret", "demo-files-x"),
        there("Job", "demo"),
        {"kind": "ConfigMap"},
    ],
)
def test_nothing_is_deleted_that_is_not_of_the_operators_making(left: Json) -> None:
    assert acts(an_agent(command=["run"]), left) == []


# Whose they are


STRANGERS: list[Json] = [
    there("Service", "demo", owner=None),
    a_service(owner=None),
    a_claim(labels={}),
    a_claim(labels={"agentctl.dev/agent": "other"}),
    a_claim(ownerReferences=[an_owner(kind="StatefulSet")]),
]


@pytest.mark.parametrize("stranger", STRANGERS)
def test_the_object_of_another_is_never_touched(stranger: Json) -> None:
    for pod in ((), (a_pod(of=FULL),)):
        done = plan(FULL, *pod, stranger)
        assert not any(isinstance(a, Patch | Delete) for a in done)
        assert stranger["kind"] not in [a.manifest["kind"] for a in done if isinstance(a, Create)]
        status = only(PatchStatus, done).status
        accepted = condition(status, "Accepted")
        assert accepted is not None
        assert accepted["reason"] == "NameConflict"
        kind, name = stranger["kind"], stranger["metadata"]["name"]
        assert accepted["message"].startswith(f"A {kind} named {name} exists and is not this Agent's")
        assert only(Requeue, done).after == 30.0
        assert only(EmitEvent, done).reason == "NameConflict"
        if not pod:
            assert "Pod" not in [a.manifest["kind"] for a in done if isinstance(a, Create)]
            assert reason(status, "Ready") == "NotAccepted"


@pytest.mark.parametrize(
    "former",
    [
        a_service(owner="uid-of-former-agent"),
        a_service(owner="uid-of-former-agent", deletionTimestamp=GONE),
        a_service(deletionTimestamp=GONE),
        a_claim(owner="uid-of-former-agent"),
        a_claim(deletionTimestamp=GONE),
    ],
)
def test_what_is_about_to_go_is_waited_for(former: Json) -> None:
    done = plan(FULL, former)
    made = {a.manifest["kind"] for a in done if isinstance(a, Create)}
    assert not {former["kind"], "Pod"} & made
    assert not any(isinstance(a, Patch | Delete | Requeue) for a in done)
    ready = condition(only(PatchStatus, done).status, "Ready")
    assert ready is not None
    assert (ready["reason"], ready["message"]) == (
        "Terminating",
        f"Waiting for {former['kind']} {former['metadata']['name']} to end; it is made anew after that.",
    )


@pytest.mark.parametrize(
    ("message", "told"),
    [("exceeded quota: services", "QuotaExceeded"), ("spec.ports[1].name: Required value", "CreateRejected")],
)
@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("Service", "demo", "services"),
        ("Service", "demo", "Service"),
        ("PersistentVolumeClaim", "data-demo", "persistentvolumeclaims"),
    ],
)
def test_a_refusal_keeps_the_pod_waiting_and_is_told(kind: str, name: str, said: str, message: str, told: str) -> None:
    refusal = {"kind": "Status", "message": message, "details": {"kind": said, "name": name}}
    done = plan(FULL, refusal)
    made = {a.manifest["kind"] for a in done if isinstance(a, Create)}
    assert made == {"Service", "PersistentVolumeClaim", "ConfigMap"} - {kind}
    ready = condition(only(PatchStatus, done).status, "Ready")
    assert ready is not None
    assert (ready["reason"], ready["message"]) == (told, f"The API server refuses the {kind}: {message}")
    assert only(Requeue, done).after == 30.0
    assert only(EmitEvent, done).reason == told


@pytest.mark.parametrize("replicas", [0, 1])
def test_a_service_that_is_refused_is_told_beside_a_pod_that_runs_and_where_there_is_to_be_none(replicas: int) -> None:
    manifest = an_agent(command=["run"], service=service(), replicas=replicas)
    refusal = {"kind": "Status", "message": "exceeded quota", "details": {"kind": "services", "name": "demo"}}
    pods = [a_pod(of=manifest)] if replicas else []
    done = plan(manifest, refusal, *pods)
    told = condition(only(PatchStatus, done).status, "UpToDate")
    assert told is not None
    assert (told["status"], told["reason"]) == ("False", "UpdatePending")
    assert told["message"] == "The API server refuses the Service: exceeded quota"
    assert not any(isinstance(action, Delete) for action in done)


def test_several_troubles_are_told_one_after_the_other_and_all_else_is_done() -> None:
    done = plan(FULL, a_service(owner=None), a_claim(deletionTimestamp=GONE))
    assert [a.manifest["kind"] for a in done if isinstance(a, Create)] == ["ConfigMap"]
    status = only(PatchStatus, done).status
    assert {reason(status, "Accepted"), reason(status, "Ready")} & {"NameConflict", "Terminating"}


# Whatever is observed


@pytest.mark.parametrize("part", ["metadata", "spec", "status", "data"])
@given(any_json)
def test_nothing_that_is_observed_makes_it_raise(part: str, value: Any) -> None:
    for whole in (a_service(), a_claim(owner=UID), there("ConfigMap", "demo-files-old")):
        _all_said(FULL, whole | {part: value})


@given(any_json)
def test_nor_does_any_part_of_it(value: Any) -> None:
    whole = a_service(ports=[{"port": value, "name": value, "nodePort": value, "protocol": value}], labels=value)
    _all_said(FULL, whole)
    _all_said(FULL, a_claim(value, owner=UID, labels=value))
    _all_said(claiming(when_deleted="Delete"), a_claim(value, ownerReferences=[value, {"uid": value, "name": value}]))
    _all_said(FULL, a_claim(ownerReferences=value))


@pytest.mark.parametrize("kind", [list, dict])
def test_nor_does_nesting_without_end(kind: Any) -> None:
    value = nested(100_000, kind)
    _all_said(
        claiming(when_deleted="Delete"), a_claim(value, ownerReferences=[{"name": "x", "uid": value}], labels=value)
    )
    _all_said(FULL, a_service(ports=[{"port": value}], annotations=value))
    _all_said(FULL, a_service() | {"spec": value})


def _all_said(manifest: Mapping[str, Any], *objects: Any) -> None:
    for action in plan(manifest, a_pod(of=manifest), *objects):
        match action:
            case Patch(patch=said) | Create(manifest=said):
                json.dumps(said, ensure_ascii=False, allow_nan=False).encode()
            case Delete(ref, uid):
                assert ref.name
                assert uid
            case _:
                pass

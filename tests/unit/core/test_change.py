"""What an edit means for the pod that runs: a change in place, another pod, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from agentctl_core import Config, Patch, Ref, Resize, parse_agent
from agentctl_core._change import Change, plan_change
from agentctl_core._conditions import Verdict
from agentctl_core._config import VERSION
from agentctl_core._pod import render

from .builders import POD_UID, Json, a_pod, an_agent

POD = Ref("v1", "Pod", "team", "demo")
APPLIED, RENDERED_BY = "agentctl.dev/applied", "agentctl.dev/rendered-by"
CURRENT = Change(Verdict("UpToDate", "True", "Current", "The pod is what the spec asks for."))
SIDECAR: Json = {"name": "side", "image": "i"}


def pending(message: str, *actions: Any, needs_pod: bool = False, is_refused: bool = False) -> Change:
    verdict = Verdict("UpToDate", "False", "UpdatePending", message)
    return Change(verdict, actions, needs_pod=needs_pod, is_refused=is_refused)


def made(spec: Mapping[str, Any] | None = None, **more: Any) -> Json:
    """Return the pod of an Agent of that spec."""
    return a_pod(of=an_agent(**(spec or {})), **more)


def change(
    pod: Json, spec: Mapping[str, Any] | None = None, refusal: Json | None = None, resize_refusal: Json | None = None
) -> Change:
    """Return what an Agent of that spec means for the pod."""
    rendered = render(parse_agent(an_agent(**(spec or {}))), Config())
    return plan_change(rendered, pod, refusal, resize_refusal)


def amounts(limits: Json | None = None, requests: Json | None = None) -> Json:
    return {"resources": {"limits": limits or {}, "requests": requests or {}}}


def cpu(limit: Any) -> Json:
    return amounts({"cpu": limit})


def metadata(labels: Json | None = None, annotations: Json | None = None) -> Json:
    return {"podTemplate": {"metadata": {"labels": labels or {}, "annotations": annotations or {}}}}


def test_a_pod_that_is_what_the_spec_asks_for_is_left_alone() -> None:
    assert change(made()) == CURRENT


def test_a_pod_that_does_not_say_what_it_was_made_from_stays_until_it_is_deleted() -> None:
    told = "The pod does not say what it was made from. Delete it to have it made anew."
    assert change(made(metadata={"annotations": {}})) == pending(told)


def test_another_revision_needs_another_pod() -> None:
    assert change(made(), {"command": ["x"]}) == pending("The spec has changed since the pod was made.", needs_pod=True)


def test_another_version_of_the_operator_is_told_and_changes_nothing() -> None:
    pod = made()
    pod["metadata"]["annotations"][RENDERED_BY] = "agentctl 0.0.1"
    told = (
        "The pod is of the spec's present revision. agentctl 0.0.1 has made it; what agentctl "
        f"{VERSION} makes of it comes with the pod's next replacement."
    )
    assert change(pod) == Change(Verdict("UpToDate", "True", "Current", told))
    del pod["metadata"]["annotations"][RENDERED_BY]
    assert change(pod) == CURRENT


# Labels and annotations


def test_labels_and_annotations_are_patched_in_place() -> None:
    before = metadata({"a": "1", "b": "1", "gone": "1"}, {"x": "1", "gone": "1"})
    after = metadata({"a": "1", "b": "2", "new": "3"}, {"x": "2"})
    pod = made(before)
    pod["metadata"]["labels"]["theirs"] = pod["metadata"]["annotations"]["theirs"] = "stays"
    found = change(pod, after)
    patch = {
        "labels": {"b": "2", "new": "3", "gone": None},
        "annotations": {APPLIED: '{"annotations":["x"],"labels":["a","b","new"]}', "x": "2", "gone": None},
    }
    assert found == Change(CURRENT.verdict, (Patch(POD, POD_UID, "7", {"metadata": patch}),))


def test_the_last_label_that_goes_takes_the_memory_of_it_along() -> None:
    patch = {"labels": {"a": None}, "annotations": {APPLIED: None}}
    [action] = change(made(metadata({"a": "1"}))).actions
    assert action == Patch(POD, POD_UID, "7", {"metadata": patch})


def test_a_label_of_the_operators_own_comes_back() -> None:
    pod = made()
    del pod["metadata"]["labels"]["app.kubernetes.io/name"]
    [action] = change(pod).actions
    assert action == Patch(POD, POD_UID, "7", {"metadata": {"labels": {"app.kubernetes.io/name": "agent"}}})


@pytest.mark.parametrize("key", ["uid", "resourceVersion"])
def test_without_preconditions_nothing_is_patched(key: str) -> None:
    assert change(made(metadata={key: None}), metadata({"a": "1"})) == CURRENT


def test_a_patch_that_was_refused_is_told_and_not_sent_again() -> None:
    told = "The API server refuses to change the pod's metadata: not now"
    assert change(made(), metadata({"a": "1"}), {"message": "not now"}) == pending(told, is_refused=True)
    assert change(made(), None, {"message": "not now"}) == CURRENT


# CPU and memory


def test_cpu_and_memory_are_resized_in_place_with_all_that_is_there() -> None:
    pod = made(amounts({"cpu": "1", "memory": "1Gi"}, {"cpu": "500m"}))
    pod["spec"]["containers"][0]["resources"]["limits"]["example.com/gpu"] = 1
    pod["spec"]["containers"][0]["resources"]["requests"] |= {"memory": "1Gi", "ephemeral-storage": "1Gi"}
    found = change(pod, amounts({"cpu": "2", "memory": "1Gi"}, {"cpu": "500m"}))
    resources = {
        "limits": {"cpu": "2", "memory": "1Gi", "example.com/gpu": 1},
        "requests": {"cpu": "500m", "memory": "1Gi", "ephemeral-storage": "1Gi"},
    }
    resize = Resize(POD, POD_UID, [{"name": "agent", "resources": resources}])
    assert found == pending("CPU and memory of agent are being changed in place.", resize)


def test_each_container_that_differs_is_resized_the_sidecars_too() -> None:
    before = cpu("1") | {"sidecars": [SIDECAR | cpu("1"), SIDECAR | {"name": "same"} | cpu("3")]}
    after = cpu("2") | {"sidecars": [SIDECAR | cpu("2"), SIDECAR | {"name": "same"} | cpu("3000m")]}
    found = change(made(before), after)
    assert found.verdict.message == "CPU and memory of agent and side are being changed in place."
    [resize] = found.actions
    assert isinstance(resize, Resize)
    twice = {"limits": {"cpu": "2"}, "requests": {"cpu": "2"}}
    assert resize.containers == [{"name": "agent", "resources": twice}, {"name": "side", "resources": twice}]


def test_a_container_that_is_right_hides_no_other() -> None:
    before, after = cpu("1") | {"sidecars": [SIDECAR | cpu("1")]}, cpu("1") | {"sidecars": [SIDECAR | cpu("2")]}
    for name in ("agent", "renamed"):
        pod = made(before)
        pod["spec"]["containers"][0]["name"] = name
        [resize] = change(pod, after).actions
        assert isinstance(resize, Resize)
        assert [container["name"] for container in resize.containers] == ["side"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (cpu("1"), cpu("1000m")),
        (amounts({"cpu": "1", "memory": "1Gi"}), amounts({"cpu": 1, "memory": "1024Mi"})),
        (amounts(None, {"cpu": "1"}), amounts(None, {"cpu": "1.0"})),
        (cpu("1"), amounts({"cpu": "1"}, {"cpu": "1"})),  # the API server's default
        (amounts({"cpu": "1"}, {"cpu": "1"}), cpu("1")),
    ],
)
def test_an_amount_in_other_words_is_the_same(before: Json, after: Json) -> None:
    pod = made(before)
    memory = change(pod, before)
    assert memory == CURRENT
    assert not [a for a in change(pod, after).actions if isinstance(a, Resize)]


@pytest.mark.parametrize(
    "present",
    [
        None,
        [],
        "many",
        {"limits": [1]},
        {"limits": {"cpu": {"a": 1}}},
        {"limits": {"cpu": 1.0}, "requests": {"cpu": 1.0}},
    ],
)
def test_amounts_that_are_none_are_replaced(present: Any) -> None:
    pod = made(cpu("1"))
    pod["spec"]["containers"][0]["resources"] = present
    [resize] = change(pod, cpu("1")).actions
    assert isinstance(resize, Resize)
    assert resize.containers == [{"name": "agent", "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}}}]


def test_a_pod_without_a_uid_is_not_resized() -> None:
    found = change(made(cpu("1"), metadata={"uid": None}), cpu("2"))
    assert found == pending("CPU and memory of agent are being changed in place.")


def test_a_container_that_the_pod_does_not_have_is_not_resized() -> None:
    pod = made(cpu("1"))
    pod["spec"]["containers"][0]["name"] = "other"
    assert change(pod, cpu("2")).actions == ()


@pytest.mark.parametrize(
    ("reason", "needs_pod"), [("Forbidden", False), ("Invalid", True), (None, True)]
)  # fmt: skip
def test_a_resize_that_was_refused_is_told_and_not_sent_again(reason: str | None, needs_pod: bool) -> None:  # noqa: FBT001 -- drawn
    refusal = {"message": "no", "reason": reason}
    told = "The API server refuses to resize the pod: no"
    found = change(made(cpu("1")), cpu("2"), None, refusal)
    assert found == pending(told, needs_pod=needs_pod, is_refused=True)
    assert change(made(cpu("1")), cpu("1"), None, refusal) == CURRENT
    labelled = change(made(cpu("1")), cpu("2") | metadata({"a": "1"}), None, refusal)
    assert [type(action) for action in labelled.actions] == [Patch]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (cpu("1"), {}, "resources.limits.cpu of agent"),
        (amounts({"cpu": "1", "memory": "1Gi"}), cpu("1"), "resources.limits.memory of agent"),
        (amounts({"memory": "1Gi"}), {}, "resources.limits.memory of agent"),
        (
            amounts({"cpu": "1", "memory": "1Gi"}),
            {},
            "resources.limits.cpu of agent and resources.limits.memory of agent",
        ),
        ({"sidecars": [SIDECAR | cpu("1")]}, {"sidecars": [SIDECAR]}, "resources.limits.cpu of side"),
    ],
)
def test_an_amount_cannot_be_taken_away_in_place(before: Json, after: Json, told: str) -> None:
    message = f"{told} cannot be taken from a running container."
    assert change(made(before), after | metadata({"new": "label"})) == pending(message, needs_pod=True)


def test_an_amount_that_is_gone_already_is_not_told() -> None:
    pod = made(cpu("1"))
    del pod["spec"]["containers"][0]["resources"]["limits"]
    assert change(pod).verdict == CURRENT.verdict


def test_what_is_left_of_the_amounts_is_looked_at_one_by_one() -> None:
    pod = made(amounts({"cpu": "1", "memory": "1Gi"}))
    del pod["spec"]["containers"][0]["resources"]["limits"]["cpu"]
    assert change(pod, amounts({"memory": "1Gi"})).verdict == CURRENT.verdict


def test_a_memory_of_containers_that_nobody_asked_for_counts_too() -> None:
    pod = made()
    pod["spec"]["containers"].append({"name": "ghost", "resources": {"limits": {"cpu": "1"}}})
    pod["metadata"]["annotations"][APPLIED] = '{"resources":{"ghost":["limits.cpu"]}}'
    told = "resources.limits.cpu of ghost cannot be taken from a running container."
    assert change(pod) == pending(told, needs_pod=True)


# What the node makes of it


def resizing(kind: str, status: str = "True", **more: Any) -> Json:
    return {"conditions": [{"type": "Else", "status": "True"}, {"type": kind, "status": status, **more}]}


@pytest.mark.parametrize(
    ("status", "message", "needs_pod"),
    [
        (resizing("PodResizePending", reason="Infeasible", message="too large"),
         "The node cannot give what is asked for: too large", True),
        (resizing("PodResizePending", reason="Deferred", message="not now"),
         "The node puts the change of CPU and memory off: not now", False),
        (resizing("PodResizePending"), "The node puts the change of CPU and memory off: no reason given", False),
        (resizing("PodResizeInProgress", message="at it"), "CPU and memory are being changed in place: at it", False),
        (resizing("PodResizeInProgress"), "CPU and memory are being changed in place: the node is at it", False),
    ],
)  # fmt: skip
def test_what_a_node_says_of_a_resize_is_told(status: Json, message: str, needs_pod: bool) -> None:  # noqa: FBT001 -- drawn
    assert change(made(cpu("1"), status=status), cpu("1")) == pending(message, needs_pod=needs_pod)
    label = metadata({"a": "1"}) | cpu("1")
    [action] = change(made(cpu("1"), status=status), label).actions
    assert isinstance(action, Patch)


@pytest.mark.parametrize("kind", ["PodResizePending", "PodResizeInProgress"])
def test_a_resize_that_is_over_is_not_told(kind: str) -> None:
    assert change(made(status=resizing(kind, "False", reason="Infeasible"))) == CURRENT


@pytest.mark.parametrize(
    ("generation", "seen", "is_seen"),
    [(2, 1, False), (2, 2, True), (2, 3, True), (2, 0, True), (2, None, True), (None, 1, True)],
)
def test_a_change_that_the_node_has_not_seen_is_waited_for(
    generation: int | None,
    seen: int | None,
    is_seen: bool,  # noqa: FBT001 -- drawn
) -> None:
    pod = made(metadata={"generation": generation}, status={"observedGeneration": seen})
    assert change(pod) == (CURRENT if is_seen else pending("The node has not seen the pod's last change yet."))
    patched = change(pod, metadata({"a": "1"}))
    assert len(patched.actions) == 1

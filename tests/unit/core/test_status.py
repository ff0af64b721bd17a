"""Status tells what is seen, in the documented fields and no others."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given

from agentctl_core import EmitEvent, PatchStatus, Problem, Ref
from agentctl_core._conditions import MESSAGE_MAX_LENGTH
from agentctl_core._status import _tell_problems

from .builders import (
    DIGEST,
    GONE,
    NOW,
    NOW_TEXT,
    SOON,
    Json,
    a_pod,
    a_refusal,
    an_agent,
    condition,
    only,
    plan,
    reason,
    status_of,
)
from .strategies import any_json

RUNNING: Json = {
    "phase": "Running",
    "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}],
    "conditions": [{"type": "Ready", "status": "True"}],
}
NO_NODE = "No node takes the pod: {}. Change resources, nodeSelector, affinity or tolerations, or add a node."
EARLIER = "2026-01-30T08:00:00Z"
ON_DELETE = "With updateStrategy OnDelete the pod stays until somebody deletes it."


REVISION = a_pod()["metadata"]["annotations"]["agentctl.dev/revision"]


def former(*, accepted: str = "True", ready: str = "False", since: Any = EARLIER) -> Json:
    """A status written earlier."""
    parts = {"reason": "Former", "message": "", "lastTransitionTime": since}
    return {
        "conditions": [
            {"type": "Accepted", "status": accepted, **parts},
            {"type": "Ready", "status": ready, **parts},
        ]
    }


def since(status: Json, kind: str) -> str:
    found = condition(status, kind)
    assert found is not None
    return str(found["lastTransitionTime"])


def test_the_status_of_a_running_agent_in_full() -> None:
    times = {"lastTransitionTime": NOW_TEXT, "observedGeneration": 3}
    conditions = [
        ("Accepted", "True", "Accepted", "The spec is valid."),
        ("Ready", "True", "PodReady", "The pod is ready."),
        ("UpToDate", "True", "Current", "The pod is what the spec asks for."),
        ("Suspended", "False", "Running", "spec.replicas is 1."),
    ]
    pod = a_pod(metadata={"creationTimestamp": EARLIER}, status=RUNNING)
    pod["spec"]["nodeName"] = "node-1"
    action = only(PatchStatus, plan(an_agent(), pod))
    keys = ("type", "status", "reason", "message")
    assert action == PatchStatus(
        Ref("agentctl.dev/v1alpha1", "Agent", "team", "demo"),
        "41",
        {
            "observedGeneration": 3,
            "conditions": [dict(zip(keys, each, strict=True)) | times for each in conditions],
            "replicas": 1,
            "selector": "agentctl.dev/agent=demo",
            "podName": "demo",
            "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}],
            "nodeName": "node-1",
            "restarts": 0,
            "startTime": EARLIER,
            "currentRevision": REVISION,
            "updateRevision": REVISION,
            "resolvedImage": f"example.com/agent:1@{DIGEST}",
            "resolvedFrom": "example.com/agent:1",
            "resolvedCommand": {"entrypoint": ["/entry", "$HOME"], "cmd": ["serve"]},
        },
    )


def test_without_a_pod_there_is_nothing_to_tell_of_it() -> None:
    status = status_of(an_agent(replicas=0))
    assert status.keys() == {"observedGeneration", "conditions", "replicas", "selector", "updateRevision"}
    assert status["replicas"] == 0


@pytest.mark.parametrize("owner_uid", [None, "uid-of-former-agent"])
def test_the_pod_of_another_is_not_told_of(owner_uid: str | None) -> None:
    status = status_of(an_agent(), a_pod(owner_uid=owner_uid, status=RUNNING))
    assert status.keys() == {"observedGeneration", "conditions", "replicas", "selector", "updateRevision"}
    assert status["replicas"] == 0


@pytest.mark.parametrize(
    ("phase", "replicas"), [("Pending", 1), ("Running", 1), ("Unknown", 1), ("Succeeded", 0), ("Failed", 0)]
)
def test_a_pod_that_ended_is_no_replica(phase: str, replicas: int) -> None:
    assert status_of(an_agent(), a_pod(status={"phase": phase}))["replicas"] == replicas


@pytest.mark.parametrize("addresses", [None, [], [{"ip": ""}], [{"ip": 5}], "10.0.0.1", [None]])
def test_addresses_are_told_where_there_are_any(addresses: Any) -> None:
    assert "podIPs" not in status_of(an_agent(), a_pod(status={"podIPs": addresses}))


@pytest.mark.parametrize(
    ("pod", "told", "message"),
    [
        (a_pod(), "PodPending", "The pod is starting."),
        (a_pod(status={"phase": "Pending"}), "PodPending", "The pod is starting."),
        (a_pod(status=RUNNING), "PodReady", "The pod is ready."),
        (a_pod(status=RUNNING, metadata={"deletionTimestamp": SOON}), "Terminating", "Pod demo is ending."),
        (a_pod(status={"phase": "Running"}), "PodNotReady", "The pod is not ready."),
        (
            a_pod(status={"phase": "Running", "conditions": [{"type": "Ready", "status": "False", "message": "why"}]}),
            "PodNotReady",
            "why",
        ),
        (a_pod(status={"conditions": [{"type": "Ready", "status": True}]}), "PodPending", "The pod is starting."),
        (
            a_pod(
                status={
                    "phase": "Pending",
                    "conditions": [
                        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
                    ],
                }
            ),
            "Unschedulable",
            NO_NODE.format("0/3 nodes"),
        ),
        (
            a_pod(status={"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}),
            "Unschedulable",
            NO_NODE.format("no reason given"),
        ),
        (
            a_pod(owner_uid="uid-of-former-agent"),
            "Terminating",
            "The pod of a former Agent of this name is waited for. Pod demo is ending.",
        ),
        (
            a_pod(owner_uid=None),
            "NotAccepted",
            "No pod is made: NameConflict, see the condition Accepted.",
        ),
        (a_refusal(), "CreateRejected", "The API server refuses the pod: denied by policy"),
        (
            a_refusal("exceeded quota: pods"),
            "QuotaExceeded",
            "The API server refuses the pod: exceeded quota: pods",
        ),
        (a_refusal(""), "CreateRejected", "The API server refuses the pod: no reason given"),
    ],
)
def test_ready_tells_why(pod: Json, told: str, message: str) -> None:
    ready = condition(status_of(an_agent(), pod), "Ready")
    assert ready is not None
    assert (ready["status"] == "True") == (told == "PodReady")
    assert (ready["reason"], ready["message"]) == (told, message)


@pytest.mark.parametrize(
    "pod", [(), (a_pod(status=RUNNING),), (a_pod(metadata={"deletionTimestamp": GONE}),), (a_refusal(),)]
)
def test_ready_is_absent_while_suspended(pod: tuple[Json, ...]) -> None:
    status = status_of(an_agent(replicas=0, status=former()), *pod)
    assert [c["type"] for c in status["conditions"]] == ["Accepted", "Suspended"]


def test_an_invalid_agent_keeps_the_readiness_of_its_pod() -> None:
    status = status_of(an_agent(image=""), a_pod(status=RUNNING))
    assert reason(status, "Accepted") == "InvalidSpec"
    assert reason(status, "Ready") == "PodReady"


@pytest.mark.parametrize(
    ("requested", "why"),
    [
        ("2", "CPU or memory is not what the spec asks for."),
        (None, "resources.requests.cpu of agent cannot be taken from a running container."),
    ],
)
def test_a_pod_that_is_ending_is_not_up_to_date_where_another_would_ask_for_other_resources(
    requested: str | None, why: str
) -> None:
    before = an_agent(resources={"requests": {"cpu": "1"}})
    ending = a_pod(of=before, metadata={"deletionTimestamp": SOON})
    assert reason(status_of(before, ending), "UpToDate") == "Current"
    after = an_agent(**({"resources": {"requests": {"cpu": requested}}} if requested else {}))
    up_to_date = condition(status_of(after, ending), "UpToDate")
    assert up_to_date is not None
    assert (up_to_date["status"], up_to_date["reason"]) == ("False", "Recreating")
    assert up_to_date["message"] == f"{why} The pod is made anew once it is gone."


def test_a_pod_that_is_ending_since_its_node_cannot_give_what_is_asked_for_is_not_up_to_date() -> None:
    manifest = an_agent(resources={"requests": {"cpu": "1"}})
    pending = {"type": "PodResizePending", "status": "True", "reason": "Infeasible", "message": "too much"}
    ending = a_pod(of=manifest, metadata={"deletionTimestamp": SOON}, status={"conditions": [pending]})
    assert reason(status_of(manifest, ending), "UpToDate") == "Recreating"


def test_a_finished_task_is_not_made_anew_for_other_resources() -> None:
    before = an_agent(restartPolicy="Never", resources={"requests": {"cpu": "1"}})
    done = a_pod(of=before, status={"phase": "Succeeded"})
    after = an_agent(restartPolicy="Never", resources={"requests": {"cpu": "2"}}, status=status_of(before, done))
    assert plan(after, done) == ()


def test_accepted_tells_every_problem() -> None:
    accepted = condition(status_of(an_agent(image="", replicas=2)), "Accepted")
    assert accepted is not None
    assert accepted["status"] == "False"
    assert accepted["message"] == (
        "spec.image: must not be empty; spec.replicas: must be 0 or 1: an Agent has at most one pod; "
        "write another Agent for each further one"
    )


def test_a_name_conflict_tells_whose_the_pod_is() -> None:
    for pod, holder in ((a_pod(owner_uid=None), "no controller"), (a_pod(owner_kind="Job"), "Job demo")):
        accepted = condition(status_of(an_agent(), pod), "Accepted")
        assert accepted is not None
        assert accepted["reason"] == "NameConflict"
        assert f"(it belongs to {holder})" in accepted["message"]


@pytest.mark.parametrize("size", [32_768, 4_000_000])
def test_a_message_fits_into_its_condition(size: int) -> None:
    pods = [
        a_pod(status={"phase": "Running", "conditions": [{"type": "Ready", "status": "False", "message": "m" * size}]}),
        a_pod(owner_kind="k" * size),
        a_refusal("m" * size),
    ]
    for pod in pods:
        for each in status_of(an_agent(), pod)["conditions"]:
            assert len(each["message"]) <= 32_768
    accepted = condition(status_of(an_agent(command=[0] * 1_000)), "Accepted")
    assert accepted is not None
    assert accepted["message"].startswith("1000 problems; the first are: spec.command[0]: must be")
    assert len(accepted["message"]) == 32_768


def test_the_transition_time_moves_only_when_the_status_does() -> None:
    status = status_of(an_agent(status=former(accepted="True", ready="False")), a_pod(status=RUNNING))
    assert (since(status, "Accepted"), since(status, "Ready")) == (EARLIER, NOW_TEXT)
    status = status_of(an_agent(status=former(accepted="False", ready="True")), a_pod(status=RUNNING))
    assert (since(status, "Accepted"), since(status, "Ready")) == (NOW_TEXT, EARLIER)


def test_the_transition_time_is_in_utc_and_has_whole_seconds() -> None:
    now = NOW.replace(microsecond=999_999).astimezone(timezone(timedelta(hours=-7)))
    assert since(status_of(an_agent(), now=now), "Accepted") == NOW_TEXT
    assert since(status_of(an_agent(), now=NOW.replace(year=987)), "Accepted") == "0987-01-31T12:00:00Z"


@pytest.mark.parametrize("bad", [None, 5, "", "yesterday", "2026-01-30T08:00:00", EARLIER + "\n", {}])
def test_a_transition_time_that_is_none_is_replaced(bad: Any) -> None:
    assert since(status_of(an_agent(status=former(since=bad))), "Accepted") == NOW_TEXT


@pytest.mark.parametrize(("generation", "observed"), [(7, 7), (None, None), ("7", None), (True, None), (2**63, None)])
def test_the_generation_is_told_where_there_is_one(generation: Any, observed: int | None) -> None:
    status = status_of(an_agent(metadata={"generation": generation}))
    for part in (status, *status["conditions"]):
        assert ("observedGeneration" in part) == (observed is not None)
        assert part.get("observedGeneration") == observed


def test_so_many_problems_are_told_that_they_fit() -> None:
    fits = Problem("p", "x" * (MESSAGE_MAX_LENGTH - len("p: ")))
    assert _tell_problems((fits,)) == f"p: {fits.message}"
    assert _tell_problems((fits, fits)).startswith("2 problems; the first are: p: xxx")


def test_a_status_that_is_right_is_not_written_again() -> None:
    manifest = an_agent(status=status_of(an_agent(), a_pod(status=RUNNING)))
    assert plan(manifest, a_pod(status=RUNNING), now=NOW + timedelta(hours=1)) == ()


@pytest.mark.parametrize("foreign", [{"kopf": {}}, {"nodeName": None}, {"replicas": "1"}, {"conditions": {}}])
def test_what_others_put_into_the_status_is_taken_out(foreign: Json) -> None:
    right = status_of(an_agent(), a_pod(status=RUNNING))
    assert status_of(an_agent(status=right | foreign), a_pod(status=RUNNING)) == right


@given(any_json)
def test_a_malformed_status_changes_nothing_but_times(status: Any) -> None:
    manifest = an_agent() | {"status": status}
    new = status_of(manifest, a_pod(status=RUNNING))
    for each in new["conditions"]:
        each["lastTransitionTime"] = NOW_TEXT
    assert new == status_of(an_agent(), a_pod(status=RUNNING))


@pytest.mark.parametrize(
    "broken",
    [
        {"conditions": [{"type": "Accepted"}]},
        {"conditions": [{"type": "Accepted", "status": "False", "reason": ["InvalidSpec"], "message": "m"}]},
        {"conditions": [None, 5, {"type": ["Accepted"]}]},
    ],
)
def test_a_malformed_condition_does_not_hide_an_event(broken: Json) -> None:
    assert only(EmitEvent, plan(an_agent(image="", status=broken))).reason == "InvalidSpec"


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ("Recreate", "resources.limits.cpu of agent cannot be taken from a running container."),
        ("OnDelete", f"resources.limits.cpu of agent cannot be taken from a running container. {ON_DELETE}"),
    ],
)
def test_a_strategy_is_named_only_where_it_is_the_specs(strategy: str, message: str) -> None:
    finished = {"conditions": [{"type": "Finished", "status": "True", "reason": "Failed", "message": "m"}]}
    task = an_agent(restartPolicy="Never", updateStrategy=strategy, status=finished)
    limited = a_pod(of=task | {"spec": task["spec"] | {"resources": {"limits": {"cpu": "1"}}}})
    told = condition(status_of(task, limited), "UpToDate")
    assert told is not None
    assert (told["reason"], told["message"]) == ("UpdatePending", message)

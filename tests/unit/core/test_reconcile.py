"""The decision: the table in full, and what holds for every input."""

from __future__ import annotations

import copy
import json
import time
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest
from attrs import asdict
from hypothesis import assume, given
from hypothesis import strategies as st

from agentctl_core import (
    Action,
    Config,
    Create,
    Delete,
    EmitEvent,
    ImageConfig,
    ImageError,
    ImageInfo,
    InvalidAgent,
    Observed,
    PatchStatus,
    Policy,
    Ref,
    Requeue,
    build_pod,
    decide,
    parse_agent,
    prepare,
    reconcile,
    wanted,
)
from agentctl_core._json import reach
from agentctl_core._reconcile import STEPS
from agentctl_core._situation import Holder, Want

from .builders import (
    DIGEST,
    GONE,
    IMAGE,
    IMAGES,
    NOW,
    POD_UID,
    SOON,
    UID,
    Json,
    a_pod,
    a_refusal,
    an_agent,
    nested,
    only,
    plan,
    reason,
    status_of,
)
from .strategies import (
    agents,
    agents_with_pods,
    any_json,
    damaged,
    pods,
    reordered,
    shallow_json,
    specs,
)
from .world import World

ENDED_AT = "2026-01-31T11:58:00Z"
FINISHED: Json = {
    "conditions": [{"type": "Finished", "status": "True", "reason": "Failed", "message": "m"}],
    "completionTime": ENDED_AT,
}
LATELY: Json = {"failures": 1, "lastFailure": {"podUID": "uid", "time": "2026-01-31T11:59:59Z", "reason": "Error"}}
ASKING: Mapping[Want, Json] = {
    Want.RUN: an_agent(),
    Want.SUSPEND: an_agent(replicas=0),
    Want.DONE: an_agent(restartPolicy="Never", status=FINISHED),
    Want.EXPIRED: an_agent(restartPolicy="Never", ttlSecondsAfterFinished=60, status=FINISHED),
    Want.INVALID: an_agent(image=""),
    Want.GO: an_agent(metadata={"deletionTimestamp": GONE}),
}
TELL: list[type] = [PatchStatus]
WARN: list[type] = [EmitEvent, PatchStatus]
LOOK_AGAIN: list[type] = [EmitEvent, PatchStatus, Requeue]
WAIT: list[type] = [PatchStatus, Requeue]
END: list[type] = [PatchStatus, Delete]
EXPIRE: list[type] = [Delete]
NOTHING: list[type] = []
# Want, holder, the actions, the reasons of Accepted and Ready.
TABLE: list[tuple[Want, Holder, list[type], str | None, str | None]] = [
    (Want.RUN, Holder.NOBODY, [Create, PatchStatus], "Accepted", "PodPending"),
    (Want.RUN, Holder.BACKING_OFF, WAIT, "Accepted", "Backoff"),
    (Want.RUN, Holder.REFUSED, LOOK_AGAIN, "Accepted", "CreateRejected"),
    (Want.RUN, Holder.OURS, TELL, "Accepted", "PodPending"),
    (Want.RUN, Holder.OUTDATED, END, "Accepted", "Terminating"),
    (Want.RUN, Holder.ENDED, [EmitEvent, *END], "Accepted", "Backoff"),
    (Want.RUN, Holder.ENDING, WAIT, "Accepted", "Terminating"),
    (Want.RUN, Holder.PREDECESSOR, TELL, "Accepted", "Terminating"),
    (Want.RUN, Holder.STRANGER, LOOK_AGAIN, "NameConflict", "NotAccepted"),
    (Want.SUSPEND, Holder.NOBODY, TELL, "Accepted", None),
    (Want.SUSPEND, Holder.REFUSED, TELL, "Accepted", None),
    (Want.SUSPEND, Holder.OURS, END, "Accepted", None),
    (Want.SUSPEND, Holder.OUTDATED, END, "Accepted", None),
    (Want.SUSPEND, Holder.ENDED, END, "Accepted", None),
    (Want.SUSPEND, Holder.ENDING, WAIT, "Accepted", None),
    (Want.SUSPEND, Holder.PREDECESSOR, TELL, "Accepted", None),
    (Want.SUSPEND, Holder.STRANGER, LOOK_AGAIN, "NameConflict", None),
    (Want.DONE, Holder.NOBODY, TELL, "Accepted", None),
    (Want.DONE, Holder.REFUSED, TELL, "Accepted", None),
    (Want.DONE, Holder.OURS, END, "Accepted", None),
    (Want.DONE, Holder.OUTDATED, END, "Accepted", None),
    (Want.DONE, Holder.ENDED, TELL, "Accepted", None),
    (Want.DONE, Holder.ENDING, WAIT, "Accepted", None),
    (Want.DONE, Holder.PREDECESSOR, TELL, "Accepted", None),
    (Want.DONE, Holder.STRANGER, WARN, "NameConflict", None),
    *((Want.EXPIRED, holder, EXPIRE, None, None) for holder in Holder if holder is not Holder.BACKING_OFF),
    (Want.INVALID, Holder.NOBODY, WARN, "InvalidSpec", "NotAccepted"),
    (Want.INVALID, Holder.REFUSED, WARN, "InvalidSpec", "NotAccepted"),
    (Want.INVALID, Holder.OURS, WARN, "InvalidSpec", "PodPending"),
    (Want.INVALID, Holder.ENDED, WARN, "InvalidSpec", "PodNotReady"),
    (Want.INVALID, Holder.ENDING, LOOK_AGAIN, "InvalidSpec", "Terminating"),
    (Want.INVALID, Holder.PREDECESSOR, WARN, "InvalidSpec", "NotAccepted"),
    (Want.INVALID, Holder.STRANGER, WARN, "InvalidSpec", "NotAccepted"),
    (Want.GO, Holder.NOBODY, NOTHING, None, None),
    (Want.GO, Holder.BACKING_OFF, NOTHING, None, None),
    (Want.GO, Holder.REFUSED, NOTHING, None, None),
    (Want.GO, Holder.OURS, TELL, "Accepted", "PodPending"),
    (Want.GO, Holder.OUTDATED, TELL, "Accepted", "PodPending"),
    (Want.GO, Holder.ENDED, TELL, "Accepted", "PodNotReady"),
    (Want.GO, Holder.ENDING, TELL, "Accepted", "Terminating"),
    (Want.GO, Holder.PREDECESSOR, NOTHING, None, None),
    (Want.GO, Holder.STRANGER, NOTHING, None, None),
]
UNREACHABLE = {
    # Only who wants to run waits: a suspended service has no failures, and a finished task needs no other pod.
    (Want.SUSPEND, Holder.BACKING_OFF),
    (Want.DONE, Holder.BACKING_OFF),
    (Want.EXPIRED, Holder.BACKING_OFF),
    # Of an invalid spec nothing is known that a pod could be compared with, nor of its failures.
    (Want.INVALID, Holder.BACKING_OFF),
    (Want.INVALID, Holder.OUTDATED),
}


def asking(want: Want, holder: Holder) -> Json:
    manifest = ASKING[want]
    return manifest | {"status": LATELY | manifest.get("status", {})} if holder is Holder.BACKING_OFF else manifest


def holding(want: Want, holder: Holder) -> tuple[Json, ...]:
    """Return what is there, of the revision that the Agent asks for."""
    of = an_agent() if want is Want.INVALID else ASKING[want]
    match holder:
        case Holder.NOBODY | Holder.BACKING_OFF:
            return ()
        case Holder.REFUSED:
            return (a_refusal(),)
        case Holder.OURS:
            return (a_pod(of=of),)
        case Holder.OUTDATED:
            # A limit that the spec no longer has cannot be taken from a running container.
            return (a_pod(of=of | {"spec": of["spec"] | {"resources": {"limits": {"cpu": "1"}}}}),)
        case Holder.ENDED:
            return (a_pod(of=of, status={"phase": "Failed"}),)
        case Holder.ENDING:
            return (a_pod(of=of, metadata={"deletionTimestamp": SOON}),)
        case Holder.PREDECESSOR:
            return (a_pod(of=of, owner_uid="uid-of-former-agent"),)
        case Holder.STRANGER:
            return (a_pod(of=of, owner_uid=None),)


def kinds(actions: tuple[Action, ...]) -> list[type]:
    return [type(action) for action in actions]


def all_said(manifest: Any, objects: Any) -> None:
    """Ask everything, and fail where an answer could not be sent to an API server."""
    actions = reconcile(manifest, Observed(now=NOW, objects=objects))
    events = [action.manifest("test") for action in actions if isinstance(action, EmitEvent)]
    said = [*map(asdict, actions), *events, *map(asdict, wanted(manifest))]
    json.dumps(said, allow_nan=False, ensure_ascii=False).encode()
    assert prepare(manifest) == prepare(manifest)


# The table


def test_the_table_here_and_the_table_there_have_every_situation_once() -> None:
    every = {(want, holder) for want in Want for holder in Holder}
    assert {(want, holder) for want, row in STEPS.items() for holder in row} == every
    assert Counter((want, holder) for want, holder, *_ in TABLE) == Counter(every - UNREACHABLE)


@pytest.mark.parametrize(("want", "holder", "actions", "accepted", "ready"), TABLE)
def test_a_situation_leads_to_its_actions(
    want: Want, holder: Holder, actions: list[type], accepted: str | None, ready: str | None
) -> None:
    done = plan(asking(want, holder), *holding(want, holder))
    assert kinds(done) == actions
    if PatchStatus in actions:
        status = only(PatchStatus, done).status
        assert (reason(status, "Accepted"), reason(status, "Ready")) == (accepted, ready)


@pytest.mark.parametrize(("want", "holder"), [row[:2] for row in TABLE])
def test_a_status_once_written_leaves_only_what_must_still_be_done(want: Want, holder: Holder) -> None:
    manifest, objects = asking(want, holder), holding(want, holder)
    first = plan(manifest, *objects)
    told = manifest | {"status": only(PatchStatus, first).status} if PatchStatus in kinds(first) else manifest
    again = plan(told, *objects, now=NOW + timedelta(seconds=1))
    assert kinds(again) == [kind for kind in kinds(first) if kind in (Create, Delete, Requeue)]


# Single actions


def test_the_pod_that_is_created_is_that_of_the_agent() -> None:
    assert only(Create, plan(an_agent())).manifest == build_pod(parse_agent(an_agent()), image=IMAGE)
    manifest = an_agent(command=["run"])
    assert only(Create, plan(manifest, images={})).manifest == build_pod(parse_agent(manifest))


def test_the_status_after_a_creation_is_that_of_the_pod_that_comes_back() -> None:
    done = plan(an_agent())
    after = only(PatchStatus, done).status
    assert after["podName"] == "demo"
    assert after["replicas"] == 1
    assert after == status_of(an_agent(), only(Create, done).manifest)


def test_a_deletion_names_the_pod_by_its_uid() -> None:
    assert only(Delete, plan(an_agent(replicas=0), a_pod())) == Delete(Ref("v1", "Pod", "team", "demo"), POD_UID)


def test_a_pod_whose_uid_is_unknown_is_not_deleted() -> None:
    assert kinds(plan(an_agent(replicas=0), a_pod(metadata={"uid": None}))) == TELL


def test_what_cannot_be_watched_is_looked_at_again() -> None:
    assert only(Requeue, plan(an_agent(), a_refusal())) == Requeue(30.0)


def test_a_strangers_pod_is_looked_at_as_seldom_when_it_ends() -> None:
    a_moment_ago = "2026-01-31T11:59:40Z"
    leaving = a_pod(owner_uid=None, metadata={"deletionTimestamp": a_moment_ago})
    assert only(Requeue, plan(an_agent(), leaving)) == Requeue(30.0)


def test_an_event_is_the_same_for_the_same_news() -> None:
    first = only(EmitEvent, plan(an_agent(image="")))
    later = only(EmitEvent, plan(an_agent(image=""), now=NOW + timedelta(hours=1)))
    assert first.name == later.name
    assert (first.type, first.reason, first.note) == ("Warning", "InvalidSpec", "spec.image: must not be empty")
    assert first.time == "2026-01-31T12:00:00.000000Z"
    for other in (an_agent(image=5), an_agent(image="", metadata={"uid": "another"})):
        assert only(EmitEvent, plan(other)).name != first.name


@pytest.mark.parametrize("name", ["a" * 63, "a" * 253, "a" * 62 + ".-" + "b" * 189])
def test_the_name_of_an_event_is_a_dns_subdomain(name: str) -> None:
    event = only(EmitEvent, plan(an_agent(image="", metadata={"name": name})))
    assert len(event.name) <= 253
    assert all(part and part.strip("-") == part for part in event.name.split("."))


def test_what_is_cut_off_a_long_name_are_the_marks_that_it_may_not_end_with() -> None:
    event = only(EmitEvent, plan(an_agent(image="", metadata={"name": "a" * 60 + "X-." + "b" * 9})))
    assert event.name.partition(".")[0] == "a" * 60 + "X"


def test_a_note_is_shortened_only_where_it_is_too_long() -> None:
    start = "The API server refuses the pod: "
    fits = "a" * (1024 - len(start))
    assert only(EmitEvent, plan(an_agent(), a_refusal(fits))).note == start + fits
    cut = only(EmitEvent, plan(an_agent(), a_refusal(fits + "a"))).note
    assert cut == (start + fits)[:1021] + "..."


def test_the_time_of_an_event_is_in_utc_wherever_the_host_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        elsewhere = NOW.astimezone(timezone(timedelta(hours=5)))
        assert only(EmitEvent, plan(an_agent(image=""), now=elsewhere)).time == "2026-01-31T12:00:00.000000Z"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("letter", ["a", "é", "€", "😀"])
def test_the_note_of_an_event_has_1024_bytes_at_the_most(letter: str) -> None:
    event = only(EmitEvent, plan(an_agent(), a_refusal(letter * 2_000)))
    assert 1020 <= len(event.note.encode()) <= 1024
    assert event.note.endswith(f"{letter}...")


def test_news_that_status_has_told_makes_no_event() -> None:
    manifest = an_agent(image="")
    told = manifest | {"status": status_of(manifest)}
    assert plan(told) == ()
    changed = told | {"spec": {"image": "", "replicas": 2}}
    assert kinds(plan(changed)) == WARN


def test_an_event_comes_before_the_status_that_would_hide_it() -> None:
    assert kinds(plan(an_agent(), a_pod(owner_uid=None))).index(EmitEvent) == 0


@pytest.mark.parametrize("metadata", [{"uid": None}, {"resourceVersion": None}])
def test_an_agent_that_cannot_be_told_from_a_later_one_does_not_expire(metadata: Json) -> None:
    expired = ASKING[Want.EXPIRED]
    assert only(Delete, plan(expired)) == Delete(Ref("agentctl.dev/v1alpha1", "Agent", "team", "demo"), UID, "41")
    assert plan(expired | {"metadata": expired["metadata"] | metadata}) == ()


# What a host must observe


def test_wanted_names_the_pod() -> None:
    assert wanted(an_agent()) == (Ref("v1", "Pod", "team", "demo"),)
    assert wanted({"metadata": {"name": "demo"}}) == (Ref("v1", "Pod", "default", "demo"),)
    assert wanted(an_agent(image="")) == wanted(an_agent())


def test_what_is_wanted_is_what_the_config_allows() -> None:
    manifest = an_agent(service={"ports": [{"port": 80}]}, securityContext={"privileged": True})
    pod = Ref("v1", "Pod", "team", "demo")
    assert wanted(manifest) == (pod,)
    allowing = Config(policy=Policy(allow_privileged=True))
    assert wanted(manifest, allowing) == (pod, Ref("v1", "Service", "team", "demo"))


def test_an_image_that_could_not_be_looked_up_is_looked_up_again() -> None:
    answer = {"example.com/agent:1": ImageError("Unreachable", "m")}
    assert only(Requeue, plan(an_agent(), images=answer)) == Requeue(30.0)


@pytest.mark.parametrize("metadata", [None, {}, {"name": ""}, {"name": None}, {"name": 5}, {"name": "\ud800"}, []])
def test_without_a_name_there_is_nothing_to_say(metadata: Any) -> None:
    manifest = an_agent() | {"metadata": metadata}
    assert wanted(manifest) == ()
    assert plan(manifest, a_pod()) == ()


def test_a_placeholder_stands_in_for_the_uid() -> None:
    (owner,) = only(Create, plan(an_agent(metadata={"uid": None}))).manifest["metadata"]["ownerReferences"]
    assert owner["uid"] == "00000000-0000-0000-0000-000000000000"


# The two halves


@given(agents_with_pods(agents(specs | damaged(specs, shallow_json))))
def test_reconcile_is_prepare_and_decide(both: tuple[Json, Json | None]) -> None:
    manifest, pod = both
    observed = Observed(now=NOW, objects=() if pod is None else (pod,))
    assert reconcile(manifest, observed) == decide(prepare(manifest), manifest, observed)


@given(agents(), agents())
def test_what_is_prepared_does_not_depend_on_the_rest_of_the_manifest(one: Json, other: Json) -> None:
    same = ("name", "namespace", "uid")
    metadata = other["metadata"] | {key: one["metadata"][key] for key in same} | {"resourceVersion": "99"}
    assert prepare(other | {"metadata": metadata, "spec": one["spec"]}) == prepare(one)


def test_a_cache_of_what_is_prepared_must_look_at_the_uid() -> None:
    assert prepare(an_agent()) != prepare(an_agent(metadata={"uid": "another"}))


def test_decide_reads_the_present_manifest() -> None:
    prepared = prepare(an_agent())
    action = only(
        PatchStatus, decide(prepared, an_agent(metadata={"resourceVersion": "42", "generation": 9}), Observed(now=NOW))
    )
    assert action.resource_version == "42"
    assert action.status["observedGeneration"] == 9
    assert decide(prepared, an_agent(metadata={"deletionTimestamp": GONE}), Observed(now=NOW)) == ()


def test_a_plan_belongs_to_its_receiver() -> None:
    for images in (IMAGES, {"example.com/agent:1": ImageError("Unreachable", "")}):
        observed = Observed(now=NOW, images=images)
        manifest = an_agent(env=[{"name": "A"}], files=[{"path": "a", "content": "b"}])
        manifest["status"] = status_of(manifest)
        prepared = prepare(manifest)
        first = decide(prepared, manifest, observed)
        golden = copy.deepcopy(first)
        pod, config_map = _made(first, "Pod"), _made(first, "ConfigMap")
        assert pod["spec"]["containers"][0].pop("env")
        pod["metadata"]["labels"].clear()
        config_map["data"].clear()
        config_map["metadata"]["labels"].clear()
        for action in first:
            if isinstance(action, PatchStatus):
                action.status["conditions"].clear()
        assert decide(prepared, manifest, observed) == golden


def _made(actions: tuple[Action, ...], kind: str) -> Json:
    (manifest,) = (a.manifest for a in actions if isinstance(a, Create) and a.manifest["kind"] == kind)
    return manifest


# Whatever comes in


@given(any_json | damaged(agents()), st.lists(any_json | damaged(pods("demo")) | pods("demo"), max_size=3))
def test_nothing_that_comes_in_makes_it_raise_and_all_that_goes_out_can_be_sent(manifest: Any, objects: Any) -> None:
    all_said(manifest, objects)


@pytest.mark.parametrize("part", ["metadata", "spec", "status", "apiVersion", "extra"])
@given(any_json)
def test_nor_does_any_part_of_a_manifest(part: str, value: Any) -> None:
    all_said(an_agent() | {part: value}, [])
    all_said(an_agent() | {part: value}, [a_pod() | {part: value}])


@pytest.mark.parametrize("part", ["name", "namespace", "uid", "generation", "resourceVersion", "ownerReferences"])
@given(any_json)
def test_nor_does_any_part_of_metadata(part: str, value: Any) -> None:
    all_said(an_agent(metadata={part: value}), [value, a_pod(metadata={part: value})])


@given(any_json)
def test_nor_does_any_part_of_what_is_told_of_the_pod(value: Any) -> None:
    condition = {"type": "Ready", "status": "False", "message": value}
    all_said(an_agent(), [a_pod(status={"phase": "Running", "podIPs": [{"ip": value}], "conditions": [condition]})])
    all_said(an_agent(), [a_refusal() | {"message": value}])
    all_said(an_agent(), [a_pod(owner_kind=value)])


@pytest.mark.parametrize("kind", [list, dict])
def test_nor_does_nesting_without_end(kind: Any) -> None:
    value = nested(100_000, kind)
    for part in ("metadata", "spec", "status"):
        all_said(an_agent() | {part: value}, [value])
        all_said(an_agent() | {part: value}, [a_pod() | {part: value}])
    all_said(an_agent(status={"conditions": value, "podIPs": value}), [a_pod(status={"conditions": value})])


def test_nor_does_a_large_text() -> None:
    large = "a" * 4_000_000
    manifest = an_agent(metadata={"uid": large}, image=large, replicas=large)
    manifest["spec"][large] = large
    all_said(manifest, [a_pod(status={"message": large})])
    actions = plan(manifest, a_refusal(large))
    assert len(only(EmitEvent, actions).note) < 1025
    assert len(json.dumps(only(PatchStatus, actions).status)) < 70_000


@given(agents_with_pods(agents(specs | damaged(specs, shallow_json))))
def test_key_order_and_mapping_type_change_no_plan(both: tuple[Json, Json | None]) -> None:
    manifest, pod = both
    assert plan(reordered(manifest, MappingProxyType), reordered(pod, MappingProxyType)) == plan(manifest, pod)


@given(agents_with_pods(agents(specs | damaged(specs, shallow_json))))
def test_what_comes_in_is_not_changed(both: tuple[Json, Json | None]) -> None:
    before = reordered(both)
    plan(*both)
    assert reordered(both) == before


# What is never done


@given(agents_with_pods())
def test_the_pod_of_another_is_never_touched(both: tuple[Json, Json | None]) -> None:
    manifest, pod = both
    for action in plan(manifest, pod):
        if isinstance(action, Delete):
            assert pod is not None
            (owner,) = pod["metadata"]["ownerReferences"]
            assert owner["uid"] == manifest["metadata"]["uid"]
            assert action.uid == pod["metadata"]["uid"]
        if isinstance(action, Create) and action.manifest["kind"] == "Pod":
            assert pod is None


@given(damaged(agents(specs)), st.lists(damaged(pods("demo")) | pods("demo"), max_size=3))
def test_every_deletion_has_the_uid_of_an_object_that_is_there(manifest: Any, objects: list[Any]) -> None:
    for action in plan(manifest, *objects):
        if isinstance(action, Delete):
            assert action.uid
            assert action.uid in [reach(each, "metadata", "uid") for each in objects]


@given(agents_with_pods(agents(specs | damaged(specs, shallow_json), ending=True)))
def test_an_agent_that_goes_is_left_to_the_garbage_collector(both: tuple[Json, Json | None]) -> None:
    assert set(kinds(plan(*both))) <= {PatchStatus}


@given(agents_with_pods(agents(damaged(specs, shallow_json))))
def test_an_invalid_agent_gets_nothing_and_loses_nothing(both: tuple[Json, Json | None]) -> None:
    manifest, pod = both
    try:
        parse_agent(manifest)
    except InvalidAgent:
        assert not {Create, Delete} & set(kinds(plan(manifest, pod)))
    else:
        assume(False)


# Where it leads

ANSWERS = st.sampled_from(
    [
        IMAGE,
        ImageInfo(DIGEST, {}),
        ImageInfo(DIGEST, {"linux/amd64": ImageConfig(("a",)), "linux/arm64": ImageConfig(("b",))}),
        ImageError("NotFound", "no such image"),
        ImageError("Unreachable", "no route"),
    ]
)


@given(agents_with_pods(agents(specs | damaged(specs, shallow_json))), ANSWERS)
def test_plans_settle(both: tuple[Json, Json | None], answer: ImageInfo | ImageError) -> None:
    world = World(*both, image=answer)
    world.settle()


@given(agents_with_pods(agents(specs | damaged(specs, shallow_json))), ANSWERS)
def test_after_any_part_of_a_plan_the_rest_follows(
    both: tuple[Json, Json | None], answer: ImageInfo | ImageError
) -> None:
    whole = World(*both, image=answer)
    plans = [whole.plan()]
    whole.apply(plans[0])
    plans.append(whole.plan())  # what follows an answer of the registry
    whole.settle()
    for rounds, actions in enumerate(plans):
        for length in range(len(actions)):
            stopped = World(*both, image=answer)
            stopped.settle_for(rounds)
            stopped.apply(stopped.plan()[:length])
            stopped.settle()
            assert (without_since(stopped.agent, "Accepted"), stopped.objects) == (
                without_since(whole.agent, "Accepted"),  # it may have been Unknown, until the registry answered, or not
                whole.objects,
            )


def without_since(agent: Json, kind: str) -> Json:
    """Return an Agent without the time since when a condition of that type has its status."""
    status = agent.get("status", {})
    conditions = [
        {key: value for key, value in one.items() if (one.get("type"), key) != (kind, "lastTransitionTime")}
        for one in status.get("conditions", [])
    ]
    return {**agent, "status": {**status, "conditions": conditions}}


@given(agents(specs, ending=False), agents(specs, ending=False), ANSWERS)
def test_an_edit_leads_to_what_the_new_spec_asks_for(before: Json, after: Json, answer: ImageInfo | ImageError) -> None:
    world = World(before, image=answer)
    world.settle()
    claims = {key: o["metadata"]["uid"] for key, o in world.objects.items() if key[0] == "PersistentVolumeClaim"}
    world.agent |= {"spec": after["spec"]}
    if after["spec"].get("service"):
        assume(not world.agent["metadata"]["name"][0].isdigit())
    world.settle()
    there = set(world.objects)
    asked = {(ref.kind, ref.namespace, ref.name) for ref in wanted(world.agent)}
    assert {key for key in there if key[0] == "Service"} == {key for key in asked if key[0] == "Service"}
    assert all(world.objects[key]["metadata"]["uid"] == uid for key, uid in claims.items())
    assert asked - there <= {("Pod", "team", before["metadata"]["name"])}


# What stands beside the pod

FULL: Json = {
    "files": [{"path": "a", "content": "b"}],
    "volumeClaimTemplates": [
        {
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
    ],
    "service": {"ports": [{"port": 80}]},
}


def test_wanted_names_everything_that_would_be_made() -> None:
    kinds_wanted = [ref.kind for ref in wanted(an_agent(**FULL))]
    assert sorted(kinds_wanted) == ["ConfigMap", "PersistentVolumeClaim", "Pod", "Service"]
    assert wanted(an_agent(**FULL, replicas=0)) == wanted(an_agent(**FULL))
    assert wanted(an_agent(**FULL | {"service": None}, volumes=[{"name": "x", "configMap": {"name": "y"}}])) == tuple(
        ref for ref in wanted(an_agent(**FULL)) if ref.kind != "Service"
    )


def test_what_the_pod_needs_is_made_before_it() -> None:
    created = [action.manifest["kind"] for action in plan(an_agent(**FULL)) if isinstance(action, Create)]
    assert created[-1] == "Pod"
    assert sorted(created[:-1]) == ["ConfigMap", "PersistentVolumeClaim", "Service"]


def test_a_deletion_that_may_be_refused_comes_after_the_pod_and_the_status() -> None:
    world = World(an_agent(command=["run"], service={"ports": [{"port": 80}]}))
    world.settle()
    service = world.objects["Service", "team", "demo"]
    actions = plan(an_agent(command=["run"]), service)
    assert [type(action) for action in actions] == [Create, PatchStatus, Delete]


def test_a_refusal_in_other_words_is_no_new_event() -> None:
    manifest = an_agent(command=["run"])
    first = plan(manifest, a_refusal("exceeded quota: used: pods=3"))
    assert sum(isinstance(action, EmitEvent) for action in first) == 1
    (status,) = [action.status for action in first if isinstance(action, PatchStatus)]
    again = plan(manifest | {"status": status}, a_refusal("exceeded quota: used: pods=4"))
    assert not any(isinstance(action, EmitEvent) for action in again)
    other = plan(manifest | {"status": status}, a_refusal("denied by a webhook"))
    assert sum(isinstance(action, EmitEvent) for action in other) == 1


def test_that_a_pod_is_deleted_by_others_is_news_and_that_the_operator_takes_a_failed_one_away_is_not() -> None:
    manifest = an_agent(command=["run"])
    pod = a_pod(of=manifest, status={"phase": "Running"})
    seen = manifest | {"status": status_of(manifest, pod)}
    deleted = plan(seen, a_pod(of=manifest, status={"phase": "Running"}, metadata={"deletionTimestamp": SOON}))
    assert [action.reason for action in deleted if isinstance(action, EmitEvent)] == ["PodDeleted"]
    failed = plan(seen, a_pod(of=manifest, status={"phase": "Failed"}))
    assert [action.reason for action in failed if isinstance(action, EmitEvent)] == ["PodFailed"]
    seen = manifest | {"status": only(PatchStatus, failed).status}
    gone = plan(seen, a_pod(of=manifest, status={"phase": "Failed"}, metadata={"deletionTimestamp": SOON}))
    assert [action.reason for action in gone if isinstance(action, EmitEvent)] == []


def test_an_agent_that_turns_invalid_is_one_piece_of_news() -> None:
    manifest = an_agent(command=["run"])
    pod = a_pod(of=manifest, status={"phase": "Running"})
    manifest["status"] = status_of(manifest, pod)
    manifest["spec"]["image"] = ""
    actions = plan(manifest, pod)
    assert [action.reason for action in actions if isinstance(action, EmitEvent)] == ["InvalidSpec"]
    assert reason(only(PatchStatus, actions).status, "UpToDate") == "UpdatePending"


def test_a_suspended_agent_keeps_its_objects_and_gets_those_it_lacks() -> None:
    world = World(an_agent(**FULL))
    world.settle()
    before = {key: value for key, value in world.objects.items() if key[0] != "Pod"}
    world.agent |= {"spec": world.agent["spec"] | {"replicas": 0}}
    world.settle()
    assert world.objects == before
    asleep = World(an_agent(**FULL, replicas=0))
    asleep.settle()
    assert set(asleep.objects) == set(before)


@pytest.mark.parametrize(
    "manifest",
    [an_agent(**FULL, env=5), an_agent(metadata={"deletionTimestamp": GONE}, **FULL)],
    ids=["invalid", "going"],
)
def test_an_agent_that_is_invalid_or_goes_gets_and_loses_no_object(manifest: Json) -> None:
    world = World(an_agent(**FULL))
    world.settle()
    before = copy.deepcopy(world.objects)
    world.agent = manifest
    world.settle()
    assert world.objects == before
    bare = World(manifest)
    bare.settle()
    assert bare.objects == {}


def test_a_running_agent_is_not_asked_about_again() -> None:
    world = World(an_agent(**FULL))
    world.settle()
    assert world.plan() == ()
    world.images.clear()
    assert world.plan() == ()


@pytest.mark.parametrize(
    ("manifest", "config", "accepted"),
    [
        (an_agent(securityContext={"privileged": True}), Config(), "PolicyDenied"),
        (an_agent(securityContext={"privileged": True}), Config(policy=Policy(allow_privileged=True)), "Accepted"),
    ],
)
def test_the_policy_decides(manifest: Json, config: Config, accepted: str) -> None:
    done = plan(manifest, config=config)
    assert reason(only(PatchStatus, done).status, "Accepted") == accepted
    assert (Create in kinds(done)) == (accepted == "Accepted")
    assert Delete not in kinds(plan(manifest, a_pod(of=manifest), config=config))

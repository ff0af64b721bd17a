"""An Agent without a command waits for its image's own, says why, and does not ask twice."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl_core import Create, ImageConfig, ImageError, ImageInfo, PatchStatus, Requeue, ResolveImage

from .builders import (
    DIGEST,
    IMAGE,
    Json,
    a_pod,
    an_agent,
    condition,
    main_of,
    only,
    plan,
    reason,
    status_of,
)
from .strategies import any_json, any_text, shallow_json, words
from .world import World

REFERENCE = "example.com/agent:1"
PINNED = f"{REFERENCE}@{DIGEST}"
RESOLVED: Json = {
    "resolvedImage": PINNED,
    "resolvedFrom": REFERENCE,
    "resolvedCommand": {"entrypoint": ["/entry", "$HOME"], "cmd": ["serve"]},
}
AWAY = ImageError("Unreachable", "no route to host")


def known(answer: ImageInfo | ImageError) -> dict[str, ImageInfo | ImageError]:
    return {REFERENCE: answer}


def kinds(*args: Any, **options: Any) -> list[type]:
    return [type(action) for action in plan(*args, **options)]


def pods_in(actions: Any) -> list[Json]:
    return [a.manifest for a in actions if isinstance(a, Create) and a.manifest["kind"] == "Pod"]


def test_the_image_is_asked_for_with_its_pull_secrets() -> None:
    secrets = [{"name": "b"}, {"name": "a"}]
    actions = plan(an_agent(podTemplate={"spec": {"imagePullSecrets": secrets}}), images={})
    assert only(ResolveImage, actions) == ResolveImage(REFERENCE, ("b", "a"))
    status = only(PatchStatus, actions).status
    accepted = condition(status, "Accepted")
    assert accepted is not None
    assert (accepted["status"], accepted["reason"]) == ("Unknown", "ResolvingImage")
    assert accepted["message"] == "Asking the registry what example.com/agent:1 runs."
    assert reason(status, "Ready") == "NotAccepted"
    assert pods_in(actions) == []
    assert not any(isinstance(action, Requeue) for action in actions)


def test_the_image_is_asked_for_with_the_service_account_of_the_pod() -> None:
    named = an_agent(podTemplate={"spec": {"serviceAccountName": "other"}})
    assert only(ResolveImage, plan(named, images={})) == ResolveImage(REFERENCE, service_account="other")
    assert only(ResolveImage, plan(an_agent(), images={})).service_account == "default"


@pytest.mark.parametrize(
    "manifest",
    [
        an_agent(command=["run"]),
        an_agent(wrapper={"enabled": False}),
        an_agent(replicas=0),
        an_agent(image=""),
        an_agent(wrapper={"commandResolution": "Never"}),
        an_agent(metadata={"deletionTimestamp": "2026-01-31T11:00:00Z"}),
    ],
)
def test_nobody_is_asked_without_need(manifest: Json) -> None:
    assert ResolveImage not in kinds(manifest, images={})


def test_a_pod_that_is_there_needs_no_answer() -> None:
    assert ResolveImage not in kinds(an_agent(), a_pod(), images={})


def test_an_object_in_the_way_is_told_before_anything_is_asked() -> None:
    stranger = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "demo", "namespace": "team"}}
    actions = plan(an_agent(service={"ports": [{"port": 80}]}), stranger, images={})
    assert ResolveImage not in [type(action) for action in actions]


@pytest.mark.parametrize(
    ("answer", "told", "message"),
    [
        (
            ImageError("NotFound", "manifest unknown"),
            "ImageNotFound",
            "The command of example.com/agent:1 cannot be looked up: manifest unknown. Set spec.command to do without.",
        ),
        (
            ImageError("Forbidden", "denied"),
            "RegistryUnreachable",
            "The command of example.com/agent:1 cannot be looked up: denied. Set spec.command to do without.",
        ),
        (
            AWAY,
            "RegistryUnreachable",
            "The command of example.com/agent:1 cannot be looked up: no route to host. Set spec.command to do without.",
        ),
        (
            ImageInfo(DIGEST, {"linux/amd64": ImageConfig()}),
            "CommandUnknown",
            "example.com/agent:1: the image has neither ENTRYPOINT nor CMD: set spec.command",
        ),
        (
            ImageInfo(DIGEST, {}),
            "CommandUnknown",
            "example.com/agent:1: no platform of the image fits the node selector; it has none: set spec.command",
        ),
    ],
)
def test_why_there_is_no_command_is_told_and_looked_at_again(
    answer: ImageInfo | ImageError, told: str, message: str
) -> None:
    actions = plan(an_agent(), images=known(answer))
    status = only(PatchStatus, actions).status
    accepted = condition(status, "Accepted")
    assert accepted is not None
    assert (accepted["status"], accepted["reason"], accepted["message"]) == ("False", told, message)
    assert only(Requeue, actions).after == 30.0
    assert pods_in(actions) == []
    assert plan(an_agent(status=status), images=known(answer)) == (Requeue(30.0),)


def test_who_is_never_asked_is_told_once() -> None:
    manifest = an_agent(wrapper={"commandResolution": "Never"})
    actions = plan(manifest)
    status = only(PatchStatus, actions).status
    accepted = condition(status, "Accepted")
    assert accepted is not None
    assert (accepted["reason"], accepted["message"]) == (
        "CommandUnknown",
        "spec.wrapper.commandResolution is Never: set spec.command",
    )
    assert pods_in(actions) == []
    assert plan(manifest | {"status": status}) == ()


def test_an_answer_leads_to_a_pod_that_is_pinned_and_remembers() -> None:
    actions = plan(an_agent())
    (pod,) = pods_in(actions)
    assert main_of(pod)["image"] == PINNED
    assert main_of(pod)["command"] == ["/agentctl/bin/tini", "-s", "--", "/entry", "$$HOME", "serve"]
    assert only(PatchStatus, actions).status.items() >= RESOLVED.items()


def test_a_command_of_the_specs_own_pins_nothing() -> None:
    actions = plan(an_agent(command=["run"]))
    assert main_of(pods_in(actions)[0])["image"] == REFERENCE
    assert not RESOLVED.keys() & only(PatchStatus, actions).status.keys()


# What was resolved before


@pytest.mark.parametrize("answer", [AWAY, ImageError("Forbidden", "denied")])
def test_a_restart_does_not_depend_on_the_registry(answer: ImageError) -> None:
    actions = plan(an_agent(status=RESOLVED, args=["more"]), images=known(answer))
    (pod,) = pods_in(actions)
    assert main_of(pod)["image"] == PINNED
    assert main_of(pod)["command"][3:] == ["/entry", "$$HOME", "more"]
    assert only(PatchStatus, actions).status.items() >= RESOLVED.items()


def test_an_image_that_is_gone_is_gone() -> None:
    actions = plan(an_agent(status=RESOLVED), images=known(ImageError("NotFound", "gone")))
    assert pods_in(actions) == []


def test_another_image_is_asked_for_anew() -> None:
    other = an_agent(image="example.com/agent:2", status=RESOLVED)
    actions = plan(other, images={})
    assert only(ResolveImage, actions).image == "example.com/agent:2"
    assert not RESOLVED.keys() & only(PatchStatus, actions).status.keys()
    assert pods_in(plan(other, images={"example.com/agent:2": AWAY})) == []


def test_an_answer_counts_more_than_what_was_before() -> None:
    newer = ImageInfo("sha256:" + "cd" * 32, {"linux/amd64": ImageConfig(("new",))})
    (pod,) = pods_in(plan(an_agent(status=RESOLVED), images=known(newer)))
    assert main_of(pod)["image"].endswith("cd" * 32)
    assert main_of(pod)["command"][-1] == "new"


def test_it_is_kept_while_the_agent_sleeps() -> None:
    world = World(an_agent())
    world.settle()
    world.agent |= {"spec": world.agent["spec"] | {"replicas": 0}}
    world.settle()
    assert not world.objects
    assert world.agent["status"].items() >= RESOLVED.items()
    world.images = known(AWAY)
    world.agent |= {"spec": world.agent["spec"] | {"replicas": 1}}
    world.settle()
    (pod,) = world.objects.values()
    assert main_of(pod)["image"] == PINNED


@pytest.mark.parametrize("edit", [{"env": 5}, {"podTemplate": {"spec": {"hostNetwork": True}}}])
def test_it_survives_an_edit_that_is_refused(edit: Json) -> None:
    world = World(an_agent(replicas=0, status=RESOLVED))
    good = world.agent["spec"]
    world.agent |= {"spec": good | edit}
    world.settle()
    assert world.agent["status"].items() >= RESOLVED.items()
    world.images = known(AWAY)
    world.agent |= {"spec": good | {"replicas": 1}}
    world.settle()
    (pod,) = world.objects.values()
    assert main_of(pod)["image"] == PINNED


def test_a_lost_status_is_restored_from_the_pod() -> None:
    world = World(an_agent())
    world.settle()
    before = world.agent["status"]
    del world.agent["status"]
    world.images.clear()
    world.settle()
    assert world.agent["status"] == before


def pod_remembering(text: Any, image: Any = PINNED) -> Json:
    pod = a_pod(metadata={"annotations": {"agentctl.dev/resolved": text}})
    return pod | {"spec": {"containers": [{"name": "beside", "image": "x"}, {"name": "agent", "image": image}]}}


def test_what_a_pod_remembers_is_told() -> None:
    assert status_of(an_agent(), pod_remembering(IMAGE.platforms["linux/amd64"].to_json(REFERENCE))).items() >= (
        RESOLVED.items()
    )


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "null", "5", "[]", "{}", '{"from": 5}', '{"from": null}', '{"from": "\\ud800"}', "NaN", "1" * 5000,
        "[" * 100_000, '{"a":' * 100_000, '{"from": "' + "x" * 300_000 + '"}', None, 5, {"from": "x"}, "\ud800",
    ],
)  # fmt: skip
def test_a_memory_that_is_none_is_not_told(text: Any) -> None:
    assert not RESOLVED.keys() & status_of(an_agent(), pod_remembering(text)).keys()


@pytest.mark.parametrize("image", [None, 5, "\ud800", [], {}])
def test_a_pod_without_an_image_remembers_nothing(image: Any) -> None:
    text = ImageConfig(("a",)).to_json(REFERENCE)
    assert not RESOLVED.keys() & status_of(an_agent(), pod_remembering(text, image)).keys()


@pytest.mark.parametrize("containers", [[], [{"name": "other", "image": "i"}]])
def test_a_pod_without_the_agents_container_remembers_nothing(containers: list[Any]) -> None:
    pod = pod_remembering(ImageConfig(("a",)).to_json(REFERENCE))
    pod["spec"]["containers"] = containers
    assert not RESOLVED.keys() & status_of(an_agent(), pod).keys()


def test_of_a_hostile_memory_only_words_are_told() -> None:
    text = json.dumps({"from": "a", "entrypoint": ["ok", 5, None, ["x"], "\ud800", {}], "cmd": "text"})
    told = status_of(an_agent(), pod_remembering(text))["resolvedCommand"]
    assert told == {"entrypoint": ["ok"], "cmd": []}


def _written(value: Any) -> str:
    try:
        return json.dumps(value, default=str, skipkeys=True)
    except ValueError:  # a number of thousands of digits
        return "1" * 5000


@given(any_json | st.text() | shallow_json.map(_written))
def test_no_memory_makes_it_raise_or_say_what_cannot_be_sent(text: Any) -> None:
    json.dumps(status_of(an_agent(), pod_remembering(text)), ensure_ascii=False).encode()


@given(
    st.fixed_dictionaries(
        {"resolvedFrom": st.just(REFERENCE) | any_json, "resolvedImage": any_text | words | any_json},
        optional={"resolvedCommand": any_json | st.fixed_dictionaries({"entrypoint": st.lists(any_text)})},
    )
)
def test_nor_does_a_hostile_status(status: Json) -> None:
    for action in plan(an_agent(status=status), images=known(AWAY)):
        if isinstance(action, Create):
            json.dumps(action.manifest, ensure_ascii=False).encode()
        if isinstance(action, PatchStatus):
            json.dumps(action.status, ensure_ascii=False).encode()


def test_a_registrys_message_can_always_be_sent() -> None:
    status = only(PatchStatus, plan(an_agent(), images=known(ImageError("NotFound", "\ud800" * 40_000)))).status
    assert len(json.dumps(status, ensure_ascii=False).encode()) < 200_000


@pytest.mark.parametrize("install", ["InitContainer", "ImageVolume"])
def test_the_registry_is_asked_however_the_wrapper_is_installed(install: str) -> None:
    manifest = an_agent(wrapper={"install": install})
    assert only(ResolveImage, plan(manifest, images={})).image == "example.com/agent:1"

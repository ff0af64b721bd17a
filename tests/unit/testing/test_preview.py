"""What would be done next, and how running Agents would fare with another version or configuration."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st
from tests.unit.core.builders import IMAGE, NOW, POD_UID, Json, a_pod, a_refusal, an_agent, an_owner
from tests.unit.core.strategies import agents, damaged, pod_statuses, shallow_json
from tests.unit.core.world import World

from agentctl_core import Config, Delete, Observed, Patch, PatchStatus, Policy, ResolveImage, merge_patch, reconcile
from agentctl_core.testing.preview import THIS, Preview, Treatment, Upgrade, preview, upgrade

HOST_PATH = {"volumes": [{"name": "h", "hostPath": {"path": "/h"}}]}
ALLOWING = Config(policy=Policy(allow_host_path=True))
OTHER_WRAPPER = Config(wrapper_image="other:2")


def running(config: Config | None = None, **spec: Any) -> World:
    """Return a world in which an operator has come to rest about a ready Agent."""
    world = World(an_agent(**spec))
    for _ in range(6):
        world.apply(reconcile(world.agent, observed(world), config))
        if world.pod is not None:
            world.pod["status"] = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
            world.pod["metadata"]["managedFields"] = [{"manager": "agentctl"}]
    assert preview(world.agent, observed(world), config).is_settled
    return world


def observed(world: World, seconds: float = 0) -> Observed:
    return Observed(NOW + timedelta(seconds=seconds), tuple(world.objects.values()), world.images)


def seen(world: World) -> Observed:
    """Return what somebody sees who asks no registry."""
    return Observed(NOW, tuple(world.objects.values()))


def annotate(world: World, **annotations: str | None) -> None:
    assert world.pod is not None
    there = world.pod["metadata"]["annotations"]
    there |= {f"agentctl.dev/{key.replace('_', '-')}": value for key, value in annotations.items()}


def edit(world: World, patch: Json, *, seen: bool = False) -> None:
    """Change the spec; `seen` claims that the operator before has done what it wants to about it."""
    metadata = world.agent["metadata"]
    world.agent = merge_patch(world.agent, {"spec": patch})
    world.agent["metadata"] = metadata | {"generation": metadata["generation"] + 1}
    if seen:
        world.agent["status"]["observedGeneration"] = metadata["generation"] + 1


def asked(world: World, config: Config | None = None) -> Upgrade:
    found = upgrade(world.agent, seen(world), config)
    assert found is not None
    return found


def next_of(world: World, config: Config | None = None) -> Preview:
    return preview(world.agent, seen(world), config)


def test_a_settled_agent_has_nothing_to_be_done_and_makes_no_difference() -> None:
    world = running()
    assert (next_of(world).actions, next_of(world).is_settled) == ((), True)
    found = asked(world)
    assert (found.treatment, found.made_by, found.status) == (Treatment.SAME, THIS, ())
    assert found.replacement is not None
    assert (found.replacement.changes, found.replacement.notes) == ((), ())


def test_an_edit_shows_the_end_of_the_pod_why_and_in_what_the_next_one_differs() -> None:
    world = running()
    edit(world, {"env": [{"name": "A", "value": "1"}]})
    told = next_of(world)
    assert [type(action).__name__ for action in told.actions] == ["EmitEvent", "PatchStatus", "Delete"]
    assert told.why == "The spec has changed since the pod was made."
    assert told.replacement is not None
    assert [change.path for change in told.replacement.changes] == ["spec.containers[agent].env"]
    assert told.replacement.notes == ()
    assert not told.is_settled


def test_an_image_that_the_status_remembers_needs_no_registry_and_another_does() -> None:
    world = running()
    edit(world, {"env": [{"name": "A", "value": "1"}]})
    assert not [action for action in next_of(world).actions if isinstance(action, ResolveImage)]
    edit(world, {"image": "example.com/agent:2"})
    told = next_of(world)
    assert told.actions[0] == ResolveImage("example.com/agent:2")
    assert not [action for action in told.actions if isinstance(action, Delete)]
    assert told.replacement is not None
    assert "example.com/agent:2 runs has to be looked up" in told.replacement.notes[0]


@pytest.mark.parametrize(
    ("spec", "edited", "said"),
    [
        ({}, {"replicas": 0}, "spec.replicas is 0"),
        ({"restartPolicy": "Never", "activeDeadlineSeconds": 60}, {}, "The task has taken longer"),
    ],
)
def test_why_a_pod_ends_is_what_the_status_will_say(spec: Json, edited: Json, said: str) -> None:
    world = running(**spec)
    edit(world, edited)
    told = preview(world.agent, observed(world, 61))
    assert told.why is not None
    assert told.why.startswith(said)


def test_why_a_failed_pod_ends_and_a_finished_agent() -> None:
    world = running()
    assert world.pod is not None
    world.pod["status"] = {"phase": "Failed", "reason": "Evicted", "message": "no memory"}
    assert "no memory" in (next_of(world).why or "")
    assert upgrade(world.agent, seen(world)) is None
    task = running(restartPolicy="Never", ttlSecondsAfterFinished=5)
    assert task.pod is not None
    task.pod["status"] = {"phase": "Succeeded"}
    task.apply(reconcile(task.agent, observed(task)))
    assert "have passed" in (preview(task.agent, observed(task, 10)).why or "")


def test_another_revision_of_the_same_spec_is_a_restart() -> None:
    world = running()
    world.agent["status"] |= {"currentRevision": "of-another-hash", "updateRevision": "of-another-hash"}
    annotate(world, revision="of-another-hash")
    found = asked(world)
    assert (found.treatment, found.why) == (Treatment.RESTART, "The spec has changed since the pod was made.")
    assert any(isinstance(action, Delete) for action in found.preview.actions)
    # Also where the next pod cannot be made yet, and where an operator has found something else to do.
    world.agent["status"]["resolvedFrom"] = "something/else"
    annotate(world, resolved=None)
    next(c for c in world.agent["status"]["conditions"] if c["type"] == "UpToDate")["status"] = "False"
    assert asked(world).treatment is Treatment.RESTART


def test_under_on_delete_another_revision_changes_the_status_alone() -> None:
    world = running(updateStrategy="OnDelete")
    world.agent["status"] |= {"currentRevision": "of-another-hash", "updateRevision": "of-another-hash"}
    annotate(world, revision="of-another-hash")
    found = asked(world)
    assert found.treatment is Treatment.STATUS
    assert "updateRevision" in {change.path for change in found.status}


def test_what_comes_from_an_edit_is_not_the_upgrades() -> None:
    world = running()
    edit(world, {"env": [{"name": "A", "value": "1"}]})
    found = asked(world, OTHER_WRAPPER)
    assert found.treatment is Treatment.UNDECIDED
    assert found.why == "Generation 4 of its spec is not observed yet (3 is)."


def test_what_the_operator_before_was_about_to_do_is_not_the_upgrades() -> None:
    world = running()
    edit(world, {"env": [{"name": "A", "value": "1"}]}, seen=True)
    world.agent["status"]["updateRevision"] = "of-the-edit"
    next(c for c in world.agent["status"]["conditions"] if c["type"] == "UpToDate")["status"] = "False"
    assert asked(world).treatment is Treatment.UNDECIDED
    resized = running(resources={"limits": {"cpu": "1"}})
    edit(resized, {"resources": {"limits": {"cpu": "2"}}}, seen=True)
    next(c for c in resized.agent["status"]["conditions"] if c["type"] == "UpToDate")["status"] = "False"
    assert asked(resized).treatment is Treatment.UNDECIDED


def test_a_task_whose_time_is_up_is_not_restarted_by_an_upgrade() -> None:
    world = running(restartPolicy="Never", activeDeadlineSeconds=60)
    found = upgrade(world.agent, observed(world, 61))
    assert found is not None
    assert (found.treatment, (found.why or "")[:8]) == (Treatment.UNDECIDED, "The task")


def test_a_stricter_policy_refuses_and_keeps_the_pod() -> None:
    world = running(ALLOWING, **HOST_PATH)
    assert asked(world, ALLOWING).treatment is Treatment.SAME
    found = asked(world)
    assert found.treatment is Treatment.REFUSED
    assert (found.why or "").startswith("PolicyDenied: spec.volumes[0].hostPath")
    assert not [action for action in found.preview.actions if isinstance(action, Delete)]
    assert found.replacement is None


def test_what_is_patched_is_changed_in_place() -> None:
    world = running(podTemplate={"metadata": {"labels": {"a": "1"}}})
    edit(world, {"podTemplate": {"metadata": {"labels": {"a": "2"}}}}, seen=True)
    found = asked(world)
    assert found.treatment is Treatment.CHANGED
    assert [type(a) for a in found.preview.actions] == [PatchStatus, Patch]


def test_another_wrapper_comes_with_the_next_pod() -> None:
    world = running()
    annotate(world, rendered_by="agentctl 0.0.1")
    found = asked(world, OTHER_WRAPPER)
    assert (found.treatment, found.made_by) == (Treatment.LATER, "agentctl 0.0.1")
    assert found.replacement is not None
    (change,) = found.replacement.changes
    assert (change.path, change.after) == ("spec.initContainers[agentctl-wrapper].image", "other:2")
    assert [change.path for change in found.status] == ["conditions[UpToDate].message"]
    assert not [a for a in found.preview.actions if not isinstance(a, PatchStatus)]


def test_another_version_that_makes_the_same_pod_is_told_in_the_status_alone() -> None:
    world = running()
    annotate(world, rendered_by="agentctl 0.0.1")
    assert asked(world).treatment is Treatment.STATUS


def test_a_next_pod_that_cannot_be_made_is_told() -> None:
    world = running(command=["run"])
    edit(world, {"command": None, "wrapper": {"commandResolution": "Never"}}, seen=True)
    assert asked(world).replacement is not None
    block = getattr(asked(world).replacement, "block", None)
    assert block == "spec.wrapper.commandResolution is Never: set spec.command"


def test_an_edit_that_waits_for_somebody_to_delete_the_pod_is_told_among_the_differences() -> None:
    world = running(updateStrategy="OnDelete")
    edit(world, {"env": [{"name": "A", "value": "1"}]})
    world.apply(reconcile(world.agent, observed(world)))
    found = asked(world)
    assert found.treatment is Treatment.LATER
    assert found.replacement is not None
    assert found.replacement.notes == ("The spec has changed since the pod was made: that is among it.",)


def test_without_managed_fields_not_all_is_told() -> None:
    world = running()
    assert world.pod is not None
    del world.pod["metadata"]["managedFields"]
    replacement = asked(world).replacement
    assert replacement is not None
    assert not replacement.is_whole


@pytest.mark.parametrize("state", ["none", "ending", "stranger", "going", "nameless"])
def test_an_agent_without_a_running_pod_of_its_own_is_left_out(state: str) -> None:
    world = running()
    pod, agent = deepcopy(world.pod), deepcopy(world.agent)
    assert pod is not None
    match state:
        case "none":
            pod = a_refusal()
        case "ending":
            pod["metadata"]["deletionTimestamp"] = "2026-01-31T12:00:00Z"
        case "stranger":
            pod["metadata"]["ownerReferences"] = []
        case "going":
            agent["metadata"]["deletionTimestamp"] = "2026-01-31T12:00:00Z"
        case _:
            del agent["metadata"]["name"]
    assert upgrade(agent, Observed(NOW, (pod,))) is None


def as_json(value: Any) -> Any:
    """Return what an API server would tell of it; give up an example that JSON cannot hold."""
    try:
        return json.loads(json.dumps(value, default=lambda other: dict(other) if other else 0))
    except (TypeError, ValueError, RecursionError):
        reject()


@given(st.data())
def test_anything_that_is_json_can_be_asked_about(data: st.DataObject) -> None:
    agent = as_json(data.draw(agents() | damaged(agents(), shallow_json)))
    metadata = agent.get("metadata") if isinstance(agent, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    managed = {"manager": "agentctl", "fieldsV1": {"f:spec": {"f:containers": {'k:{"name":"agent"}': {"f:image": {}}}}}}
    own = {"name": name, "ownerReferences": [an_owner(name=str(name))], "managedFields": [managed]}
    made = a_pod(metadata=own, status=data.draw(pod_statuses))
    pod = as_json(data.draw(st.just(made) | damaged(st.just(made), shallow_json)))
    assume(isinstance(agent, dict) and isinstance(pod, dict))
    world = Observed(NOW, (pod,), {"example.com/agent:1": IMAGE})
    assert preview(agent, world).actions == reconcile(agent, preview(agent, world).observed)
    found = upgrade(agent, world)
    assert found is None or isinstance(found.treatment, Treatment)


def test_the_pod_of_the_builders_is_one_that_runs() -> None:
    found = upgrade(an_agent(), Observed(NOW, (a_pod(status={"phase": "Running"}),)))
    assert found is not None
    assert (found.treatment, found.preview.manifest["metadata"]["uid"] != POD_UID) == (Treatment.UNDECIDED, True)

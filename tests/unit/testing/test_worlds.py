"""Worlds, their steps and faults, and what is said of them."""

from __future__ import annotations

import pytest
from attrs import evolve

from agentctl_core import Create, Delete
from agentctl_core.testing import FAULTS, Scenario, Violation, World, assert_converges, explore, random_faults, retrace
from agentctl_core.testing._fingerprint import fingerprint
from agentctl_core.testing._laws import LawBrokenError, check_goal, check_settled, check_state
from agentctl_core.testing._steps import enabled, take

SPEC = {"image": "example.com/agent:1", "command": ["agent"]}
SCENARIO = Scenario(spec=SPEC, versions=[{**SPEC, "image": "example.com/agent:2"}])
READY = "plan act act step plan act wait step plan act"


def reason(world: World, kind: str) -> str | None:
    conditions = (world.agent or {}).get("status", {}).get("conditions", [])
    return next((c["reason"] for c in conditions if c["type"] == kind), None)


def at_rest(world: World) -> World:
    """Take free steps until nothing is left to do, or only to look again."""
    for _ in range(200):
        steps = list(world.free_steps())
        if not steps or (steps == ["wait"] and world.operator.met):
            return world
        world = take(world, steps[0])
    raise AssertionError("it does not come to rest")


def test_an_agent_becomes_ready_in_a_few_steps() -> None:
    world = retrace(SCENARIO, READY)
    assert reason(world, "Ready") == "PodReady"
    assert list(world.free_steps()) == []
    check_settled(world)
    check_goal(world)


def test_a_step_leaves_the_world_before_it_as_it_was() -> None:
    world = World(SCENARIO)
    before = fingerprint(world, faults_left=2)
    for step in (*world.free_steps(), *enabled(world, FAULTS)):
        take(world, step)
    assert fingerprint(world, faults_left=2) == before


def test_the_same_steps_lead_to_the_same_world() -> None:
    line = f"{READY} pod-evicted plan crash plan act"
    first, second = (retrace(SCENARIO, line) for _ in range(2))
    assert first.cluster.storage.objects == second.cluster.storage.objects
    assert fingerprint(first, faults_left=1) == fingerprint(second, faults_left=1)


def test_a_step_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(KeyError):
        retrace(SCENARIO, "jump")


@pytest.mark.parametrize(
    ("steps", "kind", "expected"),
    [
        ("plan quota", "Ready", "QuotaExceeded"),
        ("stranger plan act", "Accepted", "NameConflict"),
        (f"{READY} scale", "Suspended", "ScaledToZero"),
        (f"{READY} break", "Accepted", "InvalidSpec"),
        (f"{READY} edit", "UpToDate", "Current"),
    ],
)
def test_what_happened_is_told(steps: str, kind: str, expected: str) -> None:
    world = at_rest(retrace(SCENARIO, steps))
    assert reason(world, kind) == expected
    check_goal(world)


def test_a_response_that_is_lost_leads_to_no_second_pod() -> None:
    world = at_rest(retrace(SCENARIO, "plan lost-response"))
    assert reason(world, "Ready") == "PodReady"
    world = at_rest(retrace(SCENARIO, "plan crash-during"))
    assert reason(world, "Ready") == "PodReady"


def test_an_operator_that_starts_anew_forgets_all_but_its_clock() -> None:
    world = retrace(SCENARIO, f"{READY} clock-ahead crash")
    assert world.operator.view is None
    assert world.operator.skew.total_seconds() == 3600


def test_a_view_from_before_an_edit_is_stale() -> None:
    world = retrace(SCENARIO, f"{READY} edit")
    assert set(enabled(world, ("stale-view", "missed-events"))) == {"stale-view"}
    assert take(world, "stale-view").operator.plan == ()  # it decides on the spec that it knows
    assert take(world, "plan").operator.plan != ()


def test_the_agent_and_what_it_has_may_be_seen_as_of_different_moments() -> None:
    edited = retrace(SCENARIO, f"{READY} edit pod-killed")
    names = ("stale-agent", "stale-objects")
    assert set(enabled(edited, names)) == set(names)
    late_agent, late_objects = (take(edited, name).operator.plan for name in names)
    assert isinstance(late_agent[0], Create)
    assert late_agent[0].manifest["spec"]["containers"][0]["image"] == SPEC["image"]
    assert isinstance(late_objects[-1], Delete)


def test_nothing_is_deleted_for_what_an_agent_asks_for_no_more() -> None:
    world = retrace(SCENARIO, f"{READY} edit plan act act")
    assert isinstance(world.operator.plan[0], Delete)
    world = take(world, "edit")
    after = take(world, "act")
    assert after.operator.plan == ()
    assert after.pod is world.pod


def test_a_deletion_that_is_not_seen_is_a_gap() -> None:
    world = retrace(SCENARIO, f"{READY} pod-killed")
    assert "missed-events" in enabled(world, ("missed-events",))
    assert take(world, "missed-events").operator.plan == ()


def test_worlds_that_differ_in_names_and_times_alone_are_the_same() -> None:
    first = at_rest(World(SCENARIO))
    second = at_rest(retrace(SCENARIO, f"{READY} pod-deleted"))
    assert first.cluster.storage.objects != second.cluster.storage.objects
    assert fingerprint(first, faults_left=0) == fingerprint(second, faults_left=0)


def test_worlds_that_differ_in_what_is_still_to_come_are_not() -> None:
    world = retrace(SCENARIO, READY)
    prints = {fingerprint(take(world, fault), faults_left=1) for fault in enabled(world, FAULTS)}
    # That a pod is deleted, drained or preempted tells the operator the same but for the reason.
    assert len(prints) >= len(list(enabled(world, FAULTS))) - 1


def test_a_second_living_pod_breaks_a_law() -> None:
    world = retrace(SCENARIO, READY)
    pod = world.cluster.get(world.pod_ref)
    other = {"name": "other", "labels": pod["metadata"]["labels"]}
    world.cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": other, "spec": pod["spec"]})
    with pytest.raises(LawBrokenError, match="more than one pod"):
        check_state(world)


def test_a_claim_that_is_lost_breaks_a_law() -> None:
    world = World(SCENARIO)
    world.ghost = evolve(world.ghost, claims={"data-demo": "uid"})
    with pytest.raises(LawBrokenError, match="claim data-demo is lost"):
        check_state(world)


def test_an_agent_without_its_pod_is_not_what_is_asked_for() -> None:
    with pytest.raises(LawBrokenError, match="does not speak of the present spec"):
        check_goal(World(SCENARIO))


def test_an_operator_that_would_write_is_not_settled() -> None:
    with pytest.raises(LawBrokenError, match="would write"):
        check_settled(World(SCENARIO))


def test_exploration_counts_what_it_found() -> None:
    found = explore(SCENARIO, faults=["crash", "pod-deleted"], most_faults=1)
    assert found.states > 30
    assert found.transitions > found.states
    assert set(found.faults) == {"crash", "pod-deleted"}
    assert str(found).startswith(f"{found.states} states")
    with pytest.raises(RuntimeError, match="more than 10 states"):
        explore(SCENARIO, most_states=10)


def test_a_violation_tells_the_way_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(world: World) -> None:
        if reason(world, "Ready") == "PodReady":
            raise LawBrokenError("ready")

    monkeypatch.setattr("agentctl_core.testing._steps.check_state", broken)
    with pytest.raises(Violation, match="ready") as caught:
        explore(SCENARIO, most_faults=0)
    assert caught.value.steps == READY
    assert READY in str(caught.value)
    monkeypatch.undo()
    assert reason(retrace(SCENARIO, caught.value.steps), "Ready") == "PodReady"


def test_a_random_run_can_be_told_and_repeated() -> None:
    faults = random_faults(7)
    assert faults == random_faults(7)
    first, second = (assert_converges(SCENARIO, faults, seed=3) for _ in range(2))
    assert first == second
    assert first.plans >= first.rounds
    assert set(first.faults) <= {name for _, name in faults} | set(FAULTS)
    world = retrace(SCENARIO, first.steps)
    check_goal(world)


def test_a_spec_alone_is_a_scenario() -> None:
    assert assert_converges(SPEC).faults == ()
    assert assert_converges(SPEC, 12, seed=1).rounds >= 1

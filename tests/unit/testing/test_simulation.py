"""A simulation goes its way without lots, and what befalls it happens as soon as it can."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agentctl_core.testing import FAULTS, Refused, Scenario, Timings
from agentctl_core.testing.simulation import CHANGE, CREATE, End, Event, Simulation, random_events

SPEC = {"image": "example.com/agent:1", "command": ["agent"]}


def after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def simulation(*events: Event, spec: dict[str, Any] | None = None, **options: Any) -> Simulation:
    scenario = Scenario(spec=spec or SPEC, name="mine", namespace="team", timings=Timings(start=2, run=20))
    return Simulation(scenario, events, **options)


def steps(run: Simulation) -> list[tuple[float, str]]:
    return [(moment.at.total_seconds(), moment.step) for moment in run.run()]


def test_an_agent_of_any_name_and_namespace_comes_to_rest() -> None:
    run = simulation()
    told = steps(run)
    assert (told[0], told[-1]) == ((0, CREATE), (2, "act"))
    assert (run.end, run.left, run.elapsed) == (End.SETTLED, [], after(2))
    assert run.world.pod is not None
    assert run.world.pod["metadata"]["name"] == "mine"
    assert run.world.pod["metadata"]["namespace"] == "team"


def test_the_same_events_give_the_same_run() -> None:
    events = [Event(after(30), "pod-killed"), Event(after(31), "crash-during")]
    assert steps(simulation(*events)) == steps(simulation(*events))


def test_events_happen_at_their_time_in_their_order() -> None:
    told = steps(simulation(Event(after(40), "crash"), Event(after(30), "pod-killed"), Event(after(30), "conflict")))
    assert [step for step in told if step[1] in FAULTS] == [(30, "pod-killed"), (30, "conflict"), (40, "crash")]


def test_what_cannot_happen_yet_happens_as_soon_as_it_can() -> None:
    told = steps(simulation(Event(after(10), "lost-response"), Event(after(30), "pod-killed")))
    assert [step for step in told if step[1] in FAULTS] == [(30, "pod-killed"), (30, "lost-response")]


def test_what_never_can_is_left() -> None:
    run = simulation(Event(after(10), "node-back"))
    assert "node-back" not in dict.fromkeys(step for _, step in steps(run))
    assert [event.name for event in run.left] == ["node-back"]
    assert run.end is End.SETTLED


def test_a_change_takes_all_of_the_new_spec() -> None:
    scenario = Scenario(spec=SPEC, versions=[{**SPEC, "replicas": 0}])
    run = Simulation(scenario, [Event(after(5), CHANGE, 1)])
    assert (5, CHANGE) in steps(run)
    assert run.world.pod is None


def test_a_change_that_the_api_server_refuses_is_told_and_changes_nothing() -> None:
    run = Simulation(Scenario(spec=SPEC, versions=[{"image": 5}]), [Event(after(5), CHANGE, 1)])
    (change,) = [moment for moment in run.run() if moment.step == CHANGE]
    assert "spec.image" in (change.refusal or "")
    assert change.after.agent is change.before.agent


def test_it_ends_when_its_time_has_passed_or_it_has_taken_enough_steps() -> None:
    fails = [Event(after(5), "stranger"), Event(timedelta(), "delay")]
    run = simulation(spec={**SPEC, "restartPolicy": "Never"}, until=after(10))
    assert steps(run)[-1][0] < 10
    assert run.end is End.TIME
    run = simulation(*fails, most_steps=3)
    assert len(steps(run)) == 4
    assert run.end is End.STEPS


def test_an_agent_that_the_api_server_refuses_and_an_unknown_fault_are_errors() -> None:
    with pytest.raises(Refused, match=r"spec\.image"):
        simulation(spec={"image": 5})
    with pytest.raises(KeyError):
        simulation(Event(timedelta(), "earthquake"))


@pytest.mark.parametrize("fault", ["delete", "delete-foreground", "recreate"])
def test_claims_that_go_with_their_agent_may_go(fault: str) -> None:
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    policy = {"whenDeleted": "Delete"}
    spec = {**SPEC, "volumeClaimTemplates": [claim], "persistentVolumeClaimRetentionPolicy": policy}
    run = simulation(Event(after(30), fault), spec=spec)
    steps(run)
    assert run.end is End.SETTLED


def test_random_events_are_those_of_their_seed() -> None:
    drawn = [random_events(seed) for seed in range(40)]
    assert drawn == [random_events(seed) for seed in range(40)]
    assert len({event.name for events in drawn for event in events}) > 25
    assert all(list(events) == sorted(events, key=lambda event: event.at) for events in drawn)
    assert max(event.at for events in drawn for event in events) > after(60)


def test_every_fault_says_what_happens_in_a_line() -> None:
    assert all(len(fault.told) < 80 and not fault.told.endswith(".") for fault in FAULTS.values())
    assert len({fault.told for fault in FAULTS.values()}) == len(FAULTS)

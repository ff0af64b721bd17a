"""A run on the model cluster, told as a story."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, TypeAlias, cast

from attrs import frozen

from agentctl_core import Config, InvalidAgent, Ref, Requeue, ResolveImage, parse_agent
from agentctl_core.testing import FAULTS, Fault, Scenario, Timings, World
from agentctl_core.testing.replay import encode_action
from agentctl_core.testing.simulation import (
    CHANGE,
    CREATE,
    START,
    End,
    Event,
    LawBrokenError,
    Moment,
    Simulation,
)

from .._assumed_images import assumed_image
from ._exits import ExitCode, Failure
from ._story import Entry, Story, Tone, conditions_of, in_short, in_words, plain_entry, tone_of
from ._times import length_in_words

Manifest: TypeAlias = Mapping[str, Any]

TIMINGS: Final = Timings(schedule=1, start=2, stop=2, run=20)
"""How long things take on the model cluster, in seconds."""


@frozen(unsafe_hash=False, kw_only=True)
class Told:
    """A run that is over.

    Attributes:
        agent: whose.
        entries: what happened.
        seconds: how long it has taken on the model's clock.
        end: why it was over.
        following: when something more would happen, in seconds since the start; None where nothing ever would.
        amiss: what the Agent's conditions say at the end that is not as it should be.
        left: the faults and changes that could not happen.
    """

    agent: Ref
    entries: Sequence[Entry]
    seconds: float
    end: End
    following: float | None
    amiss: Sequence[str]
    left: Sequence[str]

    @property
    def is_well(self) -> bool:
        """Whether all could happen, and the Agent is ready, suspended, finished with success or gone."""
        return not self.amiss and not self.left


def run(
    agent: Manifest,
    events: Sequence[Event],
    changes: Sequence[tuple[Manifest, timedelta]],
    until: timedelta,
    config: Config,
) -> Told:
    """Run an Agent through faults and changes.

    Args:
        agent: its manifest.
        events: the faults.
        changes: manifests whose spec it gets, and when.
        until: how long it lasts at most.
        config: of the operator.

    Raises:
        Failure: the Agent is not valid (DATA), or what has happened must not happen (SOFTWARE).
    """
    scenario = _scenario(agent, [changed for changed, _ in changes], config)
    edits = [Event(at, CHANGE, version) for version, (_, at) in enumerate(changes, 1)]
    simulation = Simulation(scenario, [*events, *edits], until=until)
    entries: list[Entry] = []
    now = 0.0
    story = Story(lambda: now, entries.append)
    try:
        for moment in simulation.run():
            now = moment.at.total_seconds()
            _tell(story, moment)
    except LawBrokenError as error:
        raise Failure(ExitCode.SOFTWARE, f"this must not happen, and is a bug of agentctl: {error}") from error
    conditions = conditions_of(simulation.world.agent).values()
    due = simulation.world.next_deadline()
    left = [f"{event.name} ({length_in_words(event.at.total_seconds())})" for event in simulation.left]
    return Told(
        agent=simulation.world.ref,
        entries=entries,
        seconds=simulation.elapsed.total_seconds(),
        end=simulation.end or End.STEPS,
        following=None if due is None else (due - START).total_seconds(),
        amiss=[in_short(condition) for condition in conditions if tone_of(condition) in (Tone.BAD, Tone.WAITING)],
        left=left,
    )


def plain(told: Told) -> dict[str, Any]:
    """Return a run as JSON values."""
    return {
        "agent": f"{told.agent.namespace}/{told.agent.name}",
        "entries": [plain_entry(entry) for entry in told.entries],
        "end": {"at": told.seconds, "because": told.end.value, "next": told.following},
        "amiss": list(told.amiss),
        "couldNotHappen": list(told.left),
    }


def _scenario(agent: Manifest, changed: Sequence[Manifest], config: Config) -> Scenario:
    try:
        name = parse_agent(agent).name
    except InvalidAgent as error:
        raise Failure(ExitCode.DATA, "\n".join(map(str, error.problems))) from error
    specs = [_spec_of(manifest) for manifest in (agent, *changed)]
    images = [str(spec.get("image")) for spec in specs]
    return Scenario(
        spec=specs[0],
        versions=specs[1:],
        name=name,
        namespace=agent["metadata"].get("namespace") or "default",
        config=config,
        timings=TIMINGS,
        images={image: assumed_image(image) for image in images},
    )


def _spec_of(manifest: Manifest) -> Manifest:
    spec: object = manifest.get("spec")
    if not isinstance(spec, dict):
        raise Failure(ExitCode.DATA, "spec: must be an object, in the Agents that it is changed to as well")
    return cast("Manifest", spec)


def _tell(story: Story, moment: Moment) -> None:
    """Tell what one step has changed."""
    before, after = moment.before, moment.after
    if moment.step == CREATE:
        story.did(f"applied Agent {after.ref.name}", after.agent)
    elif moment.step == CHANGE:
        refused = f", which the API server refuses: {moment.refusal}" if moment.refusal else ""
        story.did(f"changed the spec of Agent {after.ref.name}{refused}", after.agent)
    elif moment.step == "plan":
        _tell_plan(story, before, after)
    elif moment.step == "act":
        story.decided(before.operator.plan[:1], refused=after.operator.failed)
    elif moment.step in FAULTS:
        _tell_fault(story, FAULTS[moment.step], before)
    story.saw_pod(after.pod)
    story.saw_agent(after.agent)


def _tell_plan(story: Story, before: World, after: World) -> None:
    """Tell what of a plan is no step of its own: what is looked up, and when the operator looks again."""
    for image in sorted(after.operator.known - before.operator.known):
        story.decided([ResolveImage(image)])
        story.assumed(image, after.operator.images[image])
    due = after.operator.due
    if due is not None and due != before.operator.due and due > after.cluster.now:
        story.decided([Requeue((due - after.cluster.now).total_seconds())])


def _tell_fault(story: Story, fault: Fault, before: World) -> None:
    if fault.is_users:
        story.did(fault.told)
        return
    action = before.operator.plan[0] if fault.is_of_write else None
    if action is None:
        story.fault(fault.name, fault.told)
    else:
        story.fault(fault.name, f"{fault.told} ({in_words(action)})", encode_action(action))

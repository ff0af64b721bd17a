"""What the operator would do next about an Agent, and how the Agents that run would fare with another operator.

Nothing is looked up: of an image is known what the Agent's status and its pod remember::

    told = upgrade(manifest, observed, config)
    if told is not None and told.treatment is Treatment.RESTART:
        print(told.why, *told.preview.actions)
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, cast

from attrs import evolve, frozen

from .._actions import Action, Create, Delete, Patch, PatchStatus, Requeue, Resize, ResolveImage
from .._agent import KIND
from .._conditions import Verdict, conditions_of
from .._config import VERSION, Config
from .._identity import RENDERED_BY
from .._image import ImageError
from .._json import dig, dig_list, is_being_deleted, reach
from .._observed import Observed
from .._pod_state import has_ended
from .._reconcile import decide, prepare
from .._resolve import Unresolved, resolve_pod, resolved_status
from .._run import pod_revision
from .._situation import Holder, Prepared, Situation, Want, assess
from .._spec import MAIN_CONTAINER
from ._differences import ABSENT, Absent, Change
from ._drift import drift, tells_former
from ._named import named_changes

__all__ = [
    "ABSENT",
    "THIS",
    "Absent",
    "Change",
    "Preview",
    "Replacement",
    "Treatment",
    "Upgrade",
    "named_changes",
    "preview",
    "upgrade",
]

THIS: Final = f"agentctl {VERSION}"
"""This version, as the pods that it makes name it."""


@frozen(unsafe_hash=False)
class Replacement:
    """What the next pod would have differently than the present one.

    Attributes:
        changes: by path.
        is_whole: whether what the next pod would not have any more is among them; that is known of pods with
            managedFields alone.
        block: why there would be no next pod, as things stand.
        notes: what else is to be known.
    """

    changes: tuple[Change, ...]
    is_whole: bool
    block: str | None = None
    notes: tuple[str, ...] = ()


@frozen(unsafe_hash=False)
class Preview:
    """What the operator would do next about one Agent.

    Attributes:
        manifest, observed: what it is decided on.
        actions: the plan.
        why: what the status would say of the pod's end, where the plan ends it.
        replacement: where the pod is to be replaced, how the next one differs.
    """

    manifest: Mapping[str, Any]
    observed: Observed
    actions: tuple[Action, ...]
    why: str | None = None
    replacement: Replacement | None = None

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to do but wait."""
        return all(isinstance(action, Requeue) for action in self.actions)


class Treatment(Enum):
    """How another operator would treat a running Agent, from the worst on."""

    RESTART = "restart"
    """Its pod would be ended, though the operator before had nothing more to do about it: no version may do so."""
    REFUSED = "refused"
    """It is accepted and would not be any more; its pod is kept."""
    CHANGED = "changed in place"
    """Its pod, or what stands beside it, would be changed; the pod goes on."""
    LATER = "at next replacement"
    """Its next pod would be another than the present one is."""
    STATUS = "status only"
    """Its status would say something else."""
    UNDECIDED = "undecided"
    """There is something to do that need not come from the change of operator: its spec, its pod or its time has
    changed, and the operator before has not settled that."""
    SAME = "no difference"


@frozen(unsafe_hash=False)
class Upgrade:
    """How this version, with this configuration, would treat a running Agent.

    Attributes:
        treatment: the gravest that holds.
        made_by: which version made the pod; None where it does not say.
        preview: what would be done next.
        status: in what the status would differ.
        replacement: how the next pod would differ from the present one; None where there would be none.
        why: for RESTART, REFUSED and UNDECIDED.
    """

    treatment: Treatment
    made_by: str | None
    preview: Preview
    status: tuple[Change, ...]
    replacement: Replacement | None = None
    why: str | None = None


def preview(manifest: Mapping[str, Any], observed: Observed, config: Config | None = None) -> Preview:
    """Return what the operator would do next; total, like `reconcile`.

    Args:
        manifest: the Agent.
        observed: the world. Its `images` are completed by what the Agent's status remembers.
        config: what the operator's owner decided.
    """
    return _look(manifest, observed, config)[0]


def upgrade(manifest: Mapping[str, Any], observed: Observed, config: Config | None = None) -> Upgrade | None:
    """Return how this version would treat an Agent whose pod runs; None where no pod of it does."""
    told, prepared, situation = _look(manifest, observed, config)
    pod = situation.own_pod if situation is not None else None
    if situation is None or pod is None or has_ended(pod) or is_being_deleted(pod) or is_being_deleted(manifest):
        return None
    status = next((a.status for a in told.actions if isinstance(a, PatchStatus)), None)
    found = Upgrade(
        treatment=Treatment.SAME,
        made_by=dig(reach(pod, "metadata", "annotations"), RENDERED_BY, kind=str),
        preview=told,
        status=() if status is None else tuple(named_changes(reach(manifest, "status") or {}, status)),
        replacement=_compared(prepared, situation, told),
    )
    return _classified(found, prepared, situation)


def _look(
    manifest: Mapping[str, Any], observed: Observed, config: Config | None
) -> tuple[Preview, Prepared, Situation | None]:
    prepared = prepare(manifest, config)
    observed = _with_memory(prepared, manifest, observed)
    told = Preview(manifest, observed, decide(prepared, manifest, observed))
    if prepared.identity is None:
        return told, prepared, None
    situation = assess(prepared, prepared.identity, manifest, observed)
    if any(_ends(action) for action in told.actions):
        told = evolve(told, why=_why(situation, _conditions_after(told)))
    if situation.holder is Holder.OUTDATED and situation.want is Want.RUN:
        told = evolve(told, replacement=_replacement(prepared, situation, told))
    return told, prepared, situation


def _with_memory(prepared: Prepared, manifest: Mapping[str, Any], observed: Observed) -> Observed:
    """Return what is observed, with a registry that is away where the status still knows what it said."""
    agent = prepared.agent
    if agent is None or agent.spec.image in observed.images:
        return observed
    status = reach(manifest, "status")
    if dig(status, "resolvedFrom", kind=str) != agent.spec.image or dig(status, "resolvedImage", kind=str) is None:
        return observed
    return evolve(observed, images={**observed.images, agent.spec.image: _NOT_ASKED})


_NOT_ASKED: Final = ImageError("Unreachable", "no registry is asked for a preview")


def _ends(action: Action) -> bool:
    """Tell whether an action ends the pod: by itself, or with its Agent."""
    return isinstance(action, Delete) and action.ref.kind in ("Pod", KIND)


def _conditions_after(told: Preview) -> Mapping[str, Verdict]:
    """Return the conditions as the plan leaves them."""
    for action in told.actions:
        if isinstance(action, PatchStatus):
            return conditions_of({"status": action.status})
    return conditions_of(told.manifest)


def _why(situation: Situation, conditions: Mapping[str, Verdict]) -> str:
    types = {
        Want.SUSPEND: "Suspended",
        Want.DONE: "Finished",
        Want.EXPIRED: "Finished",
    }
    kind = types.get(situation.want, "Ready" if situation.holder is Holder.ENDED else "UpToDate")
    found = conditions.get(kind)
    told = found.message if found is not None else situation.want.value
    return f"{told} Its ttlSecondsAfterFinished have passed." if situation.want is Want.EXPIRED else told


def _replacement(prepared: Prepared, situation: Situation, told: Preview) -> Replacement | None:
    """Return how the next pod would differ; None where the spec is refused, so that there is none."""
    agent, rendered, pod = prepared.agent, prepared.rendered, situation.own_pod
    if agent is None or rendered is None or pod is None:
        return None
    made = resolve_pod(agent, rendered, *_as_resolved(prepared, situation, told))
    if not isinstance(made, Unresolved):
        return Replacement(drift(pod, made), tells_former(pod))
    # What either pod runs is no matter of this version's alone.
    changes = drift(_without_command(pod), _without_command(rendered.pod))
    if not made.actions:
        return Replacement(changes, tells_former(pod), made.block.message)
    note = f"What {agent.spec.image} runs has to be looked up; the command is not compared."
    return Replacement(changes, tells_former(pod), notes=(note,))


def _compared(prepared: Prepared, situation: Situation, told: Preview) -> Replacement | None:
    """Return how the next pod would differ, and that this need not come from the change of operator alone."""
    found, rendered = _replacement(prepared, situation, told), prepared.rendered
    if found is None or rendered is None or pod_revision(situation.own_pod) in (None, rendered.revision):
        return found
    return evolve(found, notes=(*found.notes, "The spec has changed since the pod was made: that is among it."))


def _as_resolved(prepared: Prepared, situation: Situation, told: Preview) -> tuple[dict[str, Any], Observed]:
    """Return the Agent and the world as if its pod had just been resolved: what it runs holds for the next one too."""
    remembered = resolved_status(prepared, situation, told.manifest)
    manifest = {**told.manifest, "status": {**_object(reach(told.manifest, "status")), **remembered}}
    return manifest, _with_memory(prepared, manifest, told.observed)


def _without_command(pod: Mapping[str, Any]) -> dict[str, Any]:
    containers = [
        {key: value for key, value in c.items() if key not in _COMMAND} if c.get("name") == MAIN_CONTAINER else c
        for c in dig_list(pod, "spec", "containers")
    ]
    return {**pod, "spec": {**_object(reach(pod, "spec")), "containers": containers}}


def _object(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


_COMMAND: Final = ("image", "command", "args")


def _classified(found: Upgrade, prepared: Prepared, situation: Situation) -> Upgrade:
    manifest, actions = found.preview.manifest, found.preview.actions
    before, now = conditions_of(manifest), _conditions_after(found.preview)
    generation, seen = (
        dig(manifest, "metadata", "generation", kind=int),
        dig(manifest, "status", "observedGeneration", kind=int),
    )
    if generation is not None and seen != generation:
        told = f"Generation {generation} of its spec is not observed yet ({seen or 'none'} is)."
        return evolve(found, treatment=Treatment.UNDECIDED, why=told)
    is_replaced = situation.want is Want.RUN and situation.holder is Holder.OUTDATED
    if is_replaced or any(_ends(action) for action in actions):
        is_ours = situation.want is Want.RUN and (
            _is_other_hash(prepared, situation, manifest) or _unsettled(before) is None
        )
        return evolve(
            found,
            treatment=Treatment.RESTART if is_ours else Treatment.UNDECIDED,
            why=found.preview.why or _why(situation, now),
        )
    accepted, was = now.get("Accepted"), before.get("Accepted")
    if accepted is not None and was is not None and (was.status, accepted.status) == ("True", "False"):
        return evolve(found, treatment=Treatment.REFUSED, why=f"{accepted.reason}: {accepted.message}")
    if any(isinstance(action, Create | Patch | Resize | Delete | ResolveImage) for action in actions):
        why = _unsettled(before)
        return evolve(found, treatment=Treatment.CHANGED if why is None else Treatment.UNDECIDED, why=why)
    if found.replacement is not None and (found.replacement.changes or found.replacement.block):
        return evolve(found, treatment=Treatment.LATER)
    return found if found.preview.is_settled else evolve(found, treatment=Treatment.STATUS)


def _is_other_hash(prepared: Prepared, situation: Situation, manifest: Mapping[str, Any]) -> bool:
    """Tell whether the operator before and this one disagree over which pod the spec asks for."""
    before = dig(manifest, "status", "updateRevision", kind=str)
    now = None if prepared.rendered is None else prepared.rendered.revision
    return before == pod_revision(situation.own_pod) != now


def _unsettled(before: Mapping[str, Verdict]) -> str | None:
    """Return what the operator before still had to do by its own word; None where it had come to rest."""
    for kind in ("Accepted", "UpToDate"):
        found = before.get(kind)
        if found is None or found.status != "True":
            return f"{kind} was not True before: {'it is missing' if found is None else found.message}"
    return None

"""The decision: what to do next, from what is asked for and what is there.

Level-based: a plan depends on the present state alone, and stopping after any of its actions is safe. There is no
clock, no randomness and no I/O here; `Observed` brings the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from attrs import evolve, frozen

from ._actions import Action, Create, Delete, EmitEvent, PatchStatus, Ref, Requeue
from ._agent import API_VERSION, KIND, PLACEHOLDER_UID, parse_agent
from ._conditions import Verdict, find_condition
from ._config import Config
from ._json import dig, digest, same_json
from ._objects import ObjectsPlan, plan_objects
from ._observed import Observed
from ._pod import render
from ._policy import violations
from ._problem import InvalidAgent
from ._resolve import Unresolved, resolve_pod
from ._situation import Holder, Identity, Prepared, Situation, Want, assess
from ._spec import NAME_MAX_LENGTH
from ._status import desired_status, verdicts

LOOK_AGAIN_SECONDS: Final = 30.0
"""What the host cannot watch (a stranger's object, a refusal that may be lifted) is looked at again after this time."""
NOTE_MAX_BYTES: Final = 1024


class Step(Enum):
    """What is done about the pod."""

    WAIT = "wait"
    CREATE = "create"
    DELETE = "delete"
    LOOK_AGAIN = "look again"


STEPS: Final[Mapping[Want, Mapping[Holder, Step]]] = {
    Want.RUN: {
        Holder.NOBODY: Step.CREATE,
        Holder.OURS: Step.WAIT,
        Holder.ENDING: Step.WAIT,
        Holder.PREDECESSOR: Step.WAIT,
        Holder.STRANGER: Step.LOOK_AGAIN,
        Holder.REFUSED: Step.LOOK_AGAIN,
    },
    Want.SUSPEND: {
        Holder.NOBODY: Step.WAIT,
        Holder.OURS: Step.DELETE,
        Holder.ENDING: Step.WAIT,
        Holder.PREDECESSOR: Step.WAIT,
        Holder.STRANGER: Step.LOOK_AGAIN,
        Holder.REFUSED: Step.WAIT,
    },
    # An invalid Agent keeps what it has, and an Agent that goes leaves the cleaning up to the garbage collector.
    Want.INVALID: dict.fromkeys(Holder, Step.WAIT),
    Want.GO: dict.fromkeys(Holder, Step.WAIT),
}
"""The decision table, complete: one step for each situation."""


def wanted(manifest: Mapping[str, Any], config: Config | None = None) -> tuple[Ref, ...]:
    """Return what a host must observe: the names of everything that is or would be created for the Agent.

    Besides that a host observes what the Agent owns: a Service that the spec no longer asks for, an old config map.
    Total, like `reconcile`: a manifest without a name wants nothing; one with an invalid spec may still have its pod.
    """
    prepared = prepare(manifest, config)
    if prepared.identity is None:
        return ()
    pod = Ref("v1", "Pod", prepared.identity.namespace, prepared.identity.name)
    return (pod, *(Ref.of(o) for o in prepared.rendered.objects)) if prepared.rendered else (pod,)


def reconcile(manifest: Mapping[str, Any], observed: Observed, config: Config | None = None) -> tuple[Action, ...]:
    """Return what to do next about one Agent: `decide(prepare(manifest, config), manifest, observed)`.

    Args:
        manifest: the Agent as the API server returns it; any Mapping. It is read, never kept nor changed.
        observed: the world as last seen; it may be stale.
        config: what the operator's owner decided.

    Returns:
        The actions, to be executed in order. Empty where all is as it should be: a settled Agent makes no writes.
        Never raises on JSON-like input: what is wrong with a manifest becomes `Accepted=False`.
    """
    return decide(prepare(manifest, config), manifest, observed)


def prepare(manifest: Mapping[str, Any], config: Config | None = None) -> Prepared:
    """Return the half of a decision that depends on spec and metadata alone, for a host to cache (see `Prepared`)."""
    identity = _identity(manifest)
    if identity is None:
        return Prepared(identity=None)
    config = config or Config()
    try:
        agent = parse_agent(manifest)
        rendered = render(agent, config)
    except InvalidAgent as error:
        return Prepared(identity=identity, problems=error.problems)
    if denied := violations(agent, config.policy):
        return Prepared(identity=identity, problems=denied, refusal="PolicyDenied")
    return Prepared(identity=identity, agent=agent, rendered=rendered)


def decide(prepared: Prepared, manifest: Mapping[str, Any], observed: Observed) -> tuple[Action, ...]:
    """Return what to do next, from a prepared Agent, its present manifest (status, resourceVersion) and the world."""
    identity = prepared.identity
    if identity is None:
        return ()
    situation = assess(prepared, identity, manifest, observed)
    step = STEPS[situation.want][situation.holder]
    objects = ObjectsPlan()
    if prepared.rendered and situation.want in (Want.RUN, Want.SUSPEND):
        retains = prepared.agent is not None and (
            prepared.agent.spec.persistent_volume_claim_retention_policy.when_deleted == "Retain"
        )
        objects = plan_objects(prepared.rendered.objects, situation, observed, retains_claims=retains)
    actions, block = list(objects.actions), objects.block
    # The host watches what is ending, so nothing else has to lead back here.
    look_again = block is not None and block.reason != "Terminating"
    if step is Step.CREATE and block is None:
        made = _create(prepared, manifest, observed)
        actions += made.actions
        block, look_again = made.block, made.look_again
        if made.pod is not None:
            # The status that follows holds once the pod is there; where it is refused, the host does not go on.
            situation = evolve(situation, holder=Holder.OURS, pod=made.pod)
    elif step is Step.DELETE and (uid := dig(situation.pod, "metadata", "uid", kind=str)):
        actions.append(Delete(Ref("v1", "Pod", identity.namespace, identity.name), uid))
    current = verdicts(prepared, situation, block)
    actions += _report(prepared, situation, current, manifest, observed.now)
    # Last: should the API server refuse a deletion, the pod is made and the status is written all the same.
    actions += objects.leftovers
    if step is Step.LOOK_AGAIN or look_again or objects.is_refused:
        actions.append(Requeue(LOOK_AGAIN_SECONDS))
    return tuple(actions)


@frozen(unsafe_hash=False)
class _Made:
    """What creating the pod comes to: its creation, or what has to come before that."""

    actions: tuple[Action, ...]
    block: Verdict | None = None
    pod: Mapping[str, Any] | None = None
    look_again: bool = False


def _create(prepared: Prepared, manifest: Mapping[str, Any], observed: Observed) -> _Made:
    if prepared.agent is None or prepared.rendered is None:
        return _Made(())
    pod = resolve_pod(prepared.agent, prepared.rendered, manifest, observed)
    if isinstance(pod, Unresolved):
        return _Made(pod.actions, pod.block, look_again=pod.look_again)
    return _Made((Create(pod),), pod=pod)


def _report(
    prepared: Prepared,
    situation: Situation,
    current: tuple[Verdict, ...],
    manifest: Mapping[str, Any],
    now: datetime,
) -> list[Action]:
    """Return the status patch, where status differs, and the events for what has gone wrong since it was written."""
    if situation.want is Want.GO and situation.holder not in (Holder.OURS, Holder.ENDING):
        return []  # nobody reads the status of an Agent that is gone a moment later
    identity = situation.identity
    ref = Ref(API_VERSION, KIND, identity.namespace, identity.name)
    actions: list[Action] = []
    if situation.want is not Want.GO:
        news = [v for v in current if _is_worth_an_event(v) and _is_news(v, find_condition(manifest, v.type))]
        # An event goes first: were it lost after the status is written, nothing would lead to it again.
        actions += [_event(ref, identity, verdict, now) for verdict in news]
    status = desired_status(prepared, situation, current, manifest, now)
    if not same_json(status, manifest.get("status")):
        actions.append(PatchStatus(ref, dig(manifest, "metadata", "resourceVersion", kind=str), status))
    return actions


def _is_worth_an_event(verdict: Verdict) -> bool:
    return (verdict.type == "Accepted" and verdict.status == "False") or verdict.reason in (
        "CreateRejected",
        "QuotaExceeded",
    )


def _is_news(verdict: Verdict, former: Verdict | None) -> bool:
    """Tell whether a verdict is another than before: a refusal's text (used quota, ids) changes while it does not."""
    if verdict.type == "Accepted" or former is None:
        return verdict != former
    return (verdict.status, verdict.reason) != (former.status, former.reason)


def _event(ref: Ref, identity: Identity, verdict: Verdict, now: datetime) -> EmitEvent:
    note = verdict.message.encode("utf-8", "replace")
    if len(note) > NOTE_MAX_BYTES:
        note = note[: NOTE_MAX_BYTES - 3] + b"..."
    # A name that an Agent may not have can be too long for an event, which tells of just that.
    prefix = identity.name[:NAME_MAX_LENGTH].rstrip("-.")
    return EmitEvent(
        name=f"{prefix}.{digest([identity.uid, verdict.type, verdict.reason, verdict.message])}",
        regarding=ref,
        regarding_uid=identity.uid,
        type="Warning",
        reason=verdict.reason,
        action="Reconcile",
        note=note.decode("utf-8", "ignore"),
        time=now.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z",
    )


def _identity(manifest: object) -> Identity | None:
    name = dig(manifest, "metadata", "name", kind=str)
    if not name:
        return None
    return Identity(
        name=name,
        namespace=dig(manifest, "metadata", "namespace", kind=str) or "default",
        uid=dig(manifest, "metadata", "uid", kind=str) or PLACEHOLDER_UID,
    )

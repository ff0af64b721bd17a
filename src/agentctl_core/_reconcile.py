"""The decision: what to do next, from what is asked for and what is there.

Level-based: a plan depends on the present state alone, and stopping after any of its actions is safe. There is no
clock, no randomness and no I/O here; `Observed` brings the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Final

from attrs import evolve, frozen

from ._actions import Action, Create, Delete, PatchStatus, Ref, Requeue
from ._agent import API_VERSION, KIND, PLACEHOLDER_UID, parse_agent
from ._conditions import Verdict
from ._config import Config
from ._events import events
from ._json import dig, same_json
from ._objects import ObjectsPlan, plan_objects
from ._observed import Observed
from ._pod import render
from ._pod_state import overdue_at
from ._policy import violations
from ._problem import InvalidAgent
from ._resolve import Unresolved, resolve_pod
from ._situation import Holder, Identity, Prepared, Situation, Want, assess
from ._status import desired_status, verdicts

LOOK_AGAIN_SECONDS: Final = 30.0
"""What the host cannot watch (a stranger's object, a refusal that may be lifted) is looked at again after this time."""


class Step(Enum):
    """What is done about the pod."""

    WAIT = "wait"
    CREATE = "create"
    CHANGE = "change in place"
    """What can be changed in a running pod; nothing, where it is what the spec asks for."""
    DELETE = "delete"
    REPLACE = "replace"
    """Delete it, as soon as nothing stands in the way of the next one."""
    EXPIRE = "expire"
    """Delete the Agent itself."""
    LOOK_AGAIN = "look again"


STEPS: Final[Mapping[Want, Mapping[Holder, Step]]] = {
    Want.RUN: {
        Holder.NOBODY: Step.CREATE,
        Holder.BACKING_OFF: Step.WAIT,
        Holder.REFUSED: Step.LOOK_AGAIN,
        Holder.OURS: Step.CHANGE,
        Holder.OUTDATED: Step.REPLACE,
        Holder.ENDED: Step.DELETE,
        Holder.ENDING: Step.WAIT,
        Holder.PREDECESSOR: Step.WAIT,
        Holder.STRANGER: Step.LOOK_AGAIN,
    },
    Want.SUSPEND: {
        Holder.NOBODY: Step.WAIT,
        Holder.BACKING_OFF: Step.WAIT,
        Holder.REFUSED: Step.WAIT,
        Holder.OURS: Step.DELETE,
        Holder.OUTDATED: Step.DELETE,
        Holder.ENDED: Step.DELETE,
        Holder.ENDING: Step.WAIT,
        Holder.PREDECESSOR: Step.WAIT,
        Holder.STRANGER: Step.LOOK_AGAIN,
    },
    Want.DONE: {
        Holder.NOBODY: Step.WAIT,
        Holder.BACKING_OFF: Step.WAIT,
        Holder.REFUSED: Step.WAIT,
        # A task that is over while its pod still runs: it took too long, or failed too often.
        Holder.OURS: Step.DELETE,
        Holder.OUTDATED: Step.DELETE,
        Holder.ENDED: Step.WAIT,
        Holder.ENDING: Step.WAIT,
        Holder.PREDECESSOR: Step.WAIT,
        Holder.STRANGER: Step.WAIT,
    },
    Want.EXPIRED: dict.fromkeys(Holder, Step.EXPIRE),
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
    if step is Step.EXPIRE:
        return _expire(identity, manifest)
    objects = ObjectsPlan()
    if prepared.rendered and situation.want in (Want.RUN, Want.SUSPEND, Want.DONE):
        retains = prepared.agent is not None and (
            prepared.agent.spec.persistent_volume_claim_retention_policy.when_deleted == "Retain"
        )
        objects = plan_objects(prepared.rendered.objects, situation, observed, retains_claims=retains)
    actions, block = list(objects.actions), objects.block
    # The host watches what is ending, so nothing else has to lead back here.
    look_again = block is not None and block.reason != "Terminating"
    if step in (Step.CREATE, Step.REPLACE) and block is None:
        # A running pod stays until it is known how to make the next one.
        made = _make(prepared, manifest, observed)
        actions += made.actions if step is Step.CREATE or made.block else ()
        block, look_again = made.block, made.look_again
        if made.pod is not None and step is Step.CREATE:
            # The status that follows holds once the pod is there; where it is refused, the host does not go on.
            seen = evolve(observed, objects=(*observed.objects, made.pod))
            situation = assess(prepared, identity, manifest, seen)
    current = verdicts(prepared, situation, objects, block, observed.now)
    # Status before deletion: the failure of a pod is counted before it goes, and by its resourceVersion the patch makes
    # sure that nothing is deleted for what an Agent asked for once.
    actions += _report(prepared, situation, current, manifest, observed.now)
    if step is Step.CHANGE and situation.change is not None:
        actions += situation.change.actions
        look_again |= situation.change.is_refused
    elif step is Step.DELETE or (step is Step.REPLACE and block is None):
        actions += _delete(identity, situation)
    # Last: should the API server refuse a deletion, the pod is made and the status is written all the same.
    actions += objects.leftovers
    look_again |= step is Step.LOOK_AGAIN or objects.refused is not None
    again = [*situation.run.again, *_overdue(situation)] if situation.want is not Want.GO else []
    waits = [(moment - observed.now).total_seconds() for moment in again if moment > observed.now]
    waits += [LOOK_AGAIN_SECONDS] if look_again else []
    if waits:
        actions.append(Requeue(min(waits)))
    return tuple(actions)


def _expire(identity: Identity, manifest: Mapping[str, Any]) -> tuple[Action, ...]:
    """Delete the Agent, if it is still the one that was read: an edit in the meantime may have begun another run."""
    uid = dig(manifest, "metadata", "uid", kind=str)
    version = dig(manifest, "metadata", "resourceVersion", kind=str)
    if uid is None or version is None:
        return ()
    return (Delete(Ref(API_VERSION, KIND, identity.namespace, identity.name), uid, version),)


def _delete(identity: Identity, situation: Situation) -> tuple[Action, ...]:
    uid = dig(situation.pod, "metadata", "uid", kind=str)
    return () if uid is None else (Delete(Ref("v1", "Pod", identity.namespace, identity.name), uid),)


def _overdue(situation: Situation) -> tuple[datetime, ...]:
    """Return when a pod that is ending is to be looked at again: a dead node tells nobody that it is."""
    due = overdue_at(situation.pod) if situation.holder in (Holder.ENDING, Holder.PREDECESSOR) else None
    return () if due is None else (due,)


@frozen(unsafe_hash=False)
class _Made:
    """What making the pod comes to: its creation, or what has to come before that."""

    actions: tuple[Action, ...]
    block: Verdict | None = None
    pod: Mapping[str, Any] | None = None
    look_again: bool = False


def _make(prepared: Prepared, manifest: Mapping[str, Any], observed: Observed) -> _Made:
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
    """Return the status patch, where status differs, and the events for what has changed since it was written."""
    if situation.want is Want.GO and situation.own_pod is None:
        return []  # nobody reads the status of an Agent that is gone a moment later
    identity = situation.identity
    # An event goes first: were it lost after the status is written, nothing would lead to it again.
    actions: list[Action] = [*events(situation, current, manifest, now)]
    status = desired_status(prepared, situation, current, manifest, now)
    if not same_json(status, manifest.get("status")):
        ref = Ref(API_VERSION, KIND, identity.namespace, identity.name)
        actions.append(PatchStatus(ref, dig(manifest, "metadata", "resourceVersion", kind=str), status))
    return actions


def _identity(manifest: object) -> Identity | None:
    name = dig(manifest, "metadata", "name", kind=str)
    if not name:
        return None
    return Identity(
        name=name,
        namespace=dig(manifest, "metadata", "namespace", kind=str) or "default",
        uid=dig(manifest, "metadata", "uid", kind=str) or PLACEHOLDER_UID,
    )

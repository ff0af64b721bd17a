"""The decision: what to do next, from what is asked for and what is there.

Level-based: a plan depends on the present state alone, and stopping after any of its actions is safe. There is no
clock, no randomness and no I/O here; `Observed` brings the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from ._actions import Action, Create, Delete, EmitEvent, PatchStatus, Ref, Requeue
from ._agent import API_VERSION, KIND, NAME_MAX_LENGTH, PLACEHOLDER_UID, parse_agent
from ._config import Config
from ._json import copy_json, dig, digest, same_json
from ._observed import Observed
from ._pod import build_pod
from ._problem import InvalidAgent
from ._situation import Holder, Identity, Prepared, Situation, Want, assess
from ._status import Verdict, desired_status, find_condition, verdicts

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


def wanted(manifest: Mapping[str, Any], config: Config | None = None) -> tuple[Ref, ...]:  # noqa: ARG001 -- contract
    """Return what a host must observe: the names of everything that is or would be created for the Agent.

    Total, like `reconcile`: a manifest without a name wants nothing; one with an invalid spec may still have its pod.
    """
    identity = _identity(manifest)
    return () if identity is None else (Ref("v1", "Pod", identity.namespace, identity.name),)


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
    try:
        agent = parse_agent(manifest)
        return Prepared(identity=identity, agent=agent, pod=build_pod(agent, config))
    except InvalidAgent as error:
        return Prepared(identity=identity, problems=error.problems)


def decide(prepared: Prepared, manifest: Mapping[str, Any], observed: Observed) -> tuple[Action, ...]:
    """Return what to do next, from a prepared Agent, its present manifest (status, resourceVersion) and the world."""
    identity = prepared.identity
    if identity is None:
        return ()
    situation = assess(prepared, identity, manifest, observed)
    step = STEPS[situation.want][situation.holder]
    actions: list[Action] = []
    if step is Step.CREATE:
        pod = copy_json(prepared.pod)
        actions.append(Create(pod))
        # The status that follows holds once the pod is there; where it is refused, the host does not go on.
        situation = Situation(want=situation.want, holder=Holder.OURS, pod=pod)
    elif step is Step.DELETE and (uid := dig(situation.pod, "metadata", "uid", kind=str)):
        actions.append(Delete(Ref("v1", "Pod", identity.namespace, identity.name), uid))
    actions += _report(prepared, identity, situation, manifest, observed.now)
    if step is Step.LOOK_AGAIN:
        actions.append(Requeue(LOOK_AGAIN_SECONDS))
    return tuple(actions)


def _report(
    prepared: Prepared, identity: Identity, situation: Situation, manifest: Mapping[str, Any], now: datetime
) -> list[Action]:
    """Return the status patch, where status differs, and the events for what has gone wrong since it was written."""
    if situation.want is Want.GO and situation.holder not in (Holder.OURS, Holder.ENDING):
        return []  # nobody reads the status of an Agent that is gone a moment later
    ref = Ref(API_VERSION, KIND, identity.namespace, identity.name)
    current = verdicts(prepared, identity, situation)
    actions: list[Action] = []
    if situation.want is not Want.GO:
        news = [v for v in current if _is_worth_an_event(v) and v != find_condition(manifest, v.type)]
        # An event goes first: were it lost after the status is written, nothing would lead to it again.
        actions += [_event(ref, identity, verdict, now) for verdict in news]
    status = desired_status(identity, situation, current, manifest, now)
    if not same_json(status, manifest.get("status")):
        actions.append(PatchStatus(ref, dig(manifest, "metadata", "resourceVersion", kind=str), status))
    return actions


def _is_worth_an_event(verdict: Verdict) -> bool:
    return verdict.reason in ("InvalidSpec", "NameConflict", "CreateRejected", "QuotaExceeded")


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

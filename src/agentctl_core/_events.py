"""Events: what a person wants to see without asking. None on the plain happy path, one for each other change.

An event's name is the same whenever it is decided, so that a crash, a retry or a second operator tells it once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

from ._actions import EmitEvent, Ref
from ._agent import API_VERSION, KIND
from ._conditions import REJECTED, Verdict, all_stand, conditions_of
from ._json import dig, digest
from ._pod_state import has_ended
from ._situation import Holder, Identity, Situation, Want
from ._spec import NAME_MAX_LENGTH

NOTE_MAX_BYTES: Final = 1024

_POD_TROUBLES: Final = frozenset(
    {
        "ConfigError",
        "CrashLoopBackOff",
        "CreateContainerError",
        "Evicted",
        "ImagePullFailed",
        "InitFailed",
        "InvalidImageName",
        "NodeLost",
        "OOMKilled",
        "Preempted",
        "Unschedulable",
    }
)
"""Reasons of Ready that are told once for each pod."""


def events(
    situation: Situation, current: tuple[Verdict, ...], manifest: Mapping[str, Any], now: datetime
) -> list[EmitEvent]:
    """Return the events for what has changed since the status was written."""
    if situation.want is Want.GO:
        return []
    if all_stand(current, manifest):
        return []
    ref = Ref(API_VERSION, KIND, situation.identity.namespace, situation.identity.name)
    former = conditions_of(manifest)
    generation = str(dig(manifest, "metadata", "generation", kind=int))
    return [
        _event(ref, situation.identity, verdict, told, now)
        for verdict in current
        if verdict != former.get(verdict.type)
        for told in _worth_telling(verdict, former, situation, generation)
    ]


def _worth_telling(
    verdict: Verdict, formerly: Mapping[str, Verdict], situation: Situation, generation: str
) -> Iterator[tuple[Literal["Normal", "Warning"], str, str]]:
    """Yield type and reason of the event that a changed condition is worth, and what tells it from others."""
    former = formerly.get(verdict.type)
    pod = dig(situation.own_pod, "metadata", "uid", kind=str) or ""
    # That a pod is not what an invalid spec asks for has been told with the spec.
    is_valid = situation.want is not Want.INVALID
    # A refusal's text (used quota, ids) changes while it does not; what is wrong with a spec is in the text.
    is_other = former is None or (verdict.status, verdict.reason) != (former.status, former.reason)
    match verdict.type, verdict.status, verdict.reason:
        case "Accepted", "False", reason:
            yield "Warning", reason, verdict.message
        case "Ready", "False", reason if is_other and reason in REJECTED:
            yield "Warning", reason, verdict.message
        case "Ready", "False", reason if is_other and reason in _POD_TROUBLES:
            yield "Warning", reason, pod
        case "Ready", "False", "Backoff" if is_other and pod:
            yield "Warning", "PodFailed", pod
        case "Ready", "False", "Terminating" if is_other and former is not None:
            if _is_deleted_by_others(situation, formerly):
                yield "Normal", "PodDeleted", pod
        case "UpToDate", "False", reason if is_other and former is not None and is_valid:
            yield "Normal", reason, f"{pod} {generation}"
        case "Suspended", _, reason if is_other and former is not None:
            yield "Normal", reason, generation
        case "Finished", "True", ("Failed" | "DeadlineExceeded") as reason if is_other:
            yield "Warning", reason, generation
        case _:
            pass


def _is_deleted_by_others(situation: Situation, formerly: Mapping[str, Verdict]) -> bool:
    """Tell whether a pod that is ending is not one that the operator ends, which writes down first that it is about to.

    A pod whose containers have ended it takes away without another word.
    """
    update = formerly.get("UpToDate")
    is_recreated = update is not None and update.reason == "Recreating"
    return situation.holder is Holder.ENDING and not is_recreated and not has_ended(situation.pod)


def _event(
    ref: Ref, identity: Identity, verdict: Verdict, told: tuple[Literal["Normal", "Warning"], str, str], now: datetime
) -> EmitEvent:
    kind, reason, key = told
    note = verdict.message.encode("utf-8", "replace")
    if len(note) > NOTE_MAX_BYTES:
        note = note[: NOTE_MAX_BYTES - 3] + b"..."
    # A name that an Agent may not have can be too long for an event, which tells of just that.
    prefix = identity.name[:NAME_MAX_LENGTH].rstrip("-.")
    return EmitEvent(
        name=f"{prefix}.{digest([identity.uid, verdict.type, reason, key])}",
        regarding=ref,
        regarding_uid=identity.uid,
        type=kind,
        reason=reason,
        action="Reconcile",
        note=note.decode("utf-8", "ignore"),
        time=now.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z",
    )

"""Observed -> status: conditions as in Kubernetes' API conventions, and the few fields that people and tools read.

Nothing here depends on the former status but `lastTransitionTime`, which moves only when a condition's `status` does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

from attrs import field, frozen

from ._identity import AGENT_LABEL
from ._json import dig, dig_list, is_being_deleted
from ._problem import Problem
from ._situation import Holder, Identity, Prepared, Situation, Want

MESSAGE_MAX_LENGTH: Final = 32_768
"""What Kubernetes' convention, and the CRD, allow in a condition's message."""
_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def _shortened(message: str) -> str:
    return message if len(message) <= MESSAGE_MAX_LENGTH else f"{message[: MESSAGE_MAX_LENGTH - 3]}..."


@frozen
class Verdict:
    """A condition without its times."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str = field(converter=_shortened)


def verdicts(prepared: Prepared, identity: Identity, situation: Situation) -> tuple[Verdict, ...]:
    """Return the conditions that hold now, in their order."""
    accepted = _accepted(prepared, identity, situation)
    ready = None if situation.want is Want.SUSPEND else _ready(identity, situation, accepted)
    return (accepted, ready) if ready else (accepted,)


def desired_status(
    identity: Identity,
    situation: Situation,
    current: tuple[Verdict, ...],
    manifest: Mapping[str, Any],
    now: datetime,
) -> dict[str, Any]:
    """Return the whole status: exactly the documented fields, in fresh dicts."""
    generation = dig(manifest, "metadata", "generation", kind=int)
    observed = {} if generation is None else {"observedGeneration": generation}
    former = {dig(c, "type", kind=str): c for c in dig_list(manifest, "status", "conditions")}
    status: dict[str, Any] = {
        **observed,
        "conditions": [_condition(verdict, former.get(verdict.type), observed, now) for verdict in current],
        "replicas": 0,
        "selector": f"{AGENT_LABEL}={identity.name}",
    }
    pod = situation.pod
    if pod is not None and situation.holder in (Holder.OURS, Holder.ENDING):
        status["podName"] = identity.name
        status["replicas"] = 0 if dig(pod, "status", "phase", kind=str) in ("Succeeded", "Failed") else 1
        if addresses := [{"ip": ip} for item in dig_list(pod, "status", "podIPs") if (ip := dig(item, "ip", kind=str))]:
            status["podIPs"] = addresses
    return status


def find_condition(manifest: Mapping[str, Any], kind: str) -> Verdict | None:
    """Return a condition as it stands in the status that was read, or None where there is none or it is malformed."""
    for condition in dig_list(manifest, "status", "conditions"):
        if dig(condition, "type", kind=str) == kind:
            texts = [dig(condition, key, kind=str) for key in ("status", "reason", "message")]
            return Verdict(kind, *texts) if None not in texts else None  # type: ignore[arg-type]
    return None


def timestamp(moment: datetime) -> str:
    """Return `2026-01-31T12:00:00Z`, as metav1.Time is written."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _condition(verdict: Verdict, former: object, observed: Mapping[str, int], now: datetime) -> dict[str, Any]:
    since = ""
    if dig(former, "status", kind=str) == verdict.status:
        since = dig(former, "lastTransitionTime", kind=str) or ""
    return {
        "type": verdict.type,
        "status": verdict.status,
        "reason": verdict.reason,
        "message": verdict.message,
        "lastTransitionTime": since if _DATE_TIME.fullmatch(since) else timestamp(now),
        **observed,
    }


def _accepted(prepared: Prepared, identity: Identity, situation: Situation) -> Verdict:
    if prepared.problems:
        return Verdict("Accepted", "False", "InvalidSpec", _tell_problems(prepared.problems))
    if situation.holder is Holder.STRANGER:
        return Verdict("Accepted", "False", "NameConflict", _tell_stranger(identity, situation.pod))
    return Verdict("Accepted", "True", "Accepted", "The spec is valid.")


def _tell_problems(problems: tuple[Problem, ...]) -> str:
    text = "; ".join(map(str, problems))
    return text if len(text) <= MESSAGE_MAX_LENGTH else f"{len(problems)} problems; the first are: {text}"


def _tell_stranger(identity: Identity, pod: Mapping[str, Any] | None) -> str:
    owner = next((o for o in dig_list(pod, "metadata", "ownerReferences") if o.get("controller") is True), None)
    holder = "no controller" if owner is None else f"{dig(owner, 'kind', kind=str)} {dig(owner, 'name', kind=str)}"
    return (
        f"A pod named {identity.name} exists and is not this Agent's (it belongs to {holder}); it is left alone. "
        "Give the Agent another name, or delete that pod."
    )


def _ready(identity: Identity, situation: Situation, accepted: Verdict) -> Verdict:
    match situation.holder:
        case Holder.OURS | Holder.ENDING:
            return _pod_readiness(situation.pod)
        case _ if accepted.status == "False":
            return _not_ready("NotAccepted", f"No pod is made: {accepted.reason}, see the condition Accepted.")
        case Holder.PREDECESSOR:
            message = f"Waiting for pod {identity.name} of a former Agent of this name to end."
            return _not_ready("Terminating", message)
        case Holder.REFUSED:
            return _refused(situation.refusal)
        case Holder.NOBODY | Holder.STRANGER:
            return _not_ready("PodPending", "The pod does not exist yet.")


def _refused(refusal: Mapping[str, Any] | None) -> Verdict:
    message = dig(refusal, "message", kind=str) or "no reason given"
    # Kubernetes tells quota from other refusals in the text alone: the reason is Forbidden for both.
    reason = "QuotaExceeded" if "exceeded quota" in message else "CreateRejected"
    return _not_ready(reason, f"The API server refuses the pod: {message}")


def _pod_readiness(pod: Mapping[str, Any] | None) -> Verdict:
    conditions = {dig(c, "type", kind=str): c for c in dig_list(pod, "status", "conditions")}
    ready = conditions.get("Ready")
    if is_being_deleted(pod):
        return _not_ready("Terminating", "The pod is ending.")
    if dig(ready, "status", kind=str) == "True":
        return Verdict("Ready", "True", "PodReady", "The pod is ready.")
    if (dig(pod, "status", "phase", kind=str) or "Pending") == "Pending":
        scheduled = conditions.get("PodScheduled")
        if dig(scheduled, "reason", kind=str) == "Unschedulable":
            return _not_ready("Unschedulable", _told(scheduled, "No node can take the pod."))
        return _not_ready("PodPending", "The pod is starting.")
    return _not_ready("PodNotReady", _told(ready, "The pod is not ready."))


def _told(condition: object, otherwise: str) -> str:
    return dig(condition, "message", kind=str) or otherwise


def _not_ready(reason: str, message: str) -> Verdict:
    return Verdict("Ready", "False", reason, message)

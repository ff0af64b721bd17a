"""Observed -> status: conditions as in Kubernetes' API conventions, and the few fields that people and tools read.

Nothing here depends on the former status but `lastTransitionTime`, which moves only when a condition's `status` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ._conditions import MESSAGE_MAX_LENGTH, Verdict, not_ready, refused, with_times
from ._identity import AGENT_LABEL
from ._json import dig, dig_list, is_being_deleted
from ._objects import create_rejected, tell_stranger
from ._problem import Problem
from ._resolve import resolved_status
from ._situation import Holder, Prepared, Situation, Want


def verdicts(prepared: Prepared, situation: Situation, block: Verdict | None) -> tuple[Verdict, ...]:
    """Return the conditions that hold now, in their order. `block` is what keeps the pod from being made."""
    accepted = _accepted(prepared, situation, block)
    if situation.want is Want.SUSPEND:
        return (accepted,)
    if block is not None and block.type == "Ready" and situation.pod is None:
        return (accepted, block)
    return (accepted, _ready(situation, accepted))


def desired_status(
    prepared: Prepared,
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
        "conditions": [with_times(verdict, former.get(verdict.type), observed, now) for verdict in current],
        "replicas": 0,
        "selector": f"{AGENT_LABEL}={situation.identity.name}",
    }
    pod = situation.pod
    if pod is not None and situation.holder in (Holder.OURS, Holder.ENDING):
        status["podName"] = situation.identity.name
        status["replicas"] = 0 if dig(pod, "status", "phase", kind=str) in ("Succeeded", "Failed") else 1
        if addresses := [{"ip": ip} for item in dig_list(pod, "status", "podIPs") if (ip := dig(item, "ip", kind=str))]:
            status["podIPs"] = addresses
    return status | resolved_status(prepared, situation, manifest)


def _accepted(prepared: Prepared, situation: Situation, block: Verdict | None) -> Verdict:
    if prepared.problems:
        return refused(prepared.refusal, _tell_problems(prepared.problems))
    if situation.holder is Holder.STRANGER:
        return refused("NameConflict", tell_stranger("pod", situation.identity.name, situation.pod))
    if block is not None and block.type == "Accepted":
        return block
    return Verdict("Accepted", "True", "Accepted", "The spec is valid.")


def _tell_problems(problems: tuple[Problem, ...]) -> str:
    text = "; ".join(map(str, problems))
    return text if len(text) <= MESSAGE_MAX_LENGTH else f"{len(problems)} problems; the first are: {text}"


def _ready(situation: Situation, accepted: Verdict) -> Verdict:
    match situation.holder:
        case Holder.OURS | Holder.ENDING:
            return _pod_readiness(situation.pod)
        case _ if accepted.status != "True":
            return not_ready("NotAccepted", f"No pod is made: {accepted.reason}, see the condition Accepted.")
        case Holder.PREDECESSOR:
            message = f"Waiting for pod {situation.identity.name} of a former Agent of this name to end."
            return not_ready("Terminating", message)
        case Holder.REFUSED:
            return create_rejected("pod", situation.refusal)
        case Holder.NOBODY | Holder.STRANGER:
            return not_ready("PodPending", "The pod does not exist yet.")


def _pod_readiness(pod: Mapping[str, Any] | None) -> Verdict:
    conditions = {dig(c, "type", kind=str): c for c in dig_list(pod, "status", "conditions")}
    ready = conditions.get("Ready")
    if is_being_deleted(pod):
        return not_ready("Terminating", "The pod is ending.")
    if dig(ready, "status", kind=str) == "True":
        return Verdict("Ready", "True", "PodReady", "The pod is ready.")
    if (dig(pod, "status", "phase", kind=str) or "Pending") == "Pending":
        scheduled = conditions.get("PodScheduled")
        if dig(scheduled, "reason", kind=str) == "Unschedulable":
            return not_ready("Unschedulable", _told(scheduled, "No node can take the pod."))
        return not_ready("PodPending", "The pod is starting.")
    return not_ready("PodNotReady", _told(ready, "The pod is not ready."))


def _told(condition: object, otherwise: str) -> str:
    return dig(condition, "message", kind=str) or otherwise

"""Observed -> status: conditions as in Kubernetes' API conventions, and the few fields that people and tools read.

What the former status says is used for what nothing else remembers: the past (`_history`), and `lastTransitionTime`,
which moves only when a condition's `status` does.

kstatus, and so Flux, Helm and Argo CD, read it as follows: Ready says whether the Agent is there yet, its absence (an
Agent that is suspended or finished has none) that it is, Stalled that it never will be without another edit.
https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from ._change import why_made_anew
from ._conditions import MESSAGE_MAX_LENGTH, REJECTED, Verdict, not_ready, refused, with_times
from ._identity import AGENT_LABEL
from ._json import dig, dig_list
from ._objects import ObjectsPlan, create_rejected, tell_stranger
from ._pod_state import ending, has_ended, readiness, restarts
from ._problem import Problem
from ._resolve import resolved_status
from ._run import is_service, pod_revision
from ._situation import Holder, Prepared, Situation, Want
from ._times import timestamp

_FINAL: Final = frozenset({"InvalidSpec", "PolicyDenied", "Failed", "DeadlineExceeded"})
"""Reasons that only another edit of the Agent can end."""


def verdicts(
    prepared: Prepared, situation: Situation, objects: ObjectsPlan, block: Verdict | None, now: datetime
) -> tuple[Verdict, ...]:
    """Return the conditions that hold now, in their order. `block` is what keeps the next pod from being made."""
    accepted = _accepted(prepared, situation, block)
    current = [accepted]
    if situation.want not in (Want.SUSPEND, Want.DONE, Want.EXPIRED):
        current.append(_ready(situation, accepted, block, now))
    current += _up_to_date(prepared, situation, objects, block)
    current += _suspended(prepared)
    current += _finished(prepared, situation)
    final = next((v for v in current if v.reason in _FINAL and v.type in ("Accepted", "Finished")), None)
    if final is not None:
        current.append(Verdict("Stalled", "True", final.reason, final.message))
    return tuple(current)


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
    update = prepared.rendered.revision if prepared.rendered else dig(manifest, "status", "updateRevision", kind=str)
    return {
        **observed,
        "conditions": [with_times(verdict, former.get(verdict.type), observed, now) for verdict in current],
        "replicas": 0,
        "selector": f"{AGENT_LABEL}={situation.identity.name}",
        **_pod_fields(situation),
        **situation.run.history.to_status(),
        **({} if update is None else {"updateRevision": update}),
        **resolved_status(prepared, situation, manifest),
    }


def _pod_fields(situation: Situation) -> dict[str, Any]:
    pod = situation.own_pod
    if pod is None:
        return {}
    fields: dict[str, Any] = {
        "podName": situation.identity.name,
        "replicas": 0 if has_ended(pod) else 1,
        "restarts": restarts(pod),
    }
    if addresses := [{"ip": ip} for item in dig_list(pod, "status", "podIPs") if (ip := dig(item, "ip", kind=str))]:
        fields["podIPs"] = addresses
    if node := dig(pod, "spec", "nodeName", kind=str):
        fields["nodeName"] = node
    return fields


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


def _ready(situation: Situation, accepted: Verdict, block: Verdict | None, now: datetime) -> Verdict:
    pod = situation.pod
    match situation.holder:
        case Holder.OUTDATED if pod is not None and _is_replaced(situation, block):
            return not_ready("Terminating", "The pod is ended, to be made anew as the spec asks by now.")
        case Holder.ENDED if pod is not None and situation.want is Want.RUN:
            ended = readiness(pod, now)
            # Nothing more telling is known than that it failed: then it matters that there will be another.
            return not_ready("Backoff", f"{ended.message} {_NEXT}") if ended.reason == "PodNotReady" else ended
        case Holder.OURS | Holder.OUTDATED | Holder.ENDED | Holder.ENDING if pod is not None:
            return readiness(pod, now)
        case _ if accepted.status != "True":
            return not_ready("NotAccepted", f"No pod is made: {accepted.reason}, see the condition Accepted.")
        case _ if block is not None:
            return block
        case Holder.PREDECESSOR if pod is not None:
            former = ending(pod, now)
            return not_ready(former.reason, f"The pod of a former Agent of this name is waited for. {former.message}")
        case Holder.REFUSED:
            return create_rejected("pod", situation.refusal)
        case Holder.BACKING_OFF:
            return _backing_off(situation)
        case _:
            return not_ready("PodPending", "The pod does not exist yet.")


def _backing_off(situation: Situation) -> Verdict:
    failure, due = situation.run.history.last_failure, situation.run.due
    if failure is None or due is None:
        return not_ready("Backoff", _NEXT)
    count = situation.run.history.failures
    told = f"The last pod has failed ({failure.reason}), {count} in a row; the next is made at {timestamp(due)}."
    return not_ready("Backoff", f"{told} See status.lastTermination, and the events.")


_NEXT: Final = "Another pod is made after a while."


def _is_replaced(situation: Situation, block: Verdict | None) -> bool:
    """Tell whether this plan ends the pod to make another: only where nothing stands in the way of that one."""
    return situation.want is Want.RUN and situation.holder is Holder.OUTDATED and block is None


def _up_to_date(
    prepared: Prepared, situation: Situation, objects: ObjectsPlan, block: Verdict | None
) -> Iterator[Verdict]:
    """Yield UpToDate, where there is a pod of the Agent's to speak of and no wish to end it, or a change is refused."""
    pod = situation.own_pod
    if pod is None or situation.want in (Want.SUSPEND, Want.EXPIRED):
        # No condition else would tell what an Agent without a pod meets.
        if objects.refused is not None:
            yield objects.refused
        elif situation.want is Want.SUSPEND and block is not None and block.type == "Ready":
            yield _pending(block.message)
        return
    verdict = _pod_up_to_date(prepared, pod, situation, block)
    if verdict.status != "True":
        yield verdict  # it is told what keeps the rest from changing once the pod is what it should be
    elif objects.refused is not None:
        yield objects.refused
    elif objects.block is not None and objects.block.reason in REJECTED:
        yield _pending(objects.block.message)  # Ready goes on telling of the pod, which runs without it
    else:
        yield verdict


def _pod_up_to_date(prepared: Prepared, pod: Mapping[str, Any], situation: Situation, block: Verdict | None) -> Verdict:
    if prepared.rendered is None:
        return _pending("The spec is not accepted; the pod is one of a former spec.")
    change = situation.change
    if change is None:
        if situation.want is Want.RUN and (why := why_made_anew(prepared.rendered, pod)):
            return _recreating(f"{why} The pod is made anew once it is gone.")
        if pod_revision(pod) in (None, prepared.rendered.revision):
            return Verdict("UpToDate", "True", "Current", "The pod is of the spec's present revision.")
        return _pending("The pod is of a former revision. Delete it to have the task run anew.")
    told = change.verdict.message
    if situation.holder is Holder.OUTDATED and block is not None:
        return _pending(f"{told} The pod stays until another can be made: {block.message}")
    if _is_replaced(situation, block):
        return _recreating(told)
    if change.needs_pod:
        # One that is outdated stays for no strategy's sake: the task is over, or the Agent goes.
        stays = " With updateStrategy OnDelete the pod stays until somebody deletes it."
        return _pending(told if situation.holder is Holder.OUTDATED else told + stays)
    return change.verdict


def _pending(message: str) -> Verdict:
    return Verdict("UpToDate", "False", "UpdatePending", message)


def _recreating(message: str) -> Verdict:
    return Verdict("UpToDate", "False", "Recreating", message)


def _suspended(prepared: Prepared) -> Iterator[Verdict]:
    if prepared.agent is None:
        return
    if prepared.agent.spec.replicas:
        yield Verdict("Suspended", "False", "Running", "spec.replicas is 1.")
        return
    told = "spec.replicas is 0: set it to 1, or use kubectl scale, to wake the Agent."
    yield Verdict("Suspended", "True", "ScaledToZero", told)


def _finished(prepared: Prepared, situation: Situation) -> Iterator[Verdict]:
    if situation.run.finished is not None:
        yield situation.run.finished
    elif prepared.agent is not None and not is_service(prepared.agent):
        yield Verdict("Finished", "False", "Running", "The task has not finished yet.")

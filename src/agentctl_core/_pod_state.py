"""What a pod tells of itself, in the words of the Agent's status.

One reading of a pod's status for everything that is said about it: its readiness with a reason and a cure, how it
ended, how a container of it ended last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, cast

from attrs import frozen

from ._conditions import Verdict, not_ready
from ._json import dig, dig_list, is_being_deleted, reach
from ._spec import MAIN_CONTAINER
from ._times import parse_timestamp

OVERDUE: Final = timedelta(seconds=30)
"""A deletion that its kubelet has not confirmed so long after the grace period has met a dead node."""
_LONG_RUN: Final = timedelta(minutes=10)
"""A container that has run for longer is started again at once, whatever it did before; others wait for it."""
_TERMINATION_MESSAGE_MAX_LENGTH: Final = 4096
"""As much as a kubelet keeps of one container's."""

_IMAGE: Final = ("ImagePullFailed", "the image cannot be pulled; check spec.image and imagePullSecrets")
_CREATE: Final = ("CreateContainerError", "the container cannot be started; check its command, paths and mounts")
_WAITING: Final[Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys(
        (
            "ErrImagePull",
            "ImagePullBackOff",
            "ErrImageNeverPull",
            "ImageInspectError",
            "RegistryUnavailable",
            "SignatureValidationFailed",
        ),
        _IMAGE,
    ),
    "InvalidImageName": ("InvalidImageName", "the image's name cannot be parsed; correct it in the spec"),
    "CreateContainerConfigError": ("ConfigError", "create what it refers to, or correct the reference in the spec"),
    **dict.fromkeys(("CreateContainerError", "RunContainerError", "StartError", "ContainerCannotRun"), _CREATE),
}
"""A waiting container's reason (the kubelet's) -> the Agent's, and what to do about it."""
_START_FAILURES: Final = ("StartError", "ContainerCannotRun")
_NO_NODE_CURE: Final = "Change resources, nodeSelector, affinity or tolerations, or add a node."
_CLAIM_CURE: Final = "See what its claims wait for: kubectl describe pvc."
_OUT_OF_MEMORY: Final = "it needs more memory than resources.limits.memory allows; raise that"

_DISRUPTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "PreemptionByScheduler": ("Preempted", "A pod of higher priority takes the place of this one"),
    "EvictionByEvictionAPI": ("Evicted", "The pod is evicted, as when its node is drained"),
    "DeletionByTaintManager": ("Evicted", "The pod is evicted, since it does not tolerate a taint of its node"),
    "TerminationByKubelet": ("Evicted", "The node has evicted the pod"),
    "DeletionByPodGC": ("NodeLost", "The pod's node is gone"),
}
"""Reason of a pod's condition DisruptionTarget -> the Agent's, and what it means."""
_ENDS: Final[Mapping[str, tuple[str, str]]] = {
    "Evicted": ("Evicted", "The node has evicted the pod"),
    "Preempting": ("Preempted", "The node has taken the pod's place for a critical one"),
    "NodeShutdown": ("Evicted", "The node has been shut down"),
    "Terminated": ("Evicted", "The node has been shut down"),
    "NodeLost": ("NodeLost", "The pod's node is gone"),
}
"""`status.reason` of a failed pod -> the Agent's, and what it means."""


@frozen(unsafe_hash=False)
class Container:
    """One container's status, as a kubelet writes it.

    Attributes:
        is_init: whether it has to end well before the agent starts; a sidecar has not.
        restart_policy: the pod's; a sidecar's own.
        status: the core/v1 ContainerStatus.
    """

    name: str
    is_init: bool
    restart_policy: str | None
    status: Mapping[str, Any]

    @property
    def waiting(self) -> str | None:
        """The kubelet's reason why it waits; None where it does not."""
        return dig(self.status, "state", "waiting", "reason", kind=str)

    @property
    def message(self) -> str:
        """What the kubelet says to that."""
        return dig(self.status, "state", "waiting", "message", kind=str) or ""

    @property
    def has_ended(self) -> bool:
        """Whether it does not run now, and has."""
        return isinstance(reach(self.status, "state", "terminated"), Mapping)

    @property
    def terminated(self) -> Mapping[str, Any] | None:
        """How it ended: now, or the last time; None where it never did."""
        for state in ("state", "lastState"):
            terminated = reach(self.status, state, "terminated")
            if isinstance(terminated, Mapping):
                return cast("Mapping[str, Any]", terminated)
        return None

    @property
    def is_ready(self) -> bool:
        """Whether its readiness is given."""
        return dig(self.status, "ready", kind=bool) is True

    @property
    def restarts(self) -> int:
        """How often it has been started again."""
        return max(0, dig(self.status, "restartCount", kind=int) or 0)

    @property
    def is_restarted(self) -> bool:
        """Whether it is started again now that it has ended."""
        return self.restart_policy == "Always" or (self.restart_policy == "OnFailure" and bool(self.failure))

    @property
    def is_backing_off(self) -> bool:
        """Whether it waits to be started again: after its second end, unless it had run for long.

        While it waits, the kubelet may go on saying that it is terminated: that it waits, CrashLoopBackOff, is said
        only once a pass of the kubelet has met the wait.
        """
        if self.waiting == "CrashLoopBackOff":
            return True
        if not (self.has_ended and self.is_restarted and self.restarts):
            return False
        began, end = (parse_timestamp(dig(self.terminated, field, kind=str)) for field in ("startedAt", "finishedAt"))
        return began is None or end is None or end - began <= _LONG_RUN

    @property
    def failure(self) -> str:
        """The kubelet's reason of its last end (`OOMKilled`, `Error`); empty where it ended well or never."""
        exit_code = dig(self.terminated, "exitCode", kind=int) or 0
        return (dig(self.terminated, "reason", kind=str) or "Error") if exit_code else ""

    @property
    def ending(self) -> str:
        """How it ended last, for people."""
        told = f"exit code {dig(self.terminated, 'exitCode', kind=int) or 0}"
        reason = dig(self.terminated, "reason", kind=str)
        return f"{told}, {reason}" if reason else told


def has_ended(pod: object) -> bool:
    """Tell whether every container has ended for good."""
    return dig(pod, "status", "phase", kind=str) in ("Succeeded", "Failed")


def ready_since(pod: object) -> datetime | None:
    """Return since when the pod is ready; None where it is not, or does not say."""
    ready = _conditions(pod).get("Ready")
    if dig(ready, "status", kind=str) != "True" or is_being_deleted(pod):
        return None
    return parse_timestamp(dig(ready, "lastTransitionTime", kind=str))


def overdue_at(pod: object) -> datetime | None:
    """Return when the pod's deletion is overdue; None where it is not being deleted, or does not say until when."""
    end = parse_timestamp(dig(pod, "metadata", "deletionTimestamp", kind=str))
    try:
        return None if end is None else end + OVERDUE
    except OverflowError:
        return None


def restarts(pod: object) -> int:
    """Return how often the agent's container has been started again in this pod."""
    return next((c.restarts for c in _containers(pod) if c.name == MAIN_CONTAINER), 0)


def last_termination(pod: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return `status.lastTermination`: how a container of this pod ended last, the agent before others; or None.

    That an init container or a sidecar ended well is nothing to tell.
    """
    found = [c for c in _containers(pod) if c.terminated is not None and (c.failure or c.name == MAIN_CONTAINER)]
    if not found:
        return None
    last = max(found, key=lambda c: (dig(c.terminated, "finishedAt", kind=str) or "", c.name == MAIN_CONTAINER))
    told = {
        "podUID": dig(pod, "metadata", "uid", kind=str),
        "containerName": last.name,
        "exitCode": dig(last.terminated, "exitCode", kind=int),
        "reason": dig(last.terminated, "reason", kind=str),
        "message": (dig(last.terminated, "message", kind=str) or "")[:_TERMINATION_MESSAGE_MAX_LENGTH] or None,
        "finishedAt": _finished_at(last),
    }
    return {name: value for name, value in told.items() if value is not None}


def finished_at(pod: object) -> datetime | None:
    """Return when the agent's container ended; None where it does not say."""
    main = next((c for c in _containers(pod) if c.name == MAIN_CONTAINER), None)
    return None if main is None else parse_timestamp(_finished_at(main))


def readiness(pod: Mapping[str, Any], now: datetime) -> Verdict:
    """Return what Ready says of a pod: the pod's own condition, with the most telling reason and what to do."""
    if is_being_deleted(pod):
        return ending(pod, now)
    if has_ended(pod):
        return ended(pod)
    conditions = _conditions(pod)
    ready = conditions.get("Ready")
    if dig(ready, "status", kind=str) == "True":
        return Verdict("Ready", "True", "PodReady", "The pod is ready.")
    if _is_on_lost_node(pod):
        return not_ready("NodeLost", f"{_tell_node(pod)} does not answer. {_WAITED_FOR}")
    # Told by the spec and not by the pod's conditions, so that it is foreseen when the pod is created.
    if gates := [dig(gate, "name", kind=str) or "" for gate in dig_list(pod, "spec", "schedulingGates")]:
        named = f"gate{'s' if len(gates) > 1 else ''} {' and '.join(gates)}"
        return not_ready(
            "PodPending",
            f"The scheduling {named} of the pod's spec must be taken away, by whoever it is for, before a node is"
            " looked for.",
        )
    scheduled = conditions.get("PodScheduled")
    if dig(scheduled, "status", kind=str) == "False":
        told = (dig(scheduled, "message", kind=str) or "no reason given").rstrip(".")
        # The scheduler writes it as the kind, or as the resource.
        cure = _CLAIM_CURE if "persistentvolumeclaim" in told.lower() else _NO_NODE_CURE
        return not_ready("Unschedulable", f"No node takes the pod: {told}. {cure}")
    containers = list(_containers(pod))
    # Once the agent has ended for good its sidecars are made to end, which is nothing to tell.
    over = [c for c in containers if c.name == MAIN_CONTAINER and c.has_ended and not c.is_restarted]
    if trouble := next(filter(None, map(_trouble, over or containers)), None):
        return trouble
    if (dig(pod, "status", "phase", kind=str) or "Pending") == "Pending":
        return not_ready("PodPending", "The pod is starting.")
    return _unready(pod, ready)


def ending(pod: Mapping[str, Any], now: datetime) -> Verdict:
    """Return what Ready says of a pod that is being deleted, also one of a former Agent."""
    name = dig(pod, "metadata", "name", kind=str)
    due = overdue_at(pod)
    if _is_on_lost_node(pod) or (due is not None and now >= due and not has_ended(pod)):
        return not_ready("NodeLost", f"Pod {name} is to end, and {_tell_node(pod)} does not confirm it. {_WAITED_FOR}")
    target = _conditions(pod).get("DisruptionTarget")
    known = _DISRUPTIONS.get(dig(target, "reason", kind=str) or "") if _is_true(target) else None
    if known is None:
        return not_ready("Terminating", f"Pod {name} is ending.")
    return not_ready(known[0], f"{known[1]}.{_told(target)} It is made anew once it is gone.")


def ended(pod: Mapping[str, Any]) -> Verdict:
    """Return what Ready says of a pod in phase Failed or Succeeded; PodNotReady where nothing more is known."""
    target = _conditions(pod).get("DisruptionTarget")
    known = _ENDS.get(dig(pod, "status", "reason", kind=str) or "")
    if known is None and _is_true(target):
        known = _DISRUPTIONS.get(dig(target, "reason", kind=str) or "")
    if known is not None:
        return not_ready(known[0], f"{known[1]}.{_told(reach(pod, 'status'))}")
    for container in _containers(pod):
        if not container.failure:
            continue
        where = f"container {container.name}: {container.ending}"
        if container.failure == "OOMKilled":
            return not_ready("OOMKilled", f"The pod has ended ({where}): {_OUT_OF_MEMORY}.")
        if container.failure in _START_FAILURES:
            return not_ready(_CREATE[0], f"The pod has ended ({where}): {_CREATE[1]}.{_told(container.terminated)}")
        if container.is_init:
            return not_ready("InitFailed", f"The pod has ended before the agent could start ({where}); see its logs.")
    return not_ready("PodNotReady", f"The pod has ended: {_tell_end(pod)}.")


def end_reason(pod: Mapping[str, Any]) -> str:
    """Return why a pod ended, in one word: `status.lastFailure.reason`."""
    reason = ended(pod).reason
    if reason != "PodNotReady":
        return reason
    main = next((c for c in _containers(pod) if c.name == MAIN_CONTAINER), None)
    told = dig(main.terminated, "reason", kind=str) if main else None
    return told or dig(pod, "status", "reason", kind=str) or dig(pod, "status", "phase", kind=str) or "Failed"


_WAITED_FOR: Final = (
    "It is waited for, since the agent may still run there: at most one. When the node is gone for good, delete the "
    "Node, or taint it with node.kubernetes.io/out-of-service."
)


def _trouble(container: Container) -> Verdict | None:
    """Return what keeps a container of a living pod from running, if anything."""
    name, waiting = container.name, container.waiting
    if waiting is not None and waiting in _WAITING:
        reason, cure = _WAITING[waiting]
        told = f": {container.message}" if container.message else ""
        return not_ready(reason, f"Container {name} waits ({waiting}): {cure}{told}")
    if container.is_ready or not (waiting == "CrashLoopBackOff" or container.has_ended) or not container.terminated:
        return None
    if container.failure == "OOMKilled":
        return not_ready("OOMKilled", f"Container {name} ran out of memory: {_OUT_OF_MEMORY}.")
    if container.failure in _START_FAILURES:
        return not_ready(
            _CREATE[0], f"Container {name} ({container.ending}): {_CREATE[1]}.{_told(container.terminated)}"
        )
    if container.is_init:
        told = f"Init container {name} has failed ({container.ending}); see kubectl logs -c {name}."
        return not_ready("InitFailed", told) if container.failure else None
    if container.is_backing_off:
        told = f"Container {name} ends again and again ({container.ending}); see kubectl logs --previous -c {name}."
        return not_ready("CrashLoopBackOff", told)
    then = " and is started again" if container.is_restarted else ""
    return not_ready("PodNotReady", f"Container {name} has ended ({container.ending}){then}.")


def _unready(pod: Mapping[str, Any], ready: object) -> Verdict:
    waiting = [c.name for c in _containers(pod) if not c.is_init and not c.is_ready]
    if waiting:
        told = f"The readiness of {' and '.join(waiting)} is not given yet; see readinessProbe and the logs."
        return not_ready("PodNotReady", told)
    return not_ready("PodNotReady", dig(ready, "message", kind=str) or "The pod is not ready.")


def _tell_end(pod: object) -> str:
    main = next((c for c in _containers(pod) if c.name == MAIN_CONTAINER and c.terminated), None)
    if main is not None:
        return f"container {main.name}: {main.ending}"
    message = dig(pod, "status", "message", kind=str)
    return message.rstrip(".") if message else f"phase {dig(pod, 'status', 'phase', kind=str)}"


def _is_on_lost_node(pod: object) -> bool:
    """Tell whether the node controller has given the node up.

    It sets Ready to False and leaves everything else as the kubelet last wrote it: the phase is Running for ever.
    """
    conditions = _conditions(pod)
    if dig(pod, "status", "phase", kind=str) == "Unknown":
        return True
    # Readiness gates make the same two conditions, and say so.
    gates = dig(conditions.get("Ready"), "reason", kind=str) == "ReadinessGatesNotReady"
    return not gates and _is_true(conditions.get("ContainersReady")) and _is_false(conditions.get("Ready"))


def _tell_node(pod: object) -> str:
    return f"node {dig(pod, 'spec', 'nodeName', kind=str) or '(none)'}"


def _is_true(condition: object) -> bool:
    return dig(condition, "status", kind=str) == "True"


def _is_false(condition: object) -> bool:
    return dig(condition, "status", kind=str) == "False"


def _told(value: object) -> str:
    message = dig(value, "message", kind=str)
    return f" {message.rstrip('.')}." if message else ""


def _conditions(pod: object) -> dict[str | None, Mapping[str, Any]]:
    return {dig(c, "type", kind=str): c for c in dig_list(pod, "status", "conditions")}


def _finished_at(container: Container) -> str | None:
    text = dig(container.terminated, "finishedAt", kind=str)
    return text if parse_timestamp(text) is not None else None


def _containers(pod: object) -> Iterator[Container]:
    """Yield the status of each container, in the order in which they start."""
    policy = dig(pod, "spec", "restartPolicy", kind=str)
    sidecars = {
        dig(c, "name", kind=str)
        for c in dig_list(pod, "spec", "initContainers")
        if dig(c, "restartPolicy", kind=str) == "Always"
    }
    for field in ("initContainerStatuses", "containerStatuses"):
        for status in dig_list(pod, "status", field):
            name = dig(status, "name", kind=str) or ""
            is_sidecar = name in sidecars
            is_init = field == "initContainerStatuses" and not is_sidecar
            yield Container(name, is_init, "Always" if is_sidecar else policy, status)

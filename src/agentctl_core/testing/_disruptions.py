"""What happens to pods by other hands than the operator's, as each of them leaves it in the pod's status."""

from __future__ import annotations

from typing import Any, TypeAlias

from .._actions import Ref
from .._json import dig
from . import _pod_status as pod_status  # pyright: ignore[reportPrivateUsage] -- of this package
from ._apiserver import ApiServer
from ._kubelet import write_status

JsonObject: TypeAlias = dict[str, Any]


def evict_for_pressure(api: ApiServer, pod: JsonObject) -> None:
    """End a pod as a kubelet does whose node runs out of memory or disk: phase Failed, the object stays."""
    told = "The node was low on resource: memory."
    status = pod_status.with_disruption(pod, api.now, "TerminationByKubelet", told)
    ended = pod_status.finished(pod | {"status": status}, api.now, phase="Failed", exit_code=137)
    write_status(api, pod, ended | {"reason": "Evicted", "message": told})


def evict_by_api(api: ApiServer, pod: JsonObject) -> None:
    """Delete a pod as `kubectl drain` does."""
    _disrupt(api, pod, "EvictionByEvictionAPI", "Eviction API: evicting")


def preempt(api: ApiServer, pod: JsonObject) -> None:
    """Delete a pod as the scheduler does to make room for one of higher priority."""
    _disrupt(api, pod, "PreemptionByScheduler", "default-scheduler: preempting to accommodate a higher priority pod")


def end_container(api: ApiServer, pod: JsonObject, name: str, exit_code: int, reason: str) -> None:
    """Let a container of a running pod end; the kubelet starts it again where the restart policy says so."""
    write_status(api, pod, pod_status.with_end(pod, name, api.now, exit_code=exit_code, reason=reason))


def lose_image(api: ApiServer, pod: JsonObject) -> None:
    """Let the image of a starting pod's agent be one that cannot be pulled."""
    write_status(api, pod, pod_status.with_image(pod, is_there=False))


def restore_image(api: ApiServer, pod: JsonObject) -> None:
    """Let it be pulled after all."""
    write_status(api, pod, pod_status.with_image(pod, is_there=True))


def shut_down(api: ApiServer, pod: JsonObject) -> None:
    """End a pod as a kubelet does whose node is shut down: phase Failed, the object stays."""
    ended = pod_status.finished(pod, api.now, phase="Failed", exit_code=143)
    told = {"reason": "Terminated", "message": "Pod was terminated in response to imminent node shutdown."}
    write_status(api, pod, ended | told)


def is_running(pod: JsonObject | None) -> bool:
    """Tell whether a pod's containers have been started and none of them has ended for good."""
    return dig(pod, "status", "phase", kind=str) == "Running"


def _disrupt(api: ApiServer, pod: JsonObject, reason: str, message: str) -> None:
    write_status(api, pod, pod_status.with_disruption(pod, api.now, reason, message))
    api.delete(Ref.of(pod), uid=pod["metadata"]["uid"])

"""The kubelets of the model's nodes: each pod one pure step at a time.

Delays count from timestamps in the pods themselves, so there is no hidden state; like those, they have whole seconds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from .._actions import Ref
from .._json import dig, dig_list, same_json
from .._spec import MAIN_CONTAINER
from . import _pod_status as pod_status  # pyright: ignore[reportPrivateUsage] -- of this package
from ._apiserver import ApiServer
from ._deletion import parse_time
from ._resources import PODS
from ._timings import Timings

JsonObject: TypeAlias = dict[str, Any]

ENDED: Final = ("Succeeded", "Failed")


def pods_of(api: ApiServer) -> list[JsonObject]:
    """Return all pods, in the order of namespace and name."""
    return [pod for _, pod in api.storage.select(PODS.full_name, None)]


def node_of(pod: JsonObject) -> str | None:
    """Return the node that a pod is bound to."""
    return dig(pod, "spec", "nodeName", kind=str)


def write_status(api: ApiServer, pod: JsonObject, status: JsonObject) -> bool:
    """Write a pod's status; return whether that changed anything."""
    if same_json(status, pod["status"]):
        return False
    api.update(pod | {"status": status}, "status", strict=False)
    return True


def run_pods(api: ApiServer, timings: Timings, nodes: Collection[str]) -> bool:
    """Start, restart, resize, finish and stop the pods of these nodes: one step of each pod's life at a time."""
    changed = False
    for pod in pods_of(api):
        if node_of(pod) not in nodes:
            continue
        if "deletionTimestamp" in pod["metadata"]:
            changed |= _stop(api, pod, timings)
        elif dig(pod, "status", "phase", kind=str) not in ENDED:
            changed |= write_status(api, pod, _next_status(pod, api.now, timings))
    return changed


def pod_deadlines(api: ApiServer, timings: Timings, nodes: Collection[str]) -> Iterator[datetime]:
    """Yield the moments at which a kubelet will do something by itself; some may have passed."""
    for pod in pods_of(api):
        if node_of(pod) not in nodes:
            continue
        if "deletionTimestamp" in pod["metadata"]:
            if pod["metadata"].get("deletionGracePeriodSeconds"):
                yield _stop_time(pod, timings)
        elif dig(pod, "status", "startTime", kind=str) is None:
            yield api.now
        elif is_starting(pod):
            yield _ready_time(pod, timings)
        elif dig(pod, "status", "phase", kind=str) not in ENDED:
            yield from pod_status.restart_times(pod)
            if (end := _run_time(pod, timings)) is not None:
                yield end


def _next_status(pod: JsonObject, now: datetime, timings: Timings) -> JsonObject:
    if dig(pod, "status", "startTime", kind=str) is None:
        return pod_status.accepted(pod, now)
    if is_starting(pod):
        status: JsonObject = pod["status"]
        return pod_status.started(pod, now) if _ready_time(pod, timings) <= now else status
    end = _run_time(pod, timings)
    if end is not None and end <= now:
        return pod_status.with_end(pod, MAIN_CONTAINER, now, exit_code=0, reason="Completed")
    return pod_status.went_on(pod, now)


def is_starting(pod: JsonObject) -> bool:
    """Tell whether a pod's kubelet is about to run its containers, which nothing keeps it from."""
    has_begun = dig(pod, "status", "startTime", kind=str) is not None
    is_pending = dig(pod, "status", "phase", kind=str) == "Pending"
    return has_begun and is_pending and not pod_status.lacks_image(pod)


def _ready_time(pod: JsonObject, timings: Timings) -> datetime:
    return parse_time(pod["status"]["startTime"]) + timedelta(seconds=timings.start)


def _run_time(pod: JsonObject, timings: Timings) -> datetime | None:
    """Return when the program of a task ends."""
    if timings.run is None or dig(pod, "spec", "restartPolicy", kind=str) == "Always":
        return None
    for item in dig_list(pod, "status", "containerStatuses"):
        since = dig(item, "state", "running", "startedAt", kind=str)
        if item.get("name") == MAIN_CONTAINER and since is not None:
            return parse_time(since) + timedelta(seconds=timings.run)
    return None


def _stop_time(pod: JsonObject, timings: Timings) -> datetime:
    metadata = pod["metadata"]
    grace = float(metadata.get("deletionGracePeriodSeconds", 0))
    end = parse_time(metadata["deletionTimestamp"])
    return end - timedelta(seconds=max(0.0, grace - timings.stop))


def _stop(api: ApiServer, pod: JsonObject, timings: Timings) -> bool:
    """Confirm a deletion once the processes have ended: the status first, then the object goes."""
    if not pod["metadata"].get("deletionGracePeriodSeconds") or _stop_time(pod, timings) > api.now:
        return False
    if dig(pod, "status", "phase", kind=str) not in ENDED:
        write_status(api, pod, pod_status.finished(pod, api.now, phase="Succeeded"))
    api.delete(Ref.of(pod), uid=pod["metadata"]["uid"], grace_seconds=0)
    return True

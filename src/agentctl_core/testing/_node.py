"""The scheduler and the kubelet of the model's only node, as pure steps.

Delays count from timestamps in the pods themselves, so there is no hidden state; like those, they have whole seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from attrs import frozen

from .._actions import Ref
from .._json import dig, dig_list, same_json
from .._times import timestamp
from ._apiserver import ApiServer
from ._decoded import object_at
from ._deletion import parse_time
from ._resources import PODS

JsonObject: TypeAlias = dict[str, Any]

NODE: Final = "node-1"
NODE_IP: Final = "192.0.2.1"
_NODE_LABELS: Final = {"kubernetes.io/arch": "amd64", "kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux"}
_SCHEDULER: Final = "default-scheduler"


@frozen
class Timings:
    """How long things take on the node, in seconds.

    Attributes:
        schedule: from a pod's creation to its binding.
        start: from the kubelet's first look at a pod until its containers are ready.
        stop: from SIGTERM to the end of its processes; never longer than the grace period.
    """

    schedule: float = 0
    start: float = 0
    stop: float = 1


def schedule(api: ApiServer, timings: Timings) -> bool:
    """Bind pods to the node; say so in the condition PodScheduled where one does not fit."""
    changed = False
    for pod in _pods(api):
        if not _is_for_scheduler(pod) or _bind_time(pod, timings) > api.now:
            continue
        changed |= _bind(api, pod) if _fits(pod) else _tell_unschedulable(api, pod)
    return changed


def run_pods(api: ApiServer, timings: Timings) -> bool:
    """Start, resize and stop the pods of the node: one step of each pod's life at a time."""
    changed = False
    for pod in _pods(api):
        if dig(pod, "spec", "nodeName", kind=str) != NODE:
            continue
        if "deletionTimestamp" in pod["metadata"]:
            changed |= _stop(api, pod, timings)
        elif dig(pod, "status", "startTime", kind=str) is None:
            _write_status(api, pod, _accepted(pod, api.now))
            changed = True
        elif _is_starting(pod):
            changed |= _start(api, pod, timings)
        else:
            changed |= _resize(api, pod)
    return changed


def deadlines(api: ApiServer, timings: Timings) -> Iterator[datetime]:
    """Yield the moments at which scheduler or kubelet will do something by itself; some may have passed."""
    for pod in _pods(api):
        on_node = dig(pod, "spec", "nodeName", kind=str) == NODE
        if _is_for_scheduler(pod) and _fits(pod):
            yield _bind_time(pod, timings)
        elif on_node and "deletionTimestamp" in pod["metadata"]:
            if pod["metadata"].get("deletionGracePeriodSeconds"):
                yield _stop_time(pod, timings)
        elif on_node and dig(pod, "status", "startTime", kind=str) is None:
            yield api.now
        elif on_node and _is_starting(pod):
            yield _ready_time(pod, timings)


def _pods(api: ApiServer) -> list[JsonObject]:
    return [pod for _, pod in api.storage.select(PODS.full_name, None)]


def _is_for_scheduler(pod: JsonObject) -> bool:
    spec = pod["spec"]
    waits = not spec.get("nodeName") and not spec.get("schedulingGates") and spec.get("schedulerName") == _SCHEDULER
    return waits and "deletionTimestamp" not in pod["metadata"]


def _bind_time(pod: JsonObject, timings: Timings) -> datetime:
    return parse_time(pod["metadata"]["creationTimestamp"]) + timedelta(seconds=timings.schedule)


def _fits(pod: JsonObject) -> bool:
    wanted = object_at(pod, "spec", "nodeSelector")
    return all(_NODE_LABELS.get(key) == value for key, value in wanted.items())


def _bind(api: ApiServer, pod: JsonObject) -> bool:
    status = _with_conditions(pod, api.now, PodScheduled="True")
    api.bind(_ref(pod), NODE, status)
    return True


def _tell_unschedulable(api: ApiServer, pod: JsonObject) -> bool:
    told = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
    why = {"reason": "Unschedulable", "message": told}
    status = _with_conditions(pod, api.now, PodScheduled="False")
    status["conditions"] = [item | why if item["type"] == "PodScheduled" else item for item in status["conditions"]]
    if same_json(status, pod["status"]):
        return False
    _write_status(api, pod, status)
    return True


def _accepted(pod: JsonObject, now: datetime) -> JsonObject:
    """Return the status that a kubelet writes first: seen, nothing runs yet."""
    waiting = {"waiting": {"reason": "ContainerCreating"}}
    status: JsonObject = pod["status"] | {
        "phase": "Pending",
        "startTime": timestamp(now),
        "hostIP": NODE_IP,
        "hostIPs": [{"ip": NODE_IP}],
    }
    conditions = {"PodReadyToStartContainers": "False", "Initialized": "True", "Ready": "False"}
    status |= _with_conditions(pod | {"status": status}, now, **conditions, ContainersReady="False")
    return status | _container_statuses(pod, waiting, ready=False)


def _is_starting(pod: JsonObject) -> bool:
    return dig(pod, "status", "phase", kind=str) == "Pending"


def _ready_time(pod: JsonObject, timings: Timings) -> datetime:
    return parse_time(pod["status"]["startTime"]) + timedelta(seconds=timings.start)


def _start(api: ApiServer, pod: JsonObject, timings: Timings) -> bool:
    if _ready_time(pod, timings) > api.now:
        return False
    number = api.storage.count("ip")
    address = f"10.244.{number // 254 % 256}.{number % 254 + 1}"
    conditions = {
        "PodReadyToStartContainers": "True",
        "Initialized": "True",
        "Ready": "True",
        "ContainersReady": "True",
    }
    status = pod["status"] | {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
    status |= _with_conditions(pod | {"status": status}, api.now, **conditions)
    running = {"running": {"startedAt": timestamp(api.now)}}
    _write_status(api, pod, status | _container_statuses(pod, running, ready=True))
    return True


def _resize(api: ApiServer, pod: JsonObject) -> bool:
    """Put resources that were resized into effect: containerStatuses tell what holds."""
    asked = {item.get("name"): object_at(item, "resources") for item in dig_list(pod, "spec", "containers")}
    before = dig_list(pod, "status", "containerStatuses")
    after = [dict(item) | _effective(asked.get(item.get("name"), {})) for item in before]
    if same_json(after, [dict(item) for item in before]):
        return False
    _write_status(api, pod, pod["status"] | {"containerStatuses": after})
    return True


def _stop_time(pod: JsonObject, timings: Timings) -> datetime:
    metadata = pod["metadata"]
    grace = float(metadata.get("deletionGracePeriodSeconds", 0))
    end = parse_time(metadata["deletionTimestamp"])
    return end - timedelta(seconds=max(0.0, grace - timings.stop))


def _stop(api: ApiServer, pod: JsonObject, timings: Timings) -> bool:
    """Confirm a deletion once the processes have ended: the status first, then the object goes."""
    if not pod["metadata"].get("deletionGracePeriodSeconds") or _stop_time(pod, timings) > api.now:
        return False
    status = _with_conditions(pod, api.now, Ready="False", ContainersReady="False") | {"phase": "Succeeded"}
    started = dig(pod, "status", "startTime", kind=str) or timestamp(api.now)
    ended = {"exitCode": 0, "reason": "Completed", "startedAt": started, "finishedAt": timestamp(api.now)}
    _write_status(api, pod, status | _container_statuses(pod, {"terminated": ended}, ready=False))
    api.delete(_ref(pod), uid=pod["metadata"]["uid"], grace_seconds=0)
    return True


def _container_statuses(pod: JsonObject, state: JsonObject, *, ready: bool) -> JsonObject:
    """Return containerStatuses and initContainerStatuses with all containers in one state (init ones have run)."""
    statuses: JsonObject = {}
    for field in ("containerStatuses", "initContainerStatuses"):
        listed = dig_list(pod, "spec", "containers" if field == "containerStatuses" else "initContainers")
        if listed:
            statuses[field] = [
                {
                    "name": item.get("name"),
                    "state": _init_state(item, state) if field == "initContainerStatuses" else state,
                    "lastState": {},
                    "ready": ready,
                    "restartCount": 0,
                    "image": item.get("image"),
                    "imageID": "",
                    "started": ready,
                }
                | _effective(object_at(item, "resources"))
                for item in listed
            ]
    return statuses


def _init_state(container: Any, state: JsonObject) -> JsonObject:
    running = state.get("running")
    if running is None or container.get("restartPolicy") == "Always":  # a sidecar goes on running
        return state
    at = running["startedAt"]
    return {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": at, "finishedAt": at}}


def _effective(resources: JsonObject) -> JsonObject:
    return {"resources": resources} if resources else {}


def _with_conditions(pod: JsonObject, now: datetime, **wanted: str) -> JsonObject:
    """Return the pod's status with these conditions; a transition time moves with its condition's status alone."""
    conditions = {item["type"]: dict(item) for item in dig_list(pod, "status", "conditions")}
    for kind, status in wanted.items():
        former = conditions.get(kind, {})
        since = former.get("lastTransitionTime") if former.get("status") == status else timestamp(now)
        why: JsonObject = {}
        if status == "False" and kind in ("Ready", "ContainersReady"):
            names = " ".join(str(item.get("name")) for item in dig_list(pod, "spec", "containers"))
            why = {"reason": "ContainersNotReady", "message": f"containers with unready status: [{names}]"}
        conditions[kind] = {"type": kind, "status": status, "lastTransitionTime": since} | why
    return {**pod["status"], "conditions": list(conditions.values())}


def _write_status(api: ApiServer, pod: JsonObject, status: JsonObject) -> None:
    api.update(pod | {"status": status}, "status", strict=False)


def _ref(pod: JsonObject) -> Ref:
    return Ref("v1", "Pod", pod["metadata"]["namespace"], pod["metadata"]["name"])

"""A pod's status as a kubelet writes it: pure steps from one to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from .._json import dig, dig_list, reach
from .._quantity import amount
from .._spec import MAIN_CONTAINER
from .._times import timestamp
from ._decoded import object_at
from ._deletion import parse_time

JsonObject: TypeAlias = dict[str, Any]

NODE_IP: Final = "192.0.2.1"
NODE_CPU: Final = 8
"""CPUs of a node: what one pod can have."""
FIRST_RESTART: Final = timedelta(seconds=10)
LONGEST_RESTART: Final = timedelta(seconds=300)
"""The wait before a container is started again doubles each time, as a kubelet's."""
_LISTS: Final = {"initContainerStatuses": "initContainers", "containerStatuses": "containers"}
_CRASH_LOOP: Final = "CrashLoopBackOff"
_CREATING: Final = {"reason": "ContainerCreating"}
_NO_IMAGE: Final = "ImagePullBackOff"
_RESIZE: Final = "PodResizePending"


def accepted(pod: JsonObject, now: datetime) -> JsonObject:
    """Return the status that a kubelet writes first: seen, nothing runs yet."""
    waiting = {"waiting": _CREATING}
    status: JsonObject = {
        "phase": "Pending",
        "startTime": timestamp(now),
        "hostIP": NODE_IP,
        "hostIPs": [{"ip": NODE_IP}],
    }
    conditions = {"PodReadyToStartContainers": "False", "Initialized": "True", "Ready": "False"}
    told = with_conditions(pod, now, **conditions, ContainersReady="False")
    return _seen(pod, told | status | _all_in(pod, waiting, ready=False))


def with_image(pod: JsonObject, *, is_there: bool) -> JsonObject:
    """Return the status of a starting pod whose agent's image can be pulled, or cannot."""

    def waits(item: JsonObject) -> JsonObject:
        told = {"reason": _NO_IMAGE, "message": f'Back-off pulling image "{item["image"]}"'}
        return item | {"state": {"waiting": _CREATING if is_there else told}}

    return _with_container(pod["status"], MAIN_CONTAINER, waits)


def lacks_image(pod: JsonObject) -> bool:
    """Tell whether a pod waits for an image that cannot be pulled."""
    statuses = dig_list(pod, "status", "containerStatuses")
    return any(dig(item, "state", "waiting", "reason", kind=str) == _NO_IMAGE for item in statuses)


def started(pod: JsonObject, now: datetime) -> JsonObject:
    """Return the status once init containers have run and all others do."""
    # The uid is the only number of its own that a pod has.
    number = int(pod["metadata"]["uid"][-12:], 16) - 1
    address = f"10.244.{number // 254 % 256}.{number % 254 + 1}"
    conditions = dict.fromkeys(("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady"), "True")
    status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
    running = {"running": {"startedAt": timestamp(now)}}
    return _seen(pod, with_conditions(pod, now, **conditions) | status | _all_in(pod, running, ready=True))


def went_on(pod: JsonObject, now: datetime) -> JsonObject:
    """Return the status of a running pod at a later time: containers started again, resources put into effect."""
    status = dict(pod["status"])
    infeasible = cpu_of(pod) > NODE_CPU
    for field, listed in _LISTS.items():
        if field in status:
            asked: JsonObject = {item["name"]: object_at(item, "resources") for item in dig_list(pod, "spec", listed)}
            restarted = (_restarted(dict(item), now) for item in dig_list(status, field))
            effective = {} if infeasible else {name: {"resources": one} for name, one in asked.items()}
            status[field] = [item | effective.get(item["name"], {}) for item in restarted]
    status["conditions"] = _with_resize(dig_list(status, "conditions"), now, infeasible=infeasible)
    ready = "True" if all(dig(c, "ready", kind=bool) for c in _lasting(pod, status)) else "False"
    return _seen(pod, with_conditions(pod | {"status": status}, now, Ready=ready, ContainersReady=ready))


def with_end(pod: JsonObject, name: str, now: datetime, *, exit_code: int, reason: str) -> JsonObject:
    """Return the status once a container of a running pod has ended: it waits to be started again, or it does not."""
    policy = dig(pod, "spec", "restartPolicy", kind=str)
    again = name != MAIN_CONTAINER or policy == "Always" or (policy == "OnFailure" and exit_code != 0)

    def ended(item: JsonObject) -> JsonObject:
        since = dig(item, "state", "running", "startedAt", kind=str) or timestamp(now)
        terminated = {
            "terminated": {
                "exitCode": exit_code,
                "reason": reason,
                "startedAt": since,
                "finishedAt": timestamp(now),
            }
        }
        waiting = {"waiting": {"reason": _CRASH_LOOP, "message": "back-off restarting failed container"}}
        told = {"state": waiting, "lastState": terminated} if again else {"state": terminated}
        return item | told | {"ready": False, "started": False}

    status = _with_container(pod["status"], name, ended)
    if not again:
        return finished(
            pod | {"status": status}, now, phase="Failed" if exit_code else "Succeeded", exit_code=exit_code
        )
    return with_conditions(pod | {"status": status}, now, Ready="False", ContainersReady="False")


def finished(pod: JsonObject, now: datetime, *, phase: str, exit_code: int = 0) -> JsonObject:
    """Return the status of a pod whose containers have all ended, by themselves or stopped by the kubelet."""
    started_at = dig(pod, "status", "startTime", kind=str) or timestamp(now)
    terminated = {
        "exitCode": exit_code,
        "reason": "Error" if exit_code else "Completed",
        "startedAt": started_at,
        "finishedAt": timestamp(now),
    }
    status = with_conditions(pod, now, Ready="False", ContainersReady="False") | {"phase": phase}
    for field in _LISTS:
        if field in status or dig_list(pod, "spec", _LISTS[field]):
            status[field] = [
                item
                if reach(item, "state", "terminated") is not None
                else item | {"state": {"terminated": terminated}, "ready": False, "started": False}
                for item in map(dict, dig_list(status, field) or _all_in(pod, {}, ready=False)[field])
            ]
    return _seen(pod, status)


def cpu_of(pod: JsonObject) -> float:
    """Return how many CPUs the pod's containers ask for together."""
    requested = (object_at(item, "resources", "requests") for item in dig_list(pod, "spec", "containers"))
    return float(sum(amount(item["cpu"]) or 0 for item in requested if "cpu" in item))


def restart_times(pod: JsonObject) -> Iterator[datetime]:
    """Yield when containers that wait are started again."""
    for field in _LISTS:
        for item in dig_list(pod, "status", field):
            if (moment := _restart_time(item)) is not None:
                yield moment


def with_conditions(pod: JsonObject, now: datetime, **wanted: str) -> JsonObject:
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


def with_disruption(pod: JsonObject, now: datetime, reason: str, message: str) -> JsonObject:
    """Return the pod's status with the condition that says who ends it."""
    status = with_conditions(pod, now, DisruptionTarget="True")
    told = {"reason": reason, "message": message}
    status["conditions"] = [
        item | told if item["type"] == "DisruptionTarget" else item for item in status["conditions"]
    ]
    return status


def _with_resize(conditions: Iterable[Any], now: datetime, *, infeasible: bool) -> list[JsonObject]:
    """Say that the node cannot give what a resize asks for, as long as that is so."""
    kept = [dict(item) for item in conditions if item["type"] != _RESIZE or infeasible]
    if infeasible and all(item["type"] != _RESIZE for item in kept):
        told = {"reason": "Infeasible", "message": "Node didn't have enough capacity: cpu"}
        kept.append({"type": _RESIZE, "status": "True", "lastTransitionTime": timestamp(now)} | told)
    return kept


def _seen(pod: JsonObject, status: JsonObject) -> JsonObject:
    """Tell which generation of the pod's spec the status speaks of."""
    return status | {"observedGeneration": pod["metadata"]["generation"]}


def _all_in(pod: JsonObject, state: JsonObject, *, ready: bool) -> JsonObject:
    """Return containerStatuses and initContainerStatuses with all containers in one state (init ones have run)."""
    return {
        field: [
            {
                "name": item.get("name"),
                "state": _init_state(item, state) if listed == "initContainers" else state,
                "lastState": {},
                "ready": ready,
                "restartCount": 0,
                "image": item.get("image"),
                "imageID": "",
                "started": ready,
            }
            | {"resources": object_at(item, "resources")}
            for item in dig_list(pod, "spec", listed)
        ]
        for field, listed in _LISTS.items()
        if dig_list(pod, "spec", listed)
    }


def _init_state(container: Any, state: JsonObject) -> JsonObject:
    running = state.get("running")
    if running is None or container.get("restartPolicy") == "Always":  # a sidecar goes on running
        return state
    at = running["startedAt"]
    return {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": at, "finishedAt": at}}


def _lasting(pod: JsonObject, status: JsonObject) -> Iterator[JsonObject]:
    """Yield the statuses of the containers that are to run as long as the pod does."""
    yield from map(dict, dig_list(status, "containerStatuses"))
    init = dig_list(pod, "spec", "initContainers")
    sidecars = {item.get("name") for item in init if item.get("restartPolicy") == "Always"}
    yield from (dict(item) for item in dig_list(status, "initContainerStatuses") if item.get("name") in sidecars)


def _with_container(status: JsonObject, name: str, change: Callable[[JsonObject], JsonObject]) -> JsonObject:
    changed = {
        field: [change(item) if item.get("name") == name else item for item in map(dict, dig_list(status, field))]
        for field in _LISTS
        if field in status
    }
    return status | changed


def _restart_time(item: Any) -> datetime | None:
    if dig(item, "state", "waiting", "reason", kind=str) != _CRASH_LOOP:
        return None
    ended = parse_time(item["lastState"]["terminated"]["finishedAt"])
    wait: timedelta = min(FIRST_RESTART * 2 ** min(item["restartCount"], 10), LONGEST_RESTART)
    return ended + wait


def _restarted(item: JsonObject, now: datetime) -> JsonObject:
    due = _restart_time(item)
    if due is None or due > now:
        return item
    running = {"running": {"startedAt": timestamp(now)}}
    return item | {"state": running, "restartCount": item["restartCount"] + 1, "ready": True, "started": True}

"""The model's nodes: who schedules pods on them, and who clears up after one that is lost.

A node that does not answer is marked by the node controller, which takes the readiness of its pods away and leaves all
else as the kubelet last wrote it; after five minutes it asks for their deletion, which nobody confirms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from .._actions import Ref
from .._json import dig, dig_list
from .._times import timestamp
from . import _pod_status as pod_status  # pyright: ignore[reportPrivateUsage] -- of this package
from ._apiserver import ApiServer
from ._decoded import object_at
from ._deletion import parse_time
from ._kubelet import ENDED, node_of, pods_of, write_status
from ._timings import Timings

JsonObject: TypeAlias = dict[str, Any]
Nodes: TypeAlias = Mapping[str, datetime | None]
"""Each node's name, and since when it does not answer; None while it does."""

TOLERATED: Final = timedelta(seconds=300)
"""How long a pod tolerates a node that does not answer, unless it says otherwise."""
_LABELS: Final = {"kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux"}
_SCHEDULER: Final = "default-scheduler"


def answering(nodes: Nodes) -> frozenset[str]:
    """Return the nodes that answer."""
    return frozenset(name for name, lost in nodes.items() if lost is None)


def schedule(api: ApiServer, timings: Timings, nodes: Nodes) -> bool:
    """Bind pods to nodes; say so in the condition PodScheduled where one fits nowhere."""
    changed = False
    for pod in pods_of(api):
        if not _is_for_scheduler(pod) or _bind_time(pod, timings) > api.now:
            continue
        node = _place(pod, nodes)
        if node is None:
            changed |= _tell_unschedulable(api, pod, nodes)
        else:
            api.bind(Ref.of(pod), node, pod_status.with_conditions(pod, api.now, PodScheduled="True"))
            changed = True
    return changed


def clear_up(api: ApiServer, nodes: Nodes) -> bool:
    """Do what the node controller does about pods whose node is lost, and pod GC about those whose node is gone."""
    changed = False
    for pod in pods_of(api):
        node = node_of(pod)
        if node is None:
            continue
        if node not in nodes:
            _collect(api, pod)
            changed = True
        elif (since := nodes[node]) is not None:
            changed |= _give_up(api, pod, since)
    return changed


def node_deadlines(api: ApiServer, timings: Timings, nodes: Nodes) -> Iterator[datetime]:
    """Yield the moments at which the scheduler or the node controller will do something by itself."""
    for pod in pods_of(api):
        since = nodes.get(node_of(pod) or "")
        if _is_for_scheduler(pod) and _place(pod, nodes) is not None:
            yield _bind_time(pod, timings)
        elif since is not None and "deletionTimestamp" not in pod["metadata"]:
            yield since + TOLERATED


def _is_for_scheduler(pod: JsonObject) -> bool:
    spec = pod["spec"]
    waits = not spec.get("nodeName") and not spec.get("schedulingGates") and spec.get("schedulerName") == _SCHEDULER
    return waits and "deletionTimestamp" not in pod["metadata"]


def _bind_time(pod: JsonObject, timings: Timings) -> datetime:
    return parse_time(pod["metadata"]["creationTimestamp"]) + timedelta(seconds=timings.schedule)


def _place(pod: JsonObject, nodes: Nodes) -> str | None:
    wanted = object_at(pod, "spec", "nodeSelector")
    for name, lost in nodes.items():
        labels = {**_LABELS, "kubernetes.io/hostname": name}
        matches = all(labels.get(key) == value for key, value in wanted.items())
        if lost is None and matches and pod_status.cpu_of(pod) <= pod_status.NODE_CPU:
            return name
    return None


def _tell_unschedulable(api: ApiServer, pod: JsonObject, nodes: Nodes) -> bool:
    count = len(nodes)
    told = f"0/{count} nodes are available: {count} node(s) didn't match Pod's node affinity/selector."
    status = pod_status.with_conditions(pod, api.now, PodScheduled="False")
    why = {"reason": "Unschedulable", "message": told}
    status["conditions"] = [item | why if item["type"] == "PodScheduled" else item for item in status["conditions"]]
    return write_status(api, pod, status)


def _give_up(api: ApiServer, pod: JsonObject, since: datetime) -> bool:
    ended = dig(pod, "status", "phase", kind=str) in ENDED
    conditions = [dict(item) for item in dig_list(pod, "status", "conditions")]
    is_ready = any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)
    if is_ready and not ended:
        # Its status alone is changed: reason and message stay the kubelet's.
        told = [_unready(item, api.now) if item["type"] == "Ready" else item for item in conditions]
        return write_status(api, pod, pod["status"] | {"conditions": told})
    if api.now < since + TOLERATED or "deletionTimestamp" in pod["metadata"]:
        return False
    told_by = "Taint manager: deleting due to NoExecute taint"
    status = pod_status.with_disruption(pod, api.now, "DeletionByTaintManager", told_by)
    write_status(api, pod, status)
    api.delete(Ref.of(pod), uid=pod["metadata"]["uid"])
    return True


def _unready(condition: JsonObject, now: datetime) -> JsonObject:
    return condition | {"status": "False", "lastTransitionTime": timestamp(now)}


def _collect(api: ApiServer, pod: JsonObject) -> None:
    if dig(pod, "status", "phase", kind=str) not in ENDED:
        told = "PodGC: node no longer exists"
        status = pod_status.with_disruption(pod, api.now, "DeletionByPodGC", told) | {"phase": "Failed"}
        write_status(api, pod, status)
    api.delete(Ref.of(pod), uid=pod["metadata"]["uid"], grace_seconds=0)

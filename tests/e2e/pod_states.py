"""Pod statuses as a kubelet writes them, for a pod with the one container `agent` and the wrapper's init container."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]

WRAPPER = "agentctl-wrapper"


def at(seconds: float = 0) -> str:
    """Return a time so many seconds from now."""
    return f"{datetime.now(UTC) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


def terminated(exit_code: int, reason: str, message: str = "") -> Json:
    """Return how a container has ended."""
    said = {"message": message} if message else {}
    return {"exitCode": exit_code, "reason": reason, "startedAt": at(-1), "finishedAt": at(), **said}


def running(*, ready: bool = True, since: float = 0, **more: Any) -> Json:
    """Return the status of a pod that runs; `since` how many seconds it has been ready, or not."""
    # That a kubelet tells of resources says that it can change them.
    agent = _container("agent", {"running": {"startedAt": at()}}, ready=ready, resources={})
    return _status("Running", [_done(WRAPPER)], [agent], ready=ready, since=since) | more


def waiting(reason: str, message: str) -> Json:
    """Return the status of a pod whose agent cannot be started."""
    agent = _container("agent", {"waiting": {"reason": reason, "message": message}})
    return _status("Pending", [_done(WRAPPER)], [agent])


def crashing(exit_code: int, reason: str, message: str = "", *, restarts: int = 3) -> Json:
    """Return the status of a pod whose agent ends again and again."""
    state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container=agent"}}
    last = {"terminated": terminated(exit_code, reason, message)}
    agent = _container("agent", state, lastState=last, restartCount=restarts)
    return _status("Running", [_done(WRAPPER)], [agent])


def restarting(exit_code: int, reason: str, *, restarts: int = 0) -> Json:
    """Return the status of a pod whose agent has just ended, and is about to be started again."""
    agent = _container("agent", {"terminated": terminated(exit_code, reason)}, restartCount=restarts)
    return _status("Running", [_done(WRAPPER)], [agent])


def init_failing(exit_code: int) -> Json:
    """Return the status of a pod whose init container ends again and again."""
    state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}}
    last = {"terminated": terminated(exit_code, "Error")}
    init = _container(WRAPPER, state, lastState=last, restartCount=2)
    agent = _container("agent", {"waiting": {"reason": "PodInitializing"}})
    return _status("Pending", [init], [agent])


def failed(exit_code: int = 1, reason: str = "Error", message: str = "") -> Json:
    """Return the status of a pod whose agent has failed for good."""
    agent = _container("agent", {"terminated": terminated(exit_code, reason, message)})
    return _status("Failed", [_done(WRAPPER)], [agent])


def succeeded() -> Json:
    """Return the status of a pod whose agent has done its task."""
    agent = _container("agent", {"terminated": terminated(0, "Completed")})
    return _status("Succeeded", [_done(WRAPPER)], [agent])


def evicted(message: str) -> Json:
    """Return the status of a pod that its node has thrown out, as the kubelet's eviction manager writes it."""
    target = {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet", "message": message}
    status = failed(137, "Error")
    conditions = [*status["conditions"], target | {"lastTransitionTime": at()}]
    return status | {"reason": "Evicted", "message": message, "conditions": conditions}


def resizing(generation: int, **condition: str) -> Json:
    """Return the news of a pod that runs and whose present generation the kubelet has seen, with one condition more."""
    status = running(observedGeneration=generation)
    if condition:
        status["conditions"].append({"status": "True", "lastTransitionTime": at(), **condition})
    return status


def _status(phase: str, inits: list[Json], containers: list[Json], *, ready: bool = False, since: float = 0) -> Json:
    moment, told = at(-since), {} if ready else {"reason": "ContainersNotReady", "message": "containers not ready"}
    conditions = [
        {"type": kind, "status": str(ready), "lastTransitionTime": moment, **told}
        for kind in ("Ready", "ContainersReady")
    ]
    return {
        "phase": phase,
        "startTime": moment,
        "conditions": conditions,
        "initContainerStatuses": inits,
        "containerStatuses": containers,
    }


def _done(name: str) -> Json:
    return _container(name, {"terminated": terminated(0, "Completed")}, ready=True)


def _container(name: str, state: Json, *, ready: bool = False, **more: Any) -> Json:
    named = {"name": name, "image": "busybox:1.37", "imageID": "", "ready": ready, "restartCount": 0, "state": state}
    return named | more

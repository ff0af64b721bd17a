"""Why an Agent is as it is: what `agentctl explain` tells, as JSON values. A pure function of what was read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from agentctl_core import KIND, MAIN_CONTAINER

from ._advice import ADVICE, UNWATCHED, Advice
from ._manifests import Json, mapping, objects, status_of

MOST_EVENTS: Final = 10
_UNKNOWN: Final = Advice(
    "This version of agentctl does not know this reason; its message tells more.", do=("Update it.",)
)


def explained(agent: Json, pod: Json | None, events: Iterable[Json], unread: Sequence[str]) -> dict[str, Any]:
    """Return what to tell about an Agent.

    Args:
        agent: its manifest, with the status.
        pod: the pod of its name, whoever's it is; None where there is none, or it could not be read.
        events: of either API, about whatever has the Agent's name.
        unread: what could not be read, for people.
    """
    conditions = {str(each.get("type")): each for each in objects(status_of(agent).get("conditions"))}
    is_seen = _is_seen(agent, conditions)
    words, is_well = _verdict(agent, conditions, pod)
    if conditions and not is_seen:
        words, is_well = f"{words}, and its latest edit has not been looked at", False
    described = None if pod is None else _pod(pod, agent)
    metadata: Json = agent["metadata"]
    return {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "verdict": words,
        "isWell": is_well,
        "generation": metadata.get("generation"),
        "observedGeneration": status_of(agent).get("observedGeneration"),
        "conditions": [dict(each) for each in conditions.values()],
        "advice": [*_advice(agent, conditions, described, is_seen=is_seen)],
        "pod": described,
        "lastTermination": status_of(agent).get("lastTermination"),
        "events": _events(events, agent),
        "unread": list(unread),
    }


def _is_seen(agent: Json, conditions: Mapping[str, Json]) -> bool:
    generation, observed = agent["metadata"].get("generation"), status_of(agent).get("observedGeneration")
    return bool(conditions) and (generation is None or observed is None or observed >= generation)


def _verdict(agent: Json, conditions: Mapping[str, Json], pod: Json | None) -> tuple[str, bool]:
    """Return what an Agent is, in words, and whether that is well."""
    status = {kind: each.get("status") for kind, each in conditions.items()}
    reason = {kind: str(each.get("reason")) for kind, each in conditions.items()}
    if agent["metadata"].get("deletionTimestamp"):
        return "is being deleted", False
    if not conditions:
        return "has a pod, and no status yet" if pod else "has not been looked at by any operator", False
    if status.get("Accepted") != "True":
        runs = "runs its former spec; the present one " if status.get("Ready") == "True" else ""
        return f"{runs}is not accepted: {reason.get('Accepted')}", False
    if status.get("Finished") == "True":
        return f"has finished: {reason['Finished']}", reason["Finished"] == "Succeeded"
    if status.get("Suspended") == "True":
        return "is suspended", True
    if status.get("Ready") == "True":
        return "is ready" if status.get(
            "UpToDate"
        ) != "False" else f"is ready, and not up to date: {reason['UpToDate']}", True
    return f"is not ready: {reason.get('Ready')}", False


def _advice(
    agent: Json, conditions: Mapping[str, Json], pod: Json | None, *, is_seen: bool
) -> Iterator[dict[str, Any]]:
    """Yield advice for each condition that is not as one would wish, once for what two of them tell."""
    metadata: Json = agent["metadata"]
    places = {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "container": _troubled(pod),
        "node": mapping(pod).get("node") or "NODE",
    }
    if not is_seen:
        yield {"condition": None, "reason": None, "message": None, **_filled(UNWATCHED, places)}
    for kind in ("Accepted", "Finished", "Suspended", "Ready", "UpToDate"):
        condition = conditions.get(kind, {})
        reason, is_true = str(condition.get("reason")), condition.get("status") == "True"
        is_wished = is_true != (kind in ("Finished", "Suspended")) or reason in ("Succeeded", "NotAccepted")
        if condition and not is_wished:
            found = ADVICE[kind].get(reason, _UNKNOWN)
            told = {"condition": kind, "reason": reason, "message": condition.get("message")}
            yield told | _filled(found, places)


def _filled(advice: Advice, places: Mapping[str, str]) -> dict[str, Any]:
    return {
        "means": advice.means,
        "do": [text.format(**places) for text in advice.do],
        "lookAt": [text.format(**places) for text in advice.look],
    }


def _troubled(pod: Json | None) -> str:
    """Return the container to look at: the first that does not work, else the agent's."""
    for container in objects(mapping(pod).get("containers")):
        is_bad = container["exitCode"] or container["restarts"] or container["state"] == "waiting"
        if is_bad and not container["ready"] and container["reason"] != "PodInitializing":
            return str(container["name"])
    return MAIN_CONTAINER


def _pod(pod: Json, agent: Json) -> dict[str, Any]:
    """Return what a pod is and what its containers do, in the order in which they start."""
    spec, status, metadata = mapping(pod.get("spec")), status_of(pod), mapping(pod.get("metadata"))
    owners = {owner.get("uid") for owner in objects(metadata.get("ownerReferences"))}
    found = [each for field in ("initContainerStatuses", "containerStatuses") for each in objects(status.get(field))]
    by_name = {each.get("name"): each for each in found}
    return {
        "name": metadata.get("name"),
        "isOurs": not owners.isdisjoint({agent["metadata"].get("uid")}),
        "phase": status.get("phase") or "Pending",
        "isEnding": "deletionTimestamp" in metadata,
        "node": spec.get("nodeName"),
        "ip": status.get("podIP"),
        "startTime": status.get("startTime"),
        "containers": [
            _container(each, by_name.get(each.get("name"), {}), is_init=field == "initContainers")
            for field in ("initContainers", "containers")
            for each in objects(spec.get(field))
        ],
    }


def _container(container: Json, status: Json, *, is_init: bool) -> dict[str, Any]:
    states = mapping(status.get("state"))
    state = next(iter(states), "unknown")
    details = mapping(states.get(state))
    last = mapping(mapping(status.get("lastState")).get("terminated"))
    is_sidecar = is_init and container.get("restartPolicy") == "Always"
    return {
        "name": container.get("name"),
        "role": "sidecar" if is_sidecar else "init" if is_init else "agent",
        "image": container.get("image"),
        "state": state,
        "reason": details.get("reason"),
        "message": details.get("message"),
        "exitCode": details.get("exitCode", last.get("exitCode")),
        "ready": bool(status.get("ready")),
        "restarts": status.get("restartCount", 0),
    }


def _events(events: Iterable[Json], agent: Json) -> list[dict[str, Any]]:
    """Return the latest events about the Agent and its pods, the oldest first."""
    found: list[dict[str, Any]] = []
    for item in events:
        about = mapping(item.get("regarding") or item.get("involvedObject"))
        is_agents = about.get("kind") == KIND and about.get("uid") in (None, agent["metadata"].get("uid"))
        is_named = about.get("name") == agent["metadata"]["name"]
        if not is_named or not (is_agents or about.get("kind") == "Pod"):
            continue
        series = mapping(item.get("series"))
        times = (series.get("lastObservedTime"), item.get("deprecatedLastTimestamp"), item.get("lastTimestamp"))
        found.append(
            {
                "at": next(
                    filter(None, (*times, item.get("eventTime"), item["metadata"].get("creationTimestamp"))), ""
                ),
                "type": item.get("type"),
                "reason": item.get("reason"),
                "object": about.get("kind"),
                "message": item.get("note") or item.get("message") or "",
                "count": series.get("count") or item.get("deprecatedCount") or item.get("count") or 1,
            }
        )
    return sorted(found, key=lambda each: str(each["at"]))[-MOST_EVENTS:]

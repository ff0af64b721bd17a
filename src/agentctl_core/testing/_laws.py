"""What must hold whatever happens: safety after every step, and the goal once the world has settled.

Each law is stated from outside: it compares what was done with what a perfect observer knows, never with what the
operator meant.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, TypeAlias

from attrs import evolve

from .._actions import Action, Create, Delete, EmitEvent, Patch, PatchStatus, Resize
from .._agent import KIND
from .._identity import AGENT_LABEL, REVISION
from .._json import dig, dig_list, is_being_deleted, reach
from .._observed import Observed
from .._reconcile import decide
from .._times import parse_timestamp
from ._decoded import object_at
from ._go_values import quantity
from ._host import is_owned_by, observed_objects
from ._kubelet import ENDED, node_of
from ._operator import prepared_of
from ._pod_status import lacks_image
from ._world import World

JsonObject: TypeAlias = dict[str, Any]

FIRST_BACKOFF: Final = timedelta(seconds=10)


class LawBrokenError(AssertionError):
    """Something that must hold does not; the message says what."""


def check_action(before: World, action: Action, after: World) -> None:
    """Check what the operator has just done.

    Args:
        before: the world when it was about to execute `action`.
        action: what it executed, or tried to.
        after: the world after it.

    Raises:
        LawBrokenError: it must not do so.
    """
    _check_preconditions(action)
    for key, manifest in before.cluster.storage.objects.items():
        if manifest["metadata"]["uid"] in before.ghost.strangers:
            _require(after.cluster.storage.objects.get(key) is manifest, f"a stranger's object was touched: {key}")
    if isinstance(action, Delete | Patch | Resize) and action.ref.kind == "Pod":
        is_own = action.uid == before.operator.pod
        _require(is_own, f"{type(action).__name__} of a pod that the operator does not see as the Agent's")
    match action:
        case Create(manifest) if manifest["kind"] == "Pod" and before.pod is None and after.pod is not None:
            _check_creation(before, manifest)
        case Delete(ref) if ref.kind == "Pod" and before.pod is not after.pod:
            _check_deletion(before)
        case Delete(ref) if ref.kind == KIND and before.agent is not None and before.agent is not after.agent:
            _check_expiry(before, before.agent)
        case PatchStatus() if before.agent is not None and after.agent is not before.agent:
            _check_status(before, before.agent, after.agent or {})
        case _:
            pass


def check_plan(before: World, after: World) -> None:
    """Check a plan that has just been made: an event that is decided twice is the same event, by its name.

    A second later there may be another thing to tell: a deadline has passed.

    Raises:
        LawBrokenError: it is another one each time, so that a crash or a lost response tells it again.
    """
    events = _events(after)
    if events:
        later = before.copy()
        later.cluster.advance(1)
        later.plan()
        again = _events(later)
        _require(
            all(events[reason] <= again[reason] for reason in events.keys() & again.keys()),
            "the same event has another name each time",
        )


def _events(world: World) -> dict[str, set[str]]:
    """Return the names of the events that the operator's plan tells, by their reason."""
    names: dict[str, set[str]] = {}
    for action in world.operator.plan:
        if isinstance(action, EmitEvent):
            names.setdefault(action.reason, set()).add(action.name)
    return names


def check_state(world: World) -> None:
    """Check what must hold at any time.

    Raises:
        LawBrokenError: it does not.
    """
    living = [
        manifest["metadata"]["uid"]
        for (resource, _, _), manifest in world.cluster.storage.objects.items()
        if resource == "pods"
        and _is_agents(manifest, world.ref.name)
        and dig(manifest, "status", "phase", kind=str) not in ENDED
    ]
    _require(len(living) <= 1, f"more than one pod is alive: {living}")
    for name, uid in world.ghost.claims.items():
        claim = world.cluster.storage.objects.get(("persistentvolumeclaims", world.ref.namespace, name))
        is_kept = claim is not None and claim["metadata"]["uid"] == uid and not is_being_deleted(claim)
        _require(is_kept, f"claim {name} is lost")


def check_settled(world: World) -> None:
    """Check a world in which operator and controllers are quiet.

    Ready says what the pod says; looking again, or starting anew, writes nothing.

    Raises:
        LawBrokenError: it does.
    """
    agent, pod = world.agent, world.pod
    if agent is not None and pod is not None and _is_own(pod, agent) and "status" in agent:
        _check_told(agent, pod)
    due = world.operator.due
    if world.operator.timed != world.operator.skew or (due is not None and due - world.cluster.now <= _AT_ONCE):
        return  # its clock has been moved, which it sees when its timer is due; or it is about to look anyway
    later = world.cluster.copy()
    for _ in range(2):
        again = world.operator.decided(later)
        _require(not again.plan, f"a settled operator would write: {again.plan}")
        later.advance(1)
    if world.operator.met:
        return  # another process tries at once what this one waits for
    other = world.copy()
    other.operator = other.operator.restarted()
    version = other.cluster.storage.resource_version
    for _ in range(_MOST_ROUNDS):
        step = other.operator_step()
        if step is None:
            break
        getattr(other, step)()
    is_same = other.cluster.storage.resource_version == version
    _require(is_same, "an operator that starts anew writes to a settled cluster")


def check_goal(world: World) -> None:
    """Check that a world that has come to rest is what its user asks for, or says why it cannot be.

    Raises:
        LawBrokenError: it is neither.
    """
    agent, pod = world.agent, world.pod
    if agent is None:
        left = [key for key, item in world.cluster.storage.objects.items() if _is_left_over(key, item, world)]
        _require(not left, f"the Agent is gone, and left behind: {left}")
        return
    if is_being_deleted(agent):
        waits = pod is not None and _is_own(pod, agent) and _is_excused(world, pod)
        _require(waits, "an Agent that is deleted does not go")
        return
    status = agent.get("status", {})
    generation = agent["metadata"]["generation"]
    _require(status.get("observedGeneration") == generation, "the status does not speak of the present spec")
    prepared = prepared_of(agent, world.scenario.config)
    if prepared.agent is None or prepared.rendered is None:
        _require(_condition(agent, "Accepted").get("status") == "False", "an invalid spec is accepted")
        return
    own = pod if pod is not None and _is_own(pod, agent) else None
    if own is not None:
        _check_told(agent, own)
    if _condition(agent, "Finished").get("status") == "True":
        ended = own is None or dig(own, "status", "phase", kind=str) in ENDED
        _require(ended or (own is not None and _is_excused(world, own)), "a finished task has a running pod")
        is_present = status.get("currentRevision") == prepared.rendered.revision
        is_kept = prepared.agent.spec.update_strategy == "OnDelete"
        _require(is_present or is_kept, "a task has another spec by now, and counts as finished")
    elif not prepared.agent.spec.replicas:
        _require(own is None or _is_excused(world, own), "a suspended Agent has a pod")
        _require(status.get("replicas") == (own is not None), "status.replicas is wrong")
        _require(
            not _condition(agent, "Ready"), "a suspended Agent has a condition Ready: who waits for it waits for ever"
        )
    elif own is None:
        _check_reason(agent, pod, world)
    elif not _is_excused(world, own):
        _check_running(agent, own, prepared.rendered.revision)
        if dig(reach(own, "metadata", "annotations"), REVISION, kind=str) == prepared.rendered.revision:
            # An outdated pod keeps the files that it was made with.
            _check_beside(world, agent, {manifest["metadata"]["name"] for manifest in prepared.rendered.objects})


def with_ghost(before: World, after: World, *, by_operator: bool) -> None:
    """Let the perfect observer take note of what a step has changed."""
    ghost, pod = after.ghost, after.pod
    if pod is not None and pod["metadata"]["uid"] not in ghost.failed and _has_failed(after, pod):
        failed_at = after.now if _is_of_present_spec(after, pod) else None
        ghost = evolve(ghost, failed=(*ghost.failed, str(pod["metadata"]["uid"])), failed_at=failed_at)
    was = before.pod
    if was is not None and not by_operator and (pod is None or is_being_deleted(pod)) and was is not pod:
        ghost = evolve(ghost, failed_at=None)  # somebody else took it away, perhaps before it was seen
    if before.ghost.version != ghost.version:
        ghost = evolve(ghost, failed_at=None)
    claims = dict(ghost.claims)
    for world in (before, after):
        for (resource, _, name), manifest in world.cluster.storage.objects.items():
            if resource == "persistentvolumeclaims":
                if _may_go(manifest, after):
                    claims.pop(name, None)
                else:
                    # What was seen stays remembered, so that it is missed.
                    claims.setdefault(name, manifest["metadata"]["uid"])
    ghost = evolve(ghost, claims=claims)
    after.ghost = ghost


def _may_go(claim: JsonObject, world: World) -> bool:
    """Tell whether a claim goes with the Agent that owns it, which is deleted: gone, going, or followed by another."""
    if not reach(claim, "metadata", "ownerReferences"):
        return False
    agent = world.agent
    lives = agent is not None and not is_being_deleted(agent) and is_owned_by(claim, agent["metadata"]["uid"])
    return not lives and not _retains(world)


def _retains(world: World) -> bool:
    """Tell whether claims outlive the Agent: whether none of the scenario's specs says otherwise."""
    policies = (object_at(dict(spec), "persistentVolumeClaimRetentionPolicy") for spec in world.specs)
    return all(policy.get("whenDeleted") != "Delete" for policy in policies)


def _check_preconditions(action: Action) -> None:
    match action:
        case Delete(_, uid) | Resize(_, uid):
            _require(bool(uid), f"{type(action).__name__} without a uid")
        case Patch(_, uid, version):
            _require(bool(uid and version), "Patch without uid or resourceVersion")
        case _:
            pass


def _sees_own_pod(world: World) -> bool:
    """Tell whether the operator sees a pod, its own creations included, that the Agent that it sees owns by its uid."""
    if world.operator.pod is not None:
        return True
    view = world.operator.view
    pod = None if view is None else view.objects.get(("pods", world.ref.namespace, world.ref.name))
    return view is not None and view.agent is not None and pod is not None and _is_own(pod, view.agent)


def _check_creation(before: World, pod: JsonObject) -> None:
    seen = None if before.operator.view is None else before.operator.view.agent
    if seen is not None and not before.operator.outdated:
        is_over = _condition(seen, "Finished").get("status") == "True"
        is_same = reach(seen, "status", "currentRevision") == reach(pod, "metadata", "annotations", REVISION)
        _require(not (is_over and is_same), "a pod is made for a task that has finished")
    failed_at = before.ghost.failed_at
    # What was written down of the failure is not seen where the Agent is seen as it was: a wait may be missed then.
    if failed_at is not None and not before.operator.outdated:
        # Kubernetes' timestamps have whole seconds.
        waited = before.now - failed_at.replace(microsecond=0)
        _require(waited >= FIRST_BACKOFF, f"a pod is made {waited.total_seconds():g} s after the last one failed")


def _check_expiry(before: World, agent: JsonObject) -> None:
    _require(_condition(agent, "Finished").get("status") == "True", "an Agent was deleted that has not finished")
    completed = parse_timestamp(dig(agent, "status", "completionTime", kind=str))
    seconds = dig(agent, "spec", "ttlSecondsAfterFinished", kind=int)
    is_timed = before.operator.timed == before.operator.skew  # else its clock has been moved since it decided
    if completed is not None and seconds is not None and is_timed:
        is_due = before.now >= completed + timedelta(seconds=seconds)
        _require(is_due, "an Agent was deleted before its ttlSecondsAfterFinished had passed")


def _check_deletion(before: World) -> None:
    """What an Agent asked for once may delete its pod only where what it asks for now does, too.

    A change in the moment between a plan and its deletion cannot be seen by anybody.
    """
    agent, pod = before.agent, before.pod
    if not before.operator.outdated or agent is None or pod is None or is_being_deleted(pod) or not _is_own(pod, agent):
        return
    if dig(pod, "status", "phase", kind=str) in ENDED:
        return
    observed = Observed(now=before.now, objects=observed_objects(before.cluster, agent))
    plan = decide(prepared_of(agent, before.scenario.config), agent, observed)
    right = any(isinstance(action, Delete) and action.ref.kind in ("Pod", KIND) for action in plan)
    _require(right, "a pod was deleted that is what the Agent asks for by now")


def _check_status(before: World, was: JsonObject, now: JsonObject) -> None:
    old, new = was.get("status", {}), now.get("status", {})
    _require(
        new.get("observedGeneration", 0) >= old.get("observedGeneration", 0), "status.observedGeneration went back"
    )
    _require(new.get("failures", 0) <= len(before.ghost.failed), "more failures are counted than pods have failed")
    if "podName" in new and not before.operator.outdated:
        _require(_sees_own_pod(before), "status.podName names a pod that is not the Agent's")
    former = {item["type"]: item for item in dig_list(old, "conditions")}
    for item in dig_list(new, "conditions"):
        since = former.get(item["type"])
        if since is not None and since["status"] == item["status"]:
            moved = since["lastTransitionTime"] != item["lastTransitionTime"]
            _require(not moved, f"lastTransitionTime of {item['type']} moved though its status did not")


def _check_told(agent: JsonObject, pod: JsonObject) -> None:
    """Ready says what the pod says."""
    ready = _condition(pod, "Ready")
    told = _condition(agent, "Ready")
    if told:
        is_true = ready.get("status") == "True" and not is_being_deleted(pod)
        _require((told["status"] == "True") == is_true, f"Ready says {told['status']} of a pod that says {ready}")
        if lacks_image(pod) and not is_being_deleted(pod):
            _require(told["reason"] == "ImagePullFailed", f"an image cannot be pulled, and Ready says {told['reason']}")
    _require(reach(agent, "status", "podName") == agent["metadata"]["name"], "status.podName does not name the pod")


def _check_reason(agent: JsonObject, pod: JsonObject | None, world: World) -> None:
    """An Agent that is to run and has no pod says what stands in the way, and it does stand there."""
    accepted, ready = (_condition(agent, kind).get("reason") for kind in ("Accepted", "Ready"))
    refusals = [entry for entry in world.operator.met.values() if entry.manifest["kind"] == "Status"]
    if pod is not None and pod["metadata"]["uid"] in world.ghost.strangers:
        # Nobody is told of a stranger but by a creation, which is not tried where no pod can be made.
        is_told = accepted == "NameConflict" or accepted in _CANNOT_BE_MADE
        _require(is_told, f"a stranger has the pod's name, and Accepted says {accepted}")
    elif pod is not None:
        _require(ready in ("Terminating", "NodeLost"), f"a former pod is in the way, and Ready says {ready}")
    elif refusals:
        _require(ready in ("CreateRejected", "QuotaExceeded"), f"a creation is refused, and Ready says {ready}")
    else:
        _require(accepted in _CANNOT_BE_MADE, f"an Agent that is to run has no pod: {_conditions(agent)}")


def _check_running(agent: JsonObject, pod: JsonObject, revision: str) -> None:
    _require(not is_being_deleted(pod), "a pod is ending for ever")
    spec = agent["spec"]
    if dig(pod, "status", "phase", kind=str) in ENDED:
        raise LawBrokenError(f"an Agent that is to run has an ended pod: {_conditions(agent)}")
    made_of = dig(reach(pod, "metadata", "annotations"), REVISION, kind=str)
    may_stay = (
        spec.get("updateStrategy") == "OnDelete" or _condition(agent, "Accepted").get("reason") in _CANNOT_BE_MADE
    )
    if made_of != revision and may_stay:
        _require(_condition(agent, "UpToDate").get("reason") == "UpdatePending", "an outdated pod is not told of")
        return
    _require(made_of == revision, "the pod is of another revision than the spec")
    _require(reach(agent, "status", "currentRevision") == revision, "status.currentRevision is wrong")
    _require(reach(agent, "status", "updateRevision") == revision, "status.updateRevision is wrong")
    _require(_condition(agent, "UpToDate").get("status") == "True", f"UpToDate says {_condition(agent, 'UpToDate')}")
    _require(_condition(agent, "Accepted").get("status") == "True", f"Accepted says {_condition(agent, 'Accepted')}")
    main = dig_list(pod, "spec", "containers")[0]
    for kind in ("limits", "requests"):
        for name, amount in object_at(spec, "resources", kind).items():
            given = reach(main, "resources", kind, name)
            is_asked = given is not None and quantity(str(given)) == quantity(str(amount))
            _require(is_asked, f"the pod's {name} is not what the spec asks for")


def _check_beside(world: World, agent: JsonObject, asked: set[str]) -> None:
    """Nothing is left beside the pod that the spec does not ask for any more."""
    for (resource, _, name), manifest in world.cluster.storage.objects.items():
        if resource in ("services", "configmaps") and is_owned_by(manifest, agent["metadata"]["uid"]):
            _require(name in asked, f"{resource} {name} is left though nobody asks for it")


def _is_excused(world: World, pod: JsonObject) -> bool:
    """Tell whether nothing can be done, since the pod's node does not answer; then the Agent has to say so."""
    node = node_of(pod)
    if node is None or world.cluster.nodes.get(node) is None:
        return False
    told = _condition(world.agent or {}, "Ready").get("reason")
    _require(told in ("NodeLost", None), f"a pod's node is lost, and Ready says {told}")
    return True


def _has_failed(world: World, pod: JsonObject) -> bool:
    agent = world.agent
    if agent is None or not _is_own(pod, agent) or is_being_deleted(pod):
        return False
    phase = dig(pod, "status", "phase", kind=str)
    return phase == "Failed" or (phase == "Succeeded" and pod["spec"].get("restartPolicy") == "Always")


def _is_of_present_spec(world: World, pod: JsonObject) -> bool:
    rendered = None if world.agent is None else prepared_of(world.agent, world.scenario.config).rendered
    made_of = dig(reach(pod, "metadata", "annotations"), REVISION, kind=str)
    return rendered is not None and made_of == rendered.revision


def _is_own(pod: JsonObject, agent: JsonObject) -> bool:
    return is_owned_by(pod, agent["metadata"]["uid"])


def _is_agents(manifest: JsonObject, name: str) -> bool:
    return reach(manifest, "metadata", "labels", AGENT_LABEL) == name


def _is_left_over(key: tuple[str, str, str], manifest: JsonObject, world: World) -> bool:
    if key[0] in ("namespaces", "events.events.k8s.io") or manifest["metadata"]["uid"] in world.ghost.strangers:
        return False
    node = node_of(manifest) if key[0] == "pods" else None
    is_stuck = node is not None and world.cluster.nodes.get(node) is not None
    return key[0] != "persistentvolumeclaims" and not is_stuck


def _condition(manifest: JsonObject, kind: str) -> JsonObject:
    """Return a condition of an Agent or a pod; empty where there is none."""
    none: JsonObject = {}
    return next((dict(c) for c in dig_list(manifest, "status", "conditions") if c["type"] == kind), none)


def _conditions(agent: JsonObject) -> str:
    return ", ".join(f"{c['type']}={c['status']} ({c['reason']})" for c in dig_list(agent, "status", "conditions"))


def _require(holds: bool, told: str) -> None:  # noqa: FBT001 -- a condition is what it is about
    if not holds:
        raise LawBrokenError(told)


_CANNOT_BE_MADE: Final = ("CommandUnknown", "ImageNotFound", "RegistryUnreachable")
"""Reasons of Accepted for which no pod can be made of a valid spec; one that is there stays."""
_MOST_ROUNDS: Final = 40
_AT_ONCE: Final = timedelta(seconds=2)

"""What can go wrong: each fault a name, when it can happen, and what it does to a world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final, TypeAlias

from attrs import evolve, frozen

from .._actions import Create, EmitEvent
from .._identity import AGENT_LABEL
from .._json import dig, is_being_deleted, reach
from .._spec import MAIN_CONTAINER
from . import _host as host  # pyright: ignore[reportPrivateUsage] -- of this package
from ._disruptions import is_running
from ._kubelet import is_starting, node_of
from ._operator import Sight
from ._pod_status import lacks_image
from ._refused import failure
from ._world import World

JsonObject: TypeAlias = dict[str, Any]
Applies: TypeAlias = Callable[[World], bool]
Does: TypeAlias = Callable[[World], object]

CLOCK: Final = timedelta(hours=1)


@frozen
class Fault:
    """One kind of fault.

    Attributes:
        name: in one word, as it stands in a line of steps.
        told: what happens, for people; of what its user does, in the imperative.
        can_happen: whether it would change anything.
        happen: does it to the world.
        is_cure: whether it only ends what another fault began: it costs nothing.
        is_of_write: whether it befalls the operator's next write.
        is_users: whether it is what the Agent's user may well do, and no fault of anything.
    """

    name: str
    told: str
    can_happen: Applies
    happen: Does
    is_cure: bool = False
    is_of_write: bool = False
    is_users: bool = False


def _has_plan(world: World) -> bool:
    return bool(world.operator.plan)


def _can_be_late(world: World) -> bool:
    """Tell whether time may pass though the operator has something to do: it, or its machine, is slow."""
    return world.operator_step() is not None and world.stepped() is None and world.next_deadline() is not None


def _crash(world: World) -> None:
    world.operator = world.operator.restarted()


def _can_crash(world: World) -> bool:
    operator = world.operator
    return bool(operator.plan or operator.met or operator.due or operator.view)


def _crash_during(world: World) -> None:
    """End the operator after its request has been carried out, before it has the answer."""
    world.operator.send(world.cluster)
    _crash(world)


def _lose_response(world: World) -> None:
    """Carry a request out, and answer nothing: the operator takes it for failed."""
    world.operator.send(world.cluster)
    world.operator = world.operator.told(world.cluster)


def _refuse(world: World) -> None:
    """Refuse the next request in passing. An Event is not insisted on: the plan goes on without it."""
    outcome = host.Outcome(holds=isinstance(world.operator.plan[0], EmitEvent))
    world.operator = world.operator.acted(world.cluster, outcome)


def _exceed_quota(world: World) -> None:
    """Refuse a creation for good, as the quota admission does."""
    action = world.operator.plan[0]
    if isinstance(action, Create):
        ref = action.ref
        told = f'{ref.kind.lower()}s "{ref.name}" is forbidden: exceeded quota: small'
        outcome = host.refused(ref.kind, ref.name, failure(403, "Forbidden", told))
        world.operator = world.operator.acted(world.cluster, outcome)


def _creates(world: World) -> bool:
    return _has_plan(world) and isinstance(world.operator.plan[0], Create)


def _seen(name: str, told: str, sight: Sight) -> Fault:
    """Return the fault by which the operator makes a plan from what it sees so."""

    def can(world: World) -> bool:
        operator = world.operator
        if operator.plan or operator.view is None:
            return False
        return not operator.look(world.cluster, sight).same_as(operator.look(world.cluster))

    return Fault(name, told, can, lambda world: world.plan(sight))


def _own_pod(world: World) -> JsonObject | None:
    """Return the pod of the Agent's name, where it is no stranger's and lives."""
    pod = world.pod
    if pod is None or pod["metadata"]["uid"] in world.ghost.strangers or is_being_deleted(pod):
        return None
    return pod


def _on_pod(world: World) -> bool:
    return _own_pod(world) is not None


def _on_running_pod(world: World) -> bool:
    pod = _own_pod(world)
    return is_running(pod) and _answers(world, pod)


def _answers(world: World, pod: JsonObject | None) -> bool:
    return pod is not None and world.cluster.nodes.get(node_of(pod) or "", world.now) is None


def _runs_agent(world: World) -> bool:
    return _on_running_pod(world) and all(
        dig(item, "state", "running", "startedAt", kind=str) is not None
        for item in (_own_pod(world) or {})["status"].get("containerStatuses", ())
        if item["name"] == MAIN_CONTAINER
    )


def _can_lose_image(world: World) -> bool:
    pod = _own_pod(world)
    return pod is not None and is_starting(pod) and _answers(world, pod)


def _lacks_image(world: World) -> bool:
    pod = _own_pod(world)
    return pod is not None and lacks_image(pod)


def _fail(exit_code: int, reason: str) -> Does:
    return lambda world: world.cluster.end_container(world.pod_ref, exit_code=exit_code, reason=reason)


def _is_lost(world: World) -> bool:
    return any(since is not None for since in world.cluster.nodes.values())


def _lose_node(world: World) -> None:
    world.cluster.lose_node(node_of(_own_pod(world) or {}) or "")


def _restore_node(world: World) -> None:
    for name in [name for name, since in world.cluster.nodes.items() if since is not None]:
        world.cluster.restore_node(name)


def _remove_node(world: World) -> None:
    """Replace a dead node by another one."""
    for name in [name for name, since in world.cluster.nodes.items() if since is not None]:
        world.cluster.remove_node(name)
        world.cluster.add_node(f"{name}-new")


def _agent(world: World) -> JsonObject | None:
    agent = world.agent
    return None if agent is None or is_being_deleted(agent) else agent


def _has_agent(world: World) -> bool:
    return _agent(world) is not None


def _can_edit(world: World) -> bool:
    return _has_agent(world) and bool(world.scenario.versions)


def _edit(world: World) -> None:
    world.use((world.ghost.version + 1) % len(world.specs))


def _scale(world: World) -> None:
    """Suspend, or wake."""
    agent = _agent(world) or {}
    world.edit(replicas=0 if agent["spec"].get("replicas", 1) else 1)
    world.ghost = evolve(world.ghost, failed_at=None)


def _break(world: World) -> None:
    """Make the spec invalid in a way that only the core knows."""
    world.edit(podTemplate={"metadata": {"labels": {AGENT_LABEL: "mine"}}})


def _is_sound(world: World) -> bool:
    agent = _agent(world)
    return reach(agent, "spec", "podTemplate", "metadata", "labels", AGENT_LABEL) != "mine" if agent else False


def _delete(world: World) -> None:
    world.cluster.delete(world.ref, propagation="Background")


def _delete_foreground(world: World) -> None:
    world.cluster.delete(world.ref, propagation="Foreground")


def _recreate(world: World) -> None:
    _delete(world)
    world.create_agent()
    world.ghost = evolve(world.ghost, failed_at=None)


def _create_stranger(world: World) -> None:
    container = {"name": "main", "image": "example.com/other:1"}
    metadata = {"name": world.pod_ref.name, "namespace": world.pod_ref.namespace}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}
    created = world.cluster.create(manifest)
    world.ghost = evolve(world.ghost, strangers=world.ghost.strangers | {created["metadata"]["uid"]})


def _stranger(world: World) -> bool:
    pod = world.pod
    return pod is not None and pod["metadata"]["uid"] in world.ghost.strangers and not is_being_deleted(pod)


def _move_clock(by: timedelta) -> Does:
    def do(world: World) -> None:
        world.operator = evolve(world.operator, skew=world.operator.skew + by)
        world.ghost = evolve(world.ghost, failed_at=None)

    return do


def _by_name(*faults: Fault) -> Mapping[str, Fault]:
    return {fault.name: fault for fault in faults}


FAULTS: Final = _by_name(
    # The operator's process
    Fault("crash", "the operator is killed, and starts again", _can_crash, _crash),
    Fault(
        "crash-during",
        "the operator is killed in a write: carried out, but no answer",
        _has_plan,
        _crash_during,
        is_of_write=True,
    ),
    Fault(
        "lost-response", "a write is carried out, and its answer is lost", _has_plan, _lose_response, is_of_write=True
    ),
    # 409, 429 and 500: to a host that tries again they are one.
    Fault("conflict", "the API server answers 409 Conflict to a write", _has_plan, _refuse, is_of_write=True),
    Fault("throttled", "the API server answers 429 Too Many Requests to a write", _has_plan, _refuse, is_of_write=True),
    Fault("server-error", "the API server answers 500 to a write", _has_plan, _refuse, is_of_write=True),
    Fault("quota", "the namespace's quota refuses what is to be created", _creates, _exceed_quota, is_of_write=True),
    # What it sees
    _seen(
        "stale-view",
        "the operator's watches are late: it decides on the state before the last change",
        Sight(agent="last", objects="last"),
    ),
    _seen(
        "rewound-view",
        "its watches go back: it decides on what is older than it saw already",
        Sight(agent="former", objects="former"),
    ),
    _seen("stale-agent", "its watch of Agents alone is late", Sight(agent="last")),
    _seen("rewound-agent", "its watch of Agents alone goes back", Sight(agent="former")),
    _seen("stale-objects", "its watch of pods and the like alone is late", Sight(objects="last")),
    _seen("rewound-objects", "its watch of pods and the like alone goes back", Sight(objects="former")),
    _seen("missed-events", "its watch was lost, and deletions in the gap are not told", Sight(objects="gap")),
    Fault("delay", "the operator is slow: time passes before it acts", _can_be_late, lambda world: world.wait()),
    Fault("clock-ahead", "the operator's clock jumps an hour ahead", lambda _: True, _move_clock(CLOCK)),
    Fault("clock-back", "the operator's clock jumps an hour back", lambda _: True, _move_clock(-CLOCK)),
    # Its pod
    Fault("pod-deleted", "somebody deletes the pod", _on_pod, lambda world: world.cluster.delete(world.pod_ref)),
    Fault(
        "pod-killed",
        "somebody deletes the pod without grace",
        _on_pod,
        lambda world: world.cluster.delete(world.pod_ref, grace_seconds=0),
    ),
    Fault(
        "pod-evicted",
        "the node is short of memory and evicts the pod",
        _on_running_pod,
        lambda world: world.cluster.evict(world.pod_ref),
    ),
    Fault(
        "pod-drained", "kubectl drain evicts the pod", _on_running_pod, lambda world: world.cluster.drain(world.pod_ref)
    ),
    Fault(
        "pod-preempted",
        "the scheduler takes the pod's place for another",
        _on_running_pod,
        lambda world: world.cluster.preempt(world.pod_ref),
    ),
    Fault(
        "image-lost",
        "the agent's image cannot be pulled",
        _can_lose_image,
        lambda world: world.cluster.lose_image(world.pod_ref),
    ),
    Fault(
        "image-back",
        "the image can be pulled again",
        _lacks_image,
        lambda world: world.cluster.restore_image(world.pod_ref),
        is_cure=True,
    ),
    Fault("agent-fails", "the agent's program ends with exit code 1", _runs_agent, _fail(1, "Error")),
    Fault(
        "agent-out-of-memory",
        "the agent's program is killed, out of memory (137)",
        _runs_agent,
        _fail(137, "OOMKilled"),
    ),
    Fault(
        "node-shut-down",
        "the pod's node shuts down in order",
        _on_running_pod,
        lambda world: world.cluster.shut_down(world.pod_ref),
    ),
    Fault("node-lost", "the pod's node stops answering", _on_running_pod, _lose_node),
    Fault("node-back", "the lost node answers again", _is_lost, _restore_node, is_cure=True),
    Fault("node-removed", "the lost node is replaced by another", _is_lost, _remove_node, is_cure=True),
    # Its user, and others
    Fault("edit", "change the spec", _can_edit, _edit, is_users=True),
    Fault("scale", "suspend the Agent, or wake it", _has_agent, _scale, is_users=True),
    Fault("break", "make the spec invalid", _is_sound, _break, is_users=True),
    Fault("delete", "delete the Agent", _has_agent, _delete, is_users=True),
    Fault(
        "delete-foreground",
        "delete the Agent and wait for its pod",
        _has_agent,
        _delete_foreground,
        is_users=True,
    ),
    Fault("recreate", "delete the Agent and create it again at once", _has_agent, _recreate, is_users=True),
    Fault("stranger", "somebody else's pod takes the name", lambda world: world.pod is None, _create_stranger),
    Fault(
        "stranger-leaves",
        "somebody else's pod goes",
        _stranger,
        lambda world: world.cluster.delete(world.pod_ref),
        is_cure=True,
    ),
)
"""Every kind of fault, by name."""

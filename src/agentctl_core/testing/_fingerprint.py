"""What makes two worlds the same: everything that the future depends on, and nothing else.

Uids count by the order in which they appear, resourceVersions by whether they are the present ones, times by how long
ago they are, up to a horizon beyond which nothing is waited for. Messages, addresses and Events decide nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias, cast

from .._actions import Create, Delete, EmitEvent, Patch, PatchStatus, Resize
from .._agent import KIND
from .._json import dig
from .._times import is_timestamp, parse_timestamp
from ._operator import ModelOperator, View, generation_of
from ._resources import by_kind
from ._storage import Key
from ._world import World

JsonObject: TypeAlias = dict[str, Any]
Print: TypeAlias = tuple[object, ...]

HORIZON: Final = 660.0
"""Seconds: longer than anything that the operator or the model waits for, but a task's own deadlines."""
_WITHOUT: Final = frozenset(
    {"resourceVersion", "message", "podIP", "podIPs", "ip", "imageID", "generation", "observedGeneration"}
)
"""Decides nothing by itself. Generations are told by how far the observed one is behind."""
_UIDS: Final = frozenset({"uid", "podUID"})
_UID: Final = re.compile(r"00000000-0000-4000-8000-[0-9a-f]{12}")
_IGNORED: Final = frozenset({"events.events.k8s.io", "namespaces"})

_parts: dict[int, tuple[object, Print]] = {}
_MOST_PARTS: Final = 50_000
_shapes: dict[Print, int] = {}
"""Numbers the rows of values that do not depend on when and on whom: a part is such a number and what does."""


class _Uid(str):
    """Marks a place for a uid."""

    __slots__ = ()


class _Since(tuple[datetime | None]):
    """Marks since when a pod is ready or not: it is looked at where there are failures to be forgiven."""

    __slots__ = ()


_MOVING: Final = frozenset({_Uid, _Since, datetime})


def fingerprint(world: World, *, faults_left: int) -> bytes:
    """Return a value that is the same for worlds with the same future, within one process.

    Args:
        world: the world.
        faults_left: how many faults may still happen: where there are none, what can only be seen by one is left out.
    """
    names: dict[str, int] = {}
    cluster, operator = world.cluster, world.operator
    has_failed = bool(world.ghost.failed)

    def told(part: Print) -> Print:
        return (part[0], *(_relative(item, names, cluster.now, has_failed) for item in part[1:]))

    stored = cluster.storage.objects
    objects = tuple((key, told(_part(stored[key]))) for key in sorted(stored) if key[0] not in _IGNORED)
    views = _views(operator, faults_left, told, stored)
    plan: Print = tuple((*told(_action_part(action)), _holds(action, stored)) for action in operator.plan)
    generation = generation_of(world.agent)
    if operator.plan:
        pod = None if operator.pod is None else names.get(operator.pod, -1)
        plan += (operator.outdated, operator.asked_by == generation, pod)
    met = tuple(
        (name, told(_part(entry.manifest)), entry.agent == generation, _seconds(entry.until, cluster.now))
        for name, entry in sorted(operator.met.items())
    )
    due = None if operator.due is None else _seconds(operator.due, cluster.now)
    nodes = tuple((name, since and _seconds(since, cluster.now)) for name, since in cluster.nodes.items())
    ghost = world.ghost
    seen = (
        ghost.version,
        len(ghost.failed),
        ghost.failed_at and _seconds(ghost.failed_at - operator.skew, cluster.now),
        tuple(names.get(uid, -1) for uid in sorted(ghost.strangers)),
        tuple(sorted((name, names.get(uid, -1)) for name, uid in ghost.claims.items())),
    )
    skew = (operator.skew.total_seconds(), operator.timed == operator.skew)
    whole = (objects, views, plan, met, sorted(operator.known), due, operator.failed, skew, nodes, seen, faults_left)
    return hashlib.blake2b(repr(whole).encode(), digest_size=16).digest()


def _views(
    operator: ModelOperator,
    faults_left: int,
    told: Callable[[Print], Print],
    stored: Mapping[Key, JsonObject],
) -> Print:
    def current(key: Key, manifest: JsonObject | None) -> bool:
        return stored.get(key) is manifest

    def of(view: View | None) -> Print | None:
        if view is None:
            return None
        agent = None if view.agent is None else (told(_part(view.agent)), current(operator.key, view.agent))
        return (agent, tuple((key, told(_part(o)), current(key, o)) for key, o in sorted(view.objects.items())))

    if faults_left:
        return (of(operator.view), of(operator.former))
    if operator.view is None:
        return (None,)
    # Only what is not seen yet matters: it leads to another plan.
    objects = operator.view.objects
    unseen = (key for key, o in objects.items() if not current(key, o))
    return (current(operator.key, operator.view.agent), tuple(sorted(unseen)), tuple(sorted(objects)))


def _holds(action: object, stored: Mapping[Key, JsonObject]) -> bool | None:
    """Tell whether the resourceVersion that an action supposes is the present one."""
    if not isinstance(action, Patch | PatchStatus | Delete) or action.resource_version is None:
        return None
    resource = by_kind(action.ref.api_version, action.ref.kind)
    there = stored.get((resource.full_name, action.ref.namespace, action.ref.name)) if resource else None
    return there is not None and there["metadata"]["resourceVersion"] == action.resource_version


def _seconds(moment: datetime, now: datetime) -> float:
    return max((moment - now).total_seconds(), -HORIZON)


def _relative(item: object, names: dict[str, int], now: datetime, has_failed: bool) -> object:  # noqa: FBT001
    if type(item) is _Uid:
        return names.setdefault(item, len(names))
    if isinstance(item, _Since):
        since = item[0]
        return _seconds(since, now) if has_failed and since is not None else None
    if type(item) is datetime:
        return _seconds(item, now)
    return item


def _part(manifest: JsonObject) -> Print:
    """Return a manifest as a flat row of values, uids and times marked; kept, since manifests are never changed."""
    return _kept(manifest, lambda: (_behind(manifest), *_walk(manifest, (), manifest)))


def _action_part(action: object) -> Print:
    match action:
        case Create(manifest):
            return _kept(action, lambda: ("create", *_walk(manifest, (), manifest)))
        case Patch(ref, uid, _, patch):
            return _kept(action, lambda: ("patch", ref, _Uid(uid), *_walk(patch, (), patch)))
        case Resize(ref, uid, containers):
            return _kept(action, lambda: ("resize", ref, _Uid(uid), *_walk(list(containers), (), {})))
        case Delete(ref, uid):
            return _kept(action, lambda: ("delete", ref, _Uid(uid)))
        case PatchStatus(_, _, status):
            return _kept(action, lambda: ("status", status.get("observedGeneration"), *_walk(status, (), {})))
        case EmitEvent():
            return (f"event {action.reason}",)
        case _:
            return (type(action).__name__,)


def _kept(owner: object, make: Callable[[], Print]) -> Print:
    found = _parts.get(id(owner))
    if found is not None and found[0] is owner:
        return found[1]
    if len(_parts) >= _MOST_PARTS:
        _parts.clear()
    made = _split(make())
    _parts[id(owner)] = (owner, made)
    return made


def _split(row: Print) -> Print:
    """Return the number of a row's shape, and what in it depends on the present time and on who is who."""
    moving = tuple(item for item in row if type(item) in _MOVING)
    shape = tuple(None if type(item) in _MOVING else item for item in row)
    return (_shapes.setdefault(shape, len(_shapes)), *moving)


def _behind(manifest: JsonObject) -> int | None:
    generation = dig(manifest, "metadata", "generation", kind=int)
    observed = dig(manifest, "status", "observedGeneration", kind=int)
    return None if generation is None or observed is None else generation - observed


def _walk(value: Any, path: tuple[str, ...], root: JsonObject) -> Iterable[object]:
    """Yield the values of JSON, each map with its keys, in an order that does not depend on how it was written."""
    if isinstance(value, dict):
        holder = cast("JsonObject", value)
        yield "{"
        for key in sorted(holder):
            if key not in _WITHOUT and not _is_needless(key, holder, path, root):
                yield key
                yield from _walk(holder[key], (*path, key), root)
        yield "}"
    elif isinstance(value, list | tuple):
        yield "["
        for item in cast("list[Any]", value):
            yield from _walk(item, path, root)
        yield "]"
    elif isinstance(value, str):
        yield from _text(value, path)
    else:
        yield value


def _is_needless(key: str, holder: JsonObject, path: tuple[str, ...], root: JsonObject) -> bool:
    """Tell whether a time decides nothing, neither for the operator nor for the model's controllers."""
    spec: JsonObject = root.get("spec") or {}
    match key:
        case "creationTimestamp":
            return root.get("kind") != "Pod" or "nodeName" in spec
        case "lastTransitionTime":
            return root.get("kind") != "Pod" or holder.get("type") != "Ready"
        case "startTime" if root.get("kind") == "Pod":
            return holder.get("phase") != "Pending"
        case "startTime" if root.get("kind") == KIND:
            return "activeDeadlineSeconds" not in spec
        case "completionTime":
            return root.get("kind") == KIND and "ttlSecondsAfterFinished" not in spec
        case "startedAt":
            return path[-1:] != ("running",) or spec.get("restartPolicy") == "Always"
        case "finishedAt":
            return "lastState" not in path
        case "lastState":  # it counts for a container that waits to be started again
            return "waiting" not in holder.get("state", {})
        case _:
            return False


def _text(value: str, path: tuple[str, ...]) -> Iterable[object]:
    if path and path[-1] in _UIDS:
        yield _Uid(value)
    elif is_timestamp(value):
        moment = parse_timestamp(value)
        yield _Since((moment,)) if path[-1] == "lastTransitionTime" else moment
    elif _UID.search(value):
        yield re.sub(_UID, "uid", value)
    else:
        yield value

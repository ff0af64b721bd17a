"""What an edit of the Agent means for its running pod: nothing, a change in place, or another pod.

Labels and annotations are patched, CPU and memory resized, all else needs another pod. Whether a resize has worked is
seen when the pod is read again: https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias, cast

from attrs import frozen

from ._actions import Action, Patch, Ref, Resize
from ._applied import RESIZED, Applied, read_applied
from ._conditions import Verdict
from ._config import VERSION
from ._identity import APPLIED, RENDERED_BY, RESERVED_KEYS, labels
from ._json import dig, dig_list, reach
from ._pod import Rendered
from ._quantity import canonical
from ._run import pod_revision


@frozen(unsafe_hash=False)
class Change:
    """What to do about a running pod.

    Attributes:
        verdict: the condition UpToDate.
        actions: what changes the pod in place.
        needs_pod: whether it takes another pod to do what the spec asks.
        is_refused: whether the API server has refused a change lately, which is tried again in a while.
    """

    verdict: Verdict
    actions: tuple[Action, ...] = ()
    needs_pod: bool = False
    is_refused: bool = False


def plan_change(
    rendered: Rendered,
    pod: Mapping[str, Any],
    refusal: Mapping[str, Any] | None,
    resize_refusal: Mapping[str, Any] | None,
) -> Change:
    """Return what makes a pod what the Agent asks for.

    Args:
        rendered: what is asked for.
        pod: the Agent's own pod, not ended nor ending.
        refusal: the API server's answer to the last patch of it, where that was refused lately.
        resize_refusal: the same for its resize.
    """
    revision = pod_revision(pod)
    if revision is None:
        return Change(_pending("The pod does not say what it was made from. Delete it to have it made anew."))
    if revision != rendered.revision:
        return Change(_pending("The spec has changed since the pod was made."), needs_pod=True)
    applied = read_applied(pod)
    patch = _metadata_patch(rendered, pod, applied)
    if patch and refusal is not None:
        told = dig(refusal, "message", kind=str)
        return Change(_pending(f"The API server refuses to change the pod's metadata: {told}"), is_refused=True)
    asked, present = _containers(rendered.pod), _containers(pod)
    if removed := _removed(asked, present, applied):
        # No patch either: it would forget what has to go.
        return Change(_pending(f"{' and '.join(removed)} cannot be taken from a running container."), needs_pod=True)
    resized = list(_resized(asked, present))
    return _with_resources(rendered, pod, resized, _patch(pod, patch), resize_refusal)


def why_made_anew(rendered: Rendered, pod: Mapping[str, Any]) -> str | None:
    """Return what of a pod that is ending will be another in the next one, for people; None where nothing will."""
    change = plan_change(rendered, pod, None, None)
    if change.needs_pod:
        return change.verdict.message
    is_resized = any(isinstance(action, Resize) for action in change.actions)
    return "CPU or memory is not what the spec asks for." if is_resized else None


def _with_resources(
    rendered: Rendered,
    pod: Mapping[str, Any],
    resized: list[dict[str, Any]],
    patches: tuple[Action, ...],
    refusal: Mapping[str, Any] | None,
) -> Change:
    if resized and refusal is not None:
        told = f"The API server refuses to resize the pod: {dig(refusal, 'message', kind=str)}"
        # What is forbidden (a quota, a LimitRange, a webhook) would be so for another pod too: this one is kept.
        needs_pod = dig(refusal, "reason", kind=str) != "Forbidden"
        return Change(_pending(told), patches, needs_pod=needs_pod, is_refused=True)
    if resized:
        names = " and ".join(container["name"] for container in resized)
        uid = dig(pod, "metadata", "uid", kind=str)
        resize = (Resize(Ref.of(rendered.pod), uid, resized),) if uid else ()
        return Change(_pending(f"CPU and memory of {names} are being changed in place."), (*patches, *resize))
    return _in_effect(pod, patches)


def _in_effect(pod: Mapping[str, Any], patches: tuple[Action, ...]) -> Change:
    """Tell whether the node has put into effect what the pod asks for."""
    conditions = {dig(c, "type", kind=str): c for c in dig_list(pod, "status", "conditions")}
    pending, going_on = conditions.get("PodResizePending"), conditions.get("PodResizeInProgress")
    if dig(pending, "status", kind=str) == "True":
        told = dig(pending, "message", kind=str) or "no reason given"
        if dig(pending, "reason", kind=str) == "Infeasible":
            return Change(_pending(f"The node cannot give what is asked for: {told}"), patches, needs_pod=True)
        return Change(_pending(f"The node puts the change of CPU and memory off: {told}"), patches)
    if dig(going_on, "status", kind=str) == "True":
        told = dig(going_on, "message", kind=str) or "the node is at it"
        return Change(_pending(f"CPU and memory are being changed in place: {told}"), patches)
    if not _is_seen(pod):
        return Change(_pending("The node has not seen the pod's last change yet."), patches)
    return Change(Verdict("UpToDate", "True", "Current", _tell_current(pod)), patches)


def _is_seen(pod: Mapping[str, Any]) -> bool:
    """Tell whether the pod's status speaks of its present spec; where it does not say so, it is taken for granted."""
    generation = dig(pod, "metadata", "generation", kind=int)
    seen = dig(pod, "status", "observedGeneration", kind=int)
    # Before it is bound nobody speaks of it.
    return not seen or generation is None or seen >= generation


def _tell_current(pod: Mapping[str, Any]) -> str:
    by = dig(reach(pod, "metadata", "annotations"), RENDERED_BY, kind=str)
    if by is None or by == f"agentctl {VERSION}":
        return "The pod is what the spec asks for."
    return (
        f"The pod is of the spec's present revision. {by} has made it; what agentctl {VERSION} makes of it comes with "
        "the pod's next replacement."
    )


def _pending(message: str) -> Verdict:
    return Verdict("UpToDate", "False", "UpdatePending", message)


def _patch(pod: Mapping[str, Any], metadata: dict[str, Any]) -> tuple[Action, ...]:
    uid = dig(pod, "metadata", "uid", kind=str)
    version = dig(pod, "metadata", "resourceVersion", kind=str)
    if not metadata or uid is None or version is None:
        return ()
    return (Patch(Ref.of(pod), uid, version, {"metadata": metadata}),)


def _metadata_patch(rendered: Rendered, pod: Mapping[str, Any], present: Applied) -> dict[str, Any]:
    """Return the patch of labels and annotations: what is asked for and differs, and what is not asked for any more.

    What others have put there stays; so does what an annotation says of the pod's making.
    """
    metadata: Mapping[str, Any] = rendered.pod["metadata"]
    asked = rendered.applied
    remembered = {APPLIED} & metadata["annotations"].keys()
    patch = {
        "labels": _map_patch(metadata, pod, "labels", {*asked.labels, *labels(metadata["name"])}, present.labels),
        "annotations": _map_patch(
            metadata, pod, "annotations", {*asked.annotations, *remembered}, (*present.annotations, APPLIED)
        ),
    }
    return {sort: changed for sort, changed in patch.items() if changed}


def _map_patch(
    metadata: Mapping[str, Any], pod: Mapping[str, Any], sort: str, asked: set[str], before: Iterable[str]
) -> dict[str, str | None]:
    there = reach(pod, "metadata", sort)
    changed: dict[str, str | None] = {
        key: metadata[sort][key] for key in sorted(asked) if dig(there, key, kind=str) != metadata[sort][key]
    }
    gone = (key for key in before if key == APPLIED or not key.startswith(RESERVED_KEYS))
    return changed | {key: None for key in gone if key not in asked and reach(there, key) is not None}


Containers: TypeAlias = Mapping[str, Mapping[str, Any]]
"""Containers by name."""


def _containers(pod: Mapping[str, Any]) -> Containers:
    """Return the containers whose CPU and memory can be resized: the agent and its sidecars."""
    beside = (c for c in dig_list(pod, "spec", "initContainers") if dig(c, "restartPolicy", kind=str) == "Always")
    named = ((dig(c, "name", kind=str), c) for c in (*dig_list(pod, "spec", "containers"), *beside))
    return {name: container for name, container in named if name is not None}


def _resized(wanted: Containers, present: Containers) -> Iterator[dict[str, Any]]:
    """Yield the containers to resize, each with all its resources."""
    for name, container in wanted.items():
        there = present.get(name)
        if there is None:
            continue
        amounts, effective = _amounts(container), _amounts(there)
        if all(canonical(amount) == _canonical(effective.get(key)) for key, amount in amounts.items()):
            continue
        resources: dict[str, Any] = {}
        for sort in ("limits", "requests"):
            listed = reach(there, "resources", sort)
            items = cast("Mapping[str, object]", listed).items() if isinstance(listed, Mapping) else ()
            kept = {resource: amount for resource, amount in items if isinstance(amount, str | int)}
            asked = {resource: amount for (which, resource), amount in amounts.items() if which == sort}
            if kept or asked:
                resources[sort] = kept | asked
        yield {"name": name, "resources": resources}


def _amounts(container: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    """Return the CPU and memory that a container asks for, with the requests that the API server derives."""
    amounts: dict[tuple[str, str], Any] = {}
    for resource in RESIZED:
        for sort in ("limits", "requests"):
            amount = reach(container, "resources", sort, resource)
            if amount is None and sort == "requests":
                amount = amounts.get(("limits", resource))  # the API server's default
            if amount is not None:
                amounts[sort, resource] = amount
    return amounts


def _canonical(amount: object) -> str | None:
    return canonical(amount) if isinstance(amount, str | int) else None


def _removed(wanted: Containers, present: Containers, applied: Applied) -> list[str]:
    """Return what was asked for when the pod was made, or since, and is not any more, though the pod has it."""
    if not applied.resources:
        return []
    asked = {name: _amounts(container) for name, container in wanted.items()}
    gone: list[str] = []
    for name, keys in applied.resources.items():
        for key in keys:
            sort, _, resource = key.partition(".")
            is_there = reach(present.get(name), "resources", sort, resource) is not None
            if is_there and (sort, resource) not in asked.get(name, {}):
                gone.append(f"resources.{key} of {name}")
    return gone

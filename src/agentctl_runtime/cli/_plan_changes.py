"""What each action of a plan changes, and plans as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

from agentctl_core import MAIN_CONTAINER, Action, Patch, PatchStatus, Ref, Resize, merge_patch
from agentctl_core.testing.preview import THIS, Change, Preview, Replacement, Treatment, Upgrade, named_changes
from agentctl_core.testing.replay import encode_action

from .._store import key_of
from ._changes import plain_change
from ._manifests import Json, objects, status_of


def name_of(manifest: Json) -> str:
    """Return the namespace and name of an Agent."""
    return str(key_of(manifest))


def changes_of(action: Action, told: Preview) -> tuple[Change, ...]:
    """Return what an action changes, by path; empty for what makes or deletes."""
    match action:
        case Patch(ref, _, _, patch):
            there = _find(told, ref)
            return tuple(named_changes(there, merge_patch(there, patch)))
        case Resize(ref, _, containers):
            there = _find(told, ref)
            return tuple(change for container in containers for change in _resized(there, container))
        case PatchStatus(_, _, status):
            return tuple(named_changes(status_of(told.manifest), status))
        case _:
            return ()


def plan_json(previews: Sequence[Preview]) -> dict[str, Any]:
    """Return plans as JSON."""
    to_do = [told for told in previews if not told.is_settled]
    return {
        "version": THIS,
        "agents": [_preview(told) for told in to_do],
        "summary": {"agents": len(previews), "toDo": len(to_do), "settled": len(previews) - len(to_do)},
    }


def upgrade_json(found: Sequence[Upgrade], not_running: int) -> dict[str, Any]:
    """Return as JSON how running Agents would be treated; those without a difference are counted alone."""
    counts = Counter(each.treatment for each in found)
    return {
        "version": THIS,
        "agents": [_upgrade(each) for each in found if each.treatment is not Treatment.SAME],
        "summary": {
            "running": len(found),
            "notRunning": not_running,
            "treatments": {treatment.value: counts[treatment] for treatment in Treatment},
            "madeBy": dict(Counter(each.made_by or "" for each in found)),
        },
    }


def _preview(told: Preview) -> dict[str, Any]:
    key = key_of(told.manifest)
    return {
        "namespace": key.namespace,
        "name": key.name,
        "actions": [
            encode_action(action) | ({"changes": changes} if (changes := _plain(changes_of(action, told))) else {})
            for action in told.actions
        ],
        "why": told.why,
        "nextPod": _replacement(told.replacement),
    }


def _upgrade(each: Upgrade) -> dict[str, Any]:
    return _preview(each.preview) | {
        "treatment": each.treatment.value,
        "madeBy": each.made_by,
        "why": each.why,
        "status": _plain(each.status),
        "nextPod": _replacement(each.replacement),
    }


def _replacement(replacement: Replacement | None) -> dict[str, Any] | None:
    if replacement is None:
        return None
    return {
        "changes": _plain(replacement.changes),
        "isWhole": replacement.is_whole,
        "block": replacement.block,
        "notes": list(replacement.notes),
    }


def _plain(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [plain_change(change) for change in changes]


def _find(told: Preview, ref: Ref) -> Json:
    nothing: Json = {}
    there = (item for item in told.observed.objects if item.get("kind") != "Status")
    return next((item for item in there if Ref.of(item) == ref), nothing)


def _resized(pod: Json, container: Json) -> tuple[Change, ...]:
    field = "containers" if container["name"] == MAIN_CONTAINER else "initContainers"
    spec: object = pod.get("spec")
    listed = objects(cast("Json", spec).get(field)) if isinstance(spec, Mapping) else []
    there = next((c.get("resources") for c in listed if c.get("name") == container["name"]), None)
    path = f"spec.{field}[{container['name']}].resources"
    return tuple(named_changes(there or {}, container["resources"], path))

"""What a DELETE does to an object: grace periods, finalizers and preconditions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

from .._json import dig
from .._times import timestamp
from ._metadata import FOREGROUND, ORPHAN
from ._refused import deletion_conflict
from ._resources import EVENTS, Resource

JsonObject: TypeAlias = dict[str, Any]
Propagation: TypeAlias = Literal["Background", "Foreground", "Orphan"]

_FINALIZER: Final[dict[Propagation, str | None]] = {"Background": None, "Foreground": FOREGROUND, "Orphan": ORPHAN}


def parse_time(text: str) -> datetime:
    """Return the moment of a `metav1.Time`."""
    return datetime.fromisoformat(text).astimezone(UTC)


def check_preconditions(
    resource: Resource, metadata: JsonObject, uid: str | None, resource_version: str | None
) -> None:
    """Check what a deletion supposes.

    Raises:
        Refused: 409 Conflict.
    """
    name = metadata["name"]
    if uid is not None and uid != metadata["uid"]:
        told = f"the UID in the precondition ({uid}) does not match the UID in record ({metadata['uid']})."
        raise deletion_conflict(resource, name, f"{told} The object might have been deleted and then recreated")
    if resource_version is not None and resource_version != metadata["resourceVersion"]:
        record = metadata["resourceVersion"]
        told = f"the ResourceVersion in the precondition ({resource_version}) does not match the ResourceVersion in"
        raise deletion_conflict(resource, name, f"{told} record ({record}). The object might have been modified")


def deleted(
    resource: Resource, manifest: JsonObject, now: datetime, *, asked: int | None, propagation: Propagation | None
) -> tuple[JsonObject, bool]:
    """Return what a deletion makes of an object, and whether nothing keeps it any more.

    Args:
        resource: its kind.
        manifest: the object.
        now: when it is deleted.
        asked: the grace period in seconds; None leaves it to the object.
        propagation: what becomes of the dependents; None leaves it to the finalizers that are there.
    """
    metadata = manifest["metadata"]
    asked = 1 if asked is not None and asked < 0 else asked
    held: int = metadata.get("deletionGracePeriodSeconds", 0)
    if resource.graceful and held and (asked is None or asked >= held):
        return manifest, False  # it is under way, and only a shorter period changes it
    # What depends on Events is no matter of the garbage collector.
    after = _with_finalizer(metadata, "Background" if resource is EVENTS else propagation)
    if resource.graceful and (held or "deletionTimestamp" not in metadata):
        grace = min(asked or 0, held) if held else _grace_of(manifest, asked)
        marked = manifest | {"metadata": _ending(after, now, grace)}
        return marked, not grace and "finalizers" not in after
    if "finalizers" in after:
        return manifest | {"metadata": _ending(after, now, 0)}, False
    return manifest, True


def _grace_of(pod: JsonObject, asked: int | None) -> int:
    """Return the grace period of a pod in seconds: none for one that is not on a node or has finished."""
    if not dig(pod, "spec", "nodeName", kind=str):
        return 0
    if dig(pod, "status", "phase", kind=str) in ("Succeeded", "Failed"):
        return 0
    return pod["spec"]["terminationGracePeriodSeconds"] if asked is None else asked


def _ending(metadata: JsonObject, now: datetime, grace: int) -> JsonObject:
    """Return metadata with the deletion begun, or its grace period shortened."""
    if "deletionTimestamp" not in metadata:
        counted = {"generation": metadata["generation"] + 1} if "generation" in metadata else {}
        end = now + timedelta(seconds=grace)
        return metadata | counted | {"deletionTimestamp": timestamp(end), "deletionGracePeriodSeconds": grace}
    before: int = metadata.get("deletionGracePeriodSeconds", 0)
    end = parse_time(metadata["deletionTimestamp"]) - timedelta(seconds=before - grace)
    return metadata | {"deletionTimestamp": timestamp(end), "deletionGracePeriodSeconds": grace}


def _with_finalizer(metadata: JsonObject, propagation: Propagation | None) -> JsonObject:
    """Return metadata with the garbage collector's finalizer for this propagation; None keeps what is there."""
    if propagation is None:
        return metadata
    asked = _FINALIZER[propagation]
    kept = [item for item in metadata.get("finalizers", ()) if item not in (FOREGROUND, ORPHAN)]
    finalizers = [*kept, asked] if asked else kept
    if set(finalizers) == set(metadata.get("finalizers", ())):
        return metadata
    rest = {key: value for key, value in metadata.items() if key != "finalizers"}
    return rest | ({"finalizers": finalizers} if finalizers else {})

"""What a DELETE does to an object's metadata: grace periods, finalizers and preconditions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

from .._json import dig
from .._times import timestamp
from ._pods import GRACE_SECONDS
from ._refused import deletion_conflict
from ._resources import Resource

JsonObject: TypeAlias = dict[str, Any]
Propagation: TypeAlias = Literal["Background", "Foreground", "Orphan"]

FOREGROUND: Final = "foregroundDeletion"
ORPHAN: Final = "orphan"
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


def grace_of(pod: JsonObject, asked: int | None) -> int:
    """Return the grace period of a pod in seconds: none for one that is not on a node or has finished."""
    if not dig(pod, "spec", "nodeName", kind=str):
        return 0
    if dig(pod, "status", "phase", kind=str) in ("Succeeded", "Failed"):
        return 0
    grace = asked if asked is not None else dig(pod, "spec", "terminationGracePeriodSeconds", kind=int)
    grace = GRACE_SECONDS if grace is None else grace
    return 1 if grace < 0 else grace


def marked(metadata: JsonObject, now: datetime, grace: int) -> JsonObject:
    """Return metadata with the deletion begun, or its grace period shortened: never lengthened nor put off."""
    before = dig(metadata, "deletionGracePeriodSeconds", kind=int)
    if "deletionTimestamp" not in metadata:
        end = now + timedelta(seconds=grace)
        counted = {"generation": metadata["generation"] + 1} if "generation" in metadata else {}
        return metadata | counted | {"deletionTimestamp": timestamp(end), "deletionGracePeriodSeconds": grace}
    if before is None or grace >= before:
        return metadata
    end = parse_time(metadata["deletionTimestamp"]) - timedelta(seconds=before - grace)
    return metadata | {"deletionTimestamp": timestamp(end), "deletionGracePeriodSeconds": grace}


def with_finalizer(metadata: JsonObject, propagation: Propagation | None) -> JsonObject:
    """Return metadata with the garbage collector's finalizer for this propagation; None keeps what is there."""
    if propagation is None:
        return metadata
    asked = _FINALIZER[propagation]
    kept = [item for item in metadata.get("finalizers", ()) if item not in (FOREGROUND, ORPHAN)]
    finalizers = [*kept, asked] if asked else kept
    rest = {key: value for key, value in metadata.items() if key != "finalizers"}
    return rest | ({"finalizers": finalizers} if finalizers else {})

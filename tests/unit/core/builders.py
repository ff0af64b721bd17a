"""Manifests to start from, written as a person would."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from agentctl_core import Action, Config, Observed, PatchStatus, reconcile

Json = dict[str, Any]
T = TypeVar("T")

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
NOW_TEXT = "2026-01-31T12:00:00Z"
UID = "uid-of-agent"
POD_UID = "uid-of-pod"
GONE = "2026-01-31T11:00:00Z"
"""A deletionTimestamp."""


def an_agent(
    *, metadata: Mapping[str, Any] | None = None, status: Mapping[str, Any] | None = None, **spec: Any
) -> Json:
    """Return the manifest of a valid Agent `demo`; keyword arguments replace fields of its spec."""
    manifest: Json = {
        "apiVersion": "agentctl.dev/v1alpha1",
        "kind": "Agent",
        "metadata": {"name": "demo", "namespace": "team", "uid": UID, "generation": 3, "resourceVersion": "41"}
        | dict(metadata or {}),
        "spec": {"image": "example.com/agent:1"} | spec,
    }
    return manifest if status is None else manifest | {"status": dict(status)}


def a_pod(
    *,
    owner_uid: str | None = UID,
    owner_kind: str = "Agent",
    metadata: Mapping[str, Any] | None = None,
    status: Mapping[str, Any] | None = None,
) -> Json:
    """Return the pod `demo`, controlled by the Agent `demo` of that uid; by nobody where `owner_uid` is None."""
    owner = {
        "apiVersion": "agentctl.dev/v1alpha1",
        "kind": owner_kind,
        "name": "demo",
        "uid": owner_uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "demo", "namespace": "team", "uid": POD_UID}
        | ({} if owner_uid is None else {"ownerReferences": [owner]})
        | dict(metadata or {}),
        "status": dict(status or {}),
    }


def a_refusal(message: str = "denied by policy", kind: str = "pods") -> Json:
    """Return the API server's answer to a pod that it does not want."""
    return {
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure",
        "code": 403,
        "reason": "Forbidden",
        "message": message,
        "details": {"kind": kind, "name": "demo"},
    }


def plan(manifest: Mapping[str, Any], *objects: Any, now: datetime = NOW) -> tuple[Action, ...]:
    """Reconcile with these objects observed."""
    return reconcile(manifest, Observed(now=now, objects=objects), Config())


def only(kind: type[T], actions: tuple[Action, ...]) -> T:
    """Return the one action of that kind."""
    (action,) = (action for action in actions if isinstance(action, kind))
    return action


def status_of(manifest: Mapping[str, Any], *objects: Any, now: datetime = NOW) -> Json:
    """Return the status that the plan writes."""
    return only(PatchStatus, plan(manifest, *objects, now=now)).status


def condition(status: Mapping[str, Any], kind: str) -> Json | None:
    """Return the condition of that type, or None where there is none."""
    found: list[Json] = [c for c in status["conditions"] if c["type"] == kind]
    assert len(found) <= 1
    return found[0] if found else None


def reason(status: Mapping[str, Any], kind: str) -> str | None:
    """Return the reason of the condition of that type, or None where there is none."""
    found = condition(status, kind)
    return None if found is None else str(found["reason"])


def nested(depth: int, kind: type[list[Any] | Json]) -> Any:
    """Return lists or dicts, one in the other, without recursion."""
    value: Any = None
    for _ in range(depth):
        value = [value] if kind is list else {"spec": value}
    return value

"""Manifests to start from, written as a person would."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from agentctl_core import (
    Action,
    Config,
    ImageConfig,
    ImageError,
    ImageInfo,
    InvalidAgent,
    Observed,
    PatchStatus,
    Problem,
    build_pod,
    parse_agent,
    reconcile,
)

Json = dict[str, Any]
T = TypeVar("T")

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
NOW_TEXT = "2026-01-31T12:00:00Z"
UID = "uid-of-agent"
POD_UID = "uid-of-pod"
GONE = "2026-01-31T11:00:00Z"
"""A deletionTimestamp, long overdue."""
SOON = "2026-01-31T12:00:20Z"
"""A deletionTimestamp whose grace period lasts."""
DIGEST = "sha256:" + "ab" * 32
OWN_SECURITY: Json = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "runAsGroup": 65532,
    "privileged": False,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""The securityContext of the operator's own containers: they pass *restricted*."""
IMAGE = ImageInfo(DIGEST, {"linux/amd64": ImageConfig(("/entry", "$HOME"), ("serve",))})
"""What the registry says about the image of `an_agent`."""
IMAGES: Mapping[str, ImageInfo | ImageError] = {"example.com/agent:1": IMAGE}


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
    of: Mapping[str, Any] | None = None,
    owner_uid: str | None = UID,
    owner_kind: str = "Agent",
    metadata: Mapping[str, Any] | None = None,
    status: Mapping[str, Any] | None = None,
) -> Json:
    """Return the pod that the Agent `of` gets (that of `an_agent` by default), as the API server would have it.

    It is controlled by the Agent `demo` of that uid; by nobody where `owner_uid` is None.
    """
    made = build_pod(parse_agent(an_agent() if of is None else of), image=IMAGE)
    owner = an_owner(owner_uid, kind=owner_kind)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "demo",
            "namespace": "team",
            "uid": POD_UID,
            "resourceVersion": "7",
            "labels": made["metadata"]["labels"],
            "annotations": made["metadata"]["annotations"],
        }
        | ({} if owner_uid is None else {"ownerReferences": [owner]})
        | dict(metadata or {}),
        "spec": made["spec"],
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


def labels_of(name: str = "demo") -> Json:
    """Return the labels of everything that belongs to that Agent."""
    return {
        "app.kubernetes.io/name": "agent",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/component": "agent",
        "app.kubernetes.io/managed-by": "agentctl",
        "agentctl.dev/agent": name,
    }


def an_owner(uid: str | None = UID, *, kind: str = "Agent", name: str = "demo") -> Json:
    """Return the controller reference to the Agent `demo` of that uid."""
    return {
        "apiVersion": "agentctl.dev/v1alpha1",
        "kind": kind,
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def plan(
    manifest: Mapping[str, Any],
    *objects: Any,
    now: datetime = NOW,
    images: Mapping[str, ImageInfo | ImageError] = IMAGES,
    config: Config | None = None,
) -> tuple[Action, ...]:
    """Reconcile with these objects observed and these images known."""
    return reconcile(manifest, Observed(now=now, objects=objects, images=images), config or Config())


def pod_of(config: Config | None = None, **spec: Any) -> Json:
    """Return the pod of an Agent `demo`, which has a command unless `spec` says otherwise."""
    return build_pod(parse_agent(an_agent(**{"command": ["run"]} | spec)), config)


def problems_of(config: Config | None = None, **spec: Any) -> list[Problem]:
    """Return what keeps an Agent from being rendered; empty where nothing does."""
    try:
        pod_of(config, **spec)
    except InvalidAgent as error:
        return list(error.problems)
    return []


def containers_of(pod: Mapping[str, Any]) -> dict[str, Json]:
    """Return every container of a pod by its name, in the pod's order."""
    spec = pod["spec"]
    return {c["name"]: c for c in (*spec.get("initContainers", ()), *spec["containers"])}


def main_of(pod: Mapping[str, Any]) -> Json:
    """Return the agent's container."""
    return containers_of(pod)["agent"]


def mounts_of(container: Mapping[str, Any]) -> dict[str, Json]:
    """Return a container's mounts by their paths."""
    mounts: list[Json] = container.get("volumeMounts", [])
    by_path = {mount["mountPath"]: mount for mount in mounts}
    assert len(by_path) == len(mounts)
    return by_path


def volumes_of(pod: Mapping[str, Any]) -> dict[str, Json]:
    """Return a pod's volumes by their names."""
    volumes: list[Json] = pod["spec"]["volumes"]
    by_name = {volume["name"]: volume for volume in volumes}
    assert len(by_name) == len(volumes)
    return by_name


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

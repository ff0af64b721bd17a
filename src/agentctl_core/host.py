"""What every host needs besides the decision: what to watch, what an action is over HTTP, and what its answer means.

There is no I/O here: the host sends `request_for(action, ...)` with the client that it has, and goes on as `judge`
says. docs/hosts.md tells the contract of a host; `agentctl_runtime` is one, others stand in `examples/hosts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from string import ascii_letters, digits
from typing import Any, Final, TypeAlias, overload

from attrs import frozen

from ._actions import Action, Create, Delete, EmitEvent, Patch, PatchStatus, Ref, Requeue, Resize, ResolveImage
from ._agent import API_VERSION, KIND
from ._identity import AGENT_LABEL, MANAGED_BY, MANAGED_BY_LABEL
from ._json import dig, dig_list, reach
from ._merge import merge_diff
from ._projection import READ, Tree
from ._reconcile import LOOK_AGAIN_SECONDS
from ._spec import MAIN_CONTAINER

__all__ = [
    "AGENT",
    "CONFIG_MAP",
    "DEPENDENTS",
    "EVENT",
    "FIELD_MANAGER",
    "OURS",
    "PERSISTENT_VOLUME_CLAIM",
    "POD",
    "READ",
    "REFUSAL_SECONDS",
    "SERVICE",
    "Failure",
    "Outcome",
    "Request",
    "Resource",
    "Tree",
    "agents_of",
    "failure_of",
    "generation_of",
    "is_confirmed_first",
    "judge",
    "refusal",
    "request_for",
]

JsonObject: TypeAlias = dict[str, Any]

FIELD_MANAGER: Final = "agentctl"
"""The name under which what executes actions stands in managedFields, whichever the host: `agentctl plan` reads it."""

_MERGE_PATCH: Final = "application/merge-patch+json"
_STRATEGIC_MERGE_PATCH: Final = "application/strategic-merge-patch+json"
_NOT_FOUND, _CONFLICT, _GONE, _TOO_LARGE, _INVALID = 404, 409, 410, 413, 422
_NO_VERDICT: Final = frozenset({401, 404, 408, 409, 410, 429})
"""Of the codes 4xx: what they say is not about the object."""
_MANAGER: Final[Mapping[str, str]] = {"fieldManager": FIELD_MANAGER}
_UNRESERVED: Final = frozenset(ascii_letters + digits + "-._~")


@frozen
class Resource:
    """One kind as the API server serves it."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str | None, *names: str) -> str:
        """Return the path of the collection, or of what `names` lead to in it: an object, or its subresource.

        Args:
            namespace: None for the collection of all namespaces.
            names: percent-encoded here.

        Raises:
            ValueError: a name is empty, or dots that URLs resolve: a DELETE would reach something else.
        """
        parts = ["apis" if "/" in self.api_version else "api", *self.api_version.split("/")]
        if self.namespaced and namespace is not None:
            parts += ["namespaces", namespace]
        return "".join(f"/{_segment(part)}" for part in (*parts, self.plural, *names))


AGENT: Final = Resource(API_VERSION, KIND, "agents")
POD: Final = Resource("v1", "Pod", "pods")
SERVICE: Final = Resource("v1", "Service", "services")
CONFIG_MAP: Final = Resource("v1", "ConfigMap", "configmaps")
PERSISTENT_VOLUME_CLAIM: Final = Resource("v1", "PersistentVolumeClaim", "persistentvolumeclaims")
EVENT: Final = Resource("events.k8s.io/v1", "Event", "events")

DEPENDENTS: Final = (POD, SERVICE, CONFIG_MAP, PERSISTENT_VOLUME_CLAIM)
"""What the core makes for Agents; a host watches them, and the Agents."""
OURS: Final = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
"""The label selector of what the core has made: a host need not hold anything else."""

_WRITTEN: Final = {(each.api_version, each.kind): each for each in (AGENT, *DEPENDENTS, EVENT)}
_NAMED_AFTER_AGENTS: Final = frozenset({POD.kind, SERVICE.kind})


def agents_of(manifest: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the Agents, in its own namespace, that an object concerns: what their decisions need to see.

    They are the one in its label, the ones that own it, and the one whose name it has taken. They differ only where
    somebody has changed the labels or taken the name; then each of them has to know.
    """
    metadata: Mapping[str, Any] = manifest["metadata"]
    labels: Mapping[str, str] = metadata.get("labels") or {}
    owners: Sequence[Mapping[str, Any]] = metadata.get("ownerReferences") or ()
    names = {labels.get(AGENT_LABEL)}
    if manifest["kind"] in _NAMED_AFTER_AGENTS:
        names.add(metadata["name"])
    names |= {owner.get("name") for owner in owners if owner.get("kind") == KIND}
    return frozenset(name for name in names if name)


def generation_of(agent: Mapping[str, Any]) -> tuple[object, object]:
    """Return the uid and generation of an Agent: what tells one spec of one Agent from another."""
    return reach(agent, "metadata", "uid"), reach(agent, "metadata", "generation")


def is_confirmed_first(action: Action, agent: Mapping[str, Any]) -> bool:
    """Tell whether the host had better read the Agent from the API server before it executes an action.

    It goes on where `generation_of` what it reads is that of `agent`; otherwise it observes and reconciles again. For
    the uid of a pod says nothing of the Agent: where the watch of Agents tells late, an old spec may want the end of a
    pod that was made for a new one. And where an Agent is deleted, its pod goes at once, of which another watch tells:
    sooner, perhaps, than that of Agents.

    Of an Agent itself the resourceVersion is a precondition, and the first pod needs no reading: an Agent that has just
    been made is not deleted yet, as a rule.
    """
    if isinstance(action, Create):
        return action.ref.kind == POD.kind and reach(agent, "status", "currentRevision") is not None
    return isinstance(action, Delete) and action.ref.kind != KIND


@frozen(unsafe_hash=False, kw_only=True)
class Request:
    """One request to the API server.

    Attributes:
        method: POST, PATCH or DELETE.
        path: with a leading slash, percent-encoded.
        body: to be sent as JSON.
        content_type: of the body.
    """

    method: str
    path: str
    body: JsonObject
    query: Mapping[str, str]
    content_type: str = "application/json"


@overload
def request_for(
    action: Create | Patch | Resize | Delete | EmitEvent, agent: Mapping[str, Any], reporting_instance: str
) -> Request: ...
@overload
def request_for(action: Action, agent: Mapping[str, Any], reporting_instance: str) -> Request | None: ...
def request_for(action: Action, agent: Mapping[str, Any], reporting_instance: str) -> Request | None:
    """Return the request that executes an action, with the preconditions that make a stale view harmless.

    Args:
        action: from the plan for `agent`.
        agent: the Agent as it was read and decided on: its status is what `PatchStatus` is compared with.
        reporting_instance: names the process in Events, for example the operator's pod.

    Returns:
        None where nothing is to be sent: for `Requeue` and `ResolveImage`, which are the host's own affair, and for a
        status that is as it should be.
    """
    match action:
        case Create(manifest):
            return _post(action.ref, manifest)
        case EmitEvent():
            manifest = action.manifest(reporting_instance)
            return _post(Ref.of(manifest), manifest)
        case Patch(ref, uid, resource_version, patch):
            preconditions = {"uid": uid, "resourceVersion": resource_version}
            return _patch(ref, {**patch, "metadata": {**patch.get("metadata", {}), **preconditions}})
        case Resize(ref, uid, containers):
            return _patch(ref, {"metadata": {"uid": uid}, "spec": _by_list(containers)}, "resize")
        case PatchStatus(ref, resource_version, status):
            difference = merge_diff(agent.get("status"), status)
            changed = {"metadata": {"resourceVersion": resource_version}, "status": difference}
            return _patch(ref, changed, "status") if difference else None
        case Delete(ref, uid, resource_version):
            preconditions = {"uid": uid} | ({"resourceVersion": resource_version} if resource_version else {})
            body: JsonObject = {"propagationPolicy": "Background", "preconditions": preconditions}
            return Request(method="DELETE", path=_path(ref, ref.name), body=body, query={})
        case Requeue() | ResolveImage():
            return None


class Failure(Enum):
    """What an answer of the API server that is no success says."""

    NOT_FOUND = "not found"
    """The object, its namespace or its kind is not there."""
    ALREADY_EXISTS = "already exists"
    """An object of that name is there, possibly on its way out."""
    CONFLICT = "conflict"
    """A precondition (uid or resourceVersion) does not hold: observe again."""
    EXPIRED = "expired"
    """The resourceVersion or continue token is too old: list again."""
    REFUSAL = "refusal"
    """The server will not take this object, now or later, until something else changes: it is invalid, forbidden, over
    quota, too large, denied by a webhook."""
    WEBHOOK_AWAY = "webhook away"
    """The server could not ask a webhook that has to agree: that may last, and has to be told."""
    TRANSIENT = "transient"
    """Everything else, for example 401, 429, 5xx, or what comes from something in between: try again later."""


def failure_of(code: int | None, answer: Mapping[str, Any] | None) -> Failure:
    """Return what an answer says that is no success.

    Args:
        code: the HTTP status code; None where there was no answer.
        answer: the `Status` object of the answer; None where it holds none, and so is not Kubernetes' own.
    """
    reason = dig(answer, "reason", kind=str)
    message = dig(answer, "message", kind=str) or ""
    if code == _NOT_FOUND:
        return Failure.NOT_FOUND
    if code == _CONFLICT and reason == "AlreadyExists":
        return Failure.ALREADY_EXISTS
    if (code == _CONFLICT and reason == "Conflict") or _is_other_uid(code, answer):
        return Failure.CONFLICT
    if code == _GONE or reason in ("Expired", "Gone"):
        return Failure.EXPIRED
    if code is not None and _is_refusal(code, is_kubernetes=answer is not None):
        return Failure.REFUSAL
    # Kubernetes tells it from other internal errors in the text alone.
    is_webhook_away = reason == "InternalError" and "failed calling webhook" in message
    return Failure.WEBHOOK_AWAY if is_webhook_away else Failure.TRANSIENT


class Outcome(Enum):
    """How a host goes on after an action."""

    DONE = "done"
    """It is done, or has become needless: go on with the plan."""
    EXISTS = "exists"
    """Something has the name: read it, add it to `Observed.objects` and reconcile again."""
    REFUSED = "refused"
    """Add the `refusal` to `Observed.objects` for `REFUSAL_SECONDS`, or until the Agent's `generation_of` has changed,
    and reconcile again."""
    STALE = "stale"
    """What was observed is out of date: observe and reconcile again. That is usual and cures itself."""
    FAILED = "failed"
    """Observe and reconcile again after a while, which doubles each time in a row."""


REFUSAL_SECONDS: Final = LOOK_AGAIN_SECONDS - 1
"""How long a host remembers a refusal: a little less than the `Requeue` that it leads to."""


def judge(action: Action, failure: Failure) -> Outcome:
    """Return how a host goes on after the request for an action has failed; after a success it is DONE."""
    match action, failure:
        case EmitEvent(), _:
            return Outcome.DONE  # an Event is a courtesy: the condition says the same and must not wait for it
        case Create(), Failure.ALREADY_EXISTS:
            return Outcome.EXISTS
        case (Create(), Failure.REFUSAL | Failure.WEBHOOK_AWAY) | (Patch() | Resize(), Failure.REFUSAL):
            return Outcome.REFUSED
        case (Patch() | Resize() | Delete() | PatchStatus(), Failure.NOT_FOUND):
            return Outcome.DONE
        case Delete(resource_version=None), Failure.CONFLICT:
            return Outcome.DONE  # over the uid alone it says that another object bears the name by now
        case _, Failure.CONFLICT:
            return Outcome.STALE
        case _:
            return Outcome.FAILED


def refusal(action: Create | Patch | Resize, code: int | None, answer: Mapping[str, Any]) -> JsonObject:
    """Return the API server's refusal as `Observed.objects` takes it.

    What was refused is named, even where the server (or a webhook) did not.

    Args:
        action: what is REFUSED.
        code: the HTTP status code.
        answer: the `Status` object, of which `reason` and `message` are read.
    """
    ref = action.ref
    return {
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure",
        "code": code,
        "reason": dig(answer, "reason", kind=str) or "",
        "message": dig(answer, "message", kind=str) or "",
        "details": {"kind": "pods/resize" if isinstance(action, Resize) else ref.kind, "name": ref.name},
    }


def _post(ref: Ref, manifest: JsonObject) -> Request:
    # A field that the server does not know is refused, rather than left out in silence.
    return Request(method="POST", path=_path(ref), body=manifest, query={**_MANAGER, "fieldValidation": "Strict"})


def _patch(ref: Ref, body: JsonObject, subresource: str | None = None) -> Request:
    # A strategic merge patch finds a container by its name, where a merge patch would stand for the whole list.
    # A field of the status that the server does not know is left out: an older CRD must not keep us from telling the
    # rest.
    kind = _STRATEGIC_MERGE_PATCH if subresource == "resize" else _MERGE_PATCH
    path = _path(ref, ref.name, *([subresource] if subresource else []))
    return Request(method="PATCH", path=path, body=body, content_type=kind, query=_MANAGER)


def _path(ref: Ref, *names: str) -> str:
    return _WRITTEN[ref.api_version, ref.kind].path(ref.namespace, *names)


def _segment(name: str) -> str:
    if name in ("", ".", ".."):
        raise ValueError(f"{name!r} is no name: a namespace or a name is missing")
    if _UNRESERVED.issuperset(name):
        return name
    encoded = name.encode("utf-8", "replace")
    return "".join(chr(byte) if chr(byte) in _UNRESERVED else f"%{byte:02X}" for byte in encoded)


def _by_list(containers: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the containers to resize in the lists of a pod's spec where they stand: a sidecar is an init container."""
    lists: dict[str, list[Mapping[str, Any]]] = {}
    for container in containers:
        name = "containers" if container["name"] == MAIN_CONTAINER else "initContainers"
        lists.setdefault(name, []).append(container)
    return lists


def _is_other_uid(code: int | None, answer: Mapping[str, Any] | None) -> bool:
    """Tell whether a patch was meant for an object with another uid, which is no verdict on the object.

    Measured: DELETE answers 409 Conflict for it, as for a resourceVersion; PATCH answers 422 Invalid.
    """
    causes = dig_list(answer, "details", "causes")
    return code == _INVALID and any(cause.get("field") == "metadata.uid" for cause in causes)


def _is_refusal(code: int, *, is_kubernetes: bool) -> bool:
    """Tell whether a code is a refusal. An error page of something in between is none, but for 413 (too large)."""
    if not is_kubernetes:
        return code == _TOO_LARGE
    return code // 100 == 4 and code not in _NO_VERDICT  # noqa: PLR2004 -- 4xx

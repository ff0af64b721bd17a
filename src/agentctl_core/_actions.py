"""What goes out: the actions that a plan is made of.

A plan is a tuple of actions to be done in order; stopping after any of them is safe. Actions are compared by value and
are not hashable, since they hold dicts. Those dicts belong to whoever receives the action.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self, TypeAlias

from attrs import frozen

JsonObject: TypeAlias = dict[str, Any]


@frozen
class Ref:
    """Names one object: `namespace` is empty for cluster-scoped kinds. Hashable."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Self:
        """Return the name of a manifest's object."""
        metadata = manifest["metadata"]
        return cls(manifest["apiVersion"], manifest["kind"], metadata.get("namespace", ""), metadata["name"])

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@frozen(unsafe_hash=False)
class Create:
    """POST `manifest`, with `fieldValidation=Strict`.

    AlreadyExists is an observation, not an error: the host reads the object that is there, adds it to
    `Observed.objects` and reconciles again. Where the API server refuses the object for good (403, 422 and the like),
    the host adds its `Status` answer to `Observed.objects` in the same way (see `Observed`). Before a pod that succeeds
    another the host had better read the Agent, as for `Delete`: a deleted Agent's pod goes at once, and a watch may
    tell of that sooner than of the Agent.
    """

    manifest: JsonObject

    @property
    def ref(self) -> Ref:
        """The object that is to be made."""
        return Ref.of(self.manifest)


@frozen(unsafe_hash=False)
class Patch:
    """Merge-patch (RFC 7386; an explicit null deletes) an object, if it still has this uid and resourceVersion.

    Where the API server refuses the change for good, the host adds its `Status` answer to `Observed.objects`, as for
    `Create`.
    """

    ref: Ref
    uid: str
    resource_version: str
    patch: JsonObject


@frozen(unsafe_hash=False)
class Resize:
    """Set `resources` of containers through the pod's `resize` subresource, if the pod still has this uid.

    `containers` is a list of `{"name": ..., "resources": ...}`: the agent's container, and sidecars, which stand among
    the pod's init containers. Whether it took effect is seen by observing again. Where the API server refuses it for
    good, the host adds its `Status` answer to `Observed.objects`, with `pods/resize` for its `details.kind`.
    """

    ref: Ref
    uid: str
    containers: Sequence[JsonObject]


@frozen(unsafe_hash=False)
class Delete:
    """Delete an object, if it still has this uid (and, where given, this resourceVersion).

    NotFound and a Conflict over the uid mean that it is gone already. Before anything but an Agent itself is deleted,
    the host reads the Agent from the API server: where that is gone, or has another uid or generation than the one that
    was decided on, it observes and reconciles again instead. For the uid alone says nothing of a pod that another
    operator has made for a newer spec, which this host's watch of Agents does not tell of yet.
    """

    ref: Ref
    uid: str
    resource_version: str | None = None


@frozen(unsafe_hash=False)
class PatchStatus:
    """Make the Agent's status equal `status`, through the status subresource.

    `status` is the whole desired status. The host sends the difference to what it read as a merge patch with nulls,
    with `resource_version` (the Agent's own, as read) as its precondition; a Conflict means: observe and reconcile
    again.
    """

    ref: Ref
    resource_version: str | None
    status: JsonObject


@frozen(unsafe_hash=False)
class EmitEvent:
    """Create an `events.k8s.io/v1` Event. AlreadyExists is success: `name` is the same for the same event."""

    name: str
    regarding: Ref
    regarding_uid: str
    type: str
    """`Normal` or `Warning`."""
    reason: str
    action: str
    """What the operator did or declined to do, in CamelCase, as in events.k8s.io/v1."""
    note: str
    """At most 1,024 bytes of UTF-8."""
    time: str
    """RFC 3339 with microseconds, as MicroTime wants it."""

    def manifest(self, reporting_instance: str) -> JsonObject:
        """Return the Event to POST. `reporting_instance` names the process, for example the operator's pod."""
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": self.name, "namespace": self.regarding.namespace},
            "eventTime": self.time,
            "reportingController": "agentctl.dev/agentctl",
            "reportingInstance": reporting_instance,
            "type": self.type,
            "reason": self.reason,
            "action": self.action,
            "note": self.note,
            "regarding": {
                "apiVersion": self.regarding.api_version,
                "kind": self.regarding.kind,
                "namespace": self.regarding.namespace,
                "name": self.regarding.name,
                "uid": self.regarding_uid,
            },
        }


@frozen
class ResolveImage:
    """Look an image up in its registry; what it says comes back in `Observed.images`, under the same reference.

    `pull_secrets` are names of Secrets in the Agent's namespace that may hold credentials for it. Where there are none,
    those of `service_account` may, which the pod is to run as: Kubernetes gives it them in the same way.
    """

    image: str
    pull_secrets: tuple[str, ...] = ()
    service_account: str = "default"


@frozen(unsafe_hash=False)
class Requeue:
    """Reconcile again after this many seconds, if nothing else leads to it before."""

    after: float


Action: TypeAlias = Create | Patch | Resize | Delete | PatchStatus | EmitEvent | ResolveImage | Requeue

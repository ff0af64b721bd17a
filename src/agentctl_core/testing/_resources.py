"""The table of kinds that exist in the model, and what is particular about each in the API server's eyes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve, frozen

from .._agent import KIND
from ..crd import GROUP, PLURAL, VERSION


@frozen(kw_only=True)
class Resource:
    """One kind as the API server serves it.

    Attributes:
        status: whether there is a status subresource, so that the main verbs leave the status alone.
        generation: whether `metadata.generation` counts the changes of what is neither metadata nor status.
        graceful: whether a deletion may take its time (pods).
        returns_deleted: whether DELETE answers with the object instead of a Status.
        unconditional_update: whether PUT may leave the resourceVersion out.
        create_on_update: whether PUT makes an object that is not there.
        hub_kind: what the server calls the kind where it finds it invalid, if that is another name.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    status: bool = False
    generation: bool = False
    graceful: bool = False
    returns_deleted: bool = False
    unconditional_update: bool = True
    create_on_update: bool = False
    hub_kind: str = ""

    @property
    def api_version(self) -> str:
        """`v1` or `group/version`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def go_type(self) -> str:
        """The type that a built-in kind is read with: `core.Pod`."""
        return f"{self.group.partition('.')[0] or 'core'}.{self.kind}"

    @property
    def storage_prefix(self) -> str:
        """Where the objects are kept in etcd, which errors tell."""
        if self.kind == "Service":
            return "/registry/services/specs"
        return f"/registry/{self.group}/{self.plural}" if self.is_custom else f"/registry/{self.plural}"

    @property
    def has_core_rules(self) -> bool:
        """Whether the rules for metadata are those of the core group, which are stricter; Events are of it in truth."""
        return self.group == "" or bool(self.hub_kind)

    @property
    def is_custom(self) -> bool:
        """Whether a CustomResourceDefinition made it."""
        return self.group == GROUP

    @property
    def full_name(self) -> str:
        """`pods` or `agents.agentctl.dev`: the API server's GroupResource."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def full_kind(self) -> str:
        """`Pod` or `Agent.agentctl.dev`: the API server's GroupKind."""
        return f"{self.kind}.{self.group}" if self.group else self.kind


def _core(kind: str, **particular: Any) -> Resource:
    return evolve(Resource(group="", version="v1", kind=kind, plural=f"{kind.lower()}s"), **particular)


NAMESPACES: Final = _core("Namespace", namespaced=False, status=True, returns_deleted=True)
PODS: Final = _core("Pod", status=True, generation=True, graceful=True, returns_deleted=True)
AGENTS: Final = Resource(
    group=GROUP,
    version=VERSION,
    kind=KIND,
    plural=PLURAL,
    status=True,
    generation=True,
    unconditional_update=False,
)
EVENTS: Final = Resource(
    group="events.k8s.io", version="v1", kind="Event", plural="events", create_on_update=True, hub_kind="Event"
)
SERVICES: Final = _core("Service", status=True, returns_deleted=True, create_on_update=True)
CONFIG_MAPS: Final = _core("ConfigMap")
SECRETS: Final = _core("Secret")
CLAIMS: Final = _core("PersistentVolumeClaim", status=True, returns_deleted=True)
LEASES: Final = Resource(
    group="coordination.k8s.io",
    version="v1",
    kind="Lease",
    plural="leases",
    unconditional_update=False,
    create_on_update=True,
)
BINDINGS: Final = _core("Binding")
"""What is posted to a pod's `binding`: no kind of its own."""
SCALES: Final = Resource(group="autoscaling", version="v1", kind="Scale", plural="scales")
"""What an Agent's `scale` is, likewise."""

RESOURCES: Final = (NAMESPACES, PODS, AGENTS, EVENTS, CONFIG_MAPS, SECRETS, SERVICES, CLAIMS, LEASES)
"""Every kind of the model, in the order in which the namespace controller empties a namespace."""

_BY_KIND: Final[Mapping[tuple[str, str], Resource]] = {(r.api_version, r.kind): r for r in RESOURCES}
_BY_PLURAL: Final[Mapping[tuple[str, str], Resource]] = {(r.api_version, r.plural): r for r in RESOURCES}


def by_kind(api_version: str, kind: str) -> Resource | None:
    """Return the resource of `apiVersion` and `kind`, or None where there is none."""
    return _BY_KIND.get((api_version, kind))


def by_plural(api_version: str, plural: str) -> Resource | None:
    """Return the resource that a URL names, or None where there is none."""
    return _BY_PLURAL.get((api_version, plural))

"""The table of kinds that exist in the model, and what is particular about each in the API server's eyes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from .._agent import KIND
from ..crd import GROUP, PLURAL, VERSION


@frozen(kw_only=True)
class Resource:
    """One kind as the API server serves it.

    Attributes:
        fields: top-level fields besides apiVersion, kind and metadata; any other is unknown to strict decoding.
        status: whether there is a status subresource, so that the main verbs leave the status alone.
        generation: whether `metadata.generation` counts the changes of what is neither metadata nor status.
        graceful: whether a deletion may take its time (pods).
        returns_deleted: whether DELETE answers with the object instead of a Status.
        unconditional_update: whether PUT may leave the resourceVersion out.
    """

    group: str
    version: str
    kind: str
    plural: str
    fields: frozenset[str]
    namespaced: bool = True
    status: bool = False
    generation: bool = False
    graceful: bool = False
    returns_deleted: bool = False
    unconditional_update: bool = True

    @property
    def api_version(self) -> str:
        """`v1` or `group/version`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def full_name(self) -> str:
        """`pods` or `agents.agentctl.dev`: the API server's GroupResource."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def full_kind(self) -> str:
        """`Pod` or `Agent.agentctl.dev`: the API server's GroupKind."""
        return f"{self.kind}.{self.group}" if self.group else self.kind


NAMESPACES: Final = Resource(
    group="",
    version="v1",
    kind="Namespace",
    plural="namespaces",
    fields=frozenset({"spec", "status"}),
    namespaced=False,
    status=True,
    returns_deleted=True,
)
PODS: Final = Resource(
    group="",
    version="v1",
    kind="Pod",
    plural="pods",
    fields=frozenset({"spec", "status"}),
    status=True,
    generation=True,
    graceful=True,
    returns_deleted=True,
)
AGENTS: Final = Resource(
    group=GROUP,
    version=VERSION,
    kind=KIND,
    plural=PLURAL,
    fields=frozenset({"spec", "status"}),
    status=True,
    generation=True,
    unconditional_update=False,
)
EVENTS: Final = Resource(
    group="events.k8s.io",
    version="v1",
    kind="Event",
    plural="events",
    fields=frozenset(
        [
            "eventTime",
            "reportingController",
            "reportingInstance",
            "action",
            "reason",
            "regarding",
            "related",
            "note",
            "type",
            "series",
            "deprecatedSource",
            "deprecatedFirstTimestamp",
            "deprecatedLastTimestamp",
            "deprecatedCount",
        ]
    ),
)
SERVICES: Final = Resource(
    group="",
    version="v1",
    kind="Service",
    plural="services",
    fields=frozenset({"spec", "status"}),
    status=True,
    returns_deleted=True,
)
_PLAIN = (
    Resource(
        group="",
        version="v1",
        kind="ConfigMap",
        plural="configmaps",
        fields=frozenset({"data", "binaryData", "immutable"}),
    ),
    Resource(
        group="",
        version="v1",
        kind="Secret",
        plural="secrets",
        fields=frozenset({"data", "stringData", "type", "immutable"}),
    ),
    SERVICES,
    Resource(
        group="",
        version="v1",
        kind="PersistentVolumeClaim",
        plural="persistentvolumeclaims",
        fields=frozenset({"spec", "status"}),
        status=True,
        returns_deleted=True,
    ),
    Resource(
        group="coordination.k8s.io",
        version="v1",
        kind="Lease",
        plural="leases",
        fields=frozenset({"spec"}),
        unconditional_update=False,
    ),
)

RESOURCES: Final = (NAMESPACES, PODS, AGENTS, EVENTS, *_PLAIN)
"""Every kind of the model, in the order in which the namespace controller empties a namespace."""

_BY_KIND: Final[Mapping[tuple[str, str], Resource]] = {(r.api_version, r.kind): r for r in RESOURCES}
_BY_PLURAL: Final[Mapping[tuple[str, str], Resource]] = {(r.api_version, r.plural): r for r in RESOURCES}


def by_kind(api_version: str, kind: str) -> Resource | None:
    """Return the resource of `apiVersion` and `kind`, or None where there is none."""
    return _BY_KIND.get((api_version, kind))


def by_plural(api_version: str, plural: str) -> Resource | None:
    """Return the resource that a URL names, or None where there is none."""
    return _BY_PLURAL.get((api_version, plural))

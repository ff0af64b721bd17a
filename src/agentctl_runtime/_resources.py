"""The kinds that are handled, and where the API server serves them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from attrs import frozen

from agentctl_core import MANAGED_BY, MANAGED_BY_LABEL, Ref

from ._failure import NOT_SENT, ApiFailure


@frozen
class Resource:
    """One kind as the API server serves it."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True


POD = Resource("v1", "Pod", "pods")
SERVICE = Resource("v1", "Service", "services")
CONFIG_MAP = Resource("v1", "ConfigMap", "configmaps")
PERSISTENT_VOLUME_CLAIM = Resource("v1", "PersistentVolumeClaim", "persistentvolumeclaims")
SECRET = Resource("v1", "Secret", "secrets")
SERVICE_ACCOUNT = Resource("v1", "ServiceAccount", "serviceaccounts")
NAMESPACE = Resource("v1", "Namespace", "namespaces", namespaced=False)
EVENT = Resource("events.k8s.io/v1", "Event", "events")
LEASE = Resource("coordination.k8s.io/v1", "Lease", "leases")
AGENT = Resource("agentctl.dev/v1alpha1", "Agent", "agents")
CUSTOM_RESOURCE_DEFINITION = Resource(
    "apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False
)
DEPENDENTS: Final = (POD, SERVICE, CONFIG_MAP, PERSISTENT_VOLUME_CLAIM)
"""What the core makes, each watched by our label."""
OURS: Final = f"{MANAGED_BY_LABEL}={MANAGED_BY}"
"""Selects what is ours: anything else is never held."""

_RESOURCES: Mapping[tuple[Any, Any], Resource] = {
    (resource.api_version, resource.kind): resource
    for resource in (
        POD, SERVICE, CONFIG_MAP, PERSISTENT_VOLUME_CLAIM, SECRET, SERVICE_ACCOUNT, NAMESPACE, EVENT, LEASE, AGENT,
        CUSTOM_RESOURCE_DEFINITION,
    )
}  # fmt: skip


def resource_of(api_version: str, kind: str) -> Resource:
    """Look a kind up in the table. Raises ApiFailure (a refusal) for a kind that is not in it."""
    resource = _RESOURCES.get((api_version, kind))
    if resource is None:
        raise ApiFailure(f"no such kind is handled here: {api_version} {kind}", reason=NOT_SENT)
    return resource


def object_path(ref: Ref, subresource: str | None = None) -> str:
    resource = resource_of(ref.api_version, ref.kind)
    return url_path(resource, ref.namespace, ref.name, *([subresource] if subresource is not None else []))


def url_path(resource: Resource, namespace: str | None, *names: str) -> str:
    parts = ["apis" if "/" in resource.api_version else "api", *resource.api_version.split("/")]
    if resource.namespaced and namespace is not None:
        parts += ["namespaces", namespace]
    return "/".join(_segment(part) for part in [*parts, resource.plural, *names])


def _segment(name: str) -> str:
    """Percent-encode a name. Without one, or with dots that URLs resolve, a DELETE would reach the collection."""
    if name in {"", ".", ".."}:
        raise ApiFailure(f"{name!r} is no name: a namespace or a name is missing", reason=NOT_SENT)
    return quote(name, safe="", errors="replace")

"""The kinds that are handled besides those of the core, and where the API server serves them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentctl_core import Ref
from agentctl_core.host import AGENT, DEPENDENTS, EVENT, Resource

from ._failure import NOT_SENT, ApiFailure

SECRET = Resource("v1", "Secret", "secrets")
SERVICE_ACCOUNT = Resource("v1", "ServiceAccount", "serviceaccounts")
NAMESPACE = Resource("v1", "Namespace", "namespaces", namespaced=False)
LEASE = Resource("coordination.k8s.io/v1", "Lease", "leases")
CUSTOM_RESOURCE_DEFINITION = Resource(
    "apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False
)

_RESOURCES: Mapping[tuple[Any, Any], Resource] = {
    (resource.api_version, resource.kind): resource
    for resource in (
        AGENT, *DEPENDENTS, EVENT, SECRET, SERVICE_ACCOUNT, NAMESPACE, LEASE, CUSTOM_RESOURCE_DEFINITION,
    )
}  # fmt: skip


def resource_of(api_version: str, kind: str) -> Resource:
    """Look a kind up in the table. Raises ApiFailure (a refusal) for a kind that is not in it."""
    resource = _RESOURCES.get((api_version, kind))
    if resource is None:
        raise ApiFailure(f"no such kind is handled here: {api_version} {kind}", reason=NOT_SENT)
    return resource


def object_path(ref: Ref) -> str:
    """Return an object's path. Raises ApiFailure (a refusal) for a kind that is not handled, and for no name."""
    return url_path(resource_of(ref.api_version, ref.kind), ref.namespace, ref.name)


def url_path(resource: Resource, namespace: str | None, *names: str) -> str:
    """Return the path of what `names` lead to. Raises ApiFailure (a refusal) for what is no name."""
    try:
        return resource.path(namespace, *names)
    except ValueError as error:
        raise ApiFailure(str(error), reason=NOT_SENT) from error

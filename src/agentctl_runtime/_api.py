"""Talking to the API server: the only module that imports lightkube."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self, TypeAlias

import httpx2
from attrs import frozen

from agentctl_core import Ref

JsonObject: TypeAlias = dict[str, Any]


class ConfigurationError(Exception):
    """There is no usable cluster configuration; the message says what to set."""


class ApiFailure(Exception):  # noqa: N818
    """A request that did not succeed. Exactly one of the `is_...` properties is true for each failure."""

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        reason: str = "",
        status: JsonObject | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = reason
        self.status = status
        self.retry_after = retry_after

    @property
    def is_not_found(self) -> bool: ...
    @property
    def is_already_exists(self) -> bool: ...
    @property
    def is_conflict(self) -> bool: ...
    @property
    def is_expired(self) -> bool: ...
    @property
    def is_refusal(self) -> bool: ...
    @property
    def is_transient(self) -> bool: ...


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
NAMESPACE = Resource("v1", "Namespace", "namespaces", namespaced=False)
EVENT = Resource("events.k8s.io/v1", "Event", "events")
LEASE = Resource("coordination.k8s.io/v1", "Lease", "leases")
AGENT = Resource("agentctl.dev/v1alpha1", "Agent", "agents")
CUSTOM_RESOURCE_DEFINITION = Resource(
    "apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False
)


def resource_of(api_version: str, kind: str) -> Resource:
    """Look a kind up in the table. Raises ApiFailure (a refusal) for a kind that is not in it."""
    raise NotImplementedError


@frozen
class Page:
    """One answer to a list: `continue_` is empty on the last page. Items always carry apiVersion and kind."""

    items: list[JsonObject]
    resource_version: str
    continue_: str


class Api:
    """A connection to one API server. Every method raises ApiFailure (and CancelledError), nothing else."""

    namespace: str

    @classmethod
    def connect(
        cls,
        *,
        context: str | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        server: str | None = None,
        field_manager: str = "agentctl",
    ) -> Self:
        """Raises ConfigurationError. Does not talk to the server yet."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    async def aclose(self) -> None: ...

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: JsonObject | None = None,
        content_type: str | None = None,
        timeout: float | None = None,
    ) -> JsonObject:
        raise NotImplementedError

    async def get(self, ref: Ref) -> JsonObject:
        raise NotImplementedError

    async def create(self, manifest: Mapping[str, Any]) -> JsonObject:
        raise NotImplementedError

    async def patch(self, ref: Ref, body: JsonObject, *, subresource: str | None = None) -> JsonObject:
        raise NotImplementedError

    async def delete(
        self,
        ref: Ref,
        *,
        uid: str,
        resource_version: str | None = None,
        propagation: str = "Background",
        grace_seconds: int | None = None,
    ) -> JsonObject:
        raise NotImplementedError

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str | None = None,
        resource_version: str | None = None,
        limit: int | None = None,
        continue_: str | None = None,
    ) -> Page:
        """`namespace=None` means all namespaces."""
        raise NotImplementedError

    def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str | None = None,
        timeout_seconds: int,
    ) -> AbstractAsyncContextManager[AsyncIterator[JsonObject]]:
        """`async with api.watch(...) as events: async for event in events`."""
        raise NotImplementedError

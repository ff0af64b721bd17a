"""A reflector: list one resource, then watch it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Protocol, TypeAlias

from ._api import Api, Resource

JsonObject: TypeAlias = dict[str, Any]


class Sink(Protocol):
    """What a reflector feeds. Both methods are synchronous, so that no one sees half a change."""

    def replace(self, items: Sequence[JsonObject], resource_version: str) -> None:
        """Take all objects that exist, after each (re)list. What is not among `items` is gone."""

    def apply(self, event_type: str, manifest: JsonObject) -> None:
        """Take one change: `event_type` is ADDED, MODIFIED or DELETED."""


class Reflector:
    """Keeps a sink up to date with one resource."""

    synced: asyncio.Event

    def __init__(
        self,
        api: Api,
        resource: Resource,
        *,
        namespace: str | None = None,
        label_selector: str | None = None,
        uniform: Callable[[], float] = random.random,
        log: Any = None,
    ) -> None:
        raise NotImplementedError

    async def run(self, sink: Sink) -> NoReturn:
        """Run until cancelled."""
        raise NotImplementedError

"""A reflector: list one resource, then watch it for ever, after client-go's `Reflector`.

Where the server offers it, the list comes as the beginning of the watch (WatchList): neither side holds it twice.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, NoReturn, Protocol, TypeVar

import structlog

from agentctl_core.host import Resource

from ._answers import ends_initial_events
from ._api import Api
from ._failure import INVALID_RESPONSE, RETRY_AFTER_MAX, ApiFailure, JsonObject

PAGE_SIZE = 500
"""Objects in one page of a list."""

WATCH_TIMEOUT_MIN, WATCH_TIMEOUT_MAX = 300, 600
"""Seconds after which the server ends a watch, drawn for each one so that watches do not all return together."""

_OPTION_REFUSED = frozenset({400, 422})
"""What a server answers to an option that it does not know, or whose feature is off."""

BACKOFF_MIN, BACKOFF_MAX = 0.8, 30.0
"""Seconds between two attempts: the first, and the most that doubling leads to. Jitter adds up to as much again."""


T = TypeVar("T")


class Sink(Protocol[T]):
    """What a reflector feeds. Every method is synchronous, so that no one sees half a change."""

    def keep(self, manifest: JsonObject) -> T:
        """Return what `replace` needs of an object: a list may be long, and comes bit by bit."""
        ...

    def replace(self, items: Sequence[T], resource_version: str) -> None:
        """Take all objects that exist, after each (re)list. What is not among `items` is gone."""

    def apply(self, event_type: str, manifest: JsonObject) -> None:
        """Take one change: `event_type` is ADDED, MODIFIED or DELETED (with the object's last state).

        After a reconnection an ADDED object may be known already, and a DELETED one unknown.
        """


class Log(Protocol):
    """The part of a structlog logger that is used here."""

    def info(self, event: str, **context: Any) -> Any:
        """Log something normal."""

    def warning(self, event: str, **context: Any) -> Any:
        """Log a failure that is retried."""

    def exception(self, event: str, **context: Any) -> Any:
        """Log a defect, with its traceback."""


class Reflector:
    """Keeps one sink up to date with one resource, in one namespace or all (None), narrowed by a label selector.

    Attributes:
        name: What it watches, for people.
        synced: Set after the first list reached the sink, and never cleared.
        heard_at: When it last tried or heard something, on the loop's clock; None before it runs.
    """

    def __init__(  # noqa: PLR0913 -- what to watch, and what a test replaces
        self,
        api: Api,
        resource: Resource,
        *,
        namespace: str | None = None,
        label_selector: str | None = None,
        uniform: Callable[[], float] = random.random,
        log: Log | None = None,
    ) -> None:
        """`uniform` draws from [0, 1) and serves the jitter."""
        self.synced = asyncio.Event()
        self.heard_at: float | None = None
        self.name = f"{resource.plural} in {namespace}" if namespace else resource.plural
        self._api = api
        self._resource = resource
        self._namespace = namespace
        self._label_selector = label_selector
        self._uniform = uniform
        self._log: Log = log if log is not None else structlog.get_logger()
        self._version: str | None = None  # None: nothing to watch from, list first
        self._streams_lists = True  # until the server shows that it does not
        self._backoff = BACKOFF_MIN

    async def run(self, sink: Sink[T]) -> NoReturn:
        """List and watch until cancelled. Every failure is logged once and tried again; none is raised.

        A failed list or watch is tried again after a backoff, or the server's Retry-After if that is longer. A watch
        goes on from the last resourceVersion seen; where the server no longer knows that one (410), or the sink raised
        (a defect, after which nobody knows what it holds), everything is listed again. A server that refuses a streamed
        list, or does not bring one to its end, is asked for pages from then on.
        """
        while True:
            self.heard_at = asyncio.get_running_loop().time()
            try:
                if self._version is None and not self._streams_lists:
                    self._version = await self._list(sink)
                await self._watch(sink)
                delay = self._next_delay()
            except ApiFailure as failure:
                if self._is_refused_stream(failure):
                    continue
                delay = self._after(failure)
            except Exception:  # noqa: BLE001 -- whatever the sink raises: an operator that stops looking is worse
                self._version = None
                delay = self._next_delay()
                self._log.exception("reflector_defect", kind=self._resource.kind, retry_in=round(delay, 3))
            await asyncio.sleep(delay)

    def _is_refused_stream(self, failure: ApiFailure) -> bool:
        """Tell whether the server does not know streamed lists, which are asked for no more then."""
        asked = self._version is None and self._streams_lists
        if not asked or failure.code not in _OPTION_REFUSED:
            return False
        self._streams_lists = False
        self._log.info("lists_are_not_streamed", kind=self._resource.kind, reason=failure.message)
        return True

    async def _list(self, sink: Sink[T]) -> str:
        items: list[T] = []
        continue_ = ""
        limit: int | None = PAGE_SIZE
        while True:
            try:
                page = await self._api.list(
                    self._resource,
                    self._namespace,
                    label_selector=self._label_selector,
                    limit=limit,
                    continue_=continue_ or None,
                )
            except ApiFailure as failure:
                if not (continue_ and failure.is_expired):
                    raise
                # Pages that take longer than the server remembers would never come to an end.
                items, continue_, limit = [], "", None
                continue
            items += map(sink.keep, page.items)
            continue_ = page.continue_
            if not continue_:
                break
        self._replace(sink, items, page.resource_version)
        return page.resource_version

    def _replace(self, sink: Sink[T], items: Sequence[T], version: str) -> None:
        sink.replace(items, version)
        self.synced.set()
        self._log.info("listed", kind=self._resource.kind, objects=len(items), resource_version=version)

    async def _watch(self, sink: Sink[T]) -> None:
        watch = self._api.watch(
            self._resource,
            self._namespace,
            resource_version=self._version,
            label_selector=self._label_selector,
            timeout_seconds=int(WATCH_TIMEOUT_MIN + self._uniform() * (WATCH_TIMEOUT_MAX - WATCH_TIMEOUT_MIN)),
        )
        async with watch as events:
            opened, heard = asyncio.get_running_loop().time(), False
            try:
                if self._version is None:
                    self._version = await self._take_initial(events, sink)
                    heard = True
                async for event in events:
                    self.heard_at = asyncio.get_running_loop().time()
                    if event["type"] != "BOOKMARK":
                        sink.apply(event["type"], event["object"])
                    self._version = event["object"]["metadata"]["resourceVersion"]
                    self._backoff, heard = BACKOFF_MIN, True
            finally:
                # Not even a bookmark: that is also how a version looks that the server will only reach some day, as
                # after etcd was restored from a backup. A list tells, and is cheap where nothing ever happens.
                if not heard and asyncio.get_running_loop().time() - opened >= BACKOFF_MAX:
                    self._backoff, self._version = BACKOFF_MIN, None

    async def _take_initial(self, events: AsyncIterator[JsonObject], sink: Sink[T]) -> str:
        """Take the list that a stream begins with; return its version."""
        items: dict[tuple[str, str], T] = {}
        try:
            async for event in events:
                manifest = event["object"]
                if event["type"] == "BOOKMARK":
                    if not ends_initial_events(event):
                        break
                    version: str = manifest["metadata"]["resourceVersion"]
                    self._replace(sink, list(items.values()), version)
                    return version
                name = manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"]
                if event["type"] == "DELETED":
                    items.pop(name, None)
                else:
                    items[name] = sink.keep(manifest)
        except ApiFailure as failure:
            self._streams_lists = failure.reason != "Timeout"  # silence: it may wait for ever
            raise
        self._streams_lists = False
        raise ApiFailure("the watch did not tell where its initial events end", reason=INVALID_RESPONSE)

    def _after(self, failure: ApiFailure) -> float:
        # Connections come back and servers recover, but another answer may be about the version, whatever its code;
        # so may one that did not change for a long time.
        if not failure.is_transient or self._backoff >= BACKOFF_MAX:
            self._version = None
        delay = max(self._next_delay(), min(failure.retry_after or 0.0, RETRY_AFTER_MAX))
        self._log.warning(
            "list_or_watch_failed",
            kind=self._resource.kind,
            namespace=self._namespace,
            code=failure.code,
            reason=failure.reason,
            error=failure.message,
            relist=self._version is None,
            retry_in=round(delay, 3),
        )
        return delay

    def _next_delay(self) -> float:
        """Return how long to wait, and double it for the next time, until an event arrives."""
        base = self._backoff
        self._backoff = min(base * 2, BACKOFF_MAX)
        return base * (1 + self._uniform())

"""What is known of images: a bounded memory in front of a registry, filled in the background."""

from __future__ import annotations

import asyncio
import hmac
import math
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

import structlog
from attrs import define, field, frozen

from agentctl_core import ImageError, ImageInfo

from ._key import Key
from ._reference import InvalidReference, parse_reference
from ._registry_auth import Credential
from ._turns import Turn, Turns

ENTRIES: Final = 1000
TAG_SECONDS: Final = 3600.0
"""How long an answer for a tag holds; one for a digest can never become wrong."""
ERROR_SECONDS: Final = 30.0
"""How long the first error holds; each further one in a row holds twice as long."""
ERROR_MAX_SECONDS: Final = 300.0
PATIENCE: Final = 0.25
"""Seconds from the start of a look-up in which it is worth waiting for."""

Known: TypeAlias = ImageInfo | ImageError
LookUp: TypeAlias = Callable[[str, ImageInfo | None, Sequence[Credential]], Awaitable[Known]]
"""Looks an image up, knowing what was said of it before and whom to ask as: `Registry.look_up`, or another."""

_Question: TypeAlias = tuple[str, bytes]
"""A reference, and which credentials it is asked with, as nobody else can tell."""

_log = structlog.get_logger()


async def no_look_up(reference: str, *_: object) -> Known:
    """Answer for a host that reaches no registry."""
    return ImageError("Unreachable", f"{reference}: this operator looks no images up")


@frozen
class _Entry:
    known: Known
    until: float
    """On the event loop's clock."""
    errors: int
    """In a row, this one included."""


@define(eq=False)
class _Pending:
    turn: Turn
    task: asyncio.Task[None] | None = None
    started: float | None = None
    """None while it waits for its turn."""
    keys: set[Key] = field(factory=set[Key])
    """Who is to be woken."""


class Images:
    """Knows images by reference and by the credentials that they were asked for with.

    What was told to who has a credential is told again to who has it too, and to nobody else. The credentials
    themselves are forgotten with the look-up; what stays of them is a hash with a key of this process.

    Args:
        look_up: asks the registry; what it raises becomes an ImageError.
        wake: called with each asking key once its answer is known.
    """

    def __init__(self, look_up: LookUp, wake: Callable[[Key], None]) -> None:
        self._look_up = look_up
        self._wake = wake
        self._key = secrets.token_bytes(32)
        self._entries: OrderedDict[_Question, _Entry] = OrderedDict()  # the one used longest ago comes first
        self._pending: dict[_Question, _Pending] = {}
        self._turns = Turns()
        self._closed = False

    async def answer(self, reference: str, key: Key, credentials: Sequence[Credential] = ()) -> Known | None:
        """Ask, and wait for as long as a fast registry takes; `key` is woken only if that was not enough.

        Who asks later, or would have to wait for a turn, does not wait: a slow registry holds nobody up.
        """
        question = (reference, self._hash(credentials))
        pending = self._start(question, credentials)
        if pending is None:
            return self._known(question)
        self._turns.join(pending.turn, key.namespace)
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)  # it takes its turn, if there is one
        if pending.task is not None and pending.started is not None:
            left = pending.started + PATIENCE - loop.time()
            await asyncio.wait([pending.task], timeout=max(left, 0))
        if self._pending.get(question) is pending:
            pending.keys.add(key)
        return self._known(question)

    async def close(self) -> None:
        """Give up what is on its way; nobody is woken any more."""
        self._closed = True
        tasks = [pending.task for pending in self._pending.values() if pending.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._pending.clear()

    def _known(self, question: _Question) -> Known | None:
        """Return what the registry said, as long as that holds.

        While it is asked again after an error, that error stands: else each attempt would change the status twice.
        """
        entry = self._entries.get(question)
        if entry is None:
            return None
        self._entries.move_to_end(question)
        holds = asyncio.get_running_loop().time() < entry.until or (entry.errors and question in self._pending)
        return entry.known if holds else None

    def _hash(self, credentials: Sequence[Credential]) -> bytes:
        """Return what tells these credentials from others; nothing for nobody in particular."""
        parts = [part for each in credentials for part in (each.username, each.password)]
        told = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return hmac.digest(self._key, told, "sha256") if told else b""

    def _start(self, question: _Question, credentials: Sequence[Credential]) -> _Pending | None:
        """Return the look-up on its way, a new one if need be; None where none is needed."""
        pending = self._pending.get(question)
        if pending is None and self._known(question) is None and not self._closed:
            pending = self._pending[question] = _Pending(Turn(_host(question[0])))
            pending.task = asyncio.create_task(self._run(question, credentials, pending))
        return pending

    async def _run(self, question: _Question, credentials: Sequence[Credential], pending: _Pending) -> None:
        reference, _ = question
        async with self._turns.taken(pending.turn):
            pending.started = asyncio.get_running_loop().time()
            before = self._entries.get(question)
            try:
                known = await self._look_up(reference, _info(before), credentials)
            except Exception:  # noqa: BLE001 -- whatever it is, who asks gets an answer
                _log.exception("looking an image up failed; this is a fault of the operator", image=reference)
                known = ImageError("Unreachable", f"{reference}: the look-up failed")
        self._remember(question, known)
        del self._pending[question]
        for key in pending.keys:
            self._wake(key)

    def _remember(self, question: _Question, known: Known) -> None:
        reference, _ = question
        before = self._entries.pop(question, None)
        errors = (before.errors if before else 0) + 1 if isinstance(known, ImageError) else 0
        until = asyncio.get_running_loop().time() + _holds(reference, errors)
        self._entries[question] = _Entry(known, until, errors)
        if len(self._entries) > ENTRIES:
            self._entries.popitem(last=False)
        if isinstance(known, ImageError):
            _log.warning("image look-up failed", image=reference, reason=known.reason, error=known.message)
        else:
            _log.info("image looked up", image=reference, digest=known.digest, platforms=sorted(known.platforms))


def _host(reference: str) -> str:
    try:
        return parse_reference(reference).host
    except InvalidReference:
        return ""  # nobody is asked


def _info(entry: _Entry | None) -> ImageInfo | None:
    return entry.known if entry is not None and isinstance(entry.known, ImageInfo) else None


def _holds(reference: str, errors: int) -> float:
    if errors:
        # The exponent is bounded as well: 2.0 ** 1024 is an OverflowError.
        return min(ERROR_SECONDS * 2.0 ** min(errors - 1, 10), ERROR_MAX_SECONDS)
    return math.inf if "@" in reference else TAG_SECONDS

"""Leader election by a Lease, after client-go's `leaderelection`: one of several operators acts, the others stand by.

A Lease is no fence: a leader that was paused may act once more before it sees that it has been replaced. What makes
that harmless are the preconditions of every write (uid, resourceVersion), not this module.

Times are the elector's own: how long the holder has not renewed is counted from when its renewal was *seen*, on this
process's monotonic clock, so that clocks of different machines need not agree.
https://kubernetes.io/docs/concepts/architecture/leases/
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import structlog
from attrs import frozen

from agentctl_core import Ref

from ._failure import ApiFailure, in_short

JITTER: Final = 1.2
"""Most that a standby's wait between two looks is stretched by: several must not ask in step."""

_log = structlog.get_logger()


class Client(Protocol):
    """The verbs of `Api` that the election needs."""

    async def get(self, ref: Ref) -> dict[str, Any]: ...
    async def create(self, manifest: Mapping[str, Any]) -> dict[str, Any]: ...
    async def replace(self, manifest: Mapping[str, Any]) -> dict[str, Any]: ...


@frozen(kw_only=True)
class Terms:
    """How long leadership holds, in seconds; the defaults are those of Kubernetes' own controllers.

    Attributes:
        lease: a standby takes over when the holder has not renewed for so long.
        renew: the leader steps down when it could not renew for so long.
        retry: between two attempts.

    Raises:
        ValueError: they are not in that order, or not positive.
    """

    lease: float = 15
    renew: float = 10
    retry: float = 2

    def __attrs_post_init__(self) -> None:
        if not self.lease > self.renew > self.retry * JITTER > 0:
            raise ValueError(
                f"lease ({self.lease:g} s) must be longer than renew ({self.renew:g} s), and that longer than "
                f"{JITTER:g} times retry ({self.retry:g} s)"
            )


class Election:
    """One candidate.

    Args:
        client: the API server.
        lease: the namespace and name of the Lease.
        identity: names this candidate; no two may share one.
        terms: how long leadership holds.
    """

    def __init__(self, client: Client, lease: Ref, identity: str, terms: Terms | None = None) -> None:
        self._client = client
        self._lease = lease
        self._identity = identity
        self._terms = terms or Terms()
        self._seen: tuple[object, ...] | None = None
        self._seen_at = 0.0
        self._holder = ""
        self._leads = False

    @property
    def leads(self) -> bool:
        """Whether this candidate is the leader, as far as it knows; may be asked from any thread."""
        return self._leads

    @property
    def holder(self) -> str:
        """Who held the Lease when it was last read; empty for nobody."""
        return self._holder

    async def win(self) -> None:
        """Return once this candidate is the leader."""
        while not await self._attempt():  # noqa: ASYNC110 -- nothing tells it but another request
            # Not for any secret: candidates should not ask at the same moment.
            await asyncio.sleep(self._terms.retry * random.uniform(1, JITTER))  # noqa: S311
        self._leads = True
        _log.info("became the leader", lease=str(self._lease))

    async def hold(self) -> None:
        """Renew, and return when leadership is lost: another holds the Lease, or it could not be renewed in time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._terms.renew
        while True:
            await asyncio.sleep(self._terms.retry)
            # However long the wait was (a suspended process, say): what is too old may be another's by now.
            if loop.time() >= deadline:
                break
            try:
                async with asyncio.timeout_at(deadline):
                    is_renewed = await self._attempt()
            except TimeoutError:
                break
            if is_renewed:
                deadline = self._seen_at + self._terms.renew
            elif self._holder not in ("", self._identity):
                break
        self._leads = False
        _log.warning("leadership is lost", lease=str(self._lease), holder=self._holder)

    async def release(self) -> None:
        """Give the Lease up, so that another need not wait until it has run out. Does nothing where it is another's."""
        self._leads = False
        try:
            lease = await self._client.get(self._lease)
            if _spec(lease).get("holderIdentity") == self._identity:
                spec = {**_spec(lease), "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _now()}
                await self._client.replace({**lease, "spec": spec})
                _log.info("leadership is released", lease=str(self._lease))
        except ApiFailure as failure:
            _log.warning("the Lease cannot be released and will run out", error=in_short(failure))

    async def _attempt(self) -> bool:
        """Take or renew the Lease where that may be done; return whether this candidate holds it now."""
        try:
            return await self._take_or_renew()
        except ApiFailure as failure:
            # A Conflict says that another was faster.
            told = _log.debug if failure.is_conflict or failure.is_already_exists else _log.warning
            told("the Lease cannot be taken", error=in_short(failure))
            return False

    async def _take_or_renew(self) -> bool:
        started = asyncio.get_running_loop().time()
        try:
            lease = await self._client.get(self._lease)
        except ApiFailure as failure:
            if not failure.is_not_found:
                raise
            self._see(await self._client.create(self._manifest()), started)
            return True
        self._see(lease, started)
        if self._holder not in ("", self._identity) and started < self._seen_at + self._duration(lease):
            return False
        spec = _spec(lease)
        now = _now()
        fresh = {
            **spec,
            "holderIdentity": self._identity,
            "leaseDurationSeconds": max(1, round(self._terms.lease)),
            "renewTime": now,
        }
        if self._holder != self._identity:
            fresh |= {"acquireTime": now, "leaseTransitions": int(spec.get("leaseTransitions") or 0) + 1}
        # The resourceVersion that was read goes along: of two candidates one meets a Conflict.
        self._see(await self._client.replace({**lease, "spec": fresh}), started)
        return True

    def _see(self, lease: Mapping[str, Any], at: float) -> None:
        """Note when the Lease was first seen as it is now."""
        spec = _spec(lease)
        seen = (spec.get("holderIdentity"), spec.get("renewTime"), spec.get("leaseTransitions"))
        if seen != self._seen:
            self._seen, self._seen_at = seen, at
        self._holder = spec.get("holderIdentity") or ""

    def _duration(self, lease: Mapping[str, Any]) -> float:
        """Return for how long the holder asked; ours, where the Lease does not say."""
        told = _spec(lease).get("leaseDurationSeconds")
        return float(told) if isinstance(told, int) and told > 0 else self._terms.lease

    def _manifest(self) -> dict[str, Any]:
        now = _now()
        return {
            "apiVersion": self._lease.api_version,
            "kind": self._lease.kind,
            "metadata": {"name": self._lease.name, "namespace": self._lease.namespace},
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": max(1, round(self._terms.lease)),
                "acquireTime": now,
                "renewTime": now,
                "leaseTransitions": 0,
            },
        }


def _spec(lease: Mapping[str, Any]) -> Mapping[str, Any]:
    spec: Mapping[str, Any] = lease.get("spec") or {}
    return spec


def _now() -> str:
    """Return the present time as MicroTime, which needs its six digits."""
    return datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"

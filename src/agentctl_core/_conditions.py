"""Conditions as in Kubernetes' API conventions: what is said, and since when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from attrs import field, frozen

from ._json import dig, dig_list, is_unicode
from ._times import is_timestamp, timestamp

MESSAGE_MAX_LENGTH: Final = 32_768
"""What Kubernetes' convention, and the CRD, allow in a condition's message."""

REJECTED: Final = frozenset({"QuotaExceeded", "CreateRejected"})
"""The reasons that the API server's refusal to create an object has in Ready."""


def _shortened(message: str) -> str:
    if not is_unicode(message):
        message = message.encode("utf-8", "replace").decode()
    return message if len(message) <= MESSAGE_MAX_LENGTH else f"{message[: MESSAGE_MAX_LENGTH - 3]}..."


@frozen
class Verdict:
    """A condition without its times."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str = field(converter=_shortened)


def refused(reason: str, message: str) -> Verdict:
    """Return `Accepted=False`."""
    return Verdict("Accepted", "False", reason, message)


def not_ready(reason: str, message: str) -> Verdict:
    """Return `Ready=False`."""
    return Verdict("Ready", "False", reason, message)


def conditions_of(manifest: Mapping[str, Any]) -> dict[str, Verdict]:
    """Return the conditions as they stand in the status that was read, by type; malformed ones are left out."""
    found: dict[str, Verdict] = {}
    for condition in dig_list(manifest, "status", "conditions"):
        texts = [dig(condition, key, kind=str) for key in ("type", "status", "reason", "message")]
        if None not in texts:
            found.setdefault(str(texts[0]), Verdict(*texts))  # type: ignore[arg-type]
    return found


def with_times(verdict: Verdict, former: object, observed: Mapping[str, int], now: datetime) -> dict[str, Any]:
    """Return the whole condition: its transition time is the former one's where its status is."""
    since = ""
    if dig(former, "status", kind=str) == verdict.status:
        since = dig(former, "lastTransitionTime", kind=str) or ""
    return {
        "type": verdict.type,
        "status": verdict.status,
        "reason": verdict.reason,
        "message": verdict.message,
        "lastTransitionTime": since if is_timestamp(since) else timestamp(now),
        **observed,
    }

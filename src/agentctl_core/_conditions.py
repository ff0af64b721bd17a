"""Conditions as in Kubernetes' API conventions: what is said, and since when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
        verdict = _verdict(condition)
        if verdict is not None:
            found.setdefault(verdict.type, verdict)
    return found


def all_stand(verdicts: Iterable[Verdict], manifest: Mapping[str, Any]) -> bool:
    """Tell whether each of these stands in the status that was read, mostly without reading what else does."""
    there: dict[str | None, Mapping[str, Any]] = {}
    for condition in dig_list(manifest, "status", "conditions"):
        there.setdefault(dig(condition, "type", kind=str), condition)
    for verdict in verdicts:
        condition = there.get(verdict.type, _ABSENT)
        if (
            condition.get("status") != verdict.status
            or condition.get("reason") != verdict.reason
            or condition.get("message") != verdict.message
        ):
            return False
    return True


_ABSENT: Final[Mapping[str, Any]] = {}


def condition_of(manifest: Mapping[str, Any], kind: str) -> Verdict | None:
    """Return the one condition of that type, as `conditions_of` has it."""
    for condition in dig_list(manifest, "status", "conditions"):
        if dig(condition, "type", kind=str) == kind and (verdict := _verdict(condition)) is not None:
            return verdict
    return None


def _verdict(condition: Mapping[str, Any]) -> Verdict | None:
    texts = [dig(condition, key, kind=str) for key in ("type", "status", "reason", "message")]
    return None if None in texts else Verdict(*texts)  # type: ignore[arg-type]


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

"""Moments as Kubernetes writes them (`metav1.Time`): text in manifests, aware datetimes in here."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


_LONGEST_KEPT: Final = 32
"""Characters: what Kubernetes itself writes has 20 to 27."""


def timestamp(moment: datetime) -> str:
    """Return `2026-01-31T12:00:00Z`."""
    # In UTC first: elsewhere two moments may be equal, in the hour that comes twice in autumn.
    return _kept_text(moment.astimezone(UTC))


@lru_cache(maxsize=64)  # each condition of a status is of the same moment
def _kept_text(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def is_timestamp(text: str) -> bool:
    """Tell whether a text looks like a moment; the CRD's `date-time` takes it then."""
    return _DATE_TIME.fullmatch(text) is not None


def parse_timestamp(text: str | None) -> datetime | None:
    """Return the moment that a text stands for, in UTC; None where it is none."""
    if text is None:
        return None
    return _kept_moment(text) if len(text) <= _LONGEST_KEPT else _moment(text)


def _moment(text: str) -> datetime | None:
    if not is_timestamp(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):  # the 31st of February, the year 0
        return None


_kept_moment = lru_cache(maxsize=1024)(_moment)
"""Of short texts alone: it keeps them."""

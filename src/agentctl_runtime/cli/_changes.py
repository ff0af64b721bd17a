"""Differences as people and machines read them."""

from __future__ import annotations

import json
from typing import Any, Final

from agentctl_core.testing.replay import ABSENT, Change

from ._output import printable

MOST: Final = 300
"""Characters of one value that a person is shown."""


def told_value(value: object) -> str:
    """Return a value in short, as JSON."""
    if value is ABSENT:
        return "(nothing)"
    text = printable(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= MOST else f"{text[:MOST]}..."


def told_change(change: Change) -> str:
    """Return a change as one line."""
    return f"{printable(change.path)}: {told_value(change.before)} -> {told_value(change.after)}"


def plain_change(change: Change) -> dict[str, Any]:
    """Return a change as JSON: a value that is not there is left out."""
    return (
        {"path": change.path}
        | ({} if change.before is ABSENT else {"before": change.before})
        | ({} if change.after is ABSENT else {"after": change.after})
    )

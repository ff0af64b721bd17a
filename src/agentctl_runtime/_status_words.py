"""What is written into an Agent's status, in words that a person understands: what has changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from agentctl_core import merge_diff

_COUNTS_AND_NAMES: Final = ("nodeName", "restarts", "failures")
"""Fields that are told with their values, where they have one."""


def in_words(former: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Return what tells a status from the former one, and the messages of the conditions that have changed, by type.

    Other fields are told where nothing else has changed. Nothing comes from the agent itself: how a container ended is
    told without its own message, which may hold anything.
    """
    before, now = _conditions(former), _conditions(status)
    changed = [each for kind, each in now.items() if before.get(kind) != each]
    words = [f"{kind} is absent" for kind in before if kind not in now]
    for kind, value, reason, _ in changed:
        still = "still " if before.get(kind, ())[1:3] == (value, reason) else ""
        words.append(f"{kind} is {still}{value} ({reason})")
    difference = merge_diff(former, status)
    words += _fields(difference, status)
    words = words or [_field(name, value) for name, value in sorted(difference.items())]
    return ", ".join(words), {kind: message for kind, _, _, message in changed}


def _conditions(status: Mapping[str, Any]) -> dict[str, tuple[str, str, str, str]]:
    """Return type, status, reason and message of each condition, by its type."""
    conditions: list[Mapping[str, str]] = status.get("conditions") or []
    return {c["type"]: (c["type"], c["status"], c["reason"], c["message"]) for c in conditions}


def _fields(difference: Mapping[str, Any], status: Mapping[str, Any]) -> Iterator[str]:
    if "podName" in difference and "podName" not in status:
        yield "there is no pod"
    for name in _COUNTS_AND_NAMES:
        if difference.get(name):
            yield f"{name} is {difference[name]}"
    if difference.get("lastTermination"):
        end = status["lastTermination"]
        reason = f" ({end['reason']})" if "reason" in end else ""
        yield f"container {end.get('containerName')} ended with exit code {end.get('exitCode')}{reason}"


def _field(name: str, value: Any) -> str:
    if value is None:
        return f"{name} is absent"
    if name == "podIPs":
        value = " and ".join(str(address["ip"]) for address in value)
    return f"{name} is {value}" if isinstance(value, str | int) else name

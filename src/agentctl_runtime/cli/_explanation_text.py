"""`agentctl explain` for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import click

from ._output import columns, printable, wrapped

_MOST_LINES: Final = 10
"""Of what a container said when it ended: the last ones."""
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def explanation_lines(told: dict[str, Any], now: datetime) -> Iterator[str]:
    """Yield what is told about an Agent, for a terminal or a pipe."""
    headline = f"Agent {told['namespace']}/{told['name']} {printable(told['verdict'])}"
    yield from (click.style(line, fg="green" if told["isWell"] else "red", bold=True) for line in wrapped(headline))
    for advice in told["advice"]:
        yield from _advice(advice)
    if told["conditions"]:
        yield from _headed("Conditions", _conditions(told["conditions"], now))
    if told["pod"] is not None:
        yield from _headed("Pod", _pod(told["pod"], now))
    elif told["conditions"]:
        yield from _headed("Pod", iter(["  There is none."]))
    if told["lastTermination"]:
        yield from _headed("Last termination", _termination(told["lastTermination"], now))
    if told["events"]:
        yield from _headed("Events", _events(told["events"], now))
    if told["unread"]:
        yield from _headed("Not read", (line for text in told["unread"] for line in _prose(text)))


def _headed(title: str, lines: Iterator[str]) -> Iterator[str]:
    yield ""
    yield click.style(title, bold=True)
    yield from lines


def _prose(text: str, bullet: str = "") -> list[str]:
    return wrapped(printable(text), f"  {bullet}", " " * (2 + len(bullet)))


def _advice(advice: dict[str, Any]) -> Iterator[str]:
    title = "No operator" if advice["condition"] is None else f"{advice['condition']}: {advice['reason']}"
    yield from _headed(printable(title), iter(_prose(advice["message"] or advice["means"])))
    if advice["message"]:
        yield from _prose(advice["means"])
    if advice["do"]:
        yield "  What to do:"
        yield from (line for text in advice["do"] for line in _prose(text, "- "))
    if advice["lookAt"]:
        yield "  Where to look:"
        yield from (f"    {printable(command)}" for command in advice["lookAt"])


def _conditions(conditions: Sequence[dict[str, Any]], now: datetime) -> Iterator[str]:
    yield from columns(
        [
            [
                str(each.get("type")),
                str(each.get("status")),
                str(each.get("reason")),
                _age(each["lastTransitionTime"], now),
            ]
            for each in conditions
            if isinstance(each.get("lastTransitionTime"), str)
        ]
    )


def _pod(pod: dict[str, Any], now: datetime) -> Iterator[str]:
    words = [f"{pod['name']}: {pod['phase']}{', ending' if pod['isEnding'] else ''}"]
    words += [f"on node {pod['node']}"] if pod["node"] else []
    words += [f"address {pod['ip']}"] if pod["ip"] else []
    words += [f"started {_age(pod['startTime'], now)} ago"] if pod["startTime"] else []
    yield from _prose(", ".join(words))
    if not pod["isOurs"]:
        yield from _prose("It is not this Agent's: something else has made it.")
    yield from columns([[str(each["name"]), each["role"], _state(each)] for each in pod["containers"]])
    for each in pod["containers"]:
        if each["message"] and each["state"] != "running":
            yield from _prose(f"{each['name']}: {each['message']}")


def _state(container: dict[str, Any]) -> str:
    """Return what a container does, in words."""
    match container["state"]:
        case "running" if container["role"] == "init":
            told = "runs; what comes after waits for it"
        case "running":
            told = "runs, ready" if container["ready"] else "runs, not ready"
        case "terminated" if container["exitCode"] == 0:
            told = "ended well"
        case "terminated":
            told = f"ended with exit code {container['exitCode']} ({container['reason'] or 'Error'})"
        case "waiting":
            told = f"waits: {container['reason'] or 'no reason given'}"
        case _:
            told = "has not begun"
    count = container["restarts"]
    return told + (f", restarted {count} time{'' if count == 1 else 's'}" if count else "")


def _termination(end: dict[str, Any], now: datetime) -> Iterator[str]:
    reason = f" ({end['reason']})" if end.get("reason") else ""
    ago = f", {_age(end['finishedAt'], now)} ago" if end.get("finishedAt") else ""
    yield from _prose(f"Container {end.get('containerName')}, exit code {end.get('exitCode')}{reason}{ago}")
    for line in str(end.get("message") or "").splitlines()[-_MOST_LINES:]:
        yield f"    {printable(line)}"


def _events(events: Sequence[dict[str, Any]], now: datetime) -> Iterator[str]:
    for each in events:
        times = f" ({each['count']} times)" if each["count"] > 1 else ""
        what = f"{each['type']} {each['reason']} of the {each['object']}{times}"
        yield from wrapped(printable(f"{_age(each['at'], now):>4}  {what}: {each['message']}"), "  ", " " * 8)


def _age(moment: object, now: datetime) -> str:
    """Return how long ago a time of Kubernetes' is, in its largest unit."""
    try:
        seconds = max(0, int((now - datetime.fromisoformat(str(moment))).total_seconds()))
    except (ValueError, TypeError):
        return "?"
    return next((f"{seconds // length}{unit}" for length, unit in _UNITS if seconds >= length), "0s")

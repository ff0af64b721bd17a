"""Tells what happens to one Agent, line by line, to people: readable in colour, without it, and in a pipe."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from agentctl_core import (
    Action,
    Create,
    Delete,
    EmitEvent,
    ImageError,
    ImageInfo,
    PatchStatus,
    Ref,
    Requeue,
    ResolveImage,
)


class Timeline:
    """Prints each change once, with the seconds since the start."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._start = time.monotonic()
        self._pod: str | None = None
        self._conditions: dict[str, str] = {}

    def started(self, agent: Ref, where: str) -> None:
        """Tell what is about to happen."""
        self._console.print(Text(f"Agent {agent.namespace}/{agent.name} on {where}", style="bold"))

    def did(self, what: str) -> None:
        """Tell what the demo itself did, as a user would."""
        self._line("you", "bold", what)

    def decided(self, actions: Sequence[Action]) -> None:
        """Tell what the operator is about to do."""
        for action in actions:
            self._line("operator", "cyan", _in_words(action))

    def assumed(self, image: str, answer: ImageInfo | ImageError) -> None:
        """Tell what is taken for the image's own command where no registry is asked."""
        if isinstance(answer, ImageError):
            self._line("registry", "blue", answer.message)
            return
        config = next(iter(answer.platforms.values()))
        command = shlex.join([*config.entrypoint, *config.cmd])
        self._line("registry", "blue", f"{image} is assumed to run {command} (no registry is asked)")

    def saw_pod(self, pod: Mapping[str, Any] | None) -> None:
        """Tell the pod's state where it has changed."""
        state = _pod_state(pod)
        if state != (self._pod or "absent"):
            self._line("pod", "magenta", f"{self._pod or 'absent'} -> {state}")
        self._pod = state

    def saw_agent(self, agent: Mapping[str, Any] | None) -> dict[str, str]:
        """Tell each condition that has changed; return the status of each by its type."""
        status: Mapping[str, Any] = (agent or {}).get("status") or {}
        conditions: list[dict[str, str]] = status.get("conditions") or []
        for condition in conditions:
            told = f"{condition['status']} ({condition['reason']}): {condition['message']}"
            if self._conditions.get(condition["type"]) != told:
                self._conditions[condition["type"]] = told
                style = "green" if condition["status"] == "True" else "yellow"
                self._line("condition", style, f"{condition['type']} = {told}")
        return {condition["type"]: condition["status"] for condition in conditions}

    def finished(self) -> None:
        """Tell that all went well."""
        self._line("done", "bold green", "the agent ran, and its pod is gone")

    def failed(self, why: str) -> None:
        """Tell what went wrong."""
        self._line("failed", "bold red", why)

    def _line(self, who: str, style: str, what: str) -> None:
        line = Text(f"{time.monotonic() - self._start:6.2f} s  ")
        line.append(f"{who:<10}", style=style)
        line.append(what)
        self._console.print(line, soft_wrap=True)


def _in_words(action: Action) -> str:
    match action:
        case Create(manifest):
            return f"create {manifest['kind']} {manifest['metadata']['name']}"
        case Delete(ref):
            return f"delete {ref.kind} {ref.name}"
        case PatchStatus():
            return "write the Agent's status"
        case EmitEvent(reason=reason):
            return f"emit the event {reason}"
        case Requeue(after):
            return f"look again in {after:g} s"
        case ResolveImage(image):
            return f"ask the registry what {image} runs"
        case _:
            return f"change {action.ref.kind} {action.ref.name}"


def _pod_state(pod: Mapping[str, Any] | None) -> str:
    if pod is None:
        return "absent"
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    status: Mapping[str, Any] = pod.get("status") or {}
    conditions: list[dict[str, str]] = status.get("conditions") or []
    is_ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    where = f" on {pod['spec']['nodeName']}" if pod["spec"].get("nodeName") else ""
    return f"{status.get('phase', 'Pending')}{', ready' if is_ready else ''}{where}"

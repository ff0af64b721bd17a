"""The story of one Agent as entries, one for each thing that happens: to be printed, or drawn."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, TypeAlias, cast

from attrs import frozen

from agentctl_core import (
    Action,
    Create,
    Delete,
    EmitEvent,
    ImageError,
    ImageInfo,
    PatchStatus,
    Requeue,
    ResolveImage,
)
from agentctl_core.testing.replay import encode_action

Json: TypeAlias = Mapping[str, Any]
Tell: TypeAlias = Callable[["Entry"], object]


class Tone(Enum):
    """How good what is told is."""

    GOOD = "good"
    WAITING = "waiting"
    BAD = "bad"
    PLAIN = "plain"


@frozen(unsafe_hash=False, kw_only=True)
class Entry:
    """One thing that happened.

    Attributes:
        at: when, in seconds since the start.
        who: whose doing it is: `you`, `fault`, `operator`, `registry`, `pod`, `condition`, `replay`.
        what: in one line, for people.
        kind: which kind of thing: of the operator the action's, of a condition its type, of a fault its name.
        tone: how good it is.
        state: what holds from then on, where it is a state; an empty text where none does any more.
        detail: all of it, as JSON.
    """

    at: float
    who: str
    what: str
    kind: str = ""
    tone: Tone = Tone.PLAIN
    state: str | None = None
    detail: Json | None = None


class Story:
    """Tells each change once."""

    def __init__(self, clock: Callable[[], float], tell: Tell) -> None:
        """Begin.

        Args:
            clock: returns the seconds since the start.
            tell: takes each entry.
        """
        self._clock = clock
        self._tell = tell
        self._pod = _ABSENT
        self._conditions: dict[str, Json] = {}

    def did(self, what: str, detail: Json | None = None) -> None:
        """Tell what the Agent's user did."""
        self._add("you", what, detail=detail)

    def fault(self, name: str, what: str, detail: Json | None = None) -> None:
        """Tell what went wrong."""
        self._add("fault", f"{name}: {what}", kind=name, tone=Tone.BAD, detail=detail)

    def differs(self, what: str, detail: Json) -> None:
        """Tell in what a decision is another than the recorded one."""
        self._add("replay", what, tone=Tone.BAD, detail=detail)

    def decided(self, actions: Sequence[Action], *, refused: bool = False) -> None:
        """Tell what the operator does, or tries to and is refused."""
        for action in actions:
            what = in_words(action) + (" (refused: it decides again)" if refused else "")
            tone = Tone.BAD if refused else Tone.PLAIN
            self._add("operator", what, kind=type(action).__name__, tone=tone, detail=encode_action(action))

    def assumed(self, image: str, answer: ImageInfo | ImageError) -> None:
        """Tell what is taken for the image's own command where no registry is asked."""
        if isinstance(answer, ImageError):
            self._add("registry", answer.message, tone=Tone.BAD)
            return
        config = next(iter(answer.platforms.values()))
        command = shlex.join([*config.entrypoint, *config.cmd])
        self._add("registry", f"{image} is assumed to run {command} (no registry is asked)")

    def saw_pod(self, pod: Json | None) -> None:
        """Tell the pod's state where it has changed."""
        state, tone = _pod_state(pod)
        if state != self._pod:
            was, self._pod = self._pod, state
            detail = None if pod is None else {field: pod.get(field) for field in ("metadata", "status")}
            held = "" if pod is None else state
            self._add("pod", f"{was} -> {state}", kind="Pod", tone=tone, state=held, detail=detail)

    def saw_agent(self, agent: Json | None) -> dict[str, str]:
        """Tell each condition that has changed or gone; return the status of each by its type."""
        found = conditions_of(agent)
        for kind, condition in found.items():
            if _told(self._conditions.get(kind)) != _told(condition):
                state = _verdict(condition)
                what = f"{in_short(condition)}: {condition.get('message')}"
                self._add("condition", what, kind=kind, tone=tone_of(condition), state=state, detail=condition)
        for kind in sorted(self._conditions.keys() - found.keys()):
            self._add("condition", f"{kind} is not told any more", kind=kind, state="")
        self._conditions = found
        return {kind: str(condition.get("status")) for kind, condition in found.items()}

    def _add(self, who: str, what: str, **fields: Any) -> None:
        self._tell(Entry(at=self._clock(), who=who, what=what, **fields))


def plain_entry(entry: Entry) -> dict[str, Any]:
    """Return an entry as JSON values."""
    return {"at": entry.at, "who": entry.who, "kind": entry.kind, "what": entry.what, "detail": entry.detail}


def conditions_of(agent: Json | None) -> dict[str, Json]:
    """Return the conditions in an Agent's status by their type."""
    return {str(condition.get("type")): condition for condition in _conditions(agent or {})}


def tone_of(condition: Json) -> Tone:
    """Return how good it is what a condition says."""
    status, reason = condition.get("status"), condition.get("reason")
    match condition.get("type"):
        case "Stalled":
            return Tone.BAD if status == "True" else Tone.PLAIN
        case "Finished" if status == "True":
            return Tone.GOOD if reason == "Succeeded" else Tone.BAD
        case "Finished" | "Suspended":
            return Tone.PLAIN
        case _ if status == "True":
            return Tone.GOOD
        case _:
            return Tone.WAITING if status == "Unknown" or reason in _PASSING else Tone.BAD


_ABSENT: Final = "absent"
_PASSING: Final = ("PodPending", "PodNotReady", "Terminating", "UpdatePending", "Recreating")
"""Reasons of False that belong to the life of an Agent with which all is well."""


def in_short(condition: Json) -> str:
    """Return a condition as a few words."""
    return f"{condition.get('type')} = {_verdict(condition)}"


def _verdict(condition: Json) -> str:
    return f"{condition.get('status')} ({condition.get('reason')})"


def _told(condition: Json | None) -> str | None:
    return None if condition is None else f"{in_short(condition)}: {condition.get('message')}"


def in_words(action: Action) -> str:
    """Return an action as a few words."""
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


def _pod_state(pod: Json | None) -> tuple[str, Tone]:
    if pod is None:
        return _ABSENT, Tone.PLAIN
    if _part(pod, "metadata").get("deletionTimestamp"):
        return "Terminating", Tone.WAITING
    phase = str(_part(pod, "status").get("phase", "Pending"))
    is_ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in _conditions(pod))
    node = _part(pod, "spec").get("nodeName")
    where = f" on {node}" if node else ""
    tone = Tone.GOOD if is_ready else _PHASES.get(phase, Tone.WAITING)
    return f"{phase}{', ready' if is_ready else ''}{where}", tone


def _conditions(manifest: Json) -> list[Json]:
    found: object = _part(manifest, "status").get("conditions")
    items = cast("list[object]", found) if isinstance(found, list | tuple) else []
    return [cast("Json", item) for item in items if isinstance(item, Mapping)]


def _part(manifest: Json, name: str) -> Json:
    """Return a part of a manifest, which may be anybody's: empty where it is no object."""
    found: object = manifest.get(name)
    return cast("Json", found) if isinstance(found, Mapping) else {}


_PHASES: Final = {"Succeeded": Tone.GOOD, "Failed": Tone.BAD, "Running": Tone.BAD}
"""How good a phase is of a pod that is not ready."""

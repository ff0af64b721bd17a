"""Tells what happens to one Agent, line by line, to people: readable in colour, without it, and in a pipe."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.text import Text

from agentctl_core import Ref

from ._output import wants_colour, wrapped
from ._story import Entry, Tone


class Timeline:
    """Prints entries as they come, each with the seconds since the start."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, color_system="auto" if wants_colour() is None else None)

    def started(self, agent: Ref, where: str) -> None:
        """Tell what is about to happen."""
        self._console.print(Text(f"Agent {agent.namespace}/{agent.name} on {where}", style="bold"))

    def tell(self, entry: Entry) -> None:
        """Tell what has happened."""
        style = _TONES[entry.tone] if entry.who == "condition" else _STYLES[entry.who]
        self._line(entry.at, entry.who, style, entry.what)

    def finished(self, at: float, what: str) -> None:
        """Tell that all went well."""
        self._line(at, "done", "bold green", what)

    def failed(self, at: float, why: str) -> None:
        """Tell what went wrong."""
        self._line(at, "failed", "bold red", why)

    def _line(self, at: float, who: str, style: str, what: str) -> None:
        moment, name = f"{at:6.2f} s  ", f"{who:<10}"
        first, *rest = wrapped(what, " " * len(moment + name))
        self._console.print(Text(moment), Text(name, style=style), first.strip(), sep="", soft_wrap=True, markup=False)
        for each in rest:
            self._console.print(each, soft_wrap=True, markup=False)


_STYLES: Final = {
    "you": "bold",
    "operator": "cyan",
    "registry": "blue",
    "pod": "magenta",
    "fault": "bold red",
}
_TONES: Final = {Tone.GOOD: "green", Tone.WAITING: "yellow", Tone.BAD: "yellow", Tone.PLAIN: "default"}

"""What a record tells of each Agent, as pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from agentctl_core import PatchStatus
from agentctl_core.testing.replay import Record

from ._page import Part
from ._picture import MOST_FIRST, MOST_LAST, draw
from ._story import Entry, Story

Json: TypeAlias = Mapping[str, Any]

MOST_AGENTS: Final = 20
"""How many Agents are drawn on one page: those first of whom a decision differs, then those with the most of them."""


class Album:
    """Collects the story of each Agent in a record."""

    def __init__(self) -> None:
        self._agents: dict[str, _Recorded] = {}

    def add(self, name: str, record: Record, differences: Sequence[tuple[str, Json]]) -> None:
        """Take a decision in.

        Args:
            name: of its Agent.
            record: the decision.
            differences: in what it is another now, each in words and as JSON.
        """
        agent = self._agents.get(name)
        if agent is None:
            agent = self._agents[name] = _Recorded(record.observed.now)
        agent.add(record, differences)

    def parts(self) -> list[Part]:
        """Return the pictures."""
        found = sorted(self._agents.items(), key=lambda item: (not item[1].differing, -item[1].decisions, item[0]))
        shown = found[:MOST_AGENTS]
        share = max(1, len(shown))
        return [agent.part(name, MOST_FIRST // share, MOST_LAST // share) for name, agent in shown]

    def left_out(self) -> str:
        """Return which Agents are not drawn, for people."""
        count = len(self._agents) - MOST_AGENTS
        return f"{count:,} more Agents are in the record, and not in this page." if count > 0 else ""


class _Recorded:
    """The story of one Agent."""

    def __init__(self, start: datetime) -> None:
        self.decisions = self.differing = 0
        self._entries: list[Entry] = []
        self._start = self._now = start
        self._story = Story(self._seconds, self._entries.append)

    def add(self, record: Record, differences: Sequence[tuple[str, Json]]) -> None:
        self.decisions += 1
        self.differing += bool(differences)
        self._now = record.observed.now
        self._story.saw_pod(_pod_of(record))
        self._story.saw_agent(record.manifest)
        for action in record.actions:
            self._story.decided([action])
            if isinstance(action, PatchStatus):
                self._story.saw_agent({"status": action.status})
        for told, detail in differences:
            self._story.differs(told, detail)

    def _seconds(self) -> float:
        return (self._now - self._start).total_seconds()

    def part(self, name: str, first: int, last: int) -> Part:
        told = f"{self.decisions:,} decisions, {self.differing:,} differ"
        picture = draw(self._entries, first=first, last=last)
        return Part(name, f"{told}; from {self._start.isoformat()}", not self.differing, picture)


def _pod_of(record: Record) -> Json | None:
    metadata: Json = record.manifest.get("metadata") or {}
    for item in record.observed.objects:
        named: Json = item.get("metadata") or {}
        if item.get("kind") == "Pod" and named.get("name") == metadata.get("name"):
            return item
    return None

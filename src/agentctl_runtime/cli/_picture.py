"""A story laid out as a picture: lanes from the top, time from the left. Pure data, which `_page` writes as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from math import log2
from typing import Final

from attrs import evolve, frozen

from ._story import Entry
from ._times import length_in_words

MOST_FIRST: Final = 700
MOST_LAST: Final = 300
"""How many entries of a long story are drawn, of its begin and of its end."""

_HAPPENS: Final = "User, faults"
_OPERATOR: Final = "Operator"
_LANES: Final = {
    "you": _HAPPENS,
    "fault": _HAPPENS,
    "operator": _OPERATOR,
    "registry": _OPERATOR,
    "pod": "Pod",
    "replay": "Differs",
}
"""The lanes of who is not in one of its kind's name, as conditions are."""
_TAIL: Final = 4.0
_GAP: Final = 4.0
_SECOND: Final = 1.4
_LABEL: Final = 2.6
"""Widths in units: a unit is what one mark takes."""


@frozen(unsafe_hash=False, kw_only=True)
class Step:
    """An entry where it is drawn.

    Attributes:
        number: from 0, in order; its name in the page.
        entry: what happened.
        left, right: where it is drawn, in units from the left end; a mark's ends are the same.
        until: when what it tells ceased to hold, in seconds; None for a mark, and where it holds to the end.
    """

    number: int
    entry: Entry
    left: float
    right: float
    until: float | None = None


@frozen(unsafe_hash=False)
class Lane:
    """One row of the picture: its name and its steps, in order."""

    name: str
    steps: Sequence[Step]


@frozen
class Tick:
    """A moment with a line down all lanes.

    Attributes:
        left: where, in units.
        text: the time, as it stands on the axis; empty where there is no room.
        is_fault: whether something goes wrong at it.
    """

    left: float
    text: str
    is_fault: bool = False


@frozen(unsafe_hash=False, kw_only=True)
class Picture:
    """A picture.

    Attributes:
        width: in units.
        lanes: from the top.
        steps: all of them, as they happened.
        ticks: of the axis.
        gap: from where to where something is left out, in units; None where all is drawn.
        left_out: what is.
    """

    width: float
    lanes: Sequence[Lane]
    steps: Sequence[Step]
    ticks: Sequence[Tick]
    gap: tuple[float, float] | None = None
    left_out: str = ""


def draw(entries: Sequence[Entry], *, first: int = MOST_FIRST, last: int = MOST_LAST) -> Picture:
    """Lay a story out.

    The axis is no ruler: what happens at one moment stands side by side, in order, and a wait grows with its logarithm.

    Args:
        entries: what happened, in order.
        first: how many are drawn from the begin, where there are more than `first` and `last` together.
        last: how many from the end; of those between are drawn the states that hold where these begin.
    """
    count = len(entries) - first - last
    if count <= 0:
        return _draw(entries)
    held = _held(entries[first:-last])
    between = f"from {length_in_words(entries[first].at)} to {length_in_words(entries[-last].at)}"
    told = f"{count - len(held):,} of {len(entries):,} steps are left out, {between}."
    between_them = range(first, first + len(held))
    return evolve(_draw([*entries[:first], *held, *entries[-last:]], between_them), left_out=told)


def lane_of(entry: Entry) -> str:
    """Return the name of the lane that an entry is drawn in."""
    return _LANES.get(entry.who, entry.kind)


def _held(entries: Iterable[Entry]) -> list[Entry]:
    """Return the last entry of each state, in their order."""
    last = {lane_of(entry): entry for entry in entries if entry.state is not None}
    return sorted(last.values(), key=lambda entry: entry.at)


def _draw(entries: Sequence[Entry], held: range | None = None) -> Picture:
    """Lay entries out; before those that are `held`, something is left out."""
    places = list(_places(entries, None if held is None else held.start))
    width = (places[-1] if places else 0) + _TAIL
    steps = [Step(number=n, entry=e, left=x, right=x) for n, (e, x) in enumerate(zip(entries, places, strict=True))]
    gap = None if held is None else (places[held.start] - _GAP, places[held.start])
    lanes: dict[str, list[Step]] = {_HAPPENS: [], _OPERATOR: [], "Differs": [], "Pod": []}
    for step in steps:
        lanes.setdefault(lane_of(step.entry), []).append(step)
    drawn = [
        Lane(name, list(_with_ends(found, width, gap, held or range(0)))) for name, found in lanes.items() if found
    ]
    numbered = {step.number: step for lane in drawn for step in lane.steps}
    return Picture(
        width=width,
        lanes=drawn,
        steps=[numbered.get(step.number, step) for step in steps],
        ticks=list(_ticks(steps)),
        gap=gap,
    )


def _places(entries: Sequence[Entry], after_gap: int | None) -> Iterator[float]:
    """Yield where each entry is drawn: what shows what was just done stands below it, all else to its right."""
    place = 0.0
    used: set[str] = set()
    before: Entry | None = None
    for number, entry in enumerate(entries):
        lane = lane_of(entry)
        if before is not None and (entry.at != before.at or entry.state is None or lane in used or number == after_gap):
            place += 1 + _GAP if number == after_gap else 1 + _SECOND * log2(1 + max(0.0, entry.at - before.at))
            used = set()
        used.add(lane)
        before = entry
        yield place


def _with_ends(steps: Sequence[Step], width: float, gap: tuple[float, float] | None, held: range) -> Iterator[Step]:
    """Yield the marks, and the states with the place where the next one takes over; of none there is no bar."""
    for step, following in pairwise([*steps, None]):
        if step is None or step.entry.state == "":
            continue
        if step.entry.state is None:
            yield step
        elif following is None:
            yield evolve(step, right=width)
        else:
            # Others came in between where the next one is but what held at last.
            right = gap[0] if gap is not None and following.number in held else following.left
            yield evolve(step, right=right, until=following.entry.at)


def _ticks(steps: Sequence[Step]) -> Iterator[Tick]:
    """Yield each moment once, and where something goes wrong in it."""
    written = -_LABEL
    before: float | None = None
    for step in steps:
        is_fault = step.entry.who in ("fault", "replay")
        if step.entry.at != before and step.left - written >= _LABEL:
            written = step.left
            yield Tick(step.left, length_in_words(step.entry.at), is_fault)
        elif step.entry.at != before or is_fault:
            yield Tick(step.left, "", is_fault)
        before = step.entry.at

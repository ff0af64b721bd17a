"""Where each step of a story is drawn."""

from __future__ import annotations

from typing import Any

from agentctl_runtime.cli._picture import Picture, draw
from agentctl_runtime.cli._story import Entry


def entry(at: float, who: str, state: str | None = None, kind: str = "Ready") -> Entry:
    return Entry(at=at, who=who, what=f"{who} at {at}", kind=kind, state=state)


def lanes(picture: Picture) -> dict[str, list[int]]:
    return {lane.name: [step.number for step in lane.steps] for lane in picture.lanes}


def span(picture: Picture, number: int) -> Any:
    return next((s.left, s.right) for lane in picture.lanes for s in lane.steps if s.number == number)


STORY = [
    entry(0, "you"),
    entry(0, "operator"),
    entry(0, "pod", "Pending"),
    entry(0, "operator"),
    entry(0, "condition", "False (PodPending)"),
    entry(0, "condition", "True (Accepted)", "Accepted"),
    entry(3, "pod", "Running"),
    entry(3, "fault"),
    entry(3, "pod", ""),
    entry(3, "condition", "False (Gone)"),
]


def test_each_has_a_lane_and_those_without_steps_are_not_there() -> None:
    picture = draw(STORY)
    assert lanes(picture) == {
        "User, faults": [0, 7],
        "Operator": [1, 3],
        "Pod": [2, 6],
        "Ready": [4, 9],
        "Accepted": [5],
    }
    assert [step.entry for step in picture.steps] == STORY


def test_what_follows_stands_to_the_right_and_what_shows_it_below() -> None:
    picture = draw(STORY)
    left = [step.left for step in picture.steps]
    assert left == sorted(left)
    assert left[1] == left[2]  # the pod shows what the operator did
    assert left[3] == left[4] == left[5]
    assert left[0] < left[1] < left[3] < left[6] < left[7] == left[8] == left[9]


def test_a_wait_takes_more_room_the_longer_it_is_and_less_than_it_is() -> None:
    short, long, longest = (draw([entry(0, "you"), entry(at, "you")]).steps[1].left for at in (1, 10, 1000))
    assert 2 < short < long < 10
    assert long < longest < 30


def test_a_state_lasts_until_the_next_one_and_a_mark_is_a_moment() -> None:
    picture = draw(STORY)
    left = [step.left for step in picture.steps]
    assert span(picture, 2) == (left[2], left[6])
    assert span(picture, 6) == (left[6], left[8])  # the pod is gone: no bar follows
    assert span(picture, 9) == (left[9], picture.width)
    assert span(picture, 0) == (0, 0)
    assert [step.until for step in picture.steps] == [None, None, 3, None, 3, None, 3, None, None, None]


def test_moments_stand_on_the_axis_where_there_is_room_and_faults_have_a_line() -> None:
    ticks = draw(STORY).ticks
    assert [(tick.text, tick.is_fault) for tick in ticks] == [("0 s", False), ("3 s", False), ("", True)]
    near = draw([entry(0, "you"), entry(0.1, "you"), entry(9, "you")]).ticks
    assert [tick.text for tick in near] == ["0 s", "", "9 s"]


def test_of_a_long_story_the_middle_is_left_out_and_said_to_be() -> None:
    story = [entry(n, "condition", f"state {n}", "Ready" if n % 2 else "Accepted") for n in range(100)]
    picture = draw(story, first=10, last=5)
    assert [step.entry.at for step in picture.steps] == [*range(10), 93, 94, *range(95, 100)]
    assert picture.left_out == "83 of 100 steps are left out, from 10 s to 1 m 35 s."
    assert picture.gap is not None
    begin, end = picture.gap
    assert span(picture, 8)[1] == span(picture, 9)[1] == begin
    assert begin > span(picture, 9)[0]
    assert span(picture, 10)[0] == end


def test_a_story_that_is_short_enough_is_drawn_whole() -> None:
    picture = draw(STORY, first=5, last=5)
    assert (len(picture.steps), picture.gap, picture.left_out) == (10, None, "")
    assert draw([]).lanes == []

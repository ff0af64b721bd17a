"""Conditions as in Kubernetes' API conventions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from agentctl_core._conditions import (
    MESSAGE_MAX_LENGTH,
    Verdict,
    conditions_of,
    not_ready,
    refused,
    with_times,
)

from .builders import NOW, NOW_TEXT
from .strategies import any_json

EARLIER = "2026-01-30T08:00:00Z"
READY = Verdict("Ready", "True", "PodReady", "m")


@pytest.mark.parametrize(
    ("former", "since"),
    [
        (None, NOW_TEXT),
        ({"status": "True", "lastTransitionTime": EARLIER}, EARLIER),
        ({"status": "True", "lastTransitionTime": EARLIER, "reason": "Other", "message": "other"}, EARLIER),
        ({"status": "False", "lastTransitionTime": EARLIER}, NOW_TEXT),
        ({"status": "True"}, NOW_TEXT),
        ({"status": "True", "lastTransitionTime": "2026-01-30"}, NOW_TEXT),
        ({"status": True, "lastTransitionTime": EARLIER}, NOW_TEXT),
    ],
)
def test_the_time_is_kept_as_long_as_the_status_is(former: Any, since: str) -> None:
    assert with_times(READY, former, {"observedGeneration": 3}, NOW) == {
        "type": "Ready",
        "status": "True",
        "reason": "PodReady",
        "message": "m",
        "lastTransitionTime": since,
        "observedGeneration": 3,
    }


def test_messages_have_a_length_and_can_be_sent() -> None:
    assert refused("R", "x" * MESSAGE_MAX_LENGTH).message == "x" * MESSAGE_MAX_LENGTH
    long = not_ready("R", "x" * (MESSAGE_MAX_LENGTH + 1)).message
    assert (len(long), long[-4:]) == (MESSAGE_MAX_LENGTH, "x...")
    assert refused("R", "a\ud800b").message == "a?b"


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ([], None),
        ([{"type": "Ready", "status": "True", "reason": "PodReady", "message": "m"}], READY),
        ([{"type": "Other"}, {"type": "Ready", "status": "True", "reason": "PodReady", "message": "m"}], READY),
        ([{"type": "Ready", "status": "True", "reason": "PodReady"}], None),
        ([{"type": "Ready", "status": True, "reason": "PodReady", "message": "m"}], None),
    ],
)
def test_a_condition_is_found_where_it_is_whole(conditions: Any, found: Verdict | None) -> None:
    assert conditions_of({"status": {"conditions": conditions}}).get("Ready") == found


@given(any_json)
def test_nothing_makes_the_search_raise(value: Any) -> None:
    conditions_of({"status": {"conditions": value}})
    conditions_of({"status": value})

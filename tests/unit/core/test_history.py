"""The past of an Agent is read from its status, and written there again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from agentctl_core._conditions import Verdict
from agentctl_core._history import Failure, History, recall

from .builders import NOW, NOW_TEXT, Json, an_agent
from .strategies import any_json, damaged

EARLIER = "2026-01-31T08:00:00Z"
BEFORE = datetime(2026, 1, 31, 8, tzinfo=UTC)
TERMINATION: Json = {
    "podUID": "uid-1",
    "containerName": "agent",
    "exitCode": 137,
    "reason": "OOMKilled",
    "message": "killed",
    "finishedAt": EARLIER,
}
STATUS: Json = {
    "currentRevision": "abc",
    "startTime": EARLIER,
    "completionTime": NOW_TEXT,
    "failures": 2,
    "lastFailure": {"podUID": "uid-1", "time": EARLIER, "reason": "OOMKilled"},
    "lastTermination": TERMINATION,
}
FINISHED: Json = {"type": "Finished", "status": "True", "reason": "Failed", "message": "m"}
WHOLE = History(
    revision="abc",
    failures=2,
    started=BEFORE,
    completed=NOW,
    finished=Verdict("Finished", "True", "Failed", "m"),
    last_failure=Failure("uid-1", BEFORE, "OOMKilled"),
    last_termination=TERMINATION,
)


def recalled(**status: Any) -> History:
    return recall(an_agent(status=status))


def test_a_whole_history_is_read() -> None:
    assert recalled(**STATUS, conditions=[FINISHED]) == WHOLE


def test_a_whole_history_is_written_besides_its_condition() -> None:
    assert WHOLE.to_status() == STATUS


@pytest.mark.parametrize("manifest", [an_agent(), an_agent(status={}), an_agent() | {"status": None}, {}])
def test_a_new_agent_has_no_past(manifest: Json) -> None:
    assert recall(manifest) == History()


def test_of_no_past_nothing_is_written() -> None:
    assert History().to_status() == {}


def test_what_is_written_belongs_to_its_receiver() -> None:
    WHOLE.to_status()["lastTermination"].clear()
    WHOLE.to_status()["lastFailure"].clear()
    assert WHOLE.to_status() == STATUS


# Each field alone


@pytest.mark.parametrize(
    ("failures", "read"),
    [(0, 0), (1, 1), (-1, 0), (2**63 - 1, 2**63 - 1), (2**63, 0), (True, 0), ("2", 0), (2.0, 0), (None, 0)],
)
def test_failures_are_a_number_that_is_not_negative(failures: Any, read: int) -> None:
    assert recalled(failures=failures) == History(failures=read)


@pytest.mark.parametrize("bad", [None, 5, "yesterday", "", "2026-02-31T00:00:00Z", {}])
def test_a_time_that_is_none_is_forgotten(bad: Any) -> None:
    assert recalled(**STATUS | {"startTime": bad, "completionTime": bad}) == evolve(
        WHOLE, started=None, completed=None, finished=None
    )
    assert recalled(lastFailure={"podUID": "uid-1", "time": bad, "reason": "Error"}) == History()
    assert recalled(lastTermination=TERMINATION | {"finishedAt": bad}).last_termination == {
        name: value for name, value in TERMINATION.items() if name != "finishedAt"
    }


@pytest.mark.parametrize("bad", [None, 5, [], "\ud800"])
def test_a_revision_that_is_no_text_is_forgotten(bad: Any) -> None:
    assert recalled(currentRevision=bad) == History()


@pytest.mark.parametrize(
    ("condition", "is_finished"),
    [
        (FINISHED, True),
        (FINISHED | {"status": "False"}, False),
        (FINISHED | {"status": "Unknown"}, False),
        (FINISHED | {"status": True}, False),
        (FINISHED | {"type": "Failed"}, False),
        (FINISHED | {"message": None}, False),
    ],
)
def test_it_is_finished_where_the_condition_is_true(condition: Json, *, is_finished: bool) -> None:
    ready = {"type": "Ready", "status": "True", "reason": "PodReady", "message": ""}
    assert recalled(conditions=[ready, condition]).finished == (WHOLE.finished if is_finished else None)


@pytest.mark.parametrize(
    ("failure", "read"),
    [
        ({"podUID": "uid-1", "time": EARLIER, "reason": "Error"}, Failure("uid-1", BEFORE, "Error")),
        ({"podUID": "uid-1", "time": EARLIER}, Failure("uid-1", BEFORE, "")),
        ({"podUID": "uid-1", "time": EARLIER, "reason": 5}, Failure("uid-1", BEFORE, "")),
        ({"podUID": "", "time": EARLIER}, Failure("", BEFORE, "")),
        ({"podUID": None, "time": EARLIER, "reason": "Error"}, None),
        ({"time": EARLIER, "reason": "Error"}, None),
        ({"podUID": "uid-1", "reason": "Error"}, None),
        ([], None),
        ("uid-1", None),
    ],
)
def test_a_failure_has_a_pod_and_a_time(failure: Any, read: Failure | None) -> None:
    assert recalled(lastFailure=failure) == History(last_failure=read)


@pytest.mark.parametrize("name", list(TERMINATION))
@pytest.mark.parametrize("bad", [None, [], True])
def test_a_part_of_the_last_termination_that_is_malformed_is_forgotten(name: str, bad: Any) -> None:
    without = {key: value for key, value in TERMINATION.items() if key != name}
    assert recalled(lastTermination=TERMINATION | {name: bad}) == History(last_termination=without)
    assert recalled(lastTermination=without) == History(last_termination=without)


@pytest.mark.parametrize("said", [None, {}, [], "text", {"strange": 1}, {"exitCode": "137"}])
def test_a_last_termination_that_says_nothing_is_none(said: Any) -> None:
    assert recalled(lastTermination=said) == History()


def test_an_exit_code_of_0_is_kept() -> None:
    assert recalled(lastTermination={"exitCode": 0, "strange": 1}).to_status() == {"lastTermination": {"exitCode": 0}}


# Runs


@pytest.mark.parametrize("revision", ["abc", None])
def test_a_run_goes_on_with_its_revision(revision: str | None) -> None:
    assert WHOLE.of_run(revision) is WHOLE


def test_a_history_that_names_no_revision_is_one_of_any() -> None:
    unnamed = evolve(WHOLE, revision=None)
    assert unnamed.of_run("abc") is unnamed


def test_another_revision_begins_another_run() -> None:
    # The revision itself is that of the last pod until there is another.
    assert WHOLE.of_run("other") == evolve(WHOLE, failures=0, started=None, completed=None, finished=None)


# Whatever it is

moments = st.datetimes(timezones=st.just(UTC))
histories = st.builds(
    History,
    revision=st.none() | st.text(max_size=5),
    failures=st.integers(0, 9),
    started=st.none() | moments,
    completed=st.none() | moments,
    finished=st.none(),
    last_failure=st.none() | st.builds(Failure, st.text(max_size=5), moments, st.text(max_size=5)),
    last_termination=st.none() | st.just(TERMINATION) | st.just({"exitCode": 0}),
)


@given(histories)
def test_what_is_written_is_read_again_to_the_second(history: History) -> None:
    again = recall({"status": history.to_status()})
    failure, read = history.last_failure, again.last_failure
    assert (failure is None) == (read is None)
    if failure is not None and read is not None:
        assert timedelta() <= failure.time - read.time < timedelta(seconds=1)
    assert recall({"status": again.to_status()}) == again
    assert again.to_status() == history.to_status()


@given(any_json | damaged(st.just(STATUS | {"conditions": [FINISHED]})))
def test_nothing_makes_the_reading_raise_and_what_is_read_is_read_again(status: Any) -> None:
    read = recall({"status": status})
    assert evolve(recall({"status": read.to_status()}), finished=read.finished) == read

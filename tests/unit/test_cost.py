"""What decisions cost is what is written down, or less: a regression of more than a tenth is seen here."""

from __future__ import annotations

from bench.instructions import instructions, measured, read_baseline, regressions, version


def test_no_decision_costs_a_tenth_more_than_is_written_down() -> None:
    found = regressions(measured(), read_baseline(), version())
    assert found == [], "where it is meant so: python -m bench.instructions --write"


def test_what_is_counted_is_the_work_and_not_the_time() -> None:
    def work(times: int) -> int:
        return sum(len(str(number)) for number in range(times))

    once, again, more = (instructions(lambda times=times: work(times)) for times in (100, 100, 200))  # type: ignore[misc]
    assert once == again
    assert 1.9 < more / once < 2


def test_a_regression_is_told_by_its_name() -> None:
    written = {"3.11": {"a": 100, "b": 100}}
    assert regressions({"a": 110, "b": 111}, written, "3.11") == ["b: 111, which is 1.11 times the 100 written down"]
    assert regressions({"a": 125, "b": 90}, written, "3.99") == []
    assert regressions({"a": 126, "b": 90}, written, "3.99") != []

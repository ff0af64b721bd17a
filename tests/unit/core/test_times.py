"""Moments are written as metav1.Time, and read as any RFC 3339 text."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl_core._times import is_timestamp, parse_timestamp, timestamp

from .builders import NOW, NOW_TEXT


class Autumn(tzinfo):
    """A zone in the hour that comes twice."""

    def utcoffset(self, dt: datetime | None) -> timedelta:
        return timedelta(hours=2 if dt is None or not dt.fold else 1)

    def dst(self, dt: datetime | None) -> timedelta:
        return self.utcoffset(dt) - timedelta(hours=1)

    def tzname(self, dt: datetime | None) -> str:  # noqa: ARG002 -- as every zone has it
        return "autumn"


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    zone = Autumn()
    twice = [datetime(2025, 10, 26, 2, 30, tzinfo=zone, fold=fold) for fold in (0, 1)]
    assert [timestamp(moment) for moment in twice] == ["2025-10-26T00:30:00Z", "2025-10-26T01:30:00Z"]


def test_a_moment_is_written_in_utc_with_whole_seconds() -> None:
    assert timestamp(NOW) == NOW_TEXT
    assert timestamp(NOW.replace(microsecond=999_999)) == NOW_TEXT
    assert timestamp(NOW.astimezone(timezone(timedelta(hours=-7)))) == NOW_TEXT
    assert timestamp(datetime(987, 1, 2, 3, 4, 5, 999, tzinfo=UTC)) == "0987-01-02T03:04:05Z"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (NOW_TEXT, NOW),
        ("2026-01-31T12:00:00+00:00", NOW),
        ("2026-01-31T13:30:00+01:30", NOW),
        ("2026-01-31T05:00:00-07:00", NOW),
        ("2026-01-31T12:00:00.25Z", NOW.replace(microsecond=250_000)),
        ("2026-01-31T12:00:00.123456789Z", NOW.replace(microsecond=123_456)),
        ("0001-01-01T00:00:00Z", datetime.min.replace(tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_whatever_its_zone_and_its_fractions(text: str, moment: datetime) -> None:
    assert is_timestamp(text)
    read = parse_timestamp(text)
    assert read == moment
    assert read is not None
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00Z",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00:00z",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00+0100",
        "2026-01-31T12:00:00Z\n",
        " 2026-01-31T12:00:00Z",
        "20260131T120000Z",
        "٢٠٢٦-01-31T12:00:00Z",
    ],
)
def test_what_only_resembles_a_moment_is_none(text: str) -> None:
    assert not is_timestamp(text)
    assert parse_timestamp(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-31T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-01-31T25:00:00Z",
        "2026-01-31T12:00:60Z",
        "2026-01-31T12:00:00+99:99",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_what_looks_like_a_moment_that_never_was_is_none(text: str) -> None:
    assert is_timestamp(text)
    assert parse_timestamp(text) is None


def test_without_a_text_there_is_no_moment() -> None:
    assert parse_timestamp(None) is None


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_is_read_again_to_the_second(moment: datetime) -> None:
    assert is_timestamp(timestamp(moment))
    assert parse_timestamp(timestamp(moment)) == moment.replace(microsecond=0)


@given(st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    parse_timestamp(text)


def test_a_moment_is_written_in_utc_wherever_the_host_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert timestamp(datetime(2026, 1, 31, 17, tzinfo=timezone(timedelta(hours=5)))) == "2026-01-31T12:00:00Z"
    finally:
        monkeypatch.undo()
        time.tzset()

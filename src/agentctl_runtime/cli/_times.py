"""Lengths of time as people write them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final

import click

_FORM: Final = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")
_MOST: Final = timedelta(days=30)


def length_of(text: str) -> timedelta:
    """Return a length of time such as 30s, 1m30s or 2h. Raises ValueError: it is none, or longer than 30 days."""
    found = _FORM.fullmatch(text)
    if not text or found is None:
        raise ValueError(f"{text!r} is no length of time; write for example 30s, 1m30s or 2h")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    try:
        length = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        length = timedelta.max
    if length > _MOST:
        raise ValueError(f"{text} is more than 30 days")
    return length


class Length(click.ParamType[timedelta]):
    """The type of an option that takes a length of time."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        try:
            return value if isinstance(value, timedelta) else length_of(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def length_in_words(seconds: float) -> str:
    """Return a length of time as people read it: 0.25 s, 30 s, 1 m 30 s, 2 h 5 m."""
    if seconds < _MINUTE:
        return f"{seconds:.2f}".rstrip("0").rstrip(".") + " s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "m"), (rest, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


_MINUTE: Final = 60

"""What befalls a simulated Agent, as options say it: `--faults pod-killed@30s,conflict` and `--change FILE@1m`."""

from __future__ import annotations

from datetime import timedelta
from difflib import get_close_matches
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from agentctl_core.testing import FAULTS
from agentctl_core.testing.simulation import Event

from ._times import length_of

RANDOM: Final = "random"
KNOWN: Final = {name: fault.told for name, fault in FAULTS.items() if name != "edit"}
"""The faults that can be asked for, with what happens: `edit` is `--change`."""


class FaultList(click.ParamType[tuple[Event, ...]]):
    """The type of `--faults`: names, each with @TIME where it is not to happen at once, between commas."""

    name = "NAME[@TIME],..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Event, ...]:
        if isinstance(value, tuple):  # converted already
            return value  # pyright: ignore[reportUnknownVariableType]
        try:
            return tuple(_event(part.strip()) for part in value.split(","))
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[Any]]:  # noqa: ARG002 -- click's
        before, comma, begun = incomplete.rpartition(",")
        names = {RANDOM: "some of these", **KNOWN}
        return [
            CompletionItem(f"{before}{comma}{name}", help=told)
            for name, told in names.items()
            if name.startswith(begun)
        ]


class Change(click.ParamType[tuple[str, timedelta]]):
    """The type of `--change`: FILE@TIME."""

    name = "FILE@TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, timedelta]:
        if isinstance(value, tuple):  # converted already
            return value  # pyright: ignore[reportUnknownVariableType]
        file, at, time = value.rpartition("@")
        if not at or not file:
            self.fail(f"{value!r} does not say when; write for example new.yaml@1m", param, ctx)
        try:
            return file, length_of(time)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _event(text: str) -> Event:
    name, at, time = text.partition("@")
    if name == RANDOM:
        if at:
            raise ValueError("random faults have their times by themselves, from --seed: write random alone")
        return Event(timedelta(), RANDOM)
    if name not in KNOWN:
        near = get_close_matches(name, KNOWN, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {RANDOM}, {', '.join(KNOWN)}"
        raise ValueError(f"no fault is named {name!r}; {hint}")
    return Event(length_of(time) if at else timedelta(), name)

"""What a feature hands in: parts of the pod, each with the field that asked for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from attrs import frozen

from ._agent import Agent
from ._config import Config
from ._schema import format_path, key_segment


@frozen(unsafe_hash=False)
class Item:
    """One named part of the pod.

    `path` is the field of the Agent that asked for it, or `agentctl` for the operator's own.
    Two items of one sort and one name are a clash: both paths are told.
    """

    path: str
    name: str
    value: Any


@frozen(kw_only=True, unsafe_hash=False)
class Contribution:
    """Everything that one feature adds to the pod."""

    labels: tuple[Item, ...] = ()
    annotations: tuple[Item, ...] = ()
    containers: tuple[Item, ...] = ()


Feature: TypeAlias = Callable[[Agent, Config], Contribution]

OPERATOR = "agentctl"
"""The path of what no field asked for."""


def items(path: str, values: Mapping[str, Any]) -> tuple[Item, ...]:
    """Return an item for each entry of a map field at `path`."""
    return tuple(
        Item(format_path(((None, path), key_segment(name, in_map=True))), name, value)
        for name, value in sorted(values.items())
    )

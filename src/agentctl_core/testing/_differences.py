"""In what two plans differ: which action appears, disappears or changes, and where."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from enum import Enum
from typing import Any, Final, cast

from attrs import frozen

from .._actions import Action, Create, EmitEvent, Requeue, ResolveImage
from .._json import reach
from ._encoding import encode_action


class Absent(Enum):
    """What stands for a value that is not there; null is one that is."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@frozen(unsafe_hash=False)
class Change:
    """One place where two values differ.

    Attributes:
        path: for example `spec.containers[0].image`; keys that are no plain names stand in brackets.
        before, after: the values there; `ABSENT` where there is none.
    """

    path: str
    before: Any
    after: Any


@frozen(unsafe_hash=False)
class Difference:
    """One action in which two plans differ.

    Attributes:
        path: where it stands, for example `actions[1]`: in the plan before, or where it appears, in the one after.
        before: None where the action appears.
        after: None where it disappears.
        changes: where the two differ, with paths from `path` on; empty where there are not two.
    """

    path: str
    before: Action | None
    after: Action | None
    changes: tuple[Change, ...] = ()


def differences(before: Sequence[Action], after: Sequence[Action]) -> tuple[Difference, ...]:
    """Return in what two plans differ, in the order of the actions.

    An action of the same kind about the same object is the same action, changed; one that has moved within the plan
    disappears in one place and appears in the other, since order matters.
    """
    return tuple(_differences(before, after))


def _differences(before: Sequence[Action], after: Sequence[Action]) -> Iterator[Difference]:
    matcher = SequenceMatcher(None, [*map(_subject, before)], [*map(_subject, after)], autojunk=False)
    for tag, low, high, begin, end in matcher.get_opcodes():
        if tag == "equal":
            for index in range(high - low):
                mine, theirs = before[low + index], after[begin + index]
                found = tuple(changes(encode_action(mine), encode_action(theirs)))
                if found:
                    yield Difference(f"actions[{low + index}]", mine, theirs, found)
            continue
        yield from (Difference(f"actions[{index}]", before[index], None) for index in range(low, high))
        yield from (Difference(f"actions[{index}]", None, after[index]) for index in range(begin, end))


def _subject(action: Action) -> str:
    """Return what an action is about: what is the same here is compared, not told as two actions."""
    match action:
        case Create(manifest):
            metadata = reach(manifest, "metadata")
            named = [reach(manifest, "apiVersion"), reach(manifest, "kind")]
            about: object = [*named, reach(metadata, "namespace"), reach(metadata, "name")]
        case EmitEvent(reason=reason):
            about = reason
        case ResolveImage(image):
            about = image
        case Requeue():
            about = None
        case _:
            about = str(action.ref)
    return f"{type(action).__name__} {_canonical(about)}"


def changes(before: Any, after: Any, path: str = "") -> Iterator[Change]:
    """Yield the places where two JSON values differ; numbers are compared by value, and booleans are none."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        mine, theirs = cast("Mapping[str, Any]", before), cast("Mapping[str, Any]", after)
        for key in sorted({*mine, *theirs}):
            yield from changes(mine.get(key, ABSENT), theirs.get(key, ABSENT), joined(path, key))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _in_lists(cast("list[object]", before), cast("list[object]", after), path)
    elif isinstance(before, bool) is not isinstance(after, bool) or _is_other(cast("object", before), after):
        yield Change(path, before, after)


def _in_lists(before: list[object], after: list[object], path: str) -> Iterator[Change]:
    """Yield the differences of two lists: what was put in between does not make all that follows another."""
    matcher = SequenceMatcher(None, [*map(_canonical, before)], [*map(_canonical, after)], autojunk=False)
    for tag, low, high, begin, end in matcher.get_opcodes():
        if tag == "equal":
            continue
        pairs = min(high - low, end - begin)
        for index in range(pairs):
            yield from changes(before[low + index], after[begin + index], f"{path}[{low + index}]")
        yield from (Change(f"{path}[{index}]", before[index], ABSENT) for index in range(low + pairs, high))
        yield from (Change(f"{path}[{index}]", ABSENT, after[index]) for index in range(begin + pairs, end))


def _is_other(before: object, after: object) -> bool:
    """Tell whether two values differ; NaN, which equals nothing, not even itself, is the same as NaN here."""
    if isinstance(before, float) and isinstance(after, float) and math.isnan(before) and math.isnan(after):
        return False
    return before != after


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def joined(path: str, key: str) -> str:
    """Return the path of a field: `path.key`, or `path[key]` where the key is no plain name."""
    if not _PLAIN_KEY.fullmatch(key):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key

"""What is done in a soak: drawn from a seed alone, so that the same seed does the same again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.agents import agent

Json = dict[str, Any]

NAMESPACES = 2
ALIVE = 10
"""About so many Agents there are in each namespace."""
NAMES = [f"a-{number}" for number in range(16)]
"""Fewer than are created: an Agent often follows another one of its name."""
CLAIMED = {"a-0": "Retain", "a-1": "Delete"}
"""Agents with a claim of their own, and what becomes of it."""
STORAGE_CLASS = "soak"
MOST_FAILURES = 2
"""Pods of one Agent that fail, at the most: its third one comes after 20 s, and each further one twice as late."""
PAUSE_SECONDS = 0.5
"""Between two steps, on average."""

SHORT_FAULTS = ("reset", "truncated", "slow", "429", "500", "503 text", "503 page", "cut", "end", "410", "refused")
LONG_FAULTS = ("silent", "unanswered")
"""The operator finds them out after 75 and 45 s: for a soak of that length there would be nothing else in it."""
LONG_SECONDS = 600
"""From this length on there are long faults as well."""


@dataclass(frozen=True)
class Step:
    """One thing that is done.

    Attributes:
        at: seconds after the beginning.
        kind: create, edit, scale, delete, kill pod, fail pod, kill operator, fault or calm.
        namespace: the number of the namespace; without meaning for faults and the operator.
        name: of the Agent, or of the fault.
        body: the manifest, the merge patch, or the options of a deletion.
    """

    at: float
    kind: str
    namespace: int = 0
    name: str = ""
    body: Json = field(default_factory=dict)


def seeded(seed: str) -> random.Random:
    """Return a source of chance that says the same for the same seed, in every process."""
    return random.Random(seed)  # noqa: S311 -- it is to be repeated, not to be safe


def plan(seed: int, seconds: float, kills_from: float) -> list[Step]:
    """Return all steps in order; the operator is killed from `kills_from` seconds on."""
    steps = [*_changes(seeded(f"{seed} changes"), seconds), *_faults(seeded(f"{seed} faults"), seconds)]
    steps += _kills(seeded(f"{seed} kills"), kills_from, seconds)
    return sorted(steps, key=lambda step: step.at)


def _changes(draw: random.Random, seconds: float) -> Iterator[Step]:
    alive: dict[tuple[int, str], int] = {}
    at = 0.0
    while (at := at + draw.expovariate(1 / PAUSE_SECONDS)) < seconds:
        namespace = draw.randrange(NAMESPACES)
        here = [name for number, name in alive if number == namespace]
        if draw.random() < 0.5 * (1.5 - len(here) / ALIVE):
            name = draw.choice([name for name in NAMES if name not in here])
            alive[namespace, name] = 0
            yield Step(at, "create", namespace, name, _new(draw, name))
            continue
        if not here:
            continue
        name = draw.choice(here)
        kinds = {"edit": 40, "scale": 20, "kill pod": 12, "fail pod": 6, "delete": 22}
        (kind,) = draw.choices(list(kinds), list(kinds.values()))
        body: Json = {}
        match kind:
            case "edit":
                body = {"spec": _edit(draw)}
            case "scale":
                body = {"spec": {"replicas": draw.choice([0, 1, 1])}}
            case "fail pod":
                alive[namespace, name] += 1
                if alive[namespace, name] > MOST_FAILURES:
                    continue
            case "delete":
                del alive[namespace, name]
                body = {"propagationPolicy": draw.choice(["Background", "Foreground"])}
            case _:
                pass
        yield Step(at, kind, namespace, name, body)


def _new(draw: random.Random, name: str) -> Json:
    spec: Json = draw.choice([{}, {}, {"service": _SERVICE}, {"files": _files(draw)}])
    if name in CLAIMED:
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        claim["storageClassName"] = STORAGE_CLASS
        spec = spec | {
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": CLAIMED[name]},
        }
    return agent(name, **spec)


_SERVICE: Json = {"ports": [{"name": "http", "port": 80}]}


def _files(draw: random.Random) -> list[Json]:
    return [{"path": "notes.txt", "content": f"number {draw.randrange(100)}"}]


_TWICE: list[Json] = [{"path": path, "content": "one place"} for path in ("same", "/agentctl/files/same")]
"""The API server takes it; the operator refuses it."""


def _edit(draw: random.Random) -> Json:
    number = draw.randrange(100)
    edits: list[Json] = [
        {"command": ["sleep", str(1000 + number)]},
        {"files": _files(draw)},
        {"files": None},
        {"service": _SERVICE},
        {"service": None},
        {"podTemplate": {"metadata": {"labels": {"number": str(number)}}}},
        {"resources": {"requests": {"cpu": f"{number + 1}m"}}},
        {"files": _TWICE},
        {"files": _files(draw)},
    ]
    return draw.choice(edits)


def _faults(draw: random.Random, seconds: float) -> Iterator[Step]:
    kinds = SHORT_FAULTS + (LONG_FAULTS if seconds >= LONG_SECONDS else ())
    at, left = 0.0, list[str]()
    while True:
        at += draw.uniform(2, 6)
        if not left:  # each comes once before any comes again
            left = draw.sample(kinds, len(kinds))
        end = at + draw.uniform(1, 4)
        if end >= seconds:
            return
        yield Step(at, "fault", name=left.pop())
        yield Step(end, "calm")
        at = end


def _kills(draw: random.Random, start: float, seconds: float) -> Iterator[Step]:
    at = start
    while (at := at + draw.uniform(4, 12)) < seconds:
        yield Step(at, "kill operator")

"""An Agent whose every call meets a fault, which those about the Agents beside it do not meet."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from tests.e2e.faults import Reaction
from tests.e2e.proxy import Seen

POISON = "poison"


def agent_of(seen: Seen) -> str | None:
    """Return the name of the Agent that a request is about; None for lists and watches.

    Only of Agents that have nothing but a pod, which bears their name, and Events.
    """
    parts = seen.resource.split("/")
    if seen.method == "POST":
        manifest = json.loads(seen.body)
        return str(manifest.get("regarding", manifest["metadata"])["name"])
    named = parts[parts.index("namespaces") + 3 :] if "namespaces" in parts else []
    return named[0] if named else None


def requests_about(name: str, requests: Iterable[Seen]) -> list[Seen]:
    """Return the requests about one Agent."""
    return [seen for seen in requests if agent_of(seen) == name]


def only_for_the_poison(fault: Callable[[], Reaction]) -> Callable[[Seen], Reaction | None]:
    """Return what a proxy does where that one Agent's requests alone meet the fault."""
    return lambda seen: fault() if agent_of(seen) == POISON else None


def conditions_written(seen: Seen) -> dict[str, dict[str, Any]]:
    """Return the conditions, by their types, that a request writes into an Agent's status."""
    if seen.method != "PATCH" or not seen.resource.endswith("/status"):
        return {}
    return {each["type"]: each for each in json.loads(seen.body)["status"].get("conditions", [])}

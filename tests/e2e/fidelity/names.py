"""One side's uids, resourceVersions and made-up names, each by the order in which it was first seen.

So two answers are compared whose ids differ: that a write changed the resourceVersion, and that two objects have one
uid, is seen by the names.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

Json: TypeAlias = dict[str, Any]

_UID: Final = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_VERSION_IN_TEXT: Final = re.compile(
    r"(?<=ResourceVersion in object meta: )\d+\b|(?<=record \()\d+(?=\))"
    r"|(?<=precondition \()\d+(?=\) does not match the Res)"
)
_GENERATED: Final = re.compile(r"\b(gen-\d+-)[a-z0-9]{5}\b")
_TOKEN_VOLUME: Final = re.compile(r"\bkube-api-access-[a-z0-9]{5}\b")
_NODE_PORT: Final = re.compile(r"(?<=Duplicate value: )3\d{4}\b|(?<=duplicate nodePort: \{TCP )3\d{4}\b")
_ADDRESS: Final = re.compile(r"\b10\.96\.\d+\.\d+\b")


class Names:
    """The names that one side's ids have in a sequence of operations."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._uids: dict[str, str] = {}
        self._versions: list[int] = []
        self._named: dict[int, str] = {}
        self._aliases: set[str] = set()

    def alias(self, number: int, other: int) -> None:
        """Let a resourceVersion have the name of another: the object is the same to the model."""
        self._named[number] = self._version(other)
        self._aliases.add(str(number))

    def is_alias(self, version: str) -> bool:
        """Tell whether a resourceVersion has the name of another."""
        return version in self._aliases

    def normal(self, value: Any, key: str = "") -> Any:
        """Return an answer with every id replaced by its name."""
        match value:
            case Mapping():
                return {k: self.normal(value[k], k) for k in sorted(value)}  # both sides name in one order
            case list():
                return [self.normal(child) for child in value]
            case str() if key == "resourceVersion" and value.isdecimal():
                return self._version(int(value))
            case str():
                return self._text(value)
            case _:
                return value

    def normal_dry(self, value: Any) -> Any:
        """Return the answer to a dry run likewise: an id that was made for it is forgotten."""
        known, versions, named = dict(self._uids), [*self._versions], dict(self._named)
        shown = self.normal(value)
        self._uids, self._versions, self._named = known, versions, named
        return shown

    def normal_list(self, value: Json) -> Json:
        """Return a list likewise: its version, that of the whole server, is compared with those of the objects."""
        items = self.normal(value["items"])
        version = value["metadata"]["resourceVersion"]
        latest = not self._versions or int(version) >= self._versions[-1]
        metadata = value["metadata"] | {"resourceVersion": "latest" if latest else "old"}
        return value | {"metadata": metadata, "items": items}

    def _text(self, text: str) -> str:
        text = text.replace(self._namespace, "<namespace>")
        text = _UID.sub(lambda match: self._uids.setdefault(match[0], f"<uid {len(self._uids)}>"), text)
        text = _VERSION_IN_TEXT.sub(lambda match: self._version(int(match[0])), text)
        text = _GENERATED.sub(r"\1<random>", text)
        text = _TOKEN_VOLUME.sub("kube-api-access-<random>", text)
        text = _NODE_PORT.sub("<node port>", text)
        return _ADDRESS.sub("<cluster ip>", text)

    def _version(self, number: int) -> str:
        """Return the name of a resourceVersion: `v3` is newer than all before; `v3+` came after v3 and is told late."""
        if number in self._named or number <= 1:
            return self._named.get(number, str(number))
        place = bisect_left(self._versions, number)
        if place == len(self._versions):
            name = f"v{len(self._versions)}"
        else:
            name = (self._named[self._versions[place - 1]] if place else "") + "+"
        self._versions.insert(place, number)
        self._named[number] = name
        return name

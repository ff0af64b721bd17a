"""Operations on the API: data, with places where each side puts in what it knows of its own objects.

A uid or a resourceVersion is another one on each side, so an operation names it: `{"$uid": "ConfigMap/a"}` stands for
the uid that this side last saw under that name, `{"$uid": "ConfigMap/a first"}` for the first one. Likewise `$version`
and `$since` (that of the last list, where nothing was seen). `{"$seen": "Pod/a", "patch": {...}}` is the object as it
was last seen, with a merge patch applied: what a client PUTs. `$continue` is the token of the last list.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from attrs import asdict, field, frozen

from agentctl_core import merge_patch
from agentctl_core.testing.rest import RESOURCES, Resource

Json: TypeAlias = dict[str, Any]

MERGE: Final = "application/merge-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"
JSON: Final = "application/json"
THIS: Final = "this"
"""The name of the sequence's own namespace."""
UNKNOWN_UID: Final = "11111111-2222-4333-8444-555555555555"
"""Stands for the uid, and 1 for the resourceVersion, of what was never seen."""
_BY_KIND: Final[Mapping[str, Resource]] = {resource.kind: resource for resource in RESOURCES}


def resource_of(kind: str) -> Resource:
    """Return the resource of a kind's name."""
    return _BY_KIND[kind]


@frozen(kw_only=True)
class Operation:
    """One request. `query` and `body` may hold places to be filled in.

    Attributes:
        verb: GET, LIST, WATCH, POST, PUT, PATCH or DELETE.
        kind: of the object, or the list.
        name: empty for LIST, WATCH and a POST to the collection.
        subresource: empty for the object itself.
        query: parameters of the URL.
        body: JSON; None sends none.
        content: the Content-Type of the body.
    """

    verb: str
    kind: str
    name: str = ""
    subresource: str = ""
    query: Mapping[str, Any] = field(factory=dict)
    body: Any = None
    content: str = JSON

    @property
    def shown(self) -> str:
        """The verb as it is counted: `PATCH status`."""
        return f"{self.verb} {self.subresource}".strip()

    @property
    def is_dry(self) -> bool:
        """Whether nothing is to be written."""
        in_body = self.verb == "DELETE" and isinstance(self.body, dict)
        return "dryRun" in (self.body if in_body else self.query)

    def method(self) -> str:
        """Return the HTTP method."""
        return "GET" if self.verb in ("LIST", "WATCH") else self.verb

    def path(self, namespace: str) -> str:
        """Return the path of the URL in a namespace."""
        resource = resource_of(self.kind)
        root = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
        within = f"/namespaces/{namespace}" if resource.namespaced else ""
        name = namespace if self.kind == "Namespace" and self.name == THIS else self.name
        parts = [resource.plural, *filter(None, (name, self.subresource))]
        return f"{root}{within}/{'/'.join(parts)}"


def to_line(operations: list[Operation]) -> str:
    """Return operations as one line of text."""
    defaults = asdict(Operation(verb="", kind=""))
    plain = [{key: value for key, value in asdict(one).items() if value != defaults[key]} for one in operations]
    return json.dumps(plain, separators=(",", ":"))


def from_line(text: str) -> list[Operation]:
    """Return the operations of a line."""
    return [Operation(**fields) for fields in json.loads(text)]


class Memory:
    """What one side has seen: the last state, the uids and the resourceVersions of each object."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self._seen: dict[str, Json] = {}
        self._uids: dict[str, list[str]] = {}
        self._versions: dict[str, list[str]] = {}
        self._superseded: dict[str, str] = {}
        self._list_version = "0"
        self._token = ""

    def learn(self, operation: Operation, answer: Any) -> None:
        """Remember the objects of an answer: one, or those of a list; and how new a list is that is the newest."""
        if not isinstance(answer, dict) or answer.get("kind") == "Status":
            return
        if "items" in answer:
            self._token = answer["metadata"].get("continue", "")
            if "resourceVersion" not in operation.query:
                self._list_version = answer["metadata"]["resourceVersion"]
            kind = str(answer["kind"]).removesuffix("List")
            for item in answer["items"]:
                self._learn(kind, item)
        elif "uid" in answer.get("metadata", ()) and answer.get("kind") in _BY_KIND:
            self._learn(str(answer["kind"]), answer)

    def _learn(self, kind: str, item: Json) -> None:
        metadata = item["metadata"]
        name = THIS if kind == "Namespace" and metadata["name"] == self.namespace else metadata["name"]
        key = f"{kind}/{name}"
        resource = resource_of(kind)
        # Items of a list of a built-in kind come without apiVersion and kind.
        self._seen[key] = {"apiVersion": resource.api_version, "kind": kind} | item
        for known, value in ((self._uids, metadata["uid"]), (self._versions, metadata["resourceVersion"])):
            values = known.setdefault(key, [])
            if value in values:
                values.remove(value)
            values.append(value)

    def seen(self, operation: Operation) -> Json | None:
        """Return the object that an operation is about, as it was last seen."""
        return self._seen.get(f"{operation.kind}/{operation.name}")

    def supersede(self, version: str, other: str) -> None:
        """Let a resourceVersion be the same as a later one: that is the precondition, and a watch begins from this."""
        self._superseded[version] = other

    def filled(self, value: Any) -> Any:
        """Return an operation's body or query with its places filled in."""
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        if not isinstance(value, dict):
            return value
        match value:
            case {"$uid": what}:
                return self._one(self._uids, what, UNKNOWN_UID)
            case {"$since": what}:
                version = self._one(self._versions, what, "")
                former = {later: earlier for earlier, later in self._superseded.items()}
                return _last(version, former) if version else self._list_version
            case {"$version": what}:
                return _last(self._one(self._versions, what, "1"), self._superseded)
            case {"$continue": _}:
                return self._token
            case {"$namespace": _}:
                return self.namespace
            case {"$seen": what, "patch": patch}:
                return merge_patch(self._seen.get(what, _nothing(what)), self.filled(patch))
            case _:
                return {key: self.filled(child) for key, child in value.items()}

    @staticmethod
    def _one(known: Mapping[str, list[str]], what: str, unknown: str) -> str:
        key, _, which = what.partition(" ")
        values = known.get(key) or [unknown]
        return values[0] if which == "first" else values[-1]


def _last(version: str, following: Mapping[str, str]) -> str:
    while version in following:
        version = following[version]
    return version


def _nothing(what: str) -> Json:
    kind, _, name = what.partition("/")
    resource = resource_of(kind)
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"name": name}}

"""Reading objects from files: manifests as people write them, and lists as `kubectl get -o yaml` prints them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, cast

import yaml

from ._store import Manifest

MOST_VALUES: Final = 5_000_000
"""On one level of nesting: aliases of YAML can stand for more than any computer holds."""
MOST_DEPTH: Final = 100
"""Levels of nesting: no object of Kubernetes' has as many."""


class BadDump(ValueError):  # noqa: N818 -- what it is
    """A file holds something that is no object; the message says where, and what is wrong."""


def read_dump(text: str, name: str) -> list[Manifest]:
    """Return the objects in a text: JSON, or YAML of several documents; those in lists, one by one.

    Namespaced objects that name no namespace are in `default`.

    Args:
        text: of the file.
        name: of the file, for messages.

    Raises:
        BadDump: it is neither, holds nothing, or holds something that is no object.
    """
    found: list[Manifest] = []
    is_empty = True
    for number, document in enumerate(_documents(text, name), 1):
        is_empty = False
        found += _objects(document, f"{name}: document {number}")
    if is_empty:
        raise BadDump(f"{name}: holds nothing; has the command that wrote it failed?")
    return found


def _documents(text: str, name: str) -> Iterator[object]:
    """Yield the documents that hold anything. JSON is read as what it is: YAML has other escapes, and is slow."""
    told: Exception | None = None
    if text.lstrip()[:1] in ("{", "["):
        try:
            yield _checked(json.loads(text))
        except (ValueError, RecursionError) as error:
            told = error  # YAML may be written in braces, too
        else:
            return
    try:
        yield from [_checked(document) for document in yaml.load_all(text, _Loader) if document is not None]
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise BadDump(f"{name}: no YAML: {error}{f'; and no JSON: {told}' if told else ''}") from error


def _objects(document: object, where: str) -> Iterator[Manifest]:
    if not isinstance(document, Mapping):
        raise BadDump(f"{where}: must be an object with apiVersion, kind and metadata")
    manifest = cast("Mapping[str, Any]", document)
    kind = manifest.get("kind")
    if isinstance(kind, str) and kind.endswith("List") and "items" in manifest:
        items: object = manifest["items"] or []
        if not isinstance(items, list):
            raise BadDump(f"{where}.items: must be a list")
        for index, item in enumerate(cast("list[object]", items)):
            yield from _objects(item, f"{where}.items[{index}]")
        return
    metadata: object = manifest.get("metadata")
    if not isinstance(manifest.get("apiVersion"), str) or not isinstance(kind, str):
        raise BadDump(f"{where}: has no apiVersion or no kind")
    if not isinstance(metadata, Mapping):
        raise BadDump(f"{where}: has no metadata")
    yield {**manifest, "metadata": _metadata(cast("Mapping[str, Any]", metadata), where)}


def _metadata(metadata: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the metadata, of the shape that finding out whom an object concerns relies on."""
    name, namespace = metadata.get("name"), metadata.get("namespace") or "default"
    labels: object = metadata.get("labels") or {}
    owners: object = metadata.get("ownerReferences") or []
    if not isinstance(name, str) or not name:
        raise BadDump(f"{where}.metadata.name: must be a text")
    if not isinstance(namespace, str):
        raise BadDump(f"{where}.metadata.namespace: must be a text")
    if not isinstance(labels, Mapping) or not all(map(_is_text, cast("Mapping[str, object]", labels).values())):
        raise BadDump(f"{where}.metadata.labels: must be texts by name")
    if not isinstance(owners, list) or not all(map(_is_owner, cast("list[object]", owners))):
        raise BadDump(f"{where}.metadata.ownerReferences: must be a list of references")
    return {**metadata, "namespace": namespace}


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_owner(value: object) -> bool:
    return isinstance(value, Mapping) and isinstance(cast("Mapping[str, object]", value).get("name"), str)


def _checked(value: object) -> object:
    """Return a value that JSON could hold, of a bounded size. Raises ValueError for any other."""
    level: list[object] = [value]
    for _ in range(MOST_DEPTH):
        level = list(islice((child for item in level for child in _children(item)), MOST_VALUES + 1))
        if not level:
            return value
        if len(level) > MOST_VALUES:
            raise ValueError(f"more than {MOST_VALUES} values")
    raise ValueError(_TOO_DEEP)


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        for key in cast("dict[object, object]", value):
            if not isinstance(key, str):
                raise ValueError(f"the key {key!r} is no text")  # noqa: TRY004 -- of what is read, not of an argument
        return cast("dict[object, object]", value).values()
    if isinstance(value, list):
        return cast("list[object]", value)
    if value is None or isinstance(value, str | int | float):
        return ()
    raise ValueError(f"{value!r} is nothing that JSON has")


_TOO_DEEP: Final = f"nested more than {MOST_DEPTH} levels deep"
if TYPE_CHECKING:
    _Base = yaml.SafeLoader
else:
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's, ten times as fast, where it is there


class _Loader(_Base):
    """Reads YAML as Kubernetes does: a time is a text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 -- as the class above has it
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in cast("Any", _Base).yaml_implicit_resolvers.items()
    }
    _depth = 0

    # Called for each node: libyaml's composer ends the process where its own recursion goes too deep.

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:  # noqa: ARG002 -- nothing is to be resolved
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise yaml.YAMLError(_TOO_DEEP)

    def ascend_resolver(self) -> None:
        self._depth -= 1

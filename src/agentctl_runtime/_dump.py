"""Reading objects from files: manifests as people write them, and lists as `kubectl get -o yaml` prints them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from ._documents import Flaw, read_documents
from ._store import Manifest


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
    for number, document in enumerate(read_documents(text), 1):
        is_empty = False
        if isinstance(document, Flaw):
            raise BadDump(f"{name}: {document}")
        found += _objects(document.value, f"{name}: document {number}")
    if is_empty:
        raise BadDump(f"{name}: holds nothing; has the command that wrote it failed?")
    return found


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

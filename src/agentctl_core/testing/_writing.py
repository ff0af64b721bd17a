"""Writes of the API server: creation, and the one way that PUT and PATCH of objects and subresources share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from .._actions import Ref
from .._json import dig, same_json
from . import _refused as refused  # pyright: ignore[reportPrivateUsage] -- of this package
from ._allocation import Allocation
from ._checks import (
    broken_rules,
    causes_about,
    check_version,
    counted,
    is_done,
    json_text,
    other_kind,
    refuse_invalid,
    refuse_other_kind,
    refuse_other_object,
    refuse_undecodable,
    updated,
    version_number,
)
from ._decoded import Decoded
from ._metadata import new_metadata, validate_metadata, validate_name
from ._resources import NAMESPACES, Resource, by_kind
from ._storage import Key, Storage, copy_object
from ._strategies import decode, strategy_of

JsonObject: TypeAlias = dict[str, Any]


class Writer:
    """Objects, the clock, and how an object is made and replaced."""

    def __init__(self, now: datetime, *, history: int) -> None:
        if now.tzinfo is None:
            raise ValueError("now must be a datetime with a time zone, for example datetime(2026, 1, 1, tzinfo=UTC)")
        self.now = now
        self.storage = Storage(history)
        self._listeners: list[Callable[[], None]] = []
        self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})

    def advance(self, seconds: float) -> None:
        """Let time pass. Nothing happens by itself: the controllers act when they are stepped."""
        self.now += timedelta(seconds=seconds)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each write from now on; return what ends that. A copy has no listeners."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def create(self, manifest: Mapping[str, Any], *, strict: bool = True) -> JsonObject:
        """POST: store a new object and return it; `strict` is `fieldValidation=Strict`, otherwise fields are pruned.

        Raises:
            Refused: 400 (cannot be decoded), 403 (namespace terminating), 404 (no such kind or namespace),
                409 AlreadyExists, 422 Invalid.
        """
        resource = _resource_of(manifest)
        decoded = decode(copy_object(manifest), resource)
        refuse_undecodable(resource, decoded, strict=strict, patched=None)
        return self._create(resource, decoded)

    def _create(self, resource: Resource, decoded: Decoded, *, by_put: bool = False) -> JsonObject:
        given = decoded.manifest["metadata"]
        namespace = given.get("namespace", "default") if resource.namespaced else ""
        self._admit_to_namespace(resource, namespace, given.get("name") or given.get("generateName", ""))
        allocation = Allocation(self.storage)
        name = given.get("name") or (f"{given['generateName']}{allocation.suffix()}" if "generateName" in given else "")
        uid = f"00000000-0000-4000-8000-{self.storage.count('uid'):012x}"
        metadata = new_metadata(given, resource, name=name, uid=uid, now=self.now)
        new = decoded.manifest | {"metadata": metadata | ({"namespace": namespace} if namespace else {})}
        new = strategy_of(resource).create(new, allocation)
        wrong = [*validate_name(metadata, resource), *validate_metadata(new["metadata"], resource)]
        wrong += causes_about(decoded, "spec")
        wrong += broken_rules(resource, new, None, None)
        refuse_invalid(resource, name, wrong)
        if not by_put and (version := metadata.get("resourceVersion", "")).isdecimal() and int(version):
            raise refused.failure(500, "", "resourceVersion should not be set on objects to be created")
        key = (resource.full_name, namespace, name)
        if key in self.storage.objects:
            terminating = "deletionTimestamp" in self.storage.objects[key]["metadata"]
            raise refused.already_exists(resource, name, terminating=terminating)
        return self._put(key, strategy_of(resource).canonicalize(new))

    def put(
        self, manifest: Mapping[str, Any], subresource: str | None = None, *, strict: bool = True
    ) -> tuple[JsonObject, bool]:
        """PUT: replace an object, or make it where its kind allows that; return it, and whether it is new.

        Raises:
            Refused: 400, 404, 409 Conflict (resourceVersion or uid), 422 Invalid.
        """
        resource = _resource_of(manifest)
        name = dig(manifest, "metadata", "name", kind=str) or ""
        key = (resource.full_name, _namespace_of(manifest) if resource.namespaced else "", name)
        decoded = decode(copy_object(manifest), resource)
        refuse_undecodable(resource, decoded, strict=strict, patched=None)
        current = self.storage.objects.get(key)
        if current is None and (subresource is not None or not resource.create_on_update):
            raise refused.not_found(resource, name)
        uid, record = decoded.manifest["metadata"].get("uid"), (current or {}).get("metadata", {}).get("uid", "")
        if uid is not None and uid != record:
            raise refused.broken_precondition(resource, key[1:], "UID", uid, record)
        if current is None:
            version_number(decoded.manifest["metadata"])
            return self._create(resource, decoded, by_put=True), True
        return self._replace(resource, key, decoded, subresource), False

    def update(self, manifest: Mapping[str, Any], subresource: str | None = None, *, strict: bool = True) -> JsonObject:
        """PUT, as `put`: return the object."""
        return self.put(manifest, subresource, strict=strict)[0]

    def _replace_patched(
        self, resource: Resource, key: Key, desired: JsonObject, subresource: str | None, *, strict: bool
    ) -> JsonObject:
        """Replace an object with what a patch made of it; return what is stored then."""
        patched = json_text(desired)
        refuse_other_kind(resource, desired, patched=patched)
        decoded = decode(desired, resource)
        if decoded.malformed:  # which of several things is told depends on the order
            decoded = decode(json.loads(patched), resource)
        refuse_undecodable(resource, decoded, strict=strict, patched=patched)
        refuse_other_object(resource, key, desired)
        return self._replace(resource, key, decoded, subresource)

    def _replace(self, resource: Resource, key: Key, decoded: Decoded, subresource: str | None) -> JsonObject:
        current, name = self.storage.objects[key], key[2]
        check_version(resource, name, decoded.manifest["metadata"], current["metadata"])
        version, kind = decoded.manifest.get("apiVersion"), decoded.manifest.get("kind")
        if (version, kind) != (resource.api_version, resource.kind):
            raise other_kind(resource, version, kind, name)
        new, wrong = updated(resource, current, decoded.manifest, subresource, Allocation(self.storage))
        wrong += causes_about(decoded, "status" if subresource == "status" else "spec")
        wrong += broken_rules(resource, new, current, subresource)
        refuse_invalid(resource, name, wrong)
        if subresource is None and (why := strategy_of(resource).admit(new, current)):
            raise refused.forbidden(resource, name, why)
        new = strategy_of(resource).canonicalize(new)
        if same_json(new, current):
            return copy_object(current)
        if resource.generation and counted(new) != counted(current):
            new = new | {"metadata": new["metadata"] | {"generation": current["metadata"]["generation"] + 1}}
        if "deletionTimestamp" in new["metadata"] and is_done(resource, new["metadata"]):
            self._remove(key)
            return copy_object(new)
        return self._put(key, new)

    def _put(self, key: Key, manifest: JsonObject) -> JsonObject:
        stored = self.storage.put(key, manifest)
        self._notify()
        return copy_object(stored)

    def _remove(self, key: Key) -> JsonObject:
        gone = self.storage.remove(key)
        self._notify()
        return copy_object(gone)

    def _notify(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    def _locate(self, ref: Ref) -> tuple[Resource, Key]:
        resource = resource_of(ref.api_version, ref.kind)
        key = (resource.full_name, ref.namespace if resource.namespaced else "", ref.name)
        if key not in self.storage.objects:
            raise refused.not_found(resource, ref.name)
        return resource, key

    def _admit_to_namespace(self, resource: Resource, namespace: str, name: str) -> None:
        if not resource.namespaced:
            return
        holder = self.storage.objects.get((NAMESPACES.full_name, "", namespace))
        if holder is None:
            raise refused.not_found(NAMESPACES, namespace)
        if "deletionTimestamp" in holder["metadata"]:
            told = f"unable to create new content in namespace {namespace} because it is being terminated"
            why = f"namespace {namespace} is being terminated"
            raise refused.forbidden(
                resource, name or "Unknown", told, [refused.cause("metadata.namespace", why, "NamespaceTerminating")]
            )


def resource_of(api_version: str, kind: str) -> Resource:
    """Return the resource of `apiVersion` and `kind`.

    Raises:
        Refused: 404, there is none.
    """
    resource = by_kind(api_version, kind)
    if resource is None:
        raise refused.unknown_resource()
    return resource


def _resource_of(manifest: Mapping[str, Any]) -> Resource:
    return resource_of(str(manifest.get("apiVersion")), str(manifest.get("kind")))


def _namespace_of(manifest: Mapping[str, Any]) -> str:
    return dig(manifest, "metadata", "namespace", kind=str) or "default"

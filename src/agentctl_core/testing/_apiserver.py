"""The API server of the model: its verbs on objects, with the semantics and the answers of the real one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from .._actions import Ref
from .._json import dig, same_json
from .._merge import merge_patch
from .._times import timestamp
from . import _refused as refused  # pyright: ignore[reportPrivateUsage] -- of this package
from ._checks import (
    broken_rules,
    causes_about,
    check_binding,
    check_version,
    counted,
    is_done,
    refuse_invalid,
    refuse_other_object,
    refuse_undecodable,
    refuse_unserved,
    success,
    updated,
)
from ._codec import decode_as
from ._deletion import Propagation, check_preconditions, deleted
from ._metadata import new_metadata, validate_metadata, validate_name
from ._pods import bound
from ._resources import AGENTS, BINDINGS, NAMESPACES, Resource, by_kind
from ._selectors import field_selector, label_selector
from ._storage import Key, Storage, copy_object
from ._strategies import decode, random_suffix, strategy_of
from ._watch import WatchEvent, watch_events

JsonObject: TypeAlias = dict[str, Any]

JsonObjects: TypeAlias = list[JsonObject]
_MERGE_PATCH: Final = "merge"
_ACCEPTED_PATCHES: Final = "application/merge-patch+json"


class ApiServer:
    """Objects and the verbs on them. Manifests go in and come out as fresh dicts.

    Every verb raises `Refused` with the API server's own Status where the real one would refuse.
    """

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
        metadata = decoded.manifest["metadata"]
        namespace = metadata.get("namespace", "default") if resource.namespaced else ""
        name = metadata.get("name") or self._generate_name(metadata)
        self._admit_to_namespace(resource, namespace, name)
        uid = f"00000000-0000-4000-8000-{self.storage.count('uid'):012x}"
        metadata = new_metadata(metadata, resource, name=name, uid=uid, now=self.now)
        new = decoded.manifest | {"metadata": metadata | ({"namespace": namespace} if namespace else {})}
        new = strategy_of(resource).create(new, self.storage.count)
        wrong = [*validate_name(metadata, resource), *validate_metadata(new["metadata"])]
        wrong += causes_about(decoded, "spec")
        if resource is not AGENTS or not wrong:  # rules in CEL are looked at where the schema is kept
            wrong += broken_rules(resource, new, None, None)
        refuse_invalid(resource, name, wrong)
        if metadata.get("resourceVersion", "0").isdecimal() and metadata.get("resourceVersion", "0") != "0":
            raise refused.failure(500, "", "resourceVersion should not be set on objects to be created")
        key = (resource.full_name, namespace, name)
        if key in self.storage.objects:
            terminating = "deletionTimestamp" in self.storage.objects[key]["metadata"]
            raise refused.already_exists(resource, name, terminating=terminating)
        return self._put(key, new)

    def get(self, ref: Ref) -> JsonObject:
        """GET: return the object.

        Raises:
            Refused: 404.
        """
        _, key = self._locate(ref)
        return copy_object(self.storage.objects[key])

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
    ) -> tuple[JsonObjects, str]:
        """LIST: return the objects in the order of namespace and name, and the resourceVersion of the list.

        Args:
            api_version: with `kind`, what to list.
            kind: see `api_version`.
            namespace: None stands for all namespaces.
            label_selector: as in Kubernetes; empty matches everything.
            field_selector: `metadata.name`, `metadata.namespace` and, for pods, a few more.

        Raises:
            Refused: 400 (a selector cannot be read), 404 (no such kind).
        """
        resource = _resource(api_version, kind)
        matches = _matcher(resource, label_selector, field_selector)
        found = self.storage.select(resource.full_name, namespace)
        return [copy_object(item) for _, item in found if matches(item)], str(self.storage.resource_version)

    def events_since(  # noqa: PLR0913 -- what a watch request has
        self,
        api_version: str,
        kind: str,
        resource_version: str,
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
    ) -> tuple[WatchEvent, ...]:
        """WATCH: return what happened to the objects of a kind after `resource_version`, the oldest event first.

        An object that begins or ceases to match the selectors is ADDED or DELETED, as in a real watch.

        Raises:
            Refused: 410 Expired, where the history does not reach back that far; 400, 404 as for `list`.
        """
        resource = _resource(api_version, kind)
        matches = _matcher(resource, label_selector, field_selector)
        changes = self.storage.since(int(resource_version))
        return watch_events(changes, resource.full_name, namespace, matches)

    def patch(
        self,
        ref: Ref,
        patch: Any,
        *,
        subresource: str | None = None,
        content: str = _MERGE_PATCH,
        strict: bool = True,
    ) -> JsonObject:
        """PATCH: apply a merge patch (RFC 7386) and return the object; one that changes nothing writes nothing.

        Raises:
            Refused: 400, 404, 409 Conflict (a resourceVersion in the patch that is not the present one), 415 (another
                `content` than "merge"), 422 Invalid (unknown fields too, where `strict`: as measured, not 400).
        """
        if content != _MERGE_PATCH:
            raise refused.unsupported_media_type(_ACCEPTED_PATCHES)
        resource, key = self._locate(ref)
        if not isinstance(patch, Mapping):
            told = "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"
            raise refused.bad_request(told)
        desired = merge_patch(self.storage.objects[key], patch)
        return self._update(resource, key, desired, subresource, strict=strict, patching=True)

    def update(self, manifest: Mapping[str, Any], subresource: str | None = None, *, strict: bool = True) -> JsonObject:
        """PUT: replace an object and return it.

        Raises:
            Refused: 400, 404, 409 Conflict (resourceVersion or uid), 422 Invalid.
        """
        resource = _resource_of(manifest)
        ref = _ref(manifest, resource)
        _, key = self._locate(ref)
        uid, record = dig(manifest, "metadata", "uid", kind=str), self.storage.objects[key]["metadata"]["uid"]
        if uid is not None and uid != record:
            path = "/".join(filter(None, ("/registry", resource.group, resource.plural, *key[1:])))
            told = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {record}"
            why = f"StorageError: invalid object, Code: 4, Key: {path}, ResourceVersion: 0, AdditionalErrorMsg: {told}"
            raise refused.conflict(resource, ref.name, why)
        return self._update(resource, key, copy_object(manifest), subresource, strict=strict, patching=False)

    def delete(
        self,
        ref: Ref,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: Propagation | None = None,
        grace_seconds: int | None = None,
    ) -> JsonObject:
        """DELETE: begin or finish a deletion; return the object, or a Status where nothing is left of it.

        A pod on a node stays until its kubelet confirms, an object with finalizers until they are gone.

        Args:
            ref: what to delete.
            uid: precondition.
            resource_version: precondition.
            propagation: what becomes of the dependents; None is Background, unless a finalizer says otherwise.
            grace_seconds: for pods; None takes the pod's own. 0 does not wait for the kubelet.

        Raises:
            Refused: 403 (the namespace `default`), 404, 409 Conflict (a precondition).
        """
        resource, key = self._locate(ref)
        if resource is NAMESPACES and ref.name == "default":
            raise refused.forbidden(resource, ref.name, "this namespace may not be deleted")
        manifest = self.storage.objects[key]
        check_preconditions(resource, manifest["metadata"], uid, resource_version)
        if resource is NAMESPACES:
            return self._terminate_namespace(key)
        marked, is_gone = deleted(resource, manifest, self.now, asked=grace_seconds, propagation=propagation)
        if not same_json(marked, manifest):
            manifest = self._put(key, marked)
        if not is_gone:
            return copy_object(manifest)
        gone = self._remove(key)
        return gone if resource.returns_deleted else success(resource, gone)

    def binding(self, ref: Ref, manifest: Mapping[str, Any], *, strict: bool = True) -> JsonObject:
        """POST to a pod's `binding`: put it on the node that a Binding names; return a Status.

        Raises:
            Refused: 400, 404, 409 Conflict (uid, resourceVersion, on a node or being deleted), 422 Invalid.
        """
        decoded = decode_as("core.Binding", manifest)
        refuse_undecodable(BINDINGS, decoded, strict=strict, patched=None)
        given = decoded.manifest
        if given["metadata"].get("name") != ref.name:
            raise refused.bad_request("name in URL does not match name in Binding object")
        _, key = self._locate(ref)
        pod = self.storage.objects[key]
        check_binding(pod, given)
        self._put(key, bound(pod, given, self.now))
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}

    def bind(self, ref: Ref, node: str, status: JsonObject) -> JsonObject:
        """POST to a pod's `binding`: put it on a node, with the condition that says so.

        Raises:
            Refused: 404.
        """
        _, key = self._locate(ref)
        pod = self.storage.objects[key]
        return self._put(key, pod | {"spec": pod["spec"] | {"nodeName": node}, "status": copy_object(status)})

    def discard(self, key: Key) -> JsonObject:
        """Take an object away without any ceremony: the end of a namespace's finalization."""
        return self._remove(key)

    def _terminate_namespace(self, key: Key) -> JsonObject:
        manifest = self.storage.objects[key]
        if "deletionTimestamp" not in manifest["metadata"]:
            metadata = manifest["metadata"] | {"deletionTimestamp": timestamp(self.now)}
            return self._put(key, manifest | {"metadata": metadata, "status": {"phase": "Terminating"}})
        return copy_object(manifest)

    def _update(  # noqa: PLR0913 -- PUT and PATCH, object and subresource
        self,
        resource: Resource,
        key: Key,
        desired: JsonObject,
        subresource: str | None,
        *,
        strict: bool,
        patching: bool,
    ) -> JsonObject:
        current = self.storage.objects[key]
        name = key[2]
        refuse_unserved(resource, subresource)
        refuse_other_object(resource, key, desired)
        decoded = decode(desired, resource)
        patched = json.dumps(desired, sort_keys=True, separators=(",", ":")) if patching else None
        refuse_undecodable(resource, decoded, strict=strict, patched=patched)
        check_version(resource, name, decoded.manifest["metadata"], current["metadata"])
        new, wrong = updated(resource, current, decoded.manifest, subresource, self.storage.count)
        wrong += causes_about(decoded, "status" if subresource == "status" else "spec")
        if resource is not AGENTS or not wrong:
            wrong += broken_rules(resource, new, current, subresource)
        refuse_invalid(resource, name, wrong)
        if same_json(new, current):
            return copy_object(current)
        if resource.generation and not same_json(counted(new), counted(current)):
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
        resource = _resource(ref.api_version, ref.kind)
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
                resource, name, told, [refused.cause("metadata.namespace", why, "NamespaceTerminating")]
            )

    def _generate_name(self, metadata: JsonObject) -> str:
        prefix = metadata.get("generateName", "")
        if not prefix:
            return ""
        return f"{prefix}{random_suffix(self.storage.count('name'))}"


def _resource(api_version: str, kind: str) -> Resource:
    resource = by_kind(api_version, kind)
    if resource is None:
        raise refused.unknown_resource()
    return resource


def _resource_of(manifest: Mapping[str, Any]) -> Resource:
    return _resource(str(manifest.get("apiVersion")), str(manifest.get("kind")))


def _ref(manifest: Mapping[str, Any], resource: Resource) -> Ref:
    namespace = (dig(manifest, "metadata", "namespace", kind=str) or "default") if resource.namespaced else ""
    return Ref(resource.api_version, resource.kind, namespace, dig(manifest, "metadata", "name", kind=str) or "")


def _matcher(resource: Resource, labels: str, fields: str) -> Callable[[Mapping[str, Any]], bool]:
    by_label, by_field = label_selector(labels), field_selector(fields, resource)
    return lambda manifest: by_label(manifest) and by_field(manifest)

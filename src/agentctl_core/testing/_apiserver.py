"""The API server of the model: its verbs on objects, with the semantics and the answers of the real one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

from .._actions import Ref
from .._json import same_json
from .._merge import merge_patch
from .._times import timestamp
from . import _refused as refused  # pyright: ignore[reportPrivateUsage] -- of this package
from ._checks import check_binding, json_text, refuse_target, refuse_undecodable, refuse_unserved, success
from ._codec import decode_as
from ._deletion import Propagation, check_preconditions, deleted
from ._go_values import go_kind
from ._pods import bound
from ._resources import AGENTS, BINDINGS, NAMESPACES, SCALES, Resource
from ._scale import scale_of, scaled
from ._selectors import field_selector, label_selector
from ._storage import Key, copy_object
from ._strategic import strategic_merge
from ._watch import WatchEvent, watch_events
from ._writing import Writer, resource_of

JsonObject: TypeAlias = dict[str, Any]

JsonObjects: TypeAlias = list[JsonObject]
_MERGE_PATCH: Final = "merge"
_STRATEGIC: Final = "strategic"


class ApiServer(Writer):
    """Objects and the verbs on them. Manifests go in and come out as fresh dicts.

    Every verb raises `Refused` with the API server's own Status where the real one would refuse.
    """

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
        resource = resource_of(api_version, kind)
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
        resource = resource_of(api_version, kind)
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
        """PATCH: apply a patch and return the object; one that changes nothing writes nothing.

        Args:
            ref: what to change.
            patch: its body.
            subresource: `status`, `resize` of a pod, or `scale` of an Agent.
            content: `merge` (RFC 7386), or `strategic` for built-in kinds.
            strict: `fieldValidation=Strict`.

        Raises:
            Refused: 400, 404, 409 Conflict (a resourceVersion in the patch that is not the present one), 415 (another
                `content`), 422 Invalid (unknown fields too, where `strict`: as measured, not 400).
        """
        resource = resource_of(ref.api_version, ref.kind)
        refuse_unserved(resource, ref.name, subresource)
        if content != _MERGE_PATCH and (content != _STRATEGIC or resource.is_custom):
            raise refused.unsupported_patch(resource)
        _, key = self._locate(ref)
        if not isinstance(patch, Mapping):
            told = f"json: cannot unmarshal {go_kind(patch)} into Go value of type map[string]interface {{}}"
            raise refused.bad_request(told if content == _STRATEGIC else f"error decoding patch: {told}")
        given = cast("Mapping[str, Any]", patch) if content == _STRATEGIC else _without_nulls_in_lists(patch)
        present = self.storage.objects[key]
        if subresource == "scale":
            scale = merge_patch(scale_of(present), given)
            decoded = decode_as("autoscaling.Scale", scale)
            refuse_undecodable(SCALES, decoded, strict=strict, patched=json_text(scale))
            return self._put_scale(key, decoded.manifest)
        if content == _STRATEGIC:
            header = {field: present[field] for field in ("apiVersion", "kind")}  # what the patch says is not looked at
            desired = strategic_merge(resource.go_type, present, given) | header
        else:
            desired = merge_patch(present, given)
        return self._replace_patched(resource, key, desired, subresource, strict=strict)

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
        elif is_gone and resource_version is not None and "finalizers" in manifest["metadata"]:
            # A bug of Kubernetes: it looks for the version that the object got from an update that was not needed.
            record = manifest["metadata"]["resourceVersion"]
            raise refused.broken_precondition(resource, key[1:], "ResourceVersion", "", record)
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
        refuse_target(given)
        _, key = self._locate(ref)
        pod = self.storage.objects[key]
        check_binding(pod, given)
        self._put(key, bound(pod, given, self.now))
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}

    def scale(self, ref: Ref) -> JsonObject:
        """GET of an Agent's `scale`: return an `autoscaling/v1` Scale.

        Raises:
            Refused: 404.
        """
        _, key = self._locate(ref)
        return scale_of(self.storage.objects[key])

    def put_scale(self, ref: Ref, manifest: Mapping[str, Any], *, strict: bool = True) -> JsonObject:
        """PUT of an Agent's `scale`: set its replicas, and return its Scale.

        Raises:
            Refused: 400, 404, 409 Conflict (resourceVersion), 422 Invalid.
        """
        decoded = decode_as("autoscaling.Scale", copy_object(manifest))
        if decoded.malformed or (strict and decoded.unknown):
            raise refused.bad_request(f"no kind is registered for the type v1.Scale in {refused.SCHEME}")
        _, key = self._locate(ref)
        uid, record = decoded.manifest["metadata"].get("uid"), self.storage.objects[key]["metadata"]["uid"]
        if uid is not None and uid != record:
            raise refused.broken_precondition(AGENTS, key[1:], "UID", uid, record)
        return self._put_scale(key, decoded.manifest)

    def _put_scale(self, key: Key, scale: JsonObject) -> JsonObject:
        desired = scaled(self.storage.objects[key], scale)
        return scale_of(self._replace_patched(AGENTS, key, desired, None, strict=False))

    def bind(self, ref: Ref, node: str, status: JsonObject) -> JsonObject:
        """Put a pod on a node, with a status that says so: what `binding` comes to, without its checks.

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


def _without_nulls_in_lists(patch: Any, *, is_in_list: bool = False) -> Any:
    """Return a merge patch as the server takes it: of objects in lists it leaves nulls out, which RFC 7386 does not."""
    if isinstance(patch, Mapping):
        fields = cast("Mapping[str, Any]", patch).items()
        return {
            key: _without_nulls_in_lists(child, is_in_list=is_in_list)
            for key, child in fields
            if child is not None or not is_in_list
        }
    if isinstance(patch, list):
        return [_without_nulls_in_lists(child, is_in_list=True) for child in cast("Sequence[Any]", patch)]
    return patch


def _matcher(resource: Resource, labels: str, fields: str) -> Callable[[Mapping[str, Any]], bool]:
    by_label, by_field = label_selector(labels), field_selector(fields, resource)
    return lambda manifest: by_label(manifest) and by_field(manifest)

"""Requests answered by the verbs of the model."""

from __future__ import annotations

from typing import Any, Final, TypeAlias, cast

from attrs import frozen

from agentctl_core import Ref, merge_patch
from agentctl_core.testing import ModelCluster, Refused
from agentctl_core.testing.rest import (
    Resource,
    bad_request,
    failure,
    method_not_allowed,
    unknown_resource,
    unsupported_media_type,
)

from ._lists import list_objects
from ._requests import Request, unsupported_option

JsonObject: TypeAlias = dict[str, Any]

_PLAIN: Final = {"/readyz": "ok", "/livez": "ok", "/healthz": "ok"}
_VERSION: Final = {"major": "1", "minor": "37", "gitVersion": "v1.37.2", "platform": "linux/amd64"}
_NO_SUCH_PAGE: Final = "404 page not found\n"
_JSON_TYPES: Final = ("", "application/json")
_MERGE_PATCH: Final = "application/merge-patch+json"
_STRATEGIC_MERGE_PATCH: Final = "application/strategic-merge-patch+json"
_PARTICULAR: Final = {"Pod": ("resize", "binding"), "Agent": ("scale",)}
"""Subresources that one kind has."""
_PROPAGATIONS: Final = ("Foreground", "Background", "Orphan")


@frozen(unsafe_hash=False)
class Answer:
    """A response: a string is sent as plain text, an object as JSON."""

    code: int
    body: JsonObject | str


def answer(cluster: ModelCluster, request: Request) -> Answer:
    """Answer any request but a watch.

    Raises:
        Refused: the API server refuses it.
    """
    resource = request.resource
    if resource is None:
        return _page(request)
    if request.query.get("dryRun"):
        cluster = cluster.copy()
    if request.name is None:
        return _on_collection(cluster, request, resource)
    return _on_object(cluster, request, resource)


def _page(request: Request) -> Answer:
    if request.path in _PLAIN:
        return Answer(200, _PLAIN[request.path])
    if request.path == "/version":
        return Answer(200, dict(_VERSION))
    return Answer(404, _NO_SUCH_PAGE)


def _on_collection(cluster: ModelCluster, request: Request, resource: Resource) -> Answer:
    match request.method:
        case "GET":
            return Answer(200, list_objects(cluster, request, resource))
        case "POST" if request.namespace is not None or not resource.namespaced:
            manifest = _manifest(request, resource)
            return Answer(201, cluster.create(manifest, strict=request.strict))
        case _:
            raise method_not_allowed()


def _on_object(cluster: ModelCluster, request: Request, resource: Resource) -> Answer:
    ref = request.ref(resource)
    if request.subresource in _PARTICULAR.get(resource.kind, ()):
        return _on_subresource(cluster, request, resource, ref)
    if request.subresource is not None and not (request.subresource == "status" and resource.status):
        raise unknown_resource()
    match request.method:
        case "GET":
            return Answer(200, cluster.get(ref))
        case "PATCH":
            return Answer(200, _patch(cluster, request, ref))
        case "PUT":
            found, is_new = cluster.put(
                _named(ref, _manifest(request, resource)), request.subresource, strict=request.strict
            )
            return Answer(201 if is_new else 200, found)
        case "DELETE" if request.subresource is None:
            return _delete(cluster, request, ref)
        case _:
            raise method_not_allowed()


def _on_subresource(cluster: ModelCluster, request: Request, resource: Resource, ref: Ref) -> Answer:
    """Answer what concerns `resize` and `binding` of a pod, and `scale` of an Agent."""
    match request.method, request.subresource:
        case "GET", "resize":
            return Answer(200, cluster.get(ref))
        case "PUT", "resize":
            manifest = _named(ref, _manifest(request, resource))
            return Answer(200, cluster.update(manifest, "resize", strict=request.strict))
        case "PATCH", "resize" if request.content_type == _STRATEGIC_MERGE_PATCH:
            patch = _by_name(cluster.get(ref), request.json_object())
            return Answer(200, cluster.patch(ref, patch, subresource="resize", strict=request.strict))
        case "GET", "scale":
            return Answer(200, cluster.scale(ref))
        case "PUT", "scale":
            return Answer(200, cluster.put_scale(ref, request.json_object(), strict=request.strict))
        case "PATCH", "resize" | "scale":
            return Answer(200, _patch(cluster, request, ref))
        case "POST", "binding":
            return Answer(201, cluster.binding(ref, request.json_object(), strict=request.strict))
        case _:
            raise method_not_allowed()


def _named(ref: Ref, manifest: JsonObject) -> JsonObject:
    """Return the manifest of a PUT, which has to be about the object that the URL names."""
    metadata: JsonObject = manifest.get("metadata") or {}
    name = metadata.get("name")
    if name != ref.name:
        raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({ref.name})")
    return manifest


def _patch(cluster: ModelCluster, request: Request, ref: Ref) -> JsonObject:
    if request.content_type != _MERGE_PATCH:
        raise unsupported_media_type(_MERGE_PATCH)
    return cluster.patch(ref, _patch_body(request), subresource=request.subresource, strict=request.strict)


def _patch_body(request: Request) -> Any:
    try:
        return request.json()
    except Refused as error:
        raise bad_request("invalid JSON patch") from error


def _by_name(pod: JsonObject, patch: JsonObject) -> JsonObject:
    """Return the merge patch that a strategic one comes to: its lists of containers are merged by their names."""
    spec: JsonObject = patch.get("spec") or {}
    lists = {
        field: [merge_patch(container, changes.get(container["name"], {})) for container in pod["spec"].get(field, [])]
        for field, listed in spec.items()
        if (changes := {change["name"]: change for change in listed})
    }
    return patch | {"spec": lists}


def _manifest(request: Request, resource: Resource) -> JsonObject:
    """Return the object in the body, with what the URL says about it filled in."""
    if request.content_type not in _JSON_TYPES:
        accepted = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
        raise unsupported_media_type(accepted)
    given = request.json_object()
    if "kind" not in given and resource.group:  # only typed kinds, those of the core group, go without
        what = f"the object provided is unrecognized (must be of type {resource.kind}): Object 'Kind' is missing"
        raise bad_request(what)
    manifest = {"apiVersion": resource.api_version, "kind": resource.kind} | given
    if manifest["apiVersion"] != resource.api_version:
        told = f"the API version in the data ({manifest['apiVersion']}) does not match the expected API version"
        raise bad_request(f"{told} ({resource.api_version})")
    if manifest["kind"] != resource.kind:
        what, wanted = manifest["kind"], resource.kind
        raise bad_request(f'{what} in version "{resource.version}" cannot be handled as a {wanted}')
    metadata = manifest.get("metadata")
    if not resource.namespaced or not isinstance(metadata, dict | None):
        return manifest
    fields = cast("JsonObject", metadata or {})
    if fields.get("namespace") not in (None, "", request.namespace):
        told = "the namespace of the provided object does not match the namespace sent on the request"
        raise bad_request(told)
    return manifest | {"metadata": fields | {"namespace": request.namespace}}


def _delete(cluster: ModelCluster, request: Request, ref: Ref) -> Answer:
    """Delete with DeleteOptions from the body, where there is one, or else from the query."""
    options: JsonObject = request.json_object() if request.body.strip() else dict(request.query)
    propagation = options.get("propagationPolicy")
    if propagation is not None and propagation not in _PROPAGATIONS:
        raise unsupported_option("DeleteOptions", "propagationPolicy", propagation, (*_PROPAGATIONS, "nil"))
    preconditions: JsonObject = options.get("preconditions") or {}
    grace = options.get("gracePeriodSeconds")
    try:
        seconds = None if grace is None else int(grace)
    except (TypeError, ValueError):
        raise failure(400, "BadRequest", "gracePeriodSeconds must be an integer") from None
    gone = cluster.delete(
        ref,
        uid=preconditions.get("uid"),
        resource_version=preconditions.get("resourceVersion"),
        propagation=propagation,
        grace_seconds=seconds,
    )
    return Answer(200, gone)

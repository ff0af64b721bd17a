"""Requests answered by the verbs of the model."""

from __future__ import annotations

import contextlib
from typing import Any, Final, TypeAlias, cast

from attrs import frozen

from agentctl_core import Ref
from agentctl_core.testing import ModelCluster, Refused
from agentctl_core.testing.rest import (
    AGENTS,
    Resource,
    bad_request,
    failure,
    method_not_allowed,
    other_kind,
    other_name,
    other_namespace,
    refuse_unreadable,
    refuse_unserved,
    unregistered,
    unsupported_media_type,
)

from ._lists import list_objects
from ._requests import Request, unsupported_option

JsonObject: TypeAlias = dict[str, Any]

_PLAIN: Final = {"/readyz": "ok", "/livez": "ok", "/healthz": "ok"}
_VERSION: Final = {"major": "1", "minor": "37", "gitVersion": "v1.37.2", "platform": "linux/amd64"}
_NO_SUCH_PAGE: Final = "404 page not found\n"
_JSON_TYPES: Final = ("", "application/json")
_PATCHES: Final = {
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
}
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
    if _is_dry(request):
        return _without_new_version(cluster, _on_resource(cluster.copy(), request, resource))
    return _on_resource(cluster, request, resource)


def _is_dry(request: Request) -> bool:
    """Tell whether nothing is to be written; a body with options stands for all of the query."""
    if request.method == "DELETE" and request.body.strip():
        return bool(request.json().get("dryRun"))
    return bool(request.query.get("dryRun"))


def _on_resource(cluster: ModelCluster, request: Request, resource: Resource) -> Answer:
    if request.name is None:
        return _on_collection(cluster, request, resource)
    return _on_object(cluster, request, resource)


def _without_new_version(cluster: ModelCluster, answered: Answer) -> Answer:
    """Return the answer of a dry run: no object gets a resourceVersion by it, and what is there keeps its own."""
    if isinstance(answered.body, str) or "uid" not in answered.body["metadata"]:
        return answered
    metadata = {key: value for key, value in answered.body["metadata"].items() if key != "resourceVersion"}
    with contextlib.suppress(Refused):
        metadata["resourceVersion"] = cluster.get(Ref.of(answered.body))["metadata"]["resourceVersion"]
    return Answer(answered.code, answered.body | {"metadata": metadata})


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
        case "PUT" if resource is AGENTS:
            raise bad_request("name must be provided")
        case "POST" if request.namespace is not None or not resource.namespaced:
            manifest = _manifest(cluster, request, resource)
            return Answer(201, cluster.create(manifest, strict=request.strict))
        case _:
            raise method_not_allowed()


def _on_object(cluster: ModelCluster, request: Request, resource: Resource) -> Answer:
    ref = request.ref(resource)
    if request.subresource in _PARTICULAR.get(resource.kind, ()):
        return _on_subresource(cluster, request, resource, ref)
    refuse_unserved(resource, ref.name, request.subresource)
    match request.method:
        case "GET":
            return Answer(200, cluster.get(ref))
        case "PATCH":
            return Answer(200, _patch(cluster, request, ref))
        case "PUT":
            found, is_new = cluster.put(
                _named(request, resource, ref, _manifest(cluster, request, resource)),
                request.subresource,
                strict=request.strict,
            )
            return Answer(201 if is_new else 200, found)
        case "POST" if resource is AGENTS and request.subresource is None:
            return _on_collection(cluster, request, resource)  # the name in the path is not looked at
        case "DELETE" if request.subresource is None:
            return _delete(cluster, request, resource, ref)
        case _:
            raise method_not_allowed()


def _on_subresource(cluster: ModelCluster, request: Request, resource: Resource, ref: Ref) -> Answer:
    """Answer what concerns `resize` and `binding` of a pod, and `scale` of an Agent."""
    match request.method, request.subresource:
        case "GET", "resize":
            return Answer(200, cluster.get(ref))
        case "PUT", "resize":
            manifest = _named(request, resource, ref, _manifest(cluster, request, resource))
            return Answer(200, cluster.update(manifest, "resize", strict=request.strict))
        case "GET", "scale":
            return Answer(200, cluster.scale(ref))
        case "PUT", "scale":
            manifest = _named(request, None, ref, request.json_object(resource))
            return Answer(200, cluster.put_scale(ref, manifest, strict=request.strict))
        case "PATCH", "resize" | "scale":
            return Answer(200, _patch(cluster, request, ref))
        case "POST", "binding":
            return Answer(201, cluster.binding(ref, request.json_object(resource), strict=request.strict))
        case _:
            raise method_not_allowed()


def _named(request: Request, resource: Resource | None, ref: Ref, manifest: JsonObject) -> JsonObject:
    """Return the manifest of a PUT, which has to be about the object that the URL names.

    `resource` is None where the body is of no kind of its own.
    """
    metadata: JsonObject = manifest.get("metadata") or {}
    name = metadata.get("name")
    if name == ref.name:
        return manifest
    if resource is not None:
        refuse_unreadable(resource, manifest, strict=request.strict)
    raise other_name(name, ref.name)


def _patch(cluster: ModelCluster, request: Request, ref: Ref) -> JsonObject:
    content = _PATCHES.get(request.content_type, request.content_type)
    return cluster.patch(
        ref, _patch_body(request), subresource=request.subresource, content=content, strict=request.strict
    )


def _patch_body(request: Request) -> Any:
    try:
        return request.json()
    except Refused as error:
        raise bad_request("invalid JSON patch") from error


def _manifest(cluster: ModelCluster, request: Request, resource: Resource) -> JsonObject:
    """Return the object in the body, with what the URL says about it filled in."""
    if request.content_type not in _JSON_TYPES:
        accepted = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
        raise unsupported_media_type(accepted)
    given = request.json_object(resource)
    if resource is AGENTS and "kind" not in given:  # typed kinds go without
        raise request.unrecognized(resource, f"Object 'Kind' is missing in '{request.body.decode(errors='replace')}'")
    header = {"apiVersion": "" if resource is AGENTS else resource.api_version, "kind": resource.kind}
    manifest = header | {key: value for key, value in given.items() if key not in header or value is not None}
    version, kind = manifest["apiVersion"], manifest["kind"]
    if resource is not AGENTS and (version, kind) != (resource.api_version, resource.kind):
        told = f'{kind} in version "{str(version).rpartition("/")[2]}" cannot be handled as a {resource.kind}'
        raise bad_request(f"{told}: {unregistered(resource, version, kind)}")
    if version != resource.api_version:
        told = f"the API version in the data ({version}) does not match the expected API version"
        raise bad_request(f"{told} ({resource.api_version})")
    if kind != resource.kind:
        if request.name is not None:
            cluster.get(request.ref(resource))  # what is not there is told first
        named = cast("JsonObject", manifest.get("metadata") or {}).get("name", "")
        raise other_kind(resource, version, kind, named)
    metadata = manifest.get("metadata")
    if not resource.namespaced or not isinstance(metadata, dict | None):
        return manifest
    fields = cast("JsonObject", metadata or {})
    if fields.get("namespace") not in (None, "", request.namespace):
        refuse_unreadable(resource, manifest, strict=request.strict)
        raise other_namespace()
    return manifest | {"metadata": fields | {"namespace": request.namespace}}


def _delete(cluster: ModelCluster, request: Request, resource: Resource, ref: Ref) -> Answer:
    """Delete with DeleteOptions from the body, where there is one, or else from the query."""
    options: JsonObject = request.json_object(resource) if request.body.strip() else dict(request.query)
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

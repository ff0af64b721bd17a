"""What the API server says when it refuses a request, in its own words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

from ._resources import Resource

JsonObject: TypeAlias = dict[str, Any]

SCHEME = 'scheme "pkg/runtime/scheme.go:111"'
"""What the server calls its table of types."""
BEING_MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


class Refused(Exception):  # noqa: N818 -- it says what happened to the request
    """The API server refused a request. `status` is its answer, a `v1` Status object as kube-apiserver sends it.

    A reason is read from `reason` and `code`; the text of `message` is for people.
    """

    status: JsonObject

    def __init__(self, status: JsonObject) -> None:
        self.status = status
        super().__init__(f"{status.get('code')} {status.get('reason')}: {status.get('message')}")

    @property
    def code(self) -> int:
        """The HTTP status code."""
        return int(self.status["code"])

    @property
    def reason(self) -> str:
        """The machine-readable reason, for example `AlreadyExists`; empty where the server gives none."""
        return str(self.status.get("reason", ""))


def failure(code: int, reason: str, message: str, details: JsonObject | None = None) -> Refused:
    """Return the refusal with this answer; `reason` may be empty, `details` absent."""
    status: JsonObject = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
    }
    if reason:
        status["reason"] = reason
    if details is not None:
        status["details"] = details
    return Refused(status | {"code": code})


def cause(field: str, message: str, reason: str = "FieldValueInvalid") -> JsonObject:
    """Return one entry of `details.causes`: what is wrong with one field."""
    return {"reason": reason, "message": message, "field": field}


def required(field: str, detail: str = "") -> JsonObject:
    """Return the cause for a field that is missing."""
    return cause(field, f"Required value: {detail}" if detail else "Required value", "FieldValueRequired")


def invalid_value(field: str, value: object, detail: str) -> JsonObject:
    """Return the cause for a field with a wrong value."""
    return cause(field, f"Invalid value: {json.dumps(value, separators=(',', ':'), ensure_ascii=False)}: {detail}")


def forbidden_change(field: str, detail: str) -> JsonObject:
    """Return the cause for a field that may not be changed like that."""
    return cause(field, f"Forbidden: {detail}", "FieldValueForbidden")


def not_found(resource: Resource, name: str) -> Refused:
    """404: no object of that name."""
    return failure(404, "NotFound", f'{resource.full_name} "{name}" not found', _details(resource, name))


def unknown_resource() -> Refused:
    """404: no such kind on this server."""
    return failure(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(resource: Resource, name: str, *, terminating: bool) -> Refused:
    """409: the name is taken; one that is being deleted still takes it."""
    message = f'{resource.full_name} "{name}" already exists'
    if terminating:
        message = f"object is being deleted: {message}"
    return failure(409, "AlreadyExists", message, _details(resource, name))


def conflict(resource: Resource, name: str, why: str = BEING_MODIFIED) -> Refused:
    """409: the object is not, or no longer, as the request supposes."""
    message = f'Operation cannot be fulfilled on {resource.full_name} "{name}": {why}'
    return failure(409, "Conflict", message, _details(resource, name))


def deletion_conflict(resource: Resource, name: str, why: str) -> Refused:
    """409: a precondition of a deletion does not hold. This one names the kind, as the real server does."""
    message = f'Operation cannot be fulfilled on {resource.hub_kind or resource.full_kind} "{name}": {why}'
    details = _details(resource, name) | {"kind": resource.kind}
    if resource.hub_kind:
        del details["group"]
    return failure(409, "Conflict", message, details)


def invalid(resource: Resource, name: str, causes: Sequence[JsonObject]) -> Refused:
    """422: the object breaks a rule; every cause at once."""
    texts = list(dict.fromkeys(f"{item['field']}: {item['message']}" for item in causes))
    told = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = _details(resource, name) | {"kind": resource.kind, "causes": list(causes)}
    if resource.hub_kind:
        del details["group"]
    kind = resource.hub_kind or resource.full_kind
    return failure(422, "Invalid", f'{kind} "{name}" is invalid: {told}', details)


def version_required(resource: Resource, name: str) -> Refused:
    """422: an update without a resourceVersion. This one names the resource instead of the kind, as the real server."""
    what = invalid_value("metadata.resourceVersion", 0, "must be specified for an update")
    message = f'{resource.full_name} "{name}" is invalid: {what["field"]}: {what["message"]}'
    return failure(422, "Invalid", message, _details(resource, name) | {"causes": [what]})


def bad_request(message: str) -> Refused:
    """400: the request cannot be read."""
    return failure(400, "BadRequest", message)


def other_name(name: str | None, url: str) -> Refused:
    """400: the object in the body has no name, or another one than the URL says."""
    if not name:
        return bad_request(f"the name of the object ({url} based on URL) was undeterminable: name must be provided")
    return bad_request(f"the name of the object ({name}) does not match the name on the URL ({url})")


def other_namespace() -> Refused:
    """400: the object in the body is of another namespace than the URL says."""
    return bad_request("the namespace of the provided object does not match the namespace sent on the request")


def forbidden(resource: Resource, name: str, why: str, causes: Sequence[JsonObject] = ()) -> Refused:
    """403: admission says no."""
    details = _details(resource, name) | ({"causes": list(causes)} if causes else {})
    return failure(403, "Forbidden", f'{resource.full_name} "{name}" is forbidden: {why}', details)


def broken_precondition(resource: Resource, key: Sequence[str], field: str, wanted: str, record: str) -> Refused:
    """409: the object that is stored is another one than the update supposes; in the words of the storage."""
    told = f"Precondition failed: {field} in precondition: {wanted}, {field} in object meta: {record}"
    place = "/".join(filter(None, (resource.storage_prefix, *key)))
    why = f"StorageError: invalid object, Code: 4, Key: {place}, ResourceVersion: 0, AdditionalErrorMsg: {told}"
    return conflict(resource, key[-1], why)


def expired(message: str) -> Refused:
    """410: the history does not reach back that far."""
    return failure(410, "Expired", message)


def method_not_allowed() -> Refused:
    """405: the resource has no such verb."""
    message = "the server does not allow this method on the requested resource"
    return failure(405, "MethodNotAllowed", message, {})


def unsupported_media_type(accepted: str) -> Refused:
    """415: the body is in a format that is not taken here."""
    message = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
    return failure(415, "UnsupportedMediaType", message)


def unsupported_patch(resource: Resource) -> Refused:
    """415: a patch in a format that is not taken for this kind."""
    if resource.is_custom:
        listed = ("application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml")
        return unsupported_media_type(", ".join(listed))
    return failure(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def undecodable(resource: Resource, why: str, *, patched: str | None) -> Refused:
    """Decoding failed: 400, or 422 where a patch (`patched`, its result as JSON) led to what cannot be decoded."""
    if patched is None:
        kind = resource.kind
        return bad_request(f'{kind} in version "{resource.version}" cannot be handled as a {kind}: {why}')
    what = cause("patch", f"Invalid value: {_go_quoted(patched)}: {why}")
    return failure(422, "Invalid", f' "" is invalid: patch: {what["message"]}', {"causes": [what]})


def _go_quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _details(resource: Resource, name: str) -> JsonObject:
    details: JsonObject = {"name": name} if name else {}
    if resource.group:
        details["group"] = resource.group
    return details | {"kind": resource.plural}

"""REST requests of the Kubernetes API, taken apart: URL, query and body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, TypeAlias, cast

from attrs import evolve, frozen

from agentctl_core import Ref
from agentctl_core.testing.rest import (
    Resource,
    bad_request,
    by_plural,
    cause,
    failure,
    go_kind,
    method_not_allowed,
    unknown_resource,
)

JsonObject: TypeAlias = dict[str, Any]

_TRUE: Final = ("1", "true", "True")
_SUMMARY_BYTES: Final = 30
_NO_KIND: Final = "couldn't get version/kind; json parse error: json: cannot unmarshal"
_HEADER: Final = r'struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }'
_VALIDATIONS: Final = ("", "Ignore", "Strict", "Warn")


@frozen(kw_only=True, unsafe_hash=False)
class Request:
    """A request, taken apart. `resource` is None where the path is none of a resource; `namespace` None is all."""

    method: str
    path: str
    query: Mapping[str, str]
    content_type: str
    body: bytes
    resource: Resource | None = None
    namespace: str | None = None
    name: str | None = None
    subresource: str | None = None

    @property
    def is_watch(self) -> bool:
        """Whether this asks for a stream of events."""
        listing = self.resource is not None and self.method == "GET" and self.name is None
        return listing and self.query.get("watch") in _TRUE

    def flag(self, name: str) -> bool:
        """Whether a boolean parameter is set."""
        return self.query.get(name) in _TRUE

    def number(self, name: str) -> int | None:
        """Return a numeric parameter, or None where it is absent.

        Raises:
            Refused: 400.
        """
        text = self.query.get(name)
        if not text:
            return None
        try:
            return int(text)
        except ValueError:
            raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None

    @property
    def strict(self) -> bool:
        """Whether unknown fields are refused.

        Raises:
            Refused: 422 for a validation that does not exist.
        """
        asked = self.query.get("fieldValidation", "")
        if asked not in _VALIDATIONS:
            kind = {"POST": "CreateOptions", "PUT": "UpdateOptions"}.get(self.method, "PatchOptions")
            raise unsupported_option(kind, "fieldValidation", asked, _VALIDATIONS)
        return asked == "Strict"

    def ref(self, resource: Resource) -> Ref:
        """Return the object that the path names.

        Raises:
            Refused: 405, where it names none.
        """
        if self.name is None or (resource.namespaced and self.namespace is None):
            raise method_not_allowed()
        return Ref(resource.api_version, resource.kind, self.namespace or "", self.name)

    def json(self) -> Any:
        """Return the body.

        Raises:
            Refused: 400, it is no JSON.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise bad_request("couldn't get version/kind; json parse error: the body is no valid JSON") from None

    def json_object(self, resource: Resource) -> JsonObject:
        """Return the body, an object of a resource.

        Raises:
            Refused: 400, it is something else.
        """
        value = self.json()
        if not isinstance(value, dict):
            raise self.unrecognized(resource, f"{_NO_KIND} {go_kind(value)} into Go value of type {_HEADER}")
        given = cast("JsonObject", value)
        for field in ("apiVersion", "kind"):
            if not isinstance(given.get(field), str | None):
                told = f"{_NO_KIND} {go_kind(given[field])} into Go struct field .{field} of type string"
                raise self.unrecognized(resource, told)
        return given

    def unrecognized(self, resource: Resource, why: str) -> Exception:
        """Return the 400 for a body of which not even the kind can be read."""
        told = f"the object provided is unrecognized (must be of type {resource.kind}): {why}"
        return bad_request(f"{told} ({self._summary()})")

    def _summary(self) -> str:
        """Return how the body begins: as it is where it begins like an object, otherwise in hexadecimal digits."""
        if not self.body:
            return "<empty>"
        start, more = self.body[:_SUMMARY_BYTES], " ..." if len(self.body) > _SUMMARY_BYTES else ""
        return (start.decode(errors="replace") if start.startswith(b"{") else start.hex()) + more


def unsupported_option(kind: str, field: str, value: str, supported: tuple[str, ...]) -> Exception:
    """Return the 422 for an option with a value that does not exist."""
    listed = ", ".join(f'"{item}"' for item in supported)
    what = cause(field, f'Unsupported value: "{value}": supported values: {listed}', "FieldValueNotSupported")
    return invalid_option(kind, what)


def invalid_option(kind: str, what: JsonObject) -> Exception:
    """Return the 422 for options of a request that do not go together."""
    details = {"group": "meta.k8s.io", "kind": kind, "causes": [what]}
    message = f'{kind}.meta.k8s.io "" is invalid: {what["field"]}: {what["message"]}'
    return failure(422, "Invalid", message, details)


def parse_request(method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Request:
    """Return the parts of a request.

    Raises:
        Refused: 404 for a resource that does not exist in the core group.
    """
    content_type = headers.get("content-type", "").partition(";")[0].strip()
    request = Request(method=method, path=path, query=query, content_type=content_type, body=body)
    match path.strip("/").split("/"):
        case ["api", "v1", *rest] if rest:
            return _locate(request, "v1", rest)
        case ["apis", group, version, *rest] if rest:
            return _locate(request, f"{group}/{version}", rest)
        case _:
            return request


def _locate(request: Request, api_version: str, segments: list[str]) -> Request:
    match segments:
        case ["namespaces", namespace, plural, *rest] if plural != "status":
            located = evolve(request, namespace=namespace)
        case [plural, *rest]:
            located = request
        case _:
            return request
    resource = by_plural(api_version, plural)
    if resource is None and api_version == "v1":
        raise unknown_resource()
    match rest:
        case []:
            return evolve(located, resource=resource)
        case [name]:
            return evolve(located, resource=resource, name=name)
        case [name, subresource]:
            return evolve(located, resource=resource, name=name, subresource=subresource)
        case _:
            return request

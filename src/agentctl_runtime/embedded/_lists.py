"""Lists: selectors, pages, and what `resourceVersion` asks for."""

from __future__ import annotations

import base64
import json
import re
from typing import Any, TypeAlias

from agentctl_core.testing import ModelCluster
from agentctl_core.testing.rest import AGENTS, PODS, Resource, bad_request, cause, expired, failure

from ._requests import Request

JsonObject: TypeAlias = dict[str, Any]

_HEADER = ("apiVersion", "kind")
"""Of a built-in kind's items only the list says what they are."""


def list_objects(cluster: ModelCluster, request: Request, resource: Resource) -> JsonObject:
    """Return a list, or one page of it.

    A later page shows the present state under the first page's resourceVersion: whoever goes on with a watch from
    there sees every change that fell in between.

    Raises:
        Refused: 400, 410 (the history no longer reaches back to the first page), 504 (a resourceVersion to come).
    """
    check_version(cluster, request)
    selection = [request.query.get(name, "") for name in ("labelSelector", "fieldSelector")]
    items, version = cluster.list(resource.api_version, resource.kind, request.namespace, *selection)
    metadata: JsonObject = {"resourceVersion": version}
    if resource is AGENTS:
        metadata["continue"] = ""  # lists of custom resources have it
    else:
        items = [{key: value for key, value in item.items() if key not in _HEADER} for item in items]
    if token := request.query.get("continue"):
        metadata["resourceVersion"], start = _read_token(cluster, token)
        items = [item for item in items if _position(item) > start]
    limit = request.number("limit")
    if limit and len(items) >= limit and _goes_on(cluster, request, resource, items[limit - 1]):
        metadata["continue"] = _token(metadata["resourceVersion"], items[limit - 1])
        if not any(selection):
            metadata["remainingItemCount"] = len(items) - limit
        items = items[:limit]
    kind = f"{resource.kind}List"
    return {"kind": kind, "apiVersion": resource.api_version, "metadata": metadata, "items": items}


def _goes_on(cluster: ModelCluster, request: Request, resource: Resource, last: JsonObject) -> bool:
    """Tell whether anything stands behind an object, selected or not: further the server does not look ahead.

    The pods of a node are all that it looks at, for it keeps an index of them.
    """
    fields = request.query.get("fieldSelector", "")
    if re.search(r"metadata\.name==?[^,]", fields):
        return False  # it gets that one object
    indexed = re.search(r"(?:^|,)(spec\.nodeName==?[^,]*)", fields)
    index = ("", indexed[1]) if indexed and resource is PODS else ()
    everything, _ = cluster.list(resource.api_version, resource.kind, request.namespace, *index)
    return any(_position(item) > _position(last) for item in everything)


def check_version(cluster: ModelCluster, request: Request) -> int:
    """Return the resourceVersion that a list or watch asks for; 0 where it leaves the choice to the server.

    Raises:
        Refused: 400 (no number), 504 (larger than any yet).
    """
    text = request.query.get("resourceVersion") or "0"
    if not text.isascii() or not text.isdigit():
        told = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise bad_request(f"invalid resource version: {told}")
    current = cluster.storage.resource_version
    if int(text) > current and not request.is_watch:
        what = cause("", "Too large resource version", "ResourceVersionTooLarge")
        del what["field"]
        details = {"causes": [what], "retryAfterSeconds": 1}
        raise failure(504, "Timeout", f"Timeout: Too large resource version: {text}, current: {current}", details)
    return int(text)


def _position(item: JsonObject) -> list[str]:
    metadata = item["metadata"]
    return [metadata.get("namespace", ""), metadata["name"]]


def _token(version: str, last: JsonObject) -> str:
    content = {"v": "meta.k8s.io/v1", "rv": int(version), "start": _position(last)}
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


def _read_token(cluster: ModelCluster, token: str) -> tuple[str, list[str]]:
    try:
        content = json.loads(base64.urlsafe_b64decode(token))
        version, start = int(content["rv"]), [str(part) for part in content["start"]]
    except (ValueError, KeyError, TypeError):
        raise bad_request("invalid continue token: continue key is not valid") from None
    if version < cluster.storage.forgotten:
        raise expired(
            "The provided continue parameter is too old to display a consistent list result."
            " You can start a new list without the continue parameter."
        )
    return str(version), start

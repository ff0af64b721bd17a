"""The scale subresource of Agents: `kubectl scale` and autoscalers see an Agent as an `autoscaling/v1` Scale."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from .._json import dig
from ._codec import decode_as
from ._decoded import object_at

JsonObject: TypeAlias = dict[str, Any]

_METADATA: Final = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def scale_of(agent: JsonObject) -> JsonObject:
    """Return the Scale of an Agent."""
    metadata = {key: agent["metadata"][key] for key in _METADATA}
    replicas: int = dig(agent, "spec", "replicas", kind=int) or 0
    status = object_at(agent, "status")
    scale = {"spec": {"replicas": replicas}, "status": {"replicas": status.get("replicas", 0)}}
    if selector := status.get("selector"):
        scale["status"]["selector"] = selector
    decoded = decode_as("autoscaling.Scale", scale | {"metadata": metadata})
    return {"kind": "Scale", "apiVersion": "autoscaling/v1"} | decoded.manifest


def scaled(agent: JsonObject, scale: JsonObject) -> JsonObject:
    """Return an Agent with the replicas, and the resourceVersion as a precondition, of a Scale that was sent."""
    metadata, replicas = scale["metadata"], scale["spec"].get("replicas", 0)
    version = {"resourceVersion": metadata["resourceVersion"]} if metadata.get("resourceVersion") else {}
    return agent | {"metadata": agent["metadata"] | version, "spec": agent["spec"] | {"replicas": replicas}}

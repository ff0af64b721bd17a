"""What an HTTP face of the model needs besides its verbs: the resources by URL, and the refusals of requests."""

from ._refused import (
    bad_request,
    cause,
    expired,
    failure,
    forbidden_change,
    method_not_allowed,
    unknown_resource,
    unsupported_media_type,
)
from ._resources import AGENTS, RESOURCES, Resource, by_plural

__all__ = [
    "AGENTS",
    "RESOURCES",
    "Resource",
    "bad_request",
    "by_plural",
    "cause",
    "expired",
    "failure",
    "forbidden_change",
    "method_not_allowed",
    "unknown_resource",
    "unsupported_media_type",
]

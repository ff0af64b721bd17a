"""What an HTTP face of the model needs besides its verbs: the resources by URL, and the refusals of requests."""

from ._checks import other_kind, refuse_unreadable, unregistered
from ._go_values import go_kind
from ._refused import (
    bad_request,
    cause,
    expired,
    failure,
    forbidden_change,
    method_not_allowed,
    not_found,
    unknown_resource,
    unsupported_media_type,
)
from ._resources import AGENTS, PODS, RESOURCES, Resource, by_plural

__all__ = [
    "AGENTS",
    "PODS",
    "RESOURCES",
    "Resource",
    "bad_request",
    "by_plural",
    "cause",
    "expired",
    "failure",
    "forbidden_change",
    "go_kind",
    "method_not_allowed",
    "not_found",
    "other_kind",
    "refuse_unreadable",
    "unknown_resource",
    "unregistered",
    "unsupported_media_type",
]

"""What an HTTP face of the model needs besides its verbs: the resources by URL, and the refusals of requests."""

from ._checks import other_kind, refuse_unreadable, refuse_unserved, unregistered
from ._go_values import go_kind
from ._refused import (
    bad_request,
    cause,
    expired,
    failure,
    forbidden_change,
    method_not_allowed,
    other_name,
    other_namespace,
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
    "other_kind",
    "other_name",
    "other_namespace",
    "refuse_unreadable",
    "refuse_unserved",
    "unknown_resource",
    "unregistered",
    "unsupported_media_type",
]

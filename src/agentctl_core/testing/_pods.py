"""Pods as the API server takes them: the fields that exist, the commonest defaults, and resizing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from .._json import dig_list
from ._decoded import object_at

JsonObject: TypeAlias = dict[str, Any]

LABEL_RULE: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with"
    " an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is"
    " '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
GRACE_SECONDS: Final = 30
_TAINTS: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
CONTAINER_LISTS: Final = ("initContainers", "containers")


def containers(spec: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Yield each container with its path, init containers last, as the API server checks them."""
    for field in reversed(CONTAINER_LISTS):
        for index, container in enumerate(dig_list(spec, field)):
            yield f"spec.{field}[{index}]", dict(container)


def default(manifest: JsonObject) -> JsonObject:
    """Return a pod with its defaults and the status of a new one: whatever the client wrote of it is dropped."""
    given: JsonObject = manifest.get("spec", {})
    account = given.get("serviceAccountName") or "default"
    defaults: JsonObject = {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": account,
        "serviceAccount": account,
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
    }
    spec = defaults | given
    tolerated = {item.get("key") for item in dig_list(given, "tolerations")}
    missing = [_toleration(taint) for taint in _TAINTS if taint not in tolerated]
    spec["tolerations"] = [*given.get("tolerations", []), *missing]
    for field in CONTAINER_LISTS:
        if field in spec:
            spec[field] = [default_container(container) for container in dig_list(spec, field)]
    return manifest | {"spec": spec, "status": {"phase": "Pending", "qosClass": qos_class(spec)}}


def _toleration(taint: str) -> JsonObject:
    return {
        "key": taint,
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": 300,
    }


def default_container(container: Any) -> JsonObject:
    """Return a container with its defaults."""
    image = str(container.get("image", ""))
    tag = image.rpartition("/")[2]
    latest = "@" not in tag and (":" not in tag or tag.endswith(":latest"))
    defaults: JsonObject = {
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "Always" if latest else "IfNotPresent",
    }
    out = defaults | dict(container)
    if "ports" in out:
        out["ports"] = [{"protocol": "TCP"} | dict(port) for port in dig_list(out, "ports")]
    return out


def qos_class(spec: JsonObject) -> str:
    """Return the quality-of-service class, in outline: Guaranteed where every container's limits are its requests."""
    resources = [object_at(container, "resources") for _, container in containers(spec)]
    if not any(item.get("limits") or item.get("requests") for item in resources):
        return "BestEffort"
    for item in resources:
        limits = object_at(item, "limits")
        if not {"cpu", "memory"} <= set(limits) or item.get("requests", limits) != limits:
            return "Burstable"
    return "Guaranteed"


def resized(spec: JsonObject, before: JsonObject) -> JsonObject:
    """Return `before` with the containers' resources of `spec`: all that the resize subresource changes."""
    out = dict(before)
    for field in CONTAINER_LISTS:
        resources = {item.get("name"): item.get("resources", {}) for item in dig_list(spec, field)}
        if field in before:
            out[field] = [
                dict(item) | {"resources": resources.get(item.get("name"), item.get("resources", {}))}
                for item in dig_list(before, field)
            ]
    return out

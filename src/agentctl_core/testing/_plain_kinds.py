"""ConfigMaps, Secrets, claims, Events, Leases and Namespaces: what the server makes of them, and their rules."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from . import _rules as rules
from ._decoded import object_at
from ._go_values import comparable, quantity
from ._refused import forbidden_change, invalid_value, required

JsonObject: TypeAlias = dict[str, Any]
Causes: TypeAlias = Iterator[JsonObject]

PROTECTION: Final = "kubernetes.io/pvc-protection"
"""The finalizer that keeps a claim while a pod uses it."""
_MOST_BYTES: Final = 1024 * 1024
_IMMUTABLE: Final = "field is immutable when `immutable` is set"
_ACCESS_MODES: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_CLAIM_RULE: Final = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
)


def with_encoded(secret: JsonObject) -> JsonObject:
    """Return a Secret with its texts (`stringData`) put into its data, which is all that is kept."""
    texts: Mapping[str, str] = secret.get("stringData", {})
    if not texts:
        return secret
    encoded = {key: base64.b64encode(value.encode("utf-8", "replace")).decode() for key, value in texts.items()}
    kept = {key: value for key, value in secret.items() if key != "stringData"}
    return kept | {"data": secret.get("data", {}) | encoded}


def without_empty_data(secret: JsonObject) -> JsonObject:
    """Return a Secret without data that are empty."""
    return {key: value for key, value in secret.items() if key != "data" or value}


def validate_config_map(manifest: JsonObject, old: JsonObject | None) -> Causes:
    """What is wrong with a ConfigMap."""
    data, binary = manifest.get("data", {}), manifest.get("binaryData", {})
    for field, values in (("data", data), ("binaryData", binary)):
        for key in values:
            yield from rules.invalid(f"{field}[{key}]", key, rules.config_key)
            if field == "data" and key in binary:
                yield invalid_value(f"data[{key}]", key, "duplicate of key present in binaryData")
    if sum(map(_size, data.values())) + sum(len(base64.b64decode(value)) for value in binary.values()) > _MOST_BYTES:
        yield rules.too_long("[]", _MOST_BYTES)
    if old is not None:
        yield from _validate_immutable(manifest, old, ("data", "binaryData"))


def validate_secret(manifest: JsonObject, old: JsonObject | None) -> Causes:
    """What is wrong with a Secret."""
    data = manifest.get("data", {})
    for key in data:
        yield from rules.invalid(f"data[{key}]", key, rules.config_key)
    if sum(len(base64.b64decode(value)) for value in data.values()) > _MOST_BYTES:
        yield rules.too_long("data", _MOST_BYTES)
    if old is not None:
        if manifest["type"] != old["type"]:
            yield invalid_value("type", manifest["type"], "field is immutable")
        yield from _validate_immutable(manifest, old, ("data",))


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _validate_immutable(manifest: JsonObject, old: JsonObject, fields: tuple[str, ...]) -> Causes:
    if not old.get("immutable"):
        return
    if not manifest.get("immutable"):
        yield forbidden_change("immutable", _IMMUTABLE)
    for field in fields:
        if manifest.get(field) != old.get(field):
            yield forbidden_change(field, _IMMUTABLE)


def new_claim(claim: JsonObject) -> JsonObject:
    """Return a new claim: pending, and protected while it is in use."""
    metadata = claim["metadata"]
    finalizers = metadata.get("finalizers", [])
    if PROTECTION not in finalizers:
        metadata = metadata | {"finalizers": [*finalizers, PROTECTION]}
    return claim | {"metadata": metadata, "status": {"phase": "Pending"}}


def validate_claim(claim: JsonObject, old: JsonObject | None) -> Causes:
    """What is wrong with a claim."""
    spec = claim["spec"]
    modes = spec.get("accessModes", [])
    if not modes:
        yield required("spec.accessModes", "at least 1 access mode is required")
    for mode in modes:
        yield from rules.one_of("spec.accessModes", mode, _ACCESS_MODES)
    if "ReadWriteOncePod" in modes and set(modes) & set(_ACCESS_MODES) != {"ReadWriteOncePod"}:
        yield forbidden_change("spec.accessModes", "may not use ReadWriteOncePod with other access modes")
    storage = object_at(spec, "resources", "requests").get("storage")
    if storage is None:
        yield required("spec.resources[storage]")
    elif quantity(storage) <= 0:
        yield invalid_value("spec.resources[storage]", storage, "must be greater than zero")
    if name := spec.get("storageClassName"):
        yield from rules.invalid("spec.storageClassName", name, rules.dns_subdomain)
    yield from rules.one_of("spec.volumeMode", spec["volumeMode"], ("Block", "Filesystem"))
    if old is not None:
        yield from _validate_claim_change(spec, old)


def admit_claim(claim: JsonObject, old: JsonObject) -> str:
    """Return why a claim may not grow, if it may not: storage classes are no kind of the model, so each allows it."""
    new, former = (object_at(one, "spec", "resources", "requests").get("storage", "0") for one in (claim, old))
    if quantity(new) <= quantity(former) or claim["spec"].get("storageClassName"):
        return ""
    return (
        "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support"
        " resize"
    )


def _validate_claim_change(spec: JsonObject, old: JsonObject) -> Causes:
    before, bound = old["spec"], old["status"].get("phase") == "Bound"
    new, former = (object_at(one, "resources", "requests").get("storage", "0") for one in (spec, before))
    changeable = {"volumeName"} if not before.get("volumeName") else set[str]()
    if before.get("storageClassName") is None:
        changeable.add("storageClassName")
    if _fixed(spec, changeable, bound=bound) != _fixed(before, changeable, bound=bound):
        yield forbidden_change("spec", _CLAIM_RULE)
    held = object_at(old, "status", "capacity").get("storage", "0")
    if quantity(new) < quantity(former) and quantity(new) <= quantity(held):
        told = "field can not be less than status.capacity"
        yield forbidden_change("spec.resources.requests.storage", told)
    if spec["volumeMode"] != before["volumeMode"]:
        yield invalid_value("volumeMode", spec["volumeMode"], "field is immutable")


def _fixed(spec: JsonObject, changeable: set[str], *, bound: bool) -> JsonObject:
    fixed = {key: value for key, value in spec.items() if key not in changeable}
    fixed["resources"] = comparable(fixed["resources"])
    if bound:
        fixed["resources"].get("requests", {}).pop("storage", None)
    return fixed


def validate_claim_status(new: JsonObject, old: JsonObject) -> Causes:  # noqa: ARG001 -- a strategy
    """What is wrong with the status of a claim."""
    for name, amount in object_at(new, "status", "capacity").items():
        if quantity(amount) < 0:
            yield invalid_value(f"status.capacity[{name}]", int(quantity(amount)), "must be a valid resource quantity")


_EVENT_FIELDS: Final[Mapping[str, str]] = {
    "regarding": "involvedObject",
    "reason": "reason",
    "note": "message",
    "type": "type",
    "eventTime": "eventTime",
    "action": "action",
    "related": "related",
    "reportingController": "reportingController",
    "reportingInstance": "reportingInstance",
    "deprecatedSource": "source",
    "deprecatedCount": "count",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
}
"""Fields that never change, and what they are called in the older API, whose names the server tells."""
_EVENT_ZEROS: Final[Mapping[str, Any]] = {"regarding": {}, "deprecatedSource": {}, "related": None, "eventTime": None}
"""What the server tells of such a field where it is not there, unless that is the empty text."""
_EVENT_LIMITS: Final[Mapping[str, int]] = {"reportingInstance": 128, "action": 128, "reason": 128, "note": 1024}


def _validate_regarding(event: JsonObject) -> Causes:
    namespace = event["metadata"]["namespace"]
    about = object_at(event, "regarding").get("namespace", "")
    is_elsewhere = about not in ("", namespace) if not event.get("eventTime") else False
    if is_elsewhere or (not about and namespace not in ("default", "kube-system")):
        yield invalid_value("involvedObject.namespace", about, "does not match event.namespace")


def validate_event(event: JsonObject, old: JsonObject | None) -> Causes:
    """What is wrong with an Event."""
    yield from _validate_regarding(event)
    if event.get("eventTime"):
        yield from _validate_event_texts(event)
    if old is None or event.get("series") != old.get("series"):
        yield from _validate_series(event.get("series"))
    if old is not None:
        for field, told in _EVENT_FIELDS.items():
            if event.get(field) != old.get(field):
                yield invalid_value(told, event.get(field, _EVENT_ZEROS.get(field, "")), "field is immutable")
        return
    if not event.get("eventTime"):
        yield required("eventTime")
    if event.get("type") not in ("Normal", "Warning"):
        yield invalid_value("type", "", f"has invalid value: {event.get('type', '')}")
    for field in ("deprecatedFirstTimestamp", "deprecatedLastTimestamp", "deprecatedCount", "deprecatedSource"):
        if event.get(field):
            yield invalid_value(_EVENT_FIELDS[field], "", "needs to be unset")


def _validate_event_texts(event: JsonObject) -> Causes:
    controller = event.get("reportingController", "")
    if not controller:
        yield required("reportingController")
    yield from rules.invalid("reportingController", controller, rules.label_key)
    for field, most in _EVENT_LIMITS.items():
        text, told = event.get(field, ""), _EVENT_FIELDS[field]
        if not text and field != "note":
            yield required(told)
        if _size(text) > most:
            yield invalid_value(told, "", f"can have at most {most} characters")


def _validate_series(series: Mapping[str, Any] | None) -> Causes:
    if series is None:
        return
    if series.get("count", 0) < 2:  # noqa: PLR2004 -- one event is no series
        yield invalid_value("series.count", "", "should be at least 2")
    if not series.get("lastObservedTime"):
        yield required("series.lastObservedTime")


def validate_lease(lease: JsonObject, old: JsonObject | None) -> Causes:  # noqa: ARG001 -- a strategy
    """What is wrong with a Lease."""
    spec = lease.get("spec", {})
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if seconds is not None and seconds <= 0:
        yield invalid_value("spec.leaseDurationSeconds", seconds, "must be greater than 0")
    if transitions is not None and transitions < 0:
        yield invalid_value("spec.leaseTransitions", transitions, "must be greater than or equal to 0")


def new_namespace(namespace: JsonObject) -> JsonObject:
    """Return a new Namespace: active, and finalized when it is deleted."""
    finalizers = object_at(namespace, "spec").get("finalizers", [])
    if "kubernetes" not in finalizers:
        finalizers = [*finalizers, "kubernetes"]
    return namespace | {"spec": {"finalizers": finalizers}, "status": {"phase": "Active"}}


def updated_namespace(new: JsonObject, old: JsonObject) -> JsonObject:
    """Return what an update makes of a Namespace."""
    return new | {"spec": old["spec"], "status": old["status"]}

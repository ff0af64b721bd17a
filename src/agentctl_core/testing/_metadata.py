"""ObjectMeta: decoding, what the server sets at creation, what stays as it is at an update, and its rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from attrs import evolve

from .._times import timestamp
from . import _rules as rules
from ._codec import decode_as
from ._decoded import Decoded
from ._refused import forbidden_change, invalid_value, required
from ._resources import NAMESPACES, SERVICES, Resource

JsonObject: TypeAlias = dict[str, Any]

FOREGROUND: Final = "foregroundDeletion"
ORPHAN: Final = "orphan"
_STANDARD_FINALIZERS: Final = ("kubernetes", ORPHAN, FOREGROUND)
_NOT_MODELLED: Final = ("managedFields", "selfLink")
_IMMUTABLE: Final = ("uid", "deletionTimestamp", "deletionGracePeriodSeconds")
_KEPT: Final = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion")
_SERVER_SET: Final = ("deletionTimestamp", "deletionGracePeriodSeconds", "uid", "creationTimestamp")
_MOST_ANNOTATIONS: Final = 256 * 1024


def decode_metadata(metadata: object) -> Decoded:
    """Return the metadata of a custom resource as Kubernetes' own type keeps it, and what was wrong with it."""
    decoded = decode_as("meta.ObjectMeta", {} if metadata is None else metadata)
    return evolve(
        decoded,
        manifest=without_untold(decoded.manifest),
        unknown=tuple(f"metadata.{path}" for path in decoded.unknown),
    )


def without_untold(metadata: JsonObject) -> JsonObject:
    """Return metadata without what the model does not have."""
    return {key: value for key, value in metadata.items() if key not in _NOT_MODELLED}


def new_metadata(metadata: JsonObject, resource: Resource, *, name: str, uid: str, now: datetime) -> JsonObject:
    """Return the metadata of a new object: what only the server sets is set, whatever the client wrote."""
    kept = {key: value for key, value in metadata.items() if key not in _SERVER_SET}
    if not resource.namespaced:
        kept.pop("namespace", None)
    counted = {"generation": 1} if resource.generation else {}
    named = {"name": name} if name else {}
    return kept | named | {"uid": uid, "creationTimestamp": timestamp(now)} | counted


def updated_metadata(metadata: JsonObject, before: JsonObject) -> tuple[JsonObject, list[JsonObject]]:
    """Return the metadata of an update, and what it may not change. What a client leaves out stays."""
    causes = [
        invalid_value(f"metadata.{key}", metadata[key], "field is immutable")
        for key in _IMMUTABLE
        if key in metadata and metadata[key] != before.get(key) and not (key == "deletionTimestamp" and key in before)
    ]
    added = sorted(set(metadata.get("finalizers", ())) - set(before.get("finalizers", ())))
    if added and "deletionTimestamp" in before:
        listed = ", ".join(f'"{finalizer}"' for finalizer in added)
        told = "no new finalizers can be added if the object is being deleted, found new finalizers"
        causes.append(forbidden_change("metadata.finalizers", f"{told} []string{{{listed}}}"))
    fresh = {key: value for key, value in metadata.items() if key not in (*_KEPT, "namespace", "generation")}
    kept = {key: before[key] for key in (*_KEPT, "namespace", "generation") if key in before}
    return fresh | kept, causes


def validate_name(metadata: JsonObject, resource: Resource) -> Iterator[JsonObject]:
    """What is wrong with the name of a new object."""
    rule = {NAMESPACES.full_name: rules.dns_label, SERVICES.full_name: rules.dns_label}.get(
        resource.full_name, rules.dns_subdomain
    )
    if prefix := metadata.get("generateName"):
        # What is appended makes it end well.
        yield from rules.invalid("metadata.generateName", prefix, lambda text: rule(text.removesuffix("-") or text))
    if name := metadata.get("name"):
        yield from rules.invalid("metadata.name", name, rule)
    else:
        yield required("metadata.name", "name or generateName is required")


def validate_metadata(metadata: JsonObject, resource: Resource) -> Iterator[JsonObject]:
    """What is wrong with labels, annotations, owner references and finalizers."""
    yield from rules.labels("metadata.labels", metadata.get("labels", {}))
    annotations: Mapping[str, str] = metadata.get("annotations", {})
    for key in annotations:
        yield from (invalid_value("metadata.annotations", key, told) for told in rules.label_key(key.lower()))
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > _MOST_ANNOTATIONS:
        yield rules.too_long("metadata.annotations", _MOST_ANNOTATIONS)
    yield from _validate_owners(metadata.get("ownerReferences", ()))
    finalizers = metadata.get("finalizers", ())
    for finalizer in finalizers:
        yield from rules.invalid("metadata.finalizers", finalizer, rules.label_key)
    if resource.has_core_rules:
        yield from _validate_standard(finalizers)
    if {ORPHAN, FOREGROUND} <= set(finalizers):
        told = f"finalizer {ORPHAN} and {FOREGROUND} cannot be both set"
        yield invalid_value("metadata.finalizers", finalizers, told)


def _validate_owners(references: list[JsonObject]) -> Iterator[JsonObject]:
    first = ""
    for index, reference in enumerate(references):
        here = f"metadata.ownerReferences[{index}]"
        version, kind = reference.get("apiVersion", ""), reference.get("kind", "")
        if version.count("/") > 1 or version.endswith("/"):
            yield invalid_value(f"{here}.apiVersion", version, "must be <group>/<version> or <version>")
        for key in ("apiVersion", "kind", "name", "uid"):
            if not reference.get(key):
                yield required(f"{here}.{key}", "must not be empty")
        if (version, kind) == ("v1", "Event"):
            yield invalid_value(here, reference, "/v1, Kind=Event is disallowed from being an owner")
        if reference.get("controller"):
            second = f"{kind}/{reference.get('name', '')}"
            if first:
                told = f'Found "true" in references for {first} and {second}'
                told = f"Only one reference can have Controller set to true. {told}"
                yield invalid_value("metadata.ownerReferences", references, told)
            first = first or second


def _validate_standard(finalizers: Sequence[str]) -> Iterator[JsonObject]:
    for index, name in enumerate(finalizers):
        if "/" not in name and name not in _STANDARD_FINALIZERS:
            told = "name is neither a standard finalizer name nor is it fully qualified"
            yield invalid_value(f"metadata.finalizers[{index}]", name, told)

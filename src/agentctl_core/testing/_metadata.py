"""ObjectMeta: decoding, what the server sets at creation, what stays as it is at an update, and its rules."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final, TypeAlias

from attrs import evolve

from .._times import timestamp
from ._codec import decode_as
from ._decoded import Decoded
from ._refused import forbidden_change, invalid_value, required
from ._resources import Resource

JsonObject: TypeAlias = dict[str, Any]

NAME_MAX_LENGTH: Final = 253
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
SUBDOMAIN_RULE: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and"
    " end with an alphanumeric character (e.g. 'example.com', regex used for validation is"
    " '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_NAME: Final = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]")
_LABEL_NAME_RULE: Final = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric"
    " character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is"
    " '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_LABEL_VALUE_RULE: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and"
    " end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is"
    " '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_NOT_MODELLED: Final = ("managedFields", "selfLink")
_IMMUTABLE: Final = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "name", "namespace")


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
    server_set = ("deletionTimestamp", "deletionGracePeriodSeconds", "generation")
    kept = {key: value for key, value in metadata.items() if key not in server_set}
    counted = {"generation": 1} if resource.generation else {}
    return kept | {"name": name, "uid": uid, "creationTimestamp": timestamp(now)} | counted


def updated_metadata(metadata: JsonObject, before: JsonObject) -> tuple[JsonObject, list[JsonObject]]:
    """Return the metadata of an update, and what it may not change. What a client leaves out stays."""
    kept = {key: before[key] for key in (*_IMMUTABLE, "generation", "resourceVersion") if key in before}
    causes = [
        invalid_value(f"metadata.{key}", metadata[key], "field is immutable")
        for key in _IMMUTABLE
        if key in metadata and metadata[key] != before.get(key)
    ]
    added = sorted(set(metadata.get("finalizers", ())) - set(before.get("finalizers", ())))
    if added and "deletionTimestamp" in before:
        listed = ", ".join(f'"{finalizer}"' for finalizer in added)
        told = "no new finalizers can be added if the object is being deleted, found new finalizers"
        causes.append(forbidden_change("metadata.finalizers", f"{told} []string{{{listed}}}"))
    fresh = {key: value for key, value in metadata.items() if key not in kept and key not in _IMMUTABLE}
    return fresh | kept, causes


def validate_name(metadata: JsonObject) -> list[JsonObject]:
    """Return what is wrong with the name of a new object."""
    name = metadata.get("name")
    if not name:
        return [required("metadata.name", "name or generateName is required")]
    if len(name) > NAME_MAX_LENGTH:
        return [invalid_value("metadata.name", name, f"must be no more than {NAME_MAX_LENGTH} bytes")]
    if not _SUBDOMAIN.fullmatch(name):
        return [invalid_value("metadata.name", name, SUBDOMAIN_RULE)]
    return []


def validate_metadata(metadata: JsonObject) -> list[JsonObject]:
    """Return what is wrong with labels and owner references."""
    causes: list[JsonObject] = []
    for key, value in metadata.get("labels", {}).items():
        if not _LABEL_NAME.fullmatch(key.rpartition("/")[2]):
            causes.append(invalid_value("metadata.labels", key, _LABEL_NAME_RULE))
        if value and not _LABEL_NAME.fullmatch(value):
            causes.append(invalid_value("metadata.labels", value, _LABEL_VALUE_RULE))
    for index, reference in enumerate(metadata.get("ownerReferences", ())):
        here = f"metadata.ownerReferences[{index}]"
        missing = [key for key in ("apiVersion", "kind", "name", "uid") if not reference.get(key)]
        causes += [required(f"{here}.{key}", "must not be empty") for key in missing]
    controllers = [r for r in metadata.get("ownerReferences", ()) if r.get("controller")]
    if len(controllers) > 1:
        first, second = (f"{r.get('kind')}/{r.get('name')}" for r in controllers[:2])
        told = (
            f'Only one reference can have Controller set to true. Found "true" in references for {first} and {second}'
        )
        causes.append(invalid_value("metadata.ownerReferences", "", told))
    return causes

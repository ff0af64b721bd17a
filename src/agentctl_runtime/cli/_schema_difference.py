"""How the schema of a CustomResourceDefinition differs from another version's."""

from __future__ import annotations

from collections.abc import Iterator

from ._manifests import Json, mapping, objects


def schema_of(crd: Json, version: str) -> Json:
    """Return the schema of one version in a CRD; empty where it does not have that version."""
    versions = objects(mapping(crd.get("spec")).get("versions"))
    named = [each for each in versions if each.get("name") == version]
    return mapping(mapping(named[0].get("schema")).get("openAPIV3Schema")) if named else {}


def fields_of(schema: Json, path: str = "") -> Iterator[str]:
    """Yield the paths of all fields that a schema names."""
    for name, field in mapping(schema.get("properties")).items():
        yield f"{path}{name}"
        yield from fields_of(mapping(field), f"{path}{name}.")
    if isinstance(schema.get("items"), dict):
        yield from fields_of(mapping(schema["items"]), f"{path.removesuffix('.')}[].")

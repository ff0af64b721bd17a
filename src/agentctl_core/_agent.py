"""The Agent resource, and the one way to get it: a manifest that the schema accepts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, TypeVar, cast

import attrs
from attrs import frozen

from ._core_v1 import CORE_V1
from ._json import dig, reach
from ._problem import InvalidAgent, Problem
from ._schema import Check, compile_schema
from ._spec import LABEL_PATTERN, NAME_MAX_LENGTH, AgentSpec

API_VERSION: Final = "agentctl.dev/v1alpha1"
KIND: Final = "Agent"
NAME_RULE: Final = (
    "must be a DNS label: at most 63 lower-case letters, digits and '-', starting and ending with a letter or digit"
)
SERVICE_NAME_RULE: Final = "must start with a letter where there is a service, which is named after the Agent"
PLACEHOLDER_UID: Final = "00000000-0000-0000-0000-000000000000"
"""Stands in for the uid of an Agent that no API server has seen (offline use)."""

T = TypeVar("T")


@frozen(kw_only=True)
class Agent:
    """A valid Agent: identity and spec. `uid` is a placeholder where no API server gave one."""

    name: str
    namespace: str
    uid: str = PLACEHOLDER_UID
    spec: AgentSpec


def json_name(attribute: str) -> str:
    """Return the JSON name of an attribute: `workingDir` for `working_dir`."""
    head, *rest = attribute.split("_")
    return head + "".join(part.capitalize() for part in rest)


@frozen
class SpecField:
    """One field of a spec class, as parsing and hashing need it.

    Attributes:
        attribute, name: its names in Python and in JSON.
        nested: the class of its value, or of the items of its list.
        is_list: whether it is a list of `nested`.
        default: its value where it is not set; `attrs.NOTHING` where it is required.
        schema: the structural schema where there is no class.
    """

    attribute: str
    name: str
    nested: type[Any] | None
    is_list: bool
    default: object
    schema: Mapping[str, Any]


@cache
def spec_fields(cls: type) -> tuple[SpecField, ...]:
    """Return the fields of a spec class, in their order."""
    return tuple(
        SpecField(
            attribute=a.name,
            name=json_name(a.name),
            nested=a.metadata.get("class") or a.metadata.get("items"),
            is_list="items" in a.metadata,
            default=a.default.factory() if isinstance(a.default, attrs.Factory) else a.default,  # type: ignore[arg-type]
            schema=a.metadata.get("schema", {}),
        )
        for a in attrs.fields(cls)
    )


@cache
def _fields_by_name(cls: type) -> Mapping[str, SpecField]:
    return {field.name: field for field in spec_fields(cls)}


def schema_of(cls: type, *, describe: bool = False) -> dict[str, Any]:
    """Return the structural schema of a spec class; with `describe`, its documentation too.

    `$ref`s into `CORE_V1` and our own extensions (`x-...`) are kept: `crd` turns them into a CRD's terms.
    """
    properties: dict[str, Any] = {}
    required: list[str] = []
    for attribute in attrs.fields(cls):
        doc = {"description": attribute.metadata["doc"]} if describe else {}
        properties[json_name(attribute.name)] = doc | _field_schema(attribute.metadata, describe=describe)
        if attribute.default is attrs.NOTHING:
            required.append(json_name(attribute.name))
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    if rules := getattr(cls, "RULES", ()):
        schema["x-rules"] = rules
    if elsewhere := getattr(cls, "_ELSEWHERE", {}):
        schema["x-elsewhere"] = elsewhere
    return schema


def _field_schema(metadata: Mapping[str, Any], *, describe: bool) -> dict[str, Any]:
    if nested := metadata.get("class"):
        return schema_of(nested, describe=describe)
    if item := metadata.get("items"):
        return {"type": "array", "items": schema_of(item, describe=describe), **metadata["extra"]}
    return dict(metadata["schema"])


@cache
def _spec_check() -> Check:
    """Compile the schema when the first Agent is parsed: who imports the core for something else need not wait."""
    return compile_schema(schema_of(AgentSpec), CORE_V1)


def parse_agent(manifest: Mapping[str, Any]) -> Agent:
    """Return the Agent of a manifest, or say everything that is wrong with it.

    Args:
        manifest: an Agent as the API server returns it or as a person wrote it: any Mapping of JSON-like values.
            `apiVersion` and `kind` are checked where they are given.

    Raises:
        InvalidAgent: with every problem at once. What is accepted and refused is what the API server accepts and
            refuses under `fieldValidation=Strict`.
    """
    problems: list[Problem] = []
    _check_type(manifest, problems)
    name = _check_name(manifest, problems)
    raw_spec = reach(manifest, "spec")
    if raw_spec is None:
        problems.append(Problem("spec", "is required; write at least spec.image"))
        raise InvalidAgent(problems)
    spec = _spec_check()(raw_spec, (None, "spec"), problems)
    if reach(spec, "service") is not None and name[:1].isdigit():
        problems.append(Problem("metadata.name", SERVICE_NAME_RULE))
    if problems:
        raise InvalidAgent(problems)
    return Agent(
        name=name,
        namespace=dig(manifest, "metadata", "namespace", kind=str) or "default",
        uid=dig(manifest, "metadata", "uid", kind=str) or PLACEHOLDER_UID,
        spec=_structure(AgentSpec, spec),
    )


def _check_type(manifest: object, problems: list[Problem]) -> None:
    for key, wanted in (("apiVersion", API_VERSION), ("kind", KIND)):
        value = reach(manifest, key)
        if value is not None and value != wanted:
            problems.append(Problem(key, f"must be {wanted}"))


def _check_name(manifest: object, problems: list[Problem]) -> str:
    """Return the name. Its rule stands in the CRD too: the pod, and with it labels and a host name, has it."""
    name = reach(manifest, "metadata", "name")
    if name is None:
        problems.append(Problem("metadata.name", "is required; write a DNS label, for example my-agent"))
    elif isinstance(name, str) and len(name) <= NAME_MAX_LENGTH and re.fullmatch(LABEL_PATTERN.strip("^$"), name):
        return name
    else:
        problems.append(Problem("metadata.name", NAME_RULE))
    return ""


def _structure(cls: type[T], data: Mapping[str, Any]) -> T:
    """Build a spec class from checked data: absent fields keep the class's defaults."""
    arguments: dict[str, Any] = {}
    fields = _fields_by_name(cast("Any", cls))
    for name, value in data.items():
        field = fields[name]
        nested = field.nested
        if nested is not None and field.is_list:
            items: list[Mapping[str, Any]] = value
            arguments[field.attribute] = tuple(_structure(nested, item) for item in items)
        elif nested is not None:
            arguments[field.attribute] = _structure(nested, value)
        else:
            arguments[field.attribute] = value
    return cls(**arguments)

"""The Agent resource as frozen classes, and the one way to get them: a manifest that the schema accepts.

Each field carries its schema and its documentation; `crd` builds the CustomResourceDefinition from them, so what the
API server checks, what `kubectl explain` prints and what is parsed here are the same text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar, cast

import attrs
from attrs import field, frozen

from ._core_v1 import CORE_V1
from ._json import dig, reach
from ._problem import InvalidAgent, Problem
from ._schema import Check, compile_schema

API_VERSION = "agentctl.dev/v1alpha1"
KIND = "Agent"
NAME_PATTERN = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
NAME_MAX_LENGTH = 63
NAME_RULE = (
    "must be a DNS label: at most 63 lower-case letters, digits and '-', starting and ending with a letter or digit"
)
PLACEHOLDER_UID = "00000000-0000-0000-0000-000000000000"
"""Stands in for the uid of an Agent that no API server has seen (offline use)."""

_JsonObject = Mapping[str, Any]
T = TypeVar("T")

_STRINGS = {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "atomic"}
_STRING_MAP = {"type": "object", "additionalProperties": {"type": "string"}}


def _spec(schema: _JsonObject, doc: str, **options: Any) -> Any:
    """Declare a field of the spec with its structural schema and its documentation."""
    return field(metadata={"schema": schema, "doc": doc}, **options)


def _nested(cls: type, doc: str) -> Any:
    return field(factory=cls, metadata={"class": cls, "doc": doc})


@frozen(kw_only=True)
class PodTemplateMetadata:
    """Labels and annotations of the pod, besides the operator's own."""

    labels: _JsonObject = _spec(_STRING_MAP, "Labels added to the pod.", factory=dict)
    annotations: _JsonObject = _spec(_STRING_MAP, "Annotations added to the pod.", factory=dict)


@frozen(kw_only=True)
class PodTemplate:
    """What the pod gets that is not its containers."""

    metadata: PodTemplateMetadata = _nested(PodTemplateMetadata, "Labels and annotations of the pod.")


@frozen(kw_only=True)
class AgentSpec:
    """`spec` of an Agent: the main container's fields stand directly in it, as in core/v1 Container."""

    image: str = _spec(
        {"type": "string", "minLength": 1},
        "Container image that holds the agent, for example registry.example.com/team/agent:1.4. "
        "The only required field.",
    )
    command: tuple[str, ...] = _spec(
        _STRINGS, "Replaces the image's ENTRYPOINT, as in core/v1 Container.", default=(), converter=tuple[str, ...]
    )
    args: tuple[str, ...] = _spec(
        _STRINGS, "Replaces the image's CMD, as in core/v1 Container.", default=(), converter=tuple[str, ...]
    )
    working_dir: str | None = _spec(
        {"type": "string"}, "Working directory of the agent; the image's own by default.", default=None
    )
    env: tuple[_JsonObject, ...] = _spec(
        {
            "type": "array",
            "items": {"$ref": "EnvVar"},
            "maxItems": 1000,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
        "Environment variables of the agent, as in core/v1 Container.",
        default=(),
        converter=tuple[_JsonObject, ...],
    )
    env_from: tuple[_JsonObject, ...] = _spec(
        {"type": "array", "items": {"$ref": "EnvFromSource"}, "maxItems": 64, "x-kubernetes-list-type": "atomic"},
        "Config maps and secrets whose entries become environment variables, as in core/v1 Container.",
        default=(),
        converter=tuple[_JsonObject, ...],
    )
    ports: tuple[_JsonObject, ...] = _spec(
        {
            "type": "array",
            "items": {"$ref": "ContainerPort"},
            "maxItems": 32,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["containerPort", "protocol"],
        },
        "Ports that the agent listens on, as in core/v1 Container.",
        default=(),
        converter=tuple[_JsonObject, ...],
    )
    resources: _JsonObject = _spec(
        {"$ref": "ResourceRequirements"}, "CPU, memory and other resources, as in core/v1 Container.", factory=dict
    )
    replicas: int = _spec(
        {"type": "integer", "format": "int32", "minimum": 0, "maximum": 1, "default": 1},
        "1 runs the agent, 0 suspends it: its pod is deleted. `kubectl scale`, KEDA and HPA set it.",
        default=1,
    )
    pod_template: PodTemplate = _nested(PodTemplate, "What the pod gets besides its containers.")


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


def schema_of(cls: type, *, describe: bool = False) -> dict[str, Any]:
    """Return the structural schema of a spec class; with `describe`, its documentation too. `$ref`s are kept."""
    properties: dict[str, Any] = {}
    required: list[str] = []
    for attribute in attrs.fields(cls):
        nested = attribute.metadata.get("class")
        schema = schema_of(nested, describe=describe) if nested else dict(attribute.metadata["schema"])
        doc = {"description": attribute.metadata["doc"]} if describe else {}
        properties[json_name(attribute.name)] = doc | schema
        if attribute.default is attrs.NOTHING:
            required.append(json_name(attribute.name))
    return {"type": "object", "properties": properties} | ({"required": required} if required else {})


_check_spec: Check = compile_schema(schema_of(AgentSpec), CORE_V1)


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
        problems.append(Problem("spec", "is required; the least is spec.image"))
        raise InvalidAgent(problems)
    spec = _check_spec(raw_spec, (None, "spec"), problems)
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
        problems.append(Problem("metadata.name", "is required"))
    elif isinstance(name, str) and len(name) <= NAME_MAX_LENGTH and re.fullmatch(NAME_PATTERN.strip("^$"), name):
        return name
    else:
        problems.append(Problem("metadata.name", NAME_RULE))
    return ""


def _structure(cls: type[T], data: Mapping[str, Any]) -> T:
    """Build a spec class from checked data: absent fields keep the class's defaults."""
    arguments: dict[str, Any] = {}
    for attribute in attrs.fields(cast("type[Any]", cls)):
        value = data.get(json_name(attribute.name))
        if value is not None:
            nested = attribute.metadata.get("class")
            arguments[attribute.name] = _structure(nested, value) if nested else value
    return cls(**arguments)

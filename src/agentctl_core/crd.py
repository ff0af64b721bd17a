"""The CustomResourceDefinition of Agent, made from the classes that parse it (`_agent`).

`crds/agents.yaml` is this, written by `agentctl crd`.
"""

from __future__ import annotations

from typing import Any, Final, cast

from ._agent import API_VERSION, KIND, NAME_MAX_LENGTH, NAME_PATTERN, NAME_RULE, AgentSpec, schema_of
from ._core_v1 import CORE_V1

GROUP, VERSION = API_VERSION.split("/")
PLURAL: Final = "agents"


def custom_resource_definition() -> dict[str, Any]:
    """Return the CRD as an `apiextensions.k8s.io/v1` manifest, in fresh dicts."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}", "labels": {"app.kubernetes.io/name": "agentctl"}},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"kind": KIND, "listKind": f"{KIND}List", "plural": PLURAL, "singular": "agent"},
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": agent_schema()},
                    "subresources": {
                        "status": {},
                        "scale": {
                            "specReplicasPath": ".spec.replicas",
                            "statusReplicasPath": ".status.replicas",
                            "labelSelectorPath": ".status.selector",
                        },
                    },
                    "additionalPrinterColumns": [
                        _column("Ready", "string", '.status.conditions[?(@.type=="Ready")].status'),
                        _column("Reason", "string", '.status.conditions[?(@.type=="Ready")].reason'),
                        _column("Pod", "string", ".status.podName"),
                        _column("Age", "date", ".metadata.creationTimestamp"),
                        _column("Image", "string", ".spec.image", priority=1),
                        _column("IP", "string", ".status.podIPs[0].ip", priority=1),
                    ],
                }
            ],
        },
    }


def agent_schema() -> dict[str, Any]:
    """Return the structural schema of a whole Agent: documentation included, every type expanded."""
    return {
        "type": "object",
        "description": "An Agent runs a container image as an AI agent, in one pod at the most.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": {"description": "What is wanted."} | _expand(schema_of(AgentSpec, describe=True)),
            "status": _expand(_STATUS),
        },
        "x-kubernetes-validations": [
            {
                "rule": f"self.metadata.name.size() <= {NAME_MAX_LENGTH}"
                f" && self.metadata.name.matches('{NAME_PATTERN}')",
                "message": f"metadata.name {NAME_RULE}",
            }
        ],
    }


def _column(name: str, kind: str, path: str, priority: int = 0) -> dict[str, Any]:
    column: dict[str, Any] = {"name": name, "type": kind, "jsonPath": path}
    return column | ({"priority": priority} if priority else {})


def _expand(schema: object) -> Any:
    """Return a schema with its `$ref`s expanded and our own extensions left out, in fresh dicts."""
    if isinstance(schema, list):
        return [_expand(item) for item in cast("list[object]", schema)]
    if not isinstance(schema, dict):
        return schema
    here = dict(cast("dict[str, object]", schema))
    if reference := here.pop("$ref", None):
        return here | _expand(CORE_V1[cast("str", reference)])
    return {key: _expand(value) for key, value in here.items() if key != "x-hint"}


_TEXT: Final = {"type": "string"}
_STATUS: Final[dict[str, Any]] = {
    "type": "object",
    "description": "What the operator saw. Written by the operator alone.",
    "properties": {
        "observedGeneration": {
            "type": "integer",
            "format": "int64",
            "description": "The metadata.generation that this status speaks of.",
        },
        "conditions": {
            "type": "array",
            "description": "Accepted: whether the spec can be run. Ready: whether the agent can be used.",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
            "items": {
                "type": "object",
                "required": ["type", "status", "reason", "message", "lastTransitionTime"],
                "properties": {
                    "type": _TEXT,
                    "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                    "reason": _TEXT,
                    "message": {"type": "string", "maxLength": 32768},
                    "lastTransitionTime": {"type": "string", "format": "date-time"},
                    "observedGeneration": {"type": "integer", "format": "int64"},
                },
            },
        },
        "replicas": {"type": "integer", "format": "int32", "description": "How many pods run now: 0 or 1."},
        "selector": {"type": "string", "description": "Label selector of the pod, for the scale subresource."},
        "podName": {"type": "string", "description": "Name of the pod, where there is one."},
        "podIPs": {
            "type": "array",
            "description": "Addresses of the pod, as in core/v1 PodStatus.",
            "x-kubernetes-list-type": "atomic",
            "items": {"type": "object", "required": ["ip"], "properties": {"ip": _TEXT}},
        },
    },
}

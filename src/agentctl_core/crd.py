"""The CustomResourceDefinition of Agent, made from the classes that parse it (`_agent`).

`crds/agents.yaml` is this, written by `agentctl crd`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from ._agent import API_VERSION, KIND, NAME_RULE, SERVICE_NAME_RULE, schema_of
from ._core_v1 import CORE_V1
from ._core_v1_docs import CORE_V1_DOCS
from ._schema import Rule
from ._spec import LABEL_PATTERN, NAME_MAX_LENGTH, AgentSpec

__all__ = ["GROUP", "PLURAL", "VERSION", "agent_schema", "custom_resource_definition"]

GROUP: Final = API_VERSION.partition("/")[0]
VERSION: Final = API_VERSION.partition("/")[2]
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
                        _column("UpToDate", "string", '.status.conditions[?(@.type=="UpToDate")].status'),
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
            "metadata": {"type": "object", "properties": {"name": {"type": "string"}}},
            "spec": {"description": "What is wanted."} | _expand(schema_of(AgentSpec, describe=True), set()),
            "status": _expand(_STATUS, set()),
        },
        "x-kubernetes-validations": [
            _validation(
                f"self.metadata.name.size() <= {NAME_MAX_LENGTH} && self.metadata.name.matches('{LABEL_PATTERN}')",
                NAME_RULE,
                ".metadata.name",
            ),
            _validation(
                "!has(self.spec.service) || !self.metadata.name.matches('^[0-9]')", SERVICE_NAME_RULE, ".metadata.name"
            ),
        ],
    }


def _column(name: str, kind: str, path: str, priority: int = 0) -> dict[str, Any]:
    column: dict[str, Any] = {"name": name, "type": kind, "jsonPath": path}
    return column | ({"priority": priority} if priority else {})


def _expand(schema: Mapping[str, Any], told: set[str], prefix: str = "") -> dict[str, Any]:
    """Return a schema in a CRD's terms, in fresh dicts: types expanded, rules in CEL, what is ours alone left out.

    `prefix` is how the documentation of an embedded type's fields begins: `Container.`. Each is told once, where the
    type stands first, and Container's wherever there are containers: told everywhere they would make half of the CRD.
    """
    if reference := schema.get("$ref"):
        about = {"description": schema["description"]} if "description" in schema else {}
        prefix = "" if reference in told else f"{reference}."
        told |= {reference} - {"Container"}
        return about | _expand(CORE_V1[reference], told, prefix)
    out: dict[str, Any] = {}
    for key, value in schema.items():
        match key:
            case "x-hint" | "x-literal" | "x-elsewhere":
                pass
            case "x-rules":
                out["x-kubernetes-validations"] = [_rule(rule) for rule in cast("tuple[Rule, ...]", value)]
            case "properties":
                out[key] = {name: _describe(_expand(child, told), prefix + name) for name, child in value.items()}
            case "items" | "additionalProperties":
                out[key] = _expand(value, told)
            case _:
                out[key] = list(cast("list[object]", value)) if isinstance(value, list) else value
    return out


def _describe(schema: dict[str, Any], field: str) -> dict[str, Any]:
    """Add the documentation of an embedded field, where there is one."""
    return {"description": CORE_V1_DOCS[field]} | schema if field in CORE_V1_DOCS else schema


def _rule(rule: Rule) -> dict[str, Any]:
    return _validation(rule.cel, rule.message, rule.field)


def _validation(cel: str, message: str, field: str) -> dict[str, Any]:
    """Return a rule for `x-kubernetes-validations`; `field` is told where it is one that the schema can name."""
    place = {"fieldPath": field} if re.fullmatch(r"(\.[A-Za-z]+)+", field) else {}
    return {"rule": cel, "message": message, "reason": "FieldValueInvalid"} | place


_TEXT: Final = {"type": "string"}
_TEXTS: Final = {"type": "array", "x-kubernetes-list-type": "atomic", "items": _TEXT}
_TIME: Final = {"type": "string", "format": "date-time"}
_STATUS: Final[dict[str, Any]] = {
    "type": "object",
    "description": "What the operator saw. Written by the operator alone.",
    # Until the operator has said a word: without it kstatus, and who waits by it, takes a new Agent for a ready one.
    "default": {"observedGeneration": -1},
    "properties": {
        "observedGeneration": {
            "type": "integer",
            "format": "int64",
            "description": "The metadata.generation that this status speaks of.",
        },
        "conditions": {
            "type": "array",
            "description": (
                "Accepted: whether the spec can be run. Ready: whether the agent can be used; absent while it is "
                "suspended or has finished. UpToDate: whether the pod is what the spec asks for. Suspended, Finished: "
                "whether it is. Stalled: True where only another edit can help."
            ),
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
            "items": {
                "type": "object",
                "required": ["type", "status", "reason", "message", "lastTransitionTime"],
                "properties": {
                    "type": _TEXT | {"description": "What the condition is about."},
                    "status": {
                        "type": "string",
                        "enum": ["True", "False", "Unknown"],
                        "description": "Whether it holds.",
                    },
                    "reason": _TEXT | {"description": "Why, in one word."},
                    "message": {
                        "type": "string",
                        "maxLength": 32768,
                        "description": "Why, and what to do about it.",
                    },
                    "lastTransitionTime": _TIME | {"description": "When its status changed last."},
                    "observedGeneration": {
                        "type": "integer",
                        "format": "int64",
                        "description": "The metadata.generation that it speaks of.",
                    },
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
            "items": {
                "type": "object",
                "required": ["ip"],
                "properties": {"ip": _TEXT | {"description": "One address, IPv4 or IPv6."}},
            },
        },
        "nodeName": {"type": "string", "description": "The node that the pod is on."},
        "currentRevision": {"type": "string", "description": "What the present pod, or the last one, was made from."},
        "updateRevision": {"type": "string", "description": "What the next pod is made from."},
        "startTime": _TIME | {"description": "When the first pod of the current revision was made."},
        "completionTime": _TIME | {"description": "When the task finished."},
        "failures": {
            "type": "integer",
            "format": "int32",
            "description": "How many pods of the current revision have failed; a service that stays ready has none.",
        },
        "lastFailure": {
            "type": "object",
            "description": "The last pod that failed.",
            "required": ["podUID", "time", "reason"],
            "properties": {
                "podUID": _TEXT | {"description": "Its uid: each pod is counted once."},
                "time": _TIME | {"description": "When it failed."},
                "reason": _TEXT | {"description": "Why, in one word."},
            },
        },
        "restarts": {
            "type": "integer",
            "format": "int32",
            "description": "How often the agent's container has been started again in the present pod.",
        },
        "lastTermination": {
            "type": "object",
            "description": "How a container ended last, as in core/v1 ContainerStateTerminated.",
            "properties": {
                "podUID": _TEXT | {"description": "The pod that it was in."},
                "containerName": _TEXT | {"description": "Its name; the agent's is agent."},
                "exitCode": {
                    "type": "integer",
                    "format": "int32",
                    "description": "Exit code; 128 and the number of the signal that ended it.",
                },
                "reason": _TEXT | {"description": "Why, as the kubelet says: Error, OOMKilled, Completed."},
                "message": _TEXT | {"description": "What the container left in its termination message."},
                "finishedAt": _TIME | {"description": "When it ended."},
            },
        },
        "resolvedImage": {"type": "string", "description": "The image that the pod runs, with its digest."},
        "resolvedFrom": {"type": "string", "description": "The spec.image that resolvedImage was found for."},
        "resolvedCommand": {
            "type": "object",
            "description": "What that image runs by itself, where the spec has no command.",
            "properties": {
                "entrypoint": _TEXTS | {"description": "Its ENTRYPOINT."},
                "cmd": _TEXTS | {"description": "Its CMD."},
            },
        },
    },
}

"""Everything that is wrong with an Agent before it is applied: what whoever reads it later would say.

    for problem in precheck(manifest, config):
        print(problem)  # spec.comand: unknown field; did you mean command?

The API server reads it first, then the operator; at last the API server again, as the pod and what stands beside it.
What they say is the core's own text, and for the last of them the model cluster's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias, cast

from .._agent import API_VERSION, KIND, Agent, parse_agent
from .._config import Config
from .._json import copy_json, dig, dig_list, reach
from .._pod import Rendered, render
from .._policy import violations
from .._problem import InvalidAgent, Problem
from .._resolve import COMMAND_NEEDED
from .._schema import Check, compile_schema
from .._wording import REQUIRED, UNKNOWN
from ._cluster import ModelCluster
from ._metadata import validate_metadata
from ._refused import Refused
from ._resources import AGENTS
from ._rules import dns_label, invalid

__all__ = ["precheck"]

Json: TypeAlias = Mapping[str, Any]

_TEXT: Final = {"type": "string"}
_TEXTS: Final = {"type": "object", "additionalProperties": _TEXT}
_OWNER: Final = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("apiVersion", "kind", "name", "uid"), _TEXT),
        **{name: {"type": "boolean"} for name in ("controller", "blockOwnerDeletion")},
    },
}
_METADATA: Final = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("name", "generateName", "namespace", "uid", "resourceVersion", "selfLink"), _TEXT),
        **dict.fromkeys(("creationTimestamp", "deletionTimestamp"), _TEXT),
        **{name: {"type": "integer"} for name in ("generation", "deletionGracePeriodSeconds")},
        "labels": _TEXTS,
        "annotations": _TEXTS,
        "finalizers": {"type": "array", "items": _TEXT},
        "ownerReferences": {"type": "array", "items": _OWNER},
    },
}
_check_metadata: Check = compile_schema(_METADATA)
_NOT_WALKED: Final = ("spec", "status", "metadata")
_TOP: Final = {
    "type": "object",
    "properties": {"apiVersion": _TEXT, "kind": _TEXT, **dict.fromkeys(_NOT_WALKED, _TEXT)},
    "x-elsewhere": {
        **{name: f"write it under metadata, as {name}" for name in ("name", "namespace", "labels", "annotations")},
        **{name: f"write it under spec, as {name}" for name in ("image", "command", "args", "env", "replicas")},
    },
}
_check_top: Check = compile_schema(_TOP)
_OWN: Final = "spec"
"""Stands for what no field of its own has asked for."""
_GENERATED: Final = "00000"
"""Stands for what the API server appends to `generateName`."""
_NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)


def precheck(manifest: Json, config: Config | None = None) -> tuple[Problem, ...]:
    """Return everything that is wrong with an Agent as a person wrote it; empty where it would be run.

    Args:
        manifest: what was written: any Mapping of JSON-like values.
        config: what the operator's owner decided; its policy says what an Agent may ask for.
    """
    config = config or Config()
    problems = list(_beside_the_spec(manifest))
    try:
        agent = parse_agent(_with_name(manifest))
    except InvalidAgent as error:
        return _without_misspelt([*problems, *error.problems])
    problems += violations(agent, config.policy)
    try:
        rendered = render(agent, config)
    except InvalidAgent as error:
        return (*problems, *error.problems)
    if rendered.prefix is not None and not rendered.prefix.resolve:
        problems.append(Problem("spec.command", COMMAND_NEEDED))
    return tuple(problems) or _without_echoes(_refusals(agent, rendered))


def _beside_the_spec(manifest: Json) -> Iterator[Problem]:
    problems: list[Problem] = []
    top = {key: "" if key in _NOT_WALKED else value for key, value in manifest.items()}
    _check_top(top, (None, ""), problems)
    yield from (Problem(problem.path.removeprefix("."), problem.message) for problem in problems)
    for key, wanted in (("apiVersion", API_VERSION), ("kind", KIND)):
        if manifest.get(key) is None:
            yield Problem(key, f"{REQUIRED}; write {wanted}")
    if manifest.get("metadata") is not None:
        yield from _of_metadata(manifest["metadata"])


def _of_metadata(given: object) -> Sequence[Problem]:
    problems: list[Problem] = []
    if isinstance(given, Mapping):
        known = cast("Json", given)
        given = {key: value for key, value in known.items() if key != "managedFields"}
    metadata = _check_metadata(given, (None, "metadata"), problems)
    if problems:
        return problems
    namespace: str = metadata.get("namespace") or "default"
    causes = [*validate_metadata(metadata, AGENTS), *invalid("metadata.namespace", namespace, dns_label)]
    return [Problem(cause["field"], _words(cause["message"])) for cause in causes]


def _without_misspelt(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return problems, each path once, without the missing fields of which another tells that they were meant."""
    told = {f"{problem.path.rpartition('.')[0]} {problem.message}" for problem in problems}
    first = {problem.path: problem for problem in reversed(problems)}
    return tuple(problem for problem in problems if first[problem.path] is problem and not _is_meant(problem, told))


def _is_meant(problem: Problem, told: AbstractSet[str]) -> bool:
    parent, _, name = problem.path.rpartition(".")
    return problem.message.startswith(REQUIRED) and f"{parent} {UNKNOWN}; did you mean {name}?" in told


def _without_echoes(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return problems without those of the operator's own containers, which have the agent's resources, say."""
    found = tuple(problems)
    told = {problem.message for problem in found if problem.path != _OWN}
    return tuple(problem for problem in found if problem.path != _OWN or problem.message not in told)


def _with_name(manifest: Json) -> Json:
    """Return a manifest with the name that the API server would generate, where it is asked to."""
    prefix = dig(manifest, "metadata", "generateName", kind=str)
    if not prefix or reach(manifest, "metadata", "name"):
        return manifest
    return {**manifest, "metadata": {**manifest["metadata"], "name": f"{prefix}{_GENERATED}"}}


def _refusals(agent: Agent, rendered: Rendered) -> Iterator[Problem]:
    """Yield what the API server would say to the pod and to what stands beside it, each at the Agent's own field."""
    cluster = ModelCluster(_NOW)
    for manifest in (*rendered.objects, rendered.pod):
        created = copy_json(manifest)
        created["metadata"]["namespace"] = "default"
        try:
            cluster.create(created)
        except Refused as refusal:
            causes = dig_list(refusal.status, "details", "causes")
            for cause in causes or ({"field": "", "message": refusal.status["message"]},):
                told = f"{_words(cause['message'])} (or the API server refuses the {manifest['kind']})"
                yield Problem(_own_path(agent, manifest, cause["field"]), told)


def _words(message: str) -> str:
    """Return what the API server says, shorter: without what stands in the path and in the example."""
    said = re.sub(r",? regex used for validation is '.*'\)", ")", message)
    return re.sub("^Required value", REQUIRED, re.sub('^(Invalid value: ("": )?|Forbidden: )', "", said))


def _own_path(agent: Agent, manifest: Json, path: str) -> str:
    """Return the Agent's field that a field of its pod, or of an object beside that, comes from."""
    if manifest["kind"] == "Service":
        return path.replace("spec", "spec.service", 1) if path.startswith("spec.ports") else "spec.service"
    if manifest["kind"] == "PersistentVolumeClaim":
        name = manifest["metadata"]["name"].removesuffix(f"-{agent.name}")
        index = next(i for i, each in enumerate(agent.spec.volume_claim_templates) if each.metadata.name == name)
        return f"spec.volumeClaimTemplates[{index}].{path}".rstrip(".")
    if manifest["kind"] != "Pod":
        return "spec.files"
    if path.startswith("metadata."):
        return f"spec.podTemplate.{path}"
    match = re.match(r"spec\.(containers|initContainers|volumes)\[(\d+)\]", path)
    if match is None:
        return path.replace("spec", "spec.podTemplate.spec", 1) or _OWN
    item, rest = manifest["spec"][match[1]][int(match[2])], path[match.end() :]
    if match[1] == "containers":
        return "spec" + _moved(rest, item, _main(agent))
    for name in ("initContainers", "sidecars", "volumes"):
        own: Sequence[Json] = getattr(agent.spec, _ATTRIBUTES[name])
        for index, each in enumerate(own):
            if each["name"] == item["name"] and (name == "volumes") == (match[1] == "volumes"):
                return f"spec.{name}[{index}]" + _moved(rest, item, each)
    return _OWN


_ATTRIBUTES: Final = {"initContainers": "init_containers", "sidecars": "sidecars", "volumes": "volumes"}


def _main(agent: Agent) -> Json:
    return {"env": agent.spec.env, "volumeMounts": agent.spec.volume_mounts}


def _moved(path: str, rendered: Json, own: Json) -> str:
    """Return a path within a container, with the item's place among those that the Agent itself has."""
    match = re.match(r"\.(env|volumeMounts)\[(\d+)\]", path)
    if match is None:
        return path
    key = {"env": "name", "volumeMounts": "mountPath"}[match[1]]
    wanted = rendered[match[1]][int(match[2])].get(key)
    items = cast("Iterable[Json]", own.get(match[1]) or ())
    index = next((i for i, item in enumerate(items) if item.get(key) == wanted), None)
    return f".{match[1]}" if index is None else f".{match[1]}[{index}]{path[match.end() :]}"

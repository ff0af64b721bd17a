"""What may come in: JSON that nobody has checked, Agents of this version, pods as the API server tells of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hypothesis import strategies as st

from agentctl_core import AgentSpec
from agentctl_core._agent import schema_of
from agentctl_core._core_v1 import CORE_V1

from .builders import GONE, POD_UID, UID, Json, a_pod, a_refusal, an_agent, nested


def _words(value: Any) -> set[str]:
    """Return every key and every string in it."""
    if isinstance(value, dict):
        return set(value).union(*map(_words, value.values()))
    if isinstance(value, list):
        return set[str]().union(*map(_words, value))
    return {value} if isinstance(value, str) else set()


MEANT = sorted(
    _words(schema_of(AgentSpec))
    | _words(an_agent(status={"conditions": [{"type": "Ready", "status": "True", "reason": "", "message": ""}]}))
    | _words(a_pod(metadata={"deletionTimestamp": GONE}, status={"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}]}))
    | _words(a_refusal())
)
"""Words that mean something to the core: arbitrary JSON made of them reaches further into it."""

any_text = st.text(st.characters(exclude_categories=()), max_size=12)
"""Lone surrogates and control characters included."""
text = st.text(max_size=12)
some_text = st.text(min_size=1, max_size=12)
variables = st.from_regex(r"[ -<>-~]{1,12}", fullmatch=True)
port_names = st.from_regex(r"[a-z]([a-z0-9]-?){0,6}[a-z0-9]", fullmatch=True)
words = st.sampled_from(MEANT)
numbers = st.integers() | st.floats() | st.sampled_from([31, 63, 1000, 16000]).map(lambda bits: 1 << bits)
scalars = st.none() | st.booleans() | numbers | words | any_text
keys: st.SearchStrategy[Any] = words | any_text | st.integers() | st.none() | st.booleans()
deep = st.builds(nested, st.integers(100, 3000), st.sampled_from([list, dict]))


def _containers(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(children, max_size=4)
    dicts = st.dictionaries(keys, children, max_size=5)
    return lists | dicts | lists.map(tuple) | dicts.map(MappingProxyType)


shallow_json: st.SearchStrategy[Any] = st.recursive(scalars, _containers, max_leaves=12)
any_json: st.SearchStrategy[Any] = shallow_json | deep


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """Objects with any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


names = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
service_names = st.from_regex(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
maps = st.dictionaries(text.filter(lambda key: "/" not in key), text, max_size=3)
quantities = st.integers(0, 2**40) | st.sampled_from(["500m", "1Gi", "0.5", "+1e3", ".5", "12E"])
_selectors: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {"key": some_text, "name": some_text}, optional={"optional": st.booleans()}
)
_env: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {"name": variables},
    optional={
        "value": text,
        "valueFrom": st.fixed_dictionaries({"secretKeyRef": _selectors})
        | st.fixed_dictionaries({"configMapKeyRef": _selectors})
        | st.fixed_dictionaries({"fieldRef": st.fixed_dictionaries({"fieldPath": text})}),
    },
)
_env_from = optional(
    prefix=variables, secretRef=st.fixed_dictionaries({"name": some_text}, optional={"optional": st.booleans()})
)
_port: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {"containerPort": st.integers(1, 65535)},
    optional={"protocol": st.sampled_from(["TCP", "UDP"]), "name": port_names, "hostIP": text},
)


def _number(port: Json) -> tuple[int, str]:
    return port["containerPort"], port.get("protocol", "TCP")


_service_ports: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {"port": st.integers(1, 65535), "name": port_names},
    optional={"protocol": st.sampled_from(["TCP", "UDP"]), "targetPort": st.integers(1, 9) | st.just("http")},
)
_services: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {
        "ports": st.lists(
            _service_ports, min_size=1, max_size=3, unique_by=lambda item: (item["port"], item.get("protocol", "TCP"))
        )
    },
    optional={"type": st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer"])},
)
_files: st.SearchStrategy[Json] = st.fixed_dictionaries({"path": st.sampled_from(["a", "b/c", "/etc/d"])}).flatmap(
    lambda file: (
        st.fixed_dictionaries(
            {"path": st.just(file["path"]), "content": text}, optional={"mode": st.integers(0, 0o777)}
        )
        | st.fixed_dictionaries({"path": st.just(file["path"]), "configMapKeyRef": _selectors})
    )
)
_claims: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries({"name": st.sampled_from(["data", "cache"])}),
        "spec": st.fixed_dictionaries(
            {
                "accessModes": st.just(["ReadWriteOnce"]),
                "resources": st.fixed_dictionaries(
                    {"requests": st.fixed_dictionaries({"storage": st.sampled_from(["1Gi", 2**30, "20M"])})}
                ),
            }
        ),
    }
)


def _named_containers(*named: str) -> st.SearchStrategy[list[Json]]:
    one = st.fixed_dictionaries({"name": st.sampled_from(named), "image": some_text}, optional={"args": st.lists(text)})
    return st.lists(one, max_size=2, unique_by=lambda item: item["name"])


_wrappers = optional(
    enabled=st.booleans(),
    image=some_text,
    install=st.sampled_from(["InitContainer", "ImageVolume"]),
    command=st.just(["/bin/wrap", "-v"]),
    commandResolution=st.sampled_from(["Registry", "Never"]),
)
_sdks: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {
        "runtime": st.sampled_from(["python", "nodejs"]),
        "packages": st.lists(st.sampled_from(["a==1", "@b/c", "d"]), min_size=1),
    },
    optional={"version": st.just("3.13"), "env": st.lists(_env, max_size=2, unique_by=lambda item: item["name"])},
)
_amounts = st.dictionaries(st.sampled_from(["cpu", "memory", "example.com/gpu"]), quantities)

specs: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {"image": st.text(min_size=1, max_size=30)},
    optional={
        "command": st.lists(text, max_size=4),
        "args": st.lists(text, max_size=4),
        "workingDir": text,
        "env": st.lists(_env, max_size=4, unique_by=lambda item: item["name"]),
        "envFrom": st.lists(_env_from, max_size=3),
        "ports": st.lists(_port, max_size=4, unique_by=(_number, lambda item: item.get("name") or _number(item))),
        "resources": optional(limits=_amounts, requests=_amounts),
        "replicas": st.sampled_from([0, 1]),
        "podTemplate": optional(metadata=optional(labels=maps, annotations=maps)),
        "wrapper": _wrappers,
        "sharedVolume": optional(mountPath=st.sampled_from(["/agentctl", "/a/b", "/$(A)"])),
        "initContainers": _named_containers("one", "two"),
        "sidecars": _named_containers("three", "four"),
        "files": st.lists(_files, max_size=3, unique_by=lambda item: item["path"]),
        "sdk": _sdks,
        "volumeClaimTemplates": st.lists(_claims, max_size=2, unique_by=lambda item: item["metadata"]["name"]),
        "persistentVolumeClaimRetentionPolicy": optional(whenDeleted=st.sampled_from(["Retain", "Delete"])),
        "service": _services,
        "securityProfile": st.sampled_from(["Baseline", "Restricted"]),
    },
)
"""Valid specs in which nothing clashes."""


def of_schema(schema: Any) -> st.SearchStrategy[Any]:
    """Values that a structural schema accepts."""
    if reference := schema.get("$ref"):
        return st.deferred(lambda: of_schema(CORE_V1[reference]))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("x-kubernetes-int-or-string"):
        low, high = schema.get("minimum", -(2**63)), schema.get("maximum", 2**63 - 1)
        return st.integers(low, high) | _strings(schema)
    match schema["type"]:
        case "string":
            return _strings(schema)
        case "integer":
            bits = 31 if schema.get("format") == "int32" else 63
            return st.integers(schema.get("minimum", -(2**bits)), schema.get("maximum", 2**bits - 1))
        case "boolean":
            return st.booleans()
        case "array":
            return _lists_of(schema)
        case _ if "properties" in schema:
            return _objects_of(schema)
        case _:
            value = of_schema(schema["additionalProperties"])
            return st.fixed_dictionaries(dict.fromkeys(schema.get("required", ()), value), optional={"a/b": value})


def _strings(schema: Any) -> st.SearchStrategy[str]:
    least, most = schema.get("minLength", 0), schema.get("maxLength", 12)
    if "pattern" not in schema:
        return st.text(min_size=least, max_size=min(most, 12))
    pattern = re.compile(schema["pattern"].removesuffix("$") + r"\Z", re.ASCII)
    return st.from_regex(pattern).filter(lambda value: least <= len(value) <= schema.get("maxLength", 2000))


def _lists_of(schema: Any) -> st.SearchStrategy[list[Any]]:
    defaults = _defaults(schema["items"])

    def identity(item: Any) -> object:
        return tuple((defaults | item)[key] for key in schema["x-kubernetes-list-map-keys"])

    kind = schema.get("x-kubernetes-list-type")
    unique = identity if kind == "map" else (lambda item: item) if kind == "set" else None
    return st.lists(of_schema(schema["items"]), min_size=schema.get("minItems", 0), max_size=2, unique_by=unique)


def _defaults(schema: Any) -> Json:
    properties = CORE_V1.get(schema.get("$ref"), schema).get("properties", {})
    return {name: child["default"] for name, child in properties.items() if "default" in child}


def _objects_of(schema: Any) -> st.SearchStrategy[Json]:
    """Objects with the required fields and a few of the others, such that every rule holds."""
    required, defaults = schema.get("required", ()), _defaults(schema)
    fields = {name: of_schema(child) for name, child in schema["properties"].items()}
    least = max(schema.get("minProperties", 0) - len(required), 0)
    most = min(schema.get("maxProperties", 4) - len(required), len(fields) - len(required))
    others = st.lists(
        st.sampled_from(sorted(fields.keys() - set(required)) or [""]),
        unique=True,
        min_size=least,
        max_size=max(most, 0),
    )
    objects = others.flatmap(lambda names: st.fixed_dictionaries({name: fields[name] for name in (*required, *names)}))
    return objects.filter(lambda value: all(rule.holds(defaults | value) for rule in schema.get("x-rules", ())))


all_specs: st.SearchStrategy[Json] = of_schema(schema_of(AgentSpec))
"""Valid specs with any field of the schema; `specs` has the more telling ones."""


@st.composite
def damaged(draw: st.DrawFn, whole: st.SearchStrategy[Any], harm: st.SearchStrategy[Any] = any_json) -> Any:
    """Values of `whole` in which one place, at any depth, is replaced, left out, or has gained a neighbour."""

    def spoil(value: Any) -> Any:
        if isinstance(value, dict | list) and value and draw(st.integers(0, 4)):
            place = draw(st.sampled_from(sorted(value))) if isinstance(value, dict) else draw(_index(value))
            return type(value)(_replace(value, place, spoil(value[place])))
        if isinstance(value, dict) and draw(st.booleans()):
            return {**value, draw(keys): draw(harm)}
        return draw(harm)

    return spoil(draw(whole))


def _index(value: list[Any]) -> st.SearchStrategy[int]:
    return st.integers(0, len(value) - 1)


def _replace(value: Any, place: Any, child: Any) -> Any:
    if isinstance(value, dict):
        return {**value, place: child}
    return [child if index == place else item for index, item in enumerate(value)]


conditions: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["Accepted", "Ready", "Strange"]),
        "status": st.sampled_from(["True", "False", "Unknown"]),
        "reason": st.sampled_from(["Accepted", "PodReady", "PodPending", "InvalidSpec"]),
        "message": text,
        "lastTransitionTime": st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]),
    }
)
statuses = optional(
    observedGeneration=st.integers(1, 4),
    conditions=st.lists(conditions, max_size=3, unique_by=lambda c: c["type"]),
    replicas=st.sampled_from([0, 1]),
    podName=names,
    ghost=text,
)


@st.composite
def agents(draw: st.DrawFn, spec: st.SearchStrategy[Any] = specs, *, ending: bool | None = None) -> Json:
    """Agents as an API server returns them, at any moment of their lives; the spec is valid unless another is given."""
    wanted = draw(spec)
    # A Service, which has the Agent's name, cannot begin with a digit.
    name = draw(service_names if isinstance(wanted, dict) and wanted.get("service") else names)
    metadata: Json = {"name": name, "namespace": "team", "uid": UID, "generation": 3, "resourceVersion": "41"}
    if draw(st.booleans()) if ending is None else ending:
        metadata["deletionTimestamp"] = GONE
    manifest = {
        "apiVersion": "agentctl.dev/v1alpha1",
        "kind": "Agent",
        "metadata": metadata,
        "spec": wanted,
    }
    return manifest | draw(optional(status=statuses))


pod_statuses = optional(
    phase=st.sampled_from(["Pending", "Running", "Succeeded", "Failed", "Unknown"]),
    podIPs=st.lists(st.fixed_dictionaries({"ip": st.sampled_from(["10.0.0.1", "fd00::1", ""])}), max_size=2),
    conditions=st.lists(
        st.fixed_dictionaries(
            {
                "type": st.sampled_from(["Ready", "PodScheduled", "ContainersReady"]),
                "status": st.sampled_from(["True", "False", "Unknown"]),
            },
            optional={"reason": st.sampled_from(["Unschedulable", "ContainersNotReady"]), "message": text},
        ),
        max_size=3,
    ),
)


@st.composite
def pods(draw: st.DrawFn, name: str, owners: st.SearchStrategy[str | None] | None = None) -> Json:
    """Pods of that name: the Agent's, a former Agent's, another controller's, nobody's."""
    owner = draw(owners or st.sampled_from([UID, "uid-of-former-agent", "uid-of-replica-set", None]))
    metadata: Json = {"name": name, "namespace": "team", "uid": POD_UID}
    if owner is not None:
        kind = "ReplicaSet" if owner == "uid-of-replica-set" else "Agent"
        version = "apps/v1" if kind == "ReplicaSet" else "agentctl.dev/v1alpha1"
        reference = {"apiVersion": version, "kind": kind, "name": name, "uid": owner, "controller": True}
        metadata["ownerReferences"] = [reference]
    if draw(st.booleans()):
        metadata["deletionTimestamp"] = GONE
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": draw(pod_statuses)}


@st.composite
def agents_with_pods(draw: st.DrawFn, whose: st.SearchStrategy[Json] | None = None) -> tuple[Json, Json | None]:
    """An Agent, and the pod that stands under its name, if any."""
    agent = draw(agents() if whose is None else whose)
    return agent, draw(st.none() | pods(agent["metadata"]["name"]))


def reordered(value: Any, mapping: type[Any] = dict) -> Any:
    """Return equal JSON with every object's keys in the opposite order, in another Mapping type."""
    if isinstance(value, Mapping):
        turned = {key: reordered(value[key], mapping) for key in reversed(list(value))}
        return mapping(turned)
    if isinstance(value, list | tuple):
        return [reordered(item, mapping) for item in value]
    return value

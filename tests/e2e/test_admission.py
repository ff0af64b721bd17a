"""What the API server takes under fieldValidation=Strict is what the core takes, and both name the same field."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import httpx2
import pytest
from tools.embed_core_v1 import embed_all

from agentctl_core import InvalidAgent, parse_agent
from agentctl_core._core_v1 import CORE_V1
from agentctl_core._core_v1_docs import CORE_V1_DOCS
from tests.e2e.admission_cases import IMAGE, Json, an_agent, generated, valid
from tests.e2e.session import CRD_FILE
from tests.e2e.support import Kubectl

_PARALLEL = 8
_SHARDS = 6
_EMBEDDED_VERSION = "v1.37.2"
_WHOLE_OBJECT = "<nil>"
"""The field that the API server names where rules were not looked at, since the schema is broken."""


@pytest.fixture(scope="module")
def server(kubectl: Kubectl, crd: str) -> Iterator[httpx2.Client]:
    """The API server behind kubectl's proxy, which brings whatever credentials the kubeconfig has."""
    assert crd
    with kubectl.proxy() as address, httpx2.Client(base_url=address, timeout=60, trust_env=False) as client:
        yield client


def answers(server: httpx2.Client, agents: list[Json]) -> list[Json | None]:
    """For each Agent: the refusal of the API server, or None where it would store it."""

    def ask(agent: Json) -> Json | None:
        response = server.post(
            "/apis/agentctl.dev/v1alpha1/namespaces/default/agents",
            params={"dryRun": "All", "fieldValidation": "Strict"},
            content=json.dumps(agent),
            headers={"Content-Type": "application/json"},
        )
        assert response.status_code in {201, 400, 422}, (agent, response.text)
        return None if response.status_code == 201 else response.json()

    with ThreadPoolExecutor(_PARALLEL) as pool:
        return list(pool.map(ask, agents))


def core_paths(agent: Any) -> set[str] | None:
    """The paths of the core's problems, or None where it takes the Agent."""
    try:
        parse_agent(agent)
    except InvalidAgent as error:
        return {_normal(problem.path) for problem in error.problems}
    return None


def server_paths(refusal: Json) -> set[str]:
    """The fields that the API server names."""
    if causes := refusal.get("details", {}).get("causes"):
        return {_normal(cause["field"]) for cause in causes if cause.get("field") != _WHOLE_OBJECT}
    unknown = re.findall(r'unknown field "([^"]*)"', refusal["message"])
    return {_normal("".join(c if c.isprintable() else repr(c)[1:-1] for c in path)) for path in unknown}


def _normal(path: str) -> str:
    """A path with entries of maps written as fields: `limits[cpu]` here is `limits.cpu` there."""
    return re.sub(r"\[([^\]]*[^\]\d][^\]]*)\]", r".\1", path.removeprefix("."))


def disagreements(server: httpx2.Client, agents: list[Json]) -> list[str]:
    return [
        told
        for agent, refusal in zip(agents, answers(server, agents), strict=True)
        if (told := _differ(agent, refusal))
    ]


def _differ(agent: Json, refusal: Json | None) -> str | None:
    """What the core says otherwise than the API server. A problem within what the core refuses whole is its problem."""
    mine = core_paths(agent)
    shown = f"{json.dumps(agent)[:500]}: core {mine}, API server {refusal and refusal['message'][:500]}"
    if mine is None or refusal is None:
        return None if mine is None and refusal is None else shown
    missed = [path for path in server_paths(refusal) if not any(_is_within(path, other) for other in mine)]
    return f"{missed} {shown}" if missed else None


def _is_within(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


def test_an_agent_with_each_field_and_each_value_of_an_enumeration_is_taken(server: httpx2.Client) -> None:
    agents = list(valid())
    assert len(agents) > 450
    refused = [refusal["message"] for refusal in answers(server, agents) if refusal is not None]
    assert refused == []
    assert [agent for agent in agents if core_paths(agent) is not None] == []


@pytest.mark.parametrize("shard", range(_SHARDS))
def test_core_and_api_server_agree_on_every_value_tried_in_every_place(server: httpx2.Client, shard: int) -> None:
    agents = list(islice(generated(), shard, None, _SHARDS))
    assert len(agents) > 500
    assert disagreements(server, agents) == []


def test_they_agree_on_several_things_at_once(server: httpx2.Client) -> None:
    chosen = random.Random(0)  # noqa: S311 -- a sample, the same each time
    everything = list(generated())
    agents = []
    for _ in range(500):
        specs = [agent["spec"] for agent in chosen.sample(everything, 3) if isinstance(agent["spec"], dict)]
        agents.append(an_agent({key: child for spec in specs for key, child in copy.deepcopy(spec).items()}))
    assert disagreements(server, agents) == []


_FILE = {"path": "a"}
_REFERENCE = {"name": "a", "key": "b"}
_PORTS = [{"port": 80}]
_RULES: list[tuple[bool, Json]] = [
    (True, {"sharedVolume": {"claimName": "a"}}),
    (True, {"sharedVolume": {"claimName": "a", "medium": None, "sizeLimit": None}}),
    (True, {"sharedVolume": {"medium": "Memory", "sizeLimit": 5}}),
    (True, {"sharedVolume": {"medium": ""}}),
    (False, {"sharedVolume": {"claimName": "a", "medium": ""}}),
    (False, {"sharedVolume": {"claimName": "a", "sizeLimit": "1Gi"}}),
    (True, {"files": [_FILE | {"content": ""}]}),
    (True, {"files": [_FILE | {"content": None, "secretKeyRef": _REFERENCE}]}),
    (True, {"files": [_FILE | {"configMapKeyRef": _REFERENCE, "mode": 0o777}]}),
    (False, {"files": [_FILE]}),
    (False, {"files": [_FILE | {"content": None}]}),
    (False, {"files": [_FILE | {"content": "", "secretKeyRef": _REFERENCE}]}),
    (False, {"files": [_FILE | {"configMapKeyRef": _REFERENCE, "secretKeyRef": _REFERENCE}]}),
    (False, {"files": [_FILE | {"content": ""}, _FILE | {"content": "b"}]}),
    (False, {"files": [{"path": "a/../b", "content": ""}]}),
    (True, {"service": {"ports": _PORTS, "headless": True}}),
    (True, {"service": {"ports": _PORTS, "headless": True, "type": None}}),
    (True, {"service": {"ports": _PORTS, "headless": None, "type": "NodePort"}}),
    (True, {"service": {"ports": _PORTS, "headless": False, "type": "LoadBalancer"}}),
    (False, {"service": {"ports": _PORTS, "headless": True, "type": "NodePort"}}),
    (True, {"service": {"ports": [{"port": 80}, {"port": 80, "protocol": "UDP"}]}}),
    (False, {"service": {"ports": [{"port": 80}, {"port": 80, "protocol": "TCP"}]}}),
    (False, {"service": {"ports": [{"port": 80}, {"port": 80, "protocol": None}]}}),
    (False, {"service": {"ports": []}}),
    (True, {"backoffLimit": None}),
    (True, {"backoffLimit": None, "restartPolicy": "Always"}),
    (True, {"backoffLimit": 0, "restartPolicy": "OnFailure"}),
    (True, {"activeDeadlineSeconds": 1, "restartPolicy": "Never", "ttlSecondsAfterFinished": 0}),
    (False, {"backoffLimit": 0}),
    (False, {"backoffLimit": 0, "restartPolicy": None}),
    (True, {"backoffLimit": 1.0, "restartPolicy": "OnFailure"}),
    (False, {"activeDeadlineSeconds": 1}),
    (False, {"ttlSecondsAfterFinished": 0}),
    (True, {"ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]}),
    (False, {"ports": [{"containerPort": 80}, {"containerPort": 80.0, "protocol": "TCP"}]}),
    (False, {"podTemplate": {"spec": {"containers": []}}}),
    (False, {"podTemplate": {"spec": {"serviceAccount": "a"}}}),
    (False, {"sidecars": [{"name": "a", "image": "b", "restartPolicy": "Always"}]}),
    (False, {"volumes": [{"name": "a", "emptyDir": {}, "secret": {"secretName": "b"}}]}),
    (True, {"volumes": [{"name": "a", "emptyDir": {}, "secret": None}]}),
    (False, {"volumes": [{"name": "a"}, {"name": "a"}]}),
    (False, {"env": [{"name": "A", "valueFrom": {"secretKeyRef": _REFERENCE, "configMapKeyRef": _REFERENCE}}]}),
    (False, {"env": [{"name": "A", "valueFrom": {}}]}),
    (True, {"env": [{"name": "A", "valueFrom": {"secretKeyRef": _REFERENCE, "configMapKeyRef": None}}]}),
    (False, {"volumeMounts": [{"name": "a", "mountPath": "/a", "bindMountOptions": ["noexec", "noexec"]}]}),
]
"""Rules between fields, with nulls and defaults: whether it is right, and what is added to the spec."""


def test_they_agree_on_the_rules_between_fields(server: httpx2.Client) -> None:
    agents = [an_agent({"image": IMAGE} | extra) for _, extra in _RULES]
    assert disagreements(server, agents) == []
    assert [core_paths(agent) is None for agent in agents] == [right for right, _ in _RULES]


_NAMES = ("a", "0", "a-b", "a" * 63, "a" * 64, "a" * 254, "a.b", "A", "-a", "a-", "a_b", "a\n", "é", "\x00", "a/b", "%")
_SERVED = {"image": IMAGE, "service": {"ports": _PORTS}}


@pytest.mark.parametrize("spec", [{"image": IMAGE}, _SERVED], ids=["plain", "served"])
def test_they_agree_on_names(server: httpx2.Client, spec: Json) -> None:
    assert disagreements(server, [an_agent(spec, name) for name in _NAMES]) == []


@pytest.mark.parametrize("spec", [None, [], "a", 5, {}])
def test_they_agree_on_a_spec_that_is_none(server: httpx2.Client, spec: Any) -> None:
    assert disagreements(server, [an_agent(spec)]) == []


_LEFT: dict[str, tuple[Json, bool]] = {
    "a lone surrogate is U+FFFD to the API server; the core, which cannot store it, says so": (
        an_agent({"image": "\ud800"}),
        True,
    ),
    "a quantity within 1e-9 of an integer is one to the API server; the core takes whole numbers": (
        an_agent({"image": IMAGE, "resources": {"limits": {"cpu": 1 + 1e-10}}}),
        True,
    ),
    "a rule that a field of 1.0 breaks is told at the object, since CEL has no such integer": (
        an_agent({"image": IMAGE, "backoffLimit": 1.0}),
        False,
    ),
    "metadata besides the name is the API server's own, and newer ones know more of it": (
        an_agent({"image": IMAGE}) | {"metadata": {"name": "a", "labels": {"a": 5}}},
        False,
    ),
    "the core looks at a name and not at how it came about": (
        an_agent({"image": IMAGE}) | {"metadata": {"generateName": "a"}},
        True,
    ),
    "what stands beside the spec is not the core's: status is the operator's, the rest is pruned": (
        an_agent({"image": IMAGE}) | {"unknown": 1},
        False,
    ),
    "apiVersion and kind are checked where they are given": (
        {"metadata": {"name": "a"}, "spec": {"image": IMAGE}},
        False,
    ),
}
"""Where the core and the API server differ, why, and what the API server says: whether it takes the Agent."""


@pytest.mark.parametrize("reason", _LEFT)
def test_where_they_differ_there_is_a_reason(server: httpx2.Client, reason: str) -> None:
    agent, taken = _LEFT[reason]
    (refusal,) = answers(server, [agent])
    assert (refusal is None) is taken
    assert _differ(agent, refusal) is not None


def test_the_embedded_types_are_those_of_the_api_server(server: httpx2.Client) -> None:
    if server.get("/version").json()["gitVersion"] != _EMBEDDED_VERSION:
        pytest.skip(f"another version than {_EMBEDDED_VERSION}")
    assert embed_all(server.get("/openapi/v3/api/v1").json()) == (CORE_V1, CORE_V1_DOCS)


@pytest.mark.parametrize(
    "field", ["sidecars.lifecycle", "livenessProbe.exec", "volumes.projected.sources", "podTemplate.spec.affinity"]
)
def test_kubectl_explains_every_depth(kubectl: Kubectl, crd: str, field: str) -> None:
    assert crd
    assert "FIELDS:" in kubectl("explain", f"agent.spec.{field}").stdout


def test_the_crd_can_be_applied_by_the_client_too(kubectl: Kubectl, crd: str) -> None:
    # kubectl keeps the whole file in an annotation, which may have 256 KiB.
    assert crd in kubectl("apply", "--dry-run=server", f"--filename={CRD_FILE}").stdout
    assert CRD_FILE.stat().st_size < 200_000

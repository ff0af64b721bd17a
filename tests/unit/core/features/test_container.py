"""The main container has the fields of core/v1 Container that stand in the spec."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from tests.unit.core.builders import Json, main_of, pod_of

from agentctl_core import AgentSpec
from agentctl_core._agent import json_name
from agentctl_core._core_v1 import CORE_V1

FIELDS: list[tuple[str, Any]] = [
    ("image", "other:1"),
    ("workingDir", "/w"),
    ("env", [{"name": "A", "value": "$(B)"}]),
    ("envFrom", [{"secretRef": {"name": "s"}}]),
    ("ports", [{"containerPort": 80, "protocol": "TCP"}]),
    ("resources", {"limits": {"cpu": "1", "memory": "1Gi"}}),
    ("livenessProbe", {"exec": {"command": ["true"]}}),
    ("readinessProbe", {"httpGet": {"path": "/", "port": "http"}}),
    ("startupProbe", {"tcpSocket": {"port": 80}}),
    ("lifecycle", {"preStop": {"exec": {"command": ["stop"]}}}),
    ("imagePullPolicy", "Always"),
    ("terminationMessagePath", "/m"),
    ("terminationMessagePolicy", "FallbackToLogsOnError"),
    ("stdin", True),
    ("tty", False),
]


@pytest.mark.parametrize(("name", "value"), FIELDS)
def test_a_field_stands_in_the_container_as_it_is(name: str, value: Any) -> None:
    assert main_of(pod_of(**{name: value})) == main_of(pod_of()) | {name: value}


def test_every_field_of_a_container_in_the_spec_reaches_the_pod() -> None:
    ours = {json_name(attribute.name) for attribute in attrs.fields(AgentSpec)}
    shared = ours & CORE_V1["Container"]["properties"].keys()
    tested_elsewhere = {"command", "args", "volumeMounts", "securityContext"}
    assert shared == {name for name, _ in FIELDS} | tested_elsewhere


def test_the_security_context_lies_over_the_profile() -> None:
    own: Json = {"runAsUser": 5, "allowPrivilegeEscalation": True}
    assert main_of(pod_of(securityContext=own))["securityContext"] == own
    assert main_of(pod_of(securityContext={"runAsUser": 5}))["securityContext"] == {
        "runAsUser": 5,
        "allowPrivilegeEscalation": False,
    }


def test_its_own_mounts_follow_the_operators() -> None:
    mount: Json = {"name": "v", "mountPath": "/v", "subPath": "s", "readOnly": True}
    main = main_of(pod_of(volumes=[{"name": "v", "emptyDir": {}}], volumeMounts=[mount]))
    assert main["volumeMounts"][-1] == mount

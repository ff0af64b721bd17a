"""The Service has the Agent's name and leads to its pod."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.core.builders import Json, an_agent, an_owner, labels_of, pod_of, problems_of

from agentctl_core import Config, InvalidAgent, parse_agent
from agentctl_core._pod import render


def service_of(**service: Any) -> Json:
    agent = parse_agent(an_agent(service={"ports": [{"port": 80}]} | service))
    (manifest,) = render(agent, Config()).objects
    return dict(manifest)


def test_it_leads_to_the_pod_by_a_label_that_nobody_else_may_set() -> None:
    service = service_of(ports=[{"port": 80, "targetPort": "http", "name": "web"}])
    assert service == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "demo",
            "namespace": "team",
            "labels": labels_of(),
            "ownerReferences": [an_owner()],
        },
        "spec": {
            "type": "ClusterIP",
            "selector": {"agentctl.dev/agent": "demo"},
            "ports": [{"port": 80, "targetPort": "http", "name": "web", "protocol": "TCP"}],
        },
    }
    assert service["spec"]["selector"].items() <= pod_of()["metadata"]["labels"].items()


@pytest.mark.parametrize("kind", ["ClusterIP", "NodePort", "LoadBalancer"])
def test_its_type_is_chosen(kind: str) -> None:
    assert service_of(type=kind)["spec"]["type"] == kind


def test_a_headless_one_has_no_address() -> None:
    assert service_of(headless=True)["spec"]["clusterIP"] == "None"
    assert "clusterIP" not in service_of(headless=False)["spec"]
    (problem,) = problems_of(service={"ports": [{"port": 80}], "type": "NodePort", "headless": True})
    assert problem.path == "spec.service.headless"


def test_it_changes_nothing_in_the_pod() -> None:
    assert pod_of(service={"ports": [{"port": 80}]}) == pod_of()


def test_its_name_cannot_begin_with_a_digit() -> None:
    parse_agent(an_agent(metadata={"name": "1a"}))
    with pytest.raises(InvalidAgent) as caught:
        parse_agent(an_agent(metadata={"name": "1a"}, service={"ports": [{"port": 80}]}))
    assert [problem.path for problem in caught.value.problems] == ["metadata.name"]


@pytest.mark.parametrize(
    ("ports", "path"),
    [
        ([], "spec.service.ports"),
        ([{"port": 0}], "spec.service.ports[0].port"),
        ([{"port": 80}, {"port": 80}], "spec.service.ports[1]"),
    ],
)
def test_it_has_ports(ports: list[Json], path: str) -> None:
    assert [problem.path for problem in problems_of(service={"ports": ports})] == [path]


def test_the_numbers_0_and_empty_texts_leave_the_choice_to_the_api_server() -> None:
    # Set, they would differ for ever from what it chose.
    empty: Json = {"port": 80, "targetPort": 0, "nodePort": 0, "appProtocol": ""}
    assert service_of(type="NodePort", ports=[empty])["spec"]["ports"] == [{"port": 80, "protocol": "TCP"}]
    chosen: Json = {"port": 80, "protocol": "UDP", "targetPort": "http", "nodePort": 30007}
    assert service_of(type="NodePort", ports=[chosen])["spec"]["ports"] == [chosen]

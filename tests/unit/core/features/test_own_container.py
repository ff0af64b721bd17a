"""The operator's own containers may do nothing, and take no more than the agent does."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.core.builders import OWN_SECURITY, Json, an_agent

from agentctl_core import parse_agent
from agentctl_core.features.own_container import own_container

AMOUNTS = {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "2Gi"}


def of(**spec: Any) -> Json:
    return own_container(parse_agent(an_agent(**spec)))


def test_they_are_restricted_whatever_the_pod_says() -> None:
    context = {"privileged": True, "runAsUser": 0}
    found = of(securityContext=context, podTemplate={"spec": {"securityContext": {"runAsUser": 0}}})
    assert found == {"securityContext": OWN_SECURITY}


@pytest.mark.parametrize("sort", ["limits", "requests"])
def test_they_ask_for_as_much_as_the_agent_and_for_no_device(sort: str) -> None:
    others = {"nvidia.com/gpu": "1", "hugepages-2Mi": "2Mi"}
    assert of(resources={sort: AMOUNTS | others})["resources"] == {sort: AMOUNTS}


def test_what_is_not_asked_for_is_left_out() -> None:
    resources = {"limits": {"cpu": 2, "nvidia.com/gpu": 1}, "requests": {"memory": "1Mi"}, "claims": [{"name": "c"}]}
    assert of(resources=resources)["resources"] == {"limits": {"cpu": 2}, "requests": {"memory": "1Mi"}}


@pytest.mark.parametrize(
    "nothing", [{}, {"limits": {}}, {"limits": {"nvidia.com/gpu": 1}}, {"claims": [{"name": "c"}]}]
)
def test_without_amounts_there_are_none(nothing: Json) -> None:
    assert "resources" not in of(resources=nothing)

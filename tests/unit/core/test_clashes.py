"""What two fields ask for at once is told with both paths, once, and all at the same time."""

from __future__ import annotations

import pytest

from agentctl_core import EmitEvent, InvalidAgent, Problem
from agentctl_core._clashes import Clashes
from agentctl_core._contribution import OPERATOR, Item

from .builders import an_agent, only, plan, problems_of, reason, status_of


def test_the_first_is_kept_and_the_second_told() -> None:
    clashes = Clashes([])
    items = [Item("spec.a", "x", 1), Item("spec.b", "x", 2), Item("spec.c", "y", 3), Item("spec.d", "x", 4)]
    assert clashes.among("thing", items) == {"x": 1, "y": 3}
    assert clashes.problems == [
        Problem("spec.b", 'thing "x" is already set by spec.a; choose another'),
        Problem("spec.d", 'thing "x" is already set by spec.a; choose another'),
    ]


def test_what_no_field_asked_for_is_the_operators() -> None:
    clashes = Clashes([])
    clashes.among("thing", [Item(OPERATOR, "x", 1), Item("spec.b", "x", 2)])
    assert clashes.problems == [Problem("spec.b", 'thing "x" is already set by the operator; choose another')]


def test_reserved_names_are_left_out_and_told_once() -> None:
    clashes = Clashes([])
    items = [Item("own", "my-a", 1), Item("spec.b", "my-a", 2), Item("spec.c", "mine", 3)]
    free = clashes.reserve("thing", items, "my-", frozenset({"own"}))
    assert clashes.among("thing", free) == {"my-a": 1, "mine": 3}
    assert [problem.path for problem in clashes.problems] == ["spec.b"]


def test_nothing_is_raised_where_nothing_clashes() -> None:
    Clashes([]).raise_problems()


def test_the_same_problem_is_raised_once_in_its_order() -> None:
    one, two = Problem("spec.a", "m"), Problem("spec.b", "m")
    clashes = Clashes([one])
    for problem in (two, one, two):
        clashes.refuse(problem.path, problem.message)
    with pytest.raises(InvalidAgent) as caught:
        clashes.raise_problems()
    assert caught.value.problems == (one, two)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    problems = problems_of(
        sdk={"runtime": "python", "packages": ["a"]},
        env=[{"name": "PYTHONPATH"}],
        ports=[{"containerPort": 80, "name": "web"}],
        sidecars=[
            {"name": "agent", "image": "i", "ports": [{"containerPort": 80}, {"containerPort": 81, "name": "web"}]}
        ],
        volumes=[{"name": "agentctl-shared", "emptyDir": {}}],
        volumeMounts=[{"name": "none", "mountPath": "/agentctl/"}],
        podTemplate={"metadata": {"labels": {"agentctl.dev/agent": "x"}}},
        wrapper={"command": ["tini"]},
        files=[{"path": "a", "content": ""}, {"path": "a/b", "content": ""}],
    )
    assert sorted(problem.path for problem in problems) == [
        "spec.env[0]",
        "spec.files[1].path",
        "spec.podTemplate.metadata.labels[agentctl.dev/agent]",
        "spec.sidecars[0]",
        "spec.sidecars[0].ports[0]",
        "spec.sidecars[0].ports[1]",
        "spec.volumeMounts[0]",
        "spec.volumeMounts[0].name",
        "spec.volumes[0]",
        "spec.wrapper.command[0]",
    ]


def test_a_clash_is_an_invalid_spec() -> None:
    manifest = an_agent(sdk={"runtime": "python", "packages": ["a"]}, env=[{"name": "PYTHONPATH"}])
    assert reason(status_of(manifest), "Accepted") == "InvalidSpec"
    assert only(EmitEvent, plan(manifest)).note.startswith('spec.env[0]: variable "PYTHONPATH" is already set')

"""Packages are installed beside the agent, and their names are never taken for anything else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.builders import Json, containers_of, main_of, mounts_of, pod_of, problems_of

from agentctl_core import Config


def installer_of(config: Config | None = None, **sdk: Any) -> Json:
    return containers_of(pod_of(config, sdk={"runtime": "python", "packages": ["a"]} | sdk))["agentctl-sdk"]


def test_pip_installs_into_the_shared_volume() -> None:
    installer = installer_of(packages=["httpx==0.28.1", "rich>=14,<15"])
    assert installer["image"] == "python:3.13-slim"
    assert installer["command"] == [
        "python", "-m", "pip", "install", "--no-cache-dir", "--upgrade", "--target", "/agentctl/sdk", "--",
        "httpx==0.28.1", "rich>=14,<15",
    ]  # fmt: skip


def test_npm_installs_into_the_shared_volume() -> None:
    installer = installer_of(runtime="nodejs", packages=["left-pad@1.3.0", "@scope/pkg"])
    assert installer["image"] == "node:22-slim"
    assert installer["command"] == [
        "npm", "install", "--no-audit", "--no-fund", "--cache", "/agentctl/sdk/.npm", "--prefix", "/agentctl/sdk",
        "--", "left-pad@1.3.0", "@scope/pkg",
    ]  # fmt: skip


def test_the_installer_takes_as_much_as_the_agent() -> None:
    resources = {"limits": {"memory": "1Gi"}, "requests": {"cpu": "500m"}}
    pod = pod_of(sdk={"runtime": "python", "packages": ["a"]}, resources=resources)
    assert containers_of(pod)["agentctl-sdk"]["resources"] == resources


@pytest.mark.parametrize(
    ("runtime", "variable", "value"),
    [("python", "PYTHONPATH", "/w/sdk"), ("nodejs", "NODE_PATH", "/w/sdk/node_modules")],
)
def test_the_agent_finds_them_by_one_variable(runtime: str, variable: str, value: str) -> None:
    pod = pod_of(sdk={"runtime": runtime, "packages": ["a"]}, sharedVolume={"mountPath": "/w"})
    assert main_of(pod)["env"] == [{"name": variable, "value": value}]


def test_its_variable_comes_before_those_that_may_refer_to_it() -> None:
    pod = pod_of(sdk={"runtime": "python", "packages": ["a"]}, env=[{"name": "A", "value": "$(PYTHONPATH)"}])
    assert [variable["name"] for variable in main_of(pod)["env"]] == ["PYTHONPATH", "A"]


@pytest.mark.parametrize(("runtime", "variable"), [("python", "PYTHONPATH"), ("nodejs", "NODE_PATH")])
def test_its_variable_cannot_be_set_twice(runtime: str, variable: str) -> None:
    (problem,) = problems_of(
        sdk={"runtime": runtime, "packages": ["a"]}, env=[{"name": "A"}, {"name": variable, "value": "/x"}]
    )
    assert (problem.path, problem.message) == (
        "spec.env[1]",
        f'variable "{variable}" is already set by spec.sdk; choose another',
    )


def test_the_other_runtimes_variable_is_free() -> None:
    assert problems_of(sdk={"runtime": "python", "packages": ["a"]}, env=[{"name": "NODE_PATH"}]) == []
    assert problems_of(env=[{"name": "PYTHONPATH"}]) == []


@pytest.mark.parametrize(
    ("sdk", "image"),
    [
        ({"version": "3.12"}, "python:3.12-slim"),
        ({"runtime": "nodejs", "version": "20.1.0"}, "node:20.1.0-slim"),
        ({"image": "mine:1"}, "mine:1"),
        ({"image": "mine:1", "version": "3.12"}, "mine:1"),
    ],
)
def test_version_and_image_are_chosen(sdk: Json, image: str) -> None:
    assert installer_of(**sdk)["image"] == image


def test_the_operators_owner_chooses_the_images() -> None:
    config = Config(python_image="r/{version}/py:{other}", python_version="3.1", nodejs_image="n", nodejs_version="1")
    assert installer_of(config)["image"] == "r/3.1/py:{other}"
    assert installer_of(config, runtime="nodejs")["image"] == "n"


def test_its_home_and_temporary_folder_exist_and_can_be_written() -> None:
    installer = installer_of()
    folders = {variable["value"] for variable in installer["env"]}
    assert {variable["name"] for variable in installer["env"]} == {"HOME", "TMPDIR"}
    assert folders <= mounts_of(installer).keys()
    assert installer["securityContext"]["readOnlyRootFilesystem"] is True


def test_its_variables_reach_the_installer_alone_as_they_are() -> None:
    token = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "index", "key": "token"}}}
    index = {"name": "PIP_INDEX_URL", "value": "https://user:$(TOKEN)@index.example/simple"}
    pod = pod_of(sdk={"runtime": "python", "packages": ["a"], "env": [token, index]})
    assert containers_of(pod)["agentctl-sdk"]["env"] == [
        {"name": "HOME", "value": "/agentctl"},
        {"name": "TMPDIR", "value": "/agentctl"},
        token,
        index,
    ]
    assert [variable["name"] for variable in main_of(pod)["env"]] == ["PYTHONPATH"]


def test_a_variable_of_the_operators_gives_way_to_one_that_is_set() -> None:
    temporary = {"name": "TMPDIR", "value": "/agentctl/tmp"}
    assert installer_of(env=[temporary])["env"] == [{"name": "HOME", "value": "/agentctl"}, temporary]


def test_it_runs_after_the_wrapper_and_before_the_users_own() -> None:
    pod = pod_of(sdk={"runtime": "python", "packages": ["a"]}, initContainers=[{"name": "mine", "image": "i"}])
    assert list(containers_of(pod)) == ["agentctl-wrapper", "agentctl-sdk", "mine", "agent"]


@pytest.mark.parametrize(
    "package",
    ["-r/etc/passwd", "--index-url=http://x", "-e", "--", "", " a", "a\nb", "a\x00", "\ud800", ";rm", "$(id)", "`id`"],
)
def test_options_and_control_characters_are_refused(package: str) -> None:
    (problem,) = problems_of(sdk={"runtime": "python", "packages": ["a", package]})
    assert problem.path == "spec.sdk.packages[1]"


@given(st.from_regex(r"\A[A-Za-z0-9@./][^\x00-\x1f\x7f]{0,20}\Z"), st.sampled_from(["python", "nodejs"]))
def test_a_package_is_one_argument_behind_the_dashes(package: str, runtime: str) -> None:
    command = installer_of(runtime=runtime, packages=[package])["command"]
    assert command[-2:] == ["--", package.replace("$", "$$")]
    assert command.count("--") == 1 + (package == "--")


def test_dollars_in_the_path_are_no_variables() -> None:
    pod = pod_of(sdk={"runtime": "python", "packages": ["a"]}, sharedVolume={"mountPath": "/$(A)"})
    assert main_of(pod)["env"] == [{"name": "PYTHONPATH", "value": "/$$(A)/sdk"}]
    assert "/$$(A)/sdk" in containers_of(pod)["agentctl-sdk"]["command"]

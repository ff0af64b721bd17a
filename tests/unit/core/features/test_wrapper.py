"""The wrapper stands in front of the agent's own command, which reaches it byte for byte."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.builders import (
    IMAGE,
    Json,
    an_agent,
    containers_of,
    main_of,
    mounts_of,
    pod_of,
    problems_of,
    volumes_of,
)
from tests.unit.core.strategies import text

from agentctl_core import Config, build_pod, parse_agent


def command_of(config: Config | None = None, **spec: Any) -> list[str]:
    command: list[str] = main_of(pod_of(config, **spec))["command"]
    return command


def test_the_operators_own_wrapper_is_tini_from_its_own_image() -> None:
    installer = containers_of(pod_of())["agentctl-wrapper"]
    assert installer["image"] == Config().wrapper_image
    assert installer["command"] == ["cp", "/usr/bin/tini", "/agentctl/bin/"]
    assert command_of() == ["/agentctl/bin/tini", "-s", "--", "run"]


@given(st.lists(text, min_size=1, max_size=4), st.lists(text, max_size=4))
def test_command_and_args_follow_as_they_are(command: list[str], args: list[str]) -> None:
    main = main_of(pod_of(command=command, args=args))
    assert main["command"] == ["/agentctl/bin/tini", "-s", "--", *command, *args]
    assert "args" not in main


def test_directory_environment_and_terminal_are_left_alone() -> None:
    own: Json = {
        "workingDir": "/w",
        "env": [{"name": "A", "value": "$(B)"}],
        "envFrom": [{"secretRef": {"name": "s"}}],
        "stdin": True,
        "tty": True,
    }
    with_it, without = main_of(pod_of(**own)), main_of(pod_of(**own, wrapper={"enabled": False}))
    assert {k: v for k, v in with_it.items() if k not in ("command", "volumeMounts")} == {
        k: v for k, v in without.items() if k not in ("command", "volumeMounts")
    }


def test_without_it_command_and_args_stay_where_they_are_and_nothing_is_installed() -> None:
    pod = pod_of(wrapper={"enabled": False}, command=["a", "$(B)"], args=["c"])
    assert list(containers_of(pod)) == ["agent"]
    assert (main_of(pod)["command"], main_of(pod)["args"]) == (["a", "$(B)"], ["c"])
    assert list(volumes_of(pod)) == ["agentctl-shared"]
    image_runs = build_pod(parse_agent(an_agent(wrapper={"enabled": False}, args=["c"])), image=IMAGE)
    assert "command" not in main_of(image_runs)
    assert (main_of(image_runs)["args"], main_of(image_runs)["image"]) == (["c"], "example.com/agent:1")


def test_an_agent_may_bring_its_own() -> None:
    wrapper: Json = {"image": "w:1", "command": ["/opt/w/run", "--fast", "-x"]}
    pod = pod_of(wrapper=wrapper, sharedVolume={"mountPath": "/s"})
    installer = containers_of(pod)["agentctl-wrapper"]
    assert (installer["image"], installer["command"]) == ("w:1", ["cp", "/opt/w/run", "/s/bin/"])
    assert main_of(pod)["command"] == ["/s/bin/run", "--fast", "-x", "--", "run"]


def test_an_image_without_cp_brings_a_program_that_copies_itself() -> None:
    wrapper: Json = {"image": "w:1", "command": ["/w"], "installCommand": ["/w", "install", "$(A)"]}
    pod = pod_of(wrapper=wrapper)
    assert containers_of(pod)["agentctl-wrapper"]["command"] == ["/w", "install", "$(A)"]
    assert main_of(pod)["command"] == ["/agentctl/bin/w", "--", "run"]


def test_an_image_volume_needs_no_copy() -> None:
    pod = pod_of(wrapper={"install": "ImageVolume", "image": "w:1", "command": ["/opt/w", "-q"]})
    assert list(containers_of(pod)) == ["agent"]
    assert volumes_of(pod)["agentctl-bin"] == {"name": "agentctl-bin", "image": {"reference": "w:1"}}
    assert main_of(pod)["command"] == ["/agentctl/bin/opt/w", "-q", "--", "run"]
    assert mounts_of(main_of(pod))["/agentctl/bin"]["readOnly"] is True


def test_the_operators_owner_chooses_the_default() -> None:
    config = Config(wrapper_image="mine:2", wrapper_command=["/bin/mine", "-v"])
    pod = pod_of(config)
    assert containers_of(pod)["agentctl-wrapper"]["image"] == "mine:2"
    assert main_of(pod)["command"] == ["/agentctl/bin/mine", "-v", "--", "run"]
    assert command_of(config, wrapper={"command": ["/bin/w"]}) == ["/agentctl/bin/w", "--", "run"]


def test_only_the_installer_can_write_it_and_only_the_agent_sees_it() -> None:
    pod = pod_of(
        initContainers=[{"name": "prepare", "image": "i"}],
        sidecars=[{"name": "beside", "image": "i"}],
        sdk={"runtime": "python", "packages": ["a"]},
    )
    places = {name: mounts_of(c).get("/agentctl/bin") for name, c in containers_of(pod).items()}
    mount = {"name": "agentctl-bin", "mountPath": "/agentctl/bin"}
    assert places == {
        "agentctl-wrapper": mount,
        "agentctl-sdk": None,
        "prepare": None,
        "beside": None,
        "agent": mount | {"readOnly": True},
    }


def test_the_installer_takes_as_much_as_the_agent() -> None:
    """Else the pod is never *Guaranteed*, and a quota on requests or limits refuses it for what nobody can set."""
    resources = {"limits": {"memory": "1Gi"}, "requests": {"cpu": "500m"}}
    assert containers_of(pod_of(resources=resources))["agentctl-wrapper"]["resources"] == resources


@pytest.mark.parametrize("install", ["InitContainer", "ImageVolume"])
@pytest.mark.parametrize("program", ["", "tini", "./tini", "/", "/bin/", "/bin/.", "/bin/..", "-c"])
def test_a_program_has_an_absolute_path(program: str, install: str) -> None:
    (problem,) = problems_of(wrapper={"command": [program], "install": install})
    assert problem.path == "spec.wrapper.command[0]"
    assert problem.message == (
        f'"{program}" is no absolute path of a program in the wrapper\'s image; write for example /usr/bin/tini'
    )


def test_a_wrapper_that_is_off_is_not_looked_at() -> None:
    assert problems_of(wrapper={"enabled": False, "command": ["tini"]}) == []


@pytest.mark.parametrize("install", ["InitContainer", "ImageVolume"])
def test_dollars_in_the_path_are_no_variables(install: str) -> None:
    # The kubelet expands a command, but never a mount's path.
    pod = pod_of(sharedVolume={"mountPath": "/$(A)"}, wrapper={"install": install, "command": ["/w", "$(B)"]})
    assert main_of(pod)["command"] == ["/$$(A)/bin/w", "$(B)", "--", "run"]
    assert "/$(A)/bin" in mounts_of(main_of(pod))
    if install == "InitContainer":
        assert containers_of(pod)["agentctl-wrapper"]["command"] == ["cp", "/w", "/$$(A)/bin/"]


def test_nothing_can_be_mounted_over_it_or_inside_it() -> None:
    volumes = [{"name": "v", "emptyDir": {}}]
    for path, told in (
        ("/agentctl/bin/", "/agentctl/bin is already set by spec.wrapper"),
        ("/agentctl/bin/x", "/agentctl/bin/x is inside /agentctl/bin, which is read-only and set by spec.wrapper"),
    ):
        (problem,) = problems_of(volumes=volumes, volumeMounts=[{"name": "v", "mountPath": path}])
        assert (problem.path, problem.message) == ("spec.volumeMounts[0]", f"mount path {told}; choose another")
    (problem,) = problems_of(files=[{"path": "/agentctl/bin/tini", "content": "#!/bin/sh"}])
    assert problem.path == "spec.files[0].path"

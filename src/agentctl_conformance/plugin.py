"""A plugin of pytest: the options that name the wrapper, and where agents run behind it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from ._hosts import Host
from ._machine import Machine
from ._pods import Namespace, Pods

_OPTIONS = {
    "--wrapper-command": ("", "The wrapper's absolute path and its arguments, quoted as for a shell."),
    "--wrapper-image": ("", "The image that holds it: agents run in pods then. Without it, processes of this machine."),
    "--wrapper-install": ("InitContainer", "How it gets into the pods: InitContainer or ImageVolume."),
    "--wrapper-install-command": ("", "What copies it, where its image has no cp; quoted as for a shell."),
    "--agent-image": ("python:3.13-slim", "An image with python3 on its PATH, for the agents of the tests."),
    "--empty-image": ("registry.k8s.io/pause:3.10", "An image with nothing but the static program /pause."),
    "--patience": ("60", "For how many seconds to wait for what an agent does at once; in pods images may be pulled."),
    "--orphan-seconds": ("60", "For how long orphans are made, none of which may become a zombie."),
}
_IN_PODS_ALONE = Path(__file__).with_name("test_pods.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("agentctl", "conformance of a wrapper")
    for name, (default, told) in _OPTIONS.items():
        group.addoption(name, default=default, help=f"{told} {f'(default: {default})' if default else ''}")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what is about pods alone, where there are none."""
    return True if collection_path == _IN_PODS_ALONE and not _option(config, "--wrapper-image") else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test of a host on every kind of host that there is."""
    if "host" in metafunc.fixturenames:
        in_pods = _option(metafunc.config, "--wrapper-image")
        kinds = ["process 1 of a container", "in a shared process namespace"] if in_pods else ["on this machine"]
        metafunc.parametrize("host", kinds, indirect=True)


@pytest.fixture(scope="session")
def command(request: pytest.FixtureRequest) -> list[str]:
    """The wrapper's command."""
    command = shlex.split(_option(request.config, "--wrapper-command"))
    if not command:
        pytest.fail("name the wrapper with --wrapper-command", pytrace=False)
    return command


@pytest.fixture(scope="session")
def namespace() -> Iterator[Namespace]:
    """A fresh namespace of the cluster."""
    with Namespace() as namespace:
        yield namespace


@pytest.fixture
def host(request: pytest.FixtureRequest, command: list[str], tmp_path: Path) -> Iterator[Host]:
    """Where agents run: on this machine, or in pods with or without process ids of their own."""
    if request.param == "on this machine":
        host: Machine | Pods = Machine(command, tmp_path, float(_option(request.config, "--patience")))
    else:
        host = _pods(request, command, shared=request.param == "in a shared process namespace")
    yield host
    host.stop()


@pytest.fixture
def pods(request: pytest.FixtureRequest, command: list[str]) -> Iterator[Pods]:
    """Pods, whose settings a test may choose."""
    pods = _pods(request, command, shared=False)
    yield pods
    pods.stop()


def _pods(request: pytest.FixtureRequest, command: list[str], *, shared: bool) -> Pods:
    option = partial(_option, request.config)
    install_command = shlex.split(option("--wrapper-install-command"))
    wrapper = {
        "image": option("--wrapper-image"),
        "command": command,
        "install": option("--wrapper-install"),
        **({"installCommand": install_command} if install_command else {}),
    }
    namespace: Namespace = request.getfixturevalue("namespace")
    settings = {"shareProcessNamespace": shared}
    return Pods(namespace, option("--agent-image"), wrapper, settings, float(option("--patience")))


def _option(config: pytest.Config, name: str) -> str:
    return str(config.getoption(name))


@pytest.fixture
def orphan_seconds(request: pytest.FixtureRequest) -> str:
    """For how long orphans are made."""
    return _option(request.config, "--orphan-seconds")


@pytest.fixture
def empty_image(request: pytest.FixtureRequest) -> str:
    """An image with nothing but the program /pause."""
    return _option(request.config, "--empty-image")

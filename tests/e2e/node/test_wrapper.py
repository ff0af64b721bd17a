"""The wrapper on a real node, with the operator at work: what the agent's process sees and does is as without it.

What every wrapper has to do is tested by the conformance suite (test_conformance.py).
"""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from tests.e2e.agents import SECONDS
from tests.e2e.node.support import Json, OnNode

_INSTALLS = ("InitContainer", "ImageVolume")
# What a pod's own name and addresses decide.
_OWN = ("HOSTNAME=", "KUBERNETES_")
_VARIABLES = [{"name": "GREETING", "value": "hello $(WHO)"}, {"name": "WHO", "value": "world"}]
# glibc without a shell, static with musl and nothing else, static with glibc among the programs of busybox.
_KINDS = ("distroless", "scratch", "entrypoint")


@pytest.mark.parametrize(
    "image", ["entrypoint", "cmd", "both", "shell-form", "user", "workdir", "scratch", "distroless"]
)
def test_the_agent_is_started_as_without_the_wrapper(on_node: OnNode, image: str) -> None:
    _assert_same(on_node, image)


def test_variables_in_the_spec_are_expanded_as_without_the_wrapper(on_node: OnNode) -> None:
    command = ["probe", "$(WHO)", "$$(WHO)", "$(NOBODY)", "$$$(WHO)", "$WHO"]
    plain = _assert_same(on_node, "busybox", command=command, args=["$(GREETING)"], env=_VARIABLES)
    assert plain["argv"] == ["probe", "world", "$(WHO)", "$(NOBODY)", "$world", "$WHO", "hello $(WHO)"]


def test_variables_in_the_images_own_command_are_not_expanded(on_node: OnNode) -> None:
    plain = _assert_same(on_node, "entrypoint", env=[{"name": "A", "value": "a"}, {"name": "x", "value": "x"}])
    assert plain["argv"][-3:] == ["$(HOSTNAME)", "$$(A)", "$x"]


def test_the_agent_has_a_terminal_as_without_the_wrapper(on_node: OnNode) -> None:
    assert _assert_same(on_node, "entrypoint", stdin=True, tty=True)["tty"] is True


def test_where_it_is_not_process_1_it_still_adopts_orphans(on_node: OnNode) -> None:
    shared = {"spec": {"shareProcessNamespace": True}}
    on_node.run("agent", "entrypoint", "orphans=3,sleep=0.5,zombies", restartPolicy="Never", podTemplate=shared)
    started, orphans = on_node.said("agent", "start"), on_node.said("agent", "orphans")
    assert started["init"] == "pause"
    assert orphans["parents"] == [started["ppid"]] * 3
    assert on_node.said("agent", "zombies")["count"] == 0


def test_in_a_shared_process_namespace_the_agent_is_started_as_without_the_wrapper(on_node: OnNode) -> None:
    _assert_same(on_node, "entrypoint", shared=True)


@pytest.mark.parametrize("image", _KINDS)
def test_standard_input_arrives(on_node: OnNode, image: str) -> None:
    text = "two words\t\"'\\ $(A) \x01\x7f ünï\n"
    for name, wrapper in (("wrapped", {}), ("plain", {"enabled": False})):
        on_node.run(name, image, "line,exit=0", stdin=True, restartPolicy="Never", wrapper=wrapper)
    for name in ("wrapped", "plain"):
        assert on_node.said(name, "start")
        on_node.kubectl("attach", "--stdin", "--quiet", name, namespace=on_node.namespace, input=text)
        assert on_node.said(name, "line")["text"].encode("latin-1") == text.encode()


def test_sigterm_reaches_the_agent_and_the_pod_waits_for_its_end(on_node: OnNode) -> None:
    on_node.run("agent", "entrypoint", "wait,sleep=2,say=done,exit=0")
    assert on_node.said("agent", "waiting")
    follow = [*on_node.kubectl.command(on_node.namespace), "logs", "--follow", "agent"]
    with subprocess.Popen(follow, stdout=subprocess.PIPE, text=True) as log:
        on_node.delete("agent")
        said, _ = log.communicate(timeout=SECONDS)
    assert '"event":"signal"' in said
    assert '"text":"done"' in said


def test_exit_codes_arrive_in_the_status(on_node: OnNode) -> None:
    codes = (0, 1, 42, 126, 127, 137, 143)
    for code in codes:
        on_node.run(f"agent-{code}", "entrypoint", f"exit={code}", restartPolicy="Never", backoffLimit=0)
    ends = {code: on_node.terminated(f"agent-{code}") for code in codes}
    assert {code: (end["exitCode"], end["containerName"]) for code, end in ends.items()} == {
        code: (code, "agent") for code in codes
    }


@pytest.mark.parametrize("number", [6, 9, 15])
def test_an_end_by_a_signal_arrives_in_the_status(on_node: OnNode, number: int) -> None:
    on_node.run("agent", "entrypoint", f"signal={number}", restartPolicy="Never", backoffLimit=0)
    assert on_node.terminated("agent")["exitCode"] == 128 + number


def test_a_program_that_is_not_there_ends_with_127_and_without_the_wrapper_never_starts(on_node: OnNode) -> None:
    for name, wrapper in (("wrapped", {}), ("plain", {"enabled": False})):
        spec: Json = {"command": ["/no-such-program"], "wrapper": wrapper}
        on_node.run(name, "entrypoint", restartPolicy="Never", backoffLimit=0, **spec)
    ends = {name: on_node.terminated(name) for name in ("wrapped", "plain")}
    assert (ends["wrapped"]["exitCode"], ends["wrapped"]["reason"]) == (127, "Error")
    assert (ends["plain"]["exitCode"], ends["plain"]["reason"]) == (128, "StartError")


def _assert_same(on_node: OnNode, image: str, *, shared: bool = False, **container: Any) -> Json:
    """Compare what an image's process sees behind the wrapper, however that is installed, and without; return that."""
    settings = {"shareProcessNamespace": shared}
    on_node.run_plain("plain", image, "exit=0", settings, **container)
    for install in _INSTALLS:
        spec = {"restartPolicy": "Never", "podTemplate": {"spec": settings}, "wrapper": {"install": install}}
        on_node.run(install.lower(), image, "exit=0", **spec, **container)
    plain = on_node.said("plain", "start")
    assert (plain["pid"] == 1) is not shared
    for install in _INSTALLS:
        wrapped = on_node.said(install.lower(), "start")
        assert wrapped["init"] == ("pause" if shared else "tini")
        for field in ("argv", "cwd", "uid", "gid", "groups", "tty"):
            assert wrapped[field] == plain[field], (install, field)
        assert _environment(wrapped) == _environment(plain), install
    return plain


def _environment(event: Json) -> list[str]:
    return sorted(each for each in event["env"] if not each.startswith(_OWN))

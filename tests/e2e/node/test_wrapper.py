"""The wrapper on a real node: what the agent's process sees is what it sees without."""

from __future__ import annotations

import pytest

from tests.e2e.node.support import Json, OnNode

# What a pod's own name and addresses decide.
_OWN = ("HOSTNAME=", "KUBERNETES_")


@pytest.mark.parametrize(
    "image", ["entrypoint", "cmd", "both", "shell-form", "user", "workdir", "scratch", "distroless"]
)
def test_the_agent_is_started_as_without_the_wrapper(on_node: OnNode, image: str) -> None:
    on_node.run_plain("plain", image, "exit=0")
    on_node.run("agent", image, "exit=0", restartPolicy="Never")
    plain, wrapped = on_node.said("plain", "start"), on_node.said("agent", "start")
    assert wrapped["init"] == "tini"
    assert plain["pid"] == 1
    for field in ("argv", "cwd", "uid", "gid", "groups", "tty"):
        assert wrapped[field] == plain[field], field
    assert _environment(wrapped) == _environment(plain)


def test_an_exit_code_arrives_in_the_status(on_node: OnNode) -> None:
    on_node.run("agent", "entrypoint", "exit=42", restartPolicy="Never", backoffLimit=0)
    termination = on_node.terminated("agent")
    assert (termination["exitCode"], termination["containerName"]) == (42, "agent")


def _environment(event: Json) -> list[str]:
    return sorted(each for each in event["env"] if not each.startswith(_OWN))

"""Agents without rights on a real node: a read-only root file system, a user that nobody knows, *restricted*."""

from __future__ import annotations

import pytest

from tests.e2e.cluster.node_images import PACKAGES
from tests.e2e.node.support import Json, OnNode

_UID = 1234567
# Says who it is, what it may, and what it finds.
_PROGRAM = """\
import errno, greeting, json, os
from pathlib import Path

def wrote(path):
    try:
        Path(path).write_text("x")
    except OSError as error:
        return errno.errorcode[error.errno]
    return "written"

fields = (line.split(":\\t") for line in Path("/proc/self/status").read_text().splitlines() if ":\\t" in line)
print(json.dumps({
    "event": "seen",
    "status": {name: value for name, value in fields if name in ("NoNewPrivs", "Seccomp", "CapEff", "CapBnd")},
    "uid": os.getuid(),
    "known": f":{os.getuid()}:" in Path("/etc/passwd").read_text() if os.path.exists("/etc/passwd") else False,
    "init": Path("/proc/1/comm").read_text().strip(),
    "greeting": greeting.text,
    "file": Path("/etc/agent/settings").read_text(),
    "wrote": {path: wrote(path) for path in ("/new", "/agentctl/new", "/agentctl/bin/tini")},
}), flush=True)
"""


@pytest.mark.parametrize("profile", ["Baseline", "Restricted"])
def test_a_read_only_root_and_an_unknown_user_hinder_nothing(on_node: OnNode, profile: str) -> None:
    context = {"readOnlyRootFilesystem": True, "runAsUser": _UID}
    script = "write=/new,write=/agentctl/made"
    on_node.run(
        "agent",
        "python",
        command=["python", "/agentctl/files/main.py"],
        restartPolicy="Never",
        securityProfile=profile,
        securityContext=context,
        files=[{"path": "main.py", "content": _PROGRAM}, {"path": "/etc/agent/settings", "content": "found"}],
        sdk=_sdk(on_node),
        initContainers=[on_node.container("first", "entrypoint", f"{script},exit=0", securityContext=context)],
        sidecars=[on_node.container("beside", "entrypoint", f"{script},wait,exit=0", securityContext=context)],
    )
    seen = on_node.said("agent", "seen")
    # Of nobody's capabilities *restricted* leaves none, not even to be regained.
    bounds = int(seen["status"].pop("CapBnd"), 16)
    assert (bounds == 0) == (profile == "Restricted")
    assert seen == {
        "event": "seen",
        "status": {"NoNewPrivs": "1", "Seccomp": "2", "CapEff": "0000000000000000"},
        "uid": _UID,
        "known": False,
        "init": "tini",
        "greeting": "from a folder",
        "file": "found",
        "wrote": {"/new": "EROFS", "/agentctl/new": "written", "/agentctl/bin/tini": "EROFS"},
    }
    on_node.said("agent", "waiting", "beside")
    for container in ("first", "beside"):
        writes = [line for line in on_node.log("agent", container) if line["event"] == "write"]
        assert [line.get("error") for line in writes] == ["Read-only file system", None], container


def test_a_namespace_that_enforces_restricted_takes_an_agent_of_that_profile_and_no_other(on_node: OnNode) -> None:
    label = "pod-security.kubernetes.io/enforce=restricted"
    on_node.kubectl("label", "namespace", on_node.namespace, label)
    spec: Json = {
        "command": ["python", "-c", "import greeting, json; print(json.dumps({'event': greeting.text}))"],
        "restartPolicy": "Never",
        "securityContext": {"runAsUser": _UID},
        "sdk": _sdk(on_node),
        "files": [{"path": "text", "content": "a"}],
        # Their images name the user.
        "initContainers": [on_node.container("first", "distroless", "write=/agentctl/made,exit=0")],
        "sidecars": [on_node.container("beside", "distroless", "read=/agentctl/files/text,wait,exit=0")],
    }
    on_node.run("restricted", "python", securityProfile="Restricted", **spec)
    on_node.run("baseline", "python", securityProfile="Baseline", **spec)
    on_node.said("restricted", "from a folder")
    assert on_node.said("restricted", "read", "beside")["text"] == "a"
    refused = on_node.wait_reason("baseline", "Ready", "CreateRejected")
    assert "violates PodSecurity" in str(refused["status"]["conditions"])
    assert on_node.pod("baseline") is None


def _sdk(on_node: OnNode) -> Json:
    return {
        "runtime": "python",
        "image": on_node.images.reference("python-packages"),
        "packages": ["greeting"],
        "env": [{"name": "PIP_NO_INDEX", "value": "1"}, {"name": "PIP_FIND_LINKS", "value": PACKAGES}],
    }

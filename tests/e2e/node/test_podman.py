"""What `agentctl render` prints is played by podman, except for what docs/render.md says that it cannot play."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml

from agentctl_core import API_VERSION
from tests.e2e.cluster.node_images import Images
from tests.e2e.cluster.podman import Podman, podman
from tests.e2e.node.support import Json
from tests.e2e.support import eventually
from tests.e2e.test_render import ASKED, EXAMPLES, run_agentctl

# The examples with `files` and with a sidecar.
_REFUSED = {
    "files": 'failed to create volume "agentctl-files"',
    "full": 'failed to create volume "agentctl-files"',
    "sidecar": "cannot create an init container that has either of lifecycle",
}


@pytest.fixture(scope="module")
def plays(images: Images, starts_nodes: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """Podman, with those images that the tests play."""
    assert starts_nodes is None
    registry = images.registry.partition("/")[0]
    with podman(tmp_path_factory.mktemp("podman"), registry, images.reference("pause")) as runs:
        for name in ("pause", "operator", "busybox", "cmd"):
            runs.pull(images.reference(name))
        yield runs


def test_an_example_is_taken_unless_it_cannot_be_played(plays: Podman, images: Images) -> None:
    wrapper = images.reference("operator")
    agents = {each.stem: each.read_text() for each in EXAMPLES if each.stem not in ASKED}
    # That of docs/render.md.
    agents["researcher"] = run_agentctl("init", "researcher")
    refused: dict[str, str] = {}
    for name, agent in agents.items():
        text = run_agentctl("render", "-", f"--wrapper-image={wrapper}", text=agent)
        for image in _images(text) - {wrapper}:
            plays("tag", images.reference("busybox"), image)
        played = plays("kube", "play", "--start=false", "-", text=text, check=False)
        if played.returncode != 0:
            refused[name] = played.stderr
        plays("pod", "rm", "--all", "--force")
    assert refused.keys() == _REFUSED.keys(), refused
    assert [refused[name] for name, told in _REFUSED.items() if told not in refused[name]] == []


def _images(text: str) -> set[str]:
    """Return the images that pods ask for, named as podman completes them."""
    pods = [each["spec"] for each in yaml.safe_load_all(text) if each["kind"] == "Pod"]
    names = {each["image"] for pod in pods for each in (*pod.get("initContainers", ()), *pod["containers"])}
    return {name if "/" in name else f"docker.io/library/{name}" for name in names}


def test_an_agent_runs_behind_the_wrapper_and_ends_as_it_wants(plays: Podman, images: Images) -> None:
    spec: Json = {
        "image": images.reference("cmd"),
        "env": [{"name": "PROBE", "value": "wait,exit=3"}],
        "ports": [{"containerPort": 8080}],
        "resources": {"requests": {"memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "restartPolicy": "Never",
    }
    manifest = {"apiVersion": API_VERSION, "kind": "Agent", "metadata": {"name": "played"}, "spec": spec}
    options = (f"--wrapper-image={images.reference('operator')}", f"--insecure-registry={images.registry}")
    text = run_agentctl("render", "-", "--resolve", *options, text=json.dumps(manifest))
    plays("kube", "play", "-", text=text)
    eventually(lambda: '"event":"waiting"' in plays("logs", "played-agent").stdout, 30, "it waits for a signal")
    plays("pod", "stop", "--time=10", "played")
    start, *said = [json.loads(line) for line in plays("logs", "played-agent").stdout.splitlines()]
    assert (start["argv"], start["init"]) == (["probe", "from CMD"], "tini")
    assert [each["event"] for each in said] == ["waiting", "signal"]
    assert plays("wait", "played-agent").stdout == "3\n"
    plays("kube", "down", "-", text=text)
    assert plays("ps", "--all", "--quiet").stdout == ""

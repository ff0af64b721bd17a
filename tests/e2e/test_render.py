"""What `agentctl render` and `agentctl init` print is taken by a real API server as strictly as it takes anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentctl_runtime.cli.init import PATTERNS
from tests.e2e.cluster import build
from tests.e2e.cluster.image import Image, Repository
from tests.e2e.cluster.registry_server import RegistryServer
from tests.e2e.support import Kubectl

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
ASKED = ("image-lookup", "minimal")
"""Examples whose command stands in a registry."""


def run_agentctl(*arguments: str, text: str = "") -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AGENTCTL_")}
    command = [str(Path(sys.executable).with_name("agentctl")), *arguments]
    run = subprocess.run(command, env=clean, input=text, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr) == (0, ""), run.stderr
    return run.stdout


def taken(kubectl: Kubectl, namespace: str, text: str) -> list[str]:
    """Return what an API server would create."""
    apply = ("apply", "--dry-run=server", "--validate=strict", "--filename=-", "--output=name")
    return kubectl(*apply, namespace=namespace, input=text).stdout.split()


def test_every_example_is_rendered_to_what_the_api_server_takes(kubectl: Kubectl, namespace: str) -> None:
    files = [str(path) for path in EXAMPLES if path.stem not in ASKED]
    names = taken(kubectl, namespace, run_agentctl("render", *files))
    assert sorted(names) == sorted(taken(kubectl, namespace, run_agentctl("render", "-o", "json", *files)))
    pods = [name for name in names if name.startswith("pod/")]
    assert len(pods) == len(files)
    assert {name.partition("/")[0] for name in names} == {"pod", "service", "configmap", "persistentvolumeclaim"}


def test_what_an_image_runs_is_asked_of_its_registry(kubectl: Kubectl, namespace: str, tmp_path: Path) -> None:
    with RegistryServer(build.registry(), tmp_path) as server:
        Repository(server.host, "team/agent").push(Image(["/bin/serve"], ["--all"]), "1")
        agent = run_agentctl("init", "--pattern", "wrapped").replace(
            "ollama/ollama:0.12.6", f"{server.host}/team/agent:1"
        )
        printed = run_agentctl("render", "-", "--resolve", f"--insecure-registry={server.host}", text=agent)
    assert f"image: {server.host}/team/agent:1@sha256:" in printed
    assert "    - /bin/serve\n    - --all\n" in printed
    assert "pod/my-agent" in taken(kubectl, namespace, printed)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_is_printed_to_start_from_is_taken(kubectl: Kubectl, crd: str, namespace: str, pattern: str) -> None:
    assert crd
    printed = run_agentctl("init", "starter", "--pattern", pattern)
    assert taken(kubectl, namespace, printed) == ["agent.agentctl.dev/starter"]

"""`agentctl plan` on a real API server, beside an operator that runs or has run: it is right, and writes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.agents import SECONDS, Cluster, agent
from tests.e2e.cluster import build
from tests.e2e.cluster.image import Image, Repository
from tests.e2e.cluster.registry_server import RegistryServer
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.proxy import Proxy
from tests.e2e.support import Kubectl, eventually

ROOT = Path(__file__).parents[2]
NOT_HERE = ("image-lookup", "minimal")
"""Examples whose registries cannot be reached from here."""
Start = Callable[[], OperatorProcess]
DUMPED = "agents.agentctl.dev,pods,services,configmaps,persistentvolumeclaims"


@dataclass
class Planner:
    """Runs `agentctl plan` for one namespace, behind a proxy that sees what it sends."""

    config: Path
    namespace: str
    proxy: Proxy

    def __call__(self, *arguments: str, text: str | None = None) -> tuple[int, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AGENTCTL_")}
        command = [str(Path(sys.executable).with_name("agentctl")), "plan", f"--namespace={self.namespace}", *arguments]
        environment = clean | {"KUBECONFIG": str(self.config)}
        run = subprocess.run(
            command, env=environment, input=text, capture_output=True, text=True, timeout=60, check=False
        )
        assert not run.stderr, run.stderr
        return run.returncode, run.stdout

    def upgrade(self, *arguments: str, text: str | None = None) -> tuple[int, dict[str, Any]]:
        code, said = self("--upgrade", "-o", "json", *arguments, text=text)
        return code, json.loads(said)

    def until_settled(self) -> None:
        def check() -> bool:
            code, said = self()
            assert code == 0, said
            return True

        eventually(check, SECONDS, "there is nothing to do")


@pytest.fixture
def plan(kubectl: Kubectl, crd: str, namespace: str, tmp_path: Path) -> Iterator[Planner]:
    assert crd
    with Proxy(kubectl) as proxy:
        yield Planner(proxy.client_config(tmp_path / "config"), namespace, proxy)
        assert {seen.method for seen in proxy.requests} <= {"GET"}, "it wrote"


@pytest.fixture
def cluster(kubectl: Kubectl, namespace: str) -> Cluster:
    return Cluster(kubectl, namespace)


@pytest.fixture
def start_operator(kubeconfig: Path, crd: str, namespace: str, tmp_path: Path) -> Iterator[Start]:
    """Starts an operator with the environment as it is by then; it does not outlive the test."""
    assert crd
    operator = OperatorProcess(kubeconfig, namespace, tmp_path / "log")

    def start() -> OperatorProcess:
        operator.start()
        return operator

    yield start
    if operator.is_alive:
        operator.kill()


def changes(told: dict[str, Any], name: str) -> dict[str, tuple[Any, Any]]:
    each = next(item for item in told["agents"] if item["name"] == name)
    return {c["path"]: (c.get("before"), c.get("after")) for c in each["nextPod"]["changes"]}


def treatments(told: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item["treatment"] for item in told["agents"]}


def labelled(value: str) -> dict[str, Any]:
    return agent("labelled", podTemplate={"metadata": {"labels": {"a": value}}})


def test_a_settled_cluster_and_edits(cluster: Cluster, plan: Planner, operator: OperatorProcess) -> None:
    cluster.apply(agent("image"), agent("cpu", resources={"limits": {"cpu": "1"}}), labelled("1"))
    names = ("image", "cpu", "labelled")
    for name in names:
        cluster.wait_ready(name)
    plan.until_settled()
    assert plan()[1] == "3 Agents: 0 to act upon, 3 with nothing to do\n"
    assert plan.upgrade()[0] == 0
    assert any("agentctl.dev" in seen.path for seen in plan.proxy.requests)
    operator.kill()
    pods = {name: cluster.pod(name)["metadata"]["uid"] for name in names}
    cluster.apply(agent("image", image="busybox:1.36"), agent("cpu", resources={"limits": {"cpu": "2"}}))
    cluster.apply(labelled("2"), agent("new"))
    code, said = plan()
    assert code == 1
    assert f"- Delete Pod {cluster.namespace}/image: The spec has changed since the pod was made." in said
    assert 'spec.containers[agent].image: "busybox:1.37" -> "busybox:1.36"' in said
    assert f"~ Resize Pod {cluster.namespace}/cpu" in said
    assert f"~ Patch Pod {cluster.namespace}/labelled" in said
    assert 'metadata.labels.a: "1" -> "2"' in said
    assert f"+ Create Pod {cluster.namespace}/new" in said
    assert said.endswith("4 Agents: 4 to act upon, 0 with nothing to do\n")
    code, told = plan.upgrade()
    assert (code, treatments(told)) == (1, dict.fromkeys(names, "undecided"))
    assert {name: cluster.pod(name)["metadata"]["uid"] for name in names} == pods
    operator.start()
    cluster.wait_ready("new")
    plan.until_settled()
    assert cluster.pod("image")["metadata"]["uid"] != pods["image"]
    assert cluster.pod("labelled")["metadata"]["uid"] == pods["labelled"]


def test_no_example_would_be_treated_otherwise_by_the_operator_that_runs_it(
    cluster: Cluster, plan: Planner, start_operator: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RegistryServer(build.registry(), tmp_path) as server:
        Repository(server.host, "team/agent").push(Image(["/agent", "$HOME"], ["serve"]), "1")
        monkeypatch.setenv("AGENTCTL_INSECURE_REGISTRY", server.host)
        operator = start_operator()
        files = sorted((ROOT / "examples").glob("*.yaml"))
        examples = [yaml.safe_load(file.read_text()) for file in files if file.stem not in NOT_HERE]
        examples.append(agent("looked-up", image=f"{server.host}/team/agent:1", command=[]))
        cluster.apply(*examples)
        cluster.wait_ready("looked-up")

        def missing() -> bool:
            assert {one["metadata"]["name"] for one in examples} - {*cluster.names("pods")} == set()
            return True

        eventually(missing, SECONDS, "each has a pod")
        plan.until_settled()
        assert operator.stop() == 0
    code, told = plan.upgrade()
    assert (code, told["agents"]) == (0, [])
    assert told["summary"]["running"] == len(examples)
    # The same from a dump; where managedFields are left out, less is known, and nothing else is told.
    for options in (["--show-managed-fields"], []):
        dump = cluster.kubectl("get", DUMPED, "--output=yaml", *options, namespace=cluster.namespace).stdout
        assert plan("-", text=dump) == (
            0,
            f"{len(examples)} Agents: 0 to act upon, {len(examples)} with nothing to do\n",
        )
        assert plan.upgrade("-", text=dump)[1]["agents"] == []
    assert "came without managedFields" in plan("--upgrade", "-", text=dump)[1]
    # And what another operator would render otherwise is told of each that it concerns, and of no other.
    code, told = plan.upgrade("--wrapper-image=other:2", "--python-image=other:{version}")
    paths = {"spec.initContainers[agentctl-wrapper].image", "spec.initContainers[agentctl-sdk].image"}
    assert {path for name in treatments(told) for path in changes(told, name)} == paths
    assert set(treatments(told).values()) == {"at next replacement"}
    assert "own-wrapper" not in treatments(told)


def test_another_version_and_wrapper_come_with_the_next_pod(
    cluster: Cluster, plan: Planner, operator: OperatorProcess
) -> None:
    cluster.apply(agent("one"), agent("bare", wrapper={"enabled": False}))
    cluster.wait_ready("one")
    cluster.wait_ready("bare")
    operator.kill()
    for name in ("one", "bare"):
        said = "agentctl.dev/rendered-by=agentctl 0.0.1"
        cluster.kubectl("annotate", "pod", name, "--overwrite", said, namespace=cluster.namespace)
    code, told = plan.upgrade("--wrapper-image=other:2")
    assert (code, treatments(told)) == (1, {"one": "at next replacement", "bare": "status only"})
    assert told["summary"]["madeBy"] == {"agentctl 0.0.1": 2}
    assert list(changes(told, "one")) == ["spec.initContainers[agentctl-wrapper].image"]
    for each in told["agents"]:
        assert [action["do"] for action in each["actions"]] == ["PatchStatus"]
        assert [change["path"] for change in each["status"]] == ["conditions[UpToDate].message"]
    # It is so: the operator with that wrapper restarts nobody.
    pods = {name: cluster.pod(name)["metadata"]["uid"] for name in ("one", "bare")}
    operator.start()
    plan.until_settled()
    assert {name: cluster.pod(name)["metadata"]["uid"] for name in ("one", "bare")} == pods


def test_a_stricter_policy_and_a_laxer_profile(
    cluster: Cluster, plan: Planner, start_operator: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTCTL_ALLOW_HOST_PATH", "1")
    monkeypatch.setenv("AGENTCTL_SECURITY_PROFILE", "Restricted")
    operator = start_operator()
    cluster.apply(agent("plain"), agent("mounts", volumes=[{"name": "h", "hostPath": {"path": "/h"}}]))
    cluster.wait_ready("plain")
    cluster.wait_ready("mounts")
    assert plan.upgrade("--allow-host-path", "--security-profile=Restricted")[0] == 0
    assert operator.stop() == 0
    pod = cluster.pod("mounts")["metadata"]["uid"]
    code, told = plan.upgrade()
    assert (code, treatments(told)) == (1, {"plain": "at next replacement", "mounts": "refused"})
    assert changes(told, "plain") == {
        "spec.securityContext.runAsNonRoot": (True, None),
        "spec.containers[agent].securityContext.capabilities": ({"drop": ["ALL"]}, None),
    }
    monkeypatch.delenv("AGENTCTL_ALLOW_HOST_PATH")
    operator.start()
    cluster.wait_reason("mounts", "Accepted", "PolicyDenied")
    assert cluster.pod("mounts")["metadata"]["uid"] == pod
    assert operator.stop() == 0

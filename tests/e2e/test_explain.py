"""`agentctl explain` on a real API server: Agents as a user meets them, and a reader who may not read all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.agents import agent
from tests.e2e.conftest import fresh_namespace
from tests.e2e.pod_states import crashing, init_failing, running, waiting
from tests.e2e.proxy import Proxy
from tests.e2e.stage import Json, Stage
from tests.e2e.users import allow
from tests.rights import Right

AGENTCTL = str(Path(sys.executable).with_name("agentctl"))
READS = {Right("agentctl.dev", "agents", "get"), Right("", "pods", "get")}


@dataclass
class Explainer:
    """Runs `agentctl explain` in the stage's namespace, behind a proxy that sees what it sends."""

    config: Path
    stage: Stage

    def run(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AGENTCTL_")}
        command = [AGENTCTL, "explain", f"--namespace={self.stage.namespace}", *arguments]
        environment = clean | {"KUBECONFIG": str(self.config)}
        return subprocess.run(
            command, env=environment, input=text, capture_output=True, text=True, timeout=60, check=False
        )

    def __call__(self, *arguments: str, text: str | None = None) -> tuple[int, str]:
        done = self.run(*arguments, text=text)
        assert not done.stderr, done.stderr
        return done.returncode, done.stdout


@pytest.fixture
def explain(stage: Stage, tmp_path: Path) -> Iterator[Explainer]:
    with Proxy(stage.kubectl) as proxy:
        yield Explainer(proxy.client_config(tmp_path / "config"), stage)
        assert {seen.method for seen in proxy.requests} <= {"GET"}, "it wrote"
        of_events = [seen.path for seen in proxy.requests if "/events" in seen.path]
        assert all("fieldSelector=regarding.name%3D" in path for path in of_events), of_events


CASES: dict[str, tuple[Json, str, tuple[str, ...]]] = {
    "crashes": (
        crashing(1, "Error", "Traceback: no key"),
        "CrashLoopBackOff",
        ("kubectl logs crashes -n {} -c agent --previous", "waits: CrashLoopBackOff, restarted 3 times", "no key"),
    ),
    "no-image": (
        waiting("ImagePullBackOff", "Back-off pulling image"),
        "ImagePullFailed",
        ("kubernetes.io/dockerconfigjson", "waits: ImagePullBackOff", "agent: Back-off pulling image"),
    ),
    "init-fails": (
        init_failing(3),
        "InitFailed",
        ("-c agentctl-wrapper --previous", "agentctl-wrapper  init   waits: CrashLoopBackOff, restarted 2 times"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_agent_that_is_not_ready_is_told_with_its_pod_its_events_and_what_to_do(
    stage: Stage, explain: Explainer, name: str
) -> None:
    status, reason, parts = CASES[name]
    pod = stage.start(name)
    stage.node.report(pod, status)
    stage.wait_reason(name, "Ready", reason)
    stage.wait_events(name, ("Warning", reason))
    code, said = explain(name)
    assert code == 1
    assert said.startswith(f"Agent {stage.namespace}/{name} is not ready: {reason}\n\nReady: {reason}\n")
    assert [part for part in parts if part.format(stage.namespace) not in said] == [], said
    assert f"Warning {reason} of the Agent: " in said
    assert f"{name}: {status['phase']}, on node {stage.node.name}" in said
    told = json.loads(explain(name, "-o", "json")[1])
    assert [each["reason"] for each in told["advice"]] == [reason]
    stage.node.report(pod, running())
    stage.wait_ready(name)
    code, said = explain(name)
    assert (code, said.splitlines()[0]) == (0, f"Agent {stage.namespace}/{name} is ready")
    assert "What to do" not in said


def test_a_dump_tells_the_same(stage: Stage, explain: Explainer) -> None:
    pod = stage.start("dumped")
    stage.node.report(pod, crashing(1, "Error"))
    stage.wait_reason("dumped", "Ready", "CrashLoopBackOff")
    stage.wait_events("dumped", ("Warning", "CrashLoopBackOff"))
    dump = stage.kubectl("get", "agents.agentctl.dev,pods,events", "--output=yaml", namespace=stage.namespace).stdout
    code, live = explain("dumped", "-o", "json")
    assert (code, json.loads(explain("dumped", "-", "-o", "json", text=dump)[1])) == (1, json.loads(live))


def test_what_is_wrong_with_a_spec_a_quiet_operator_and_a_missing_agent(stage: Stage, explain: Explainer) -> None:
    stage.apply(stage.manifest("denied", volumes=[{"name": "h", "hostPath": {"path": "/h"}}]))
    stage.wait_reason("denied", "Accepted", "PolicyDenied")
    code, said = explain("denied")
    assert (code, said.splitlines()[0]) == (1, f"Agent {stage.namespace}/denied is not accepted: PolicyDenied")
    assert "spec.volumes[0].hostPath" in said
    assert said.count("What to do:") == 1
    with fresh_namespace(stage.kubectl) as unserved:
        stage.kubectl.apply(agent("unseen"), namespace=unserved)
        done = explain.run("unseen", f"--namespace={unserved}")
        assert done.returncode == 1
        assert f"Agent {unserved}/unseen has not been looked at by any operator\n" in done.stdout
    done = explain.run("denid")
    assert (done.returncode, done.stdout) == (66, "")
    assert done.stderr == f"Error: There is no Agent {stage.namespace}/denid. Did you mean denied?\n"


def test_a_reader_who_may_not_read_events_is_told_the_rest(stage: Stage, explain: Explainer, tmp_path: Path) -> None:
    stage.run("read")
    stage.kubectl("create", "serviceaccount", "reader", namespace=stage.namespace)
    token = stage.kubectl("create", "token", "reader", namespace=stage.namespace).stdout.strip()
    explain.config = stage.kubectl.config_with(token, tmp_path / "reader")
    assert explain.run("read").returncode == 77
    allow(stage.kubectl, f"system:serviceaccount:{stage.namespace}:reader", READS, stage.namespace)
    code, said = explain("read")
    assert code == 0
    assert said.startswith(f"Agent {stage.namespace}/read is ready\n")
    assert "\nNot read\n  The events: events.events.k8s.io is forbidden: " in said

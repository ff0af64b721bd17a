"""`agentctl doctor` on a real API server: for its administrator, and for a service account with its rights or less."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.operator_process import OperatorProcess
from tests.e2e.proxy import Proxy
from tests.e2e.support import Kubectl
from tests.e2e.users import allow
from tests.rights import Right, shipped

AGENTCTL = str(Path(sys.executable).with_name("agentctl"))


class Doctor:
    """Runs `agentctl doctor` behind a proxy that sees what it sends."""

    def __init__(self, config: Path, namespace: str) -> None:
        self.config = config
        self.namespace = namespace

    def __call__(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AGENTCTL_")}
        where = [f"--namespace={self.namespace}", f"--operator-namespace={self.namespace}"]
        done = subprocess.run(
            [AGENTCTL, "doctor", *where, "-o", "json", *arguments],
            env=clean | {"KUBECONFIG": str(self.config)}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert not done.stderr, done.stderr
        return done.returncode, {check["name"]: check for check in json.loads(done.stdout)["checks"]}


def verdicts(checks: dict[str, Any], *names: str) -> list[str]:
    return [checks[name]["verdict"] for name in names]


def test_an_administrator_sees_what_there_is_and_nothing_is_written(
    kubectl: Kubectl, kubeconfig: Path, crd: str, namespace: str, tmp_path: Path
) -> None:
    assert crd
    operator = OperatorProcess(
        kubeconfig, namespace, tmp_path / "log", ("--leader-elect", f"--leader-election-namespace={namespace}")
    )
    with Proxy(kubectl) as proxy:
        doctor = Doctor(proxy.client_config(tmp_path / "config"), namespace)
        code, checks = doctor()
        assert verdicts(checks, "server", "resource type", "rights", "resize in place", "image volumes") == ["ok"] * 5
        assert code == 0
        assert verdicts(checks, "operator", "leader") == ["warning"] * 2
        operator.start()
        code, checks = doctor()
        assert (code, checks["leader"]["verdict"]) == (0, "ok")
        operator.kill()
        sent = {(seen.method, seen.path.rpartition("/")[2]) for seen in proxy.requests}
        assert {method for method, _ in sent} == {"GET", "POST"}
        assert {plural for method, plural in sent if method == "POST"} == {"selfsubjectaccessreviews"}


@pytest.mark.parametrize("missing", [None, Right("", "pods/resize", "patch"), Right("agentctl.dev", "agents", "watch")])
def test_a_service_account_has_just_the_rights_of_the_manifests_or_lacks_one(
    kubectl: Kubectl, crd: str, namespace: str, tmp_path: Path, missing: Right | None
) -> None:
    assert crd
    kubectl("create", "serviceaccount", "agentctl", namespace=namespace)
    user = f"system:serviceaccount:{namespace}:agentctl"
    allow(kubectl, user, shipped() - {missing}, namespace)
    token = kubectl("create", "token", "agentctl", namespace=namespace).stdout.strip()
    as_itself = Doctor(kubectl.config_with(token, tmp_path / "itself"), namespace)
    as_administrator = Doctor(kubectl.kubeconfig, namespace)
    _, own = as_itself()
    _, asked = as_administrator("--service-account", f"{namespace}:agentctl")
    for told, who in ((own["rights"], "Who asks"), (asked["rights"], user)):
        if missing is None:
            assert (told["verdict"], told["told"]) == ("ok", f"{who} may do all that the operator does.")
        else:
            said = f"{who} may not {missing.verb} {missing.resource} in {namespace}."
            assert (told["verdict"], told["told"]) == ("failed", said)
    # It may not read what only administrators may, and says so.
    assert verdicts(own, "server", "resource type", "admission policy") == ["ok", "warning", "warning"]

"""What is secret is seen nowhere: not in the log, records, traces, metrics and Events, nor in the status of Agents."""

from __future__ import annotations

import base64
import json
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.e2e.agents import Cluster, agent
from tests.e2e.cluster.processes import free_ports
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.support import Kubectl
from tests.e2e.users import allow
from tests.rights import for_pull_secrets, shipped

Json = dict[str, Any]


def canary(what: str) -> str:
    return f"canary-{what}-{uuid.uuid4().hex}"


SECRET, PULL, REGISTRY_TOKEN = canary("secret"), canary("pull"), canary("registry-token")
BROKEN = canary("broken")
CONFIG, FOREIGN_FILE = canary("config"), canary("foreign-file")
LITERAL, FILE = canary("literal"), canary("file")


def encoded(text: str) -> Iterator[str]:
    """Yield what of a text can be seen in Base64 of which it is a part: for each place that it may begin at."""
    for before, strange in ((0, 0), (1, 2), (2, 3)):
        yield base64.b64encode(b"-" * before + text.encode()).decode().rstrip("=")[strange:-1]


class Registry(BaseHTTPRequestHandler):
    """A registry that gives everybody a token, and nobody an image; it keeps the passwords that it is shown.

    It takes traces as well.
    """

    shown: set[str | None]
    traces: bytearray

    def do_GET(self) -> None:
        if self.path.startswith("/token"):
            self.shown.add(self.headers.get("Authorization"))
            self._answer(200, json.dumps({"token": REGISTRY_TOKEN}).encode())
        elif self.headers.get("Authorization") == f"Bearer {REGISTRY_TOKEN}":
            self._answer(403, REGISTRY_TOKEN.encode())
        else:
            realm = f"http://{self.headers['Host']}/token"
            self._answer(401, b"", **{"WWW-Authenticate": f'Bearer realm="{realm}",service="a"'})

    def do_POST(self) -> None:
        self.traces.extend(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(200, b"")

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- as there
        pass


@pytest.fixture
def registry() -> Iterator[str]:
    """A registry; returns its host."""
    Registry.shown, Registry.traces = set(), bytearray()
    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(params=[False, True], ids=["as nobody", "with pull secrets"])
def uses_pull_secrets(request: pytest.FixtureRequest) -> bool:
    """Whether the operator reads Secrets."""
    return bool(request.param)


@pytest.fixture
def token(kubectl: Kubectl, namespace: str, uses_pull_secrets: bool) -> str:  # noqa: FBT001 -- a fixture
    """The token of a service account that may what the operator may."""
    kubectl("create", "serviceaccount", "operator", namespace=namespace)
    rights = shipped() | for_pull_secrets() if uses_pull_secrets else shipped()
    allow(kubectl, f"system:serviceaccount:{namespace}:operator", rights, namespace)
    return kubectl("create", "token", "operator", namespace=namespace).stdout.strip()


@pytest.fixture
def recorder(  # noqa: PLR0913, PLR0917 -- what it consists of
    kubectl: Kubectl,
    crd: str,
    namespace: str,
    token: str,
    registry: str,
    tmp_path: Path,
    uses_pull_secrets: bool,  # noqa: FBT001 -- a fixture
) -> OperatorProcess:
    """An operator with that token that says and records as much as it can."""
    assert crd
    file = kubectl.config_with(token, tmp_path / "config")
    (port,) = free_ports(1)
    options = (
        f"--record={tmp_path / 'record'}",
        f"--insecure-registry={registry}",
        *(["--use-image-pull-secrets"] if uses_pull_secrets else []),
        f"--metrics-bind-address=127.0.0.1:{port}",
    )
    return OperatorProcess(file, namespace, tmp_path / "log", options)


def objects(registry: str) -> tuple[Json, ...]:
    """Return what the Agent refers to: a Secret, a registry's credentials, some that are broken, a config map."""
    return (
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "secret"}, "stringData": {"key": SECRET}},
        pull_secret("pull", {registry: {"auth": base64.b64encode(f"a:{PULL}".encode()).decode()}}),
        pull_secret("broken", {registry: {"auth": BROKEN}}),
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "config"},
            "data": {"key": CONFIG, "file": FOREIGN_FILE},
        },
    )


def pull_secret(name: str, auths: Json) -> Json:
    content = {".dockerconfigjson": json.dumps({"auths": auths})}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": content,
    }


def whole() -> Json:
    """Return a spec that refers to each of them in every way that there is."""
    return {
        "env": [
            {"name": "LITERAL", "value": LITERAL},
            {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "secret", "key": "key"}}},
            {"name": "CONFIG", "valueFrom": {"configMapKeyRef": {"name": "config", "key": "key"}}},
        ],
        "envFrom": [{"secretRef": {"name": "secret"}}, {"configMapRef": {"name": "config"}}],
        "files": [
            {"path": "inline", "content": FILE},
            {"path": "secret", "secretKeyRef": {"name": "secret", "key": "key"}},
            {"path": "config", "configMapKeyRef": {"name": "config", "key": "file"}},
        ],
        "volumes": [{"name": "secret", "secret": {"secretName": "secret"}}],
        "podTemplate": {"spec": {"imagePullSecrets": [{"name": "pull"}, {"name": "broken"}, {"name": "secret"}]}},
    }


def test_no_canary_is_in_the_log_the_events_the_status_the_metrics_the_traces_or_the_record(  # noqa: PLR0913, PLR0917 -- fixtures
    kubectl: Kubectl,
    recorder: OperatorProcess,
    registry: str,
    token: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    uses_pull_secrets: bool,  # noqa: FBT001 -- a fixture
) -> None:
    assert recorder.namespace
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{registry}")
    cluster = Cluster(kubectl, recorder.namespace)
    recorder.start()
    cluster.apply(*objects(registry))
    cluster.apply(agent("one", **whole()))
    cluster.wait_ready("one")
    cluster.patch("one", args=["1"])
    cluster.wait_reason("one", "UpToDate", "Current")
    # A look-up that gets a token and is refused, a spec that is none, and a pod that the API server does not take.
    looked_up = agent("looked-up", **whole(), image=f"{registry}/team/agent:1")
    del looked_up["spec"]["command"]
    cluster.apply(looked_up)
    cluster.wait_reason("looked-up", "Accepted", "RegistryUnreachable")
    cluster.apply(agent("denied", **whole(), securityContext={"privileged": True}))
    cluster.wait_reason("denied", "Accepted", "PolicyDenied")
    cluster.apply(agent("refused", **whole(), livenessProbe={"periodSeconds": 1}))
    cluster.wait_reason("refused", "Ready", "CreateRejected")
    pod = json.dumps(cluster.pod("one"))
    metrics = httpx2.get(f"http://{recorder.options[-1].partition('=')[2]}/metrics", trust_env=False).text
    assert recorder.stop() == 0

    said = recorder.log.read_text()
    events = kubectl("get", "events", "--output=json", namespace=cluster.namespace).stdout
    agents = kubectl.json("get", "agents.agentctl.dev", namespace=cluster.namespace)["items"]
    statuses = json.dumps([each["status"] for each in agents])
    recorded = (tmp_path / "record").read_text()
    # All are what they are taken for.
    assert "created Pod one" in said
    assert "CreateRejected" in statuses
    # With a token, and with a password where Secrets are read.
    password = f"Basic {base64.b64encode(f'a:{PULL}'.encode()).decode()}"
    if uses_pull_secrets:
        assert "does not show it with these credentials" in statuses
        assert "Secret broken: what stands in it is not what its type says" in statuses
        assert "Secret secret: it is none for registries" in statuses
        assert Registry.shown == {password}
    else:
        assert "does not show it without credentials" in statuses
        assert Registry.shown == {None}
    assert "PolicyDenied" in events
    assert '"one"' in recorded
    assert "controller_runtime_reconcile_total" in metrics
    traces = Registry.traces.decode(errors="replace")
    assert "looked-up" in traces
    places = {"log": said, "events": events, "status": statuses, "record": recorded, "metrics": metrics}
    places["traces"] = traces
    _, payload, signature = token.split(".")
    secrets = (SECRET, PULL, password.split()[1], BROKEN, REGISTRY_TOKEN, CONFIG, FOREIGN_FILE, payload, signature)
    forms = [form for each in secrets for form in (each, *encoded(each))]
    assert [(place, form) for place, text in places.items() for form in forms if form in text] == []
    # What stands in a spec stands in the pod and the record, and is repeated nowhere else.
    assert LITERAL in pod
    for literal in (LITERAL, FILE):
        assert [place for place, text in places.items() if literal in text] == ["record"]

"""Credentials never show: in no error about a configuration, in none about a request, and so in no log line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import structlog

from agentctl_core import Ref
from agentctl_runtime._api import Api
from agentctl_runtime._failure import ApiFailure
from agentctl_runtime._kubeconfig import ConfigurationError
from agentctl_runtime._logging import FORMATS, configure_logging

CANARY = "c4n4ry"
POD = Ref("v1", "Pod", "default", "a")


def plugin(output: str) -> dict[str, Any]:
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "echo", "args": [output]}}


def kubeconfig(file: Path, user: Any, server: str) -> str:
    named = {
        "clusters": [{"name": "a", "cluster": {"server": server}}],
        "users": [{"name": "a", "user": user}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
    }
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "a", **named}))
    return str(file)


@pytest.mark.parametrize(
    "user",
    [
        {"token": f"{CANARY}\n"},
        {"token": f"{CANARY}\r\nX-Injected: a"},
        {"token": f"{CANARY}\0"},
        plugin(json.dumps({"status": {"token": f"{CANARY}\na"}})),
        plugin(json.dumps({"status": CANARY})),
        plugin(f"{{{CANARY}"),
    ],
)
def test_a_token_that_cannot_be_sent_is_told_and_not_shown(
    user: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> str:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        async with server:
            address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path / "config", user, address))
            async with Api.connect() as api:
                with pytest.raises(ApiFailure) as caught:
                    await api.get(POD)
        assert caught.value.reason == "CredentialsFailed"
        return str(caught.value)

    told = asyncio.run(main())
    assert "credentials" in told
    assert CANARY not in told


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"users:\n- user: {{token: {CANARY}\n  a: b", "it is not YAML, at line 3, column 4"),
        (f"token: '{CANARY}\n", "it is not YAML, at line 2, column 1"),
        (f"token: *{CANARY}\n", "it is not YAML, at line 1, column 8"),
        (f"token: !{CANARY} a\n", "it is not YAML, at line 1, column 8"),
        (f"token: {CANARY}\0", "it is not YAML"),
    ],
)
def test_a_kubeconfig_that_is_no_yaml_is_not_quoted(
    text: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(file))
    with pytest.raises(ConfigurationError) as caught:
        Api.connect()
    assert f"from {file}: {problem}. Set KUBECONFIG" in str(caught.value)
    assert CANARY not in str(caught.value)


def test_a_server_that_is_no_url_is_not_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = kubeconfig(tmp_path / "config", {"token": "a"}, f"http://a:{CANARY}/b")
    monkeypatch.setenv("KUBECONFIG", config)
    with pytest.raises(ConfigurationError, match="the cluster's server is not a URL") as caught:
        Api.connect()
    assert CANARY not in str(caught.value)


def fail(secret: str) -> None:
    raise KeyError(len(secret))


@pytest.mark.parametrize("log_format", FORMATS)
def test_a_traceback_in_the_log_shows_no_values(log_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(log_format, "debug")
    try:
        fail(CANARY)
    except KeyError:
        structlog.get_logger().exception("a fault")
    said = capsys.readouterr().err
    assert "raise KeyError(len(secret))" in said
    assert CANARY not in said

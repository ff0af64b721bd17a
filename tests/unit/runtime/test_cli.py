"""The command line, as people and as a Deployment use it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner, Result

from agentctl_core import Config, Policy
from agentctl_runtime import cli
from agentctl_runtime._registry import Registry
from agentctl_runtime._settings import Settings
from agentctl_runtime.cli._group import agentctl

from . import support
from .support import in_order

ROOT = Path(__file__).parents[3]
OUTSIDE = ("KUBECONFIG", "KUBERNETES_SERVICE_HOST")
KUBECONFIG = """
current-context: one
contexts: [{name: one, context: {cluster: c}}]
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
"""


@pytest.fixture(autouse=True)
def _surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration of whoever runs the tests is seen."""
    for name in [name for name in os.environ if name in OUTSIDE or name.startswith("AGENTCTL_")]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


@pytest.fixture
def _virtual_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "run", support.run)


def invoke(*arguments: str) -> Result:
    result = CliRunner().invoke(agentctl, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    return result


def test_run_leaves_out_what_only_tests_and_records_need() -> None:
    code = """
import sys
import agentctl_runtime.cli.run
print([name for name in sys.modules if name.startswith(("agentctl_core.testing", "hypothesis", "opentelemetry"))])
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout == "[]\n"


def test_an_unknown_command_or_option_is_a_usage_error() -> None:
    for arguments in (["nonsense"], ["run", "--nonsense"], ["run", "--log-level", "nonsense"]):
        result = invoke(*arguments)
        assert result.exit_code == 64
        assert "nonsense" in result.output


def test_without_the_extra_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "find_spec", lambda name: None if name == "lightkube" else name)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    said = capsys.readouterr()
    assert (caught.value.code, said.out) == (78, "")
    assert "lightkube cannot be imported" in said.err
    assert "pip install 'agentctl[operator]'" in said.err


def test_the_crd_is_the_one_in_the_repository() -> None:
    result = invoke("crd")
    assert result.exit_code == 0
    assert result.stdout == (ROOT / "crds" / "agents.yaml").read_text("utf-8")


@pytest.mark.usefixtures("_virtual_time")
@pytest.mark.parametrize("file", [None, *sorted(path.name for path in (ROOT / "examples").glob("*.yaml"))])
def test_the_demo_tells_the_life_of_an_agent_in_order(file: str | None) -> None:
    result = invoke("demo", *([str(ROOT / "examples" / file)] if file else []))
    assert result.exit_code == 0, result.output
    in_order(
        result.stdout,
        ["Agent default/", "applied", "create Pod", "Pending", "Running, ready", "Ready = True", "deleted", "absent"],
    )


@pytest.mark.usefixtures("_virtual_time")
def test_the_demo_tells_no_write_that_was_put_off() -> None:
    lines = invoke("demo").stdout.splitlines()
    first = next(position for position, line in enumerate(lines) if "write the Agent's status" in line)
    # A plan is told at once, and this one comes with the creation.
    assert any("absent -> Pending" in line for line in lines[:first])


@pytest.mark.usefixtures("_virtual_time")
@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ("{}", "spec.image"),
        ("{image: x, replicas: 7}", "spec.replicas"),
        ("{image: x, imagee: y}", "spec.imagee"),
        ("{image: x, env: [{name: A, value: 1}]}", "spec.env[0].value"),
    ],
)
def test_the_demo_of_an_invalid_agent_names_the_field(tmp_path: Path, spec: str, field: str) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text(f"{{apiVersion: agentctl.dev/v1alpha1, kind: Agent, metadata: {{name: a}}, spec: {spec}}}")
    result = invoke("demo", str(file))
    assert result.exit_code == 65
    assert field in result.stderr


@pytest.mark.parametrize("text", ["", "a: [", "kind: Pod", "kind: Agent\n---\nkind: Agent", "[1]", "\x00"])
def test_the_demo_of_a_file_that_holds_no_agent_is_bad_data(tmp_path: Path, text: str) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text(text)
    result = invoke("demo", str(file))
    assert result.exit_code == 65
    assert "agent.yaml" in result.output


@pytest.mark.parametrize("command", ["run", "demo"])
@pytest.mark.usefixtures("kubeconfig")
def test_an_unknown_context_is_named(command: str) -> None:
    result = invoke(command, "--context", "elsewhere")
    assert result.exit_code == 78
    assert "'elsewhere' not found" in result.output


def test_without_any_configuration_the_message_says_what_to_set() -> None:
    result = invoke("run")
    assert result.exit_code == 78
    assert "Set KUBECONFIG to a kubeconfig file" in result.output


@pytest.mark.usefixtures("kubeconfig")
@pytest.mark.parametrize(
    ("arguments", "variable", "namespaces"),
    [
        ([], None, ()),
        ([], "", ()),
        ([], "one", ("one",)),
        ([], "one two", ("one", "two")),
        (["--namespace", "three"], "one two", ("three",)),
        (["--namespace", "three", "--namespace", "four"], None, ("three", "four")),
    ],
)
def test_namespaces_come_from_options_or_the_environment(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], variable: str | None, namespaces: tuple[str, ...]
) -> None:
    served: list[Any] = []

    class Recorder:
        def __init__(self, _: object, **options: Any) -> None:
            served.append(options["namespaces"])

        async def run(self, stop: asyncio.Event) -> None: ...

    monkeypatch.setattr(import_module("agentctl_runtime.cli.run"), "Operator", Recorder)
    if variable is not None:
        monkeypatch.setenv("AGENTCTL_NAMESPACE", variable)
    result = invoke("run", *arguments)
    assert result.exit_code == 0, result.output
    assert served == [namespaces]


def test_the_operator_logs_json_if_asked_outlives_a_lost_server_and_ends_at_sigterm(
    kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTCTL_LOG_FORMAT", "json")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    command = [sys.executable, "-c", "from agentctl_runtime.cli import main; main()", "run", "--namespace", "one"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = [json.loads(process.stderr.readline()) for _ in range(3)]  # the start, and two lists that failed
        process.send_signal(signal.SIGTERM)
        rest = [json.loads(line) for line in process.stderr.read().splitlines()]
        assert process.wait(10) == 0
    assert (lines[0]["event"], lines[0]["namespaces"], lines[0]["level"]) == ("operator starts", ["one"], "info")
    assert {line["level"] for line in lines[1:]} == {"warning"}
    assert rest[-1]["event"] == "operator ended"


@pytest.mark.usefixtures("kubeconfig")
def test_a_wrong_value_in_the_environment_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTCTL_LOG_FORMAT", "xml")
    result = invoke("run")
    assert result.exit_code == 64
    assert "'console', 'json'" in result.output


@pytest.mark.usefixtures("kubeconfig")
@pytest.mark.parametrize(
    ("arguments", "variable", "hosts"),
    [
        ([], None, ()),
        ([], "one:5000 two", ("one:5000", "two")),
        (["--insecure-registry", "three"], "one", ("three",)),
        (["--insecure-registry", "a:1", "--insecure-registry", "[::1]:5000"], None, ("a:1", "[::1]:5000")),
    ],
)
def test_insecure_registries_come_from_options_or_the_environment(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], variable: str | None, hosts: tuple[str, ...]
) -> None:
    named: list[Any] = []
    module = import_module("agentctl_runtime.cli.run")

    class Recorder(Registry):
        def __init__(self, insecure: tuple[str, ...], **options: Any) -> None:
            named.append(insecure)
            super().__init__(insecure=insecure, **options)

    async def run(_: object, stop: asyncio.Event) -> None: ...

    monkeypatch.setattr(module, "Registry", Recorder)
    monkeypatch.setattr(module.Operator, "run", run)
    if variable is not None:
        monkeypatch.setenv("AGENTCTL_INSECURE_REGISTRY", variable)
    result = invoke("run", *arguments)
    assert result.exit_code == 0, result.output
    assert named == [hosts]


@pytest.mark.usefixtures("kubeconfig")
def test_an_insecure_registry_that_is_no_host_is_a_usage_error() -> None:
    result = invoke("run", "--insecure-registry", "http://one")
    assert result.exit_code == 64
    assert "'http://one' is not a host" in result.output


@pytest.mark.usefixtures("_virtual_time")
def test_the_demo_of_an_image_without_a_command_says_what_it_assumes(tmp_path: Path) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text("{apiVersion: agentctl.dev/v1alpha1, kind: Agent, metadata: {name: a}, spec: {image: nginx}}")
    result = invoke("demo", str(file))
    assert result.exit_code == 0, result.output
    in_order(result.stdout, ["nginx is assumed to run /docker-entrypoint.sh nginx", "no registry is asked", "Ready"])


def test_each_setting_of_the_core_is_a_flag_and_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Config] = []

    async def keep(settings: Settings, *_: object) -> None:
        seen.append(settings.config)

    monkeypatch.setattr("agentctl_runtime.cli.run._run", keep)
    assert invoke("run").exit_code == 0
    monkeypatch.setenv("AGENTCTL_PYTHON_VERSION", "3.12")
    monkeypatch.setenv("AGENTCTL_ALLOW_HOST_PATH", "1")
    monkeypatch.setenv("AGENTCTL_ALLOW_CAPABILITIES", "NET_RAW SYS_PTRACE")
    arguments = ["--wrapper-command=/bin/dumb-init --verbose", "--security-profile=Restricted", "--allow-privileged"]
    assert invoke("run", *arguments).exit_code == 0
    policy = Policy(allow_privileged=True, allow_host_path=True, allow_capabilities=("NET_RAW", "SYS_PTRACE"))
    command = ("/bin/dumb-init", "--verbose")
    changed = Config(wrapper_command=command, security_profile="Restricted", python_version="3.12", policy=policy)
    assert seen == [Config(), changed]
    fields = {*attrs.fields_dict(Config), *attrs.fields_dict(Policy)} - {"policy"}
    for name in ("run", "plan"):
        command_of = getattr(import_module(f"agentctl_runtime.cli.{name}"), name)
        assert fields <= {parameter.name for parameter in command_of.params}


@pytest.mark.parametrize("command", ["'", "", "tini -s"])
def test_a_wrapper_command_that_is_none_is_a_usage_error(command: str) -> None:
    result = invoke("run", f"--wrapper-command={command}")
    assert result.exit_code == 64
    assert "--wrapper-command" in result.output

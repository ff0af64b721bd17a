"""Settings come from flags and the environment; a wrong one is told before anything starts."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import attrs
import click
import pytest
from click.testing import CliRunner, Result

from agentctl_runtime._settings import Address, SettingError, Settings
from agentctl_runtime.cli._group import agentctl
from agentctl_runtime.cli.run import run


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """What `agentctl run` would start with; nothing of whoever runs the tests is among it."""
    for name in [name for name in os.environ if name.startswith("AGENTCTL_")]:
        monkeypatch.delenv(name)
    kept: list[Settings] = []

    async def keep(settings: Settings, *_: object) -> None:
        kept.append(settings)

    monkeypatch.setattr("agentctl_runtime.cli.run._run", keep)
    monkeypatch.setattr("agentctl_runtime.cli.run.configure_logging", lambda *_: None)
    return kept


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(agentctl, ["run", *arguments])


OPTIONS = [parameter for parameter in run.params if isinstance(parameter, click.Option)]


def test_nothing_set_is_the_defaults(seen: list[Settings]) -> None:
    assert invoke().exit_code == 0
    assert seen == [Settings()]


def test_each_field_is_a_flag_and_a_variable_of_the_same_name() -> None:
    assert {field.name for field in attrs.fields(Settings)} - {"config"} <= {option.name for option in OPTIONS}
    for option in OPTIONS:
        (flag,) = option.opts
        assert option.envvar == f"AGENTCTL_{flag.removeprefix('--').replace('-', '_').upper()}"


def test_no_variable_is_one_that_kubernetes_sets_for_a_service() -> None:
    links = re.compile(r"_SERVICE_(HOST|PORT)(_\w+)?$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$")
    assert [option.envvar for option in OPTIONS if links.search(str(option.envvar))] == []


VALUES: dict[str, tuple[str, Any]] = {
    "--namespace": ("one", ("one",)),
    "--context": ("blue", "blue"),
    "--insecure-registry": ("localhost:5000", ("localhost:5000",)),
    "--registry-mirror": ("docker.io=mirror.example/copies", ("docker.io=mirror.example/copies",)),
    "--leader-election-namespace": ("ops", "ops"),
    "--leader-election-id": ("agentctl.team", "agentctl.team"),
    "--metrics-bind-address": (":8080", Address("", 8080)),
    "--health-probe-bind-address": ("[::1]:0", Address("::1", 0)),
    "--log-format": ("json", "json"),
    "--log-level": ("debug", "debug"),
}


@pytest.mark.parametrize("flag", VALUES)
@pytest.mark.parametrize("source", ["flag", "variable"])
def test_a_value_arrives(seen: list[Settings], monkeypatch: pytest.MonkeyPatch, flag: str, source: str) -> None:
    text, value = VALUES[flag]
    assert given(monkeypatch, flag, text, source).exit_code == 0
    name = next(str(option.name) for option in OPTIONS if option.opts == [flag])
    assert seen == [attrs.evolve(Settings(), **{name: value})]


def given(monkeypatch: pytest.MonkeyPatch, flag: str, value: str, source: str) -> Result:
    if source == "flag":
        return invoke(f"{flag}={value}")
    monkeypatch.setenv(f"AGENTCTL_{flag.removeprefix('--').replace('-', '_').upper()}", value)
    return invoke()


LONG = "a" * 64
WRONG = [
    ("--namespace", "Team", "lower-case letters"),
    ("--namespace", "a.b", "lower-case letters"),
    ("--namespace", "-a", "at both ends"),
    ("--namespace", LONG, "1 to 63"),
    ("--namespace", "one,two", "with spaces between them"),
    ("--context", " ", "name a context"),
    ("--insecure-registry", "http://one", "is not a host"),
    ("--registry-mirror", "mirror.example", "write for example docker.io=mirror.example:5000"),
    ("--registry-ca-file", "/nowhere/ca.pem", "cannot be read"),
    ("--registry-ca-file", "/", "is a directory"),
    ("--registry-ca-file", "/dev/null", "some in PEM form"),
    ("--leader-election-namespace", "a_b", "is no namespace"),
    ("--leader-election-id", "a..b", "is no name of a Lease"),
    ("--leader-election-id", "A", "is no name of a Lease"),
    ("--leader-election-id", ".".join([LONG] * 4), "1 to 253"),
    ("--metrics-bind-address", "8080", "write for example :8080"),
    ("--metrics-bind-address", ":65536", "at most 65535"),
    ("--metrics-bind-address", "::1:80", "[::1]:8080"),
    ("--health-probe-bind-address", "http://0.0.0.0:80", "no address to listen at"),
    ("--health-probe-bind-address", ":", "or 0 for none"),
    ("--log-format", "xml", "'console', 'json'"),
    ("--log-level", "loud", "'warning', 'error'"),
    ("--record", "/", "is a directory"),
    ("--record", "/nowhere/decisions", "cannot be written"),
    ("--wrapper-image", "Tini", "lower case"),
    ("--wrapper-command", "tini -s", "absolute path"),
    ("--wrapper-command", "'", "quotation"),
    ("--python-image", "python:{versoin}", "{version} for sdk.version"),
    ("--nodejs-image", "node:{version} ", "{version} for sdk.version"),
    ("--python-version", "3.x", "write for example 3.13"),
    ("--nodejs-version", "lts", "is no version"),
    ("--security-profile", "Privileged", "'Restricted'"),
    ("--allow-capabilities", "CAP_NET_ADMIN", "without CAP_"),
    ("--allow-capabilities", "net_admin", "in capitals"),
    ("--allow-sysctls", "Net/core", "write for example net.core"),
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("source", ["flag", "variable"])
def test_a_wrong_value_is_a_usage_error_that_names_both_ways_to_set_it(
    seen: list[Settings], monkeypatch: pytest.MonkeyPatch, wrong: tuple[str, str, str], source: str
) -> None:
    flag, value, cure = wrong
    result = given(monkeypatch, flag, value, source)
    assert result.exit_code == 64, result.output
    told = " ".join(result.output.split())
    assert flag in told
    assert f"AGENTCTL_{flag.removeprefix('--').replace('-', '_').upper()}" in told
    assert cure in told
    assert seen == []


@pytest.mark.parametrize("flag", ["--leader-elect", "--allow-host-path"])
def test_a_switch_in_the_environment_that_is_neither_on_nor_off_is_a_usage_error(
    seen: list[Settings], monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    result = given(monkeypatch, flag, "maybe", "variable")
    assert result.exit_code == 64
    assert "AGENTCTL_" in result.output
    assert "true" in result.output
    assert seen == []


def test_several_values_in_a_variable_stand_with_spaces_between_them(
    seen: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert given(monkeypatch, "--namespace", "one two", "variable").exit_code == 0
    assert seen[0].namespaces == ("one", "two")


def test_a_flag_wins_over_its_variable(seen: list[Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTCTL_LOG_LEVEL", "loud")
    assert invoke("--log-level=error").exit_code == 0
    assert seen[0].log_level == "error"


@pytest.mark.parametrize(
    ("metrics", "health"), [(":80", ":80"), ("127.0.0.1:80", ":80"), (":80", "[::1]:80"), ("a:80", "a:80")]
)
def test_one_port_does_not_serve_both(seen: list[Settings], metrics: str, health: str) -> None:
    result = invoke(f"--metrics-bind-address={metrics}", f"--health-probe-bind-address={health}")
    assert result.exit_code == 64
    assert "choose another port" in " ".join(result.output.split())
    assert seen == []


@pytest.mark.parametrize(("metrics", "health"), [(":0", ":0"), ("127.0.0.1:80", "[::1]:80"), ("0", "0"), (":1", ":2")])
def test_addresses_that_do_not_meet_are_taken(seen: list[Settings], metrics: str, health: str) -> None:
    assert invoke(f"--metrics-bind-address={metrics}", f"--health-probe-bind-address={health}").exit_code == 0
    assert len(seen) == 1


def test_the_settings_check_themselves_wherever_they_come_from() -> None:
    with pytest.raises(SettingError, match="log_level: 'loud' is not one of debug, info, warning, error") as caught:
        Settings(log_level="loud")
    assert caught.value.name == "log_level"


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Settings().record = tmp_path  # type: ignore[misc]

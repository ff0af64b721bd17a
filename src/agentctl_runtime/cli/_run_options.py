"""The `Settings` of the operator as options of a command: each field is a flag and an AGENTCTL_ variable.

No variable's name may end like those that Kubernetes sets in each pod for each Service: for one called `agentctl` they
are AGENTCTL_PORT, AGENTCTL_SERVICE_HOST and so on.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from .._logging import FORMATS, LEVELS
from .._registry import tls_trusting
from .._settings import Address, SettingError, Settings
from ._config_options import bad_value, config_from, config_options, option

F = TypeVar("F", bound=Callable[..., Any])


class _Listening(click.ParamType["Address | None"]):
    name = "[host]:port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Address | None:
        if value == "0":
            return None
        try:
            return Address.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


_DEFAULT: Final = Settings()
_REGISTRY_OPTIONS: Final = (
    option(
        "insecure_registries",
        "Look images of this registry up over plain HTTP; may be repeated.",
        flag="--insecure-registry",
        metavar="HOST[:PORT]",
        multiple=True,
    ),
    option(
        "registry_mirrors",
        "Look images of this registry up at this mirror before the registry itself; may be repeated.",
        flag="--registry-mirror",
        metavar="REGISTRY=MIRROR[/PROJECT]",
        multiple=True,
    ),
    option(
        "registry_ca_file",
        "Trust the certificate authorities in this PEM file too where images are looked up; read at start.",
        type=click.Path(dir_okay=False, path_type=Path),
    ),
)
_OPTIONS: Final = (
    option(
        "namespaces",
        "Serve this namespace alone; may be repeated. [default: all]",
        flag="--namespace",
        multiple=True,
    ),
    option("context", "Context of the kubeconfig. [default: its current one]"),
    *_REGISTRY_OPTIONS,
    option(
        "use_image_pull_secrets",
        "Look images up with the credentials in imagePullSecrets; needs the rights in deploy/pull-secrets.",
        is_flag=True,
        default=_DEFAULT.use_image_pull_secrets,
    ),
    option(
        "leader_elect",
        "Work only while this process leads, of all that are run with this option: for more than one replica.",
        is_flag=True,
        default=_DEFAULT.leader_elect,
    ),
    option("leader_election_namespace", "Namespace of the Lease. [default: that of the pod, or of the context]"),
    option(
        "leader_election_id",
        "Name of the Lease. Operators that serve different namespaces have different ones.",
        default=_DEFAULT.leader_election_id,
    ),
    option(
        "metrics_bind_address",
        "Serve Prometheus metrics at /metrics here, for example at :8080; 0 for nowhere.",
        type=_Listening(),
        default="0",
    ),
    option(
        "health_probe_bind_address",
        "Answer /healthz and /readyz here, for example at :8081; 0 for nowhere.",
        type=_Listening(),
        default="0",
    ),
    option(
        "log_format",
        "Of the lines on standard error; auto is console where that is a terminal, and json elsewhere.",
        type=click.Choice(FORMATS),
        default=_DEFAULT.log_format,
    ),
    option("log_level", "Leave lines below this level out.", type=click.Choice(LEVELS), default=_DEFAULT.log_level),
    option(
        "record",
        "Append each decision to this file, for `agentctl replay`. It grows without bound, and holds whatever stands "
        "in the Agents' specs in clear text; nothing of Secrets and no credentials.",
        type=click.Path(dir_okay=False, path_type=Path),
    ),
)


def registry_options(command: F) -> F:
    """Add the options that say how images are looked up; `settings_from` reads them."""
    for add in reversed(_REGISTRY_OPTIONS):
        command = add(command)
    return command


def run_options(command: F) -> F:
    """Add an option for each field of `Settings` and of `Config`; `settings_from` reads them."""
    command = config_options(command)
    for add in reversed(_OPTIONS):
        command = add(command)
    return command


def settings_from(options: dict[str, Any]) -> Settings:
    """Return the Settings of a command's options.

    Raises:
        click.BadParameter: one of them cannot be so; names its flag and its variable.
    """
    config = config_from(options)
    own = {name: value for name, value in options.items() if hasattr(_DEFAULT, name)}
    try:
        return Settings(**own, config=config)
    except SettingError as error:
        raise bad_value(error.name, error.problem) from error


def trust_of(settings: Settings) -> ssl.SSLContext | None:
    """Return whose certificates are trusted where images are looked up; None for what the system says.

    Raises:
        click.BadParameter: the file with further ones cannot be read, or holds none.
    """
    if settings.registry_ca_file is None:
        return None
    try:
        return tls_trusting(settings.registry_ca_file)
    except OSError as error:
        raise bad_value("registry_ca_file", f"cannot be read: {error}") from error
    except ValueError as error:
        raise bad_value("registry_ca_file", str(error)) from error

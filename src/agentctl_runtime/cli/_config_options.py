"""The core's `Config` as options of a command: each field is a flag and an AGENTCTL_ variable."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from agentctl_core import Config, Policy

F = TypeVar("F", bound=Callable[..., Any])

_DEFAULT: Final = Config()
_PLAIN: Final = {
    "wrapper_image": "Image that holds the wrapper, for Agents that name none.",
    "python_image": "Image that installs Python packages; {version} stands for sdk.version.",
    "python_version": "Version of Python for Agents that name none.",
    "nodejs_image": "Image that installs Node.js packages; {version} stands for sdk.version.",
    "nodejs_version": "Version of Node.js for Agents that name none.",
}
_FLAGS: Final = {
    "allow_privileged": "Let Agents have privileged containers.",
    "allow_host_path": "Let Agents have hostPath volumes.",
    "allow_host_namespaces": "Let Agents use the host's network, processes and IPC.",
    "allow_host_ports": "Let Agents have ports of the host.",
    "allow_unconfined": "Let Agents run without seccomp or AppArmor, or choose SELinux options.",
    "allow_probe_hosts": "Let probes and lifecycle hooks of Agents reach other hosts.",
}
_LISTS: Final = {
    "allow_capabilities": "Let Agents add this capability; `*` for all.",
    "allow_sysctls": "Let Agents set this sysctl.",
}


def config_options(command: F) -> F:
    """Add an option for each field of `Config`; `config_from` reads them."""
    for name, text in reversed(_LISTS.items()):
        command = _option(name, text, multiple=True)(command)
    for name, text in reversed(_FLAGS.items()):
        command = _option(name, text, is_flag=True, default=False)(command)
    profiles = click.Choice(["Baseline", "Restricted"])
    profile = "Security profile of Agents that name none."
    command = _option("security_profile", profile, type=profiles, default=_DEFAULT.security_profile)(command)
    wrapper = "The wrapper's path in its image and its arguments, quoted as for a shell."
    command = _option("wrapper_command", wrapper, default=shlex.join(_DEFAULT.wrapper_command))(command)
    for name, text in reversed(_PLAIN.items()):
        command = _option(name, text, default=getattr(_DEFAULT, name))(command)
    return command


def config_from(options: dict[str, Any]) -> Config:
    """Return the Config of a command's options.

    Raises:
        click.BadParameter: the wrapper's command cannot be read, or is no absolute path.
    """
    policy = Policy(**{name: options[name] for name in (*_FLAGS, *_LISTS)})
    plain = {name: options[name] for name in (*_PLAIN, "security_profile")}
    try:
        return Config(wrapper_command=shlex.split(options["wrapper_command"]), policy=policy, **plain)
    except ValueError as error:  # of the command: click has checked the profile
        raise click.BadParameter(str(error), param_hint="--wrapper-command") from error


def _option(name: str, text: str, **settings: Any) -> Callable[[F], F]:
    flag = f"--{name.replace('_', '-')}"
    return click.option(flag, name, help=text, envvar=f"AGENTCTL_{name.upper()}", show_default=True, **settings)

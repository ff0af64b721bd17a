"""The core's `Config` as options of a command: each field is a flag and an AGENTCTL_ variable."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import click

from agentctl_core import Config, Policy

from .._reference import InvalidReference, parse_reference

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
        command = option(name, text, multiple=True)(command)
    for name, text in reversed(_FLAGS.items()):
        command = option(name, text, is_flag=True, default=False)(command)
    profiles = click.Choice(["Baseline", "Restricted"])
    profile = "Security profile of Agents that name none."
    command = option("security_profile", profile, type=profiles, default=_DEFAULT.security_profile)(command)
    wrapper = "The wrapper's path in its image and its arguments, quoted as for a shell."
    command = option("wrapper_command", wrapper, default=shlex.join(_DEFAULT.wrapper_command))(command)
    for name, text in reversed(_PLAIN.items()):
        command = option(name, text, default=getattr(_DEFAULT, name))(command)
    return command


def config_from(options: dict[str, Any]) -> Config:
    """Return the Config of a command's options.

    Raises:
        click.BadParameter: one of them makes no sense; names its flag and its variable.
    """
    for name, check in _CHECKS.items():
        value = options[name]
        items = cast("tuple[str, ...]", value) if isinstance(value, tuple) else (value,)
        for item in items:
            problem = check(item)
            if problem:
                raise bad_value(name, problem)
    policy = Policy(**{name: options[name] for name in (*_FLAGS, *_LISTS)})
    plain = {name: options[name] for name in (*_PLAIN, "security_profile")}
    try:
        return Config(wrapper_command=shlex.split(options["wrapper_command"]), policy=policy, **plain)
    except ValueError as error:  # of the command: click has checked the profile
        raise bad_value("wrapper_command", str(error)) from error


def option(name: str, text: str, *, flag: str | None = None, **settings: Any) -> Callable[[F], F]:
    """Return the decorator for the option that sets the parameter `name`, by its flag or its AGENTCTL_ variable."""
    flag = flag or f"--{name.replace('_', '-')}"
    variable = f"AGENTCTL_{flag.removeprefix('--').replace('-', '_').upper()}"
    return click.option(flag, name, help=text, envvar=variable, show_envvar=True, show_default=True, **settings)


def bad_value(name: str, problem: str) -> click.BadParameter:
    """Return the usage error about the value of a parameter of the command that runs."""
    context = click.get_current_context()
    parameter = next(each for each in context.command.params if each.name == name)
    return click.BadParameter(problem, context, parameter)


def _image(text: str) -> str | None:
    try:
        parse_reference(text)
    except InvalidReference as error:
        return str(error)
    return None


def _image_by_version(text: str) -> str | None:
    problem = _image(text.replace("{version}", "1"))
    return f"{text!r} is no image reference, with or without {{version}} for sdk.version" if problem else None


def _version(text: str) -> str | None:
    is_one = re.fullmatch(r"[0-9]+([.][0-9]+){0,2}", text)
    return None if is_one else f"{text!r} is no version; write for example 3.13"


def _capability(text: str) -> str | None:
    if re.fullmatch(r"[A-Z][A-Z0-9_]*\*?|\*", text) and not text.startswith("CAP_"):
        return None
    return (
        f"{text!r} is no capability as pods name it, which is in capitals and without CAP_; write for example NET_ADMIN"
    )


def _sysctl(text: str) -> str | None:
    if re.fullmatch(r"[a-z0-9][-._a-z0-9]*\*?|\*", text):
        return None
    return f"{text!r} is no sysctl; write for example net.core.somaxconn, or net.core.* for all that begin so"


_CHECKS: Final[dict[str, Callable[[str], str | None]]] = {
    "wrapper_image": _image,
    "python_image": _image_by_version,
    "python_version": _version,
    "nodejs_image": _image_by_version,
    "nodejs_version": _version,
    "allow_capabilities": _capability,
    "allow_sysctls": _sysctl,
}

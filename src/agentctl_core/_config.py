"""What the operator's owner decides, as opposed to what an Agent asks for."""

from __future__ import annotations

from typing import Any, Final, Literal

from attrs import Attribute, field, frozen

VERSION: Final = "0.1.0.dev0"
"""Of this library; a test compares it with the distribution's."""

_PROFILES: Final = ("Baseline", "Restricted")


@frozen(kw_only=True, unsafe_hash=False)
class Policy:
    """What Agents may ask for beyond the *baseline* Pod Security Standard; everything is forbidden by default.

    In the lists a `*` at the end stands for any text, so `*` alone allows all.

    Attributes:
        allow_privileged: privileged containers, and Windows' HostProcess containers.
        allow_host_path: hostPath volumes.
        allow_host_namespaces: hostNetwork, hostPID and hostIPC.
        allow_host_ports: hostPort. A pod in the host's network has the host's ports anyway.
        allow_capabilities: capabilities that may be added besides those of *baseline*, for example `NET_ADMIN`.
        allow_unconfined: any seccomp and AppArmor profile, also none, and any SELinux type, user and role.
        allow_sysctls: sysctls besides those of *baseline*, for example `net.core.*`; the kubelet must allow them too.
        allow_probe_hosts: probes and lifecycle handlers that call another host than the pod.
    """

    allow_privileged: bool = False
    allow_host_path: bool = False
    allow_host_namespaces: bool = False
    allow_host_ports: bool = False
    allow_capabilities: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    allow_unconfined: bool = False
    allow_sysctls: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    allow_probe_hosts: bool = False


def _program(_: object, attribute: Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    if not value or not value[0].startswith("/"):
        raise ValueError(f"{attribute.name} must begin with an absolute path")


def _profile(_: object, attribute: Attribute[Any], value: object) -> None:
    if value not in _PROFILES:
        raise ValueError(f"{attribute.name} must be one of {', '.join(_PROFILES)}")


@frozen(kw_only=True, unsafe_hash=False)
class Config:
    """Settings that hold for every Agent of one operator; each is a flag of `agentctl run`.

    No setting is part of a pod's revision: changing one restarts nobody.

    Attributes:
        wrapper_image: image that holds the wrapper, where an Agent names none; the operator's own image has tini.
        wrapper_command: the wrapper's absolute path in that image, and its own arguments.
        python_image, nodejs_image: images that install an SDK; `{version}` stands for `sdk.version`.
        python_version, nodejs_version: used where an Agent names no version.
        security_profile: the profile of Agents that name none.
        policy: what an Agent may not ask for.

    Raises:
        ValueError: the wrapper's command begins with no absolute path, or there is no such profile.
    """

    wrapper_image: str = f"agentctl/agentctl:{VERSION}"
    wrapper_command: tuple[str, ...] = field(
        default=("/usr/bin/tini", "-s"), converter=tuple[str, ...], validator=_program
    )
    python_image: str = "python:{version}-slim"
    python_version: str = "3.13"
    nodejs_image: str = "node:{version}-slim"
    nodejs_version: str = "22"
    security_profile: Literal["Baseline", "Restricted"] = field(default="Baseline", validator=_profile)
    policy: Policy = field(factory=Policy)

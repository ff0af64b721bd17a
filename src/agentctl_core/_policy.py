"""What an Agent may not ask for: whatever the *baseline* Pod Security Standard forbids, unless the policy allows it.

The controls are those of Kubernetes 1.37 (https://kubernetes.io/docs/concepts/security/pod-security-standards/). As
there, values are compared as they are written: a capability `CAP_CHOWN` is not `CHOWN`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, TypeAlias, cast

from attrs import frozen

from ._agent import Agent
from ._config import Policy
from ._problem import Problem
from ._schema import key_segment
from ._spec import AgentSpec


@frozen
class _Control:
    """One control of the standard.

    Attributes:
        fields: where it looks, from the part of the spec that it is about; `[*]` is every item of a list.
        allowed: the values that the standard allows, besides no value; a `*` at the end stands for any text.
        message: what is forbidden; and what to do instead.
        widening: the field of `Policy` that allows more, if there is one.
        unless_user_namespace: whether everything is allowed in a pod with a user namespace of its own.
    """

    fields: tuple[str, ...]
    allowed: tuple[object, ...]
    message: str
    widening: str | None = None
    unless_user_namespace: bool = False


_Part: TypeAlias = "tuple[str, Mapping[str, Any] | str, tuple[_Control, ...]]"
"""A part of the spec: its path, its value, and the controls that are about it."""

_CAPABILITIES: Final = (
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
)
_SELINUX_TYPES: Final = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_SYSCTLS: Final = (
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_notsent_lowat",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
)
_CALLS: Final = (
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle.postStart",
    "lifecycle.preStop",
)
_APPARMOR_ANNOTATION: Final = "container.apparmor.security.beta.kubernetes.io/"

_POD_AND_CONTAINER: Final = (
    _Control(
        ("securityContext.windowsOptions.hostProcess",),
        (False,),
        "HostProcess containers are forbidden; leave this out",
        "allow_privileged",
    ),
    _Control(
        ("securityContext.appArmorProfile.type",),
        ("RuntimeDefault", "Localhost"),
        "running without AppArmor is forbidden; leave appArmorProfile out, or use RuntimeDefault or Localhost",
        "allow_unconfined",
    ),
    _Control(
        ("securityContext.seccompProfile.type",),
        ("RuntimeDefault", "Localhost"),
        "running without seccomp is forbidden; leave seccompProfile out, or use RuntimeDefault or Localhost",
        "allow_unconfined",
    ),
    _Control(
        ("securityContext.seLinuxOptions.type",),
        _SELINUX_TYPES,
        f"SELinux types are forbidden but for {', '.join(_SELINUX_TYPES[1:])}; leave this out, or use one of them",
        "allow_unconfined",
    ),
    _Control(
        ("securityContext.seLinuxOptions.user", "securityContext.seLinuxOptions.role"),
        ("",),
        "an SELinux user or role is forbidden; leave this out",
        "allow_unconfined",
    ),
)
_CONTAINER: Final = (
    _Control(
        ("securityContext.privileged",),
        (False,),
        "privileged containers are forbidden; leave this out",
        "allow_privileged",
    ),
    _Control(
        ("securityContext.capabilities.add[*]",),
        _CAPABILITIES,
        f"capabilities are forbidden but for {', '.join(_CAPABILITIES)}; leave this one out",
        "allow_capabilities",
    ),
    *_POD_AND_CONTAINER,
    _Control(
        ("securityContext.procMount",),
        ("Default",),
        "an unmasked /proc is forbidden in the host's user namespace; "
        "leave this out, or set spec.podTemplate.spec.hostUsers to false",
        unless_user_namespace=True,
    ),
    _Control(
        ("ports[*].hostPort",),
        (0,),
        "host ports are forbidden; leave hostPort out, and set spec.service where a stable address is needed",
        "allow_host_ports",
    ),
    _Control(
        tuple(f"{call}.{action}.host" for call in _CALLS for action in ("httpGet", "tcpSocket")),
        ("",),
        "a host in probes and lifecycle handlers is forbidden; leave it out: the pod's own address is used",
        "allow_probe_hosts",
    ),
)
_VOLUME: Final = (
    _Control(
        ("hostPath",),
        (),
        "hostPath volumes are forbidden; use an emptyDir or a claim",
        "allow_host_path",
    ),
)
_POD: Final = (
    _Control(
        ("hostNetwork", "hostPID", "hostIPC"),
        (False,),
        "the host's namespaces are forbidden; leave this out",
        "allow_host_namespaces",
    ),
    *_POD_AND_CONTAINER,
    _Control(
        ("securityContext.sysctls[*].name",),
        _SYSCTLS,
        f"sysctls are forbidden but for {', '.join(_SYSCTLS)}; leave this one out",
        "allow_sysctls",
    ),
)
_ANNOTATION: Final = (
    _Control(
        ("",),
        ("", "runtime/default", "localhost/*"),
        "running without AppArmor is forbidden; leave the annotation out, or use runtime/default or localhost/PROFILE",
        "allow_unconfined",
    ),
)


def violations(agent: Agent, policy: Policy) -> tuple[Problem, ...]:
    """Return everything that an Agent asks for and may not have, in the order of the spec's fields.

    Without violations under `Policy()` the pod is admitted where `pod-security.kubernetes.io/enforce` is `baseline`.
    """
    own_users = agent.spec.pod_template.spec.get("hostUsers") is False
    return tuple(
        Problem(path, _message(control))
        for start, part, controls in _parts(agent.spec)
        for control in controls
        if not (own_users and control.unless_user_namespace)
        for fields in control.fields
        if _has(part, fields)
        for path, value in _values(part, fields, start)
        if not _is_among(value, control.allowed) and not _is_widened(value, control, policy)
    )


def _message(control: _Control) -> str:
    wider = f"; the operator's policy may allow it ({control.widening})" if control.widening else ""
    return control.message + wider


def _parts(spec: AgentSpec) -> Iterator[_Part]:
    main = {
        "securityContext": spec.security_context,
        "ports": spec.ports,
        "livenessProbe": spec.liveness_probe,
        "readinessProbe": spec.readiness_probe,
        "startupProbe": spec.startup_probe,
        "lifecycle": spec.lifecycle,
    }
    yield "spec", main, _CONTAINER
    lists = (
        ("spec.initContainers", spec.init_containers, _CONTAINER),
        ("spec.sidecars", spec.sidecars, _CONTAINER),
        ("spec.volumes", spec.volumes, _VOLUME),
    )
    for path, parts, controls in lists:
        for index, part in enumerate(parts):
            yield f"{path}[{index}]", part, controls
    for name, value in sorted(spec.pod_template.metadata.annotations.items()):
        if name.startswith(_APPARMOR_ANNOTATION):
            yield "spec.podTemplate.metadata.annotations" + key_segment(name, in_map=True), value, _ANNOTATION
    yield "spec.podTemplate.spec", spec.pod_template.spec, _POD


def _has(part: Mapping[str, Any] | str, fields: str) -> bool:
    """Tell whether there is anything at the first of `fields`: most Agents have next to nothing that is looked for."""
    return isinstance(part, str) or part.get(_first(fields)) is not None


@cache
def _first(fields: str) -> str:
    return fields.partition(".")[0].removesuffix("[*]")


def _values(value: object, fields: str, path: str) -> Iterator[tuple[str, object]]:
    """Yield what is at `fields`, each value with its own path."""
    name, _, rest = fields.partition(".")
    if value is None or not name:
        if value is not None:
            yield path, value
    elif name.endswith("[*]"):
        items = cast("Mapping[str, Any]", value).get(name.removesuffix("[*]")) or ()
        for index, item in enumerate(items):
            yield from _values(item, rest, f"{path}.{name.removesuffix('[*]')}[{index}]")
    else:
        yield from _values(cast("Mapping[str, Any]", value).get(name), rest, f"{path}.{name}")


def _is_among(value: object, allowed: tuple[object, ...]) -> bool:
    return any(
        value.startswith(one[:-1])
        if isinstance(value, str) and isinstance(one, str) and one.endswith("*")
        else value == one
        for one in allowed
    )


def _is_widened(value: object, control: _Control, policy: Policy) -> bool:
    wider: bool | tuple[str, ...] = getattr(policy, control.widening) if control.widening else False
    return wider if isinstance(wider, bool) else _is_among(value, wider)

"""What an Agent may not ask for: whatever the *baseline* Pod Security Standard forbids, unless the policy allows it.

The controls are those of Kubernetes 1.37 (https://kubernetes.io/docs/concepts/security/pod-security-standards/). As
there, values are compared as they are written: a capability `CAP_CHOWN` is not `CHOWN`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from attrs import frozen

from ._agent import Agent
from ._config import Policy
from ._problem import Problem
from ._schema import Path, join_path, key_segment
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


class _Look(NamedTuple):
    """One place where a control looks; `rank` is the standard's order."""

    rank: int
    control: _Control
    names: tuple[str, ...]


_Looks: TypeAlias = Mapping[str, Sequence[_Look]]
"""By the first field where they look: most Agents have next to nothing that is looked for."""


def _by_first_field(*controls: _Control) -> _Looks:
    looks: dict[str, list[_Look]] = {}
    places = [(control, tuple(fields.split("."))) for control in controls for fields in control.fields]
    for rank, (control, names) in enumerate(places):
        looks.setdefault(names[0].removesuffix("[*]"), []).append(_Look(rank, control, names))
    return looks


_IN_CONTAINER: Final = _by_first_field(*_CONTAINER)
_IN_VOLUME: Final = _by_first_field(*_VOLUME)
_IN_POD: Final = _by_first_field(*_POD)
_IN_ANNOTATION: Final = _by_first_field(*_ANNOTATION)


def violations(agent: Agent, policy: Policy) -> tuple[Problem, ...]:
    """Return everything that an Agent asks for and may not have, in the order of the spec's fields.

    Without violations under `Policy()` the pod is admitted where `pod-security.kubernetes.io/enforce` is `baseline`.
    """
    own_users = agent.spec.pod_template.spec.get("hostUsers") is False
    return tuple(
        Problem(join_path(path), _message(control))
        for start, part, looks in _parts(agent.spec)
        for _, control, names in _ranked(part, looks)
        if not (own_users and control.unless_user_namespace)
        for path, value in _values(part, names, (None, start))
        if not _is_among(value, control.allowed) and not _is_widened(value, control, policy)
    )


def _ranked(part: Mapping[str, Any], looks: _Looks) -> list[_Look]:
    return sorted([look for name, value in part.items() if value is not None for look in looks.get(name, ())])


def _message(control: _Control) -> str:
    wider = f"; the operator's policy may allow it ({control.widening})" if control.widening else ""
    return control.message + wider


def _parts(spec: AgentSpec) -> Iterator[tuple[str, Mapping[str, Any], _Looks]]:
    """Yield each part of the spec that controls are about: its path, its value, and where they look in it."""
    main = {
        "securityContext": spec.security_context,
        "ports": spec.ports,
        "livenessProbe": spec.liveness_probe,
        "readinessProbe": spec.readiness_probe,
        "startupProbe": spec.startup_probe,
        "lifecycle": spec.lifecycle,
    }
    yield "spec", main, _IN_CONTAINER
    lists = (
        ("spec.initContainers", spec.init_containers, _IN_CONTAINER),
        ("spec.sidecars", spec.sidecars, _IN_CONTAINER),
        ("spec.volumes", spec.volumes, _IN_VOLUME),
    )
    for path, parts, looks in lists:
        for index, part in enumerate(parts):
            yield f"{path}[{index}]", part, looks
    for name, value in sorted(spec.pod_template.metadata.annotations.items()):
        if name.startswith(_APPARMOR_ANNOTATION):
            path = "spec.podTemplate.metadata.annotations" + key_segment(name, in_map=True)
            yield path, {"": value}, _IN_ANNOTATION
    yield "spec.podTemplate.spec", spec.pod_template.spec, _IN_POD


def _values(value: Any, names: tuple[str, ...], path: Path) -> Iterator[tuple[Path, object]]:
    """Yield what is at `names`, each value with its own path."""
    for index, name in enumerate(names):
        if name.endswith("[*]"):
            field = name.removesuffix("[*]")
            for number, item in enumerate(value.get(field) or ()):
                yield from _values(item, names[index + 1 :], (path, f".{field}[{number}]"))
            return
        value = value.get(name)
        if value is None:
            return
        path = (path, f".{name}" if name else "")
    yield path, value


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

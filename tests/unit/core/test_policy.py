"""Each control of the baseline Pod Security Standard: refused with its path, allowed by its own widening alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import pytest

from agentctl_core import parse_agent
from agentctl_core._config import Policy
from agentctl_core._policy import violations

from .builders import an_agent

Json = dict[str, Any]

WIDEST = Policy(
    allow_privileged=True,
    allow_host_path=True,
    allow_host_namespaces=True,
    allow_host_ports=True,
    allow_capabilities=("*",),
    allow_unconfined=True,
    allow_sysctls=("*",),
    allow_probe_hosts=True,
)
BASELINE_CAPABILITIES = [
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
]
BASELINE_SYSCTLS = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
    "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.tcp_notsent_lowat",
]
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
HTTP: Json = {"httpGet": {"port": 80, "host": "10.0.0.1"}}
TCP: Json = {"tcpSocket": {"port": 80, "host": "example.com"}}
SECURITY = "securityContext"

# What may stand in the security context of a pod and of a container: the field that is refused, and what allows it.
CONTEXTS: list[tuple[Json, str, str]] = [
    ({"windowsOptions": {"hostProcess": True}}, "windowsOptions.hostProcess", "allow_privileged"),
    ({"appArmorProfile": {"type": "Unconfined"}}, "appArmorProfile.type", "allow_unconfined"),
    ({"seccompProfile": {"type": "Unconfined"}}, "seccompProfile.type", "allow_unconfined"),
    ({"seLinuxOptions": {"type": "spc_t"}}, "seLinuxOptions.type", "allow_unconfined"),
    ({"seLinuxOptions": {"user": "system_u"}}, "seLinuxOptions.user", "allow_unconfined"),
    ({"seLinuxOptions": {"role": "system_r"}}, "seLinuxOptions.role", "allow_unconfined"),
]
CONTAINERS: list[tuple[Json, str, str | None]] = [
    *(({SECURITY: context}, f"{SECURITY}.{path}", widening) for context, path, widening in CONTEXTS),
    ({SECURITY: {"privileged": True}}, "securityContext.privileged", "allow_privileged"),
    (
        {SECURITY: {"capabilities": {"add": ["CHOWN", "NET_ADMIN"]}}},
        "securityContext.capabilities.add[1]",
        "allow_capabilities",
    ),
    ({SECURITY: {"procMount": "Unmasked"}}, "securityContext.procMount", None),
    (
        {"ports": [{"containerPort": 80}, {"containerPort": 81, "hostPort": 81}]},
        "ports[1].hostPort",
        "allow_host_ports",
    ),
    *(
        ({probe: call}, f"{probe}.{next(iter(call))}.host", "allow_probe_hosts")
        for probe in ("livenessProbe", "readinessProbe", "startupProbe")
        for call in (HTTP, TCP)
    ),
    *(
        ({"lifecycle": {when: call}}, f"lifecycle.{when}.{next(iter(call))}.host", "allow_probe_hosts")
        for when in ("postStart", "preStop")
        for call in (HTTP, TCP)
    ),
]
PLACES = {"agent": "spec", "init": "spec.initContainers[1]", "sidecar": "spec.sidecars[0]"}

# Of the whole spec.
SPECS: list[tuple[Json, str, str]] = [
    *(
        ({"podTemplate": {"spec": {name: True}}}, f"spec.podTemplate.spec.{name}", "allow_host_namespaces")
        for name in ("hostNetwork", "hostPID", "hostIPC")
    ),
    *(
        ({"podTemplate": {"spec": {SECURITY: context}}}, f"spec.podTemplate.spec.{SECURITY}.{path}", widening)
        for context, path, widening in CONTEXTS
    ),
    (
        {
            "podTemplate": {
                "spec": {
                    SECURITY: {
                        "sysctls": [
                            {"name": "net.ipv4.tcp_syncookies", "value": "1"},
                            {"name": "net.core.somaxconn", "value": "1024"},
                        ]
                    }
                }
            }
        },
        "spec.podTemplate.spec.securityContext.sysctls[1].name",
        "allow_sysctls",
    ),
    (
        {"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b"}, {"name": "c", "hostPath": {"path": "/"}}]},
        "spec.volumes[2].hostPath",
        "allow_host_path",
    ),
    (
        {"podTemplate": {"metadata": {"annotations": {"a": "unconfined", f"{APPARMOR}agent": "unconfined"}}}},
        f"spec.podTemplate.metadata.annotations[{APPARMOR}agent]",
        "allow_unconfined",
    ),
]


def in_container(place: str, fields: Mapping[str, Any]) -> Json:
    """Put fields of a container into the spec of an Agent."""
    container = {"name": "other", "image": "example.com/other:1", **fields}
    match place:
        case "agent":
            return dict(fields)
        case "init":
            return {"initContainers": [{"name": "first", "image": "example.com/first:1"}, container]}
        case _:
            return {"sidecars": [container]}


def pod(**fields: Any) -> Json:
    return {"podTemplate": {"spec": fields}}


def refused(policy: Policy | None = None, **spec: Any) -> list[str]:
    """Return the paths of what is refused."""
    return [problem.path for problem in violations(parse_agent(an_agent(**spec)), policy or Policy())]


def allowing(widening: str) -> Policy:
    """Return the policy that allows one thing, whatever its value."""
    return attrs.evolve(Policy(), **{widening: getattr(WIDEST, widening)})


ALL: list[tuple[Json, str, str | None]] = [
    *(
        (in_container(place, fields), f"{prefix}.{path}", widening)
        for fields, path, widening in CONTAINERS
        for place, prefix in PLACES.items()
    ),
    *SPECS,
]


@pytest.mark.parametrize(("spec", "path", "widening"), ALL, ids=[path for _, path, _ in ALL])
def test_what_goes_beyond_baseline_is_refused_with_its_path_unless_its_own_widening_allows_it(
    spec: Json, path: str, widening: str | None
) -> None:
    assert refused(**spec) == [path]
    for name in attrs.fields_dict(Policy):
        assert refused(allowing(name), **spec) == ([] if name == widening else [path]), name


@pytest.mark.parametrize(("spec", "widening"), [(spec, widening) for spec, _, widening in ALL])
def test_the_message_says_what_is_forbidden_what_to_do_and_what_would_allow_it(
    spec: Json, widening: str | None
) -> None:
    [problem] = violations(parse_agent(an_agent(**spec)), Policy())
    forbidden, *cures = problem.message.split("; ")
    assert " forbidden" in forbidden
    assert "leave " in cures[0] or "use " in cures[0]
    assert ("may allow it" in problem.message) == (widening is not None)
    assert widening is None or problem.message.endswith(f"({widening})")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "fields",
    [
        {SECURITY: {}},
        {SECURITY: {"privileged": False, "allowPrivilegeEscalation": True, "runAsUser": 0, "runAsNonRoot": False}},
        {SECURITY: {"capabilities": {"add": BASELINE_CAPABILITIES, "drop": ["ALL", "NET_RAW"]}}},
        {SECURITY: {"capabilities": {"add": []}, "procMount": "Default"}},
        {SECURITY: {"windowsOptions": {"hostProcess": False, "runAsUserName": "ContainerUser"}}},
        {SECURITY: {"appArmorProfile": {"type": "RuntimeDefault"}, "seccompProfile": {"type": "RuntimeDefault"}}},
        {SECURITY: {"appArmorProfile": {"type": "Localhost", "localhostProfile": "x"}}},
        {SECURITY: {"seccompProfile": {"type": "Localhost", "localhostProfile": "x"}}},
        {SECURITY: {"seLinuxOptions": {"type": "", "user": "", "role": "", "level": "s0:c1,c2"}}},
        *(
            {SECURITY: {"seLinuxOptions": {"type": name}}}
            for name in ("container_t", "container_init_t", "container_kvm_t", "container_engine_t")
        ),
        {"ports": [{"containerPort": 80, "hostPort": 0}, {"containerPort": 81, "hostIP": "10.0.0.1"}]},
        {"livenessProbe": {"httpGet": {"port": 80, "host": ""}}, "readinessProbe": {"tcpSocket": {"port": 80}}},
        {"startupProbe": {"grpc": {"port": 80}}, "livenessProbe": {"exec": {"command": ["true"]}}},
        {
            "lifecycle": {
                "postStart": {"exec": {"command": ["true"]}},
                "preStop": {"httpGet": {"port": 80, "httpHeaders": [{"name": "Host", "value": "x"}]}},
            }
        },
    ],
)
def test_what_baseline_allows_in_a_container_is_allowed(place: str, fields: Json) -> None:
    assert refused(**in_container(place, fields)) == []


@pytest.mark.parametrize(
    "spec",
    [
        {},
        pod(hostNetwork=False, hostPID=False, hostIPC=False, hostUsers=True, shareProcessNamespace=True),
        pod(securityContext={"runAsUser": 0, "fsGroup": 0, "supplementalGroups": [0]}),
        pod(securityContext={"seccompProfile": {"type": "RuntimeDefault"}, "appArmorProfile": {"type": "Localhost"}}),
        pod(securityContext={"windowsOptions": {"hostProcess": False}, "seLinuxOptions": {"type": "container_t"}}),
        pod(securityContext={"sysctls": [{"name": name, "value": "1"} for name in BASELINE_SYSCTLS]}),
        *(
            {"podTemplate": {"metadata": {"annotations": {f"{APPARMOR}agent": value}}}}
            for value in ("", "runtime/default", "localhost/", "localhost/profile")
        ),
        {
            "podTemplate": {
                "metadata": {
                    "annotations": {"seccomp.security.alpha.kubernetes.io/pod": "unconfined", APPARMOR[:-1]: "x"}
                }
            }
        },
        {
            "volumes": [
                {"name": "a", "emptyDir": {}},
                {"name": "b", "configMap": {"name": "x"}},
                {"name": "c", "nfs": {"server": "x", "path": "/"}},
                {"name": "d", "persistentVolumeClaim": {"claimName": "x"}},
            ]
        },
    ],
)
def test_what_baseline_allows_in_a_pod_is_allowed(spec: Json) -> None:
    assert refused(**spec) == []


@pytest.mark.parametrize(
    "name", ["CAP_CHOWN", "chown", "ALL", "NET_RAW", "SYS_ADMIN", "CAP_SYS_ADMIN", "CHOWN ", "CHOWNX", "*", ""]
)
def test_capabilities_are_compared_as_they_are_written(name: str) -> None:
    context = {"capabilities": {"add": [name]}}
    assert refused(securityContext=context) == ["spec.securityContext.capabilities.add[0]"]
    assert refused(Policy(allow_capabilities=(name,)), securityContext=context) == []


@pytest.mark.parametrize("name", ["net/ipv4/tcp_syncookies", "net.ipv4.tcp_syncookies.x", "kernel.msgmax"])
def test_sysctls_are_compared_as_they_are_written(name: str) -> None:
    spec = pod(securityContext={"sysctls": [{"name": name, "value": "1"}]})
    assert refused(**spec) == ["spec.podTemplate.spec.securityContext.sysctls[0].name"]
    assert refused(Policy(allow_sysctls=(name,)), **spec) == []


def test_a_list_of_the_policy_allows_what_it_names_and_nothing_else() -> None:
    context = {"capabilities": {"add": ["NET_ADMIN", "NET_RAW", "SYS_TIME"]}}
    path = "spec.securityContext.capabilities.add"
    assert refused(Policy(allow_capabilities=["NET_RAW"]), securityContext=context) == [f"{path}[0]", f"{path}[2]"]
    assert refused(Policy(allow_capabilities=["NET_*"]), securityContext=context) == [f"{path}[2]"]
    assert refused(Policy(allow_capabilities=["*"]), securityContext=context) == []
    names = ["net.core.somaxconn", "net.ipv4.tcp_mem", "kernel.msgmax"]
    spec = pod(securityContext={"sysctls": [{"name": name, "value": "1"} for name in names]})
    path = "spec.podTemplate.spec.securityContext.sysctls"
    assert refused(Policy(allow_sysctls=["net.core.*", "net.ipv4.tcp"]), **spec) == [
        f"{path}[1].name",
        f"{path}[2].name",
    ]
    assert refused(Policy(allow_sysctls=["net.*", "kernel.msgmax"]), **spec) == []


@pytest.mark.parametrize("place", PLACES)
def test_a_pod_with_its_own_user_namespace_may_unmask_proc_and_nothing_else(place: str) -> None:
    spec = in_container(place, {SECURITY: {"procMount": "Unmasked", "privileged": True}})
    assert refused(**spec, **pod(hostUsers=False)) == [f"{PLACES[place]}.securityContext.privileged"]
    for host_users in (pod(hostUsers=True), pod(), {}):
        assert f"{PLACES[place]}.securityContext.procMount" in refused(**spec, **host_users)


def test_everything_is_told_at_once_in_the_order_of_the_spec() -> None:
    bad: Json = {
        "securityContext": {
            "privileged": True,
            "capabilities": {"add": ["SYS_ADMIN", "CHOWN", "NET_RAW"]},
            "seccompProfile": {"type": "Unconfined"},
        },
        "ports": [{"containerPort": 80, "hostPort": 80}, {"containerPort": 90, "hostPort": 90}],
        "livenessProbe": HTTP,
    }
    spec = {
        **bad,
        "initContainers": [{"name": "one", "image": "x", **bad}],
        "sidecars": [{"name": "two", "image": "x"}, {"name": "three", "image": "x", **bad}],
        "volumes": [{"name": "a", "hostPath": {"path": "/a"}}, {"name": "b", "hostPath": {"path": "/b"}}],
        "podTemplate": {
            "metadata": {"annotations": {f"{APPARMOR}two": "unconfined", f"{APPARMOR}one": "docker/default"}},
            "spec": {
                "hostPID": True,
                "hostNetwork": True,
                "securityContext": {
                    "sysctls": [{"name": "a", "value": "1"}, {"name": "b", "value": "1"}],
                    "seLinuxOptions": {"user": "u", "role": "r", "type": "t"},
                },
            },
        },
    }
    in_each = [
        "securityContext.privileged",
        "securityContext.capabilities.add[0]",
        "securityContext.capabilities.add[2]",
        "securityContext.seccompProfile.type",
        "ports[0].hostPort",
        "ports[1].hostPort",
        "livenessProbe.httpGet.host",
    ]
    template = "spec.podTemplate.spec"
    assert refused(**spec) == [
        *(f"{place}.{path}" for place in ("spec", "spec.initContainers[0]", "spec.sidecars[1]") for path in in_each),
        "spec.volumes[0].hostPath",
        "spec.volumes[1].hostPath",
        f"spec.podTemplate.metadata.annotations[{APPARMOR}one]",
        f"spec.podTemplate.metadata.annotations[{APPARMOR}two]",
        f"{template}.hostNetwork",
        f"{template}.hostPID",
        f"{template}.securityContext.seLinuxOptions.type",
        f"{template}.securityContext.seLinuxOptions.user",
        f"{template}.securityContext.seLinuxOptions.role",
        f"{template}.securityContext.sysctls[0].name",
        f"{template}.securityContext.sysctls[1].name",
    ]
    assert refused(WIDEST, **spec) == []


@pytest.mark.parametrize(
    ("profile", "path"),
    [
        ("localhost/mine", []),
        ("localhost/", []),
        ("localhost", ["spec.podTemplate.metadata.annotations[container.apparmor.security.beta.kubernetes.io/agent]"]),
    ],
)
def test_a_pattern_allows_what_begins_as_it_does(profile: str, path: list[str]) -> None:
    annotations = {"container.apparmor.security.beta.kubernetes.io/agent": profile}
    assert refused(podTemplate={"metadata": {"annotations": annotations}}) == path


def test_nothing_is_promised_where_the_policy_cannot_allow_it() -> None:
    spec = next(spec for spec, _, widening in ALL if widening is None)
    [problem] = violations(parse_agent(an_agent(**spec)), Policy())
    assert problem.message == (
        "an unmasked /proc is forbidden in the host's user namespace; leave this out, or set "
        "spec.podTemplate.spec.hostUsers to false"
    )

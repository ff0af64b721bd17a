"""The policy and the profiles against the API server's own Pod Security admission, by server-side dry-run."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pytest

from agentctl_core import API_VERSION, Policy, build_pod, parse_agent
from agentctl_core._policy import violations
from tests.e2e.support import Kubectl, eventually

Json = dict[str, Any]

OLDEST_MINOR = 37  # whose standard the policy follows


def pod(**fields: Any) -> Json:
    return {"podTemplate": {"spec": fields}}


def pod_context(**fields: Any) -> Json:
    return pod(securityContext=fields)


def context(**fields: Any) -> Json:
    return {"securityContext": fields}


def container(**fields: Any) -> Json:
    return {"name": "other", "image": "example.com/other:1", **fields}


def apparmor(value: str) -> Json:
    return {
        "podTemplate": {"metadata": {"annotations": {"container.apparmor.security.beta.kubernetes.io/agent": value}}}
    }


def sysctl(name: str) -> Json:
    return pod_context(sysctls=[{"name": name, "value": "1"}])


NO_WRAPPER: Json = {"wrapper": {"enabled": False}}
HTTP: Json = {"httpGet": {"port": 80, "host": "10.0.0.1"}}
TCP: Json = {"tcpSocket": {"port": 80, "host": "10.0.0.1"}}
UNCONFINED: Json = {"type": "Unconfined"}
LOCALHOST: Json = {"type": "Localhost", "localhostProfile": "profile"}
HOST_PROCESS: Json = {"windowsOptions": {"hostProcess": True, "runAsUserName": "NT AUTHORITY\\SYSTEM"}}

BASELINE: dict[str, Json] = {
    "nothing": {},
    "restricted": {"securityProfile": "Restricted"},
    "sdk and files": {"sdk": {"runtime": "python", "packages": ["httpx"]}, "files": [{"path": "a", "content": "a"}]},
    "root": context(runAsUser=0, allowPrivilegeEscalation=True),
    "privileged": context(privileged=True),
    "privileged init container": {"initContainers": [container(**context(privileged=True))]},
    "privileged sidecar": {"sidecars": [container(**context(privileged=True))]},
    "capability of the default set": context(capabilities={"add": ["CHOWN", "NET_BIND_SERVICE"]}),
    "capability beyond it": context(capabilities={"add": ["CHOWN", "NET_ADMIN"]}),
    "NET_RAW": context(capabilities={"add": ["NET_RAW"]}),
    "CAP_SYS_ADMIN": context(capabilities={"add": ["CAP_SYS_ADMIN"]}),
    "SYS_ADMIN": context(capabilities={"add": ["SYS_ADMIN"]}),
    "all capabilities": context(capabilities={"add": ["ALL"]}),
    "capability with prefix": context(capabilities={"add": ["CAP_CHOWN"]}),
    "hostNetwork": pod(hostNetwork=True),
    "hostNetwork with a port": pod(hostNetwork=True) | {"ports": [{"containerPort": 80}]},
    "hostPID": pod(hostPID=True),
    "hostIPC": pod(hostIPC=True),
    "hostPath": {"volumes": [{"name": "root", "hostPath": {"path": "/"}}]},
    "other volumes": {"volumes": [{"name": "a", "nfs": {"server": "a", "path": "/"}}, {"name": "b", "emptyDir": {}}]},
    "hostPort": {"ports": [{"containerPort": 80, "hostPort": 80}]},
    "hostPort 0": {"ports": [{"containerPort": 80, "hostPort": 0}]},
    "hostPort of a sidecar": {"sidecars": [container(ports=[{"containerPort": 80, "hostPort": 80}])]},
    "liveness host": {"livenessProbe": HTTP},
    "readiness host": {"readinessProbe": TCP},
    "startup host": {"sidecars": [container(startupProbe=HTTP)]},
    "probe without host": {"livenessProbe": {"httpGet": {"port": 80}}, "readinessProbe": {"grpc": {"port": 80}}},
    "postStart host": {"lifecycle": {"postStart": HTTP}},
    "preStop host": {"lifecycle": {"preStop": TCP}},
    "AppArmor unconfined": context(appArmorProfile=UNCONFINED),
    "AppArmor unconfined in the pod": pod_context(appArmorProfile=UNCONFINED),
    "AppArmor localhost": context(appArmorProfile=LOCALHOST),
    "AppArmor annotation": apparmor("unconfined"),
    "AppArmor annotation localhost": apparmor("localhost/profile"),
    "AppArmor annotation default": apparmor("runtime/default"),
    "seccomp unconfined": context(seccompProfile=UNCONFINED),
    "seccomp unconfined in the pod": pod_context(seccompProfile=UNCONFINED),
    "seccomp localhost": pod_context(seccompProfile=LOCALHOST),
    "SELinux type": context(seLinuxOptions={"type": "spc_t"}),
    "SELinux engine": context(seLinuxOptions={"type": "container_engine_t", "level": "s0"}),
    "SELinux user": pod_context(seLinuxOptions={"user": "system_u"}),
    "SELinux role": pod_context(seLinuxOptions={"role": "system_r"}),
    "SELinux empty": context(seLinuxOptions={"type": "", "user": "", "role": ""}),
    "unmasked proc in its own user namespace": context(procMount="Unmasked") | pod(hostUsers=False),
    "sysctl": sysctl("net.core.somaxconn"),
    "sysctl of the safe set": sysctl("net.ipv4.tcp_notsent_lowat"),
    "sysctl with slashes": sysctl("net/ipv4/tcp_syncookies"),
    "HostProcess": NO_WRAPPER | pod(hostNetwork=True, securityContext=HOST_PROCESS),
    "windows": NO_WRAPPER | pod(os={"name": "windows"}),
    "several": {
        **context(privileged=True, capabilities={"add": ["CAP_SYS_ADMIN"]}),
        **pod(hostPID=True, hostIPC=True),
        "volumes": [{"name": "root", "hostPath": {"path": "/"}}],
    },
}

RESTRICTED: dict[str, tuple[Json, bool]] = {
    "nothing": ({}, True),
    "no wrapper": (NO_WRAPPER, True),
    "everything": (
        {
            "initContainers": [container()],
            "sidecars": [container(name="beside")],
            "files": [{"path": "a", "content": "a"}, {"path": "/etc/a", "secretKeyRef": {"name": "a", "key": "a"}}],
            "sdk": {"runtime": "nodejs", "packages": ["left-pad"]},
            "volumes": [{"name": "a", "configMap": {"name": "a"}}],
            "sharedVolume": {"claimName": "a"},
        },
        True,
    ),
    "NET_BIND_SERVICE": (context(capabilities={"add": ["NET_BIND_SERVICE"]}), True),
    "read-only root": (context(readOnlyRootFilesystem=True, runAsUser=1000), True),
    "pod settings": (pod_context(fsGroup=1000, seccompProfile=LOCALHOST), True),
    "windows": (NO_WRAPPER | pod(os={"name": "windows"}), True),
    "CHOWN": (context(capabilities={"add": ["CHOWN"]}), False),
    "fewer dropped": (context(capabilities={"drop": ["NET_RAW"]}), False),
    "escalation": (context(allowPrivilegeEscalation=True), False),
    "root": (pod_context(runAsUser=0), False),
    "may be root": (pod_context(runAsNonRoot=False), False),
    "baseline": ({"securityProfile": "Baseline"}, False),
    "nfs": ({"volumes": [{"name": "a", "nfs": {"server": "a", "path": "/"}}]}, False),
}


class Admission:
    """Namespaces of each level, which admit pods or refuse them."""

    def __init__(self, kubectl: Kubectl, namespaces: Mapping[str, str]) -> None:
        self._kubectl = kubectl
        self._namespaces = namespaces

    def refusals(self, level: str, specs: Mapping[str, Json]) -> dict[str, str]:
        """Return what the API server says of each pod that it refuses, by the name of its spec."""
        names = {f"case-{index}": name for index, name in enumerate(specs)}
        namespace = self._namespaces[level]
        pods = [build_pod(parse_agent(manifest(name, namespace, specs[case]))) for name, case in names.items()]
        done = self._kubectl(
            *("create", "--dry-run=server", "--output=name", "--filename=-"),
            input=json.dumps({"apiVersion": "v1", "kind": "List", "items": pods}),
            namespace=namespace,
            check=False,
        )
        admitted = {line.removeprefix("pod/") for line in done.stdout.splitlines()}
        said = {name: "" for name in names if name not in admitted}
        for line in done.stderr.splitlines():
            for name in said:
                if f'"{name}"' in line:
                    said[name] += line
        # A pod that is refused for another reason says nothing about the standard.
        for name, text in said.items():
            assert f'violates PodSecurity "{level}:latest"' in text, f"{names[name]}: {text or done.stderr}"
        return {names[name]: text for name, text in said.items()}


def manifest(name: str, namespace: str, spec: Json) -> Json:
    return {
        "apiVersion": API_VERSION,
        "kind": "Agent",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"image": "example.com/agent:1", "command": ["agent"], **spec},
    }


@pytest.fixture(scope="module")
def admission(kubectl: Kubectl) -> Iterator[Admission]:
    minor = int(json.loads(kubectl("get", "--raw=/version").stdout)["minor"].rstrip("+"))
    if minor < OLDEST_MINOR:
        pytest.skip(f"the API server has the standard of 1.{minor}; the policy follows that of 1.{OLDEST_MINOR}")
    names = {level: f"e2e-{level}-{uuid.uuid4().hex[:8]}" for level in ("baseline", "restricted")}
    for level, name in names.items():
        # With its label from the start: of a later one the API server may learn later.
        labels = {"pod-security.kubernetes.io/enforce": level}
        kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    try:
        for name in names.values():
            # Pods are refused until it is there.
            eventually(partial(kubectl.get, "serviceaccount", "default", name), 30, f"service account of {name}")
        yield Admission(kubectl, names)
    finally:
        kubectl("delete", "namespace", *names.values(), "--wait=false")


def test_the_policy_refuses_exactly_what_the_baseline_standard_refuses(admission: Admission) -> None:
    refused = admission.refusals("baseline", BASELINE)
    denied = {
        name: problems
        for name, spec in BASELINE.items()
        if (problems := violations(parse_agent(manifest("a", "b", spec)), Policy()))
    }
    assert denied.keys() == refused.keys()
    assert 20 < len(refused) < len(BASELINE) - 10


def test_agents_of_the_restricted_profile_pass_the_restricted_standard_unless_the_spec_overrides_it(
    admission: Admission,
) -> None:
    specs = {name: {"securityProfile": "Restricted", **spec} for name, (spec, _) in RESTRICTED.items()}
    expected = {name for name, (_, passes) in RESTRICTED.items() if not passes}
    assert admission.refusals("restricted", specs).keys() == expected

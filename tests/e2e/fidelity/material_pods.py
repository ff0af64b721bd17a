"""Pods and Agents to be sent: by hand for the rules, generated for the breadth."""

from __future__ import annotations

from functools import cache
from typing import Any, Final, TypeAlias

from agentctl_core import build_pod, parse_agent
from agentctl_core.testing.strategies import agents, broken_agents, images
from tests.e2e.fidelity.material import Material
from tests.examples import examples

Json: TypeAlias = dict[str, Any]

_GENERATED: Final = 60
_BROKEN: Final = 30
_ELSEWHERE: Final = ("serviceAccountName", "priorityClassName", "runtimeClassName")
"""Names objects of kinds that the model does not have."""
_TIME: Final = "2026-01-01T00:00:00Z"
_AMOUNTS: Final[Json] = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}}
_EQUAL: Final[Json] = {"cpu": "500m", "memory": "64Mi"}


def _container(**fields: Any) -> Json:
    return {"name": "agent", "image": "example.com/agent:1"} | fields


def _with(**fields: Any) -> Json:
    return {"spec": {"containers": [_container(**fields)]}}


_PLAIN: Final[Json] = {"automountServiceAccountToken": False, "containers": [_container()]}
_SIDE: Final[Json] = {"name": "side", "image": "example.com/side", "restartPolicy": "Always"}
_READY: Final[tuple[Json, ...]] = (
    {"type": "Ready", "status": "True", "lastTransitionTime": _TIME},
    {"type": "ContainersReady", "status": "True", "lastTransitionTime": _TIME},
)
_RUNNING: Final[Json] = {
    "phase": "Running",
    "startTime": _TIME,
    "podIP": "10.244.0.5",
    "podIPs": [{"ip": "10.244.0.5"}],
    "hostIP": "192.0.2.1",
    "hostIPs": [{"ip": "192.0.2.1"}],
    "conditions": [*_READY],
    "containerStatuses": [
        {
            "name": "agent",
            "image": "example.com/agent:1",
            "imageID": "",
            "ready": True,
            "restartCount": 0,
            "started": True,
            "state": {"running": {"startedAt": _TIME}},
        }
    ],
}
_ENDED: Final[Json] = {"exitCode": 1, "reason": "Error", "startedAt": _TIME, "finishedAt": _TIME}
_FAILED: Final[Json] = {
    "phase": "Failed",
    "reason": "Evicted",
    "message": "The node was low on resource: memory.",
    "containerStatuses": [
        {
            "name": "agent",
            "image": "example.com/agent:1",
            "imageID": "",
            "ready": False,
            "restartCount": 1,
            "state": {"terminated": _ENDED},
            "lastState": {"terminated": _ENDED | {"exitCode": 137, "reason": "OOMKilled"}},
        }
    ],
}
POD_STATUSES: Final[tuple[Json, ...]] = (
    _RUNNING,
    _FAILED,
    {"phase": "Succeeded"},
    {"phase": "Pending"},
    {"phase": None},
    {"phase": "Other"},
    {"phase": 5},
    {"qosClass": "Burstable"},
    {"qosClass": None},
    {"conditions": None},
    {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"}]},
    {"conditions": [{"type": "Ready", "status": "Maybe"}]},
    {"conditions": [{"type": "PodResizePending", "status": "True", "reason": "Infeasible", "observedGeneration": 1}]},
    {"containerStatuses": None},
    {"containerStatuses": [{"name": "other", "ready": False, "restartCount": 0, "image": "a", "imageID": ""}]},
    {"hostIP": "nonsense"},
    {"podIP": "10.244.0.6", "podIPs": [{"ip": "10.244.0.6"}]},
    {"podIPs": [{"ip": "nonsense"}]},
    {"nominatedNodeName": "n1"},
    {"nominatedNodeName": "N 1"},
    {"observedGeneration": 1},
    {"resourceClaimStatuses": [{"name": "none"}]},
    {"unknown": 1},
    {},
)
POD: Final = Material(
    base=(
        {"spec": _PLAIN},
        {"spec": _PLAIN},
        {"spec": _PLAIN | {"nodeName": "n1"}},
        {"spec": _PLAIN | {"nodeName": "n1", "terminationGracePeriodSeconds": 5, "restartPolicy": "Never"}},
        {"spec": _PLAIN | {"containers": [_container(resources=_AMOUNTS)]}},
        {"spec": _PLAIN | {"containers": [_container(resources={"limits": _EQUAL, "requests": _EQUAL})]}},
        {"spec": _PLAIN | {"containers": [_container(resources={"limits": _EQUAL})], "initContainers": [_SIDE]}},
        {
            "spec": _PLAIN
            | {"initContainers": [_SIDE, {"name": "init", "image": "example.com/init@sha256:" + "0" * 64}]}
        },
        {"spec": {"containers": [_container()]}},
    ),
    parts=(
        {"spec": {"restartPolicy": "OnFailure"}},
        {"spec": {"restartPolicy": "Never", "activeDeadlineSeconds": 30}},
        {"spec": {"activeDeadlineSeconds": 10}},
        {"spec": {"activeDeadlineSeconds": None}},
        {"spec": {"terminationGracePeriodSeconds": 0}},
        {"spec": {"terminationGracePeriodSeconds": 5}},
        {"spec": {"nodeName": "n2"}},
        {"spec": {"nodeSelector": {"disk": "fast"}}},
        {"spec": {"schedulingGates": [{"name": "example.com/gate"}]}},
        {"spec": {"schedulingGates": None}},
        {"spec": {"schedulerName": "none"}},
        {"spec": {"dnsPolicy": "Default"}},
        {"spec": {"hostname": "host-1", "subdomain": "sub"}},
        {"spec": {"hostNetwork": True}},
        {"spec": {"securityContext": {"runAsUser": 1000, "runAsNonRoot": True, "fsGroup": 1000}}},
        {"spec": {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}},
        {"spec": {"tolerations": [{"key": "a", "operator": "Exists"}]}},
        {
            "spec": {
                "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}]
            }
        },
        {"spec": {"tolerations": None}},
        {"spec": {"shareProcessNamespace": True}},
        {"spec": {"enableServiceLinks": False}},
        {"spec": {"imagePullSecrets": [{"name": "pull"}]}},
        {"spec": {"automountServiceAccountToken": None}},
        {"spec": {"serviceAccountName": "default"}},
        {"spec": {"priority": 0}},
        {"spec": {"preemptionPolicy": "Never"}},
        {
            "spec": {
                "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "DoNotSchedule"}]
            }
        },
        {
            "spec": {
                "affinity": {
                    "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "a"}]}
                }
            }
        },
        {"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}},
        {"spec": {"volumes": [{"name": "v"}]}},
        {
            "spec": {
                "volumes": [{"name": "v", "configMap": {"name": "c"}}, {"name": "w", "secret": {"secretName": "s"}}]
            }
        },
        {"spec": {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]}},
        {"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/a"}}]}},
        {"spec": {"volumes": [{"name": "v", "emptyDir": {"medium": "Memory", "sizeLimit": "1024Mi"}}]}},
        _with(image="example.com/agent:2"),
        _with(image="example.com/agent"),
        _with(image="example.com/agent:latest", imagePullPolicy="Never"),
        _with(command=["a"], args=[], env=[{"name": "A", "value": ""}, {"name": "B", "value": "b"}]),
        _with(env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
        _with(env=[{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}}]),
        _with(env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]),
        _with(envFrom=[{"configMapRef": {"name": "c"}, "prefix": "P_"}]),
        _with(ports=[{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP", "name": "dns"}]),
        _with(resources=_AMOUNTS),
        _with(resources={"limits": {"cpu": "0.5", "memory": "1024Ki"}}),
        _with(resources={"requests": {"cpu": "1000m"}}),
        _with(resources={"requests": {"cpu": "200m", "memory": "64Mi"}, "limits": {"cpu": "2", "memory": "128Mi"}}),
        _with(livenessProbe={"httpGet": {"path": "/live", "port": 80}}),
        _with(readinessProbe={"tcpSocket": {"port": "http"}, "periodSeconds": 3}),
        _with(startupProbe={"exec": {"command": ["true"]}, "failureThreshold": 30}),
        _with(livenessProbe={"grpc": {"port": 9000}}),
        _with(lifecycle={"preStop": {"httpGet": {"port": 80}}, "postStart": {"exec": {"command": ["true"]}}}),
        _with(lifecycle={"preStop": {"sleep": {"seconds": 5}}}),
        _with(securityContext={"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}),
        _with(stdin=True, tty=True, workingDir="/work"),
        _with(terminationMessagePolicy="FallbackToLogsOnError"),
        _with(resizePolicy=[{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]),
        {"spec": {"containers": [_container(), {"name": "two", "image": "b"}]}},
        {"spec": {"initContainers": [{"name": "init", "image": "b"}]}},
        {"spec": {"initContainers": [_SIDE | {"startupProbe": {"exec": {"command": ["true"]}}}]}},
        {"spec": {"initContainers": None}},
        {"status": _RUNNING},
        {"status": None},
    ),
    wrong=(
        {"spec": {"containers": []}},
        {"spec": {"containers": None}},
        {"spec": {"containers": "x"}},
        {"spec": {"containers": [{"name": "agent"}]}},
        {"spec": {"containers": [{"image": "a"}]}},
        {"spec": {"containers": [_container(), _container()]}},
        {"spec": {"containers": [_container(name="A b")]}},
        {"spec": {"initContainers": [_container()]}},
        {"spec": {"restartPolicy": "Sometimes"}},
        {"spec": {"dnsPolicy": "Other"}},
        {"spec": {"activeDeadlineSeconds": 0}},
        {"spec": {"terminationGracePeriodSeconds": -1}},
        {"spec": {"terminationGracePeriodSeconds": "x"}},
        {"spec": {"nodeName": "A b"}},
        {"spec": {"nodeSelector": {"a b": "c"}}},
        {"spec": {"hostname": "A"}},
        {"spec": {"priority": 5}},
        {"spec": {"preemptionPolicy": "Other"}},
        {"spec": {"tolerations": [{"key": "a", "operator": "Other"}]}},
        {"spec": {"tolerations": [{"operator": "Equal", "value": "x"}]}},
        {"spec": {"schedulingGates": [{"name": "a b"}]}},
        {"spec": {"volumes": [{"name": "v", "emptyDir": {}, "secret": {"secretName": "s"}}]}},
        {"spec": {"volumes": [{"name": "v", "emptyDir": {}}, {"name": "v", "emptyDir": {}}]}},
        {"spec": {"volumes": [{"name": "A b", "emptyDir": {}}]}},
        {"spec": {"volumes": [{"emptyDir": {}}]}},
        {"spec": {"volumes": [{"name": "v", "unknown": {}}]}},
        {"spec": {"volumes": [{"name": "v", "persistentVolumeClaim": {}}]}},
        _with(image=" a"),
        _with(image=""),
        _with(imagePullPolicy="Sometimes"),
        _with(env=[{"value": "a"}]),
        _with(env=[{"name": "a=b"}]),
        _with(env=[{"name": "A", "value": "a", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
        _with(env=[{"name": "A", "valueFrom": {}}]),
        _with(env=[{"name": "A", "value": 5}]),
        _with(ports=[{"containerPort": 0}]),
        _with(ports=[{"containerPort": 70000}]),
        _with(ports=[{"containerPort": 80, "protocol": "ICMP"}]),
        _with(ports=[{"containerPort": 80, "name": "UPPER"}]),
        _with(ports=[{"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "a"}]),
        _with(volumeMounts=[{"name": "none", "mountPath": "/a"}]),
        _with(volumeMounts=[{"name": "none"}]),
        _with(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}),
        _with(resources={"requests": {"cpu": "-1"}}),
        _with(resources={"requests": {"cpu": "much"}}),
        _with(resources={"requests": {"example.com/thing": "1"}}),
        _with(resources={"requests": {"thing": "1"}}),
        _with(livenessProbe={}),
        _with(livenessProbe={"exec": {"command": ["a"]}, "tcpSocket": {"port": 80}}),
        _with(livenessProbe={"tcpSocket": {"port": 80}, "successThreshold": 2}),
        _with(readinessProbe={"httpGet": {"port": 0}}),
        _with(lifecycle={"preStop": {}}),
        _with(terminationMessagePolicy="Other"),
        _with(securityContext={"privileged": True, "allowPrivilegeEscalation": False}),
        _with(restartPolicy="Always"),
        _with(unknown=1),
        _with(ports=[{"containerPort": 80, "unknown": 1}]),
        _with(livenessProbe={"tcpSocket": {"port": 80}, "unknown": 1}),
        {"spec": {"unknown": 1, "other": {"a": 1}}},
        {"spec": None},
        {"spec": "x"},
        {"spec": {"hostNetwork": "yes"}},
        {"unknown": 1},
    ),
    statuses=POD_STATUSES,
)


def _sized(name: str = "agent", **resources: Any) -> Json:
    return {"name": name, "resources": resources}


RESIZES: Final[tuple[Json, ...]] = (
    {"spec": {"containers": [_sized(requests={"cpu": "200m"}, limits={"cpu": "1"})]}},
    {"spec": {"containers": [_sized(requests={"memory": "96Mi"})]}},
    {"spec": {"containers": [_sized(limits={"memory": "256Mi", "cpu": "2"})]}},
    {"spec": {"containers": [_sized(requests={"cpu": "0.1"})]}},
    {"spec": {"containers": [_sized(requests=_EQUAL, limits=_EQUAL)]}},
    {
        "spec": {
            "containers": [_sized(requests={"cpu": "250m", "memory": "64Mi"}, limits={"cpu": "250m", "memory": "64Mi"})]
        }
    },
    {"spec": {"containers": [_sized(requests={"cpu": "3"})]}},
    {"spec": {"containers": [_sized(requests={"cpu": None})]}},
    {"spec": {"containers": [_sized(limits={"memory": None})]}},
    {"spec": {"containers": [_sized(limits={"memory": "8Mi"})]}},
    {"spec": {"containers": [_sized(requests={"example.com/thing": "1"}, limits={"example.com/thing": "1"})]}},
    {"spec": {"containers": [_sized(requests={"ephemeral-storage": "1Gi"})]}},
    {"spec": {"containers": [_sized("other", requests={"cpu": "200m"})]}},
    {"spec": {"containers": [{"name": "agent", "image": "example.com/agent:3"}]}},
    {
        "spec": {
            "containers": [
                {"name": "agent", "resizePolicy": [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]}
            ]
        }
    },
    {"spec": {"initContainers": [_sized("side", requests={"cpu": "200m"})]}},
    {"spec": {"initContainers": [_sized("init", requests={"cpu": "200m"})]}},
    {"spec": {"containers": [_sized()]}},
    {"spec": {"nodeSelector": {"a": "b"}}},
    {"metadata": {"labels": {"resized": "yes"}}},
    {"spec": {"unknown": 1}},
)
"""Strategic merge patches of the `resize` subresource, as the runtime sends them."""

_CONDITION: Final[Json] = {
    "type": "Ready",
    "status": "True",
    "reason": "PodReady",
    "message": "",
    "lastTransitionTime": _TIME,
}
_AGENT_STATUSES: Final[tuple[Json, ...]] = (
    {"observedGeneration": 1, "conditions": [_CONDITION]},
    {"conditions": [_CONDITION | {"status": "False", "reason": "PodPending", "observedGeneration": 1}]},
    {"conditions": [_CONDITION, _CONDITION]},
    {"conditions": [{"type": "Ready"}]},
    {"conditions": [_CONDITION | {"status": "Maybe"}]},
    {"conditions": [_CONDITION | {"lastTransitionTime": "now"}]},
    {"conditions": [_CONDITION | {"reason": "no reason"}]},
    {"conditions": "x"},
    {"conditions": None},
    {"replicas": 1, "selector": "app=x", "podName": "a"},
    {"replicas": 0},
    {"replicas": "1"},
    {"replicas": 1.0},
    {"lastFailure": {"podUID": "u", "time": _TIME, "reason": "Error"}, "failures": 1},
    {"lastFailure": None},
    {"podIPs": ["10.244.0.5"]},
    {"restarts": 2},
    {"failures": -1},
    {"unknown": 1},
    {},
)


@cache
def agent_material() -> Material:
    """Return Agents: by hand, and generated ones with every field of the schema among them."""
    generated = [_without_metadata(one) for one in examples(agents(), _GENERATED)]
    broken = [_without_metadata(one.manifest) for one in examples(broken_agents(), _BROKEN)]
    plain = {"spec": {"image": "example.com/agent:1", "command": ["agent"]}}
    return Material(
        base=(*[plain] * 40, *generated),
        parts=(
            *[{"spec": {"replicas": number}} for number in (0, 1)] * 4,
            {"spec": {"image": "example.com/agent:2"}},
            {"spec": {"command": ["agent", "--fast"], "args": ["a"]}},
            {"spec": {"env": [{"name": "A", "value": "b"}]}},
            {"spec": {"resources": {"requests": {"cpu": "100m"}, "limits": {"memory": 1}}}},
            {"spec": {"service": {"ports": [{"port": 80}]}}},
            {"spec": {"service": None}},
            {"spec": {"restartPolicy": "Never", "backoffLimit": 2}},
            {"spec": {"restartPolicy": None}},
            {"spec": {"sharedVolume": {"medium": "Memory"}}},
            {"spec": {"podTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": {"priorityClassName": "high"}}}},
            {"spec": {"ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]}},
            {"spec": {"initContainers": [{"name": "a", "image": "b"}]}},
            {"spec": {"updateStrategy": "OnDelete"}},
            {"status": {"replicas": 1}},
            {"status": None},
        ),
        wrong=(
            {"spec": None},
            {"spec": {}},
            {"spec": "x"},
            {"spec": {"image": None}},
            {"spec": {"image": ""}},
            {"spec": {"image": 5}},
            {"spec": {"replicas": 2}},
            {"spec": {"replicas": "1"}},
            {"spec": {"replicas": 1.0}},
            {"spec": {"backoffLimit": 1, "restartPolicy": "Always"}},
            {"spec": {"command": "agent"}},
            {"spec": {"unknown": 1}},
            {"spec": {"podTemplate": {"spec": {"unknown": 1}}}},
            {"spec": {"sharedVolume": {"claimName": "a", "medium": "Memory"}}},
            {"spec": {"initContainers": [{"name": "a", "image": "b"}, {"name": "a", "image": "c"}]}},
            {"unknown": 1},
            *broken,
        ),
        statuses=_AGENT_STATUSES,
    )


@cache
def pod_material() -> Material:
    """Return pods: by hand, and those that the core makes of generated Agents."""
    made: list[Json] = []
    (image,) = examples(images(), 1)
    for manifest in examples(agents(), _GENERATED):
        agent = parse_agent(manifest)
        pod = build_pod(agent, image=None if agent.spec.command else image)
        made.append(_without_metadata(pod) | {"spec": {k: v for k, v in pod["spec"].items() if k not in _ELSEWHERE}})
    return Material(base=(*POD.base * 12, *made), parts=POD.parts, wrong=POD.wrong, statuses=POD.statuses)


def _without_metadata(manifest: Json) -> Json:
    return {key: value for key, value in manifest.items() if key not in ("apiVersion", "kind", "metadata")}

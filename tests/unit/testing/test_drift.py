"""What the next pod would have differently: told where it is so, and nothing of what others have added."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest
from tests.unit.core.builders import IMAGE, Json, a_pod, an_agent

from agentctl_core import Config, build_pod, parse_agent
from agentctl_core.testing._drift import drift, tells_former
from agentctl_core.testing._named import NAMES, named_changes
from agentctl_core.testing.replay import ABSENT, Change

SPEC: Json = {
    "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)"}],
    "ports": [{"containerPort": 80}],
    "resources": {"limits": {"cpu": "1", "ephemeral-storage": "1024Mi"}},
    "readinessProbe": {"httpGet": {"port": 80}},
    "sdk": {"runtime": "python", "packages": ["x"]},
    "files": [{"path": "a", "content": "b"}],
    "sharedVolume": {"sizeLimit": "1024Mi"},
}
AGENT = an_agent(**SPEC)


def rendered(agent: Json = AGENT, config: Config | None = None) -> Json:
    return build_pod(parse_agent(agent), config, IMAGE)


def owned(value: object, field: str = "") -> Json:
    """Return the FieldsV1 of everything in a value."""
    if isinstance(value, dict):
        return {f"f:{key}": owned(child, key) for key, child in value.items()}
    if isinstance(value, list) and field in NAMES:
        keys = NAMES[field]
        named = {json.dumps({k: item.get(k, "TCP") for k in keys}): item for item in value}
        return {f"k:{name}": {".": {}, **owned(item)} for name, item in named.items()}
    return {}


def served(pod: Json, *, managed: bool = True) -> Json:
    """Return a pod as the API server has it: with its defaults, and with what admission and users have added."""
    pod = deepcopy(pod)
    spec = pod["spec"]
    spec |= {"dnsPolicy": "ClusterFirst", "enableServiceLinks": True, "schedulerName": "default-scheduler"}
    spec |= {"terminationGracePeriodSeconds": 30, "restartPolicy": "Always"} | spec
    for container in (*spec["containers"], *spec.get("initContainers", ())):
        container.update({"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"})
        container.setdefault("imagePullPolicy", "IfNotPresent")
        container.setdefault("resources", {})
        if limits := container["resources"].get("limits"):
            limits |= {"ephemeral-storage": "1Gi"}
            container["resources"]["requests"] = limits | container["resources"].get("requests", {})
        for port in container.get("ports", ()):
            port.setdefault("protocol", "TCP")
        for probe in (container[name] for name in container if name.endswith("Probe")):
            probe |= {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
            probe.get("httpGet", {}).update({"path": "/", "scheme": "HTTP"})
    for volume in spec["volumes"]:
        if "projected" in volume:
            volume["projected"].setdefault("defaultMode", 420)
        if "sizeLimit" in volume.get("emptyDir", {}):
            volume["emptyDir"]["sizeLimit"] = "1Gi"
    sent = owned({key: pod[key] for key in ("metadata", "spec")})
    # From here on it is others who add something.
    pod["metadata"]["labels"]["user"] = "x"
    pod["metadata"]["annotations"]["webhook.example.com/seen"] = "yes"
    spec |= {"nodeName": "n", "priority": 0, "serviceAccountName": "default", "serviceAccount": "default"}
    spec["tolerations"] = [*spec.get("tolerations", ()), {"key": "node.kubernetes.io/not-ready"}]
    spec["volumes"].append({"name": "kube-api-access-x", "projected": {"sources": []}})
    spec["initContainers"] = [{"name": "mesh", "image": "m"}, *spec.get("initContainers", ())]
    for container in spec["containers"]:
        container.setdefault("volumeMounts", []).append({"name": "kube-api-access-x", "mountPath": "/var/run/secrets"})
        container.setdefault("env", []).append({"name": "INJECTED", "value": "1"})
        container["securityContext"]["runAsUser"] = 1000
    if managed:
        entry = {"manager": "agentctl", "operation": "Update", "fieldsV1": sent}
        kubelet = {"manager": "kubelet", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}}
        pod["metadata"]["managedFields"] = [entry, kubelet]
    return pod | {"status": {"phase": "Running"}}


def at(pod: Json, field: str, name: str) -> Json:
    found: Json = next(item for item in pod["spec"][field] if item["name"] == name)
    return found


def told(pod: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {change.path: (change.before, change.after) for change in drift(pod, now)}


@pytest.mark.parametrize("managed", [True, False])
def test_a_pod_that_would_be_made_the_same_again_has_none(managed: bool) -> None:  # noqa: FBT001
    pod = served(rendered(), managed=managed)
    assert drift(pod, rendered()) == ()
    assert tells_former(pod) is managed


def test_what_is_rendered_otherwise_is_told_with_both_values() -> None:
    other = Config(wrapper_image="other:2", wrapper_command=("/bin/init", "-v"), python_image="py:{version}")
    assert told(served(rendered()), rendered(config=other)) == {
        "spec.initContainers[agentctl-wrapper].image": (Config().wrapper_image, "other:2"),
        "spec.initContainers[agentctl-wrapper].command": (
            ["cp", "/usr/bin/tini", "/agentctl/bin/"],
            ["cp", "/bin/init", "/agentctl/bin/"],
        ),
        "spec.initContainers[agentctl-sdk].image": ("python:3.13-slim", "py:3.13"),
        "spec.containers[agent].command": (
            ["/agentctl/bin/tini", "-s", "--", "/entry", "$$HOME", "serve"],
            ["/agentctl/bin/init", "-v", "--", "/entry", "$$HOME", "serve"],
        ),
    }


def test_what_is_rendered_anew_is_told_false_and_zero_included() -> None:
    now = rendered()
    now["spec"] |= {"enableServiceLinks": False, "hostNetwork": False, "nodeSelector": {}, "automount": False}
    main = now["spec"]["containers"][0]
    main |= {"stdin": False, "workingDir": ""}
    main["securityContext"] |= {"runAsGroup": 0, "readOnlyRootFilesystem": False}
    now["spec"]["volumes"].append({"name": "agentctl-new", "emptyDir": {}})
    now["metadata"]["annotations"]["agentctl.dev/new"] = "1"
    assert told(served(rendered()), now) == {
        "metadata.annotations[agentctl.dev/new]": (ABSENT, "1"),
        "spec.enableServiceLinks": (True, False),
        "spec.automount": (ABSENT, False),
        "spec.containers[agent].securityContext.runAsGroup": (ABSENT, 0),
        "spec.containers[agent].securityContext.readOnlyRootFilesystem": (ABSENT, False),
        "spec.volumes[agentctl-new]": (ABSENT, {"name": "agentctl-new", "emptyDir": {}}),
    }


def test_what_only_the_former_rendering_had_is_told_where_the_pod_says_so() -> None:
    pod = served(rendered(config=Config(security_profile="Restricted")))
    assert told(pod, rendered()) == {
        "spec.securityContext.runAsNonRoot": (True, ABSENT),
        "spec.containers[agent].securityContext.capabilities": ({"drop": ["ALL"]}, ABSENT),
    }


def test_without_managed_fields_the_reserved_names_say_whose_it_was() -> None:
    before = rendered()
    before["spec"]["initContainers"].append({"name": "agentctl-old", "image": "o"})
    before["spec"]["volumes"].append({"name": "agentctl-old", "emptyDir": {}})
    before["spec"]["containers"][0]["volumeMounts"].append({"name": "agentctl-old", "mountPath": "/old"})
    before["spec"]["containers"][0]["securityContext"]["runAsNonRoot"] = True
    before["metadata"]["annotations"]["agentctl.dev/old"] = "1"
    expected = {
        "metadata.annotations[agentctl.dev/old]",
        "spec.containers[agent].volumeMounts[/old]",
        "spec.initContainers[agentctl-old]",
        "spec.volumes[agentctl-old]",
    }
    assert set(told(served(before, managed=False), rendered())) == expected
    assert set(told(served(before), rendered())) == expected | {"spec.containers[agent].securityContext.runAsNonRoot"}


def test_another_kind_of_volume_under_the_same_name_is_told() -> None:
    installed = an_agent(**SPEC, wrapper={"install": "ImageVolume"})
    found = told(served(rendered(), managed=False), rendered(installed))
    assert found["spec.volumes[agentctl-bin].image"] == (ABSENT, {"reference": Config().wrapper_image})
    assert "spec.initContainers[agentctl-wrapper]" in found
    back = told(served(rendered(installed)), rendered())
    assert back["spec.volumes[agentctl-bin].emptyDir"] == (ABSENT, {})
    assert "spec.volumes[agentctl-bin].image" in back


def test_the_order_counts_where_it_means_something() -> None:
    pod = served(rendered())
    pod["spec"]["containers"][0]["env"].reverse()
    pod["spec"]["volumes"].reverse()
    assert told(pod, rendered()) == {
        "spec.containers[agent].env (order)": (["B", "A", "PYTHONPATH"], ["PYTHONPATH", "A", "B"])
    }


def test_what_is_changed_in_place_is_no_matter_of_the_next_pod() -> None:
    now = rendered(
        an_agent(**SPEC | {"resources": {"limits": {"cpu": "2", "memory": "1Gi", "ephemeral-storage": "2Gi"}}})
    )
    now["metadata"]["labels"]["agentctl.dev/new"] = "1"
    now["metadata"]["annotations"] |= {"agentctl.dev/rendered-by": "agentctl 9", "agentctl.dev/revision": "x"}
    containers = ("initContainers[agentctl-wrapper]", "initContainers[agentctl-sdk]", "containers[agent]")
    assert told(served(rendered()), now) == {
        f"spec.{container}.resources.{sort}.ephemeral-storage": ("1Gi", "2Gi")
        for container in containers
        for sort in ("limits", "requests")
    }


def test_a_stricter_profile_is_told_with_what_it_adds() -> None:
    pod = served(rendered())
    assert told(pod, rendered(config=Config(security_profile="Restricted"))) == {
        "spec.securityContext.runAsNonRoot": (ABSENT, True),
        "spec.containers[agent].securityContext.capabilities": (ABSENT, {"drop": ["ALL"]}),
    }
    # Also where the API server has given the pod the empty context that it had not been sent.
    del pod["spec"]["securityContext"]["seccompProfile"]
    del pod["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:securityContext"]["f:seccompProfile"]
    assert "spec.securityContext.runAsNonRoot" in told(pod, rendered(config=Config(security_profile="Restricted")))


def test_a_field_that_the_api_server_drops_is_no_difference() -> None:
    agent = an_agent(
        lifecycle={"stopSignal": "SIGTERM"},
        volumes=[{"name": "v", "configMap": {"name": "c", "items": [{"key": "a", "path": "b"}]}}],
        files=[{"path": "a", "content": "b"}],
    )
    now = rendered(agent)
    pod = served(now)
    del pod["spec"]["containers"][0]["lifecycle"]
    now = deepcopy(now)
    for volume in now["spec"]["volumes"]:
        if volume["name"] == "v":  # the user's: nothing is known of the items in it
            volume["configMap"]["items"][0]["mode"] = 0o600
        if volume["name"] == "agentctl-files":
            volume["projected"]["sources"][0]["configMap"]["optional"] = True
    assert list(told(pod, now)) == ["spec.volumes[agentctl-files].projected.sources[0].configMap.optional"]
    files = next(volume for volume in pod["spec"]["volumes"] if volume["name"] == "agentctl-files")
    files["projected"]["sources"][0]["configMap"]["items"][0]["mode"] = 0o600
    assert "spec.volumes[agentctl-files].projected.sources[0].configMap.items[0].mode" in told(pod, now)


def test_what_is_sent_as_nothing_is_what_the_api_server_makes_of_it() -> None:
    probe = {"tcpSocket": {"port": 80}, "periodSeconds": 0, "timeoutSeconds": 0, "initialDelaySeconds": 0}
    now = rendered(an_agent(livenessProbe=probe))
    pod = deepcopy(now)
    del pod["spec"]["containers"][0]["livenessProbe"]["initialDelaySeconds"]
    pod["spec"]["containers"][0]["livenessProbe"] |= {"periodSeconds": 10, "timeoutSeconds": 1}
    assert drift(pod, now) == ()
    pod["spec"]["containers"][0]["livenessProbe"] |= {"periodSeconds": 20}
    assert list(told(pod, now)) == ["spec.containers[agent].livenessProbe.periodSeconds"]


def test_tolerations_of_admission_do_not_count_and_missing_ones_do() -> None:
    mine = {"key": "mine", "operator": "Exists"}
    now = rendered(an_agent(**SPEC, podTemplate={"spec": {"tolerations": [mine]}}))
    assert drift(served(now), now) == ()
    ((path, (_, after)),) = told(served(rendered()), now).items()
    assert (path, mine in after) == ("spec.tolerations", True)


def test_scheduling_gates_that_are_gone_do_not_count() -> None:
    now = rendered(an_agent(podTemplate={"spec": {"schedulingGates": [{"name": "g"}]}}))
    pod = a_pod()
    assert drift(pod, now) == ()


def test_lists_are_told_by_their_items_names() -> None:
    before = {
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "Old", "status": "True"}],
        "other": [{"a": 1}],
    }
    after = {
        "conditions": [{"type": "New", "status": "True"}, {"type": "Ready", "status": "False"}],
        "other": [{"a": 2}],
    }
    assert list(named_changes(before, after, "status")) == [
        Change("status.conditions[New]", ABSENT, {"type": "New", "status": "True"}),
        Change("status.conditions[Ready].status", "True", "False"),
        Change("status.conditions[Old]", {"type": "Old", "status": "True"}, ABSENT),
        Change("status.other[0].a", 1, 2),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([{"name": "a"}, {"name": "a"}], [{"name": "a"}]),
        ([{"name": "a"}, 5], [{"name": "a"}]),
        ([{}], [{}, {}]),
        (["a"], ["a", "b"]),
        (5, [5]),
    ],
)
def test_lists_without_names_are_one_value(before: object, after: object) -> None:
    assert list(named_changes({"env": before}, {"env": after})) == [Change("env", before, after)]

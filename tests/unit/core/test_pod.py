"""The pod of an Agent: every field where Kubernetes expects it, every clash with both paths."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given

from agentctl_core import CommandUnknown, ImageConfig, ImageInfo, InvalidAgent, Problem, build_pod, parse_agent
from agentctl_core._config import VERSION

from .builders import DIGEST, IMAGE, OWN_SECURITY, UID, Json, an_agent, containers_of, main_of, pod_of
from .strategies import agents

SHARED: Json = {"name": "agentctl-shared", "mountPath": "/agentctl"}
BIN: Json = {"name": "agentctl-bin", "mountPath": "/agentctl/bin"}
SMALL: Json = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "demo",
        "namespace": "team",
        "labels": {
            "app.kubernetes.io/name": "agent",
            "app.kubernetes.io/instance": "demo",
            "app.kubernetes.io/component": "agent",
            "app.kubernetes.io/managed-by": "agentctl",
            "agentctl.dev/agent": "demo",
        },
        "annotations": {
            "agentctl.dev/revision": "",
            "agentctl.dev/rendered-by": f"agentctl {VERSION}",
        },
        "ownerReferences": [
            {
                "apiVersion": "agentctl.dev/v1alpha1",
                "kind": "Agent",
                "name": "demo",
                "uid": UID,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    },
    "spec": {
        "initContainers": [
            {
                "name": "agentctl-wrapper",
                "image": f"agentctl/agentctl:{VERSION}",
                "command": ["cp", "/usr/bin/tini", "/agentctl/bin/"],
                "volumeMounts": [SHARED, BIN],
                "securityContext": OWN_SECURITY,
            }
        ],
        "containers": [
            {
                "name": "agent",
                "image": "example.com/agent:1",
                "command": ["/agentctl/bin/tini", "-s", "--", "run"],
                "volumeMounts": [SHARED, BIN | {"readOnly": True}],
                "securityContext": {"allowPrivilegeEscalation": False},
            }
        ],
        "volumes": [{"name": "agentctl-shared", "emptyDir": {}}, {"name": "agentctl-bin", "emptyDir": {}}],
        "restartPolicy": "Always",
        "automountServiceAccountToken": False,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
    },
}
"""The pod of an Agent that says `command: [run]`, and nothing else."""


def problems_of(**metadata: Any) -> tuple[Problem, ...]:
    with pytest.raises(InvalidAgent) as caught:
        pod_of(podTemplate={"metadata": metadata})
    return caught.value.problems


def small(**container: Any) -> Json:
    """Return SMALL with these fields in the agent's container, and its own revision left out."""
    pod = copy.deepcopy(SMALL)
    pod["spec"]["containers"][0].update(container)
    return pod


def without_revision(pod: Json) -> Json:
    pod = copy.deepcopy(pod)
    del pod["metadata"]["annotations"]["agentctl.dev/revision"]
    return pod


def test_a_small_agent_gives_a_small_pod() -> None:
    assert without_revision(pod_of()) == without_revision(SMALL)


def test_without_a_command_the_images_own_goes_behind_the_wrapper() -> None:
    golden = small(
        image=f"example.com/agent:1@{DIGEST}",
        command=["/agentctl/bin/tini", "-s", "--", "/entry", "$$HOME", "serve"],
    )
    remembered = '{"from": "example.com/agent:1", "entrypoint": ["/entry", "$HOME"], "cmd": ["serve"]}'
    golden["metadata"]["annotations"]["agentctl.dev/resolved"] = remembered
    assert without_revision(build_pod(parse_agent(an_agent()), image=IMAGE)) == without_revision(golden)


def test_without_a_command_and_without_the_image_there_is_no_wrapper_in_front() -> None:
    golden = small()
    del golden["spec"]["containers"][0]["command"]
    assert without_revision(build_pod(parse_agent(an_agent()))) == without_revision(golden)
    golden["spec"]["containers"][0]["args"] = ["$(A)"]
    assert without_revision(build_pod(parse_agent(an_agent(args=["$(A)"])))) == without_revision(golden)


def test_an_image_that_does_not_say_what_to_run_is_told() -> None:
    with pytest.raises(CommandUnknown, match="neither ENTRYPOINT nor CMD"):
        build_pod(parse_agent(an_agent()), image=ImageInfo(DIGEST, {"linux/amd64": ImageConfig()}))


def test_a_command_of_the_specs_own_needs_no_image() -> None:
    assert build_pod(parse_agent(an_agent(command=["run"])), image=IMAGE) == pod_of()


def test_a_full_agent_gives_a_pod_with_all_of_it() -> None:
    container: Json = {
        "workingDir": "/srv",
        "env": [
            {"name": "B", "value": ""},
            {"name": "A", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "a", "optional": True}}},
        ],
        "envFrom": [{"prefix": "X_", "configMapRef": {"name": "settings"}}],
        "ports": [{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 80, "protocol": "UDP", "name": "dns"}],
        "resources": {"limits": {"memory": "1Gi"}, "requests": {"cpu": 1, "example.com/gpu": "2"}},
    }
    template = {"labels": {"team": "a", "example.com/b": ""}, "annotations": {"note": "line\nline"}}
    golden = small(
        command=["/agentctl/bin/tini", "-s", "--", "run", "--price=$(PRICE)", ""],
        **container,
    )
    golden["spec"]["initContainers"][0]["resources"] = {"limits": {"memory": "1Gi"}, "requests": {"cpu": 1}}
    golden["metadata"]["labels"].update(template["labels"])
    golden["metadata"]["annotations"].update(template["annotations"])
    remembered: Json = {"labels": ["example.com/b", "team"], "annotations": ["note"]}
    remembered |= {"resources": {"agent": ["limits.memory", "requests.cpu"]}}
    told = json.dumps(remembered, sort_keys=True, separators=(",", ":"))
    golden["metadata"]["annotations"]["agentctl.dev/applied"] = told
    pod = pod_of(**container, args=["--price=$(PRICE)", ""], replicas=1, podTemplate={"metadata": template})
    assert without_revision(pod) == without_revision(golden)


def test_the_order_of_commands_and_variables_is_kept() -> None:
    container = main_of(pod_of(command=["b", "a"], env=[{"name": "B"}, {"name": "A"}]))
    assert container["command"][-2:] == ["b", "a"]
    assert container["env"] == [{"name": "B"}, {"name": "A"}]


def test_empty_fields_are_left_to_the_image() -> None:
    empty: Json = {"args": [], "env": [], "envFrom": [], "ports": []}
    assert pod_of(**empty) == pod_of()
    assert build_pod(parse_agent(an_agent(command=[])), image=IMAGE) == build_pod(parse_agent(an_agent()), image=IMAGE)


def test_the_number_of_replicas_does_not_change_the_pod() -> None:
    assert pod_of(replicas=0) == pod_of(replicas=1)


def test_containers_stand_in_the_order_in_which_they_start() -> None:
    pod = pod_of(
        sdk={"runtime": "python", "packages": ["a"]},
        initContainers=[{"name": "z", "image": "i"}, {"name": "a", "image": "i"}],
        sidecars=[{"name": "y", "image": "i"}, {"name": "b", "image": "i"}],
        files=[{"path": "f", "content": ""}],
    )
    assert list(containers_of(pod)) == ["agentctl-wrapper", "agentctl-sdk", "z", "a", "y", "b", "agent"]
    assert all(SHARED in container["volumeMounts"] for container in containers_of(pod).values())


@pytest.mark.parametrize(
    "label",
    [
        "app.kubernetes.io/name",
        "app.kubernetes.io/instance",
        "app.kubernetes.io/component",
        "app.kubernetes.io/managed-by",
        "agentctl.dev/agent",
    ],
)
def test_a_label_of_ours_cannot_be_set(label: str) -> None:
    if label.startswith("agentctl.dev/"):
        message = 'label names that begin with "agentctl.dev/" are the operator\'s own; choose another'
    else:
        message = f'label "{label}" is already set by the operator; choose another'
    assert problems_of(labels={label: "mine"}) == (Problem(f"spec.podTemplate.metadata.labels[{label}]", message),)


def test_reserved_names_are_told_all_at_once() -> None:
    labels = Problem(
        "spec.podTemplate.metadata.labels[agentctl.dev/x]",
        'label names that begin with "agentctl.dev/" are the operator\'s own; choose another',
    )
    annotations = Problem(
        "spec.podTemplate.metadata.annotations[agentctl.dev/revision]",
        'annotation names that begin with "agentctl.dev/" are the operator\'s own; choose another',
    )
    assert problems_of(labels={"agentctl.dev/x": ""}, annotations={"agentctl.dev/revision": ""}) == (
        labels,
        annotations,
    )


def test_clashes_are_told_in_the_order_of_their_names() -> None:
    names = ["agentctl.dev/b", "agentctl.dev/a"]
    assert problems_of(labels=dict.fromkeys(names, "")) == problems_of(labels=dict.fromkeys(reversed(names), ""))


def test_names_that_only_look_reserved_are_free() -> None:
    free = {"agentctl.dev": "a", "x.agentctl.dev/y": "b", "agentctl.develop/z": "c", "agentctl-team": "d"}
    metadata = pod_of(podTemplate={"metadata": {"labels": free, "annotations": free}})["metadata"]
    remembered = metadata["annotations"].pop("agentctl.dev/applied")
    assert json.loads(remembered) == {"labels": sorted(free), "annotations": sorted(free)}
    assert metadata["annotations"] == pod_of()["metadata"]["annotations"] | free
    assert metadata["labels"] == SMALL["metadata"]["labels"] | free


def test_a_path_is_short_and_printable_whatever_the_name() -> None:
    (problem,) = problems_of(labels={"agentctl.dev/\n" + "x" * 4_000_000: ""})
    assert problem.path == rf"spec.podTemplate.metadata.labels[agentctl.dev/\n{'x' * 66}...]"


@given(agents())
def test_a_pod_shares_nothing_with_its_agent(manifest: Any) -> None:
    agent = parse_agent(manifest)
    for image in (None, IMAGE):
        first = build_pod(agent, image=image)
        golden = copy.deepcopy(first)
        _wreck(first)
        assert build_pod(agent, image=image) == golden


def _wreck(value: Any) -> None:
    """Empty every dict and list, the inner ones first."""
    if isinstance(value, dict | list):
        for child in list(value.values() if isinstance(value, dict) else value):
            _wreck(child)
        value.clear()


def test_an_agent_without_anything_to_prepare_has_no_init_containers() -> None:
    assert "initContainers" not in pod_of(wrapper={"enabled": False})["spec"]

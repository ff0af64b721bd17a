"""The user's init containers are his own, in his order."""

from __future__ import annotations

from tests.unit.core.builders import Json, containers_of, mounts_of, pod_of, problems_of


def test_they_are_as_they_are_besides_the_volumes() -> None:
    own: Json = {
        "name": "prepare",
        "image": "i",
        "command": ["$(A)"],
        "env": [{"name": "PYTHONPATH", "value": "/mine"}],
        "volumeMounts": [{"name": "v", "mountPath": "/v"}],
    }
    container = containers_of(pod_of(initContainers=[own], volumes=[{"name": "v", "emptyDir": {}}]))["prepare"]
    assert container == own | {
        "volumeMounts": [{"name": "agentctl-shared", "mountPath": "/agentctl"}, *own["volumeMounts"]],
        "securityContext": {"allowPrivilegeEscalation": False},
    }


def test_they_see_the_files_but_not_the_wrapper() -> None:
    pod = pod_of(initContainers=[{"name": "prepare", "image": "i"}], files=[{"path": "a", "content": ""}])
    assert list(mounts_of(containers_of(pod)["prepare"])) == ["/agentctl", "/agentctl/files"]


def test_they_keep_their_order() -> None:
    pod = pod_of(initContainers=[{"name": name, "image": "i"} for name in "cab"])
    assert list(containers_of(pod)) == ["agentctl-wrapper", "c", "a", "b", "agent"]


def test_the_main_containers_name_is_taken() -> None:
    (problem,) = problems_of(initContainers=[{"name": "agent", "image": "i"}])
    assert (problem.path, problem.message) == (
        "spec.initContainers[0]",
        'container "agent" is already set by spec; choose another',
    )


def test_the_operators_names_are_reserved() -> None:
    (problem,) = problems_of(initContainers=[{"name": "agentctl-sdk", "image": "i"}])
    assert (problem.path, problem.message) == (
        "spec.initContainers[0]",
        'container names that begin with "agentctl-" are the operator\'s own; choose another',
    )


def test_a_mount_needs_its_volume() -> None:
    own: Json = {"name": "a", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    (problem,) = problems_of(initContainers=[{"name": "b", "image": "i"}, own])
    assert (problem.path, problem.message) == (
        "spec.initContainers[1].volumeMounts[0].name",
        'there is no volume "v"; add it to spec.volumes',
    )

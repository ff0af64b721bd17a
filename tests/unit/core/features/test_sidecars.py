"""Sidecars are Kubernetes' own: init containers that are restarted."""

from __future__ import annotations

from tests.unit.core.builders import containers_of, mounts_of, pod_of, problems_of


def test_they_are_restarted_init_containers() -> None:
    pod = pod_of(sidecars=[{"name": "proxy", "image": "i"}], initContainers=[{"name": "prepare", "image": "i"}])
    assert [c["name"] for c in pod["spec"]["initContainers"]] == ["agentctl-wrapper", "prepare", "proxy"]
    assert pod["spec"]["initContainers"][-1]["restartPolicy"] == "Always"
    assert "restartPolicy" not in pod["spec"]["initContainers"][1]
    assert [c["name"] for c in pod["spec"]["containers"]] == ["agent"]


def test_they_see_the_files_but_not_the_wrapper() -> None:
    pod = pod_of(sidecars=[{"name": "proxy", "image": "i"}], files=[{"path": "/etc/a", "content": ""}])
    assert list(mounts_of(containers_of(pod)["proxy"])) == ["/agentctl", "/etc/a"]


def test_names_are_unique_among_all_containers() -> None:
    problems = problems_of(
        initContainers=[{"name": "a", "image": "i"}],
        sidecars=[{"name": "a", "image": "i"}, {"name": "agent", "image": "i"}, {"name": "agentctl-x", "image": "i"}],
    )
    assert [(problem.path, problem.message) for problem in problems] == [
        ("spec.sidecars[2]", 'container names that begin with "agentctl-" are the operator\'s own; choose another'),
        ("spec.sidecars[0]", 'container "a" is already set by spec.initContainers[0]; choose another'),
        ("spec.sidecars[1]", 'container "agent" is already set by spec; choose another'),
    ]

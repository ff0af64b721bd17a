"""The shared volume is at the same place in every container."""

from __future__ import annotations

import pytest
from tests.unit.core.builders import Json, containers_of, mounts_of, pod_of, problems_of, volumes_of

EVERYONE: Json = {
    "sdk": {"runtime": "python", "packages": ["a"]},
    "initContainers": [{"name": "prepare", "image": "i"}],
    "sidecars": [{"name": "beside", "image": "i"}],
}


@pytest.mark.parametrize("place", ["/agentctl", "/work", "/a b/c", "/é", "/$(HOME)"])
def test_it_is_in_every_container_at_one_path(place: str) -> None:
    pod = pod_of(**EVERYONE, sharedVolume={"mountPath": place})
    assert len(containers_of(pod)) == 5
    for container in containers_of(pod).values():
        assert mounts_of(container)[place] == {"name": "agentctl-shared", "mountPath": place}


@pytest.mark.parametrize(
    ("shared", "source"),
    [
        ({}, {"emptyDir": {}}),
        ({"medium": "Memory"}, {"emptyDir": {"medium": "Memory"}}),
        ({"sizeLimit": "1Gi"}, {"emptyDir": {"sizeLimit": "1Gi"}}),
        ({"medium": "Memory", "sizeLimit": 1024}, {"emptyDir": {"medium": "Memory", "sizeLimit": 1024}}),
        ({"claimName": "data"}, {"persistentVolumeClaim": {"claimName": "data"}}),
    ],
)
def test_it_is_an_empty_volume_or_a_claim(shared: Json, source: Json) -> None:
    assert volumes_of(pod_of(sharedVolume=shared))["agentctl-shared"] == {"name": "agentctl-shared"} | source


@pytest.mark.parametrize("options", [{"medium": "Memory"}, {"sizeLimit": "1Gi"}])
def test_a_claim_has_its_own_size(options: Json) -> None:
    (problem,) = problems_of(sharedVolume={"claimName": "data"} | options)
    assert problem.path == "spec.sharedVolume.claimName"


@pytest.mark.parametrize("path", ["", "/", "relative", "/a/", "/a:b"])
def test_its_path_is_absolute(path: str) -> None:
    (problem,) = problems_of(sharedVolume={"mountPath": path})
    assert problem.path == "spec.sharedVolume.mountPath"


@pytest.mark.parametrize("path", ["/agentctl", "/agentctl/", "//agentctl", "/x/../agentctl", "/./agentctl", "agentctl"])
def test_nothing_else_can_be_mounted_at_its_place(path: str) -> None:
    (problem,) = problems_of(volumes=[{"name": "v", "emptyDir": {}}], volumeMounts=[{"name": "v", "mountPath": path}])
    assert problem.path == "spec.volumeMounts[0]"
    assert problem.message == ("mount path /agentctl is already set by spec.sharedVolume.mountPath; choose another")


def test_what_everybody_breaks_is_told_once() -> None:
    problems = problems_of(**EVERYONE, files=[{"path": "/agentctl", "content": ""}])
    assert [problem.path for problem in problems] == ["spec.files[0].path"]


@pytest.mark.parametrize("path", ["/agentctl/data", "/agentctl2", "/"])
def test_places_inside_and_around_it_are_free(path: str) -> None:
    pod = pod_of(volumes=[{"name": "v", "emptyDir": {}}], volumeMounts=[{"name": "v", "mountPath": path}])
    assert mounts_of(containers_of(pod)["agent"])[path] == {"name": "v", "mountPath": path}

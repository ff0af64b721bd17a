"""Mounts and ports among the containers of a pod."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl_core._containers import place_of

from .builders import Json, an_agent, problems_of

VOLUMES: list[Json] = [{"name": "v", "emptyDir": {}}, {"name": "w", "emptyDir": {}}]


def told(**spec: Any) -> list[tuple[str, str]]:
    return [(problem.path, problem.message) for problem in problems_of(**spec)]


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/", "/"), ("", "/"), ("//", "/"), ("/a", "/a"), ("/a/", "/a"), ("a", "/a"), ("/a//b", "/a/b"),
        ("/a/./b/.", "/a/b"), ("/a/../b", "/b"), ("/../../a", "/a"), ("/a/...", "/a/..."), ("/a/..b", "/a/..b"),
        ("/a\x00/b", "/a\x00/b"),
    ],
)  # fmt: skip
def test_a_path_leads_to_a_place(path: str, place: str) -> None:
    assert place_of(path) == place


@given(st.text(alphabet="/.a", max_size=12))
def test_a_place_is_its_own(path: str) -> None:
    place = place_of(path)
    assert place_of(place) == place
    assert not {"", ".", ".."} & set(place.split("/")[1:]) or place == "/"


@pytest.mark.parametrize("paths", [["/a", "/a/"], ["/a/b", "/a//b"], ["/a", "a"], ["/a/x/..", "/a"], ["/", "//"]])
def test_two_mounts_that_lead_to_one_place_are_told(paths: list[str]) -> None:
    mounts = [{"name": "v", "mountPath": path} for path in paths]
    place = place_of(paths[0])
    message = f"mount path {place} is already set by {{}}.volumeMounts[0]; choose another"
    beside = {"name": "x", "image": "i", "volumeMounts": mounts}
    assert told(volumes=VOLUMES, volumeMounts=mounts) == [("spec.volumeMounts[1]", message.format("spec"))]
    for field in ("initContainers", "sidecars"):
        assert told(volumes=VOLUMES, **{field: [beside]}) == [
            (f"spec.{field}[0].volumeMounts[1]", message.format(f"spec.{field}[0]"))
        ]


def test_mounts_of_the_users_own_may_nest_and_differ_between_containers() -> None:
    mounts = [{"name": "v", "mountPath": "/a", "readOnly": True}, {"name": "w", "mountPath": "/a/b"}]
    turned = [{"name": "w", "mountPath": "/a"}, {"name": "v", "mountPath": "/a/b"}]
    assert (
        told(volumes=VOLUMES, volumeMounts=mounts, sidecars=[{"name": "x", "image": "i", "volumeMounts": turned}]) == []
    )


def test_devices_need_their_volumes() -> None:
    device = {"name": "disk", "devicePath": "/dev/x"}
    assert told(sidecars=[{"name": "x", "image": "i", "volumeDevices": [device]}]) == [
        ("spec.sidecars[0].volumeDevices[0].name", 'there is no volume "disk"; add it to spec.volumes')
    ]


PORT: Json = {"containerPort": 80, "name": "web"}


@pytest.mark.parametrize(
    ("agent", "sidecars", "expected"),
    [
        ([PORT], [[{"containerPort": 80}]],
         [("spec.sidecars[0].ports[0]", "port 80/TCP is already set by spec.ports[0]")]),
        ([PORT], [[{"containerPort": 80, "protocol": "UDP"}]], []),
        ([PORT], [[{"containerPort": 81, "name": "web"}]],
         [("spec.sidecars[0].ports[0]", 'port name "web" is already set by spec.ports[0]')]),
        ([], [[PORT], [PORT]], [
            ("spec.sidecars[1].ports[0]", "port 80/TCP is already set by spec.sidecars[0].ports[0]"),
            ("spec.sidecars[1].ports[0]", 'port name "web" is already set by spec.sidecars[0].ports[0]'),
        ]),
        ([], [[{"containerPort": 1}], [{"containerPort": 2}]], []),
    ],
)  # fmt: skip
def test_the_agent_and_its_sidecars_share_one_network(
    agent: list[Json], sidecars: list[list[Json]], expected: list[tuple[str, str]]
) -> None:
    beside = [{"name": f"s{index}", "image": "i", "ports": ports} for index, ports in enumerate(sidecars)]
    assert told(ports=agent, sidecars=beside) == [(path, f"{message}; choose another") for path, message in expected]


def test_an_init_container_is_gone_when_the_agent_listens() -> None:
    first = [{"name": name, "image": "i", "ports": [PORT]} for name in "ab"]
    assert told(ports=[PORT], initContainers=first) == []


def test_the_largest_agent_is_checked_in_no_time() -> None:
    files = [{"path": f"/f/{index}", "content": ""} for index in range(64)]
    volumes = [{"name": f"v{index}", "emptyDir": {}} for index in range(64)]
    mounts = [{"name": f"v{index}", "mountPath": f"/m/{index}"} for index in range(64)]
    many: Json = {
        "files": files,
        "volumes": volumes,
        "volumeMounts": mounts,
        "initContainers": [{"name": f"i{index}", "image": "i", "volumeMounts": mounts} for index in range(16)],
        "sidecars": [{"name": f"s{index}", "image": "i", "volumeMounts": mounts} for index in range(16)],
        "env": [{"name": f"E{index}", "value": "$(E0)"} for index in range(1000)],
    }
    assert told(**many) == []
    assert an_agent(**many)["spec"]["image"]


def test_no_long_paths_are_kept() -> None:
    tracemalloc.start()
    try:
        for number in range(100):
            place_of(f"/{'a' * 100_000}{number}")
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000

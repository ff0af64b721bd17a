"""Files are where they are asked for, with what they are to hold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.builders import (
    Json,
    an_agent,
    an_owner,
    containers_of,
    labels_of,
    main_of,
    mounts_of,
    pod_of,
    problems_of,
    volumes_of,
)

from agentctl_core import Config, parse_agent
from agentctl_core._pod import render


def config_maps_of(*files: Json) -> list[Json]:
    rendered = render(parse_agent(an_agent(files=files)), Config())
    return [dict(manifest) for manifest in rendered.objects]


def seen(*files: Json, **spec: Any) -> dict[str, tuple[str, int]]:
    """Return the content and the mode of each file that the agent sees: what mounts, projections and keys come to."""
    (config_map,) = config_maps_of(*files)
    pod = pod_of(files=files, **spec)
    volume = volumes_of(pod)["agentctl-files"]["projected"]
    held: dict[str, tuple[str, int]] = {}
    for source in volume["sources"]:
        assert source["configMap"]["name"] == config_map["metadata"]["name"]
        for item in source["configMap"]["items"]:
            assert item["path"] not in held
            held[item["path"]] = (config_map["data"][item["key"]], item.get("mode", volume["defaultMode"]))
    found: dict[str, tuple[str, int]] = {}
    for place, mount in mounts_of(main_of(pod)).items():
        if mount["name"] == "agentctl-files":
            assert mount["readOnly"] is True
            if "subPath" in mount:
                found[place] = held[mount["subPath"]]
            else:
                found |= {f"{place}/{path}": file for path, file in held.items() if not path.startswith(".absolute/")}
    return found


def test_inline_files_are_where_they_are_asked_for() -> None:
    files: list[Json] = [
        {"path": "a.py", "content": "1"},
        {"path": "tools/b.sh", "content": "2", "mode": 0o755},
        {"path": "/etc/agent/c.yaml", "content": "", "mode": 0},
        {"path": "/d", "content": "4"},
    ]
    assert seen(*files, sharedVolume={"mountPath": "/s"}) == {
        "/s/files/a.py": ("1", 0o644),
        "/s/files/tools/b.sh": ("2", 0o755),
        "/etc/agent/c.yaml": ("", 0),
        "/d": ("4", 0o644),
    }


@given(st.lists(st.sampled_from(["a", "b/c", "b/d", "/a", "/e/f", "/e/g"]), unique=True, min_size=1), st.data())
def test_any_files_are_where_they_are_asked_for(paths: list[str], data: st.DataObject) -> None:
    contents = {path: data.draw(st.text(max_size=5)) for path in paths}
    found = seen(*({"path": path, "content": content} for path, content in contents.items()))
    assert found == {
        path if path.startswith("/") else f"/agentctl/files/{path}": (content, 0o644)
        for path, content in contents.items()
    }


def test_absolute_files_alone_make_no_folder() -> None:
    assert "/agentctl/files" not in mounts_of(main_of(pod_of(files=[{"path": "/a", "content": ""}])))


def test_references_are_projected_as_they_are() -> None:
    files: list[Json] = [
        {"path": "a", "configMapKeyRef": {"name": "m", "key": "k", "optional": True}},
        {"path": "/b", "secretKeyRef": {"name": "s", "key": "l"}, "mode": 0o400},
    ]
    assert config_maps_of(*files) == []
    assert volumes_of(pod_of(files=files))["agentctl-files"]["projected"]["sources"] == [
        {"configMap": {"name": "m", "optional": True, "items": [{"key": "k", "path": "a"}]}},
        {"secret": {"name": "s", "items": [{"key": "l", "path": ".absolute/1", "mode": 0o400}]}},
    ]


def test_the_config_map_is_immutable_ours_and_named_after_its_content() -> None:
    files: list[Json] = [{"path": "a", "content": "1"}, {"path": "b", "secretKeyRef": {"name": "s", "key": "k"}}]
    (config_map,) = config_maps_of(*files)
    name = config_map["metadata"].pop("name")
    assert config_map == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"namespace": "team", "labels": labels_of(), "ownerReferences": [an_owner()]},
        "immutable": True,
        "data": {"file-0": "1"},
    }
    assert name.startswith("demo-files-")
    assert config_maps_of({"path": "other", "content": "1", "mode": 1})[0]["metadata"]["name"] == name
    assert config_maps_of({"path": "a", "content": "2"})[0]["metadata"]["name"] != name


def test_every_container_but_the_operators_own_sees_them() -> None:
    pod = pod_of(
        files=[{"path": "a", "content": ""}, {"path": "/b", "content": ""}],
        initContainers=[{"name": "x", "image": "i"}],
        sidecars=[{"name": "y", "image": "i"}],
        sdk={"runtime": "python", "packages": ["a"]},
    )
    sees = {name for name, c in containers_of(pod).items() if {"/agentctl/files", "/b"} <= mounts_of(c).keys()}
    assert sees == {"x", "y", "agent"}


def test_the_size_is_that_of_a_config_map() -> None:
    half = "é" * (256 * 1024)
    assert problems_of(files=[{"path": "a", "content": half}, {"path": "b", "content": half}]) == []
    (problem,) = problems_of(files=[{"path": "a", "content": half}, {"path": "b", "content": half + "x"}])
    assert problem.path == "spec.files"
    assert problem.message == (
        "inline content has 1048577 bytes; at most 1048576 fit into a config map: put the larger ones into the "
        "image, or into config maps of their own and refer to them"
    )


INSIDE = (
    "mount path /agentctl/files/b is inside /agentctl/files, which is read-only and set by spec.files; choose another"
)


@pytest.mark.parametrize(
    ("paths", "path", "message"),
    [
        (["a", "a/b"], "spec.files[1].path", "is inside spec.files[0].path, which is a file; choose another"),
        (["a/b/c", "a"], "spec.files[0].path", "is inside spec.files[1].path, which is a file; choose another"),
        (["/x/y", "/x/y/z/w"], "spec.files[1].path", "is inside spec.files[0].path, which is a file; choose another"),
        (["./a"], "spec.files[0].path", "must not have '.' as a part"),
        (["/a/./b"], "spec.files[0].path", "must not have '.' as a part"),
        ([".absolute/0"], "spec.files[0].path", ".absolute is the operator's own; choose another"),
        ([".absolute"], "spec.files[0].path", ".absolute is the operator's own; choose another"),
        (
            ["a", "/agentctl/files/b"],
            "spec.files[1].path",
            INSIDE,
        ),
    ],
)
def test_files_that_cannot_be_together_are_told(paths: list[str], path: str, message: str) -> None:
    problems = problems_of(files=[{"path": each, "content": ""} for each in paths])
    assert (problems[0].path, problems[0].message) == (path, message)
    assert {problem.path for problem in problems} == {path}


@pytest.mark.parametrize(
    "path", ["", "/", "a/", "a//b", "//a", "../a", "a/../b", "/..", "a..b", "a:b", "x" * 1025, "\ud800"]
)
def test_paths_that_are_none_are_refused(path: str) -> None:
    (problem,) = problems_of(files=[{"path": path, "content": ""}])
    assert problem.path == "spec.files[0].path"


@pytest.mark.parametrize("paths", [["a", "a"], ["/a", "/a"]])
def test_a_path_is_there_once(paths: list[str]) -> None:
    (problem,) = problems_of(files=[{"path": each, "content": ""} for each in paths])
    assert (problem.path, problem.message) == (
        "spec.files[1]",
        f'duplicate of item [0]: same path "{paths[0]}"; leave one out',
    )


@pytest.mark.parametrize("paths", [["ab", "a/b"], ["a.b", "a"], ["/a", "a"], [".absolut"], ["absolute/0", "/x"]])
def test_paths_that_only_look_alike_are_free(paths: list[str]) -> None:
    assert problems_of(files=[{"path": each, "content": ""} for each in paths]) == []


@pytest.mark.parametrize(
    "sources", [{}, {"content": "", "secretKeyRef": {"name": "s", "key": "k"}}], ids=["none", "two"]
)
def test_a_file_has_one_source(sources: Json) -> None:
    (problem,) = problems_of(files=[{"path": "a"} | sources])
    assert problem.path == "spec.files[0]"


def test_a_file_and_a_mount_at_one_place_are_told() -> None:
    (problem,) = problems_of(
        files=[{"path": "/etc/a", "content": ""}],
        volumes=[{"name": "v", "emptyDir": {}}],
        volumeMounts=[{"name": "v", "mountPath": "/etc//a/"}],
    )
    assert (problem.path, problem.message) == (
        "spec.volumeMounts[0]",
        "mount path /etc/a is already set by spec.files[0].path; choose another",
    )


def test_content_reaches_the_config_map_byte_for_byte() -> None:
    content = "$(A) {{ }} \x00\u2028\r\n\t'\"`é😀 " * 100
    assert config_maps_of({"path": "a", "content": content})[0]["data"] == {"file-0": content}

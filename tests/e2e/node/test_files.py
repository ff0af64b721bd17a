"""Files of an Agent on a real node: content, mode and place as they were asked for, and read-only."""

from __future__ import annotations

import base64

import pytest

from tests.e2e.agents import SECONDS
from tests.e2e.node.support import Json, OnNode
from tests.e2e.support import eventually

_TEXT = "line\n\tünï \"$(HOME)\" $$ 'x'"
_BINARY = bytes(range(256))


@pytest.mark.parametrize("install", ["InitContainer", "ImageVolume"])
def test_files_arrive_with_content_and_mode(on_node: OnNode, install: str) -> None:
    # With both installations of the wrapper: its folder and that of the files lie beside each other.
    _config_map(on_node)
    files: list[Json] = [
        {"path": "text", "content": _TEXT},
        {"path": "deep/er/empty", "content": "", "mode": 0o444},
        {"path": "/etc/agent/text", "content": _TEXT, "mode": 0o700},
        {"path": "map", "configMapKeyRef": {"name": "source", "key": "bytes"}, "mode": 0o640},
        {"path": "/opt/map", "configMapKeyRef": {"name": "source", "key": "bytes"}},
        {"path": "secret", "secretKeyRef": {"name": "source", "key": "bytes"}, "mode": 0o400},
        {"path": "/opt/secret", "secretKeyRef": {"name": "source", "key": "bytes"}, "mode": 0o600},
        {"path": "none", "secretKeyRef": {"name": "source", "key": "none", "optional": True}},
    ]
    _run(on_node, files, wrapper={"install": install})
    assert _read(on_node) == [
        (_TEXT.encode(), "644"),
        (b"", "444"),
        (_TEXT.encode(), "700"),
        (_BINARY, "640"),
        (_BINARY, "644"),
        (_BINARY, "400"),
        (_BINARY, "600"),
        "No such file or directory",
    ]


def test_the_shared_volume_may_lie_elsewhere(on_node: OnNode) -> None:
    _run(on_node, [{"path": "a/b", "content": "here"}], sharedVolume={"mountPath": "/work"})
    assert _read(on_node) == [(b"here", "644")]


def test_files_are_read_only_even_for_root(on_node: OnNode) -> None:
    files: list[Json] = [{"path": "text", "content": "a"}, {"path": "/etc/agent/text", "content": "b"}]
    places = ("/agentctl/files/text", "/agentctl/files/new", "/etc/agent/text")
    on_node.run("agent", "entrypoint", f"{_words('write', places)},say=done", files=files, restartPolicy="Never")
    on_node.said("agent", "say")
    log = on_node.log("agent")
    assert log[0]["uid"] == 0
    errors = [line.get("error") for line in log if line["event"] == "write"]
    assert errors == ["Read-only file system"] * len(places)


def test_init_containers_and_sidecars_see_them_too(on_node: OnNode) -> None:
    read = "read=/agentctl/files/text,read=/etc/agent/text"
    on_node.run(
        "agent",
        "entrypoint",
        files=[{"path": "text", "content": "a"}, {"path": "/etc/agent/text", "content": "b"}],
        initContainers=[on_node.container("first", "both", f"{read},exit=0")],
        sidecars=[on_node.container("beside", "both", f"{read},wait,exit=0")],
    )
    on_node.said("agent", "waiting")
    on_node.said("agent", "waiting", "beside")
    for container in ("first", "beside"):
        assert _contents(on_node.log("agent", container)) == [(b"a", "644"), (b"b", "644")], container


def test_a_file_may_be_the_agents_program_and_an_edit_brings_its_new_content(on_node: OnNode) -> None:
    def files(text: str) -> list[Json]:
        script = f"#!/bin/sh\nexport PROBE='say={text},wait,exit=0'\nexec probe\n"
        return [{"path": "run.sh", "content": script, "mode": 0o755}]

    on_node.run("agent", "busybox", command=["/agentctl/files/run.sh"], files=files("old"))
    assert on_node.said("agent", "say")["text"] == "old"
    old = on_node.uid("agent")
    on_node.patch("agent", files=files("new"))
    eventually(lambda: on_node.uid("agent") not in (None, old), SECONDS, "another pod")
    assert on_node.said("agent", "say")["text"] == "new"


def _config_map(on_node: OnNode) -> None:
    data = {"bytes": base64.b64encode(_BINARY).decode()}
    on_node.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "source"}, "binaryData": data},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "source"}, "data": data},
    )


def _run(on_node: OnNode, files: list[Json], **spec: object) -> None:
    """Run an Agent that reads its files, in their order."""
    shared = spec.get("sharedVolume", {"mountPath": "/agentctl"})
    assert isinstance(shared, dict)
    places = [p if (p := file["path"]).startswith("/") else f"{shared['mountPath']}/files/{p}" for file in files]
    script = f"{_words('read', places)},say=done"
    on_node.run("agent", "entrypoint", script, files=files, restartPolicy="Never", **spec)


def _words(word: str, paths: list[str] | tuple[str, ...]) -> str:
    return ",".join(f"{word}={path}" for path in paths)


def _read(on_node: OnNode) -> list[tuple[bytes, str] | str]:
    on_node.said("agent", "say")
    return _contents(on_node.log("agent"))


def _contents(log: list[Json]) -> list[tuple[bytes, str] | str]:
    """Content and mode of each file that was read, or the error."""
    reads = [line for line in log if line["event"] == "read"]
    return [line.get("error") or (line["text"].encode("latin-1"), line["mode"]) for line in reads]

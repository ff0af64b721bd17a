"""Files: glue code and configuration that the agent finds at its paths, read-only, without a new image.

Inline content goes into one ConfigMap, immutable and named after its content, so that a pod keeps the files it was
started with; references are projected as they are. Relative paths share one folder; an absolute path is one file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .._agent import Agent
from .._config import Config
from .._contribution import NOTHING, Contribution, Item, Mount, Object
from .._json import digest
from .._problem import Problem
from .._spec import DEFAULT_MODE, File

VOLUME: Final = "agentctl-files"
PATH: Final = "spec.files"
MAX_BYTES: Final = 1024 * 1024
"""What a ConfigMap may hold; the API server refuses more."""
_ABSOLUTE: Final = ".absolute"
"""Folder of the volume that holds the files with absolute paths."""


def contribute(agent: Agent, config: Config) -> Contribution:  # noqa: ARG001 -- the signature of every feature
    """Return the projected volume, its mounts, and the ConfigMap of the inline files."""
    files = agent.spec.files
    if not files:
        return NOTHING
    config_map = _config_map(agent)
    sources = [_source(file, index, config_map) for index, file in enumerate(files)]
    volume = Item(PATH, VOLUME, {"projected": {"defaultMode": DEFAULT_MODE, "sources": sources}})
    objects = (Object(PATH, config_map),) if config_map else ()
    problems = (*_too_large(agent), *_misplaced(agent))
    return Contribution(volumes=(volume,), mounts=tuple(_mounts(agent)), objects=objects, problems=problems)


def config_map_name(agent: str, content: Mapping[str, str]) -> str:
    """Return the name of the ConfigMap that holds this content: another content has another name."""
    return f"{agent}-files-{digest(content)}"


def _config_map(agent: Agent) -> dict[str, Any] | None:
    content = {_key(index): file.content for index, file in enumerate(agent.spec.files) if file.content is not None}
    if not content:
        return None
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": config_map_name(agent.name, content)},
        "immutable": True,
        "data": content,
    }


def _too_large(agent: Agent) -> tuple[Problem, ...]:
    size = sum(len(file.content.encode()) for file in agent.spec.files if file.content is not None)
    if size <= MAX_BYTES:
        return ()
    cure = "put the larger ones into the image, or into config maps of their own and refer to them"
    return (Problem(PATH, f"inline content has {size} bytes; at most {MAX_BYTES} fit into a config map: {cure}"),)


def _misplaced(agent: Agent) -> Iterator[Problem]:
    """Tell paths that no volume can hold: parts that are dots, our own folder, files that are folders of others."""
    holders = {file.path: index for index, file in enumerate(agent.spec.files)}
    for index, file in enumerate(agent.spec.files):
        parts = file.path.split("/")
        if "." in parts:
            yield Problem(f"{PATH}[{index}].path", "must not have '.' as a part")
        if parts[0] == _ABSOLUTE:
            yield Problem(f"{PATH}[{index}].path", f"{_ABSOLUTE} is the operator's own; choose another")
        for length in range(1, len(parts)):
            holder = holders.get("/".join(parts[:length]))
            if holder is not None:
                told = f"is inside {PATH}[{holder}].path, which is a file; choose another"
                yield Problem(f"{PATH}[{index}].path", told)


def _key(index: int) -> str:
    return f"file-{index}"


def _is_absolute(file: File) -> bool:
    return file.path.startswith("/")


def _inside(file: File, index: int) -> str:
    """Return where the file is in the volume. Absolute ones are mounted one by one, from a name that no other has."""
    return f"{_ABSOLUTE}/{index}" if _is_absolute(file) else file.path


def _source(file: File, index: int, config_map: Mapping[str, Any] | None) -> dict[str, Any]:
    mode = {} if file.mode is None else {"mode": file.mode}
    if file.content is not None and config_map is not None:
        item = {"key": _key(index), "path": _inside(file, index), **mode}
        return {"configMap": {"name": config_map["metadata"]["name"], "items": [item]}}
    kind, reference = (
        ("configMap", file.config_map_key_ref)
        if file.config_map_key_ref is not None
        else ("secret", file.secret_key_ref)
    )
    chosen = dict(reference or {})
    item = {"key": chosen.pop("key"), "path": _inside(file, index), **mode}
    return {kind: {**chosen, "items": [item]}}


def _mounts(agent: Agent) -> list[Mount]:
    files = agent.spec.files
    mounts: list[Mount] = []
    if not all(map(_is_absolute, files)):
        folder = f"{agent.spec.shared_volume.mount_path}/files"
        mounts.append(Mount(PATH, "user", {"name": VOLUME, "mountPath": folder, "readOnly": True}))
    for index, file in enumerate(files):
        if _is_absolute(file):
            value = {"name": VOLUME, "mountPath": file.path, "subPath": _inside(file, index), "readOnly": True}
            mounts.append(Mount(f"{PATH}[{index}].path", "user", value))
    return mounts

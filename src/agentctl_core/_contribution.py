"""What a feature hands in: parts of the pod and whole objects, each with the field that asked for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from attrs import frozen

from ._agent import Agent
from ._config import Config
from ._problem import Problem
from ._schema import format_path, key_segment

OPERATOR = "agentctl"
"""The path of what no field asked for."""

Target: TypeAlias = Literal["all", "user", "agent"]
"""Which containers see a mount: every one, all but the operator's own, or the main one."""


class Item(NamedTuple):
    """One named part of the pod. `path` is the field of the Agent that asked for it, or `OPERATOR`.

    Two items of one sort and one name are a clash: both paths are told.
    """

    path: str
    name: str
    value: Any


@frozen(unsafe_hash=False)
class Mount:
    """One mount, in the containers that `target` means. `value` is a core/v1 VolumeMount."""

    path: str
    target: Target
    value: Mapping[str, Any]


@frozen(unsafe_hash=False)
class Object:
    """A whole object besides the pod, in the Agent's namespace.

    Attributes:
        path: the field that asked for it.
        manifest: apiVersion, kind, `metadata.name` and the body. Namespace, labels and, with `owned`, the owner
            reference are added where the contributions are merged.
        owned: whether the garbage collector deletes it after the Agent.
    """

    path: str
    manifest: Mapping[str, Any]
    owned: bool = True


@frozen(unsafe_hash=False)
class CommandPrefix:
    """Puts a program in front of the agent's own command line, which follows byte for byte."""

    path: str
    words: tuple[str, ...]
    resolve: bool
    """Whether the image's own command may be asked for where the spec has none."""


@frozen(kw_only=True, unsafe_hash=False)
class Contribution:
    """Everything that one feature adds.

    Attributes:
        labels, annotations: of the pod.
        volumes: name -> the volume's source (a core/v1 Volume without its name).
        mounts: where volumes are seen.
        env: name -> the variable (a core/v1 EnvVar without its name), in the agent alone.
        agent: name of a core/v1 Container field -> its value, in the agent's container.
        init_containers: the operator's own and the user's, in order.
        sidecars: containers that run beside the agent.
        pod_spec: name of a core/v1 PodSpec field -> its value.
        pod_security, container_security: defaults of the securityContext of the pod, and of the agent and the user's
            containers; what the spec sets wins, field by field.
        objects: besides the pod.
        command: at most one feature may have one.
        problems: what the feature finds wrong.
    """

    labels: tuple[Item, ...] = ()
    annotations: tuple[Item, ...] = ()
    volumes: tuple[Item, ...] = ()
    mounts: tuple[Mount, ...] = ()
    env: tuple[Item, ...] = ()
    agent: tuple[Item, ...] = ()
    init_containers: tuple[Item, ...] = ()
    sidecars: tuple[Item, ...] = ()
    pod_spec: tuple[Item, ...] = ()
    pod_security: Mapping[str, Any] | None = None
    container_security: Mapping[str, Any] | None = None
    objects: tuple[Object, ...] = ()
    command: CommandPrefix | None = None
    problems: tuple[Problem, ...] = ()


NOTHING: Final = Contribution()
"""Of a feature that has nothing to add, as most have of most Agents: it is passed over."""


Feature: TypeAlias = Callable[[Agent, Config], Contribution]


def items(path: str, values: Mapping[str, Any]) -> tuple[Item, ...]:
    """Return an item for each entry of a map field at `path`, in the order of their names."""
    return tuple(
        Item(format_path(((None, path), key_segment(name, in_map=True))), name, value)
        for name, value in sorted(values.items())
    )


def named(path: str, values: tuple[Mapping[str, Any], ...]) -> tuple[Item, ...]:
    """Return an item for each element of a list field at `path`, by its `name`; the value keeps everything else."""
    return tuple(
        Item(f"{path}[{index}]", value["name"], {k: v for k, v in value.items() if k != "name"})
        for index, value in enumerate(values)
    )

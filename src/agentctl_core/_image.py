"""What a registry says about an image, and the command line that follows from it.

Kubernetes' rules hold for `command` and `args` against ENTRYPOINT and CMD:
https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from attrs import field, frozen

from ._agent import Agent
from ._json import dig, dig_list, is_unicode, reach


@frozen
class ImageConfig:
    """What one platform's image runs by itself; shell forms stand here as `/bin/sh -c ...`, as images hold them."""

    entrypoint: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    cmd: tuple[str, ...] = field(default=(), converter=tuple[str, ...])
    user: str = ""

    def to_json(self, reference: str) -> str:
        """Return what a pod remembers of its image, as text for an annotation."""
        value = {"from": reference, "entrypoint": list(self.entrypoint), "cmd": list(self.cmd)}
        return json.dumps(value, ensure_ascii=True)


@frozen(unsafe_hash=False)
class ImageInfo:
    """What a registry says about an image reference.

    Attributes:
        digest: of the index where there is one, else of the manifest: `sha256:...`.
        platforms: the config of each platform, by `os/architecture` or `os/architecture/variant`.
    """

    digest: str
    platforms: Mapping[str, ImageConfig]


@frozen
class ImageError:
    """Why an image cannot be looked up.

    `reason` says what kind of trouble it is: the registry has no such image, refuses to show it, or does not answer
    sensibly. `message` is for people and holds no credentials.
    """

    reason: Literal["NotFound", "Forbidden", "Unreachable"]
    message: str


class CommandUnknown(Exception):  # noqa: N818 -- the condition's reason
    """The image does not say what to run, or not for certain; the message says what to set."""


LONGEST_COMMAND: Final = 16_384
"""Characters of ENTRYPOINT and CMD together. They are kept in an annotation, and Kubernetes allows 256 KiB of those."""
_ARCHITECTURE, _OS = "kubernetes.io/arch", "kubernetes.io/os"


def image_command(agent: Agent, image: ImageInfo) -> ImageConfig:
    """Return what the image runs by itself wherever the pod may land.

    Raises:
        CommandUnknown: no platform of the image fits the Agent's nodes, or the platforms that do disagree.
    """
    fitting = {name: config for name, config in image.platforms.items() if _fits(agent, name)}
    if not fitting:
        offered = ", ".join(sorted(image.platforms)) or "none"
        raise CommandUnknown(f"no platform of the image fits the node selector; it has {offered}: set spec.command")
    first, *others = sorted(fitting.items())
    for name, config in others:
        if original_command(agent, config) != original_command(agent, first[1]):
            raise CommandUnknown(
                f"the image runs different commands on {first[0]} and {name}: set spec.command, or {_ARCHITECTURE} in "
                "spec.podTemplate.spec.nodeSelector"
            )
    return first[1]


def original_command(agent: Agent, image: ImageConfig) -> tuple[str, ...]:
    """Return the command line of an Agent without a `command`: ENTRYPOINT, and `args` or else CMD.

    The kubelet expands `$(VAR)` in a pod's command but never in an image's, so each `$` of the image is doubled.

    Raises:
        CommandUnknown: it is empty, or nothing that a pod can hold.
    """
    said = (*image.entrypoint, *image.cmd)
    if sum(map(len, said)) > LONGEST_COMMAND or not all(map(is_unicode, said)):
        raise CommandUnknown("the image's command is too long or no text: set spec.command")
    words = (*map(literal, image.entrypoint), *(agent.spec.args or map(literal, image.cmd)))
    if not words:
        raise CommandUnknown("the image has neither ENTRYPOINT nor CMD: set spec.command")
    return words


def pinned(reference: str, digest: str) -> str:
    """Return an image reference with its digest, which alone decides what is pulled; the tag stays, for people."""
    return f"{reference.partition('@')[0]}@{digest}"


def literal(word: str) -> str:
    """Return a word of a pod's command, or a variable's value, that the kubelet leaves as `word`."""
    return word.replace("$", "$$")


def _fits(agent: Agent, platform: str) -> bool:
    system, architecture = (*platform.split("/"), "")[:2]
    wanted = {_OS: {dig(agent.spec.pod_template.spec, "os", "name", kind=str) or "linux"}} | _required(agent)
    return system in wanted[_OS] and architecture in wanted.get(_ARCHITECTURE, {architecture})


def _required(agent: Agent) -> dict[str, set[str]]:
    """Return which values the two platform labels of the Agent's node may have, by nodeSelector and node affinity."""
    template = agent.spec.pod_template.spec
    found: dict[str, set[str]] = {}
    required = reach(template, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    terms = dig_list(required, "nodeSelectorTerms")
    for key in (_OS, _ARCHITECTURE):
        alternatives: list[set[str]] = []
        if selected := dig(template, "nodeSelector", key, kind=str):
            alternatives.append({selected})
        # Terms are alternatives: a label is narrowed only where each of them does so.
        values = [_allowed(term, key) for term in terms]
        if values and None not in values:
            alternatives.append({name for value in values if value is not None for name in value})
        if alternatives:
            found[key] = alternatives[0].intersection(*alternatives[1:])
    return found


def _allowed(term: Mapping[str, Any], key: str) -> set[str] | None:
    sets: list[set[str]] = [
        set(expression.get("values", ()))
        for expression in dig_list(term, "matchExpressions")
        if expression.get("key") == key and expression.get("operator") == "In"
    ]
    return sets[0].intersection(*sets[1:]) if sets else None

"""The command of an Agent that names none: its image's own, as the registry tells it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, cast

from attrs import frozen

from ._actions import Action, ResolveImage
from ._agent import Agent
from ._conditions import Verdict, refused
from ._identity import RESOLVED
from ._image import CommandUnknown, ImageConfig, ImageError, ImageInfo, image_command, pinned
from ._json import copy_json, dig, dig_list, is_unicode, reach
from ._observed import Observed
from ._pod import Rendered, complete
from ._situation import Prepared, Situation
from ._spec import MAIN_CONTAINER

COMMAND_NEEDED: Final = "spec.wrapper.commandResolution is Never: set spec.command"
_REASONS: Final = {
    "NotFound": "ImageNotFound",
    "Forbidden": "RegistryUnreachable",
    "Unreachable": "RegistryUnreachable",
}


@frozen(unsafe_hash=False)
class Unresolved:
    """Why the pod's command is not known yet, and what to do about it."""

    block: Verdict
    actions: tuple[Action, ...] = ()
    look_again: bool = False
    """Whether the registry may say something else later on."""


def resolve_pod(
    agent: Agent, rendered: Rendered, manifest: Mapping[str, Any], observed: Observed
) -> dict[str, Any] | Unresolved:
    """Return the pod to create, or why there is none yet."""
    if rendered.prefix is None:
        return dict(copy_json(rendered.pod))
    image = agent.spec.image
    if not rendered.prefix.resolve:
        return Unresolved(refused("CommandUnknown", COMMAND_NEEDED))
    found = observed.images.get(image)
    try:
        if found is None:
            return _ask(agent)
        if isinstance(found, ImageInfo):
            return complete(rendered, agent, image_command(agent, found), pinned(image, found.digest))
        # What was resolved before still holds when its registry is away: a restart must not depend on it.
        if found.reason != "NotFound" and (remembered := _remembered(manifest, image)):
            return complete(rendered, agent, *remembered)
    except CommandUnknown as unknown:
        return Unresolved(refused("CommandUnknown", f"{image}: {unknown}"), look_again=True)
    return _unavailable(image, found)


def resolved_status(prepared: Prepared, situation: Situation, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the status fields `resolved...`: what was asked for this pod, or for the last one."""
    if situation.own_pod is not None:
        return _of_pod(situation.own_pod)
    # One bad edit must not lose what a restart needs while the registry is away.
    image = prepared.agent.spec.image if prepared.agent else dig(manifest, "status", "resolvedFrom", kind=str)
    remembered = _remembered(manifest, image) if image else None
    if remembered is None or image is None:
        return {}
    config, reference = remembered
    return _fields(image, reference, config)


def _ask(agent: Agent) -> Unresolved:
    template = agent.spec.pod_template.spec
    secrets = tuple(
        name for secret in template.get("imagePullSecrets") or () if (name := dig(secret, "name", kind=str))
    )
    account = dig(template, "serviceAccountName", kind=str) or "default"
    verdict = Verdict("Accepted", "Unknown", "ResolvingImage", f"Asking the registry what {agent.spec.image} runs.")
    return Unresolved(verdict, (ResolveImage(agent.spec.image, secrets, account),))


def _unavailable(image: str, error: ImageError) -> Unresolved:
    message = f"The command of {image} cannot be looked up: {error.message}. Set spec.command to do without."
    return Unresolved(refused(_REASONS[error.reason], message), look_again=True)


def _fields(image: str, reference: str, config: ImageConfig) -> dict[str, Any]:
    command = {"entrypoint": list(config.entrypoint), "cmd": list(config.cmd)}
    return {"resolvedImage": reference, "resolvedFrom": image, "resolvedCommand": command}


def _of_pod(pod: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the fields from what the pod remembers: it was written together with the pod, so it cannot be lost."""
    text = dig(reach(pod, "metadata", "annotations"), RESOLVED, kind=str)
    try:
        said = json.loads(text) if text and len(text) < _LONGEST else None
    except (ValueError, RecursionError):
        return {}
    image = dig(said, "from", kind=str)
    main = next((c for c in dig_list(pod, "spec", "containers") if c.get("name") == MAIN_CONTAINER), None)
    reference = dig(main, "image", kind=str)
    return {} if image is None or reference is None else _fields(image, reference, _config(said))


def _remembered(manifest: Mapping[str, Any], image: str) -> tuple[ImageConfig, str] | None:
    """Return what the status says was resolved from the same `spec.image`."""
    status = reach(manifest, "status")
    reference = dig(status, "resolvedImage", kind=str)
    if reference is None or dig(status, "resolvedFrom", kind=str) != image:
        return None
    return _config(reach(status, "resolvedCommand")), reference


def _config(value: object) -> ImageConfig:
    return ImageConfig(_words(value, "entrypoint"), _words(value, "cmd"))


def _words(value: object, name: str) -> tuple[str, ...]:
    words = reach(value, name)
    if not isinstance(words, list | tuple):
        return ()
    return tuple(word for word in cast("list[object]", words) if isinstance(word, str) and is_unicode(word))


_LONGEST: Final = 262_144
"""Characters: Kubernetes allows no longer annotations."""

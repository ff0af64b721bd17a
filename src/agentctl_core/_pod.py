"""Puts the features' contributions together into one pod and its objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from ._agent import Agent
from ._applied import Applied, applied
from ._clashes import Clashes
from ._config import VERSION, Config
from ._containers import Container, finish
from ._contribution import NOTHING, OPERATOR, CommandPrefix, Contribution, Item
from ._identity import APPLIED, RENDERED_BY, RESERVED_KEYS, RESOLVED, REVISION, labels, owner_reference
from ._image import ImageConfig, ImageInfo, image_command, original_command, pinned
from ._json import copy_json
from ._revision import revision
from ._spec import MAIN_CONTAINER, RESERVED_PREFIX
from .features import FEATURES, files, sdk, shared_volume, wrapper
from .features.security import lay_over

_OWN_PATHS: Final = frozenset({OPERATOR, files.PATH, sdk.PATH, shared_volume.PATH, wrapper.PATH})
"""The fields whose containers and volumes bear the operator's own names."""


@frozen(kw_only=True, unsafe_hash=False)
class Rendered:
    """What an Agent comes to. Not to be changed: whoever sends a manifest sends a copy.

    Attributes:
        pod: the pod; where there is a `prefix`, the agent's own command line is still to be put behind it.
        objects: everything else, in the order of its creation.
        prefix: what stands before the agent's own command line, where the image has to be asked for that.
        revision: see `_revision`.
        applied: what of the pod can be changed in place (see `_applied`).
    """

    pod: Mapping[str, Any]
    objects: tuple[Mapping[str, Any], ...]
    prefix: CommandPrefix | None
    revision: str
    applied: Applied


def build_pod(agent: Agent, config: Config | None = None, image: ImageInfo | None = None) -> dict[str, Any]:
    """Return the pod manifest of an Agent, in Kubernetes' JSON form: fresh dicts, ready to POST.

    Args:
        agent: what is wanted.
        config: what the operator's owner decided.
        image: what the registry says about `spec.image`. Without it, an Agent that runs its image's own command gets
            a pod without the wrapper in front of that: `reconcile` makes no such pod, but asks for the image.

    Raises:
        InvalidAgent: two fields ask for the same thing, or a mount has no volume; every problem at once, with its path.
        CommandUnknown: `image` does not say what to run.
    """
    rendered = render(agent, config or Config())
    if rendered.prefix is None or image is None:
        return dict(copy_json(rendered.pod))
    own = image_command(agent, image)
    return complete(rendered, agent, own, pinned(agent.spec.image, image.digest))


def render(agent: Agent, config: Config) -> Rendered:
    """Return the pod and the objects that an Agent comes to. Raises InvalidAgent: see `build_pod`."""
    parts = [part for feature in FEATURES if (part := feature(agent, config)) is not NOTHING]
    clashes = Clashes(problem for part in parts for problem in part.problems)
    prefix = next((part.command for part in parts if part.command is not None), None)
    containers = _containers(parts, clashes)
    if prefix is not None and agent.spec.command:
        command = [*prefix.words, *agent.spec.command, *agent.spec.args]
        containers = [c.with_command(command) if c.is_main else c for c in containers]
        prefix = None
    asked = applied(agent)
    metadata = _metadata(agent, parts, clashes, asked)
    spec = _pod_spec(parts, containers, clashes)
    objects = [item for part in parts for item in part.objects]
    clashes.among(
        "object", (Item(o.path, f"{o.manifest['kind']} {o.manifest['metadata']['name']}", o) for o in objects)
    )
    clashes.raise_problems()
    return Rendered(
        pod={"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec},
        objects=tuple(_whole(agent, item.manifest, owned=item.owned) for item in objects),
        prefix=prefix,
        revision=metadata["annotations"][REVISION],
        applied=asked,
    )


def complete(rendered: Rendered, agent: Agent, image: ImageConfig, reference: str) -> dict[str, Any]:
    """Return the pod with the image's own command behind the wrapper, and the image pinned to what was asked.

    Raises:
        CommandUnknown: there is no command.
    """
    pod: dict[str, Any] = copy_json(rendered.pod)
    main = next(c for c in pod["spec"]["containers"] if c["name"] == MAIN_CONTAINER)
    prefix = rendered.prefix.words if rendered.prefix else ()
    main["command"] = [*prefix, *original_command(agent, image)]
    main.pop("args", None)
    main["image"] = reference
    pod["metadata"]["annotations"][RESOLVED] = image.to_json(agent.spec.image)
    return pod


def _metadata(agent: Agent, parts: Sequence[Contribution], clashes: Clashes, asked: Applied) -> dict[str, Any]:
    own = {REVISION: revision(agent), RENDERED_BY: f"agentctl {VERSION}"}
    if remembered := asked.to_json():
        own[APPLIED] = remembered
    metadata: dict[str, Any] = {"name": agent.name, "namespace": agent.namespace}
    for sort in ("label", "annotation"):
        given: list[Item] = [item for part in parts for item in getattr(part, f"{sort}s")]
        metadata[f"{sort}s"] = clashes.among(sort, clashes.reserve(sort, given, RESERVED_KEYS, _OWN_PATHS))
    metadata["annotations"] |= own
    metadata["ownerReferences"] = [owner_reference(agent)]
    return metadata


def _containers(parts: Sequence[Contribution], clashes: Clashes) -> list[Container]:
    """Return every container, in the pod's order: init containers, sidecars, the agent."""
    first = [Container.of(item, is_init=True) for part in parts for item in part.init_containers]
    beside = [Container.of(item) for part in parts for item in part.sidecars]
    body = clashes.among("field", (item for part in parts for item in part.agent))
    env = [item for part in parts for item in part.env]
    variables = clashes.among("variable", env)
    if variables:
        body["env"] = [{"name": name, **value} for name, value in variables.items()]
    main = Container(path="spec", name=MAIN_CONTAINER, body=body, is_main=True)
    containers = [*first, *beside, main]
    named = [Item(c.path, c.name, c) for c in (main, *first, *beside)]
    clashes.among("container", clashes.reserve("container", named, RESERVED_PREFIX, _OWN_PATHS))
    return containers


def _pod_spec(parts: Sequence[Contribution], containers: Sequence[Container], clashes: Clashes) -> dict[str, Any]:
    volumes = [item for part in parts for item in part.volumes]
    sources = clashes.among("volume", clashes.reserve("volume", volumes, RESERVED_PREFIX, _OWN_PATHS))
    mounts = [mount for part in parts for mount in part.mounts]
    security = _only(part.container_security for part in parts)
    finished = finish(containers, mounts, frozenset(sources), security, clashes)
    spec = clashes.among("field", (item for part in parts for item in part.pod_spec))
    pod_security = _only(part.pod_security for part in parts)
    if context := lay_over(pod_security, spec.get("securityContext") or {}):
        spec["securityContext"] = context
    if len(finished) > 1:
        spec["initContainers"] = finished[:-1]
    return {
        **spec,
        "containers": finished[-1:],
        "volumes": [{"name": name, **source} for name, source in sources.items()],
    }


def _only(defaults: Iterable[Mapping[str, Any] | None]) -> Mapping[str, Any]:
    return next((value for value in defaults if value is not None), dict[str, Any]())


def _whole(agent: Agent, manifest: Mapping[str, Any], *, owned: bool) -> dict[str, Any]:
    """Return an object with what makes it ours."""
    metadata = {**manifest["metadata"], "namespace": agent.namespace, "labels": labels(agent.name)}
    if owned:
        metadata["ownerReferences"] = [owner_reference(agent)]
    return {**manifest, "metadata": metadata}

"""The smallest cluster that a plan can be tried on: one Agent, what stands beside it, and a registry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import TypeAlias

from agentctl_core import (
    Action,
    Create,
    Delete,
    EmitEvent,
    ImageError,
    ImageInfo,
    Observed,
    Patch,
    PatchStatus,
    Ref,
    Requeue,
    Resize,
    ResolveImage,
    merge_patch,
    reconcile,
)

from .builders import IMAGE, NOW, Json

WRITES = (Create, Patch, Resize, Delete, PatchStatus, EmitEvent)
Key: TypeAlias = tuple[str, str, str]
"""Kind, namespace, name."""


class World:
    """Executes actions as the API server would, preconditions and defaults included; deletes and binds at once.

    Args:
        agent: the Agent's manifest.
        objects: what is there besides.
        image: what the registry says about every image.
    """

    def __init__(self, agent: Json, *objects: Json | None, image: ImageInfo | ImageError = IMAGE) -> None:
        self.agent = dict(agent)
        self.objects: dict[Key, Json] = {key_of(o): deepcopy(o) for o in objects if o is not None}
        self.images: dict[str, ImageInfo | ImageError] = {}
        self._image = image
        self._made: Counter[Key] = Counter()

    @property
    def pod(self) -> Json | None:
        """The pod of the Agent's name."""
        metadata = self.agent["metadata"]
        return self.objects.get(("Pod", metadata.get("namespace", "default"), metadata["name"]))

    def plan(self) -> tuple[Action, ...]:
        observed = Observed(now=NOW, objects=tuple(self.objects.values()), images=self.images)
        return reconcile(self.agent, observed)

    def apply(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Create(manifest):
                    self._create(deepcopy(manifest))
                case Patch(ref, uid, version, patch):
                    self._patch(ref, uid, version, patch)
                case Delete(ref, uid):
                    assert self._at(ref)["metadata"].get("uid") == uid
                    del self.objects[ref.kind, ref.namespace, ref.name]
                case PatchStatus(_, version, status):
                    assert version == self.agent["metadata"].get("resourceVersion")
                    self.agent["status"] = deepcopy(status)
                case ResolveImage(image):
                    assert image not in self.images, "asked again for what is known"
                    self.images[image] = self._image
                case Resize(ref, uid, containers):
                    self._resize(ref, uid, containers)
                case EmitEvent() | Requeue():
                    pass

    def settle(self, rounds: int = 5) -> None:
        """Apply plans until there is nothing left to write; fail where that takes more rounds."""
        self.settle_for(rounds)
        left = [action for action in self.plan() if isinstance(action, (*WRITES, ResolveImage))]
        assert not left, f"not settled after {rounds} rounds: {left}"

    def settle_for(self, rounds: int) -> None:
        for _ in range(rounds):
            self.apply(self.plan())

    def _at(self, ref: Ref) -> Json:
        return self.objects[ref.kind, ref.namespace, ref.name]

    def _create(self, manifest: Json) -> None:
        key = key_of(manifest)
        assert key not in self.objects, f"AlreadyExists: {key}"
        self._made[key] += 1
        manifest["metadata"] |= {"uid": f"uid-{self._made[key]}-of-{'-'.join(key)}", "resourceVersion": "1"}
        if manifest["kind"] == "PersistentVolumeClaim":
            manifest["status"] = {"phase": "Bound"}
        self.objects[key] = _defaulted(manifest)

    def _patch(self, ref: Ref, uid: str, version: str, patch: Json) -> None:
        there = self._at(ref)
        assert (there["metadata"]["uid"], there["metadata"]["resourceVersion"]) == (uid, version)
        patched = _defaulted(merge_patch(there, patch))
        assert patched != there, f"a patch that changes nothing: {patch}"
        patched["metadata"]["resourceVersion"] = str(int(version) + 1)
        self.objects[ref.kind, ref.namespace, ref.name] = patched

    def _resize(self, ref: Ref, uid: str, containers: Iterable[Json]) -> None:
        there = self._at(ref)
        assert there["metadata"]["uid"] == uid
        resources = {container["name"]: container["resources"] for container in containers}
        spec = dict(there["spec"])
        for field in spec.keys() & {"initContainers", "containers"}:
            spec[field] = [
                _with_resources(container, resources.pop(container["name"], {})) for container in spec[field]
            ]
        assert not resources, f"a resize of containers that are not there: {resources}"
        assert spec != there["spec"], "a resize that changes nothing"
        version = str(int(there["metadata"]["resourceVersion"]) + 1)
        there = there | {"metadata": there["metadata"] | {"resourceVersion": version}, "spec": spec}
        self.objects[ref.kind, ref.namespace, ref.name] = there


def _with_resources(container: Json, asked: Json) -> Json:
    """Merge resources by name, as a strategic merge patch does."""
    present = container.get("resources") or {}
    merged = {sort: {**(present.get(sort) or {}), **(asked.get(sort) or {})} for sort in {*present, *asked}}
    return container | {"resources": merged} if asked else container


def key_of(manifest: Mapping[str, Json]) -> Key:
    """Return the name of an object."""
    return str(manifest["kind"]), manifest["metadata"]["namespace"], manifest["metadata"]["name"]


def _defaulted(manifest: Json) -> Json:
    """Fill in what the API server gives a Service; others are left as they are."""
    if manifest["kind"] != "Service":
        return manifest
    spec = manifest["spec"]
    spec.setdefault("clusterIP", "10.96.0.7")
    for index, port in enumerate(spec["ports"]):
        port.setdefault("protocol", "TCP")
        port["targetPort"] = port.get("targetPort") or port["port"]
        if spec["type"] == "ClusterIP":
            port.pop("nodePort", None)
        else:
            port.setdefault("nodePort", 30_000 + index)
    return manifest

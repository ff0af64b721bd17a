"""The controllers that clean up: the garbage collector and the namespace controller, each as one pure step.

A step looks at the present state, makes at most the writes that it asks for, and says whether it made any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from .._actions import Ref
from .._json import dig, dig_list
from ._apiserver import ApiServer
from ._metadata import FOREGROUND, ORPHAN
from ._plain_kinds import PROTECTION
from ._resources import NAMESPACES, PODS, by_kind
from ._storage import Key

JsonObject: TypeAlias = dict[str, Any]

_ABSENT: Final = "absent"
_WAITING: Final = "waiting"
_SOLID: Final = "solid"


def collect_garbage(api: ApiServer) -> bool:
    """Delete what lost all its owners, finish foreground and orphaning deletions of owners, let go of unused claims."""
    changed = False
    for key in sorted(api.storage.objects):
        manifest = api.storage.objects.get(key)
        if manifest is None:
            continue
        finalizers = manifest["metadata"].get("finalizers", ())
        if "deletionTimestamp" not in manifest["metadata"]:
            changed |= _collect(api, manifest)
        elif ORPHAN in finalizers:
            changed |= _orphan(api, manifest)
        elif PROTECTION in finalizers and FOREGROUND not in finalizers:
            changed |= _release_claim(api, manifest)
    return changed | _finish_owners(api)


def _finish_owners(api: ApiServer) -> bool:
    """Let go of owners whose dependents have gone: these have been looked at first."""
    waiting = [m for _, m in sorted(api.storage.objects.items()) if FOREGROUND in m["metadata"].get("finalizers", ())]
    changed = False
    for manifest in waiting:
        if "deletionTimestamp" in manifest["metadata"]:
            changed |= _finish_foreground(api, manifest)
    return changed


def _collect(api: ApiServer, manifest: JsonObject) -> bool:
    """Delete an object without any owner left; take references to owners that are gone from one that has another."""
    references = dig_list(manifest, "metadata", "ownerReferences")
    if not references:
        return False
    states = [_owner_state(api, manifest, reference) for reference in references]
    if _SOLID in states:
        solid = [dict(r) for r, state in zip(references, states, strict=True) if state == _SOLID]
        if len(solid) == len(references):
            return False
        return _patch_metadata(api, manifest, {"ownerReferences": solid})
    metadata = manifest["metadata"]
    dependents = _dependents(api, metadata["uid"])
    cascades = _WAITING in states and bool(dependents)
    if cascades and any(FOREGROUND in _finalizers_of_deleted(api, key) for key, _ in dependents):
        _unblock(api, manifest)  # they may own each other in a circle
        metadata = api.get(Ref.of(manifest))["metadata"]
    api.delete(
        Ref.of(manifest),
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        propagation="Foreground" if cascades else None,
    )
    return True


def _finalizers_of_deleted(api: ApiServer, key: Key) -> Sequence[str]:
    metadata = api.storage.objects[key]["metadata"]
    finalizers: Sequence[str] = metadata.get("finalizers", ()) if "deletionTimestamp" in metadata else ()
    return finalizers


def _unblock(api: ApiServer, manifest: JsonObject) -> None:
    """Let an object not hold up the deletion of its owners any more."""
    references = dig_list(manifest, "metadata", "ownerReferences")
    if any(reference.get("blockOwnerDeletion") for reference in references):
        freed = [{**reference, "blockOwnerDeletion": False} for reference in references]
        _patch_metadata(api, manifest, {"ownerReferences": freed})


def _release_claim(api: ApiServer, claim: JsonObject) -> bool:
    """Let go of a claim that is being deleted once no pod on a node uses it."""
    metadata = claim["metadata"]
    for _, pod in api.storage.select(PODS.full_name, metadata["namespace"]):
        for volume in dig_list(pod, "spec", "volumes") if pod["spec"].get("nodeName") else ():
            if dig(volume, "persistentVolumeClaim", "claimName", kind=str) == metadata["name"]:
                return False
    return _without_finalizer(api, claim, PROTECTION)


def _owner_state(api: ApiServer, manifest: JsonObject, reference: Mapping[str, Any]) -> str:
    resource = by_kind(str(reference.get("apiVersion")), str(reference.get("kind")))
    if resource is None:
        return _SOLID  # the real one cannot look such an owner up, and leaves its dependents alone
    namespace = manifest["metadata"].get("namespace", "") if resource.namespaced else ""
    owner = api.storage.objects.get((resource.full_name, namespace, str(reference.get("name"))))
    if owner is None or owner["metadata"]["uid"] != reference.get("uid"):
        return _ABSENT
    ending = "deletionTimestamp" in owner["metadata"]
    return _WAITING if ending and FOREGROUND in owner["metadata"].get("finalizers", ()) else _SOLID


def _dependents(api: ApiServer, uid: str) -> list[tuple[Key, Mapping[str, Any]]]:
    return [
        (key, reference)
        for key, manifest in sorted(api.storage.objects.items())
        for reference in dig_list(manifest, "metadata", "ownerReferences")
        if reference.get("uid") == uid
    ]


def _finish_foreground(api: ApiServer, manifest: JsonObject) -> bool:
    if any(reference.get("blockOwnerDeletion") for _, reference in _dependents(api, manifest["metadata"]["uid"])):
        return False
    return _without_finalizer(api, manifest, FOREGROUND)


def _orphan(api: ApiServer, manifest: JsonObject) -> bool:
    uid = manifest["metadata"]["uid"]
    for key in dict.fromkeys(key for key, _ in _dependents(api, uid)):
        dependent = api.storage.objects[key]
        kept = [dict(r) for r in dig_list(dependent, "metadata", "ownerReferences") if r.get("uid") != uid]
        _patch_metadata(api, dependent, {"ownerReferences": kept or None})
    return _without_finalizer(api, manifest, ORPHAN)


def _without_finalizer(api: ApiServer, manifest: JsonObject, finalizer: str) -> bool:
    kept = [item for item in manifest["metadata"]["finalizers"] if item != finalizer]
    return _patch_metadata(api, manifest, {"finalizers": kept or None})


def _patch_metadata(api: ApiServer, manifest: JsonObject, metadata: JsonObject) -> bool:
    version = {"resourceVersion": manifest["metadata"]["resourceVersion"]}
    api.patch(Ref.of(manifest), {"metadata": version | metadata}, strict=False)
    return True


def empty_namespaces(api: ApiServer) -> bool:
    """Delete the content of namespaces that are being deleted, and each of them once it is empty."""
    changed = False
    for key, namespace in list(api.storage.select(NAMESPACES.full_name, None)):
        if "deletionTimestamp" in namespace["metadata"]:
            changed |= _empty(api, key)
    return changed


def _empty(api: ApiServer, key: Key) -> bool:
    content = [place for place in sorted(api.storage.objects) if place[1] == key[2]]
    if not content:
        api.discard(key)
        return True
    pods = [place for place in content if place[0] == PODS.full_name]
    changed = False
    for place in pods or content:  # all else goes once no pod is left
        manifest = api.storage.objects[place]
        # In the background, whoever asked for something else before.
        api.delete(Ref.of(manifest), propagation="Background")
        changed |= api.storage.objects.get(place) is not manifest
    return changed

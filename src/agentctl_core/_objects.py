"""What stands beside the pod: Service, config maps and claims, made before it and changed in place.

A claim holds data: it is never deleted by an edit, and grows only. It is ours by its label, since it may outlive its
Agent; everything else is ours by its controller reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from attrs import frozen

from ._actions import Action, Create, Delete, Patch, Ref
from ._conditions import Verdict, not_ready, refused
from ._identity import AGENT_LABEL, Ownership, ownership
from ._json import copy_json, dig, dig_list, is_being_deleted, reach, same_json
from ._merge import merge_patch
from ._observed import Observed
from ._quantity import amount
from ._situation import Holder, Identity, Situation, find, find_refusal

_CLAIM, _SERVICE, _CONFIG_MAP = "PersistentVolumeClaim", "Service", "ConfigMap"


@frozen(unsafe_hash=False)
class ObjectsPlan:
    """What to do about the objects; `block` is why the pod cannot be made yet, if anything."""

    actions: tuple[Action, ...] = ()
    block: Verdict | None = None


def plan_objects(wanted: Sequence[Mapping[str, Any]], situation: Situation, observed: Observed) -> ObjectsPlan:
    """Return what makes the observed objects the wanted ones."""
    identity = situation.identity
    actions: list[Action] = []
    block: Verdict | None = None
    for manifest in wanted:
        there = find(observed, manifest["kind"], identity.namespace, manifest["metadata"]["name"])
        if there is None:
            refusal = find_refusal(observed, manifest["kind"], manifest["metadata"]["name"])
            if refusal is None:
                actions.append(Create(copy_json(manifest)))
            else:
                block = block or create_rejected(manifest["kind"], refusal)
            continue
        match _whose(there, identity):
            case Ownership.STRANGER:
                name = manifest["metadata"]["name"]
                block = block or refused("NameConflict", tell_stranger(manifest["kind"], name, there))
            case Ownership.PREDECESSOR:
                block = block or _wait_for(there)
            case Ownership.OURS if is_being_deleted(there):
                block = block or _wait_for(there)
            case Ownership.OURS:
                actions += _change(manifest, there)
    return ObjectsPlan((*actions, *_leftovers(wanted, situation, observed)), block)


def create_rejected(kind: str, refusal: Mapping[str, Any] | None) -> Verdict:
    """Return what the API server's refusal of an object means for Ready."""
    message = dig(refusal, "message", kind=str) or "no reason given"
    # Kubernetes tells quota from other refusals in the text alone: the reason is Forbidden for both.
    reason = "QuotaExceeded" if "exceeded quota" in message else "CreateRejected"
    return not_ready(reason, f"The API server refuses the {kind}: {message}")


def tell_stranger(kind: str, name: str, manifest: Mapping[str, Any] | None) -> str:
    """Return the message about an object of a wanted name that is not ours."""
    owner = next((o for o in dig_list(manifest, "metadata", "ownerReferences") if o.get("controller") is True), None)
    holder = "no controller" if owner is None else f"{dig(owner, 'kind', kind=str)} {dig(owner, 'name', kind=str)}"
    return (
        f"A {kind} named {name} exists and is not this Agent's (it belongs to {holder}); it is left alone. "
        f"Give the Agent another name, or delete that {kind}."
    )


def ref_of(manifest: Mapping[str, Any]) -> Ref:
    """Return the name of a manifest's object."""
    metadata = manifest["metadata"]
    return Ref(manifest["apiVersion"], manifest["kind"], metadata.get("namespace", ""), metadata["name"])


def _whose(there: Mapping[str, Any], identity: Identity) -> Ownership:
    whose = ownership(there, identity.name, identity.uid)
    labels = reach(there, "metadata", "labels")
    if whose is Ownership.STRANGER and there["kind"] == _CLAIM and dig(labels, AGENT_LABEL, kind=str) == identity.name:
        return Ownership.OURS if not dig_list(there, "metadata", "ownerReferences") else Ownership.STRANGER
    return whose


def _wait_for(there: Mapping[str, Any]) -> Verdict:
    name = dig(there, "metadata", "name", kind=str)
    return not_ready("Terminating", f"Waiting for {there['kind']} {name} of a former Agent of this name to end.")


def _change(manifest: Mapping[str, Any], there: Mapping[str, Any]) -> list[Action]:
    """Return the patch (or, where a field cannot be changed, the deletion) that one of our objects needs."""
    uid = dig(there, "metadata", "uid", kind=str)
    version = dig(there, "metadata", "resourceVersion", kind=str)
    if uid is None or version is None:
        return []
    if manifest["kind"] == _SERVICE and _is_headless(manifest) != _is_headless(there):
        return [Delete(ref_of(manifest), uid)]  # clusterIP is immutable
    patch = _labels_patch(manifest, there)
    if manifest["kind"] == _SERVICE:
        patch = merge_patch(patch, _service_patch(manifest, there))
    elif manifest["kind"] == _CLAIM:
        patch = merge_patch(patch, _claim_patch(manifest, there))
    return [Patch(ref_of(manifest), uid, version, patch)] if patch else []


def _labels_patch(manifest: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    missing = {
        name: value
        for name, value in manifest["metadata"]["labels"].items()
        if dig(reach(there, "metadata", "labels"), name, kind=str) != value
    }
    return {"metadata": {"labels": missing}} if missing else {}


def _is_headless(service: Mapping[str, Any]) -> bool:
    return dig(service, "spec", "clusterIP", kind=str) == "None"


def _service_patch(manifest: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    """Compare what we set; the server's own (addresses, node ports, defaults) is left alone."""
    patch: dict[str, Any] = {}
    for name in ("type", "selector"):
        if not same_json(manifest["spec"][name], reach(there, "spec", name)):
            patch[name] = copy_json(manifest["spec"][name])
    present = dig_list(there, "spec", "ports")
    ports = [_with_node_port(port, present) for port in manifest["spec"]["ports"]]
    is_same = len(ports) == len(present) and all(map(_is_covered, ports, present))
    if not is_same:
        patch["ports"] = ports
    return {"spec": patch} if patch else {}


def _with_node_port(port: Mapping[str, Any], present: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a port with the node port that it has been given: a merge patch replaces the whole list."""
    for other in present:
        same = (other.get("port"), other.get("protocol", "TCP")) == (port["port"], port.get("protocol", "TCP"))
        node_port = dig(other, "nodePort", kind=int)
        if same and node_port:
            return {"nodePort": node_port, **port}
    return dict(port)


def _is_covered(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    defaults = {"targetPort": wanted["port"], "protocol": "TCP"}
    complete = defaults | dict(wanted)
    return all(same_json(value, there.get(name)) for name, value in complete.items()) and (
        "name" in wanted or "name" not in there
    )


def _claim_patch(manifest: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    """Let storage grow, and the claim end with the Agent or not. Nothing else of a claim can be changed."""
    patch: dict[str, Any] = {}
    path = ("spec", "resources", "requests", "storage")
    wanted, present = reach(manifest, *path), reach(there, *path)
    more, less = amount(cast("str", wanted or "0")), amount(cast("str", present or "0"))
    if more is not None and less is not None and more > less:
        patch["spec"] = {"resources": {"requests": {"storage": wanted}}}
    owners = manifest["metadata"].get("ownerReferences", [])
    if not same_json(owners, reach(there, "metadata", "ownerReferences") or []):
        patch["metadata"] = {"ownerReferences": copy_json(owners) or None}
    return patch


def _leftovers(wanted: Sequence[Mapping[str, Any]], situation: Situation, observed: Observed) -> list[Action]:
    """Return the deletion of what the spec no longer asks for; a config map stays while a pod of ours uses it."""
    identity = situation.identity
    kept = {(m["kind"], m["metadata"]["name"]) for m in wanted}
    actions: list[Action] = []
    for there in observed.objects:
        kind, name = dig(there, "kind", kind=str), dig(there, "metadata", "name", kind=str)
        uid = dig(there, "metadata", "uid", kind=str)
        if (
            kind not in (_SERVICE, _CONFIG_MAP)
            or not name
            or not uid
            or (kind, name) in kept
            or is_being_deleted(there)
        ):
            continue
        if ownership(there, identity.name, identity.uid) is not Ownership.OURS:
            continue
        if kind == _CONFIG_MAP and situation.holder in (Holder.OURS, Holder.ENDING) and _uses(situation.pod, name):
            continue
        actions.append(Delete(Ref("v1", kind, identity.namespace, name), uid))
    return actions


def _uses(pod: Mapping[str, Any] | None, config_map: str) -> bool:
    return any(
        dig(source, "configMap", "name", kind=str) == config_map
        for volume in dig_list(pod, "spec", "volumes")
        for source in dig_list(volume, "projected", "sources")
    )

"""What stands beside the pod: Service, config maps and claims, made before it and changed in place.

A claim holds data: it is never deleted by an edit, and grows only. It is ours by its label, since it may outlive its
Agent; everything else is ours by its controller reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from ._actions import Action, Create, Delete, Patch, Ref
from ._conditions import Verdict, not_ready, refused
from ._identity import AGENT_LABEL, Ownership, ownership
from ._json import copy_json, dig, dig_list, is_being_deleted, reach, same_json
from ._observed import Observed
from ._quantity import amount
from ._situation import Identity, Situation, Want, find, find_refusal

_REFERENCE: Final[Mapping[str, type]] = {
    "apiVersion": str,
    "kind": str,
    "name": str,
    "uid": str,
    "controller": bool,
    "blockOwnerDeletion": bool,
}
_CLAIM, _SERVICE, _CONFIG_MAP = "PersistentVolumeClaim", "Service", "ConfigMap"


@frozen(unsafe_hash=False)
class ObjectsPlan:
    """What to do about the objects.

    Attributes:
        actions: what makes them the wanted ones.
        leftovers: the deletion of what nobody asks for any more; it can wait for everything else.
        block: why the pod cannot be made yet, if anything.
        refused: UpToDate, where the API server has refused a change lately, which is tried again in a while.
    """

    actions: tuple[Action, ...] = ()
    leftovers: tuple[Action, ...] = ()
    block: Verdict | None = None
    refused: Verdict | None = None


def plan_objects(
    wanted: Sequence[Mapping[str, Any]], situation: Situation, observed: Observed, *, retains_claims: bool
) -> ObjectsPlan:
    """Return what makes the observed objects the wanted ones.

    Claims that `wanted` no longer has stay what they are, but for their owner where `retains_claims`.
    """
    identity = situation.identity
    released = _released(wanted, identity, observed) if retains_claims else ()
    actions: list[Action] = []
    block: Verdict | None = None
    denied: Verdict | None = None
    for manifest in (*wanted, *released):
        there = find(observed, manifest["kind"], identity.namespace, manifest["metadata"]["name"])
        refusal = find_refusal(observed, manifest["kind"], manifest["metadata"]["name"])
        if there is None:
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
                # A change that is refused (a claim that cannot grow) must not keep the pod from being made.
                if refusal is None:
                    actions += _change(manifest, there)
                else:
                    denied = denied or _change_rejected(manifest, refusal)
    return ObjectsPlan(tuple(actions), tuple(_leftovers(wanted, situation, observed)), block, denied)


def create_rejected(kind: str, refusal: Mapping[str, Any] | None) -> Verdict:
    """Return what the API server's refusal of an object means for Ready."""
    message = dig(refusal, "message", kind=str) or "no reason given"
    # Kubernetes tells quota from other refusals in the text alone: the reason is Forbidden for both.
    reason = "QuotaExceeded" if "exceeded quota" in message else "CreateRejected"
    return not_ready(reason, f"The API server refuses the {kind}: {message}")


def _change_rejected(manifest: Mapping[str, Any], refusal: Mapping[str, Any]) -> Verdict:
    message = dig(refusal, "message", kind=str) or "no reason given"
    name = f"{manifest['kind']} {manifest['metadata']['name']}"
    return Verdict("UpToDate", "False", "UpdatePending", f"The API server refuses to change {name}: {message}")


def tell_stranger(kind: str, name: str, manifest: Mapping[str, Any] | None) -> str:
    """Return the message about an object of a wanted name that is not ours."""
    owner = _controller(manifest)
    agent = dig(reach(manifest, "metadata", "labels"), AGENT_LABEL, kind=str)
    if owner is not None:
        holder = f"{dig(owner, 'kind', kind=str)} {dig(owner, 'name', kind=str)}"
    elif kind == _CLAIM and agent:  # which is told by its label alone whose it is
        holder = f"Agent {agent}"
    else:
        holder = "no controller"
    return (
        f"A {kind} named {name} exists and is not this Agent's (it belongs to {holder}); it is left alone. "
        f"Give the Agent another name, or delete that {kind}."
    )


def _controller(manifest: object) -> Mapping[str, Any] | None:
    return next((o for o in dig_list(manifest, "metadata", "ownerReferences") if o.get("controller") is True), None)


def _whose(there: Mapping[str, Any], identity: Identity) -> Ownership:
    whose = ownership(there, identity.name, identity.uid)
    labels = reach(there, "metadata", "labels")
    if whose is Ownership.STRANGER and there["kind"] == _CLAIM and dig(labels, AGENT_LABEL, kind=str) == identity.name:
        return Ownership.STRANGER if _controller(there) else Ownership.OURS
    return whose


def _wait_for(there: Mapping[str, Any]) -> Verdict:
    name = dig(there, "metadata", "name", kind=str)
    return not_ready("Terminating", f"Waiting for {there['kind']} {name} to end; it is made anew after that.")


def _change(manifest: Mapping[str, Any], there: Mapping[str, Any]) -> list[Action]:
    """Return the patch (or, where a field cannot be changed, the deletion) that one of our objects needs."""
    uid = dig(there, "metadata", "uid", kind=str)
    version = dig(there, "metadata", "resourceVersion", kind=str)
    if uid is None or version is None:
        return []
    if manifest["kind"] == _SERVICE and _is_headless(manifest) != _is_headless(there):
        return [Delete(Ref.of(manifest), uid)]  # clusterIP is immutable
    metadata, spec = _labels_patch(manifest, there), dict[str, Any]()
    if manifest["kind"] == _SERVICE:
        spec = _service_patch(manifest, there)
    elif manifest["kind"] == _CLAIM:
        metadata |= _owners_patch(manifest, there)
        spec = _growth_patch(manifest, there)
    patch = {name: part for name, part in (("metadata", metadata), ("spec", spec)) if part}
    return [Patch(Ref.of(manifest), uid, version, patch)] if patch else []


def _labels_patch(manifest: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    present = reach(there, "metadata", "labels")
    missing = {
        name: value for name, value in manifest["metadata"]["labels"].items() if dig(present, name, kind=str) != value
    }
    return {"labels": missing} if missing else {}


def _is_headless(service: Mapping[str, Any]) -> bool:
    return dig(service, "spec", "clusterIP", kind=str) == "None"


def _service_patch(manifest: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    """Compare what we set; the server's own (addresses, node ports, defaults) is left alone."""
    patch: dict[str, Any] = {}
    for name in ("type", "selector"):
        if not same_json(manifest["spec"][name], reach(there, "spec", name)):
            patch[name] = copy_json(manifest["spec"][name])
    present = dig_list(there, "spec", "ports")
    ports: list[dict[str, Any]] = copy_json(manifest["spec"]["ports"])
    if manifest["spec"]["type"] != "ClusterIP":  # which has none, and the API server refuses them there
        ports = [_with_node_port(port, present) for port in ports]
    is_same = len(ports) == len(present) and all(map(_is_covered, ports, present))
    if not is_same:
        patch["ports"] = ports
    return patch


def _with_node_port(port: Mapping[str, Any], present: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a port with the node port that it has been given: a merge patch replaces the whole list."""
    for other in present:
        same = (other.get("port"), other.get("protocol", "TCP")) == (port["port"], port.get("protocol", "TCP"))
        node_port = dig(other, "nodePort", kind=int)
        if same and node_port:
            return {"nodePort": node_port, **port}
    return {**port}


def _is_covered(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    defaults = {"targetPort": wanted["port"], "protocol": "TCP"}
    complete = defaults | dict(wanted)
    gone = any(name in there and name not in wanted for name in ("name", "appProtocol"))
    return not gone and all(same_json(value, there.get(name)) for name, value in complete.items())


def _growth_patch(manifest: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    """Let a claim's storage grow: nothing else of it can be changed, and that only once it is bound."""
    wanted, present = _storage(manifest), _storage(there)
    if wanted is None or dig(there, "status", "phase", kind=str) != "Bound":
        return {}
    grows = (amount(wanted) or 0) > (amount(present or 0) or 0)
    return {"resources": {"requests": {"storage": wanted}}} if grows else {}


def _owners_patch(manifest: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    """Let a claim end with the Agent, or not."""
    owners = _with_owner(manifest, there)
    is_same = same_json(owners, reach(there, "metadata", "ownerReferences") or [])
    return {} if is_same else {"ownerReferences": owners or None}


def _released(
    wanted: Sequence[Mapping[str, Any]], identity: Identity, observed: Observed
) -> Iterator[Mapping[str, Any]]:
    """Yield the least that is wanted of claims that were made once: that they do not end with the Agent."""
    kept = {m["metadata"]["name"] for m in wanted if m["kind"] == _CLAIM}
    for there in observed.objects:
        name = dig(there, "metadata", "name", kind=str)
        if dig(there, "kind", kind=str) != _CLAIM or name is None or name in kept or is_being_deleted(there):
            continue
        is_here = dig(there, "metadata", "namespace", kind=str) == identity.namespace
        is_made = dig(reach(there, "metadata", "labels"), AGENT_LABEL, kind=str) == identity.name
        is_made &= name.endswith(f"-{identity.name}")
        if is_here and is_made and ownership(there, identity.name, identity.uid) is Ownership.OURS:
            metadata = {"name": name, "namespace": identity.namespace, "labels": dict[str, str]()}
            yield {"apiVersion": "v1", "kind": _CLAIM, "metadata": metadata, "spec": dict[str, Any]()}


def _storage(claim: Mapping[str, Any]) -> str | int | None:
    path = ("spec", "resources", "requests", "storage")
    return dig(claim, *path, kind=str) or dig(claim, *path, kind=int)


def _with_owner(manifest: Mapping[str, Any], there: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the owner references that a claim should have: others' ones stay, but it has no other controller."""
    owners: list[dict[str, Any]] = copy_json(manifest["metadata"].get("ownerReferences", []))
    for reference in dig_list(there, "metadata", "ownerReferences"):
        if reference.get("controller") is not True:
            # Field by field: what is observed may be of any depth.
            fields = ((name, dig(reference, name, kind=kind)) for name, kind in _REFERENCE.items())
            owners.append({name: value for name, value in fields if value is not None})
    return owners


def _leftovers(wanted: Sequence[Mapping[str, Any]], situation: Situation, observed: Observed) -> list[Action]:
    """Return the deletion of what the spec no longer asks for; a config map stays while a pod of ours uses it."""
    identity = situation.identity
    kept = {(m["kind"], m["metadata"]["name"]) for m in wanted}
    actions: list[Action] = []
    for there in observed.objects:
        kind = dig(there, "kind", kind=str)
        if kind not in (_SERVICE, _CONFIG_MAP):
            continue  # a claim holds data, and pods are none of these
        name, uid = dig(there, "metadata", "name", kind=str), dig(there, "metadata", "uid", kind=str)
        if name is None or uid is None or (kind, name) in kept or is_being_deleted(there):
            continue
        is_here = dig(there, "metadata", "namespace", kind=str) == identity.namespace
        is_ours = ownership(there, identity.name, identity.uid) is Ownership.OURS
        if is_here and is_ours and _is_left_over(kind, name, situation):
            actions.append(Delete(Ref("v1", kind, identity.namespace, name), uid))
    return actions


def _is_left_over(kind: str, name: str, situation: Situation) -> bool:
    """Tell whether it is of the operator's making, going by its name, and no pod needs it any more."""
    if kind == _SERVICE:
        return name == situation.identity.name
    if not name.startswith(f"{situation.identity.name}-files-"):
        return False
    if situation.pod is None:
        # A pod may be there that is not seen yet, and it could not start without its files.
        return situation.want is Want.SUSPEND
    return not _uses(situation.pod, name)


def _uses(pod: Mapping[str, Any] | None, config_map: str) -> bool:
    return any(
        dig(source, "configMap", "name", kind=str) == config_map
        for volume in dig_list(pod, "spec", "volumes")
        for source in dig_list(volume, "projected", "sources")
    )

"""Random owners and dependents, and what is done to them: the same for the same number."""

from __future__ import annotations

import random
from typing import Any, Final, TypeAlias

from tests.e2e.fidelity.operations import MERGE, UNKNOWN_UID, Operation, resource_of

Json: TypeAlias = dict[str, Any]

_MANIFESTS: Final[dict[str, Json]] = {
    "ConfigMap": {},
    "Secret": {},
    "Lease": {},
    "Agent": {"spec": {"image": "example.com/agent:1", "command": ["agent"]}},
    "Service": {"spec": {"ports": [{"port": 80}]}},
    "PersistentVolumeClaim": {
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    },
    # No scheduler takes it.
    "Pod": {
        "spec": {
            "schedulerName": "none",
            "automountServiceAccountToken": False,
            "containers": [{"name": "agent", "image": "example.com/agent:1"}],
        }
    },
}
_KINDS: Final = ("ConfigMap", "ConfigMap", "ConfigMap", "Secret", "Lease", "Agent", "Service", "Pod", "Pod")
_NAMES: Final = ("a", "b", "c", "d", "e", "f")
_HOLD: Final = {"finalizers": ["example.com/hold"]}
_NODE: Final = {"$namespace": True}
"""There is no such node: a pod that is bound to it waits for a kubelet when it is deleted, until it is cleared away."""


def rounds(number: int) -> list[list[Operation]]:
    """Return operations in rounds: after each the garbage collector is to come to rest."""
    return _Rounds(random.Random(number)).all()  # noqa: S311 -- a choice, the same one each time


class _Rounds:
    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._objects = [(rng.choice(_KINDS), name) for name in _NAMES[: rng.randint(3, 6)]]
        self._held: set[tuple[str, str]] = set()
        # Whether dependents that do not block see that their owner waits is a race: both are not in one sequence.
        self._blocks = rng.random() < 0.6

    def all(self) -> list[list[Operation]]:
        """Return the whole sequence."""
        out = [[self._post(index) for index in range(len(self._objects))]]
        if self._rng.random() < 0.3:
            out[0] += self._claim()
        out += [self._change() for _ in range(self._rng.randint(2, 4))]
        if self._rng.random() < 0.3:
            out.append([Operation(verb="DELETE", kind="Namespace", name="this")])
            out += [[self._release(index)] for index, name in enumerate(self._objects) if name in self._held]
        return out

    def _post(self, index: int) -> Operation:
        kind, name = self._objects[index]
        metadata: Json = {"name": name}
        if self._rng.random() < 0.2:
            metadata |= _HOLD
            self._held.add((kind, name))
        if references := self._references(index):
            metadata["ownerReferences"] = references
        header = {"apiVersion": resource_of(kind).api_version, "kind": kind, "metadata": metadata}
        return Operation(verb="POST", kind=kind, body=header | _MANIFESTS[kind])

    def _references(self, index: int) -> list[Json]:
        """Return owners among the objects before that one; now and then one that there never was."""
        rng = self._rng
        count = rng.choice([0, 1, 1, 1, 2]) if index else 0
        owners = rng.sample(self._objects[:index], min(count, index))
        out = [self._reference(kind, name) for kind, name in owners]
        # Who owns something himself is gone in the meantime, or not: both may be.
        if index == len(self._objects) - 1 and rng.random() < 0.3:
            out.append({"apiVersion": "v1", "kind": "ConfigMap", "name": "never", "uid": UNKNOWN_UID})
        return out

    def _reference(self, kind: str, name: str) -> Json:
        reference: Json = {"apiVersion": resource_of(kind).api_version, "kind": kind, "name": name}
        reference["uid"] = {"$uid": f"{kind}/{name}"}
        blocks = self._blocks or self._rng.random() < 0.5
        return reference | ({"blockOwnerDeletion": True} if blocks else {})

    def _claim(self) -> list[Operation]:
        """Return a claim, a pod on a node that uses it, and the claim's deletion."""
        kind, of_claim = "PersistentVolumeClaim", {"name": "data"}
        claim = {"apiVersion": "v1", "kind": kind, "metadata": of_claim} | _MANIFESTS[kind]
        self._objects += [(kind, "data"), ("Pod", "user")]
        volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
        spec = _MANIFESTS["Pod"]["spec"] | {"volumes": [volume]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "user"}, "spec": spec}
        target = {"apiVersion": "v1", "kind": "Node", "name": _NODE}
        binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "user"}, "target": target}
        bound = Operation(verb="POST", kind="Pod", name="user", subresource="binding", body=binding)
        return [
            Operation(verb="POST", kind=kind, body=claim),
            Operation(verb="POST", kind="Pod", body=pod),
            *([bound] if self._rng.random() < 0.6 else []),
            Operation(verb="DELETE", kind=kind, name="data"),
        ]

    def _change(self) -> list[Operation]:
        index = self._rng.randrange(len(self._objects))
        name = self._objects[index][1]
        make = self._rng.choices([self._delete, self._release, self._adopt, self._post], [8, 3, 2, 1])[0]
        return [make(index)] if name not in ("data", "user") else [self._delete(index)]

    def _delete(self, index: int) -> Operation:
        kind, name = self._objects[index]
        policy = self._rng.choice([None, "Background", "Orphan", *(["Foreground"] * 3 if self._blocks else [])])
        grace = {"gracePeriodSeconds": "0"} if kind == "Pod" and self._rng.random() < 0.7 else {}
        query = grace | ({"propagationPolicy": policy} if policy else {})
        return Operation(verb="DELETE", kind=kind, name=name, query=query)

    def _release(self, index: int) -> Operation:
        kind, name = self._objects[index]
        return Operation(verb="PATCH", kind=kind, name=name, body={"metadata": {"finalizers": None}}, content=MERGE)

    def _adopt(self, index: int) -> Operation:
        """Give an object other owners: those behind it close a circle."""
        kind, name = self._objects[index]
        owners = self._rng.sample(self._objects, self._rng.randint(0, 1))
        references = [self._reference(*owner) for owner in owners if owner != (kind, name)]
        body = {"metadata": {"ownerReferences": references or None}}
        return Operation(verb="PATCH", kind=kind, name=name, body=body, content=MERGE)

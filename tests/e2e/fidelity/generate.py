"""Random sequences of operations: the same one for the same number."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from attrs import evolve

from agentctl_core import merge_patch
from tests.e2e.fidelity.material import METADATA, SIMPLE, WRONG_METADATA, Material
from tests.e2e.fidelity.material_pods import RESIZES, agent_material, pod_material
from tests.e2e.fidelity.operations import MERGE, STRATEGIC, THIS, UNKNOWN_UID, Operation, resource_of

Json: TypeAlias = dict[str, Any]

_NAMES: Final = ("a", "a", "a", "b", "b", "c")
_STRANGE_NAMES: Final = ("1a", "a.b", "A", "-a", "a" * 63, "a" * 64, "a" * 254, "a_b", "x.-y")
_CASTS: Final[tuple[tuple[str, ...], ...]] = (
    ("Agent",),
    ("Agent", "Pod"),
    ("Agent", "Pod", "ConfigMap", "Service", "PersistentVolumeClaim", "Event"),
    ("Pod",),
    ("Pod",),
    ("Pod", "ConfigMap"),
    ("ConfigMap", "Secret"),
    ("Service",),
    ("PersistentVolumeClaim", "Pod"),
    ("Event",),
    ("Lease", "ConfigMap"),
)
_WITH_STATUS: Final = ("Agent", "Pod", "Service", "PersistentVolumeClaim")
_LABEL_SELECTORS: Final = (
    "app=x",
    "app==x,tier!=back",
    "app in (x, y)",
    "app notin (x)",
    "app",
    "!app",
    "tier notin (back,front),app",
    "example.com/role=main",
    "empty=",
    "app in ()",
    "app in (x",
    "a b",
    "app=x y",
    "=x",
    "app>1",
    ",",
    "!",
)
_FIELD_SELECTORS: Final = (
    "metadata.name=a",
    "metadata.name!=a",
    "metadata.namespace=elsewhere",
    "status.phase=Running",
    "status.phase!=Running,metadata.name=a",
    "spec.nodeName=n1",
    "spec.nodeName=",
    "spec.restartPolicy=Always",
    "type=Warning",
    "reason=Tested",
    "regarding.name=a",
    "spec.clusterIP=None",
    "spec.image=x",
    "metadata.name",
    "metadata.name==b",
)


def sequence(number: int) -> list[Operation]:
    """Return the sequence with this number: some 20 operations, and a watch of what they did."""
    return _Sequence(random.Random(number)).operations()  # noqa: S311 -- a choice, the same one each time


class _Sequence:
    """Makes operations on few objects, so that they meet."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._kinds = rng.choice(_CASTS)
        self._made = 0
        self._makers: dict[Callable[[str], Operation], int] = {
            self._post: 16,
            self._patch: 22,
            self._put: 9,
            self._get: 6,
            self._list: 7,
            self._delete: 12,
            self._patch_status: 10,
            self._put_status: 3,
            self._special: 10,
            self._odd: 3,
            self._on_namespace: 1,
        }

    def operations(self) -> list[Operation]:
        """Return the whole sequence."""
        rng = self._rng
        out = [self._create(kind, name) for kind in self._kinds for name in ("a", "b") if rng.random() < 0.8]
        out.insert(0, Operation(verb="LIST", kind=self._kinds[0]))
        for _ in range(rng.randint(12, 22)):
            maker = rng.choices(list(self._makers), list(self._makers.values()))[0]
            out.append(maker(rng.choice(self._kinds)))
            if "limit" in out[-1].query:
                query = dict(out[-1].query) | {"continue": {"$continue": True}}
                out.append(evolve(out[-1], query=query))
        if rng.random() < 0.1:
            out += [Operation(verb="DELETE", kind="Namespace", name=THIS)]
            out += [self._post(rng.choice(self._kinds)) for _ in range(2)]
        return [*out, self._watch(rng.choice(self._kinds))]

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share

    def _name(self) -> str:
        return self._rng.choice(_NAMES)

    def _material(self, kind: str) -> Material:
        match kind:
            case "Agent":
                return agent_material()
            case "Pod":
                return pod_material()
            case _:
                return SIMPLE[kind]

    def _part(self, kind: str) -> Json:
        """Return one change of an object: mostly one that may be right."""
        rng, material = self._rng, self._material(kind)
        kinds_of_part: Sequence[tuple[Sequence[Json], int, bool]] = (
            (material.parts, 50, False),
            (METADATA, 30, True),
            (material.wrong or material.parts, 12, False),
            (WRONG_METADATA, 5, True),
        )
        chosen, _, metadata = rng.choices(kinds_of_part, [weight for _, weight, _ in kinds_of_part])[0]
        part = rng.choice(chosen)
        return {"metadata": part} if metadata else part

    def _validation(self) -> Json:
        return self._rng.choice([{"fieldValidation": "Strict"}] * 5 + [{}, {}, {"fieldValidation": "Ignore"}])

    def _query(self) -> Json:
        query = self._validation()
        return query | {"dryRun": "All"} if self._chance(0.04) else query

    def _manifest(self, kind: str, name: str) -> Json:
        resource = resource_of(kind)
        header = {"apiVersion": resource.api_version, "kind": kind, "metadata": {"name": name}}
        manifest: Json = merge_patch(header, self._rng.choice(self._material(kind).base))
        return manifest

    def _create(self, kind: str, name: str) -> Operation:
        manifest = self._manifest(kind, name)
        if self._chance(0.3):
            manifest = merge_patch(manifest, {"metadata": self._rng.choice(METADATA[:15])})
        return Operation(verb="POST", kind=kind, query={"fieldValidation": "Strict"}, body=manifest)

    def _post(self, kind: str) -> Operation:
        self._made += 1
        body = self._manifest(kind, self._name())
        for _ in range(self._rng.choice([0, 1, 1, 2])):
            body = _merged(body, self._part(kind))
        if self._chance(0.05):
            body = _merged(body, {"metadata": {"name": None, "generateName": f"gen-{self._made}-"}})
        elif self._chance(0.04):
            body = _merged(body, {"metadata": {"name": self._rng.choice(_STRANGE_NAMES)}})
        has_name = body["metadata"].get("name") or "generateName" in body["metadata"]
        return Operation(verb="POST", kind=kind, query=self._query() if has_name else self._validation(), body=body)

    def _get(self, kind: str) -> Operation:
        subresource = "status" if kind in _WITH_STATUS and self._chance(0.2) else ""
        return Operation(verb="GET", kind=kind, name=self._name(), subresource=subresource)

    def _list(self, kind: str) -> Operation:
        query = self._selection() | ({"limit": self._rng.choice(["1", "1", "2"])} if self._chance(0.15) else {})
        return Operation(verb="LIST", kind=kind, query=query)

    def _on_namespace(self, kind: str) -> Operation:  # noqa: ARG002 -- a maker
        rng = self._rng
        what: Json = {"kind": "Namespace", "name": THIS}
        return rng.choice(
            [
                Operation(verb="GET", **what),
                Operation(verb="LIST", kind="Namespace", query={"fieldSelector": "metadata.name=none"}),
                Operation(verb="PATCH", body={"metadata": rng.choice(METADATA)}, content=MERGE, **what),
                Operation(verb="PATCH", body={"metadata": rng.choice(WRONG_METADATA)}, content=MERGE, **what),
                Operation(verb="PATCH", body={"spec": {"finalizers": []}}, content=MERGE, **what),
                Operation(
                    verb="PUT", body={"$seen": "Namespace/this", "patch": {"metadata": {"labels": None}}}, **what
                ),
            ]
        )

    def _selection(self) -> Json:
        rng = self._rng
        labels = {"labelSelector": rng.choice(_LABEL_SELECTORS)} if self._chance(0.5) else {}
        return labels | ({"fieldSelector": rng.choice(_FIELD_SELECTORS)} if self._chance(0.4) else {})

    def _watch(self, kind: str) -> Operation:
        since = self._rng.choice(["list"] * 5 + [f"{kind}/a first", f"{kind}/b first", f"{kind}/a", "0", ""])
        version = {"$since": since} if len(since) > 1 else since
        return Operation(verb="WATCH", kind=kind, query=self._selection() | {"resourceVersion": version})

    def _preconditions(self, kind: str, name: str) -> Json:
        """Return metadata with what a careful client supposes, rightly or wrongly."""
        key = f"{kind}/{name}"
        versions: Sequence[Any] = [None] * 5 + [{"$version": key}] * 3 + [{"$version": f"{key} first"}] * 2 + ["1", ""]
        uids: Sequence[Any] = [None] * 8 + [{"$uid": key}] * 4 + [{"$uid": f"{key} first"}, UNKNOWN_UID]
        version, uid = self._rng.choice(versions), self._rng.choice(uids)
        return ({"resourceVersion": version} if version is not None else {}) | ({"uid": uid} if uid is not None else {})

    def _patch(self, kind: str) -> Operation:
        name = self._name()
        body: Json = {}
        for _ in range(self._rng.choice([1, 1, 1, 2])):
            body = _merged(body, self._part(kind))
        body = _merged({"metadata": self._preconditions(kind, name)}, body)
        if self._chance(0.1):
            body = {"metadata": self._preconditions(kind, name)}
        content = STRATEGIC if kind != "Agent" and self._chance(0.12) else MERGE
        return Operation(verb="PATCH", kind=kind, name=name, query=self._query(), body=body, content=content)

    def _put(self, kind: str) -> Operation:
        name = self._name()
        patch = self._part(kind) if self._chance(0.8) else {}
        if self._chance(0.3):
            metadata = {"resourceVersion": None, "uid": None} | self._preconditions(kind, name)
            patch = _merged({"metadata": metadata}, patch)
        seen: Any = {"$seen": f"{kind}/{name}", "patch": patch}
        if self._chance(0.15):
            seen = _merged(self._manifest(kind, name), {"metadata": self._preconditions(kind, name)})
        return Operation(verb="PUT", kind=kind, name=name, query=self._query(), body=seen)

    def _status(self, kind: str) -> Json:
        return {"status": self._rng.choice(self._material(kind).statuses)}

    def _patch_status(self, kind: str) -> Operation:
        if kind not in _WITH_STATUS:
            return self._patch(kind)
        name = self._name()
        body = {"metadata": self._preconditions(kind, name)} | self._status(kind)
        if self._chance(0.2):
            body = _merged(body, self._part(kind))
        return Operation(
            verb="PATCH", kind=kind, name=name, subresource="status", query=self._query(), body=body, content=MERGE
        )

    def _put_status(self, kind: str) -> Operation:
        if kind not in _WITH_STATUS or resource_of(kind).create_on_update:
            return self._put(kind)
        name = self._name()
        patch = self._status(kind)
        if self._chance(0.3):
            patch = _merged(patch, self._part(kind))
        seen = {"$seen": f"{kind}/{name}", "patch": patch}
        return Operation(verb="PUT", kind=kind, name=name, subresource="status", query=self._query(), body=seen)

    def _delete(self, kind: str) -> Operation:
        rng, name = self._rng, self._name()
        options: Json = {}
        if self._chance(0.4):
            options["propagationPolicy"] = rng.choice(["Foreground", "Background", "Orphan", "Orphan", "Other"])
        if self._chance(0.3):
            options["gracePeriodSeconds"] = rng.choice([0, 0, 1, 60, -1])
        if self._chance(0.3) and (preconditions := self._preconditions(kind, name)):
            options["preconditions"] = preconditions
        is_dry = self._chance(0.04)
        if options and (self._chance(0.5) or "preconditions" in options):
            body = {"apiVersion": "v1", "kind": "DeleteOptions"} | options | ({"dryRun": ["All"]} if is_dry else {})
            return Operation(verb="DELETE", kind=kind, name=name, body=body)
        return Operation(verb="DELETE", kind=kind, name=name, query=options | ({"dryRun": "All"} if is_dry else {}))

    def _special(self, kind: str) -> Operation:
        """Return an operation on a subresource that only this kind has."""
        match kind:
            case "Pod":
                return self._rng.choice([self._resize, self._resize, self._bind])()
            case "Agent":
                return self._scale()
            case _:
                return self._patch(kind)

    def _resize(self) -> Operation:
        rng, name = self._rng, self._name()
        body = rng.choice(RESIZES)
        if self._chance(0.5):
            body = _merged({"metadata": self._preconditions("Pod", name)}, body)
        what: Json = {"kind": "Pod", "name": name, "subresource": "resize", "query": self._validation()}
        if self._chance(0.1):
            return Operation(verb="GET", kind="Pod", name=name, subresource="resize")
        if self._chance(0.15):
            return Operation(verb="PUT", body={"$seen": f"Pod/{name}", "patch": body}, **what)
        return Operation(verb="PATCH", body=body, content=STRATEGIC if self._chance(0.7) else MERGE, **what)

    def _bind(self) -> Operation:
        name = self._name()
        body: Json = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name}
            | self._rng.choice([{}, {}, {}, {"uid": {"$uid": f"Pod/{name}"}}, {"uid": UNKNOWN_UID}]),
            "target": {"apiVersion": "v1", "kind": "Node", "name": "n1"},
        }
        changes: Sequence[Json] = ({},) * 6 + (
            {"target": {"kind": "Other"}},
            {"target": {"name": None}},
            {"target": None},
            {"metadata": {"name": "other"}},
            {"metadata": {"annotations": {"bound": "yes"}}},
            {"unknown": 1},
        )
        body = _merged(body, self._rng.choice(changes))
        return Operation(verb="POST", kind="Pod", name=name, subresource="binding", query=self._validation(), body=body)

    def _scale(self) -> Operation:
        rng, name = self._rng, self._name()
        what: Json = {"kind": "Agent", "name": name, "subresource": "scale"}
        spec: Json | None = rng.choice(
            [
                {"replicas": 0},
                {"replicas": 1},
                {"replicas": 0},
                {"replicas": 1},
                {"replicas": 2},
                {"replicas": -1},
                {"replicas": "1"},
                {"replicas": None},
                None,
                {"unknown": 1},
            ]
        )
        if self._chance(0.3):
            return Operation(verb="GET", **what)
        metadata = {"name": name} | self._preconditions("Agent", name)
        if self._chance(0.3):
            header = {"apiVersion": "autoscaling/v1", "kind": "Scale"}
            return Operation(
                verb="PUT", body=header | {"metadata": metadata, "spec": spec}, query=self._validation(), **what
            )
        body = {"spec": spec} if self._chance(0.6) else {"metadata": metadata, "spec": spec}
        return Operation(verb="PATCH", body=body, content=MERGE, query=self._validation(), **what)

    def _odd(self, kind: str) -> Operation:
        """Return a request that no client should make."""
        name, manifest = self._name(), self._manifest(kind, "a")
        odd = (
            Operation(verb="PATCH", kind=kind, name=name, body=[1], content=MERGE),
            Operation(verb="PATCH", kind=kind, name=name, body="x", content=MERGE),
            Operation(verb="PATCH", kind=kind, name=name, body={}, content="text/plain"),
            Operation(verb="POST", kind=kind, body=[1]),
            Operation(verb="POST", kind=kind, body={key: v for key, v in manifest.items() if key != "kind"}),
            Operation(verb="POST", kind=kind, body={key: v for key, v in manifest.items() if key != "apiVersion"}),
            Operation(verb="POST", kind=kind, body={key: v for key, v in manifest.items() if key != "metadata"}),
            Operation(verb="POST", kind=kind, body=manifest | ({} if kind == "Agent" else {"kind": "Other"})),
            Operation(verb="POST", kind=kind, body=manifest | {"apiVersion": "other/v1"}),
            Operation(verb="POST", kind=kind, body=_merged(manifest, {"metadata": {"namespace": "elsewhere"}})),
            Operation(verb="POST", kind=kind, body=manifest, query={"fieldValidation": "Other"}),
            Operation(verb="POST", kind=kind, body=manifest, content="text/plain"),
            Operation(verb="POST", kind=kind, name=name, body=manifest),
            Operation(verb="PUT", kind=kind, body=manifest),
            Operation(verb="PUT", kind=kind, name="b", body=manifest),
            Operation(verb="GET", kind=kind, name=name, subresource="nothing"),
            Operation(verb="PATCH", kind=kind, name=name, subresource="nothing", body={}, content=MERGE),
            Operation(verb="LIST", kind=kind, query={"resourceVersion": "x"}),
            Operation(verb="LIST", kind=kind, query={"limit": "1"}),
            Operation(verb="LIST", kind=kind, query={"resourceVersion": "0"}),
        )
        return self._rng.choice(odd)


def _merged(target: Json, patch: Json) -> Json:
    """Return two merge patches as one: a null of the second stays a null."""
    out = dict(target)
    for key, value in patch.items():
        match out.get(key), value:
            case dict() as inner, dict() if not any(k.startswith("$") for k in (*inner, *value)):
                out[key] = _merged(inner, value)
            case _:
                out[key] = value
    return out

"""What operations are made of: manifests, and parts (merge patches) that go into manifests and into patches.

A part that is right where it is created may be wrong where it is patched in, and the other way round: both sides say.
`WRONG` parts are refused everywhere, or are unknown fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from attrs import frozen

from tests.e2e.fidelity.operations import UNKNOWN_UID

Json: TypeAlias = dict[str, Any]


@frozen(kw_only=True)
class Material:
    """What there is of one kind.

    Attributes:
        base: manifests to begin with, without metadata.
        parts: merge patches that may be right.
        wrong: merge patches that are not.
        statuses: merge patches of the status, right and wrong; empty where there is no subresource.
    """

    base: tuple[Json, ...]
    parts: tuple[Json, ...]
    wrong: tuple[Json, ...] = ()
    statuses: tuple[Json, ...] = ()


def _owner(kind: str, api_version: str, name: str, **more: Any) -> Json:
    return {"apiVersion": api_version, "kind": kind, "name": name, "uid": {"$uid": f"{kind}/{name}"}} | more


METADATA: Final[tuple[Json, ...]] = (
    {"labels": {"app": "x"}},
    {"labels": {"app": "y", "tier": "back"}},
    {"labels": {"app": None}},
    {"labels": {"example.com/role": "main", "empty": ""}},
    {"labels": None},
    {"labels": {}},
    {"annotations": {"note": "one"}},
    {"annotations": {"note": None, "other": "two"}},
    {"annotations": None},
    {"finalizers": ["example.com/hold"]},
    {"finalizers": ["example.com/hold", "example.com/more"]},
    {"finalizers": []},
    {"finalizers": None},
    {"finalizers": None},
    {"ownerReferences": [_owner("ConfigMap", "v1", "b", controller=True, blockOwnerDeletion=True)]},
    {"ownerReferences": [_owner("Agent", "agentctl.dev/v1alpha1", "a", controller=True, blockOwnerDeletion=True)]},
    {"ownerReferences": [_owner("ConfigMap", "v1", "b"), _owner("ConfigMap", "v1", "a", controller=False)]},
    {"ownerReferences": None},
    # What only the server sets.
    {"generation": 7},
    {"creationTimestamp": None},
    {"creationTimestamp": "2020-01-01T00:00:00Z"},
    {"deletionTimestamp": "2020-01-01T00:00:00Z"},
    {"deletionGracePeriodSeconds": 5},
    {"uid": UNKNOWN_UID},
    {"uid": None},
    {"name": None},
    {"namespace": None},
    {"namespace": {"$namespace": True}},
    {"managedFields": None},
    {"managedFields": []},
)
WRONG_METADATA: Final[tuple[Json, ...]] = (
    {"labels": {"a b": "c"}},
    {"labels": {"a": "b c"}},
    {"labels": {"a": "x" * 64}},
    {"labels": {"/a": "x"}},
    {"labels": {"Example.com/a": "x"}},
    {"labels": {"a/b/c": "x"}},
    {"labels": {"": "x"}},
    {"annotations": {"a b": "c"}},
    {"annotations": {"a": "x" * 262145}},
    {"labels": {"a": 5}},
    {"labels": ["a"]},
    {"labels": "a"},
    {"annotations": {"a": True}},
    {"finalizers": ["hold"]},
    {"finalizers": ["example.com/Ho ld"]},
    {"finalizers": ["example.com/hold", ""]},
    {"finalizers": "example.com/hold"},
    {"finalizers": ["foregroundDeletion"]},
    {"finalizers": ["orphan"]},
    {"finalizers": ["orphan", "foregroundDeletion"]},
    {"ownerReferences": [_owner("ConfigMap", "v1", "b", uid="")]},
    {"ownerReferences": [{"name": "b", "uid": UNKNOWN_UID}]},
    {"ownerReferences": [_owner("ConfigMap", "v1/x/y", "b")]},
    {"ownerReferences": [_owner("ConfigMap", "v1", name, controller=True) for name in ("a", "b")]},
    {"ownerReferences": [_owner("Event", "v1", "b")]},
    {"ownerReferences": [_owner("ConfigMap", "v1", "b", foo=1)]},
    {"unknown": 1},
    {"name": "other"},
    {"namespace": "elsewhere"},
    {"name": 5},
    {"generation": "x"},
    {"creationTimestamp": "yesterday"},
    {"resourceVersion": "x"},
)

CONFIG_MAP: Final = Material(
    base=({}, {"data": {"a": "1"}}, {"data": {"a": "1", "b": "2"}, "binaryData": {"c": "AAEC"}}),
    parts=(
        {"data": {"a": "2"}},
        {"data": {"a": None}},
        {"data": {"new.key-1_x": "text\n"}},
        {"data": None},
        {"data": {}},
        {"binaryData": {"bin": "AAEC"}},
        {"binaryData": None},
        {"immutable": True},
        {"immutable": False},
        {"immutable": None},
    ),
    wrong=(
        {"data": {"a b": "1"}},
        {"data": {"": "1"}},
        {"data": {"..": "1"}},
        {"data": {"..a": "1"}},
        {"data": {"x" * 254: "1"}},
        {"data": {"a": 5}},
        {"data": {"a": {"b": "c"}}},
        {"data": ["a"]},
        {"data": {"c": "1"}, "binaryData": {"c": "AAEC"}},
        {"binaryData": {"c": "%%%"}},
        {"data": {"big": "x" * 1048577}},
        {"immutable": "true"},
        {"unknown": 1, "spec": {}},
        {"kind": "Pod"},
        {"apiVersion": "v2"},
    ),
)
SECRET: Final = Material(
    base=({}, {"data": {"a": "MQ=="}}, {"stringData": {"a": "1"}, "type": "Opaque"}),
    parts=(
        {"data": {"a": "Mg=="}},
        {"data": {"a": None}},
        {"stringData": {"b": "2"}},
        {"stringData": {"a": "2"}},
        {"immutable": True},
        {"type": "example.com/kind"},
        {"type": "Opaque"},
        {"data": None},
    ),
    wrong=({"data": {"a b": "MQ=="}}, {"data": {"a": "%"}}, {"data": {"a": 5}}, {"type": 5}, {"unknown": 1}),
)
SERVICE: Final = Material(
    base=(
        {"spec": {"ports": [{"port": 80}]}},
        {"spec": {"selector": {"app": "x"}, "ports": [{"name": "http", "port": 80, "targetPort": "web"}]}},
        {"spec": {"clusterIP": "None", "selector": {"app": "x"}, "ports": [{"port": 80, "targetPort": 8080}]}},
        {"spec": {"clusterIP": "None"}},
        {"spec": {"type": "NodePort", "ports": [{"port": 80}]}},
        {"spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}},
        {"spec": {"type": "ExternalName", "externalName": "example.com"}},
        {"spec": {"ports": [{"name": "a", "port": 80}, {"name": "b", "port": 80, "protocol": "UDP"}]}},
    ),
    parts=(
        {"spec": {"ports": [{"port": 81}]}},
        {"spec": {"ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81, "targetPort": 8080}]}},
        {"spec": {"ports": [{"port": 80, "protocol": "UDP", "appProtocol": "http"}]}},
        {"spec": {"selector": {"app": "y"}}},
        {"spec": {"selector": None}},
        {"spec": {"type": "ClusterIP"}},
        {"spec": {"type": "NodePort"}},
        {"spec": {"type": "LoadBalancer"}},
        {"spec": {"sessionAffinity": "ClientIP"}},
        {"spec": {"sessionAffinity": "None"}},
        {"spec": {"publishNotReadyAddresses": True}},
        {"spec": {"clusterIP": None}},
        {"spec": {"internalTrafficPolicy": "Local", "type": "ClusterIP"}},
        {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}},
    ),
    wrong=(
        {"spec": {"ports": []}},
        {"spec": {"ports": None}},
        {"spec": {"ports": [{"port": 0}]}},
        {"spec": {"ports": [{"port": 70000}]}},
        {"spec": {"ports": [{"port": 80, "targetPort": "A_b"}]}},
        {"spec": {"ports": [{"port": 80, "targetPort": 0}, {"port": 81, "name": "b"}]}},
        {"spec": {"ports": [{"port": 80}, {"port": 81}]}},
        {"spec": {"ports": [{"name": "a", "port": 80}, {"name": "a", "port": 81}]}},
        {"spec": {"ports": [{"name": "a", "port": 80}, {"name": "b", "port": 80}]}},
        {"spec": {"ports": [{"name": "A", "port": 80}]}},
        {"spec": {"ports": [{"port": 80, "protocol": "ICMP"}]}},
        {"spec": {"ports": [{"port": "80"}]}},
        {"spec": {"ports": [{"port": 80, "unknown": 1}]}},
        {"spec": {"type": "Other"}},
        {"spec": {"clusterIP": "None", "type": "NodePort"}},
        {"spec": {"clusterIP": "None"}},
        {"spec": {"clusterIP": "x"}},
        {"spec": {"sessionAffinity": "Maybe"}},
        {"spec": {"selector": {"a b": "c"}}},
        {"spec": {"selector": "x"}},
        {"spec": {"unknown": 1}},
        {"spec": None},
        {"unknown": 1},
    ),
    statuses=(
        {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}},
        {"loadBalancer": None},
        {"unknown": 1},
        {
            "conditions": [
                {
                    "type": "A",
                    "status": "True",
                    "reason": "B",
                    "message": "",
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                }
            ]
        },
    ),
)
_CLAIM: Final[Json] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
CLAIM: Final = Material(
    base=(
        {"spec": _CLAIM},
        {"spec": _CLAIM | {"storageClassName": "fast"}},
        {"spec": _CLAIM | {"storageClassName": "", "volumeMode": "Block"}},
    ),
    parts=(
        {"spec": {"resources": {"requests": {"storage": "2Gi"}}}},
        {"spec": {"resources": {"requests": {"storage": "1024Mi"}}}},
        {"spec": {"resources": {"requests": {"storage": "1073741824"}}}},
        {"spec": {"resources": {"limits": {"storage": "3Gi"}}}},
        {"spec": {"accessModes": ["ReadWriteMany", "ReadOnlyMany"]}},
        {"spec": {"accessModes": ["ReadWriteOncePod"]}},
        {"spec": {"storageClassName": "slow"}},
        {"spec": {"volumeMode": "Filesystem"}},
        {"spec": {"volumeName": "volume-1"}},
        {"spec": {"selector": {"matchLabels": {"a": "b"}}}},
        {"status": {"phase": "Bound"}},
    ),
    wrong=(
        {"spec": {"accessModes": []}},
        {"spec": {"accessModes": None}},
        {"spec": {"accessModes": ["Other"]}},
        {"spec": {"accessModes": ["ReadWriteOncePod", "ReadWriteOnce"]}},
        {"spec": {"accessModes": "ReadWriteOnce"}},
        {"spec": {"resources": None}},
        {"spec": {"resources": {"requests": {"storage": None}}}},
        {"spec": {"resources": {"requests": {"storage": "0"}}}},
        {"spec": {"resources": {"requests": {"storage": "-1Gi"}}}},
        {"spec": {"resources": {"requests": {"storage": "much"}}}},
        {"spec": {"volumeMode": "Other"}},
        {"spec": {"storageClassName": "A b"}},
        {"spec": {"unknown": 1}},
        {"spec": None},
    ),
    statuses=(
        {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}},
        {"phase": "Lost"},
        {"phase": None},
        {"capacity": {"storage": "1024Mi"}},
        {"capacity": {"storage": "-1"}},
        {"unknown": 1},
    ),
)
_EVENT: Final[Json] = {
    "eventTime": "2026-01-01T00:00:00.000000Z",
    "type": "Normal",
    "reason": "Tested",
    "action": "Testing",
    "note": "something happened",
    "reportingController": "agentctl.dev/operator",
    "reportingInstance": "agentctl-1",
    "regarding": {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": "a",
        "namespace": {"$namespace": True},
        "uid": {"$uid": "Pod/a"},
    },
}
EVENT: Final = Material(
    base=(_EVENT, _EVENT | {"type": "Warning", "note": ""}),
    parts=(
        {"note": "something else"},
        {"note": None},
        {"reason": "Other"},
        {"type": "Warning"},
        {"series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}},
        {"series": {"count": 3, "lastObservedTime": "2026-01-01T00:00:02.000000Z"}},
        {"related": {"kind": "Agent", "name": "a"}},
        {"reportingInstance": "agentctl-2"},
        {"eventTime": "2026-01-01T00:00:05.500000Z"},
        {"deprecatedCount": 2},
    ),
    wrong=(
        {"note": "x" * 1025},
        {"type": "Other"},
        {"type": None},
        {"reason": None},
        {"reason": "x" * 129},
        {"action": None},
        {"action": "x" * 129},
        {"reportingController": None},
        {"reportingController": "a b"},
        {"reportingInstance": None},
        {"reportingInstance": "x" * 129},
        {"eventTime": None},
        {"eventTime": "now"},
        {"regarding": {"namespace": "elsewhere"}},
        {"regarding": {"namespace": None}},
        {"regarding": None},
        {"note": 5},
        {"unknown": 1},
    ),
)
_LEASE: Final[Json] = {"holderIdentity": "one", "leaseDurationSeconds": 15}
LEASE: Final = Material(
    base=({"spec": _LEASE}, {"spec": _LEASE | {"renewTime": "2026-01-01T00:00:00.000000Z", "leaseTransitions": 0}}, {}),
    parts=(
        {"spec": {"holderIdentity": "two", "leaseTransitions": 1}},
        {"spec": {"renewTime": "2026-01-01T00:00:15.000000Z"}},
        {"spec": {"acquireTime": "2026-01-01T00:00:15.000000Z"}},
        {"spec": {"holderIdentity": None}},
        {"spec": None},
    ),
    wrong=(
        {"spec": {"leaseDurationSeconds": 0}},
        {"spec": {"leaseDurationSeconds": -1}},
        {"spec": {"leaseTransitions": -1}},
        {"spec": {"leaseDurationSeconds": "15"}},
        {"spec": {"holderIdentity": ""}},
        {"spec": {"unknown": 1}},
    ),
)
NAMESPACE: Final = Material(base=({},), parts=({"spec": {"finalizers": ["kubernetes"]}},), wrong=({"unknown": 1},))

SIMPLE: Final[Mapping[str, Material]] = {
    "ConfigMap": CONFIG_MAP,
    "Secret": SECRET,
    "Service": SERVICE,
    "PersistentVolumeClaim": CLAIM,
    "Event": EVENT,
    "Lease": LEASE,
    "Namespace": NAMESPACE,
}

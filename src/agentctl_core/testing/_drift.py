"""What the next pod would have differently than the one that runs.

A running pod holds more than its operator rendered: the API server's defaults, what admission has added and users have
annotated. So a field of this version's rendering counts where the pod has another value; and a field that only the pod
has counts where the rendering that made the pod had it. That is known of what bears the operator's reserved names, and
of everything where the pod's `metadata.managedFields` are there: a POST owns what it sent and the API server's defaults
of it, but not what admission added. https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from .._applied import RESIZED
from .._identity import APPLIED, RENDERED_BY, RESERVED_KEYS, REVISION
from .._json import dig, dig_list, reach, same_json
from .._quantity import canonical
from .._spec import MAIN_CONTAINER, RESERVED_PREFIX
from ..host import FIELD_MANAGER
from ._differences import Change, joined
from ._named import NAMES, Rule, item_path, name_of, named_changes

_POD_DEFAULTS: Final[Mapping[str, object]] = {
    "spec.dnsPolicy": "ClusterFirst",
    "spec.enableServiceLinks": True,
    "spec.restartPolicy": "Always",
    "spec.schedulerName": "default-scheduler",
    "spec.terminationGracePeriodSeconds": 30,
}
_DEFAULTS: Final[Mapping[str, tuple[object, ...]]] = {
    "apiVersion": ("v1",),
    "cachingMode": ("ReadWrite",),
    "defaultMode": (0o644,),
    "divisor": ("0",),
    "expirationSeconds": (3600,),
    "failureThreshold": (3,),
    "fsType": ("ext4", "xfs"),
    "iscsiInterface": ("default",),
    "keyring": ("/etc/ceph/keyring",),
    "kind": ("Shared",),
    "optional": (False,),
    "path": ("/",),
    "periodSeconds": (10,),
    "pool": ("rbd",),
    "readOnly": (False,),
    "protocol": ("TCP", "HTTP1"),
    "scheme": ("HTTP",),
    "storageMode": ("ThinProvisioned",),
    "successThreshold": (1,),
    "terminationMessagePath": ("/dev/termination-log",),
    "terminationMessagePolicy": ("File",),
    "timeoutSeconds": (1,),
    "user": ("admin",),
    "volumeMode": ("Filesystem",),
}
"""What the API server gives a pod (1.37: pkg/apis/core/v1/defaults.go and zz_generated.defaults.go), by field."""
_FILLED_IN: Final = frozenset({"hostPort", "imagePullPolicy", "pullPolicy", "serviceAccount"})
"""The API server derives these from other fields where they are not set, or admission sets them."""
_FALSE_IS_UNSET: Final = frozenset(
    {"chapAuthDiscovery", "chapAuthSession", "hostIPC", "hostNetwork", "hostPID", "readOnly", "sslEnabled", "stdin"}
    | {"stdinOnce", "tty"}
)
_ZERO_IS_UNSET: Final = frozenset(
    {"failureThreshold", "hostPort", "initialDelaySeconds", "partition", "periodSeconds", "successThreshold"}
    | {"timeoutSeconds"}
)
"""Where false or 0 is as good as nothing, as are every empty text, list and map."""
_OWN: Final = re.compile(rf"spec\.(?:volumes|initContainers)\[{RESERVED_PREFIX}")
_VOLUME_SOURCE: Final = re.compile(r"spec\.volumes\[[^]]*\]\.[A-Za-z]+")
_QUANTITY: Final = re.compile(r"\.(?:limits|requests|overhead)[.\[]|\.(?:sizeLimit|divisor|storage)$")
_NOT_COMPARED: Final = frozenset({"apiVersion", "kind", "status", "spec.schedulingGates", "spec.tolerations"})
"""Gates go by themselves; tolerations, of which admission adds some, are compared on their own."""


def drift(pod: Mapping[str, Any], rendered: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return what a pod that is made now would have differently; metadata and resources changed in place are left out.

    Args:
        pod: the running pod, as the API server returns it.
        rendered: the pod that would be made.
    """
    return tuple(_drift(pod, rendered))


def tells_former(pod: Mapping[str, Any]) -> bool:
    """Tell whether a pod says all of what its operator rendered: whether it still has its managedFields."""
    return any(dig(entry, "manager", kind=str) == FIELD_MANAGER for entry in _managed(pod))


def _drift(pod: Mapping[str, Any], rendered: Mapping[str, Any]) -> Iterator[Change]:
    rule = _Rendered(dict(_owned(pod)), reach(rendered, "metadata", "labels"))
    yield from named_changes(_comparable(pod), _comparable(rendered), "", rule)
    there, wanted = (
        [{key: value for key, value in t.items() if not _is_empty(value)} for t in dig_list(one, "spec", "tolerations")]
        for one in (pod, rendered)
    )
    if missing := [one for one in wanted if not any(same_json(one, other) for other in there)]:
        yield Change("spec.tolerations", there, [*there, *missing])


class _Rendered(Rule):
    """What counts between a running pod and one that is rendered now.

    Args:
        owned: the paths of what the operator has written, and whether nothing is known of what is in there.
        labels: those of the rendered pod, which a running one gets too.
    """

    def __init__(self, owned: Mapping[str, bool], labels: object) -> None:
        self._owned = owned
        self._labels = {joined("metadata.labels", key) for key in _object(labels)}

    def looks_into(self, path: str) -> bool:
        if path.startswith("metadata."):
            return _is_of_one_pod(path) and path not in self._labels
        return path not in _NOT_COMPARED

    def is_same(self, path: str, before: object, after: object) -> bool:
        if _QUANTITY.search(path):
            return _amount(before) == _amount(after)
        return same_json(before, after) or (_is_unset(path, after) and _is_default(path, before))

    def tells_new(self, path: str, value: object) -> bool:
        if _is_unset(path, value):
            return value == {} and _VOLUME_SOURCE.fullmatch(path) is not None  # an empty source is a source
        # The rendering before had it, and the API server dropped it: a field whose feature is not enabled.
        return path not in self._owned and (_OWN.match(path) is not None or not self._is_in_whole_list(path))

    def tells_gone(self, path: str, value: object) -> bool:
        if _is_empty(value) or _is_default(path, value):
            return False
        if path in self._owned or (_OWN.match(path) and self._is_in_whole_list(path)):
            return True
        return path.endswith("]") and _is_reserved(path, value)

    def _is_in_whole_list(self, path: str) -> bool:
        """Tell whether it is in a list that is owned as a whole: whose its items' fields are is not known."""
        return any(self._owned.get(path[:index]) for index, character in enumerate(path) if character == "[")


def _is_of_one_pod(path: str) -> bool:
    """Tell whether it is metadata that only another pod brings; what says which pod it is of is no difference."""
    if path.startswith(("metadata.labels[", "metadata.annotations[")):
        key = path.partition("[")[2].removesuffix("]")
        return key.startswith(RESERVED_KEYS) and key not in (REVISION, RENDERED_BY, APPLIED)
    return path in ("metadata.labels", "metadata.annotations") or path.startswith("metadata.ownerReferences")


def _comparable(pod: Mapping[str, Any]) -> dict[str, Any]:
    """Return a pod with the requests that the API server takes from limits, and without what is resized in place."""
    spec = dict(_object(reach(pod, "spec")))
    for field in ("containers", "initContainers"):
        if field in spec:
            spec[field] = [_with_requests(container, field) for container in dig_list(spec, field)]
    return {**pod, "spec": spec}


def _with_requests(container: Mapping[str, Any], field: str) -> dict[str, Any]:
    resources = reach(container, "resources")
    if not isinstance(resources, Mapping):
        return dict(container)
    amounts = dict(_object(cast("object", resources)))
    limits = _object(amounts.get("limits"))
    requests = {**limits, **_object(amounts.get("requests"))}
    is_sidecar = field == "initContainers" and container.get("restartPolicy") == "Always"
    name = dig(container, "name", kind=str) or ""
    # The operator's own containers ask for what the agent asked for when the pod was made.
    is_own = name.startswith(RESERVED_PREFIX)
    resized = RESIZED if is_sidecar or is_own or name == MAIN_CONTAINER else ()
    for sort, given in (("limits", limits), ("requests", requests)):
        kept = {resource: amount for resource, amount in given.items() if resource not in resized}
        amounts = {name: value for name, value in amounts.items() if name != sort} | ({sort: kept} if kept else {})
    return {**container, "resources": amounts}


def _object(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _is_empty(value: object) -> bool:
    return value is None or value in ("", [], {})


def _is_unset(path: str, value: object) -> bool:
    """Tell whether it means the same whether a field has this value or is not there."""
    if value is False or (value == 0 and not isinstance(value, bool)):
        return path.rpartition(".")[2] in (_FALSE_IS_UNSET if value is False else _ZERO_IS_UNSET)
    return _is_empty(value)


def _is_default(path: str, value: object) -> bool:
    field = path.rpartition(".")[2]
    if field in _FILLED_IN:
        return True
    if path in _POD_DEFAULTS:
        return _POD_DEFAULTS[path] == value
    return value in _DEFAULTS.get(field, ())


def _is_reserved(path: str, value: object) -> bool:
    """Tell whether an item that only the running pod has bears one of the operator's names."""
    if path.startswith("metadata."):
        return path.partition("[")[2].startswith(RESERVED_KEYS)
    return (dig(value, "name", kind=str) or "").startswith(RESERVED_PREFIX)


def _amount(value: object) -> object:
    return canonical(value) if isinstance(value, str | int) and not isinstance(value, bool) else value


def _managed(pod: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    return dig_list(pod, "metadata", "managedFields")


def _owned(pod: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield the paths of the fields that the operator has written, and whether they are owned as a whole."""
    for entry in _managed(pod):
        if dig(entry, "manager", kind=str) == FIELD_MANAGER and not entry.get("subresource"):
            yield from _paths(entry.get("fieldsV1"), "", "")


def _paths(fields: object, path: str, field: str) -> Iterator[tuple[str, bool]]:
    """Yield the paths in a FieldsV1: `f:name` is a field, `k:{...}` an item of a list by the keys that name it."""
    for key, inner in _object(fields).items():
        sort, _, name = key.partition(":")
        item = _item(name, field) if sort == "k" else None
        if sort == "f" or item is not None:
            place = joined(path, name) if item is None else item_path(path, item)
            yield place, not _object(inner)
            yield from _paths(inner, place, name if item is None else "")


def _item(text: str, field: str) -> str | None:
    try:
        return name_of(json.loads(text), NAMES.get(field, ("name",)))
    except (ValueError, RecursionError):
        return None

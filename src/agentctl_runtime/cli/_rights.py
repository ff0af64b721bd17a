"""What the operator's service account may do, as deploy/base/rights.yaml and election.yaml say."""

from __future__ import annotations

from typing import Final, NamedTuple


class Right(NamedTuple):
    """One verb on one resource, as a review of access asks for it."""

    group: str
    resource: str
    subresource: str
    verb: str
    name: str = ""

    def __str__(self) -> str:
        what = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        return f"{self.verb} {what}{f' {self.name}' if self.name else ''}"


_WATCHED: Final = ("get", "list", "watch")
_TABLE: Final = (
    ("agentctl.dev", "agents", "", (*_WATCHED, "delete")),
    ("agentctl.dev", "agents", "status", ("patch",)),
    ("agentctl.dev", "agents", "finalizers", ("update",)),
    *(("", resource, "", (*_WATCHED, "create", "patch", "delete")) for resource in ("pods", "services", "configmaps")),
    ("", "persistentvolumeclaims", "", (*_WATCHED, "create", "patch")),
    ("", "pods", "resize", ("patch",)),
    ("events.k8s.io", "events", "", ("create",)),
)
WHERE_AGENTS_LIVE: Final = tuple(
    Right(group, resource, subresource, verb) for group, resource, subresource, verbs in _TABLE for verb in verbs
)
LEASE: Final = ("coordination.k8s.io", "leases", "")
FOR_THE_LEASE: Final = (Right(*LEASE, "create"), Right(*LEASE, "get", "agentctl"), Right(*LEASE, "update", "agentctl"))
"""In the operator's own namespace."""

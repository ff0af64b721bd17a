"""What a reader by the rules of kstatus makes of an object: Flux, Helm 4 and others wait for Current.

https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

Verdict: TypeAlias = Literal["Terminating", "InProgress", "Failed", "Current"]


def kstatus(manifest: Mapping[str, Any]) -> Verdict:
    """Return the status of an object of a type that kstatus has no rules of its own for."""
    metadata, status = manifest["metadata"], manifest.get("status") or {}
    if metadata.get("deletionTimestamp"):
        return "Terminating"
    if "generation" in metadata and status.get("observedGeneration", metadata["generation"]) != metadata["generation"]:
        return "InProgress"
    # The first of the two decides, as they stand in the list.
    for each in status.get("conditions") or ():
        if each["status"] == "True" and each["type"] in ("Reconciling", "Stalled"):
            return "InProgress" if each["type"] == "Reconciling" else "Failed"
    ready = next((each["status"] for each in status.get("conditions") or () if each["type"] == "Ready"), None)
    return "Current" if ready in ("True", None) else "InProgress"

"""What the operator's own containers have in common: they may do nothing, and take no more than the agent does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .._agent import Agent
from .._json import reach

_OWN_USER: Final = 65532
"""`nonroot` in distroless images. A number, since the kubelet cannot tell whether a name is root."""
_AMOUNTS: Final = ("cpu", "memory", "ephemeral-storage")
"""What every container uses; devices and huge pages are the agent's alone."""

_SECURITY_CONTEXT: Final[Mapping[str, Any]] = {
    "runAsNonRoot": True,
    "runAsUser": _OWN_USER,
    "runAsGroup": _OWN_USER,
    "privileged": False,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""The whole of it: it passes *restricted* whatever the pod's says."""


def own_container(agent: Agent) -> dict[str, Any]:
    """Return the fields that each init container of the operator's own has beside its image and command.

    A pod is *Guaranteed* only if its init containers are so too, and a quota on requests or limits wants them of every
    container. They end before the agent starts: what they ask for adds nothing to what the pod asks for.
    https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
    """
    amounts = {sort: _amounts(reach(agent.spec.resources, sort)) for sort in ("limits", "requests")}
    resources = {sort: given for sort, given in amounts.items() if given}
    return {"securityContext": _SECURITY_CONTEXT} | ({"resources": resources} if resources else {})


def _amounts(given: object) -> dict[str, Any]:
    return {name: amount for name in _AMOUNTS if (amount := reach(given, name)) is not None}

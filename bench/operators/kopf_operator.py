"""The contender on kopf, written as its documentation has it: handlers for creation, resumption and pods.

kopf keeps its notes in annotations of the Agent. Neither finalizers nor Events are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import kopf
import lightkube
from bench.operators.pods import GROUP, PLURAL, VERSION, pod_of, status_of
from lightkube.core.exceptions import ApiError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.resources.core_v1 import Pod
from lightkube.types import PatchType

Agent = create_namespaced_resource(GROUP, VERSION, "Agent", PLURAL)
_told: dict[str, tuple[str, str]] = {}
_clients: list[lightkube.AsyncClient] = []


@kopf.on.startup()
async def startup(settings: kopf.OperatorSettings, **_: Any) -> None:
    """Set kopf up, and connect."""
    _clients.append(lightkube.AsyncClient(field_manager="kopf"))
    settings.posting.enabled = False
    settings.scanning.disabled = True


@kopf.on.create(GROUP, VERSION, PLURAL)
@kopf.on.resume(GROUP, VERSION, PLURAL)
@kopf.on.update(GROUP, VERSION, PLURAL, field="spec")
async def reconcile(name: str, namespace: str, uid: str, spec: Mapping[str, Any], **_: Any) -> None:
    """Make the pod."""
    try:
        await _clients[0].create(Pod.from_dict(pod_of(name, namespace, uid, spec)))
    except ApiError as error:
        if error.status.code != HTTPStatus.CONFLICT:
            raise


@kopf.on.event("v1", "pods", labels={"agentctl.dev/agent": kopf.PRESENT})
async def seen(  # noqa: PLR0913, PLR0917 -- kopf gives by name what is asked for
    name: str, namespace: str, labels: Mapping[str, str], status: Mapping[str, Any], meta: Mapping[str, Any],
    type: str, **_: Any,  # noqa: A002
) -> None:  # fmt: skip
    """Report what the pod has come to."""
    agent = labels["agentctl.dev/agent"]
    if type == "DELETED" or meta.get("deletionTimestamp"):
        _told.pop(agent, None)
        return
    ready = next((each["status"] for each in status.get("conditions") or () if each["type"] == "Ready"), "False")
    state = (status.get("phase") or "Pending", ready)
    if _told.get(agent) == state:
        return
    _told[agent] = state
    body = {"status": status_of(name, 1, ready, state[0])}
    try:
        await _clients[0].patch(Agent.Status, agent, body, namespace=namespace, patch_type=PatchType.MERGE)
    except ApiError as error:
        if error.status.code != HTTPStatus.NOT_FOUND:
            raise

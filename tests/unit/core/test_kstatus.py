"""What kstatus, and so Flux and Helm, make of the statuses that the core plans; its rules are in `tests/kstatus.py`."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kstatus import kstatus
from tests.unit.core.builders import GONE, Json, a_pod, a_refusal, an_agent, status_of

READY: Json = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
RUNNING: Json = {"phase": "Running"}


def task(**spec: Any) -> Json:
    return an_agent(**{"restartPolicy": "Never"} | spec)


def seen(manifest: Json, *objects: Json) -> Json:
    """Return an Agent as it is once its status is written."""
    return manifest | {"status": status_of(manifest, *objects)}


@pytest.mark.parametrize(
    "manifest",
    [
        seen(an_agent()),
        seen(an_agent(), a_pod(status=RUNNING)),
        seen(an_agent(), a_pod(status={"phase": "Failed"})),
        seen(an_agent(), a_pod(status=READY, metadata={"deletionTimestamp": GONE})),
        seen(an_agent(), a_pod(owner_uid="uid-of-former-agent")),
        # What another object causes may pass without an edit of the Agent.
        seen(an_agent(), a_pod(owner_uid=None)),
        seen(an_agent(), a_refusal()),
        seen(task(), a_pod(of=task(), status=RUNNING)),
        seen(task(), a_pod(of=task(), status={"phase": "Failed"})),
    ],
)
def test_an_agent_that_may_still_get_there_is_in_progress(manifest: Json) -> None:
    assert kstatus(manifest) == "InProgress"


@pytest.mark.parametrize(
    "manifest",
    [
        seen(an_agent(), a_pod(status=READY)),
        seen(an_agent(replicas=0)),
        seen(an_agent(replicas=0), a_pod(status=READY)),
        seen(task(), a_pod(of=task(), status={"phase": "Succeeded"})),
    ],
)
def test_an_agent_that_is_where_its_spec_wants_it_is_current(manifest: Json) -> None:
    assert kstatus(manifest) == "Current"


@pytest.mark.parametrize(
    "manifest",
    [
        seen(an_agent(image="")),
        seen(an_agent(image=""), a_pod(status=READY)),
        seen(an_agent(podTemplate={"spec": {"hostNetwork": True}})),
        seen(task(backoffLimit=0), a_pod(of=task(), status={"phase": "Failed"})),
        seen(task(activeDeadlineSeconds=60), a_pod(of=task(), status=RUNNING, metadata={"creationTimestamp": GONE})),
    ],
)
def test_an_agent_that_only_another_edit_can_help_has_failed(manifest: Json) -> None:
    assert kstatus(manifest) == "Failed"


@pytest.mark.parametrize(
    "manifest", [seen(an_agent(image="")), seen(an_agent(), a_pod(status=READY)), seen(an_agent(replicas=0))]
)
def test_what_the_operator_has_not_seen_yet_is_in_progress(manifest: Json) -> None:
    manifest["metadata"]["generation"] += 1
    assert kstatus(manifest) == "InProgress"


def test_an_agent_without_a_status_is_taken_for_current_as_any_custom_resource_is() -> None:
    assert kstatus(an_agent()) == "Current"


def test_an_agent_that_is_being_deleted_is_terminating() -> None:
    manifest = seen(an_agent(), a_pod(status=READY))
    manifest["metadata"]["deletionTimestamp"] = GONE
    assert kstatus(manifest) == "Terminating"

"""The health script for Argo CD, run in the Lua that Argo CD has, on statuses that the core really plans."""

from __future__ import annotations

from typing import Any

import pytest
from tests.argocd import health
from tests.unit.core.builders import Json, a_pod, a_refusal, an_agent, status_of

READY: Json = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


def with_status(manifest: Json, *objects: Json) -> Json:
    """Return an Agent as it is once its status is written."""
    return manifest | {"status": status_of(manifest, *objects)}


def waiting(reason: str) -> Json:
    container = {"name": "agent", "ready": False, "state": {"waiting": {"reason": reason}}}
    return {"phase": "Pending", "containerStatuses": [container]}


def task(**spec: Any) -> Json:
    return an_agent(restartPolicy="Never", **spec)


@pytest.mark.parametrize(
    ("manifest", "expected", "words"),
    [
        (an_agent(), "Progressing", "Waiting for the operator"),
        (an_agent(status={}), "Progressing", "Waiting for the operator"),
        (with_status(an_agent()), "Progressing", "PodPending: The pod is starting."),
        (with_status(an_agent(), a_pod(status=READY)), "Healthy", "PodReady: The pod is ready."),
        (with_status(an_agent(), a_pod(status={"phase": "Running"})), "Progressing", "PodNotReady"),
        (with_status(an_agent(), a_pod(status=waiting("ImagePullBackOff"))), "Degraded", "ImagePullFailed"),
        (with_status(an_agent(), a_pod(status=waiting("CreateContainerConfigError"))), "Degraded", "ConfigError"),
        (with_status(an_agent(), a_pod(owner_uid="uid-of-former-agent")), "Progressing", "Terminating"),
        (with_status(an_agent(), a_pod(owner_uid=None)), "Degraded", "NameConflict"),
        (with_status(an_agent(), a_refusal("exceeded quota: pods")), "Degraded", "QuotaExceeded"),
        (
            with_status(an_agent(image=""), a_pod(status=READY)),
            "Degraded",
            "InvalidSpec: spec.image: must not be empty",
        ),
        (with_status(an_agent(replicas=0)), "Suspended", "ScaledToZero"),
        (with_status(task(), a_pod(of=task(), status={"phase": "Running"})), "Progressing", "PodNotReady"),
        (
            with_status(task(), a_pod(of=task(), status={"phase": "Succeeded"})),
            "Healthy",
            "Succeeded: The task has succeeded.",
        ),
        (
            with_status(task(backoffLimit=0), a_pod(of=task(), status={"phase": "Failed"})),
            "Degraded",
            "Failed: The task has failed",
        ),
    ],
)
def test_argo_cd_shows_what_the_status_says(manifest: Json, expected: str, words: str) -> None:
    status, message = health(manifest)
    assert (status, message[: len(words)]) == (expected, words)


def test_a_status_of_an_earlier_generation_says_nothing() -> None:
    manifest = with_status(an_agent(), a_pod(status=READY))
    manifest["metadata"]["generation"] += 1
    assert health(manifest)[0] == "Progressing"

"""A status in words: what has changed in it."""

from __future__ import annotations

from typing import Any

import pytest

from agentctl_runtime._status_words import in_words


def condition(kind: str, status: str, reason: str, message: str = "So it is.") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


READY = condition("Ready", "True", "PodReady")
CURRENT = condition("UpToDate", "True", "Current")


def test_conditions_that_have_changed_are_told_with_what_they_say() -> None:
    trouble = condition("Ready", "False", "OOMKilled", "Raise the limit.")
    told = in_words({"conditions": [READY, CURRENT]}, {"conditions": [trouble, CURRENT]})
    assert told == ("Ready is False (OOMKilled)", {"Ready": "Raise the limit."})


@pytest.mark.parametrize("former", [{}, {"conditions": None}, {"conditions": []}])
def test_where_there_was_nothing_everything_has_changed(former: dict[str, Any]) -> None:
    told = in_words(former, {"conditions": [READY, CURRENT]})
    assert told == (
        "Ready is True (PodReady), UpToDate is True (Current)",
        {"Ready": "So it is.", "UpToDate": "So it is."},
    )


def test_a_condition_whose_message_alone_has_changed_is_still_what_it_was() -> None:
    one, two = (condition("Ready", "False", "ImagePullFailed", message) for message in ("one", "two"))
    told = in_words({"conditions": [one]}, {"conditions": [two]})
    assert told == ("Ready is still False (ImagePullFailed)", {"Ready": "two"})


@pytest.mark.parametrize("status", ["True", "Unknown"])
def test_a_condition_of_another_status_or_reason_is_not_still_what_it_was(status: str) -> None:
    one = condition("Accepted", "False", "Accepted")
    told, _ = in_words({"conditions": [one]}, {"conditions": [condition("Accepted", status, "Accepted")]})
    assert told == f"Accepted is {status} (Accepted)"


def test_a_condition_that_there_is_no_more_is_absent() -> None:
    suspended = condition("Suspended", "True", "ScaledToZero")
    told = in_words({"conditions": [READY]}, {"conditions": [suspended]})
    assert told == ("Ready is absent, Suspended is True (ScaledToZero)", {"Suspended": "So it is."})


def test_a_pod_that_is_gone_is_told() -> None:
    former = {"podName": "a", "nodeName": "b", "replicas": 1}
    assert in_words(former, {"replicas": 0}) == ("there is no pod", {})


def test_how_a_container_ended_is_told_without_its_own_words() -> None:
    end = {"containerName": "agent", "exitCode": 137, "reason": "OOMKilled", "message": "password"}
    told = in_words({}, {"restarts": 1, "failures": 2, "lastTermination": end})
    assert told == ("restarts is 1, failures is 2, container agent ended with exit code 137 (OOMKilled)", {})


def test_a_container_that_ended_without_a_reason() -> None:
    told, _ = in_words({}, {"lastTermination": {"containerName": "agent", "exitCode": 0}})
    assert told == "container agent ended with exit code 0"


def test_nothing_but_what_has_changed_is_told() -> None:
    former = {"restarts": 1, "nodeName": "a", "podName": "b", "lastTermination": {"exitCode": 1}}
    assert in_words(former, {**former, "failures": 3, "replicas": 0}) == ("failures is 3", {})


def test_where_nothing_else_has_changed_the_rest_is_told() -> None:
    former = {"restarts": 1, "replicas": 1, "startTime": "then", "podName": "b"}
    changed = {"restarts": 0, "replicas": 0, "podName": "b", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]}
    told, _ = in_words(former, changed)
    assert told == "podIPs is 10.0.0.1 and fd00::1, replicas is 0, restarts is 0, startTime is absent"
    assert in_words({}, {"resolvedCommand": {"entrypoint": ["a"]}}) == ("resolvedCommand", {})

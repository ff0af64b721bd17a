"""What an action is over HTTP, and how a host goes on after each answer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl_core import (
    API_VERSION,
    KIND,
    Action,
    Create,
    Delete,
    EmitEvent,
    Patch,
    PatchStatus,
    Ref,
    Requeue,
    Resize,
    ResolveImage,
)
from agentctl_core.host import (
    AGENT,
    CONFIG_MAP,
    DEPENDENTS,
    OURS,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    REFUSAL_SECONDS,
    SERVICE,
    Failure,
    Outcome,
    Request,
    Resource,
    agents_of,
    failure_of,
    generation_of,
    is_confirmed_first,
    judge,
    refusal,
    request_for,
)

AGENT_REF = Ref(API_VERSION, KIND, "n", "a")
POD_REF = Ref("v1", "Pod", "n", "a")
AGENT_PATH = "/apis/agentctl.dev/v1alpha1/namespaces/n/agents/a"
POD_PATH = "/api/v1/namespaces/n/pods/a"
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
FOUND: dict[str, Any] = {
    "metadata": {"name": "a", "namespace": "n", "uid": "u", "generation": 1, "resourceVersion": "7"},
    "status": {"podName": "old", "replicas": 1},
}
POD_MANIFEST: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "n"}}
EVENT = EmitEvent("a.1", AGENT_REF, "u", "Warning", "InvalidSpec", "Reconcile", "no", "2026-01-01T12:00:00.000000Z")
MAIN = {"name": "agent", "resources": {"limits": {"cpu": "1"}}}
SIDECAR = {"name": "log", "resources": {"limits": {"cpu": "2"}}}

CREATE = Create(POD_MANIFEST)
PATCH = Patch(POD_REF, "pod-uid", "3", {"metadata": {"labels": {"a": None}}, "spec": {"x": 1}})
RESIZE = Resize(POD_REF, "pod-uid", [MAIN, SIDECAR])
DELETE = Delete(POD_REF, "pod-uid")
DELETE_AGENT = Delete(AGENT_REF, "u", "7")
STATUS = PatchStatus(AGENT_REF, "7", {"podName": "new"})
REQUESTS = (CREATE, PATCH, RESIZE, DELETE, DELETE_AGENT, STATUS, EVENT)


# What to watch


def test_what_is_watched_is_what_the_core_makes_by_its_label() -> None:
    assert DEPENDENTS == (POD, SERVICE, CONFIG_MAP, PERSISTENT_VOLUME_CLAIM)
    assert OURS == "app.kubernetes.io/managed-by=agentctl"


@pytest.mark.parametrize(
    ("resource", "namespace", "names", "path"),
    [
        (POD, "n", ("a",), "/api/v1/namespaces/n/pods/a"),
        (POD, "n", ("a", "resize"), "/api/v1/namespaces/n/pods/a/resize"),
        (POD, None, (), "/api/v1/pods"),
        (AGENT, "n", (), "/apis/agentctl.dev/v1alpha1/namespaces/n/agents"),
        (Resource("v1", "Namespace", "namespaces", namespaced=False), "", ("a",), "/api/v1/namespaces/a"),
        (SERVICE, "a/b", ("c?d#e%2f",), "/api/v1/namespaces/a%2Fb/services/c%3Fd%23e%252f"),
        (CONFIG_MAP, "ä", ("\ud800", "a-b._~"), "/api/v1/namespaces/%C3%A4/configmaps/%3F/a-b._~"),
    ],
)
def test_paths_are_those_of_the_api_server_with_names_percent_encoded(
    resource: Resource, namespace: str | None, names: tuple[str, ...], path: str
) -> None:
    assert resource.path(namespace, *names) == path


@pytest.mark.parametrize(("namespace", "name"), [("n", ""), ("n", "."), ("n", ".."), ("", "a"), ("..", "a")])
def test_a_name_that_would_reach_something_else_has_no_path(namespace: str, name: str) -> None:
    with pytest.raises(ValueError, match=r"is no name: a namespace or a name is missing"):
        POD.path(namespace, name)


def _object(kind: str, name: str, **metadata: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "namespace": "n", **metadata}}


@pytest.mark.parametrize(
    ("manifest", "names"),
    [
        (_object("Pod", "a"), {"a"}),
        (_object("Service", "a", labels=None, ownerReferences=None), {"a"}),
        (_object("ConfigMap", "a-files-1"), set()),
        (_object("ConfigMap", "x", labels={"agentctl.dev/agent": "a"}), {"a"}),
        (_object("PersistentVolumeClaim", "x", ownerReferences=[{"kind": "Agent", "name": "b"}]), {"b"}),
        (_object("ConfigMap", "x", ownerReferences=[{"kind": "Pod", "name": "b"}, {"kind": "Agent"}]), set()),
        (
            _object("Pod", "a", labels={"agentctl.dev/agent": "b"}, ownerReferences=[{"kind": "Agent", "name": "c"}]),
            {"a", "b", "c"},
        ),
    ],
)
def test_an_object_concerns_who_is_in_its_label_who_owns_it_and_whose_name_it_has(
    manifest: dict[str, Any], names: set[str]
) -> None:
    assert agents_of(manifest) == names


# What is sent


def _patch(path: str, body: dict[str, Any], content_type: str = MERGE) -> Request:
    return Request(method="PATCH", path=path, body=body, content_type=content_type, query={"fieldManager": "agentctl"})


def _deletion(path: str, **preconditions: str) -> Request:
    body = {"propagationPolicy": "Background", "preconditions": preconditions}
    return Request(method="DELETE", path=path, body=body, content_type="application/json", query={})


@pytest.mark.parametrize(
    ("action", "request_"),
    [
        (
            CREATE,
            Request(
                method="POST",
                path="/api/v1/namespaces/n/pods",
                body=POD_MANIFEST,
                content_type="application/json",
                query={"fieldManager": "agentctl", "fieldValidation": "Strict"},
            ),
        ),
        (
            PATCH,
            _patch(
                POD_PATH,
                {"metadata": {"labels": {"a": None}, "uid": "pod-uid", "resourceVersion": "3"}, "spec": {"x": 1}},
            ),
        ),
        (
            Patch(POD_REF, "pod-uid", "3", {"spec": {"x": 1}}),
            _patch(POD_PATH, {"metadata": {"uid": "pod-uid", "resourceVersion": "3"}, "spec": {"x": 1}}),
        ),
        (
            RESIZE,
            _patch(
                f"{POD_PATH}/resize",
                {"metadata": {"uid": "pod-uid"}, "spec": {"containers": [MAIN], "initContainers": [SIDECAR]}},
                STRATEGIC,
            ),
        ),
        (
            Resize(POD_REF, "u", [MAIN]),
            _patch(f"{POD_PATH}/resize", {"metadata": {"uid": "u"}, "spec": {"containers": [MAIN]}}, STRATEGIC),
        ),
        (DELETE, _deletion(POD_PATH, uid="pod-uid")),
        (DELETE_AGENT, _deletion(AGENT_PATH, uid="u", resourceVersion="7")),
        (
            STATUS,
            _patch(
                f"{AGENT_PATH}/status",
                {"metadata": {"resourceVersion": "7"}, "status": {"podName": "new", "replicas": None}},
            ),
        ),
        (
            EVENT,
            Request(
                method="POST",
                path="/apis/events.k8s.io/v1/namespaces/n/events",
                body=EVENT.manifest("me"),
                content_type="application/json",
                query={"fieldManager": "agentctl", "fieldValidation": "Strict"},
            ),
        ),
    ],
)
def test_an_action_is_one_request_with_its_preconditions(action: Action, request_: Request) -> None:
    assert request_for(action, FOUND, "me") == request_


@pytest.mark.parametrize("action", [Requeue(1), ResolveImage("i"), PatchStatus(AGENT_REF, "7", FOUND["status"])])
def test_what_asks_for_no_change_sends_nothing(action: Action) -> None:
    assert request_for(action, FOUND, "me") is None


def test_an_agent_without_status_gets_the_whole() -> None:
    request = request_for(STATUS, {"metadata": FOUND["metadata"]}, "me")
    assert request is not None
    assert request.body["status"] == {"podName": "new"}


RAN = {**FOUND, "status": {"currentRevision": "r"}}
CREATE_SERVICE = Create({**POD_MANIFEST, "kind": "Service"})


@pytest.mark.parametrize(
    ("action", "agent", "confirmed"),
    [
        (DELETE, FOUND, True),
        (Delete(Ref("v1", "ConfigMap", "n", "x"), "u"), FOUND, True),
        (DELETE_AGENT, RAN, False),
        (CREATE, FOUND, False),
        (CREATE, {"metadata": {}}, False),
        (CREATE, RAN, True),
        (CREATE_SERVICE, RAN, False),
        *((action, RAN, False) for action in (PATCH, RESIZE, STATUS, EVENT, Requeue(1), ResolveImage("i"))),
    ],
)
def test_an_agent_is_confirmed_before_a_deletion_and_before_another_pod(
    action: Action, agent: dict[str, Any], *, confirmed: bool
) -> None:
    assert is_confirmed_first(action, agent) is confirmed


def test_another_spec_or_another_agent_of_the_name_has_another_generation() -> None:
    assert generation_of(FOUND) == ("u", 1)
    assert generation_of({}) == (None, None)


# What the answer means


def _status(reason: str, message: str = "", **details: Any) -> dict[str, Any]:
    return {"kind": "Status", "reason": reason, "message": message, "details": details}


OTHER_UID = [{"field": "spec.nodeName"}, {"field": "metadata.uid"}]


@pytest.mark.parametrize(
    ("code", "answer", "failure"),
    [
        (404, _status("NotFound"), Failure.NOT_FOUND),
        (404, None, Failure.NOT_FOUND),
        (409, _status("AlreadyExists"), Failure.ALREADY_EXISTS),
        (400, _status("AlreadyExists"), Failure.REFUSAL),
        (409, _status("Conflict"), Failure.CONFLICT),
        (409, _status("Other"), Failure.TRANSIENT),
        (409, None, Failure.TRANSIENT),
        (422, _status("Invalid", causes=OTHER_UID), Failure.CONFLICT),
        (403, _status("Invalid", causes=OTHER_UID), Failure.REFUSAL),
        (422, _status("Invalid", causes=OTHER_UID[:1]), Failure.REFUSAL),
        (422, _status("Invalid", causes=[7]), Failure.REFUSAL),
        (422, _status("Invalid", causes={}), Failure.REFUSAL),
        (422, _status("Invalid", causes=None), Failure.REFUSAL),
        (410, _status("Expired"), Failure.EXPIRED),
        (410, None, Failure.EXPIRED),
        (None, _status("Expired"), Failure.EXPIRED),
        (200, _status("Gone"), Failure.EXPIRED),
        *((code, _status("Any"), Failure.REFUSAL) for code in (400, 402, 403, 405, 413, 422, 499)),
        (413, None, Failure.REFUSAL),
        (422, None, Failure.TRANSIENT),
        *((code, _status("Any"), Failure.TRANSIENT) for code in (None, 399, 401, 408, 429, 500, 503, 504)),
        (500, _status("InternalError", 'failed calling webhook "x"'), Failure.WEBHOOK_AWAY),
        (500, _status("InternalError", "etcd"), Failure.TRANSIENT),
        (500, _status("Timeout", "failed calling webhook"), Failure.TRANSIENT),
        (403, _status("InternalError", "failed calling webhook"), Failure.REFUSAL),
    ],
)
def test_what_a_failure_is(code: int | None, answer: dict[str, Any] | None, failure: Failure) -> None:
    assert failure_of(code, answer) is failure


@given(st.none() | st.integers(), st.none() | st.dictionaries(st.text(), st.integers() | st.text()))
def test_every_answer_is_some_failure(code: int | None, answer: dict[str, Any] | None) -> None:
    assert failure_of(code, answer) in Failure


JUDGED: list[tuple[Action, Failure, Outcome]] = [
    (CREATE, Failure.ALREADY_EXISTS, Outcome.EXISTS),
    (CREATE, Failure.REFUSAL, Outcome.REFUSED),
    (CREATE, Failure.WEBHOOK_AWAY, Outcome.REFUSED),
    (PATCH, Failure.REFUSAL, Outcome.REFUSED),
    (RESIZE, Failure.REFUSAL, Outcome.REFUSED),
    *((action, Failure.NOT_FOUND, Outcome.DONE) for action in (PATCH, RESIZE, DELETE, DELETE_AGENT, STATUS)),
    *((action, Failure.CONFLICT, Outcome.STALE) for action in (CREATE, PATCH, RESIZE, DELETE_AGENT, STATUS)),
    (DELETE, Failure.CONFLICT, Outcome.DONE),
    *((EVENT, failure, Outcome.DONE) for failure in Failure),
]
"""Everything else is FAILED."""


@pytest.mark.parametrize("failure", Failure)
@pytest.mark.parametrize("action", REQUESTS, ids=lambda action: type(action).__name__)
def test_how_a_host_goes_on(action: Action, failure: Failure) -> None:
    expected = [outcome for of, when, outcome in JUDGED if of == action and when is failure]
    assert judge(action, failure) is (expected[0] if expected else Outcome.FAILED)


@pytest.mark.parametrize(("action", "kind"), [(CREATE, "Pod"), (PATCH, "Pod"), (RESIZE, "pods/resize")])
def test_a_refusal_is_a_status_that_names_the_object(action: Create | Patch | Resize, kind: str) -> None:
    assert refusal(action, 403, _status("Forbidden", "exceeded quota", kind="pods")) == {
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure",
        "code": 403,
        "reason": "Forbidden",
        "message": "exceeded quota",
        "details": {"kind": kind, "name": "a"},
    }
    unsaid = refusal(action, 413, {})
    assert (unsaid["reason"], unsaid["message"]) == ("", "")


def test_a_refusal_is_forgotten_before_the_requeue_that_it_leads_to_is_due() -> None:
    assert 0 < REFUSAL_SECONDS < 30

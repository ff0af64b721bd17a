"""Each action against a client that answers as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from structlog.testing import capture_logs

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
)
from agentctl_core.host import Request, request_for
from agentctl_runtime._execute import Executor
from agentctl_runtime._failure import ApiFailure

AGENT_REF = Ref(API_VERSION, KIND, "n", "a")
POD_REF = Ref("v1", "Pod", "n", "a")
AGENT: dict[str, Any] = {
    "apiVersion": API_VERSION,
    "kind": KIND,
    "metadata": {"name": "a", "namespace": "n", "uid": "u", "generation": 1, "resourceVersion": "7"},
    "status": {"podName": "old", "replicas": 1},
}
POD: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "n"}}
EVENT = EmitEvent("a.1", AGENT_REF, "u", "Warning", "InvalidSpec", "Reconcile", "no", "2026-01-01T12:00:00.000000Z")

NOT_FOUND = ApiFailure("not found", code=404, reason="NotFound")
ALREADY_EXISTS = ApiFailure("there", code=409, reason="AlreadyExists")
CONFLICT = ApiFailure("conflict", code=409, reason="Conflict")
INVALID = ApiFailure("spec.containers: Required value", code=422, reason="Invalid", status={"details": {}})
FORBIDDEN = ApiFailure("exceeded quota", code=403, reason="Forbidden")
BUSY = ApiFailure("busy", code=429, reason="TooManyRequests")
LOST = ApiFailure("lost", reason="ConnectionFailed")

CREATE = Create(POD)
PATCH = Patch(POD_REF, "pod-uid", "3", {"metadata": {"labels": {"a": None}}, "spec": {"x": 1}})
RESIZED = {"name": "agent", "resources": {"limits": {"cpu": "1"}}}
SIDECAR = {"name": "log", "resources": {"limits": {"cpu": "2"}}}
RESIZE = Resize(POD_REF, "pod-uid", [RESIZED])
RESIZE_ALL = Resize(POD_REF, "pod-uid", [RESIZED, SIDECAR])
DELETE = Delete(POD_REF, "pod-uid")
DELETE_VERSION = Delete(POD_REF, "pod-uid", "3")
DELETE_AGENT = Delete(AGENT_REF, "u", "7")
STATUS = PatchStatus(AGENT_REF, "7", {"podName": "new"})


class Client:
    """Answers each verb with an object, or with a failure; the Agent is as it was read, unless told otherwise."""

    def __init__(self, **answers: Mapping[str, Any] | ApiFailure) -> None:
        self._answers = dict(answers)
        self.asked: list[tuple[Any, ...]] = []

    def _answer(self, verb: str, *asked: Any) -> dict[str, Any]:
        self.asked.append((verb, *asked))
        answer = self._answers.get(verb, {"answer": verb})
        if isinstance(answer, ApiFailure):
            raise answer
        return dict(answer)

    async def get(self, ref: Ref) -> dict[str, Any]:
        if ref == AGENT_REF:
            self._answers.setdefault("get", AGENT)
        return self._answer("get", ref)

    async def send(self, request: Request) -> dict[str, Any]:
        return self._answer("send", request)


def execute(action: Action, client: Client) -> tuple[Mapping[str, Any] | None, list[Any]]:
    """Execute an action; return what was observed, and what was learned."""
    learned: list[Any] = []

    def learn(answer: Mapping[str, Any], agent: Mapping[str, Any], *, is_news: bool = False) -> None:
        assert agent is AGENT
        learned.append((answer, "news") if is_news else answer)

    return asyncio.run(Executor(client, learn, lambda _: None, "me").execute(action, AGENT)), learned


def request(action: Action, agent: Mapping[str, Any] = AGENT) -> Request:
    sent = request_for(action, agent, "me")
    assert sent is not None
    return sent


@pytest.mark.parametrize("action", [CREATE, PATCH, RESIZE, DELETE_AGENT, STATUS, EVENT])
def test_an_action_is_one_request(action: Action) -> None:
    client = Client()
    observed, _ = execute(action, client)
    assert client.asked == [("send", request(action))]
    assert observed is None


def _untold(*_: Any, **__: Any) -> None:
    pytest.fail("nothing was to be told")


@pytest.mark.parametrize("action", [DELETE, DELETE_VERSION])
def test_what_an_agent_has_is_deleted_once_that_agent_is_confirmed_to_be_as_it_was_read(action: Delete) -> None:
    client = Client()
    assert execute(action, client) == (None, [])
    assert client.asked == [("get", AGENT_REF), ("send", request(action))]


@pytest.mark.parametrize("change", [{"uid": "successor"}, {"generation": 2}])
def test_nothing_is_deleted_for_an_agent_that_has_changed_since(change: dict[str, Any]) -> None:
    client = Client(get={**AGENT, "metadata": {**AGENT["metadata"], "resourceVersion": "9"} | change})
    with pytest.raises(ApiFailure) as caught:
        asyncio.run(Executor(client, _untold, _untold, "me").execute(DELETE, AGENT))
    assert caught.value.is_conflict
    assert client.asked == [("get", AGENT_REF)]


def test_nothing_is_deleted_for_an_agent_that_is_gone() -> None:
    client, lost = Client(get=NOT_FOUND), list[Any]()
    asyncio.run(Executor(client, _untold, lost.append, "me").execute(DELETE, AGENT))
    assert lost == [AGENT]
    assert client.asked == [("get", AGENT_REF)]


def test_nothing_is_deleted_for_an_agent_that_cannot_be_read() -> None:
    client = Client(get=LOST)
    with pytest.raises(ApiFailure) as caught:
        execute(DELETE, client)
    assert caught.value is LOST
    assert client.asked == [("get", AGENT_REF)]


def test_another_pod_is_made_once_its_agent_is_confirmed_to_be_as_it_was_read() -> None:
    ran = {**AGENT, "status": {"currentRevision": "r"}}
    client = Client(send=POD)
    asyncio.run(Executor(client, lambda *_, **__: None, _untold, "me").execute(Create(POD), ran))
    assert client.asked == [("get", AGENT_REF), ("send", request(CREATE))]


def test_so_it_is_where_the_status_does_not_tell_of_the_former_pod_yet() -> None:
    client = Client(send=POD)
    asyncio.run(Executor(client, lambda *_, **__: None, _untold, "me").execute(Create(POD), AGENT, is_again=True))
    assert client.asked == [("get", AGENT_REF), ("send", request(CREATE))]


def test_no_other_pod_is_made_for_an_agent_that_is_gone_or_has_changed() -> None:
    ran = {**AGENT, "status": {"currentRevision": "r"}}
    gone, lost = Client(get=NOT_FOUND), list[Any]()
    asyncio.run(Executor(gone, _untold, lost.append, "me").execute(Create(POD), ran))
    assert lost == [ran]
    changed = Client(get={**AGENT, "metadata": {**AGENT["metadata"], "generation": 2}})
    with pytest.raises(ApiFailure):
        asyncio.run(Executor(changed, _untold, _untold, "me").execute(Create(POD), ran))
    assert gone.asked == changed.asked == [("get", AGENT_REF)]


@pytest.mark.parametrize(
    ("action", "learned"),
    [
        (CREATE, [{"answer": "send"}]),
        (PATCH, [{"answer": "send"}]),
        (STATUS, [{"answer": "send"}]),
        # Others may have written in between: the watch tells, and everyone.
        (RESIZE, []),
        (EVENT, []),
    ],
)
def test_an_answer_that_holds_no_news_is_learned(action: Action, learned: list[Any]) -> None:
    assert execute(action, Client())[1] == learned


def test_that_an_object_is_on_its_way_out_is_news_and_a_deletion_that_is_done_is_left_to_the_watch() -> None:
    going = {"kind": DELETE.ref.kind, "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}
    assert execute(DELETE, Client(send=going)) == (None, [(going, "news")])
    assert execute(DELETE, Client(send={"kind": "Status", "status": "Success"})) == (None, [])


@pytest.mark.parametrize("action", [Requeue(30), PatchStatus(AGENT_REF, "7", AGENT["status"])])
def test_what_asks_for_no_change_sends_nothing(action: Action) -> None:
    client = Client()
    assert execute(action, client) == (None, [])
    assert client.asked == []


def test_an_object_that_holds_the_name_is_observed_and_not_fought() -> None:
    there = {**POD, "spec": {"by": "somebody"}}
    client = Client(send=ALREADY_EXISTS, get=there)
    assert execute(CREATE, client) == (there, [])
    assert client.asked == [("send", request(CREATE)), ("get", POD_REF)]


@pytest.mark.parametrize("failure", [INVALID, FORBIDDEN])
@pytest.mark.parametrize(("action", "kind"), [(CREATE, "Pod"), (PATCH, "Pod"), (RESIZE, "pods/resize")])
def test_a_refusal_is_a_status_that_names_the_object(action: Action, kind: str, failure: ApiFailure) -> None:
    observed, learned = execute(action, Client(send=failure))
    assert observed == {
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure",
        "code": failure.code,
        "reason": failure.reason,
        "message": failure.message,
        "details": {"kind": kind, "name": "a"},
    }
    assert learned == []


@pytest.mark.parametrize("action", [PATCH, RESIZE, DELETE, DELETE_VERSION, STATUS])
def test_what_is_gone_needs_nothing_more(action: Action) -> None:
    assert execute(action, Client(send=NOT_FOUND)) == (None, [])


def test_a_conflict_over_the_uid_says_that_the_object_is_gone() -> None:
    assert execute(DELETE, Client(send=CONFLICT)) == (None, [])


@pytest.mark.parametrize(
    ("action", "failure"),
    [
        (CREATE, CONFLICT),  # quota is counted under optimistic concurrency
        (CREATE, NOT_FOUND),  # the namespace
        (PATCH, CONFLICT),
        (RESIZE, CONFLICT),
        (DELETE_VERSION, CONFLICT),
        (DELETE, FORBIDDEN),
        (STATUS, CONFLICT),
        (STATUS, INVALID),
        *((action, failure) for action in (CREATE, PATCH, RESIZE, DELETE, STATUS) for failure in (BUSY, LOST)),
    ],
)
def test_what_may_be_needed_still_is_raised(action: Action, failure: ApiFailure) -> None:
    with pytest.raises(ApiFailure) as caught:
        execute(action, Client(send=failure))
    assert caught.value is failure


@pytest.mark.parametrize("failure", [NOT_FOUND, BUSY])
def test_what_held_the_name_and_cannot_be_read_is_tried_again(failure: ApiFailure) -> None:
    with pytest.raises(ApiFailure) as caught:
        execute(CREATE, Client(send=ALREADY_EXISTS, get=failure))
    assert caught.value is failure


@pytest.mark.parametrize("failure", [FORBIDDEN, BUSY, LOST, NOT_FOUND])
def test_a_lost_event_is_logged_and_holds_nothing_up(failure: ApiFailure) -> None:
    with capture_logs() as logged:
        assert execute(EVENT, Client(send=failure)) == (None, [])
    (line,) = logged
    told = ("warning", "Event InvalidSpec is not emitted", failure.message)
    assert (line["log_level"], line["event"], line["error"]) == told


def test_an_event_that_is_there_is_success() -> None:
    with capture_logs() as logged:
        assert execute(EVENT, Client(send=ALREADY_EXISTS)) == (None, [])
    assert logged == []


def test_an_agent_without_status_gets_the_whole() -> None:
    sent = Client()
    agent = {name: value for name, value in AGENT.items() if name != "status"}
    asyncio.run(Executor(sent, lambda *_, **__: None, lambda _: None, "me").execute(STATUS, agent))
    assert sent.asked[0][1].body["status"] == {"podName": "new"}


@pytest.mark.parametrize(
    ("manifest", "ref"),
    [(POD, POD_REF), ({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "x"}}, Ref("v1", "Node", "", "x"))],
)
def test_a_ref_names_the_object_of_a_manifest(manifest: Mapping[str, Any], ref: Ref) -> None:
    assert Ref.of(manifest) == ref


@pytest.mark.parametrize(
    ("answers", "learned", "lost"),
    [
        ({"send": NOT_FOUND}, [], [AGENT]),
        ({"send": CONFLICT, "get": NOT_FOUND}, [], [AGENT]),
        ({"send": CONFLICT, "get": {"answer": "get"}}, [{"answer": "get"}], []),
        ({"send": CONFLICT, "get": LOST}, [], []),
    ],
)
def test_a_status_that_is_not_taken_says_that_the_agent_has_changed_or_gone(
    answers: dict[str, Any], learned: list[Any], lost: list[Any]
) -> None:
    told: tuple[list[Any], list[Any]] = ([], [])

    def learn(answer: Mapping[str, Any], agent: Mapping[str, Any], *, is_news: bool = False) -> None:
        assert (agent, is_news) == (AGENT, True)
        told[0].append(answer)

    executor = Executor(Client(**answers), learn, told[1].append, "me")
    with suppress(ApiFailure):
        asyncio.run(executor.execute(STATUS, AGENT))
    assert told == (learned, lost)


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (CREATE, "created Pod a"),
        (PATCH, "changed Pod a"),
        (RESIZE, "resized Pod a"),
        (DELETE, "deleted Pod a"),
        (DELETE_AGENT, "deleted Agent a"),
        (STATUS, "status: podName is new, replicas is absent"),
        (EVENT, "emitted Event InvalidSpec"),
    ],
)
def test_each_write_is_a_log_line(action: Action, told: str) -> None:
    with capture_logs() as logged:
        execute(action, Client())
    assert [(line["log_level"], line["event"]) for line in logged] == [("info", told)]


@pytest.mark.parametrize(
    ("action", "client"),
    [
        (CREATE, Client(send=ALREADY_EXISTS, get=POD)),
        (CREATE, Client(send=FORBIDDEN)),
        (PATCH, Client(send=NOT_FOUND)),
        (RESIZE, Client(send=NOT_FOUND)),
        (DELETE, Client(get=NOT_FOUND)),
        (DELETE, Client(send=NOT_FOUND)),
        (STATUS, Client(send=CONFLICT)),
        (PatchStatus(AGENT_REF, "7", AGENT["status"]), Client()),
        (EVENT, Client(send=ALREADY_EXISTS)),
    ],
)
def test_what_was_not_written_is_not_told(action: Action, client: Client) -> None:
    with capture_logs() as logged, suppress(ApiFailure):
        execute(action, client)
    assert logged == []

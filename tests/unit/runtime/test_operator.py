"""The operator against the embedded cluster, with faults in between, on a clock that jumps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from agentctl_core import (
    AGENT_LABEL,
    API_VERSION,
    KIND,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    Action,
    Create,
    PatchStatus,
    Ref,
    Requeue,
    decide,
)
from agentctl_core.testing import ModelCluster, Refused, Timings
from agentctl_runtime import _operator
from agentctl_runtime._api import Api
from agentctl_runtime._images import LookUp, no_look_up
from agentctl_runtime._key import Key
from agentctl_runtime._operator import STOP_SECONDS, Operator
from agentctl_runtime._store import Feed
from agentctl_runtime._unhurried import MANY, SOON
from agentctl_runtime._watch import Reflector
from agentctl_runtime.embedded import EmbeddedServer

from .support import now, run

PODS = "/api/v1/namespaces/default/pods"
STATUS = "/apis/agentctl.dev/v1alpha1/namespaces/default/agents/demo/status"

Answer = Callable[[httpx2.Request], Awaitable[httpx2.Response | None]]


class Between(httpx2.AsyncBaseTransport):
    """Stands between the operator and the cluster: keeps what is asked, and may answer in the cluster's place."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._transport = server.transport
        self._answers: dict[tuple[str, str], Answer] = {}
        self.asked: list[tuple[float, str, str]] = []

    def on(self, method: str, path: str, answer: Answer) -> None:
        """Ask `answer` first; where it returns None, the cluster answers."""
        self._answers[method, path] = answer

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append((now(), request.method, request.url.path))
        answer = self._answers.get((request.method, request.url.path))
        answered = await answer(request) if answer else None
        return answered or await self._transport.handle_async_request(request)

    def times(self, method: str, path: str) -> list[float]:
        return [time for time, *asked in self.asked if asked == [method, path]]

    def writes(self) -> int:
        return sum(method != "GET" for _, method, _ in self.asked)


class Setup:
    def __init__(self, cluster: ModelCluster, between: Between) -> None:
        self.cluster = cluster
        self.between = between
        self.stop = asyncio.Event()
        self.plans: list[tuple[Action, ...]] = []
        self.operator: Operator
        self.running: asyncio.Task[None]

    def get(self, ref: Ref) -> dict[str, Any] | None:
        try:
            return self.cluster.get(ref)
        except Refused:
            return None

    def conditions(self, name: str = "demo") -> dict[str, tuple[str, str]]:
        agent = self.get(agent_ref(name)) or {}
        found = agent.get("status", {}).get("conditions", [])
        return {condition["type"]: (condition["status"], condition["reason"]) for condition in found}

    def is_ready(self, name: str = "demo") -> bool:
        return self.conditions(name).get("Ready") == ("True", "PodReady")

    async def until(self, check: Callable[[], object], seconds: float = 10) -> float:
        """Wait; return how long it took."""
        begin = now()
        while not check():
            assert now() - begin < seconds, "does not happen"
            assert not self.running.done(), "the operator ended"
            await asyncio.sleep(0.05)
        return now() - begin


@asynccontextmanager
async def operating(
    namespaces: Sequence[str] = (), look_up: LookUp = no_look_up, *, use_pull_secrets: bool = False, start: float = 0.5
) -> AsyncGenerator[Setup]:
    async with EmbeddedServer(timings=Timings(schedule=0.1, start=start, stop=1)) as server:
        setup = Setup(server.cluster, Between(server))
        async with Api.connect(server="http://embedded.invalid", transport=setup.between) as api:
            operator = Operator(
                api,
                namespaces=namespaces,
                listener=lambda _, __, actions: setup.plans.append(actions),
                instance="me",
                look_up=look_up,
                use_pull_secrets=use_pull_secrets,
            )
            setup.operator = operator
            setup.running = asyncio.create_task(operator.run(setup.stop))
            try:
                yield setup
            finally:
                setup.stop.set()
                await asyncio.wait([setup.running])
            await setup.running


SPEC = {"image": "example/a", "command": ["run"]}


def agent(name: str = "demo", namespace: str = "default", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": {**SPEC, **spec}}


def create_unchecked(cluster: ModelCluster, manifest: dict[str, Any]) -> None:
    """Create an Agent that an older schema let through."""
    checked = cluster.create({**manifest, "spec": SPEC})
    metadata = checked["metadata"]
    cluster._put(
        ("agents.agentctl.dev", metadata["namespace"], metadata["name"]), {**checked, "spec": manifest["spec"]}
    )


def agent_ref(name: str = "demo", namespace: str = "default") -> Ref:
    return Ref(API_VERSION, KIND, namespace, name)


def pod_ref(name: str = "demo", namespace: str = "default") -> Ref:
    return Ref("v1", "Pod", namespace, name)


def stranger(name: str = "demo") -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [{"name": "x", "image": "x"}]},
    }


def status(code: int, reason: str, message: str = "no") -> httpx2.Response:
    content = {"kind": "Status", "apiVersion": "v1", "code": code, "reason": reason, "message": message}
    return httpx2.Response(code, json=content)


def failing(times: int, code: int, reason: str) -> Answer:
    """Refuse so many requests, then let them pass."""
    left = iter(range(times))

    async def answer(_: httpx2.Request) -> httpx2.Response | None:
        return None if next(left, None) is None else status(code, reason)

    return answer


def slowly(seconds: float) -> Answer:
    async def answer(_: httpx2.Request) -> None:
        await asyncio.sleep(seconds)

    return answer


def test_an_agent_becomes_ready_and_goes_with_its_pod() -> None:
    async def main() -> None:
        async with operating() as setup:
            setup.cluster.create(agent())
            await setup.until(setup.is_ready)
            setup.cluster.delete(agent_ref())
            await setup.until(lambda: not setup.get(agent_ref()) and not setup.get(pod_ref()))

    run(main())


def test_what_is_there_before_the_start_is_taken_up() -> None:
    async def main() -> None:
        async with operating() as setup:
            for name in ("one", "two"):
                setup.cluster.create(agent(name))
            await setup.until(lambda: setup.is_ready("one") and setup.is_ready("two"))

    run(main())


def test_an_invalid_agent_is_told_so_and_gets_no_pod() -> None:
    async def main() -> None:
        async with operating() as setup:
            create_unchecked(setup.cluster, agent(replicas=7))
            await setup.until(lambda: setup.conditions().get("Accepted") == ("False", "InvalidSpec"))
            await asyncio.sleep(100)
            assert not setup.get(pod_ref())
            events, _ = setup.cluster.list("events.k8s.io/v1", "Event", "default")
            assert [event["reason"] for event in events] == ["InvalidSpec"]
            assert events[0]["reportingInstance"] == "me"
            assert setup.between.writes() == 2
            setup.cluster.patch(agent_ref(), {"spec": {"replicas": 1}})
            await setup.until(setup.is_ready)

    run(main())


def test_a_settled_operator_asks_for_nothing_but_its_watches() -> None:
    async def main() -> None:
        async with operating() as setup:
            setup.cluster.create(agent())
            create_unchecked(setup.cluster, agent("bad", replicas=7))
            await setup.until(setup.is_ready)
            await asyncio.sleep(5)
            setup.between.asked.clear()
            setup.plans.clear()
            await asyncio.sleep(3000)
            assert {path for _, _, path in setup.between.asked} == {
                "/apis/agentctl.dev/v1alpha1/agents",
                "/api/v1/configmaps",
                "/api/v1/persistentvolumeclaims",
                "/api/v1/pods",
                "/api/v1/services",
            }
            assert setup.between.writes() == 0
            assert setup.plans == []

    run(main())


def test_only_the_given_namespaces_are_served() -> None:
    async def main() -> None:
        async with operating(["one", "two", "one"]) as setup:
            for name in ("one", "two", "three"):
                setup.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
                setup.cluster.create(agent(namespace=name))
            await setup.until(lambda: setup.get(pod_ref(namespace="one")) and setup.get(pod_ref(namespace="two")))
            await asyncio.sleep(100)
            assert not setup.get(pod_ref(namespace="three"))
            assert not [path for _, _, path in setup.between.asked if "three" in path]
            assert (
                len(setup.between.times("GET", "/api/v1/namespaces/one/pods")) == 3
            )  # a streamed list (refused), a list, a watch

    run(main())


def test_a_stranger_keeps_the_name_and_is_looked_at_every_30_seconds() -> None:
    async def main() -> None:
        async with operating() as setup:
            setup.cluster.create(stranger())
            setup.cluster.create(agent())
            await setup.until(lambda: setup.conditions().get("Accepted") == ("False", "NameConflict"))
            await asyncio.sleep(300)
            assert len(setup.between.times("POST", PODS)) == 1
            assert 10 <= len(setup.between.times("GET", f"{PODS}/demo")) <= 12
            assert setup.between.writes() == 3  # the attempt, the event, the status
            setup.cluster.delete(pod_ref())
            assert await setup.until(setup.is_ready, 60) < 35

    run(main())


def claim_of_another(name: str) -> dict[str, Any]:
    labels = {MANAGED_BY_LABEL: MANAGED_BY, AGENT_LABEL: "another"}
    storage = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    metadata = {"name": name, "namespace": "default", "labels": labels}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": storage}


def test_a_claim_of_another_agent_under_a_wanted_name_is_a_conflict() -> None:
    """The template `data` of Agent `a-b` and the template `data-a` of Agent `b` lead to one name."""
    claim = claim_of_another("data-demo")
    template = {"metadata": {"name": "data"}, "spec": claim["spec"]}
    claims = "/api/v1/namespaces/default/persistentvolumeclaims"

    async def main() -> None:
        async with operating() as setup:
            setup.cluster.create(claim)
            setup.cluster.create(agent(volumeClaimTemplates=[template]))
            await setup.until(lambda: setup.conditions().get("Accepted") == ("False", "NameConflict"))
            await asyncio.sleep(300)
            assert len(setup.between.times("POST", claims)) == 1
            assert 10 <= len(setup.between.times("GET", f"{claims}/data-demo")) <= 12
            setup.cluster.delete(Ref("v1", "PersistentVolumeClaim", "default", "data-demo"))
            assert await setup.until(setup.is_ready, 60) < 35

    run(main())


def test_our_pod_without_its_labels_is_not_lost_from_sight() -> None:
    """No watch tells of it, so it is read again and again; its end is seen, and it is replaced."""

    async def main() -> None:
        async with operating() as setup:
            setup.cluster.create(agent())
            await setup.until(setup.is_ready)
            uid = setup.cluster.get(pod_ref())["metadata"]["uid"]
            setup.cluster.patch(pod_ref(), {"metadata": {"labels": {MANAGED_BY_LABEL: None}}})
            await asyncio.sleep(100)
            assert setup.is_ready()
            setup.cluster.delete(pod_ref(), uid=uid)
            await setup.until(
                lambda: (setup.get(pod_ref()) or {"metadata": {"uid": uid}})["metadata"]["uid"] != uid, 60
            )
            await setup.until(setup.is_ready)

    run(main())


def test_what_was_read_without_a_watch_is_forgotten_once_the_watch_has_it() -> None:
    async def main() -> None:
        async with operating() as setup:
            setup.cluster.create(agent())
            await setup.until(setup.is_ready)
            uid = setup.cluster.get(pod_ref())["metadata"]["uid"]
            for value in (None, MANAGED_BY):
                setup.cluster.patch(pod_ref(), {"metadata": {"labels": {MANAGED_BY_LABEL: value}}})
                await asyncio.sleep(2)
            setup.cluster.delete(pod_ref(), uid=uid)
            await setup.until(lambda: (setup.get(pod_ref()) or {"metadata": {"uid": uid}})["metadata"]["uid"] != uid, 5)

    run(main())


def test_our_pod_without_its_labels_is_suspended_although_reading_it_fails() -> None:
    async def main() -> None:
        async with operating() as setup:
            setup.cluster.create(agent())
            await setup.until(setup.is_ready)
            setup.cluster.patch(pod_ref(), {"metadata": {"labels": {MANAGED_BY_LABEL: None}}})
            await asyncio.sleep(5)
            setup.between.on("GET", f"{PODS}/demo", failing(2, 500, "InternalError"))
            setup.cluster.patch(agent_ref(), {"spec": {"replicas": 0}})
            await setup.until(lambda: not setup.get(pod_ref()))

    run(main())


@pytest.mark.parametrize(("code", "reason"), [(403, "Forbidden"), (422, "Invalid"), (400, "BadRequest")])
def test_a_refusal_is_told_and_tried_again_after_30_seconds(code: int, reason: str) -> None:
    async def main() -> None:
        async with operating() as setup:
            setup.between.on("POST", PODS, failing(2, code, reason))
            setup.cluster.create(agent())
            await setup.until(lambda: setup.conditions().get("Ready") == ("False", "CreateRejected"))
            assert await setup.until(setup.is_ready, 100) > 50
            first, second, third = setup.between.times("POST", PODS)
            assert 29 <= second - first <= 31
            assert 29 <= third - second <= 31

    run(main())


def test_a_webhook_that_is_away_is_told_and_tried_again_after_30_seconds() -> None:
    """The pod is gone by then, and Ready must not stay what it was."""
    message = 'Internal error occurred: failed calling webhook "w.example.com": failed to call webhook: no endpoints'

    async def away(_: httpx2.Request) -> httpx2.Response:
        return status(500, "InternalError", message)

    async def back(_: httpx2.Request) -> None:
        return None

    async def main() -> None:
        async with operating() as setup:
            setup.cluster.create(agent())
            await setup.until(setup.is_ready)
            setup.between.on("POST", PODS, away)
            setup.cluster.delete(pod_ref())
            await setup.until(lambda: setup.conditions().get("Ready") == ("False", "CreateRejected"))
            before = len(setup.between.times("POST", PODS))
            await asyncio.sleep(300)
            assert 9 <= len(setup.between.times("POST", PODS)) - before <= 11
            setup.between.on("POST", PODS, back)
            assert await setup.until(setup.is_ready, 60) < 35

    run(main())


@pytest.mark.parametrize("how", ["edited", "replaced"])
def test_a_new_spec_and_a_new_agent_of_the_name_are_not_held_by_an_old_refusal(how: str) -> None:
    async def main() -> None:
        async with operating() as setup:
            setup.between.on("POST", PODS, failing(1, 403, "Forbidden"))
            setup.cluster.create(agent())
            await setup.until(lambda: setup.conditions().get("Ready") == ("False", "CreateRejected"))
            if how == "edited":
                setup.cluster.patch(agent_ref(), {"spec": {"image": "example/b"}})
            else:  # at once, so that the operator sees both in one glance; the generation is the same
                setup.cluster.delete(agent_ref())
                setup.cluster.create(agent())
            assert await setup.until(setup.is_ready) < 5

    run(main())


def test_an_exception_over_one_agent_stops_no_other_and_its_traceback_is_logged_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def explode(prepared: Any, manifest: Any, *arguments: Any) -> tuple[Action, ...]:
        if manifest["metadata"]["name"] == "bad":
            raise ZeroDivisionError(f"at {now()}" + "!" * 10_000)
        return decide(prepared, manifest, *arguments)

    monkeypatch.setattr(_operator, "decide", explode)

    async def main() -> None:
        async with operating() as setup:
            setup.cluster.create(agent("bad"))
            setup.cluster.create(agent("good"))
            await setup.until(lambda: setup.is_ready("good"))
            await asyncio.sleep(100)
            monkeypatch.undo()
            await setup.until(lambda: setup.is_ready("bad"), 200)

    with capture_logs() as logged:
        run(main())
    faults = [line for line in logged if "fault" in line["event"]]
    assert 10 < len(faults) < 20
    assert [line["exc_info"] for line in faults] == [True] + [False] * (len(faults) - 1)
    assert max(len(line["error"]) for line in faults) < 600


def test_a_failure_is_tried_again_ever_less_often() -> None:
    async def main() -> None:
        async with operating() as setup:
            setup.between.on("POST", PODS, failing(10, 503, "ServiceUnavailable"))
            setup.cluster.create(agent())
            await setup.until(setup.is_ready, 20)
            times = setup.between.times("POST", PODS)
            waits = [later - earlier for earlier, later in pairwise(times)]
            assert waits == pytest.approx([0.005 * 2**i for i in range(10)], rel=0.1, abs=0.002)

    run(main())


def test_a_server_that_is_too_busy_is_left_alone_as_long_as_it_asks() -> None:
    async def busy(_: httpx2.Request) -> httpx2.Response | None:
        is_first = len(setups[0].between.times("POST", PODS)) == 1
        return httpx2.Response(429, headers={"Retry-After": "7"}, text="slow down") if is_first else None

    setups: list[Setup] = []

    async def main() -> None:
        async with operating() as setup:
            setups.append(setup)
            setup.between.on("POST", PODS, busy)
            setup.cluster.create(agent())
            setup.cluster.create(agent("other"))
            await setup.until(lambda: setup.is_ready() and setup.is_ready("other"), 20)
            first, *later = [time for time, method, _ in setup.between.asked if method != "GET"]
            # What was under way with the first comes together with it.
            assert [time for time in later if first < time < first + 7] == []

    run(main())


@pytest.mark.parametrize("code", [500, 503])
def test_a_server_that_fails_for_long_is_told_and_tried_on(code: int) -> None:
    """The pod is gone by then, and Ready must not stay what it was."""

    async def main() -> None:
        async with operating() as setup:
            setup.cluster.create(agent())
            await setup.until(setup.is_ready)
            setup.between.on("POST", PODS, failing(20, code, "InternalError"))
            setup.cluster.delete(pod_ref())
            took = await setup.until(lambda: setup.conditions().get("Ready") == ("False", "CreateRejected"), 40)
            assert 15 < took < 30
            assert await setup.until(setup.is_ready, 100) > 25

    run(main())


def test_a_name_that_is_taken_and_never_found_is_tried_again_ever_less_often() -> None:
    """So a cache in front of the API server, or a defect of it, would look."""

    async def absent(_: httpx2.Request) -> httpx2.Response:
        labels = {MANAGED_BY_LABEL: "agentctl"}
        metadata = {"name": "demo", "namespace": "default", "resourceVersion": "0", "labels": labels}
        return httpx2.Response(200, json={**stranger(), "metadata": metadata})

    async def main() -> None:
        async with operating() as setup:
            setup.between.on("POST", PODS, failing(10_000, 409, "AlreadyExists"))
            setup.between.on("GET", f"{PODS}/demo", absent)
            setup.cluster.create(agent())
            await asyncio.sleep(100)
            assert 30 < len(setup.between.times("POST", PODS)) < 60

    run(main())


def test_a_conflict_over_the_status_leads_to_the_end_state_all_the_same() -> None:
    async def main() -> None:
        async with operating() as setup:
            edits = iter("abc")

            async def edit(_: httpx2.Request) -> None:
                letter = next(edits, None)
                if letter:
                    setup.cluster.patch(agent_ref(), {"metadata": {"annotations": {"edited": letter}}})

            setup.between.on("PATCH", STATUS, edit)
            setup.cluster.create(agent())
            await setup.until(setup.is_ready)
            assert len(setup.between.times("PATCH", STATUS)) >= 4
            assert setup.cluster.get(agent_ref())["metadata"]["annotations"] == {"edited": "c"}

    run(main())


def test_a_pod_that_is_ready_soon_takes_one_status() -> None:
    async def main() -> None:
        async with operating() as setup:
            setup.cluster.create(agent())
            await setup.until(setup.is_ready)
            assert setup.between.writes() == 2
            setup.cluster.delete(pod_ref())
            await setup.until(lambda: setup.conditions().get("Ready") == ("False", "Terminating"))
            await setup.until(setup.is_ready)

    run(main())


def test_a_pod_that_is_not_ready_soon_is_told_of_after_a_second() -> None:
    async def main() -> None:
        async with operating(start=30) as setup:
            setup.cluster.create(agent())
            waited = await setup.until(lambda: setup.conditions().get("Ready") == ("False", "PodPending"))
            assert waited == pytest.approx(SOON, abs=0.2)
            await asyncio.sleep(20)
            assert len(setup.between.times("PATCH", STATUS)) == 1
            await setup.until(setup.is_ready, 15)

    run(main())


def test_a_new_agent_takes_three_passes() -> None:
    """Its pod is made, its kubelet has the pod, the pod is ready."""

    async def main() -> None:
        async with operating() as setup:
            setup.cluster.create(agent())
            await setup.until(setup.is_ready)
            await asyncio.sleep(5)
            plans = [[type(action) for action in plan] for plan in setup.plans]
            assert plans == [[Create, PatchStatus], [PatchStatus], [PatchStatus]]

    run(main())


def test_another_pod_is_made_of_an_agent_that_was_read_though_its_status_does_not_tell_of_the_first() -> None:
    async def main() -> None:
        async with operating(start=100) as setup:
            setup.cluster.create(agent())
            await setup.until(lambda: setup.get(pod_ref()))
            assert setup.between.times("GET", STATUS.removesuffix("/status")) == []
            setup.cluster.delete(pod_ref(), grace_seconds=0)
            await setup.until(lambda: setup.get(pod_ref()))
            assert "currentRevision" not in setup.cluster.get(agent_ref())["status"]
            assert len(setup.between.times("GET", STATUS.removesuffix("/status"))) == 1

    run(main())


def test_of_many_agents_whose_pods_take_long_each_is_told_of_later() -> None:
    names = [f"a-{number}" for number in range(MANY + 4)]

    async def main() -> None:
        async with operating(start=7) as setup:
            for name in names:
                setup.cluster.create(agent(name))
            await setup.until(lambda: all(map(setup.is_ready, names)))
            # The last ones, beside which there are not many any more, are told of before.
            assert setup.between.writes() <= 2 * len(names) + MANY

    run(main())


def test_a_write_whose_answer_is_lost_is_not_done_twice() -> None:
    async def main() -> None:
        async with operating() as setup:
            created: list[str] = []

            async def lose(request: httpx2.Request) -> httpx2.Response | None:
                if created:
                    return None
                answer = await setup.between._transport.handle_async_request(request)
                created.append(answer.json()["metadata"]["uid"])
                raise httpx2.ReadError("cut")

            setup.between.on("POST", PODS, lose)
            setup.cluster.create(agent())
            await setup.until(setup.is_ready)
            assert setup.cluster.get(pod_ref())["metadata"]["uid"] == created[0]

    run(main())


@pytest.mark.parametrize("delay", [0.0, 0.3])
def test_the_operators_own_writes_lead_to_no_second_pass(delay: float) -> None:
    """However late they are answered: the watch is ahead of the answer then."""

    async def main() -> None:
        async with operating() as setup:

            async def late(request: httpx2.Request) -> httpx2.Response:
                answer = await setup.between._transport.handle_async_request(request)
                await asyncio.sleep(delay)
                return answer

            setup.between.on("PATCH", STATUS, late)
            setup.cluster.create(agent(replicas=0))
            await asyncio.sleep(20)
            assert [[type(action) for action in plan] for plan in setup.plans] == [[PatchStatus]]

    run(main())


def test_a_deletion_is_sent_once_although_its_pass_is_followed_by_another_before_the_watch_tells() -> None:
    async def main() -> None:
        async with operating() as setup:
            setup.cluster.create(agent())
            await setup.until(setup.is_ready)

            async def edit(_: httpx2.Request) -> None:
                # As the watch of Agents may be ahead of that of pods, so is this one.
                setup.operator._queue.add(Key("default", "demo"))

            pods = setup.operator._dependents["Pod"]
            apply, held = pods.apply, list[Any]()
            setup.between.on("DELETE", f"{PODS}/demo", edit)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(pods, "apply", lambda *event: held.append(event))
                setup.cluster.patch(agent_ref(), {"spec": {"replicas": 0}})
                await asyncio.sleep(0.5)
            for event in held:
                apply(*event)
            await setup.until(lambda: not setup.get(pod_ref()))
            assert len(setup.between.times("DELETE", f"{PODS}/demo")) == 1

    run(main())


@pytest.mark.parametrize(("seconds", "at_least", "at_most"), [(5.0, 4, 6), (40.0, STOP_SECONDS - 1, STOP_SECONDS + 1)])
def test_a_stop_lets_the_work_in_flight_finish_but_not_for_ever(
    seconds: float, at_least: float, at_most: float
) -> None:
    async def main() -> None:
        async with operating() as setup:
            setup.between.on("POST", PODS, slowly(seconds))
            setup.cluster.create(agent())
            await setup.until(lambda: setup.between.times("POST", PODS))
            setup.stop.set()
            begin = now()
            await asyncio.sleep(0.1)
            setup.cluster.create(agent("late"))
            await setup.running
            assert at_least <= now() - begin <= at_most
            assert bool(setup.get(pod_ref())) == (seconds < STOP_SECONDS)
            assert bool(setup.conditions()) == (seconds < STOP_SECONDS)
            assert not setup.get(pod_ref("late"))
            assert not _others()

    run(main())


def test_a_stop_before_the_first_list_ends_at_once() -> None:
    async def main() -> None:
        async with operating() as setup:
            setup.between.on("GET", "/api/v1/pods", slowly(1000))
            setup.cluster.create(agent())
            await asyncio.sleep(10)
            setup.stop.set()
            begin = now()
            await setup.running
            assert now() == begin
            assert setup.between.writes() == 0

    run(main())


def test_a_cancellation_leaves_no_task_behind_however_often_it_comes() -> None:
    async def main() -> None:
        async with operating() as setup:
            setup.between.on("POST", PODS, slowly(40))
            setup.cluster.create(agent())
            await setup.until(lambda: setup.between.times("POST", PODS))
            for _ in range(2):
                setup.running.cancel()
                await asyncio.sleep(1)
            assert setup.running.cancelled()
            assert not _others()

    with pytest.raises(asyncio.CancelledError):
        run(main())


def _others() -> set[str]:
    """Return the tasks that the operator left."""
    kept = {"embedded-cluster", asyncio.current_task().get_name()}  # type: ignore[union-attr]
    return {task.get_name() for task in asyncio.all_tasks() if not task.done()} - kept


@pytest.mark.parametrize("when", ["before the first list", "later"])
def test_a_reflector_that_dies_ends_the_operator_with_its_error(monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    async def die(self: Reflector, _: object) -> None:
        if when == "later":
            self.synced.set()
            await asyncio.sleep(5)
        raise MemoryError

    async def main() -> None:
        monkeypatch.setattr(Reflector, "run", die)
        async with operating() as setup:
            await asyncio.wait([setup.running])
            assert now() == (5 if when == "later" else 0)

    with pytest.raises(MemoryError):
        run(main())


def test_nothing_is_kept_of_agents_that_are_gone() -> None:
    async def main() -> None:
        async with EmbeddedServer() as server:
            between = Between(server)
            between.on("POST", PODS, failing(5, 403, "Forbidden"))
            async with Api.connect(server="http://embedded.invalid", transport=between) as api:
                operator = Operator(api)
                stop = asyncio.Event()
                running = asyncio.create_task(operator.run(stop))
                for number in range(20):
                    server.cluster.create(agent(f"a{number}"))
                server.cluster.create(stranger())
                server.cluster.create(agent())
                await asyncio.sleep(10)
                assert len(operator._unwatched) == 6
                for number in range(20):
                    server.cluster.delete(agent_ref(f"a{number}"))
                server.cluster.delete(agent_ref())
                await asyncio.sleep(2000)
                caches = (operator._agents, *operator._dependents.values())
                assert [(len(cache), cache._by_agent) for cache in caches] == [(0, {})] * 5
                assert (len(operator._unwatched), operator._faults) == (0, {})
                queue = operator._queue
                assert (queue._failures, queue._timers, queue._wanted, queue._in_hand) == ({}, {}, {}, {})
                stop.set()
                await running

    run(main())


def test_a_plan_that_only_waits_writes_nothing() -> None:
    async def main() -> None:
        async with operating() as setup:
            setup.cluster.create(stranger())
            setup.cluster.create(agent())
            await asyncio.sleep(5)
            writes = setup.between.writes()
            await asyncio.sleep(300)
            assert setup.between.writes() == writes
            assert setup.plans[-1] == (Requeue(30.0),)

    run(main())


def at_most(times: int) -> Answer:
    """Let so many requests pass; those beyond wait for ever, so that a loop without end is seen to be one."""
    passed = 0

    async def answer(_: httpx2.Request) -> None:
        nonlocal passed
        passed += 1
        if passed > times:
            await asyncio.sleep(1e6)

    return answer


@pytest.mark.parametrize("again", [False, True], ids=["gone", "another of its name"])
def test_the_pod_of_an_agent_that_went_unseen_is_not_made_again_and_again(
    monkeypatch: pytest.MonkeyPatch, *, again: bool
) -> None:
    """The watch of Agents is late, that of pods is not: each pod is collected at once, as its owner is gone."""

    async def scenario() -> None:
        async with operating() as setup:
            setup.cluster.create(agent())
            await setup.until(setup.is_ready)
            apply = Feed.apply
            monkeypatch.setattr(
                Feed, "apply", lambda feed, kind, found: found["kind"] == KIND or apply(feed, kind, found)
            )
            setup.cluster.delete(agent_ref())
            if again:
                setup.cluster.create(agent())
            setup.between.on("POST", PODS, at_most(4))
            await asyncio.sleep(60)
            assert len(setup.between.times("POST", PODS)) <= 3
            assert (setup.get(pod_ref()) is not None) is again
            assert setup.is_ready() is again

    run(scenario())

"""The operator records what it decides, is never held up by it, and what it recorded is decided the same again."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from structlog.testing import capture_logs
from tests.unit.core.builders import NOW, a_pod, a_refusal, an_agent, nested

from agentctl_core import Action, Config, Create, Delete, Observed, PatchStatus, Policy, Requeue, reconcile
from agentctl_core.testing import Timings
from agentctl_core.testing.replay import BadLine, Header, Recorded, read, replay
from agentctl_runtime import _record
from agentctl_runtime._api import Api
from agentctl_runtime._operator import Operator
from agentctl_runtime._record import Recorder
from agentctl_runtime.embedded import EmbeddedServer, embedded_look_up

from .support import run
from .test_operator import Between, agent, agent_ref, create_unchecked, pod_ref, stranger

FULL = Path("/dev/full")


@contextmanager
def recording(file: Path, config: Config | None = None) -> Iterator[Recorder]:
    recorder = Recorder(file, config or Config())
    try:
        yield recorder
    finally:
        recorder.close()


def decide(recorder: Recorder, manifest: Any, *objects: Any, seconds: float = 0) -> tuple[Action, ...]:
    observed = Observed(NOW + timedelta(seconds=seconds), objects)
    actions = reconcile(manifest, observed)
    recorder.decided(manifest, observed, actions)
    return actions


def found_in(file: Path) -> list[Header | Recorded | BadLine]:
    return list(read(file.read_bytes().splitlines(keepends=True)))


def decisions_in(file: Path) -> list[Recorded]:
    return [found for found in found_in(file) if isinstance(found, Recorded)]


def written(**metadata: Any) -> dict[str, Any]:
    """Return an object as the API server stores it."""
    return a_pod(metadata={"resourceVersion": "7"} | metadata)


def test_a_file_is_for_its_owner_alone_and_begins_with_a_header(tmp_path: Path) -> None:
    file = tmp_path / "record"
    before = os.umask(0)
    try:
        with recording(file) as recorder:
            actions = decide(recorder, an_agent(command=["run"]))
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    header, decision = found_in(file)
    assert isinstance(header, Header)
    assert set(header.versions) == {"agentctl", "python"}
    assert isinstance(decision, Recorded)
    assert decision.record.actions == actions
    assert decision.record.observed.now == NOW


def test_another_start_appends_even_where_the_last_line_lacks_its_end(tmp_path: Path) -> None:
    file = tmp_path / "record"
    for _ in range(2):
        with recording(file) as recorder:
            decide(recorder, an_agent())
    file.write_bytes(file.read_bytes() + b'{"format": 1, "mani')
    with recording(file) as recorder:
        decide(recorder, an_agent())
    assert [type(found) for found in found_in(file)] == [Header, Recorded, Header, Recorded, BadLine, Header, Recorded]


@pytest.mark.parametrize("name", [".", "no/such/folder"])
def test_a_file_that_cannot_be_opened_is_an_error_at_the_start(tmp_path: Path, name: str) -> None:
    with pytest.raises(OSError, match=r"directory"):
        Recorder(tmp_path / name, Config())


def test_the_same_again_later_is_not_recorded(tmp_path: Path) -> None:
    file = tmp_path / "record"
    refused = a_refusal()
    with recording(file) as recorder:
        manifest = an_agent(command=["run"])
        settled = next(a.status for a in decide(recorder, manifest, refused) if isinstance(a, PatchStatus))
        manifest = an_agent(command=["run"], metadata={"resourceVersion": "42"}, status=settled)
        for seconds in range(0, 300, 30):
            actions = decide(recorder, manifest, dict(refused), seconds=seconds)
            assert [type(action) for action in actions] == [Requeue]
    assert [len(found.record.actions) > 1 for found in decisions_in(file)] == [True, False]


@pytest.mark.parametrize(
    "change",
    [
        lambda: (an_agent(metadata={"resourceVersion": "42"}), written()),
        lambda: (an_agent(metadata={"uid": "another"}), written()),
        lambda: (an_agent(), written(resourceVersion="8")),
        lambda: (an_agent(), written(uid="another")),
        lambda: (an_agent(), written(), a_refusal()),
        lambda: (an_agent(), written(), a_refusal(message="for another reason")),
        lambda: (an_agent(),),
    ],
)
def test_each_other_state_is_recorded(tmp_path: Path, change: Callable[[], tuple[Any, ...]]) -> None:
    file = tmp_path / "record"
    objects = (written(), a_refusal()) if len(change()) > 2 and "another" in str(change()) else (written(),)
    with recording(file) as recorder:
        for _ in range(2):
            recorder.decided(an_agent(), Observed(NOW, objects), ())
        for _ in range(2):
            manifest, *others = change()
            recorder.decided(manifest, Observed(NOW, others), ())
        recorder.decided(an_agent(), Observed(NOW, objects), ())
    assert len(decisions_in(file)) == 3


def test_what_time_alone_leads_to_is_recorded(tmp_path: Path) -> None:
    file = tmp_path / "record"
    with recording(file) as recorder:
        recorder.decided(an_agent(), Observed(NOW), (Requeue(30.0),))
        recorder.decided(an_agent(), Observed(NOW + timedelta(seconds=10)), (Requeue(20.0),))
        recorder.decided(an_agent(), Observed(NOW + timedelta(seconds=30)), (Delete(pod_ref(), "u"),))
    assert [type(found.record.actions[0]) for found in decisions_in(file)] == [Requeue, Delete]


def test_only_so_many_agents_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_record, "MOST_AGENTS", 2)
    file = tmp_path / "record"
    with recording(file) as recorder:
        for name in ("a", "b", "a", "c", "a", "b"):
            recorder.decided(an_agent(metadata={"name": name}), Observed(NOW), ())
        assert len(recorder._last) == 2
    assert [found.record.manifest["metadata"]["name"] for found in decisions_in(file)] == ["a", "b", "c", "b"]


def test_a_full_disk_is_said_once_and_nothing_raises() -> None:
    with capture_logs() as logs, recording(FULL) as recorder:
        for number in range(50):
            decide(recorder, an_agent(metadata={"resourceVersion": str(number)}))
    assert [(line["event"], line["log_level"]) for line in logs] == [("decisions are not recorded", "error")]
    assert "No space left on device" in logs[0]["error"]
    assert logs[0]["file"] == "/dev/full"


def test_a_disk_that_has_room_again_is_told_with_what_was_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, real = tmp_path / "record", os.write
    left = iter([real, lambda fd, data: real(fd, data[:50]), None, None, None, None])

    def write(fd: int, data: Any) -> int:
        answer = next(left, real)
        if answer is None:
            raise OSError(28, "No space left on device")
        return int(answer(fd, data))

    monkeypatch.setattr("agentctl_runtime._record.os.write", write)
    with capture_logs() as logs, recording(file) as recorder:
        for number in range(9):
            decide(recorder, an_agent(metadata={"resourceVersion": str(number)}))
            time.sleep(0.01)
    assert [(line["event"], line.get("lost")) for line in logs] == [
        ("decisions are not recorded", None),
        ("decisions are recorded again", 4),
    ]
    versions = [found.record.manifest["metadata"]["resourceVersion"] for found in decisions_in(file)]
    assert versions == ["4", "5", "6", "7", "8"]
    assert [found.line for found in found_in(file) if isinstance(found, BadLine)] == [2]


def test_a_disk_that_hangs_holds_nobody_up_and_fills_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, real, goes_on = tmp_path / "record", os.write, threading.Event()

    def write(fd: int, data: Any) -> int:
        goes_on.wait()
        return real(fd, data)

    monkeypatch.setattr("agentctl_runtime._record.os.write", write)
    monkeypatch.setattr(_record, "MOST_WAITING", 10_000)
    with capture_logs() as logs, recording(file) as recorder:
        begin = time.monotonic()
        for number in range(200):
            decide(recorder, an_agent(metadata={"resourceVersion": str(number)}))
        assert time.monotonic() - begin < 2
        assert recorder._waiting <= 10_000
        goes_on.set()
    assert [line["event"] for line in logs] == ["decisions are not recorded", "decisions are recorded again"]
    assert 0 < len(decisions_in(file)) == 200 - logs[1]["lost"]
    assert recorder._waiting == 0


def test_the_end_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr(_record, "CLOSE_SECONDS", 0.05)
    monkeypatch.setattr("agentctl_runtime._record.os.write", lambda _, data: goes_on.wait() and len(data))
    with capture_logs() as logs, recording(tmp_path / "record"):
        pass
    goes_on.set()
    assert [line["event"] for line in logs] == ["the last decisions are not recorded"]


@pytest.mark.parametrize("value", ["\ud800", (1,), 1 << 100])
def test_what_the_fast_encoder_refuses_is_recorded_all_the_same(tmp_path: Path, value: Any) -> None:
    file = tmp_path / "record"
    with recording(file) as recorder:
        actions = decide(recorder, an_agent(workingDir=value))
    (found,) = decisions_in(file)
    assert found.record.actions == actions
    assert found.record.manifest["spec"]["workingDir"] == (list(value) if isinstance(value, tuple) else value)


def test_what_json_cannot_hold_is_said_and_the_rest_is_recorded(tmp_path: Path) -> None:
    file = tmp_path / "record"
    with capture_logs() as logs, recording(file) as recorder:
        decide(recorder, an_agent(args=nested(100_000, list)))
        decide(recorder, an_agent(metadata={"resourceVersion": "42"}))
    assert [line["event"] for line in logs] == ["decisions are not recorded", "decisions are recorded again"]
    assert len(decisions_in(file)) == 1


CANARY = "canary-4711"


def test_a_whole_scenario_replays_without_a_difference_and_shows_what_another_core_would_do(tmp_path: Path) -> None:
    file = tmp_path / "record"
    config = Config(policy=Policy(allow_host_path=True))
    asked: list[tuple[str, str]] = []

    async def main() -> None:
        async with EmbeddedServer(timings=Timings(schedule=0.1, start=0.5, stop=1)) as server:
            between = Between(server)
            async with Api.connect(server="http://embedded.invalid", transport=between) as api:
                with recording(file, config) as recorder:
                    operator = Operator(api, config=config, listener=recorder.decided, look_up=embedded_look_up)
                    stop = asyncio.Event()
                    running = asyncio.create_task(operator.run(stop))
                    await scenario(server)
                    stop.set()
                    await running
            asked.extend((method, path) for _, method, path in between.asked)

    run(main())
    recorded = decisions_in(file)
    assert len(recorded) == len(found_in(file)) - 1 > 20
    assert [found.line for found in recorded if replay(found.record)] == []
    assert {type(action) for found in recorded for action in found.record.actions} >= {Create, Delete, PatchStatus}
    assert all(found.record.config == config for found in recorded)

    # Of Secrets there is nothing in it, since nobody reads them; what a user typed in clear text decides.
    text = file.read_text()
    assert CANARY not in text
    assert base64.b64encode(CANARY.encode()).decode() not in text
    assert not [path for _, path in asked if "secrets" in path]
    assert "typed-by-a-user" in text

    # A core that decides otherwise: here, under the default policy.
    other = [attrs.evolve(found.record, config=Config()) for found in recorded]
    differing = [record for record in other if replay(record)]
    assert {record.manifest["metadata"]["name"] for record in differing} == {"host"}


async def scenario(server: EmbeddedServer) -> None:
    """Create, settle, edit, suspend, wake, delete; an invalid Agent, a stranger's pod, an image that is looked up."""
    cluster = server.cluster
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "default"}}
    cluster.create(secret | {"data": {"k": base64.b64encode(CANARY.encode()).decode()}})
    reference = {"secretKeyRef": {"name": "s", "key": "k"}}
    env = [{"name": "A", "valueFrom": reference}, {"name": "B", "value": "typed-by-a-user"}]
    files = [{"path": "f", "secretKeyRef": {"name": "s", "key": "k"}}, {"path": "g", "content": "text"}]
    cluster.create(agent("demo", env=env, files=files, podTemplate={"spec": {"imagePullSecrets": [{"name": "s"}]}}))
    cluster.create(agent("host", volumes=[{"name": "v", "hostPath": {"path": "/x"}}]))
    looked_up = agent("looked-up")
    cluster.create({**looked_up, "spec": {"image": "nginx"}})
    create_unchecked(cluster, agent("bad", replicas=7))
    cluster.create(stranger("taken"))
    cluster.create(agent("taken"))
    await asyncio.sleep(5)
    for change in ({"replicas": 0}, {"replicas": 1}, {"image": "example/b"}):
        cluster.patch(agent_ref(), {"spec": change})
        await asyncio.sleep(10)
    cluster.delete(pod_ref("host"), uid=cluster.get(pod_ref("host"))["metadata"]["uid"])
    cluster.delete(agent_ref())
    await asyncio.sleep(100)


def test_an_edited_record_shows_the_difference(tmp_path: Path) -> None:
    file = tmp_path / "record"
    with recording(file) as recorder:
        decide(recorder, an_agent(command=["run"]))
    text = file.read_text()
    file.write_text(text.replace('"kind":"Pod"', '"kind":"Job"', 1) if '"kind":"Pod"' in text else json.dumps({}))
    (found,) = decisions_in(file)
    assert [type(d.before or d.after) for d in replay(found.record)] == [Create, Create]

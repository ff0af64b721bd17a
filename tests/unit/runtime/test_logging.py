"""Log lines, as they come out."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.testing import capture_logs

from agentctl_runtime._logging import configure_logging

from .support import run
from .test_operator import Setup, agent, agent_ref, failing, operating, pod_ref

AT_FIRST = (
    "Accepted is True (Accepted)",
    "Ready is False (PodPending)",
    "UpToDate is True (Current)",
    "Suspended is False (Running)",
    "nodeName is node-1",
)
EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []  # those of pytest are not to be closed
    yield
    logging.captureWarnings(capture=False)
    root.handlers, root.level = handlers, level


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    out, err = capsys.readouterr()
    assert out == ""
    return [json.loads(line) for line in err.splitlines()]


@pytest.mark.parametrize("log_format", ["json", "auto"])
def test_lines_are_json_where_nobody_looks(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    configure_logging(log_format, "info")
    structlog.get_logger().info("done", count=1)
    structlog.get_logger().debug("not told")
    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["count"]) == ("done", "info", 1)
    assert line["timestamp"].endswith("Z")


def test_what_a_person_looks_for_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "info")
    with bound_contextvars(uid="1", agent="default/a"):
        structlog.get_logger().info("done", count=1)
        logging.getLogger("asyncio").warning("slow")
    first, second = lines(capsys)
    assert list(first) == ["timestamp", "level", "agent", "event", "count", "uid"]
    assert list(second)[:4] == list(first)[:4]


def test_lines_are_text_if_asked(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("console", "info")
    structlog.get_logger().info("done", count=1)
    logging.getLogger("asyncio").warning("slow")
    first, second = capsys.readouterr().err.splitlines()
    assert "done" in first
    assert "slow" in second


def test_lines_of_libraries_have_the_same_form_and_the_agent_that_they_concern(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging("json", "info")
    with bound_contextvars(agent="default/a", uid="1", revision="2"):
        logging.getLogger("asyncio").error("Task exception was never retrieved")
        try:
            int("two\nlines")
        except ValueError:
            logging.getLogger("httpx2").exception("failed")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old", stacklevel=1)
    first, second, third = lines(capsys)
    assert (first["logger"], first["level"], first["agent"], first["uid"], first["revision"]) == (
        *("asyncio", "error", "default/a"),
        *("1", "2"),
    )
    assert "ValueError: invalid literal" in second["exception"]
    assert third["logger"] == "py.warnings"


@pytest.mark.parametrize("level", ["debug", "info"])
def test_urls_that_libraries_tell_are_left_out_at_any_level(capsys: pytest.CaptureFixture[str], level: str) -> None:
    configure_logging("json", level)
    logging.getLogger("httpx2").info("HTTP Request: GET https://store.example/blob?X-Amz-Signature=secret")
    assert lines(capsys) == []


def test_each_line_about_an_agent_bears_its_uid_and_revision() -> None:
    async def main() -> tuple[str, str]:
        async with operating() as setup:
            setup.cluster.create(agent())
            await setup.until(setup.is_ready)
            seen = setup.get(agent_ref())
            assert seen is not None
            return seen["metadata"]["uid"], seen["status"]["updateRevision"]

    with capture_logs(processors=[merge_contextvars]) as logs:
        uid, revision = run(main())
    about = [line for line in logs if "agent" in line]
    assert [line["event"].partition(",")[0] for line in about] == [
        "created Pod demo",
        "status: Accepted is True (Accepted)",
    ]
    assert {(line["agent"], line["uid"], line["revision"]) for line in about} == {("default/demo", uid, revision)}


async def until_settled(setup: Setup) -> None:
    await setup.until(setup.is_ready)
    await setup.until(lambda: setup.conditions().get("UpToDate") == ("True", "Current"))


def test_the_log_tells_the_life_of_an_agent() -> None:
    async def main() -> None:
        async with operating(start=2) as setup:
            setup.cluster.create(agent())
            await until_settled(setup)
            setup.cluster.patch(agent_ref(), {"spec": {"args": ["2"]}})
            await setup.until(lambda: setup.conditions().get("UpToDate") == ("False", "Recreating"))
            await until_settled(setup)
            setup.cluster.patch(agent_ref(), {"spec": {"replicas": 0}})
            await setup.until(lambda: not setup.get(pod_ref()))
            setup.cluster.patch(agent_ref(), {"spec": {"replicas": 1}})
            await until_settled(setup)
            setup.cluster.delete(agent_ref())
            await setup.until(lambda: not setup.get(pod_ref()))

    with capture_logs(processors=[merge_contextvars]) as logged:
        run(main())
    about = [line for line in logged if line.get("agent") == "default/demo"]
    ready = "status: Ready is True (PodReady)"
    assert [line["event"] for line in about] == [
        "created Pod demo",
        f"status: {', '.join(AT_FIRST)}",
        ready,
        "emitted Event Recreating",
        "status: Ready is False (Terminating), UpToDate is False (Recreating)",
        "deleted Pod demo",
        "status: Ready is still False (Terminating), UpToDate is still False (Recreating)",
        "created Pod demo",
        "status: Ready is False (PodPending), UpToDate is True (Current)",
        ready,
        "emitted Event ScaledToZero",
        "status: Ready is absent, UpToDate is absent, Suspended is True (ScaledToZero)",
        "deleted Pod demo",
        "status: there is no pod",
        "created Pod demo",
        "emitted Event Running",
        "status: Ready is False (PodPending), UpToDate is True (Current), Suspended is False (Running)",
        "status: nodeName is node-1",
        ready,
        "the Agent is gone",
    ]
    assert len({line["uid"] for line in about}) == 1


def test_an_event_that_there_is_already_is_not_told_again() -> None:
    async def main() -> None:
        async with operating() as setup:
            setup.between.on("POST", EVENTS, failing(1, 409, "AlreadyExists"))
            setup.cluster.create(agent(replicas=0))
            await setup.until(lambda: setup.conditions().get("Suspended") == ("True", "ScaledToZero"))
            setup.cluster.patch(agent_ref(), {"spec": {"replicas": 1}})
            await setup.until(setup.is_ready)
            setup.cluster.patch(agent_ref(), {"spec": {"replicas": 0}})
            await setup.until(lambda: setup.conditions().get("Suspended") == ("True", "ScaledToZero"))

    with capture_logs() as logged:
        run(main())
    events = [line for line in logged if "Event" in line["event"]]
    assert [(line["event"], line["note"]) for line in events] == [
        (
            "emitted Event ScaledToZero",
            "spec.replicas is 0: set it to 1, or use kubectl scale, to wake the Agent.",
        )
    ]


def test_an_agent_that_is_made_anew_under_its_name_is_another_one() -> None:
    async def main() -> list[str]:
        async with operating() as setup:
            setup.cluster.create(agent())
            await setup.until(setup.is_ready)
            first = setup.cluster.get(agent_ref())["metadata"]["uid"]
            setup.cluster.delete(agent_ref())
            second = setup.cluster.create(agent())["metadata"]["uid"]
            await setup.until(lambda: not setup.is_ready())
            await setup.until(setup.is_ready)
            setup.cluster.delete(agent_ref())
            await setup.until(lambda: not setup.get(pod_ref()))
            return [first, second]

    with capture_logs(processors=[merge_contextvars]) as logged:
        uids = run(main())
    assert [line["uid"] for line in logged if line["event"] == "the Agent is gone"] == uids

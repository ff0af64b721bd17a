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
from .test_operator import agent, agent_ref, operating


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []  # those of pytest are not to be closed
    yield
    logging.captureWarnings(capture=False)
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


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
    assert {"created Pod demo", "status written"} <= {line["event"] for line in about}
    assert {(line["agent"], line["uid"], line["revision"]) for line in about} == {("default/demo", uid, revision)}

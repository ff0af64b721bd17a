"""`agentctl demo`: the whole life of one Agent, live, with the production operator; no cluster is needed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any, Final

import click

from agentctl_core import API_VERSION, KIND, Action, Delete, ImageError, ImageInfo, InvalidAgent, Ref, parse_agent
from agentctl_core.host import request_for
from agentctl_core.testing import Timings

from .._api import Api
from .._failure import ApiFailure
from .._images import LookUp
from .._key import Key
from .._logging import configure_logging
from .._operator import Operator
from .._registry import Registry
from .._telemetry import Telemetry
from ..embedded import EmbeddedServer, embedded_look_up
from ._agent_file import load_agent
from ._cluster import asking
from ._exits import CLUSTER_ERRORS, FILE_ERRORS, ExitCode, Failure, command
from ._story import Story
from ._timeline import Timeline

STEP_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.05
TIMINGS: Final = Timings(schedule=1, start=2, stop=2)
"""How long the embedded cluster takes, in seconds: slow enough to watch."""

_BUILT_IN: Final = {
    "apiVersion": API_VERSION,
    "kind": KIND,
    "metadata": {"name": "hello"},
    "spec": {"image": "python:3.13-slim", "command": ["python", "-m", "http.server"]},
}


@command(
    {ExitCode.OK: "the Agent was ready, and its pod is gone", ExitCode.NO: "a step did not happen"},
    *FILE_ERRORS,
    *CLUSTER_ERRORS,
)
@click.argument("file", required=False, type=click.Path())
@click.option("--context", help="Use this context of the kubeconfig, a real cluster, instead of the embedded one.")
def demo(file: str | None, context: str | None) -> None:
    """Create the Agent in FILE, wait until it is ready, delete it, and wait until its pod is gone.

    The operator is the production one. It talks to an API server inside this process, or with --context to a real
    cluster, where Agents must be known (agentctl crd | kubectl apply -f -).
    """
    configure_logging("console", "error")
    manifest = _BUILT_IN if file is None else load_agent(file)
    timeline, start = Timeline(), time.monotonic()

    def clock() -> float:
        return time.monotonic() - start

    try:
        with asking():
            asyncio.run(_demonstrate(manifest, context, timeline, Story(clock, timeline.tell)))
    except InvalidAgent as error:
        raise Failure(ExitCode.DATA, "\n".join(map(str, error.problems))) from error
    except DemoFailed as error:
        timeline.failed(clock(), str(error))
        raise SystemExit(ExitCode.NO) from error
    timeline.finished(clock(), "the agent ran, and its pod is gone")


class _Telling(Telemetry):
    """Tells what the operator does."""

    def __init__(self, story: Story) -> None:
        self._story = story

    def executing(self, agent: Key, action: Action) -> None:  # noqa: ARG002 -- there is one Agent
        self._story.decided([action])


class DemoFailed(Exception):  # noqa: N818 -- it names the outcome
    """A step of the demo did not happen; the message says which, and what was seen instead."""


async def _demonstrate(manifest: dict[str, Any], context: str | None, timeline: Timeline, story: Story) -> None:
    name = parse_agent(manifest).name
    async with _connect(context) as api, _looking_up(context, story) as look_up:
        metadata = {"namespace": api.namespace} | manifest["metadata"]
        agent = {"apiVersion": API_VERSION, "kind": KIND} | manifest | {"metadata": metadata}
        ref = Ref(API_VERSION, KIND, metadata["namespace"], name)
        timeline.started(ref, "the embedded API server" if context is None else f"the cluster of context {context}")
        stop = asyncio.Event()
        operator = Operator(
            api,
            namespaces=[ref.namespace],
            look_up=look_up,
            telemetry=_Telling(story),
        )
        running = asyncio.create_task(operator.run(stop))
        try:
            await _live(api, agent, ref, story)
        finally:
            stop.set()
            await running


@contextlib.asynccontextmanager
async def _connect(context: str | None) -> AsyncGenerator[Api]:
    if context is not None:
        async with Api.connect(context=context) as api:
            yield api
        return
    async with (
        EmbeddedServer(timings=TIMINGS) as server,
        Api.connect(server="http://embedded.invalid", transport=server.transport) as api,
    ):
        yield api


@contextlib.asynccontextmanager
async def _looking_up(context: str | None, story: Story) -> AsyncGenerator[LookUp]:
    if context is not None:
        async with Registry() as registry:
            yield registry.look_up
        return

    async def look_up(image: str, *_: object) -> ImageInfo | ImageError:
        answer = await embedded_look_up(image)
        story.assumed(image, answer)
        return answer

    yield look_up


async def _live(api: Api, agent: Mapping[str, Any], ref: Ref, story: Story) -> None:
    """Create, wait for Ready, delete, wait for the end; what was created is deleted whatever happens."""
    created = await api.create(agent)
    story.did(f"applied Agent {ref.name}")
    uid = created["metadata"]["uid"]
    pod = Ref("v1", "Pod", ref.namespace, ref.name)
    try:
        await _until(lambda: _is_ready(api, ref, pod, story), f"Agent {ref.name} is not ready")
    finally:
        with contextlib.suppress(ApiFailure):
            await api.send(request_for(Delete(ref, uid), created, "agentctl-demo"))
            story.did(f"deleted Agent {ref.name}")
    await _until(lambda: _is_gone(api, ref, pod, story), f"pod {ref.name} is still there")


async def _until(check: Callable[[], Awaitable[bool]], failure: str) -> None:
    try:
        async with asyncio.timeout(STEP_SECONDS):
            while not await check():  # noqa: ASYNC110 -- it polls, as a user would
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError as error:
        raise DemoFailed(f"{failure} after {STEP_SECONDS:.0f} s") from error


async def _is_ready(api: Api, agent: Ref, pod: Ref, story: Story) -> bool:
    story.saw_pod(await api.find(pod))
    conditions = story.saw_agent(await api.find(agent))
    if conditions.get("Accepted") == "False":
        raise DemoFailed(f"Agent {agent.name} is not accepted")
    return conditions.get("Ready") == "True"


async def _is_gone(api: Api, agent: Ref, pod: Ref, story: Story) -> bool:
    seen = await api.find(pod)
    story.saw_pod(seen)
    return seen is None and await api.find(agent) is None

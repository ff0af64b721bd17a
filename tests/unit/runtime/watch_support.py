"""Scripted servers and a recording sink for the reflector, on a clock of their own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import httpx2

from agentctl_core.host import POD
from agentctl_runtime._api import Api
from agentctl_runtime._failure import JsonObject
from agentctl_runtime._watch import Reflector

from .support import Body, Part, run

FOREVER = 1e6


class Server(httpx2.AsyncBaseTransport):
    """Plays a script, one answer for each request, and then keeps silent.

    Unless it `streams_lists` it refuses them, as a server where WatchList is off; that is no part of the script.
    """

    def __init__(self, *script: httpx2.Response | Exception, streams_lists: bool = False) -> None:
        self._script = list(script)
        self._streams_lists = streams_lists
        self.refused = 0
        self.opened: list[Body] = []
        self.asked: list[dict[str, str]] = []
        self.times: list[float] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if "sendInitialEvents" in request.url.params and not self._streams_lists:
            self.refused += 1
            return status(422, "Invalid")
        self.asked.append(dict(request.url.params))
        self.times.append(asyncio.get_running_loop().time())
        if not self._script:
            await asyncio.sleep(FOREVER)
        answer = self._script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer.stream, Body):
            self.opened.append(answer.stream)
        return answer

    @property
    def watched_from(self) -> list[str]:
        """The resourceVersions that watches started from, "" for a streamed list; "list" stands for each page."""
        return [asked.get("resourceVersion", "") if "watch" in asked else "list" for asked in self.asked]


class Recorder:
    """A sink that keeps what exists and the order of what it was told, and a logger that keeps what is logged."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.told: list[str] = []
        self.logged: list[tuple[str, dict[str, Any]]] = []
        self.defects = 0
        self.fell_back = 0

    def keep(self, manifest: JsonObject) -> JsonObject:
        return manifest

    def replace(self, items: Sequence[JsonObject], resource_version: str) -> None:
        self.names = {item["metadata"]["name"] for item in items}
        self.told.append(f"replace@{resource_version}")

    def apply(self, event_type: str, manifest: JsonObject) -> None:
        name = manifest["metadata"]["name"]
        self.told.append(f"{event_type} {name}")
        if self.defects:
            self.defects -= 1
            raise ZeroDivisionError
        if event_type == "DELETED":
            self.names.discard(name)
        else:
            self.names.add(name)

    def info(self, event: str, **_context: object) -> None:
        if event == "lists_are_not_streamed":
            self.fell_back += 1

    def warning(self, event: str, **context: object) -> None:
        self.logged.append((event, context))

    exception = warning


def play(server: Server, *, seconds: float = 50.0, uniform: float = 0.0, defects: int = 0) -> Recorder:
    """Run a reflector for so many seconds against the script; the recorder's `names` are what the sink holds then."""
    recorder = Recorder()
    recorder.defects = defects

    async def main() -> None:
        async with Api.connect(server="http://cluster.test", transport=server) as api:
            reflector = Reflector(api, POD, namespace="n", label_selector="a=b", uniform=lambda: uniform, log=recorder)
            task = asyncio.create_task(reflector.run(recorder))
            await asyncio.sleep(seconds)
            assert not task.done()
            assert reflector.synced.is_set() == any(told.startswith("replace") for told in recorder.told)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            assert task.cancelled()

    run(main())
    assert server.refused <= 1, "what was refused is asked for again"
    assert all(body.closed for body in server.opened)
    return recorder


def listed(version: str, *names: str, continue_: str = "") -> httpx2.Response:
    items = [{"metadata": {"name": name, "resourceVersion": "1"}} for name in names]
    metadata = {"resourceVersion": version} | ({"continue": continue_} if continue_ else {})
    return httpx2.Response(200, json={"metadata": metadata, "items": items})


def event(kind: str, version: str, name: str = "") -> bytes:
    manifest = {"metadata": {"name": name, "resourceVersion": version}}
    return json.dumps({"type": kind, "object": manifest}, ensure_ascii=False).encode() + b"\n"


def stream(*parts: Part) -> httpx2.Response:
    return httpx2.Response(200, stream=Body(*parts))


def error_event(code: int, reason: str) -> bytes:
    status = {"kind": "Status", "code": code, "reason": reason, "message": "no"}
    return json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"


def status(code: int, reason: str, **headers: str) -> httpx2.Response:
    content = {"kind": "Status", "code": code, "reason": reason, "message": "no"}
    return httpx2.Response(code, json=content, headers={name.replace("_", "-"): v for name, v in headers.items()})

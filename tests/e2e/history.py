"""What has happened to Agents and their pods, as the API server tells it: every event, in order."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from tests.e2e.support import Kubectl

Json = dict[str, Any]
KINDS = {"Agent": "agents", "Pod": "pods"}
"""What is recorded, with its name in paths."""


class History:
    """Records one namespace from its beginning to its end, apart from any operator.

    Attributes:
        events: type and object of each event, those of one kind in order.
    """

    def __init__(self, kubectl: Kubectl, namespace: str) -> None:
        self.events: list[tuple[str, Json]] = []
        self._kubectl = kubectl
        self._namespace = namespace
        self._processes: list[subprocess.Popen[str]] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        for resource in KINDS.values():
            options = ("get", resource, "--watch", "--output-watch-events", "--output=json")
            command = [*self._kubectl.command(self._namespace), *options]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            thread = threading.Thread(target=self._read, args=(process,), daemon=True)
            thread.start()
            self._processes.append(process)
            self._threads.append(thread)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process, thread in zip(self._processes, self._threads, strict=True):
            process.terminate()
            process.wait()
            thread.join()
            assert process.stdout is not None
            process.stdout.close()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for event in _documents(process.stdout):
            self.events.append((event["type"], event["object"]))

    def of(self, kind: str, name: str | None = None) -> list[tuple[str, Json]]:
        """Return the events of a kind, or of one object's name."""
        return [
            (event, found)
            for event, found in list(self.events)
            if found["kind"] == kind and name in (None, found["metadata"]["name"])
        ]

    def pods(self, name: str) -> list[str]:
        """Return the uids of all pods that an Agent ever had, in order."""
        return list(dict.fromkeys(found["metadata"]["uid"] for _, found in self.of("Pod", name)))

    def told(self, name: str) -> str:
        """Return what became of an Agent and its pods, a line for each event; kinds are told one after the other."""
        return "".join(f"\n  {_line(event, found)}" for kind in KINDS for event, found in self.of(kind, name))

    def check(self) -> None:
        """Fail where an Agent had two pods at a time, or an older status was written over a newer one."""
        assert {found["kind"] for _, found in self.events} == {"Agent", "Pod"}, "nothing was recorded"
        alive: dict[str, str] = {}
        for event, pod in self.of("Pod"):
            agent, uid = pod["metadata"]["labels"]["agentctl.dev/agent"], pod["metadata"]["uid"]
            assert alive.get(agent, uid) == uid, f"{agent} has two pods"
            alive[agent] = uid
            if event == "DELETED":
                del alive[agent]
        latest: dict[tuple[str, str], tuple[Any, ...]] = {}
        for _, agent in self.of("Agent"):
            for age, value in _ages(agent):
                key = (agent["metadata"]["uid"], age)
                assert latest.get(key, value) <= value, f"{agent['metadata']['name']}: {age} goes back"
                latest[key] = value


def _line(event: str, found: Json) -> str:
    metadata, status = found["metadata"], found.get("status", {})
    state = {each["type"]: each.get("reason", each["status"]) for each in status.get("conditions", [])}
    keys = ("resourceVersion", "uid", "generation", "deletionTimestamp")
    shown = {key: metadata[key] for key in keys if key in metadata}
    revision = metadata.get("annotations", {}).get("agentctl.dev/revision", "")
    return f"{event} {found['kind']} {shown} {revision} {status.get('phase', '')} {state}"


def _ages(agent: Json) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield what only grows in a status, as long as nobody goes back in time."""
    status = agent.get("status", {})
    if "observedGeneration" in status:
        yield "observedGeneration", (status["observedGeneration"],)
    for condition in status.get("conditions", []):
        yield condition["type"], (condition["observedGeneration"], condition["lastTransitionTime"])


def _documents(stream: Any) -> Iterator[Json]:
    decoder, text = json.JSONDecoder(), ""
    for line in stream:
        text += line
        if line[0] not in "{}" or not line.rstrip().endswith("}"):
            continue
        try:
            event, end = decoder.raw_decode(text.lstrip())
        except json.JSONDecodeError:
            continue
        text = text.lstrip()[end:]
        yield event

"""A name server that says nothing holds up neither other names nor the end of the operator."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agentctl_runtime._operator import Operator
from agentctl_runtime._resolving import ThreadForEach
from agentctl_runtime.cli.run import run


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Let whoever resolves a name of `silent.example` wait for this."""
    release = threading.Event()
    resolve = socket.getaddrinfo

    def waiting(host: Any, *arguments: Any, **options: Any) -> Any:
        if str(host).endswith("silent.example"):
            release.wait(60)
            raise socket.gaierror(-3, "silent")
        return resolve(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", waiting)
    yield release
    release.set()


def test_the_operator_resolves_names_and_ends_while_others_are_not_answered(
    silent: threading.Event, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert not silent.is_set()
    took: list[float] = []

    async def resolving(*_: object) -> None:
        loop = asyncio.get_running_loop()
        asked = [asyncio.create_task(loop.getaddrinfo(f"{n}.silent.example", 443)) for n in range(100)]
        await asyncio.sleep(0.1)
        begin = time.monotonic()
        async with asyncio.timeout(20):
            assert await loop.getaddrinfo("localhost", 443)
        took.append(time.monotonic() - begin)
        for task in asked:
            task.cancel()

    monkeypatch.setattr(Operator, "run", resolving)
    cluster = {"clusters": [{"name": "a", "cluster": {"server": "http://127.0.0.1:1"}}]}
    user = {"users": [{"name": "a", "user": {}}], "current-context": "a"}
    contexts = {"contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}]}
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **cluster, **user, **contexts}))
    monkeypatch.setenv("KUBECONFIG", str(file))
    begin = time.monotonic()
    result = CliRunner().invoke(run)
    assert result.exit_code == 0, result.output
    assert took[0] < 5
    assert time.monotonic() - begin < 10


def test_what_a_call_returns_or_raises_is_told() -> None:
    threads = ThreadForEach()
    assert threads.submit(divmod, 7, 2).result(5) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        threads.submit(divmod, 7, 0).result(5)


def test_a_call_that_is_given_up_before_it_begins_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    def keep(thread: threading.Thread) -> None:
        threads.append(thread)

    monkeypatch.setattr(threading.Thread, "start", keep)
    called: list[int] = []
    future: Future[None] = ThreadForEach().submit(called.append, 1)
    assert future.cancel()
    threads[0].run()
    assert called == []

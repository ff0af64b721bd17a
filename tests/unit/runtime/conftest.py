"""Fixtures of the runtime's unit tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from agentctl_runtime._api import Api

from .cli_support import Canned, Served


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    found = Served()
    connect: Callable[..., Api] = Api.connect

    class Kept(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            found.requests.append((request.method, request.url.path))
            return await found.server.transport.handle_async_request(request)

    def embedded(*, context: str | None = None, **own: Any) -> Api:
        assert context is None
        return connect(**own or {"server": "http://embedded.invalid", "transport": Kept()})

    monkeypatch.setattr(Api, "connect", embedded)
    for name in ("AGENTCTL_NAMESPACE", "AGENTCTL_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    yield found
    assert {method for method, _ in found.requests} <= {"GET"}, "it wrote"


@pytest.fixture
def canned(monkeypatch: pytest.MonkeyPatch) -> Iterator[Canned]:
    found = Canned()
    connect: Callable[..., Api] = Api.connect

    class Answering(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            return await found.handle(request)

    def connected(*, context: str | None = None) -> Api:
        assert context is None
        return connect(server="http://canned.invalid", transport=Answering())

    monkeypatch.setattr(Api, "connect", connected)
    for name in ("AGENTCTL_NAMESPACE", "AGENTCTL_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    yield found
    kinds = {"SelfSubjectAccessReview", "SubjectAccessReview"}
    assert {review["kind"] for review in found.reviews} <= kinds, "it wrote"

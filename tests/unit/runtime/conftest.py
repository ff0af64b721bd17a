"""Fixtures of the runtime's unit tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx2
import pytest

from agentctl_runtime._api import Api

from .cli_support import Served


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    found = Served()
    connect: Callable[..., Api] = Api.connect

    class Kept(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            found.requests.append((request.method, request.url.path))
            return await found.server.transport.handle_async_request(request)

    def embedded(*, context: str | None = None) -> Api:
        assert context is None
        return connect(server="http://embedded.invalid", transport=Kept())

    monkeypatch.setattr(Api, "connect", embedded)
    for name in ("AGENTCTL_NAMESPACE", "AGENTCTL_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    yield found
    assert {method for method, _ in found.requests} <= {"GET"}, "it wrote"

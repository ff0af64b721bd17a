"""Arbitrary bytes from the API server or as a kubeconfig: no crash, no hang, and a reason."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import httpx2
from hypothesis import example, given
from hypothesis import strategies as st

from agentctl_core.host import POD
from agentctl_runtime._api import Api
from agentctl_runtime._failure import ApiFailure
from agentctl_runtime._kubeconfig import ConfigurationError

from .support import fuzzed

SECONDS = 10

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
words = st.sampled_from(
    ["kind", "metadata", "items", "name", "resourceVersion", "type", "object", "code", "reason", "continue", "details",
     "retryAfterSeconds", "causes", "message", "uid", "annotations"]
) | st.text(max_size=5)  # fmt: skip
json_like = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4))


def as_bytes(value: object) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


bodies = st.binary(max_size=200) | json_like.map(as_bytes) | st.builds(
    lambda body, at: body[: at % (len(body) + 1)], json_like.map(as_bytes), st.integers(0, 1000)
)  # fmt: skip
codes = st.sampled_from([200, 201, 204, 301, 400, 401, 403, 404, 409, 410, 413, 422, 429, 500, 503, 504])
headers = st.dictionaries(
    st.sampled_from(["Content-Type", "Retry-After", "Location", "Content-Encoding"]),
    st.sampled_from(
        ["application/json", "text/html", "gzip", "1", "-1", "٣", "9" * 400, "Wed, 21 Oct 2026 07:28:00 GMT"]
    ),
)


def api_with(code: int, headers: Mapping[str, str], *chunks: bytes) -> Api:
    async def body() -> Any:
        for chunk in chunks:
            yield chunk

    encoded = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    transport = httpx2.MockTransport(lambda _: httpx2.Response(code, headers=encoded, content=body()))
    return Api.connect(server="http://cluster.test", transport=transport)


@contextmanager
def with_reason(kind: type[Exception], *parts: str) -> Iterator[None]:
    """Let an error of this kind pass where it says something, with these parts in it; any other is a crash."""
    try:
        yield
    except kind as error:
        told = str(error)
        if len(told) <= len("unknown") or not all(part in told for part in parts):
            raise AssertionError(f"says nothing: {told!r}") from error


@fuzzed
@given(code=codes, headers=headers, body=bodies)
@example(code=200, headers={}, body=b'{"metadata": {"resourceVersion": "1", "continue": 5}, "items": []}')
def test_any_answer_to_a_list_is_a_page_or_a_failure_that_says_why(
    code: int, headers: dict[str, str], body: bytes
) -> None:
    async def scenario() -> None:
        async with asyncio.timeout(SECONDS), api_with(code, headers, body) as api:
            with with_reason(ApiFailure):
                page = await api.list(POD, "n")
                assert page.resource_version
                assert isinstance(page.continue_, str)
                assert all(isinstance(item, dict) for item in page.items)

    asyncio.run(scenario())


@fuzzed
@given(code=codes, headers=headers, chunks=st.lists(bodies | st.just(b"\n"), max_size=6))
@example(code=200, headers={}, chunks=[b'{"type": [], "object": {}}\n'])
def test_any_bytes_as_a_watch_are_events_or_a_failure_that_says_why(
    code: int, headers: dict[str, str], chunks: list[bytes]
) -> None:
    async def scenario() -> None:
        async with asyncio.timeout(SECONDS), api_with(code, headers, *chunks) as api:
            with with_reason(ApiFailure):
                async with api.watch(POD, "n", resource_version="1", timeout_seconds=300) as events:
                    async for event in events:
                        assert event["type"] in {"ADDED", "MODIFIED", "DELETED", "BOOKMARK"}
                        assert isinstance(event["object"]["metadata"]["resourceVersion"], str)

    asyncio.run(scenario())


names = st.sampled_from(
    ["clusters", "contexts", "users", "current-context", "name", "cluster", "context", "user", "server", "token",
     "certificate-authority", "certificate-authority-data", "client-certificate-data", "client-key-data", "exec",
     "tokenFile", "insecure-skip-tls-verify", "namespace", "proxy-url"]
) | st.text(max_size=5)  # fmt: skip
values = scalars | st.sampled_from(["a", "http://127.0.0.1:1", "https://[", "YQ==", "/nowhere"])
tree = st.recursive(
    values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=20
)
section = st.lists(
    st.fixed_dictionaries(
        {}, optional={"name": st.just("a") | values, **dict.fromkeys(("cluster", "context", "user"), tree)}
    ),
    max_size=2,
)
configurations = st.binary(max_size=100) | st.fixed_dictionaries(
    {},
    optional={"clusters": section, "contexts": section, "users": section, "current-context": st.just("a") | values},
).map(as_bytes)


@fuzzed
@given(content=configurations)
def test_any_kubeconfig_is_used_or_refused_with_a_reason(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "config"
    file.write_bytes(content)

    async def scenario() -> None:
        with with_reason(ConfigurationError, "KUBECONFIG"):
            await Api.connect().aclose()

    with mock.patch.dict(os.environ, {"KUBECONFIG": str(file)}):
        asyncio.run(scenario())

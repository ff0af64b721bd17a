"""Registries that stand in for others."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx2
import pytest

from agentctl_core import ImageError, ImageInfo
from agentctl_runtime._mirrors import Mirrors
from agentctl_runtime._reference import parse_reference
from agentctl_runtime._registry import MIRROR_SECONDS, Registry
from agentctl_runtime._registry_auth import Credential

from .support import now, run
from .test_registry import IMAGE, SECRET, TAGGED, FakeRegistry, asked_of, digest, error, redirect

MIRROR = "mirror.example"
MIRRORED = [f"registry.example={MIRROR}"]


@pytest.fixture
def registry() -> FakeRegistry:
    """Serves one image, under whatever host it is asked for."""
    registry = FakeRegistry()
    registry.image(["a"])
    return registry


def found(result: ImageInfo | ImageError) -> str:
    return result.reason if isinstance(result, ImageError) else "found"


@pytest.mark.parametrize(
    ("setting", "image", "place"),
    [
        ("registry.example=mirror.example", "registry.example/a:1", "mirror.example/a:1"),
        ("registry.example=mirror.example/p/q", "registry.example/a/b", "mirror.example/p/q/a/b:latest"),
        ("docker.io=mirror:5000", "python:3.13", "mirror:5000/library/python:3.13"),
        ("index.docker.io=mirror:5000", "docker.io/a/b", "mirror:5000/a/b:latest"),
        ("localhost:5000=mirror.example/library", "localhost:5000/a", "mirror.example/library/a:latest"),
        ("registry.example=docker.io/copies", "registry.example/a", "docker.io/copies/a:latest"),
        ("registry.example=mirror.example", f"registry.example/a@{digest(b'')}", f"mirror.example/a@{digest(b'')}"),
    ],
)
def test_where_else_an_image_may_be_found(setting: str, image: str, place: str) -> None:
    assert [str(each) for each in Mirrors([setting]).of(parse_reference(image))] == [place]


def test_mirrors_are_asked_in_the_order_that_they_are_named_in_and_for_their_registry_alone() -> None:
    mirrors = Mirrors(["a.example=one", "b.example=two", "a.example=three"])
    assert [each.domain for each in mirrors.of(parse_reference("a.example/x"))] == ["one", "three"]
    assert mirrors.of(parse_reference("c.example/x")) == ()


@pytest.mark.parametrize(
    "text",
    [
        "", "=", "a.example", "a.example=", "=b.example", "a.example=https://b", "a.example=b/", "a.example=b/P",
        "a.example=b/x:1", f"a.example=b/x@{digest(b'')}", "a.example=b//x", "a.example=b/../x", "a=b.example",
        "a.example/x=b.example", "a.example=b=c", "a.example=user@b", "a.example=b?x", "a b=c",
    ],
)  # fmt: skip
def test_what_is_no_pair_of_places_says_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{text!r} is not of the form REGISTRY=MIRROR: write for example")):
        Mirrors([text])


def test_a_mirror_that_has_the_image_is_all_that_is_asked(registry: FakeRegistry) -> None:
    assert found(registry.look_up(mirrors=MIRRORED)) == "found"
    assert {request.url.host for request in registry.asked} == {MIRROR}


@pytest.mark.parametrize(
    "answer",
    [
        error(404, "MANIFEST_UNKNOWN"),
        error(401),
        error(503),
        httpx2.Response(200, content=b"{}"),
        httpx2.Response(200, content=b"{", headers={"Docker-Content-Digest": digest(b"else")}),
        redirect("http://169.254.169.254/"),
    ],
)
def test_whatever_is_wrong_with_a_mirror_the_registry_itself_is_asked(registry: FakeRegistry, answer: Any) -> None:
    registry.answers[f"https://{MIRROR}{TAGGED}"] = answer
    assert found(registry.look_up(mirrors=MIRRORED)) == "found"
    assert len(asked_of(registry, MIRROR)) == 1


def test_the_registry_has_the_last_word_and_what_its_mirrors_said_is_told(registry: FakeRegistry) -> None:
    registry.answers = {f"https://{MIRROR}{TAGGED}": error(503)}
    result = registry.look_up(mirrors=MIRRORED)
    assert isinstance(result, ImageError)
    assert result.reason == "NotFound"
    mirrored = f"{MIRROR}/team/agent:1: the registry answers 503 Service Unavailable"
    assert result.message == f"{IMAGE}: the registry has no such image (in its mirrors: {mirrored})"


def test_a_mirror_is_told_no_credentials(registry: FakeRegistry) -> None:
    basic = {"WWW-Authenticate": "Basic realm=x"}
    registry.answers[f"https://{MIRROR}{TAGGED}"] = error(401, **basic)
    content = registry.answers[TAGGED]
    assert isinstance(content, httpx2.Response)
    registry.answers[TAGGED] = lambda request: content if "Authorization" in request.headers else error(401, **basic)
    credential = Credential(b"user", SECRET.encode())
    assert found(registry.look_up(mirrors=MIRRORED, credentials=[credential])) == "found"
    assert [request for request in asked_of(registry, MIRROR) if "Authorization" in request.headers] == []


def test_a_silent_mirror_costs_a_bounded_time() -> None:
    fake = FakeRegistry()
    fake.image(["a"])

    async def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.host == MIRROR:
            await asyncio.sleep(1000)
        return fake(request)

    async def main() -> None:
        async with Registry(httpx2.MockTransport(answer), mirrors=MIRRORED) as registry:
            assert found(await registry.look_up(IMAGE)) == "found"
        assert now() == pytest.approx(MIRROR_SECONDS, abs=0.1)

    run(main())


def test_a_mirror_over_plain_http_is_named_twice(registry: FakeRegistry) -> None:
    assert found(registry.look_up(mirrors=MIRRORED, insecure=[MIRROR])) == "found"
    assert {(request.url.scheme, request.url.host) for request in registry.asked} == {("http", MIRROR)}

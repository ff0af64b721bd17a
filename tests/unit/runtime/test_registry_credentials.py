"""Credentials go to the registry that asks for them, and nowhere else."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import httpx2
import pytest

from agentctl_core import ImageError, ImageInfo
from agentctl_runtime._registry import MAX_CREDENTIALS
from agentctl_runtime._registry_auth import Challenge, Credential

from .test_registry import HOST, IMAGE, SECRET, TAGGED, FakeRegistry, asked_of, entry, error, guard, redirect

USER = Credential(b"user", SECRET.encode())
OTHER = Credential(b"user", b"other")
NOBODY = Credential(b"", b"")
BASIC = f"Basic {base64.b64encode(f'user:{SECRET}'.encode()).decode()}"
TOKEN_SERVICE = "https://auth.example/token"  # noqa: S105 -- where tokens come from


@pytest.fixture
def registry() -> FakeRegistry:
    registry = FakeRegistry()
    registry.index(*(entry(registry.manifest(registry.config([name]))) for name in "ab"))
    return registry


def lock(registry: FakeRegistry, challenge: str = 'Basic realm="x"', status: int = 401) -> None:
    """Let the registry show itself to the user alone."""
    unlocked = dict(registry.answers)

    def locked(request: httpx2.Request) -> httpx2.Response:
        shown = request.headers.get("Authorization")
        if shown != BASIC:
            return error(401 if shown is None else status, "UNAUTHORIZED", **{"WWW-Authenticate": challenge})
        answer = unlocked[request.url.path]
        return answer(request) if callable(answer) else answer

    registry.answers = dict.fromkeys(unlocked, locked)


def lock_tokens(registry: FakeRegistry) -> None:
    """Let a token service give tokens to the user alone."""
    guard(registry)

    def tokens(request: httpx2.Request) -> httpx2.Response:
        is_user = request.headers.get("Authorization") == BASIC
        return httpx2.Response(200, json={"token": SECRET}) if is_user else error(401)

    registry.answers[TOKEN_SERVICE] = tokens


def outcome(registry: FakeRegistry, credentials: Sequence[Credential]) -> str:
    found = registry.look_up(credentials=credentials)
    return "found" if isinstance(found, ImageInfo) else f"{found.reason}: {found.message.removeprefix(f'{IMAGE}: ')}"


def shown(registry: FakeRegistry, host: str = HOST) -> list[str | None]:
    return [request.headers.get("Authorization") for request in asked_of(registry, host)]


@pytest.mark.parametrize("challenge", ["Basic", 'basic realm="x"', 'Negotiate, Basic realm="x"', "BASIC realm=x"])
def test_a_password_is_shown_once_it_is_asked_for_and_from_then_on(registry: FakeRegistry, challenge: str) -> None:
    lock(registry, challenge)
    assert outcome(registry, [USER]) == "found"
    assert shown(registry) == [None] + [BASIC] * 5


def test_a_registry_that_does_not_ask_is_shown_nothing(registry: FakeRegistry) -> None:
    assert outcome(registry, [USER]) == "found"
    assert set(shown(registry)) == {None}


def test_a_token_is_fetched_with_the_password_and_the_registry_sees_the_token_alone(registry: FakeRegistry) -> None:
    lock_tokens(registry)
    assert outcome(registry, [USER]) == "found"
    assert shown(registry, "auth.example") == [BASIC]
    assert set(shown(registry)) == {None, f"Bearer {SECRET}"}


def test_where_both_are_taken_it_is_a_token(registry: FakeRegistry) -> None:
    guard(registry, f'Basic realm="x", Bearer realm="{TOKEN_SERVICE}"')
    assert outcome(registry, [USER]) == "found"
    assert BASIC not in shown(registry)


def test_a_password_does_not_follow_to_where_a_registry_redirects(registry: FakeRegistry) -> None:
    documents = dict(registry.answers)
    lock(registry, 'Basic realm="x"')
    locked = registry.answers[TAGGED]

    def redirected(request: httpx2.Request) -> httpx2.Response:
        assert callable(locked)
        answer = locked(request)
        return redirect(f"https://blobs.example{request.url.path}") if answer.is_success else answer

    registry.answers = dict.fromkeys(documents, redirected)
    registry.answers |= {f"https://blobs.example{path}": answer for path, answer in documents.items()}
    assert outcome(registry, [USER]) == "found"
    assert shown(registry, "blobs.example") == [None] * 5


def test_a_password_does_not_follow_to_where_a_token_service_redirects(registry: FakeRegistry) -> None:
    guard(registry)
    registry.answers[TOKEN_SERVICE] = redirect("https://other.example/token")
    registry.answers["https://other.example/token"] = httpx2.Response(200, json={"token": SECRET})
    assert outcome(registry, [USER]) == "found"
    assert shown(registry, "auth.example") == [BASIC]
    assert shown(registry, "other.example") == [None]


@pytest.mark.parametrize("realm", ["http://auth.example/token", "ftp://auth.example", "http://169.254.169.254/x", "x"])
def test_a_token_service_that_cannot_be_trusted_is_not_told(registry: FakeRegistry, realm: str) -> None:
    guard(registry, f'Bearer realm="{realm}"')
    assert "Unreachable" in outcome(registry, [USER])
    assert shown(registry) == [None]
    assert len(registry.asked) == 1


@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        ([], "Forbidden: the registry asks for credentials"),
        ([NOBODY], "Forbidden: the registry asks for credentials"),
        ([OTHER], "Forbidden: the registry has no such image, or does not show it with these credentials"),
        ([OTHER, USER], "found"),
        ([NOBODY, USER], "found"),
        ([USER, OTHER], "found"),
        ([OTHER] * MAX_CREDENTIALS, "Forbidden: the registry has no such image, or does not show it with these"),
        ([OTHER] * MAX_CREDENTIALS + [USER], "Forbidden: the registry has no such image, or does not show it with"),
    ],
)
def test_credentials_are_tried_in_turn_as_far_as_that_is_worth_it(
    registry: FakeRegistry, credentials: list[Credential], expected: str
) -> None:
    lock(registry)
    assert outcome(registry, credentials).startswith(expected)


def test_who_is_told_that_there_is_no_image_is_tried_again_as_somebody_else(registry: FakeRegistry) -> None:
    lock(registry, status=404)
    assert outcome(registry, [OTHER]) == "NotFound: the registry has no such image"
    assert outcome(registry, [OTHER, USER]) == "found"


def test_a_registry_that_is_in_trouble_is_not_asked_again_as_somebody_else(registry: FakeRegistry) -> None:
    registry.answers[TAGGED] = error(503)
    assert outcome(registry, [OTHER, USER]) == "Unreachable: the registry answers 503 Service Unavailable"
    assert len(registry.asked) == 1


def test_a_token_service_that_refuses_the_password_is_forbidden(registry: FakeRegistry) -> None:
    lock_tokens(registry)
    assert outcome(registry, [OTHER]) == "Forbidden: the registry gives no token with these credentials"
    assert outcome(registry, []) == "Forbidden: the registry gives no token without credentials"


@pytest.mark.parametrize("challenge", ["Negotiate", "", "Basically", "Digest realm=x"])
def test_a_registry_that_takes_neither_passwords_nor_tokens_is_told_of(registry: FakeRegistry, challenge: str) -> None:
    lock(registry, challenge)
    assert outcome(registry, [USER]) == "Forbidden: the registry takes neither passwords nor tokens"


def test_names_and_passwords_may_be_any_bytes() -> None:
    assert Credential("b\u00e4r".encode(), b":\xff\n").basic == "Basic YsOkcjo6/wo="


def test_a_credential_does_not_show_its_password() -> None:
    assert SECRET not in repr(USER) + str(USER)


def test_no_error_tells_a_password(registry: FakeRegistry) -> None:
    for status in (400, 401, 403, 404, 500):
        registry.answers[TAGGED] = error(status, "DENIED", **{"WWW-Authenticate": f"Basic realm={SECRET}"})
        found = registry.look_up(credentials=[USER])
        assert isinstance(found, ImageError)
        assert SECRET not in found.message
        assert BASIC.split()[1] not in found.message


@pytest.mark.parametrize(
    ("values", "bearer", "basic"),
    [
        ([], None, False),
        (["Basic"], None, True),
        (["Bearer realm=a"], {"realm": "a"}, False),
        (["Basic realm=x", "Bearer realm=a"], {"realm": "a"}, True),
        (["Bearer realm=a", "Bearer realm=b"], {"realm": "a"}, False),
        (['Bearer realm="Basic"'], {"realm": "Basic"}, False),
    ],
)
def test_a_challenge_says_what_is_taken(values: list[str], bearer: dict[str, str] | None, basic: bool) -> None:  # noqa: FBT001 -- it is expected
    assert Challenge.of(values) == Challenge(bearer, basic)

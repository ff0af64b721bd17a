"""Which credentials are for which image: as the kubelet has it, whose own cases are the first ones here."""

from __future__ import annotations

import base64
import json
import time
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl_runtime._keyring import (
    MAX_CREDENTIAL,
    Entry,
    MalformedConfig,
    config_json_entries,
    dockercfg_entries,
    matching,
)
from agentctl_runtime._reference import parse_reference
from agentctl_runtime._registry_auth import Credential

CANARY = "c4n4ry"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def entries(*places: str) -> tuple[Entry, ...]:
    """Return the entries of a file with a user for each place, called as it is."""
    file = {place: {"username": place[:1000], "password": "p"} for place in places}
    return dockercfg_entries(json.dumps(file).encode())


def users(found: tuple[Entry, ...]) -> list[str]:
    return [entry.credential.username.decode() for entry in found]


def found(image: str, *places: str) -> list[str]:
    return users(matching(entries(*places), parse_reference(image)))


@pytest.mark.parametrize(
    ("place", "image"),
    [
        ("https://hello.example.io", "hello.example.io/foo/bar"),
        ("http://hello.example.io", "hello.example.io/foo/bar"),
        ("*.example.io", "prefix.example.io/foo"),
        ("prefix.*.io", "prefix.example.io/foo"),
        ("prefix.example.*", "prefix.example.io/foo"),
        ("*-good.example.io", "prefix-good.example.io/foo"),
        ("*example.io", "example.io/foo"),
        ("*.*.*.example.io", "a.b.c.example.io/foo"),
        ("a*b*c.io", "a-b-b-c.io/foo"),
        ("*.example.io/blah", "prefix.example.io/blah"),
        ("prefix.*.io/foo", "prefix.example.io/foo/bar"),
        ("prefix.*.io/fo", "prefix.example.io/foo/bar"),
        ("*.example.io:1111/blah", "prefix.example.io:1111/blah"),
        ("prefix.*.io:1111/foo", "prefix.example.io:1111/foo/bar"),
        ("https://*.example.io/v1/", "prefix.example.io/path"),
        ("https://*.example.io/v2/", "prefix.example.io/path"),
        ("https://*.example.io/v2/path", "prefix.example.io/path/a"),
        ("https://user@example.io/", "example.io/path"),
        ("example.io/p%61th", "example.io/path"),
        ("[::1]:5000", "[::1]:5000/a"),
        ("docker.io", "python"),
        ("docker.io/library", "python"),
        ("index.docker.io", "python"),
        ("https://index.docker.io/v1/", "python"),
        ("https://index.docker.io/v1/", "index.docker.io/team/agent"),
        ("index.docker.io/v2/", "docker.io/team/agent"),
    ],
)
def test_credentials_are_for_images_of_their_place(place: str, image: str) -> None:
    assert found(image, place, "elsewhere.example") == [place]


@pytest.mark.parametrize(
    ("place", "image"),
    [
        ("*.example.io", "example.io/foo"),
        ("*.*.example.io", "prefix.example.io/foo"),
        ("*example.io", "a.example.io/foo"),
        ("example.io", "example.com/foo"),
        ("k*.io", "quay.io/foo"),
        ("a*b*c.io", "a-c-b.io/foo"),
        ("ab*ba.io", "aba.io/foo"),
        ("example.io", "Example.io/foo"),
        ("example.io*", "example.io:5000/foo"),
        ("example.io:*", "example.io:5000/foo"),
        ("*.example.io:1234/blah", "prefix.example.io:1111/blah"),
        ("prefix.*.io/foo", "prefix.example.io:1111/foo/bar"),
        ("example.io/path/", "example.io/path"),
        ("example.io/*", "example.io/path"),
        ("example.io/v2", "example.io/path"),
        ("[::1]", "[::1]:5000/a"),
        ("[::*]:5000", "[::1]:5000/a"),
        ("[", "example.io/a"),
        ("", "example.io/a"),
        ("https://index.docker.io/v1/", "world.example.org/foo/bar"),
        ("index.docker.io/team", "docker.io/team/agent"),
        # Here alone the kubelet does otherwise: it would tell a host without a dot the default registry's password.
        ("https://index.docker.io/v1/", "localhost/team/agent"),
    ],
)
def test_credentials_of_another_place_are_not_for_an_image(place: str, image: str) -> None:
    assert found(image, place) == []


def test_all_that_fit_are_tried_the_longer_paths_first() -> None:
    places = ["example.io", "example.io/team/a", "*.io", "example.io/team", "example.io/other", "https://example.io"]
    expected = ["example.io/team/a", "example.io/team", "example.io", "https://example.io", "*.io"]
    assert found("example.io/team/agent", *places) == expected


def test_the_order_of_what_is_for_the_same_place_stays() -> None:
    first, second = entries("example.io"), entries("https://example.io/")
    image = parse_reference("example.io/a")
    assert users(matching((*first, *second), image)) == ["example.io", "https://example.io/"]
    assert users(matching((*second, *first), image)) == ["https://example.io/", "example.io"]


def test_the_default_registry_has_its_old_address_where_nothing_else_is_for_it() -> None:
    assert found("python", "https://index.docker.io/v1/", "docker.io/library") == ["docker.io/library"]


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        ({"username": "user", "password": "word"}, (b"user", b"word")),
        ({"username": "user"}, (b"user", b"")),
        ({"auth": encoded("user:pass:word")}, (b"user", b"pass:word")),
        ({"auth": encoded("user:pass:word").rstrip("=")}, (b"user", b"pass:word")),
        ({"auth": "dXNl\r\ncjp3\nb3Jk"}, (b"user", b"word")),
        ({"auth": encoded("user:word"), "username": "other", "password": "other"}, (b"user", b"word")),
        ({"auth": "", "username": "user", "password": "word"}, (b"user", b"word")),
        ({"auth": None, "username": "user", "password": "word", "email": "a", "identitytoken": 1}, (b"user", b"word")),
        ({"auth": base64.b64encode(b"\xff:\xfe").decode()}, (b"\xff", b"\xfe")),
        ({"username": "\u00e4", "password": "x" * (MAX_CREDENTIAL - 2)}, ("\u00e4".encode(), b"x" * (2**14 - 2))),
        ({}, None),
        (None, None),
        ({"password": "word"}, None),
        ({"auth": encoded(":word")}, None),
    ],
)
def test_what_an_entry_holds(auth: Any, expected: tuple[bytes, bytes] | None) -> None:
    held = [] if expected is None else [Entry("example.io", "", Credential(*expected))]
    assert list(dockercfg_entries(json.dumps({"example.io": auth}).encode())) == held
    assert list(config_json_entries(json.dumps({"auths": {"example.io": auth}}).encode())) == held


@pytest.mark.parametrize("content", [b"{}", b'{"auths": null}', b'{"auths": {}}', b'{"HttpHeaders": {"a": "b"}}'])
def test_a_file_may_hold_nothing(content: bytes) -> None:
    assert config_json_entries(content) == ()


@pytest.mark.parametrize(
    "auth",
    [
        {"auth": encoded(f"user-{CANARY}")},
        {"auth": f"{CANARY}!"},
        {"auth": f" {encoded('user:word')}"},
        {"auth": "a"},
        {"auth": "\u00e4"},
        {"auth": 1},
        {"username": CANARY, "password": 1},
        {"username": CANARY, "password": "\ud800"},
        {"username": CANARY, "password": "x" * MAX_CREDENTIAL},
        CANARY,
        [CANARY],
    ],
)
def test_a_file_with_a_broken_entry_is_none_and_is_not_quoted(auth: Any) -> None:
    auths = {"example.io": {"username": "user"}, "[": auth}
    for content, read in ((auths, dockercfg_entries), ({"auths": auths}, config_json_entries)):
        with pytest.raises(MalformedConfig) as caught:
            read(json.dumps(content).encode())
        assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("content", [b"", b"\xff", b"{", b"null", b"[]", b'"a"', b'{"auths": [', b"[" * 100_000])
def test_what_is_no_file_of_that_kind_is_told(content: bytes) -> None:
    for read in (dockercfg_entries, config_json_entries):
        with pytest.raises(MalformedConfig):
            read(content)


VALUES = st.none() | st.integers() | st.text(max_size=10)
AUTHS = VALUES | st.dictionaries(st.sampled_from(["auth", "username", "password"]), VALUES)
PLACES = st.text(max_size=20) | st.text("a*.:/[]@?#v1", max_size=20)


@given(st.dictionaries(PLACES, AUTHS), st.binary(max_size=50))
def test_whatever_stands_in_a_secret_is_read_or_refused(auths: Any, content: bytes) -> None:
    image = parse_reference("example.io/a")
    for each in (json.dumps(auths).encode(), json.dumps({"auths": auths}).encode(), content):
        for read in (dockercfg_entries, config_json_entries):
            try:
                assert isinstance(matching(read(each), image), tuple)
            except MalformedConfig:
                continue


def test_a_pattern_that_is_meant_to_take_long_does_not() -> None:
    label = "a" * 200
    begin = time.monotonic()
    assert found(f"{label}.io/a", f"{'*a' * 100_000}b.io") == []
    assert len(found(f"{label}.io/a", f"{'*a' * 200}.io", f"{'*a' * 199}*.io", f"{'*a' * 201}.io")) == 2
    assert time.monotonic() - begin < 1

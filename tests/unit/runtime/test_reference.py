"""Image references: the cases of distribution/reference's own rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl_runtime._reference import InvalidReference, Reference, parse_reference

HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("ubuntu", "docker.io/library/ubuntu:latest"),
        ("ubuntu:24.04", "docker.io/library/ubuntu:24.04"),
        ("docker.io/ubuntu", "docker.io/library/ubuntu:latest"),
        ("index.docker.io/ubuntu", "docker.io/library/ubuntu:latest"),
        ("index.docker.io/team/agent", "docker.io/team/agent:latest"),
        ("team/agent", "docker.io/team/agent:latest"),
        ("library/team/agent", "docker.io/library/team/agent:latest"),
        ("test_com/foo", "docker.io/test_com/foo:latest"),
        ("dock__er/a---b.c", "docker.io/dock__er/a---b.c:latest"),
        ("localhost/foo", "localhost/foo:latest"),
        ("localhost:5000/foo:bar", "localhost:5000/foo:bar"),
        ("test:8080/foo", "test:8080/foo:latest"),
        ("example.com/foo", "example.com/foo:latest"),
        ("Foo/bar", "Foo/bar:latest"),
        ("192.168.0.1:80", "docker.io/library/192.168.0.1:80"),
        ("192.168.0.1:8/debian", "192.168.0.1:8/debian:latest"),
        ("[fc00::1]:5000/docker", "[fc00::1]:5000/docker:latest"),
        ("xn--n3h.com:18080/foo:_T-1.0", "xn--n3h.com:18080/foo:_T-1.0"),
        (f"redis@sha256:{HEX}", f"docker.io/library/redis@sha256:{HEX}"),
        (f"redis:7@sha256:{HEX}", f"docker.io/library/redis:7@sha256:{HEX}"),
        (f"redis@sha512:{HEX}{HEX}", f"docker.io/library/redis@sha512:{HEX}{HEX}"),
        (f"docker.io/{HEX}", f"docker.io/library/{HEX}:latest"),
        ("a" * 247, f"docker.io/library/{'a' * 247}:latest"),
        ("foo:" + "t" * 128, "docker.io/library/foo:" + "t" * 128),
    ],
)
def test_what_people_write_has_one_full_form(text: str, full: str) -> None:
    parsed = parse_reference(text)
    assert str(parsed) == full
    assert parse_reference(full) == parsed


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "Docker",
        "docker/Docker",
        "-docker",
        "docker-/a",
        "docker/",
        "/docker",
        "docker///docker",
        "____/____",
        "dock..er/a",
        "dock_.er/a",
        "https://github.com/docker",
        "[fc00::1]",
        "[fc00::1]:5000",
        "fc00::1:5000/debian",
        "[fe80::1%eth0]:5000/debian",
        "[2001:db8:3:4::192.0.2.33]:5000/debian",
        HEX,
        "foo:-bar",
        "foo:",
        "foo:a:b",
        "foo:" + "t" * 129,
        "foo@bar",
        f"foo@sha256:{HEX[1:]}",
        f"foo@sha256:{HEX.upper()}",
        f"foo@md5:{HEX[:32]}",
        f"foo@sha256:{HEX}\n",
        "foo\n",
        "foo\x00",
        "foo/\u00e4",
        "\ud800",
        "a" * 248,
        "x" * 2000,
        "example.com:port/foo",
        "user:password@example.com/foo",
        "example.com/../foo",
        "-a.b/c",
        "a.b-/c",
        ".a/b",
        "foo:\u0661",
    ],
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(InvalidReference):
        parse_reference(text)


def test_the_message_shows_what_is_wrong_with_it() -> None:
    with pytest.raises(InvalidReference, match=r"'team/Agent' is no image reference; .* lower case"):
        parse_reference("team/Agent")


def test_a_digest_decides_and_the_default_registry_has_another_host() -> None:
    parsed = parse_reference(f"redis:7@sha256:{HEX}")
    assert (parsed.version, parsed.host) == (f"sha256:{HEX}", "registry-1.docker.io")
    assert (parse_reference("a.b/c").version, parse_reference("a.b:1/c").host) == ("latest", "a.b:1")


@given(st.text() | st.text(alphabet="aA0-._:/@[]%", max_size=60))
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    try:
        parsed = parse_reference(text)
    except InvalidReference:
        return
    assert isinstance(parsed, Reference)
    assert parse_reference(str(parsed)) == parsed

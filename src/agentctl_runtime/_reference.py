"""Image references by the rules of distribution/reference, which the kubelet and containerd read them with.

https://github.com/distribution/reference
"""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

DEFAULT_DOMAIN: Final = "docker.io"
DEFAULT_DOMAINS: Final = frozenset({DEFAULT_DOMAIN, "index.docker.io"})
"""All the names that one registry has in references."""
DEFAULT_TAG: Final = "latest"
MAX_NAME: Final = 255
MAX_REFERENCE: Final = 1000
"""Characters; more than the longest domain, name, tag and digest take together."""

_API_HOSTS: Final = {DEFAULT_DOMAIN: "registry-1.docker.io"}
_OFFICIAL: Final = "library/"

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REMAINDER = re.compile(rf"({_COMPONENT}(?:/{_COMPONENT})*)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}))?(?:@(.+))?")
_DIGEST = re.compile(r"sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}")
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")


class InvalidReference(Exception):  # noqa: N818 -- it names what it is about
    """A text that is no image reference; the message says why."""


@frozen
class Reference:
    """An image reference with nothing left to default.

    Attributes:
        domain: the registry's name, with its port where it has one.
        name: the repository inside of it.
        tag: `latest` where neither tag nor digest is given.
        digest: decides alone where it is given; the tag is then for people.
    """

    domain: str
    name: str
    tag: str | None
    digest: str | None

    @property
    def host(self) -> str:
        """The host that serves the registry's API, with its port."""
        return _API_HOSTS.get(self.domain, self.domain)

    @property
    def version(self) -> str:
        """What the API knows the image by inside its repository."""
        return self.digest or self.tag or DEFAULT_TAG

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.domain}/{self.name}{tag}{digest}"


def parse_reference(text: str) -> Reference:
    """Read a reference as people write it: `python:3.13`, `registry.example:5000/team/agent@sha256:...`.

    Raises:
        InvalidReference: it is none.
    """
    if not text or len(text) > MAX_REFERENCE:
        raise InvalidReference(f"an image reference has 1 to {MAX_REFERENCE} characters, this one has {len(text)}")
    if _IDENTIFIER.fullmatch(text):
        raise InvalidReference(f"{text!r} is an image's identifier, not its name")
    domain, remainder = _split(text)
    match = _REMAINDER.fullmatch(remainder)
    if match is None or not is_domain(domain):
        hint = "; a repository's name is in lower case" if text != text.lower() else ""
        raise InvalidReference(f"{text!r} is no image reference{hint}")
    name, tag, digest = match.groups()
    if len(name) > MAX_NAME:
        raise InvalidReference(f"{text!r}: a repository's name has at most {MAX_NAME} characters")
    if digest is not None and not is_digest(digest):
        raise InvalidReference(f"{text!r}: {digest!r} is no digest like sha256:<64 hexadecimal digits>")
    return Reference(domain, name, tag if tag or digest else DEFAULT_TAG, digest)


def is_domain(text: str) -> bool:
    """Tell whether this can be a registry's name: a host, and a port where it has one."""
    return _DOMAIN.fullmatch(text) is not None


def is_digest(text: str) -> bool:
    """Tell whether this is a digest of an algorithm that OCI registers."""
    return _DIGEST.fullmatch(text) is not None


def _split(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    if not slash:
        return DEFAULT_DOMAIN, _OFFICIAL + text
    if first in DEFAULT_DOMAINS:
        first = DEFAULT_DOMAIN
    # Without any of these signs the first part is a namespace of the default registry.
    is_host = first == "localhost" or "." in first or ":" in first or first != first.lower()
    domain, remainder = (first, rest) if is_host else (DEFAULT_DOMAIN, text)
    if domain == DEFAULT_DOMAIN and "/" not in remainder:
        remainder = _OFFICIAL + remainder
    return domain, remainder

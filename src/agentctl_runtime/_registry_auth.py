"""What a registry asks of who wants to read, and what answers that.

https://distribution.github.io/distribution/spec/auth/token/ and RFC 7617 (Basic)
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec
from attrs import field, frozen

_SCHEME: Final = r"(?:^|,)\s*{}(?:\s+|$)"
_BEARER: Final = re.compile(_SCHEME.format("bearer"), re.IGNORECASE)
_BASIC: Final = re.compile(_SCHEME.format("basic"), re.IGNORECASE)
_PARAMETER: Final = re.compile(r'[\s,]*([A-Za-z][A-Za-z0-9_-]*)=(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))')
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,16384}")


@frozen
class Credential:
    """A user of a registry and his password.

    Attributes:
        username: without a colon; empty for nobody in particular.
        password: whatever the registry takes, a token of its own for example.
    """

    username: bytes
    password: bytes = field(repr=False)

    @property
    def basic(self) -> str | None:
        """The value of an Authorization header; None for nobody in particular."""
        if not self.username:
            return None
        return f"Basic {base64.b64encode(self.username + b':' + self.password).decode()}"


@frozen
class Challenge:
    """What a registry asks for.

    Attributes:
        bearer: the parameters of a token to get; None where it takes none.
        takes_basic: whether it takes a user's name and password as they are.
    """

    bearer: Mapping[str, str] | None
    takes_basic: bool

    @classmethod
    def of(cls, values: Iterable[str]) -> Challenge:
        """Read the WWW-Authenticate headers of an answer."""
        bearer, takes_basic = None, False
        for value in values:
            match = _BEARER.search(value)
            if match is not None and bearer is None:
                bearer = dict(_parameters(value, match.end()))
            takes_basic |= _BASIC.search(value) is not None
        return cls(bearer, takes_basic)


class _Token(msgspec.Struct):
    token: str | None = None
    access_token: str | None = None


def token_of(content: bytes) -> str | None:
    """Return the token in the answer of a token service; None where there is none that a header can hold."""
    try:
        decoded = msgspec.json.decode(content, type=_Token)
    except (ValueError, RecursionError):
        return None
    token = decoded.token or decoded.access_token or ""
    return token if _TOKEN.fullmatch(token) else None


def _parameters(value: str, position: int) -> Iterator[tuple[str, str]]:
    while (match := _PARAMETER.match(value, position)) is not None:
        name, quoted, plain = match.groups()
        yield name.lower(), plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        position = match.end()

"""Credentials in Docker's configuration files, and which of them are for an image: as the kubelet finds them.

https://kubernetes.io/docs/concepts/containers/images/#config-json, and `pkg/credentialprovider` of Kubernetes
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias, TypeVar
from urllib.parse import unquote, urlsplit

import msgspec
from attrs import frozen

from ._reference import DEFAULT_DOMAIN, Reference
from ._registry_auth import Credential

MAX_CREDENTIAL: Final = 16 * 1024
"""Bytes of a user's name and password together; registries take no longer headers."""

_SCHEMES: Final = ("https://", "http://")
_VERSIONS: Final = ("/v1/", "/v2/")
_DEFAULT_HOST: Final = "index.docker.io"
"""What the credentials of the default registry stand under, once its path is gone."""

T = TypeVar("T")


class MalformedConfig(Exception):  # noqa: N818 -- it names what it is about
    """A configuration file that is none; it says nothing of what stands in it."""


@frozen
class Entry:
    """Credentials, and whom they are for.

    Attributes:
        host: with its port where it has one; `*` stands for any part of a label.
        path: how the repositories that they are for begin; empty for all.
        credential: what to show there.
    """

    host: str
    path: str
    credential: Credential


class _Auth(msgspec.Struct):
    username: str | None = None
    password: str | None = None
    auth: str | None = None


_Auths: TypeAlias = dict[str, _Auth | None]


class _Config(msgspec.Struct):
    auths: _Auths | None = None


def config_json_entries(content: bytes) -> tuple[Entry, ...]:
    """Read what `kubernetes.io/dockerconfigjson` is: `{"auths": {"registry.example": {...}}}`.

    Raises:
        MalformedConfig: it is none.
    """
    return _entries(_decoded(content, _Config).auths)


def dockercfg_entries(content: bytes) -> tuple[Entry, ...]:
    """Read what `kubernetes.io/dockercfg` is: `{"registry.example": {...}}`.

    Raises:
        MalformedConfig: it is none.
    """
    return _entries(_decoded(content, _Auths))


def matching(entries: Iterable[Entry], image: Reference) -> tuple[Entry, ...]:
    """Return what is for an image, in the order in which the kubelet tries it: longer paths first.

    The order of what is for the same place stays. What stands under the default registry's old address is for it where
    nothing else is.
    """
    ordered = sorted(entries, key=lambda entry: entry.host + entry.path, reverse=True)
    found = tuple(entry for entry in ordered if _is_for(entry, image))
    if found or image.domain != DEFAULT_DOMAIN:
        return found
    return tuple(entry for entry in ordered if (entry.host, entry.path) == (_DEFAULT_HOST, ""))


def _entries(auths: _Auths | None) -> tuple[Entry, ...]:
    return tuple(_read(auths or {}))


def _read(auths: Mapping[str, _Auth | None]) -> Iterator[Entry]:
    for place, auth in auths.items():
        # One that is broken makes the whole of no use, also where its place is none.
        credential = _credential(auth or _Auth())
        try:
            url = urlsplit(place if place.startswith(_SCHEMES) else f"https://{place}")
        except ValueError:
            continue
        path = unquote(url.path)
        path = path[3:] if path.startswith(_VERSIONS) else path
        if credential is not None:
            yield Entry(url.netloc.rpartition("@")[2], "" if path == "/" else path, credential)


def _credential(auth: _Auth) -> Credential | None:
    """Return what stands in an entry; None where that is nobody, as where a helper of Docker's holds the password."""
    try:
        username, password = (auth.username or "").encode(), (auth.password or "").encode()
        if auth.auth:
            username, colon, password = _decoded_auth(auth.auth).partition(b":")
            if not colon:
                raise MalformedConfig
    except ValueError:
        raise MalformedConfig from None  # the error quotes what it is about
    if len(username) + len(password) > MAX_CREDENTIAL:
        raise MalformedConfig
    return Credential(username, password) if username else None


def _decoded_auth(text: str) -> bytes:
    # Go reads Base64 with its padding or without any, and over line breaks.
    text = text.replace("\r", "").replace("\n", "")
    padding = "" if text.endswith("=") else "=" * (-len(text) % 4)
    return base64.b64decode(text + padding, validate=True)


def _is_for(entry: Entry, image: Reference) -> bool:
    host, port = _split(entry.host)
    image_host, image_port = _split(image.domain)
    if port != image_port or not f"/{image.name}".startswith(entry.path):
        return False
    labels, image_labels = host.split("."), image_host.split(".")
    return len(labels) == len(image_labels) and all(map(_fits, labels, image_labels))


def _split(host: str) -> tuple[str, str]:
    """Return a host without its port, and the port; of an IPv6 address only brackets end the host."""
    name, colon, port = host.rpartition(":")
    return (name, port) if colon and "]" not in port else (host, "")


def _fits(pattern: str, label: str) -> bool:
    """Compare a label of a host with one that may hold `*`; in linear time, since others write it."""
    first, *parts = pattern.split("*")
    if not parts:
        return pattern == label
    *parts, last = parts
    position, end = len(first), len(label) - len(last)
    if position > end or not (label.startswith(first) and label.endswith(last)):
        return False
    for part in parts:
        position = label.find(part, position, end)
        if position < 0:
            return False
        position += len(part)
    return True


def _decoded(content: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=kind)
    except (ValueError, RecursionError):
        raise MalformedConfig from None  # the error quotes the content

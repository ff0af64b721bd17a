"""What an image is, read from its registry: an index or a manifest, and the configuration of each platform.

https://github.com/opencontainers/image-spec
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, Final, TypeVar

import msgspec
from attrs import frozen

from agentctl_core import ImageConfig, ImageInfo

from ._reference import is_digest
from ._registry_http import Exchange

MAX_MANIFEST: Final = 4 * 1024 * 1024
"""Bytes, as distribution itself allows."""
MAX_CONFIG: Final = 4 * 1024 * 1024
MAX_PLATFORMS: Final = 64
MAX_WORDS: Final = 128 * 1024
"""Characters of all command lines of an image together, and one for each word: they are kept and written into pods."""
AT_A_TIME: Final = 6
"""Requests of one look-up in flight."""

_INDEX_TYPES: Final = frozenset({
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
})  # fmt: skip
_MANIFEST_TYPES: Final = frozenset({
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
})  # fmt: skip
_ACCEPT: Final = ", ".join(sorted(_INDEX_TYPES | _MANIFEST_TYPES))
_PLATFORM_PART = re.compile(r"[A-Za-z0-9._-]{1,64}")

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)


class _Platform(msgspec.Struct):
    os: str = ""
    architecture: str = ""
    variant: str | None = None


class _Descriptor(msgspec.Struct, rename="camel"):
    digest: str
    media_type: str | None = None
    artifact_type: str | None = None
    platform: _Platform | None = None

    @property
    def is_image(self) -> bool:
        """Not a signature, an attestation or anything else that an index may list besides images."""
        is_attestation = self.platform is not None and self.platform.os == self.platform.architecture == "unknown"
        is_known = not self.media_type or self.media_type in _MANIFEST_TYPES | _INDEX_TYPES
        return is_known and not is_attestation and not self.artifact_type


class _Manifest(msgspec.Struct, rename="camel"):
    """An image manifest, or an index of them."""

    media_type: str | None = None
    config: _Descriptor | None = None
    layers: list[Any] | None = None
    manifests: list[_Descriptor] | None = None


class _Run(msgspec.Struct, rename="pascal"):
    entrypoint: list[str] | None = None
    cmd: list[str] | None = None
    user: str | None = None


class _Config(msgspec.Struct):
    os: str
    architecture: str
    variant: str | None = None
    config: _Run | None = None


@frozen
class _Read:
    digest: str
    manifest: _Manifest


async def read_image(exchange: Exchange, before: ImageInfo | None) -> ImageInfo:
    """Return what an image runs on each of its platforms; `before` is that again as long as its digest is the same.

    Raises:
        LookUpFailed: there is no such image, or what the registry says makes no sense.
        Exception: whatever sending and reading raise.
    """
    reference = exchange.reference
    top = await _manifest(exchange, reference.version, reference.digest)
    if before is not None and before.digest == top.digest:
        return before
    manifests = top.manifest.manifests
    if manifests is None:
        found = [await _config(exchange, top.manifest, None)]
    else:
        images = await _images(exchange, manifests)
        gate = asyncio.Semaphore(AT_A_TIME)
        found = await _together(_platform(exchange, image, gate) for image in images)
    if sum(len(word) + 1 for _, config in found for word in (*config.entrypoint, *config.cmd, config.user)) > MAX_WORDS:
        raise exchange.unreachable("the image's command is too long to be run")
    # Of two images for the same platform the first is the one that is pulled.
    return ImageInfo(top.digest, dict(reversed(found)))


async def _images(exchange: Exchange, manifests: Sequence[_Descriptor]) -> Sequence[_Descriptor]:
    """Return the images of an index, with those of the indexes in it, one level down."""
    images: list[_Descriptor] = []
    for number, entry in enumerate(entry for entry in manifests if entry.is_image):
        if entry.media_type in _INDEX_TYPES:
            inner = await _manifest(exchange, entry.digest, entry.digest)
            images += (each for each in inner.manifest.manifests or () if each.is_image)
        else:
            images.append(entry)
        if max(number + 1, len(images)) > MAX_PLATFORMS:
            raise exchange.unreachable(f"the image has more than {MAX_PLATFORMS} platforms")
    if any(image.media_type in _INDEX_TYPES for image in images):
        raise exchange.unreachable("the image is an index of indexes of indexes")
    if not images:
        raise exchange.unreachable("the registry lists no image for any platform")
    return images


async def _platform(exchange: Exchange, image: _Descriptor, gate: asyncio.Semaphore) -> tuple[str, ImageConfig]:
    async with gate:
        read = await _manifest(exchange, image.digest, image.digest)
        return await _config(exchange, read.manifest, image.platform)


async def _manifest(exchange: Exchange, version: str, digest: str | None) -> _Read:
    """Read a manifest or index by tag or digest, and check that it is what it claims to be."""
    is_part = version != exchange.reference.version
    if digest is not None:
        _check_form(exchange, digest)
    answer = await exchange.get(f"manifests/{version}", _ACCEPT, MAX_MANIFEST, is_part=is_part)
    stated = answer.headers.get("Docker-Content-Digest")
    for expected in filter(None, (digest, stated)):
        _check_digest(exchange, answer.content, expected)
    manifest = _decode(exchange, answer.content, _Manifest)
    types = {manifest.media_type, answer.headers.get("Content-Type", "").partition(";")[0].strip()}
    kinds = {True for each in types if each in _INDEX_TYPES} | {False for each in types if each in _MANIFEST_TYPES}
    is_index = manifest.manifests is not None
    # A document that is both could be read as one by us and as the other by the kubelet (CVE-2021-41190).
    if (is_index and (manifest.config or manifest.layers)) or kinds - {is_index}:
        raise exchange.unreachable("the registry's answer is neither an image manifest nor an index of them")
    return _Read(digest or stated or _digest(answer.content), manifest)


async def _config(exchange: Exchange, manifest: _Manifest, platform: _Platform | None) -> tuple[str, ImageConfig]:
    if manifest.config is None:
        raise exchange.unreachable("the registry's answer is no image manifest")
    digest = manifest.config.digest
    _check_form(exchange, digest)
    answer = await exchange.get(f"blobs/{digest}", "*/*", MAX_CONFIG, is_part=True)
    _check_digest(exchange, answer.content, digest)
    config = _decode(exchange, answer.content, _Config)
    of = platform
    if of is None or not of.os or not of.architecture:
        of = _Platform(config.os, config.architecture, config.variant)
    parts = (of.os, of.architecture, *((of.variant,) if of.variant else ()))
    if not all(map(_PLATFORM_PART.fullmatch, parts)):
        raise exchange.unreachable("the image has a platform that is none")
    run = config.config or _Run()
    return "/".join(parts), ImageConfig(tuple(run.entrypoint or ()), tuple(run.cmd or ()), run.user or "")


def _decode(exchange: Exchange, content: bytes, kind: type[S]) -> S:
    try:
        return msgspec.json.decode(content, type=kind)
    except (ValueError, RecursionError) as error:
        what = "image's configuration" if kind is _Config else "manifest"
        raise exchange.unreachable(f"the {what} is not of the form that it should have") from error


def _check_form(exchange: Exchange, digest: str) -> None:
    # It becomes part of a URL.
    if not is_digest(digest):
        raise exchange.unreachable("the image refers to a part of it by something that is no digest")


def _check_digest(exchange: Exchange, content: bytes, digest: str) -> None:
    if not is_digest(digest) or _digest(content, digest.partition(":")[0]) != digest:
        raise exchange.unreachable("the registry's answer does not have the digest that it should have")


def _digest(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


async def _together(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run side by side; the first error ends the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in coroutines]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]

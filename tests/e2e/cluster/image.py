"""Writes images into a registry: what they say about themselves, and the layers that they have."""

from __future__ import annotations

import hashlib
import json
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

_OCI = "application/vnd.oci.image."
_DOCKER = "application/vnd.docker."


@dataclass(frozen=True, slots=True)
class Media:
    """The media types of one of the two image formats."""

    index: str
    manifest: str
    config: str
    layer: str


OCI = Media(f"{_OCI}index.v1+json", f"{_OCI}manifest.v1+json", f"{_OCI}config.v1+json", f"{_OCI}layer.v1.tar")
DOCKER = Media(
    f"{_DOCKER}distribution.manifest.list.v2+json",
    f"{_DOCKER}distribution.manifest.v2+json",
    f"{_DOCKER}container.image.v1+json",
    f"{_DOCKER}image.rootfs.diff.tar",
)


@dataclass(frozen=True, slots=True)
class Image:
    """What an image of one platform says about itself; None is what a Dockerfile does not mention."""

    entrypoint: Sequence[str] | None = None
    cmd: Sequence[str] | None = None
    user: str = ""
    platform: str = "linux/amd64"
    media: Media = field(default=OCI)
    working_dir: str = "/"
    env: Sequence[str] = ()
    layers: Sequence[bytes] = ()  # tar files, not compressed

    def config(self) -> bytes:
        """The image's configuration."""
        run = {"Entrypoint": self.entrypoint, "Cmd": self.cmd, "User": self.user, "WorkingDir": self.working_dir}
        if self.env:
            run["Env"] = list(self.env)
        rootfs = {"type": "layers", "diff_ids": [digest_of(layer) for layer in self.layers]}
        return _encode({**platform_object(self.platform), "config": run, "rootfs": rootfs})


class Repository:
    """One repository of a registry that takes images over plain HTTP from anybody."""

    def __init__(self, host: str, name: str) -> None:
        """Name it; nothing is sent yet."""
        self.reference = f"{host}/{name}"
        self._base = f"http://{host}/v2/{name}"

    def push(self, image: Image, tag: str | None = None) -> str:
        """Write an image and return its digest; without a tag it is known by that alone.

        Raises:
            httpx2.HTTPError: the registry does not take it.
        """
        config = image.config()
        with _client() as client:
            for blob in (*image.layers, config):
                self._upload(client, blob)
        layers = [_descriptor(image.media.layer, layer) for layer in image.layers]
        manifest = {"config": _descriptor(image.media.config, config), "layers": layers}
        return self._put(manifest, image.media.manifest, tag)

    def _upload(self, client: httpx2.Client, blob: bytes) -> None:
        if client.head(f"{self._base}/blobs/{digest_of(blob)}").is_success:
            return
        upload = client.post(f"{self._base}/blobs/uploads/").raise_for_status().headers["Location"]
        target = httpx2.URL(self._base).join(upload).copy_merge_params({"digest": digest_of(blob)})
        client.put(target, content=blob).raise_for_status()

    def push_index(self, images: Sequence[Image], tag: str, *, attested: bool = False, media: Media = OCI) -> str:
        """Write an image of several platforms and return its digest; `attested` adds what buildkit adds to each.

        Raises:
            httpx2.HTTPError: the registry does not take it.
        """
        entries = [self._entry(image, platform_object(image.platform)) for image in images]
        if attested:
            unknown = {"os": "unknown", "architecture": "unknown"}
            entries += [self._entry(Image(["attestation"], platform=image.platform), unknown) for image in images]
        return self._put({"manifests": entries}, media.index, tag)

    def _entry(self, image: Image, platform: Mapping[str, str]) -> dict[str, Any]:
        digest = self.push(image)
        with _client() as client:
            headers = {"Accept": image.media.manifest}
            size = len(client.get(f"{self._base}/manifests/{digest}", headers=headers).raise_for_status().content)
        return {"mediaType": image.media.manifest, "digest": digest, "size": size, "platform": platform}

    def _put(self, document: Mapping[str, Any], media_type: str, tag: str | None) -> str:
        content = _encode({"schemaVersion": 2, "mediaType": media_type, **document})
        digest = digest_of(content)
        with _client() as client:
            url = f"{self._base}/manifests/{urllib.parse.quote(tag or digest)}"
            client.put(url, content=content, headers={"Content-Type": media_type}).raise_for_status()
        return digest


def digest_of(content: bytes) -> str:
    """The digest that a registry knows these bytes by."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def platform_object(platform: str) -> dict[str, str]:
    """``os/architecture[/variant]`` as an OCI platform object."""
    return dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))


def _client() -> httpx2.Client:
    return httpx2.Client(trust_env=False, timeout=60)


def _encode(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True).encode()

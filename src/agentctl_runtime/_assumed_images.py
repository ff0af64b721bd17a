"""What images are taken to run where no registry is asked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from agentctl_core import ImageConfig, ImageError, ImageInfo

from ._reference import InvalidReference, parse_reference

BUILT_IN: Final[Mapping[str, ImageConfig]] = {
    "docker.io/library/busybox": ImageConfig(cmd=["sh"]),
    "docker.io/library/debian": ImageConfig(cmd=["bash"]),
    "docker.io/library/nginx": ImageConfig(["/docker-entrypoint.sh"], ["nginx", "-g", "daemon off;"]),
    "docker.io/library/node": ImageConfig(["docker-entrypoint.sh"], ["node"]),
    "docker.io/library/python": ImageConfig(cmd=["python3"]),
}
ASSUMED: Final = ImageConfig(["/usr/local/bin/agent"], user="65532")
"""Of every other image."""
_PLATFORMS: Final = ("linux/amd64", "linux/arm64")


def assumed_image(reference: str) -> ImageInfo | ImageError:
    """Return what an image is taken to run; the digest is made up, and always the same."""
    try:
        parsed = parse_reference(reference)
    except InvalidReference as error:
        return ImageError("NotFound", str(error))
    config = BUILT_IN.get(f"{parsed.domain}/{parsed.name}", ASSUMED)
    digest = parsed.digest or f"sha256:{hashlib.sha256(str(parsed).encode()).hexdigest()}"
    return ImageInfo(digest, dict.fromkeys(_PLATFORMS, config))

"""What comes in besides the Agent itself: the world as the host last saw it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import Attribute, field, frozen

from ._image import ImageError, ImageInfo


def _aware(_: object, attribute: Attribute[datetime], value: datetime) -> None:
    if not isinstance(value, datetime) or value.utcoffset() is None:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(
            f"Observed.{attribute.name} must be a datetime with a time zone, for example datetime.now(UTC)"
        )


@frozen(unsafe_hash=False)
class Observed:
    """One view of the world, possibly stale: every action carries the preconditions that make staleness harmless.

    Attributes:
        now: the present time; timezone-aware. The core has no other clock.
        objects: manifests found under the names that `wanted` returns, or owned by the Agent, from a synced cache;
            and, where the API server refused to create, patch or resize one of them, its answer: a `v1`
            `Status` object with `code`, `reason`, `message` and `details.kind`/`details.name` of what was refused
            (`pods/resize` for a resize). The host keeps such an answer until the `Requeue` that it led to is due.
        images: what is known of images, by the reference that `ResolveImage` named.

    Raises:
        ValueError: `now` is naive.
    """

    now: datetime = field(validator=_aware)
    objects: tuple[Mapping[str, Any], ...] = field(default=(), converter=tuple[Mapping[str, Any], ...])
    images: Mapping[str, ImageInfo | ImageError] = field(factory=dict[str, ImageInfo | ImageError])

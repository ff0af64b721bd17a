"""One module for each capability: a pure function from an Agent and the Config to what it adds to the pod.

Adding a capability adds one module and one line here. Order matters where the pod's order does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from . import container, metadata

if TYPE_CHECKING:
    from .._contribution import Feature

FEATURES: Final[tuple[Feature, ...]] = (metadata.contribute, container.contribute)

"""One module for each capability: a pure function from an Agent and the Config to what it adds.

Adding a capability adds one module and one line here. The order is that of the pod's init containers: the wrapper, the
SDK, then the user's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from . import (
    container,
    files,
    init,
    metadata,
    pod_template,
    sdk,
    security,
    service,
    shared_volume,
    sidecars,
    volumes,
    wrapper,
)

if TYPE_CHECKING:
    from .._contribution import Feature

FEATURES: Final[tuple[Feature, ...]] = (
    metadata.contribute,
    shared_volume.contribute,
    wrapper.contribute,
    sdk.contribute,
    init.contribute,
    sidecars.contribute,
    files.contribute,
    volumes.contribute,
    service.contribute,
    security.contribute,
    pod_template.contribute,
    container.contribute,
)

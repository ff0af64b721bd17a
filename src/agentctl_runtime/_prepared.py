"""The half of a decision that an Agent's spec and metadata alone lead to, kept while the Agent is on its way."""

from __future__ import annotations

from typing import Final, TypeAlias

from agentctl_core import Config, Prepared, prepare

from ._key import Key
from ._store import Manifest

MOST: Final = 1024
"""So many are kept at a time: 6 KiB each for a small Agent, ten times that for a large one."""

_Read: TypeAlias = tuple[object, ...]
"""What `prepare` reads of a manifest; the spec is told by its generation."""


class PreparedAgents:
    """Prepares Agents, and remembers those that were prepared last."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._kept: dict[Key, tuple[_Read, Prepared]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, key: Key, manifest: Manifest) -> Prepared:
        """Return what `prepare` makes of a manifest."""
        read = _read(manifest)
        former = self._kept.pop(key, None)
        if former is None or former[0] != read:
            former = (read, prepare(manifest, self._config))
        if read[1] is not None:  # without a generation nothing tells one spec from another
            self._kept[key] = former  # the last ones are the latest used
            if len(self._kept) > MOST:
                del self._kept[next(iter(self._kept))]
        return former[1]

    def forget(self, key: Key) -> None:
        """Forget an Agent of which nothing is to be decided for the time being."""
        self._kept.pop(key, None)


def _read(manifest: Manifest) -> _Read:
    metadata: Manifest = manifest["metadata"]
    return tuple(metadata.get(name) for name in ("uid", "generation", "labels", "annotations"))

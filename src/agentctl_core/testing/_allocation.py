"""What a real API server takes at random or from a pool. Here it is the first that is free, so that worlds repeat."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any, Final, TypeAlias

from .._json import dig_list
from ._resources import SERVICES
from ._storage import Storage

JsonObject: TypeAlias = dict[str, Any]

_SUFFIX_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"
_FIRST_NODE_PORT: Final = 30000
_HOSTS: Final = 254


class Allocation:
    """Gives out names, addresses and node ports for the objects of a storage."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def suffix(self) -> str:
        """Return five characters, as they are appended to a prefix that names are generated from."""
        number, suffix = self._storage.count("name"), ""
        for _ in range(5):
            number, digit = divmod(number, len(_SUFFIX_ALPHABET))
            suffix = _SUFFIX_ALPHABET[digit] + suffix
        return suffix

    def address(self) -> str:
        """Return the address of a new Service."""
        used = {spec.get("clusterIP") for spec in self._services()}
        return next(address for address in map(_address, count()) if address not in used)

    def node_port(self, taken: set[int]) -> int:
        """Return a port that no Service has on the nodes, nor is one of those that were just taken."""
        used = {port.get("nodePort") for spec in self._services() for port in dig_list(spec, "ports")} | taken
        return next(port for port in count(_FIRST_NODE_PORT) if port not in used)

    def _services(self) -> Iterator[JsonObject]:
        for _, service in self._storage.select(SERVICES.full_name, None):
            yield service["spec"]


def _address(number: int) -> str:
    return f"10.96.{number // _HOSTS}.{number % _HOSTS + 1}"

"""Containers under way to the pod: their mounts, ports and security settings, and what clashes among them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Self

from attrs import evolve, frozen

from ._clashes import Clashes
from ._contribution import Item, Mount
from ._spec import RESERVED_PREFIX
from .features.security import lay_over


@frozen(kw_only=True, unsafe_hash=False)
class Container:
    """One container, with the field that asked for it. `body` is a core/v1 Container without its name."""

    path: str
    name: str
    body: Mapping[str, Any]
    is_main: bool = False
    is_init: bool = False
    """Runs to its end before others start: it holds no port while they run."""

    @classmethod
    def of(cls, item: Item, *, is_init: bool = False) -> Self:
        """Return the container of a contribution's item."""
        return cls(path=item.path, name=item.name, body=item.value, is_init=is_init)

    @property
    def is_own(self) -> bool:
        """Whether it is the operator's own."""
        return self.name.startswith(RESERVED_PREFIX)

    def with_command(self, command: Sequence[str]) -> Self:
        """Return it with a whole command line."""
        body = {name: value for name, value in self.body.items() if name != "args"}
        return evolve(self, body=body | {"command": list(command)})


def finish(
    containers: Sequence[Container],
    mounts: Sequence[Mount],
    volumes: frozenset[str],
    security: Mapping[str, Any],
    clashes: Clashes,
) -> list[dict[str, Any]]:
    """Return the containers as core/v1 has them, with their mounts and security defaults."""
    _find_port_clashes(containers, clashes)
    return [_finished(container, mounts, volumes, security, clashes) for container in containers]


def _finished(
    container: Container,
    mounts: Sequence[Mount],
    volumes: frozenset[str],
    security: Mapping[str, Any],
    clashes: Clashes,
) -> dict[str, Any]:
    body = {"name": container.name, **container.body}
    if seen := _mounts(container, mounts, volumes, clashes):
        body["volumeMounts"] = seen
    _check_devices(container, volumes, clashes)
    if not container.is_own and (context := lay_over(security, container.body.get("securityContext") or {})):
        body["securityContext"] = context
    return body


def _mounts(
    container: Container, mounts: Sequence[Mount], volumes: frozenset[str], clashes: Clashes
) -> list[Mapping[str, Any]]:
    """Return the container's own mounts after the features' ones; two at one place are a clash."""
    own = container.body.get("volumeMounts") or ()
    all_mounts = [(m.path, m.value) for m in mounts if _is_for(m, container)]
    all_mounts += [(f"{container.path}.volumeMounts[{index}]", value) for index, value in enumerate(own)]
    first: dict[str, Item] = {}
    for path, value in all_mounts:
        place = place_of(value["mountPath"])
        if value["name"] not in volumes:
            clashes.refuse(f"{path}.name", f'there is no volume "{value["name"]}"; add it to spec.volumes')
        if clashes.is_new("mount path", place, place, path, first):
            first[place] = Item(path, place, value)
    _find_unreachable(first.values(), clashes)
    return [item.value for item in first.values()]


def place_of(path: str) -> str:
    """Return where a mount path leads, however it is written."""
    return _usual_place_of(path) if len(path) <= _USUAL_LENGTH else _place_of(path)


def _place_of(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


_USUAL_LENGTH: Final = 256
_usual_place_of = lru_cache(maxsize=1024)(_place_of)
"""Of no longer paths: it keeps them."""


def _find_unreachable(mounts: Collection[Item], clashes: Clashes) -> None:
    """Tell mounts inside a read-only one of the operator's: no mount point can be made there."""
    closed = [m for m in mounts if m.value.get("readOnly") and m.value["name"].startswith(RESERVED_PREFIX)]
    for mount in mounts:
        for outer in closed:
            if mount.name.startswith(f"{outer.name}/"):
                told = f"mount path {mount.name} is inside {outer.name}, which is read-only and set by {outer.path}"
                clashes.refuse(mount.path, f"{told}; choose another")


def _is_for(mount: Mount, container: Container) -> bool:
    match mount.target:
        case "all":
            return True
        case "user":
            return not container.is_own
        case "agent":
            return container.is_main


def _check_devices(container: Container, volumes: frozenset[str], clashes: Clashes) -> None:
    for index, device in enumerate(container.body.get("volumeDevices") or ()):
        if device["name"] not in volumes:
            path = f"{container.path}.volumeDevices[{index}].name"
            clashes.refuse(path, f'there is no volume "{device["name"]}"; add it to spec.volumes')


def _find_port_clashes(containers: Sequence[Container], clashes: Clashes) -> None:
    """The agent and its sidecars share one network: a port that two of them name can be opened by one alone."""
    numbers: dict[Any, Item] = {}
    names: dict[Any, Item] = {}
    # The agent first: what it asks for stands directly in the spec, and others have to keep clear of it.
    for container in sorted((c for c in containers if not c.is_init), key=lambda c: not c.is_main):
        for index, port in enumerate(container.body.get("ports") or ()):
            path = f"{container.path}.ports[{index}]"
            number, protocol, name = port["containerPort"], port.get("protocol", "TCP"), port.get("name")
            if clashes.is_new("port", f"{number}/{protocol}", (number, protocol), path, numbers):
                numbers[number, protocol] = Item(path, str(number), port)
            if name and clashes.is_new("port name", f'"{name}"', name, path, names):
                names[name] = Item(path, name, port)

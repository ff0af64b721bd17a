"""Registries that stand in for others.

They are asked first, and as nobody in particular: credentials are for the registry that they name.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve, frozen

from ._reference import DEFAULT_DOMAIN, DEFAULT_DOMAINS, InvalidReference, Reference, is_domain, parse_reference


@frozen
class _Place:
    """Where a mirror keeps its copies: `mirror.example`, or `mirror.example/some/project`."""

    domain: str
    prefix: str


class Mirrors:
    """Which mirrors stand in for which registry.

    Args:
        texts: each `REGISTRY=MIRROR[/PROJECT]`; of several for one registry the first is asked first.

    Raises:
        ValueError: one of them is not of that form.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._places: dict[str, list[_Place]] = {}
        for text in texts:
            registry, place = _parsed(text)
            self._places.setdefault(registry, []).append(place)

    def of(self, reference: Reference) -> tuple[Reference, ...]:
        """Return where else an image may be found, in the order to ask in."""
        places = self._places.get(reference.domain, ())
        return tuple(evolve(reference, domain=at.domain, name=at.prefix + reference.name) for at in places)


def _parsed(text: str) -> tuple[str, _Place]:
    registry, _, mirror = text.partition("=")
    domain, slash, project = mirror.partition("/")
    of = ""
    try:
        # As in an image reference: docker.io and index.docker.io are one registry.
        of = parse_reference(f"{registry}/image").domain
        is_named = of == registry or registry in DEFAULT_DOMAINS
        is_project = not slash or parse_reference(f"{DEFAULT_DOMAIN}/{project}").name.endswith(project)
    except InvalidReference:
        is_named = is_project = False
    if not (is_named and is_project and is_domain(domain)):
        raise ValueError(
            f"{text!r} is not of the form REGISTRY=MIRROR: write for example docker.io=mirror.example:5000, or "
            "docker.io=mirror.example/project where the mirror keeps its copies in a project"
        )
    return of, _Place(domain, f"{project}/" if project else "")

"""One look at Agents and what stands beside them, without watches and without writing: at a cluster, or at a dump."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from attrs import frozen

from agentctl_core import API_VERSION, KIND, Config, Ref, wanted
from agentctl_core.host import AGENT, DEPENDENTS, OURS, Resource

from ._api import Api
from ._key import Key
from ._store import Manifest, agents_of_dependent, key_of

_PAGE_SIZE: Final = 500
_GROUP: Final = API_VERSION.partition("/")[0]


@frozen(unsafe_hash=False)
class Seen:
    """An Agent, and what the operator observes for it."""

    manifest: Manifest
    objects: tuple[Manifest, ...]


async def look_at_cluster(api: Api, namespaces: Sequence[str], config: Config) -> list[Seen]:
    """Return the Agents of some namespaces, or of all, as they are now. Nothing is sent but GET.

    What holds a name that an Agent wants and is not labelled as ours is read by its name: the operator would meet it.

    Raises:
        ApiFailure: something cannot be read.
    """
    scopes = tuple(dict.fromkeys(namespaces)) or (None,)
    agents = [item for scope in scopes for item in await _list(api, AGENT, scope, None)]
    found = [item for scope in scopes for kind in DEPENDENTS for item in await _list(api, kind, scope, OURS)]
    seen: list[Seen] = []
    for agent, objects in _by_agent(agents, found):
        names = {Ref.of(item) for item in objects}
        missing = [await api.find(ref) for ref in wanted(agent, config) if ref not in names]
        seen.append(Seen(agent, (*objects, *(item for item in missing if item is not None))))
    return seen


def look_at_dump(dump: Iterable[Manifest], namespaces: Collection[str], config: Config) -> list[Seen]:
    """Return the Agents of a dump, in some namespaces or in all. Of an object that is there twice, the later counts."""
    by_ref = {Ref.of(item): item for item in dump}
    chosen = [item for ref, item in by_ref.items() if not namespaces or ref.namespace in namespaces]
    agents = [item for item in chosen if item["kind"] == KIND and item["apiVersion"].partition("/")[0] == _GROUP]
    kinds = {(kind.api_version, kind.kind) for kind in DEPENDENTS}
    found = [item for item in chosen if (item["apiVersion"], item["kind"]) in kinds]
    seen: list[Seen] = []
    for agent, objects in _by_agent(agents, found):
        names = {Ref.of(item) for item in objects}
        missing = [by_ref[ref] for ref in wanted(agent, config) if ref not in names and ref in by_ref]
        seen.append(Seen(agent, (*objects, *missing)))
    return seen


def _by_agent(agents: Iterable[Manifest], found: Sequence[Manifest]) -> list[tuple[Manifest, list[Manifest]]]:
    """Return each Agent with the objects that concern it, in the order in which the operator observes them."""
    places = {kind.kind: place for place, kind in enumerate(DEPENDENTS)}
    concerning: defaultdict[Key, list[Manifest]] = defaultdict(list)
    for item in sorted(found, key=lambda item: (places[item["kind"]], key_of(item))):
        for key in agents_of_dependent(item):
            concerning[key].append(item)
    return [(agent, concerning.get(key_of(agent), [])) for agent in sorted(agents, key=key_of)]


async def _list(api: Api, kind: Resource, namespace: str | None, selector: str | None) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    continue_: str | None = None
    while True:
        page = await api.list(kind, namespace, label_selector=selector, limit=_PAGE_SIZE, continue_=continue_)
        items += page.items
        continue_ = page.continue_
        if not continue_:
            return items

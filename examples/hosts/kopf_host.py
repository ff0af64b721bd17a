"""An operator for Agents on kopf: `kopf run --standalone --namespace=NAMESPACE kopf_host.py`.

kopf watches, indexes and tells what has changed; the core decides. kopf writes nothing of its own into an Agent (no
annotation, no finalizer, no status), since it is asked for none of what it would have to remember there: no handlers of
changes, no daemons, no timers.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, TypeAlias

import kopf

from agentctl_core.host import AGENT, DEPENDENTS, OURS, agents_of
from keeper import Cluster, Keeper

Key: TypeAlias = tuple[str | None, str]
GROUP, _, VERSION = AGENT.api_version.partition("/")

bells: dict[Key, asyncio.Event] = {}
tasks: set[asyncio.Task[None]] = set()
cluster = Cluster()


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    """Leave out what kopf would do besides watching."""
    settings.posting.enabled = False  # which Events there are is the core's to say
    settings.scanning.disabled = True  # neither namespaces nor resource types are watched
    for resource in DEPENDENTS:
        settings.watching.label_selectors[resource.api_version, resource.plural] = OURS


@kopf.index(GROUP, VERSION, AGENT.plural)
def agents(namespace: str | None, name: str, body: kopf.Body, **_: Any) -> dict[Key, Any]:
    """Hold each Agent under its own name."""
    return {(namespace, name): dict(body)}


def dependents(namespace: str | None, body: kopf.Body, **_: Any) -> dict[Key, Any]:
    """Hold each object under the names of the Agents that it concerns."""
    return {(namespace, name): dict(body) for name in agents_of(body)}


@kopf.on.event(GROUP, VERSION, AGENT.plural)
async def agent_changed(namespace: str | None, name: str, **indices: Any) -> None:
    """Have the Agent looked after."""
    ring((namespace, name), indices["agents"], indices["dependents"])


async def dependent_changed(namespace: str | None, body: kopf.Body, **indices: Any) -> None:
    """Have the Agents looked after that the object concerns."""
    for name in agents_of(body):
        ring((namespace, name), indices["agents"], indices["dependents"])


for each in DEPENDENTS:
    kopf.index(each.api_version, each.plural)(dependents)
    kopf.on.event(each.api_version, each.plural)(dependent_changed)


def ring(key: Key, agents: kopf.Index[Key, Any], dependents: kopf.Index[Key, Any]) -> None:
    """Have an Agent looked after: by a task of its own, so that there is one pass at a time over it."""
    if key not in bells:
        bells[key] = asyncio.Event()
        task = asyncio.create_task(keep(key, bells[key], agents, dependents))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    bells[key].set()


async def keep(key: Key, bell: asyncio.Event, agents: kopf.Index[Key, Any], dependents: kopf.Index[Key, Any]) -> None:
    """Look after one Agent until it is gone: at each ring, and when it is due."""
    keeper = Keeper(cluster)
    while key in agents:
        bell.clear()
        (agent,) = agents[key]
        after = await asyncio.to_thread(keeper.look_after, agent, list(dependents.get(key, ())))
        with suppress(TimeoutError):  # then it is due
            await asyncio.wait_for(bell.wait(), after)
    del bells[key]


@kopf.on.cleanup()
async def stop(**_: Any) -> None:
    """Leave what is under way as it is: stopping after any action is safe."""
    for task in tasks:
        task.cancel()

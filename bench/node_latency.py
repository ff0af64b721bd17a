"""How long an Agent takes from apply to Ready on a real node, beside pods that nobody manages, with cached images.

    python -m bench.node_latency [--runs 20]

Each run takes every kind once, one after the other, in an order that changes from run to run: what drifts hits all.

    Agent                    the image's own command behind the wrapper, which an init container installs (the default)
    its pod                  the same pod, applied by itself: what the Agent takes beside it is the operator's
    no wrapper               the same pod without the wrapper: no init container, nothing but the shared volume
    plain pod                the image alone, without any volume
    Agent, image volume      the wrapper is mounted from its image instead
    its pod, image volume    the same pod, applied by itself

Times are taken at the client, from the moment before the POST to the moment at which a watch brings Ready: conditions
tell whole seconds only. The operator's own part is seen more sharply within an Agent: from the POST to the event of its
pod's creation, and from that of the pod's Ready to that of the Agent's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2
from tests.e2e.cluster.node_images import Images
from tests.e2e.conftest import fresh_namespace
from tests.e2e.node.operator import install
from tests.e2e.node.support import OnNode
from tests.e2e.node_session import NoNodeError, SessionNode, node_access
from tests.e2e.support import condition

from agentctl_core.features import shared_volume

MOST = 0.1
"""What the operator may add at the median, in seconds."""
KINDS = ("Agent", "its pod", "no wrapper", "plain pod", "Agent, image volume", "its pod, image volume")
_SECONDS = 120
Json = dict[str, Any]
Check = Callable[[str, Json], bool]


class Watched:
    """What the watches of one namespace's Agents and pods bring, and when."""

    def __init__(self, client: httpx2.AsyncClient, paths: Iterable[str]) -> None:
        self._client = client
        self._paths = tuple(paths)
        self._told: dict[tuple[str, str], list[tuple[float, str, Json]]] = defaultdict(list)
        self._news = asyncio.Condition()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Watch, until the end of the block."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._watch(path)) for path in self._paths]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    async def _watch(self, path: str) -> None:
        async with self._client.stream("GET", path, params={"watch": "1"}, timeout=None) as stream:
            stream.raise_for_status()
            async for line in stream.aiter_lines():
                now, event = time.perf_counter(), json.loads(line)
                found = event["object"]
                async with self._news:
                    self._told[found["kind"], found["metadata"]["name"]].append((now, event["type"], found))
                    self._news.notify_all()

    async def first(self, kind: str, name: str, check: Check) -> float:
        """Wait for the first event of an object of which that is true; return when it came."""
        async with asyncio.timeout(_SECONDS), self._news:
            while True:
                for moment, event, found in self._told[kind, name]:
                    if check(event, found):
                        return moment
                await self._news.wait()


def _is_ready(_: str, found: Json) -> bool:
    return condition(found, "Ready") == "True"


def _is_added(event: str, _: Json) -> bool:
    return event == "ADDED"


def _is_deleted(event: str, _: Json) -> bool:
    return event == "DELETED"


class Bench:
    """Applies manifests in one namespace, one after the other, and takes the times."""

    def __init__(self, client: httpx2.AsyncClient, namespace: str) -> None:
        self._client = client
        self._paths = {
            "Agent": f"/apis/agentctl.dev/v1alpha1/namespaces/{namespace}/agents",
            "Pod": f"/api/v1/namespaces/{namespace}/pods",
        }
        self.watched = Watched(client, self._paths.values())

    async def applied(self, manifest: Json) -> float:
        """Apply a manifest; return the moment before."""
        begin = time.perf_counter()
        (await self._client.post(self._paths[manifest["kind"]], json=manifest)).raise_for_status()
        return begin

    async def removed(self, manifest: Json) -> None:
        """Delete it, and wait until its pod is gone."""
        name = manifest["metadata"]["name"]
        (await self._client.delete(f"{self._paths[manifest['kind']]}/{name}")).raise_for_status()
        await self.watched.first("Pod", name, _is_deleted)

    async def take(self, manifest: Json) -> tuple[float, float]:
        """Return how long it takes to Ready, and the operator's own part of that."""
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        begin = await self.applied(manifest)
        ready = await self.watched.first(kind, name, _is_ready)
        added = await self.watched.first("Pod", name, _is_added)
        pod_ready = await self.watched.first("Pod", name, _is_ready)
        await self.removed(manifest)
        return ready - begin, added - begin + ready - pod_ready

    async def pod_of(self, agent: Json) -> Json:
        """Return the spec of an Agent's pod, as somebody may apply it who has no operator; also warms up."""
        name = agent["metadata"]["name"]
        await self.applied(agent)
        await self.watched.first("Agent", name, _is_ready)
        pod = (await self._client.get(f"{self._paths['Pod']}/{name}")).raise_for_status().json()
        await self.removed(agent)
        spec: Json = pod["spec"]
        del spec["nodeName"]
        return spec


def _pod(spec: Json) -> Json:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": spec}


def _without_wrapper(spec: Json, *volumes: str) -> Json:
    """Return a pod's spec with the image's own command, and of the volumes that the operator adds these alone."""
    main = {key: value for key, value in spec["containers"][0].items() if key != "command"}
    main["volumeMounts"] = [mount for mount in main["volumeMounts"] if mount["name"] in volumes]
    kept = [volume for volume in spec["volumes"] if volume["name"] in volumes]
    plain = {key: value for key, value in spec.items() if key != "initContainers"}
    return plain | {"containers": [main], "volumes": kept}


def _named(manifest: Json, name: str) -> Json:
    return manifest | {"metadata": {"name": name}}


async def measure(address: str, on_node: OnNode, runs: int) -> dict[str, list[tuple[float, float]]]:
    """Return the times of each kind, one pair for each run."""
    agent = on_node.manifest("warm", "entrypoint")
    mounted = on_node.manifest("warm-too", "entrypoint", wrapper={"install": "ImageVolume"})
    times: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    async with httpx2.AsyncClient(base_url=address, trust_env=False, timeout=_SECONDS) as client:
        bench = Bench(client, on_node.namespace)
        async with bench.watched.running():
            spec, spec_mounted = await bench.pod_of(agent), await bench.pod_of(mounted)
            specs = (spec, _without_wrapper(spec, shared_volume.NAME), _without_wrapper(spec))
            kinds = dict(zip(KINDS, (agent, *map(_pod, specs), mounted, _pod(spec_mounted)), strict=True))
            for run in range(runs):
                order = [*KINDS[run % len(KINDS) :], *KINDS[: run % len(KINDS)]]
                for kind in order:
                    name = f"{kind.replace(', ', '-').replace(' ', '-').lower()}-{run}"
                    times[kind].append(await bench.take(_named(kinds[kind], name)))
                print(".", end="", flush=True)
    return times


@contextmanager
def cluster() -> Iterator[OnNode]:
    """Start a cluster with a real node, on which the operator runs from its image as deploy/ has it."""
    with SessionNode(), tempfile.TemporaryDirectory() as folder:
        node = node_access()
        kubectl, images = node.administrator(), Images(node.registry)
        install(kubectl, images, Path(folder))
        with fresh_namespace(kubectl) as namespace:
            yield OnNode(kubectl, namespace, images, node)


def _shown(seconds: list[float]) -> str:
    low, _, high = statistics.quantiles(seconds, n=4)
    return f"{1000 * statistics.median(seconds):6.0f} ms  ({1000 * low:.0f} to {1000 * high:.0f})"


def main() -> int:
    """Print the figures; the exit code says whether the operator adds no more than it may."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    try:
        with cluster() as on_node, on_node.kubectl.proxy() as address:
            times = asyncio.run(measure(address, on_node, options.runs))
    except NoNodeError as error:
        sys.exit(f"no real node: {error}")
    whole, own = ({kind: [pair[part] for pair in pairs] for kind, pairs in times.items()} for part in (0, 1))
    print(f"\nfrom apply to Ready, median of {options.runs} runs, and the half of them in the middle")
    for kind, seconds in whole.items():
        print(f"  {kind:24}{_shown(seconds)}")
    added = _difference(whole, "Agent", "its pod")
    print(f"the operator adds {1000 * added:.0f} ms, at most {1000 * MOST:.0f} wanted")
    print(f"  with an image volume {1000 * _difference(whole, 'Agent, image volume', 'its pod, image volume'):.0f} ms")
    print(f"  as seen within the Agent {1000 * _difference(own, 'Agent', 'its pod'):.0f} ms")
    print(f"the wrapper takes {1000 * _difference(whole, 'its pod', 'no wrapper'):.0f} ms by init container")
    print(f"  {1000 * _difference(whole, 'its pod, image volume', 'no wrapper'):.0f} ms by image volume")
    print(f"the shared volume takes {1000 * _difference(whole, 'no wrapper', 'plain pod'):.0f} ms")
    return int(added > MOST)


def _difference(times: dict[str, list[float]], one: str, other: str) -> float:
    return statistics.median(times[one]) - statistics.median(times[other])


if __name__ == "__main__":
    sys.exit(main())

"""The embedded server as its clients see it: lightkube, and plain HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import lightkube
import pytest
from lightkube import KubeConfig
from lightkube.config.models import Cluster, User
from lightkube.core.exceptions import ApiError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.core_v1 import Container, PodSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Pod
from lightkube.types import PatchType

from agentctl_core import Ref, reconcile
from agentctl_core.testing import Timings
from agentctl_runtime.embedded import EmbeddedServer

URL = "http://embedded.invalid"
AGENTS = "/apis/agentctl.dev/v1alpha1/namespaces/default/agents"
PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"
MERGE = {"Content-Type": "application/merge-patch+json"}
STRATEGIC = {"Content-Type": "application/strategic-merge-patch+json"}
AGENT_REF = Ref("agentctl.dev/v1alpha1", "Agent", "default", "demo")

Agent = create_namespaced_resource("agentctl.dev", "v1alpha1", "Agent", "agents")


def agent(name: str = "demo", **spec: Any) -> dict[str, Any]:
    metadata = {"name": name}
    return {
        "apiVersion": "agentctl.dev/v1alpha1",
        "kind": "Agent",
        "metadata": metadata,
        "spec": {"image": "i", "command": ["run"], **spec},
    }


def config_map(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}


def connect(server: EmbeddedServer) -> lightkube.AsyncClient:
    # Not `from_server`: it leaves the user out, which the client then misses.
    config = KubeConfig.from_one(cluster=Cluster(server=URL), user=User())
    return lightkube.AsyncClient(config=config, transport=server.transport, trust_env=False)


@asynccontextmanager
async def http(**options: Any) -> AsyncIterator[tuple[EmbeddedServer, httpx2.AsyncClient]]:
    async with (
        EmbeddedServer(**options) as server,
        httpx2.AsyncClient(transport=server.transport, base_url=URL, trust_env=False) as client,
    ):
        yield server, client


async def eventually(check: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(5):
        while not await check():  # noqa: ASYNC110 -- what a client does
            await asyncio.sleep(0.01)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_lightkube_finds_its_way_around() -> None:
    async def main() -> None:
        async with EmbeddedServer() as server:
            client = connect(server)
            made = await client.create(
                Agent(metadata=ObjectMeta(name="demo", namespace="default"), spec={"image": "i"})
            )
            assert (made.spec["image"], made.spec["replicas"]) == ("i", 1)
            spec = PodSpec(containers=[Container(name="c", image="i")])
            await client.create(Pod(metadata=ObjectMeta(name="p", namespace="default"), spec=spec))

            async def is_running() -> bool:
                pod = await client.get(Pod, "p", namespace="default")
                return pod.status is not None and pod.status.phase == "Running"

            await eventually(is_running)
            assert [item.metadata.name async for item in client.list(Agent, namespace="*") if item.metadata] == ["demo"]
            patch = {"spec": {"replicas": 0}}
            changed = await client.patch(Agent, "demo", patch, namespace="default", patch_type=PatchType.MERGE)
            assert changed.spec["replicas"] == 0
            await client.delete(Agent, "demo", namespace="default")
            with pytest.raises(ApiError) as caught:
                await client.get(Agent, "demo", namespace="default")
            assert (caught.value.status.code, caught.value.status.reason) == (404, "NotFound")
            await client.close()

    asyncio.run(main())


def test_lightkube_watches() -> None:
    async def main() -> None:
        async with EmbeddedServer() as server:
            client = connect(server)
            seen: list[str] = []
            server.cluster.create(config_map("first"))
            async for kind, item in client.watch(ConfigMap, namespace="default"):
                assert item.metadata is not None
                seen.append(f"{kind} {item.metadata.name}")
                if len(seen) == 2:
                    break
                server.cluster.create(config_map("second"))
            assert seen == ["ADDED first", "ADDED second"]
            await client.close()

    asyncio.run(main())


def test_the_pages_that_clients_ask_for() -> None:
    async def main() -> None:
        async with http() as (_, client):
            assert (await client.get("/readyz")).text == "ok"
            assert (await client.get("/version")).json()["minor"] == "37"
            assert (await client.get("/nope")).status_code == 404
            assert (await client.get("/apis/nope.dev/v1/foos")).text == "404 page not found\n"
            missing = await client.get("/api/v1/nope")
            assert missing.json()["message"] == "the server could not find the requested resource"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("method", "path", "options", "code", "reason"),
    [
        ("GET", f"{AGENTS}/nope", {}, 404, "NotFound"),
        ("POST", AGENTS, {"json": agent(), "params": {"fieldValidation": "Strict"}}, 201, ""),
        ("POST", AGENTS, {"json": agent(foo=1), "params": {"fieldValidation": "Strict"}}, 400, "BadRequest"),
        ("POST", AGENTS, {"json": agent(foo=1)}, 201, ""),
        ("POST", AGENTS, {"json": agent("a.b")}, 422, "Invalid"),
        ("POST", AGENTS, {"content": b"{"}, 400, "BadRequest"),
        ("POST", AGENTS, {"json": {"metadata": {"name": "x"}}}, 400, "BadRequest"),
        ("POST", AGENTS, {"json": agent(), "params": {"fieldValidation": "Foo"}}, 422, "Invalid"),
        ("POST", AGENTS, {"json": agent() | {"apiVersion": "v1"}}, 400, "BadRequest"),
        ("POST", AGENTS, {"content": b"a: b", "headers": {"Content-Type": "text/plain"}}, 415, "UnsupportedMediaType"),
        ("POST", "/apis/agentctl.dev/v1alpha1/agents", {"json": agent()}, 405, "MethodNotAllowed"),
        ("POST", AGENTS.replace("default", "nope"), {"json": agent()}, 404, "NotFound"),
        ("POST", f"{MAPS}/m", {}, 405, "MethodNotAllowed"),
        ("PATCH", f"{MAPS}/m", {"json": {}}, 415, "UnsupportedMediaType"),
        ("PATCH", f"{MAPS}/m", {"content": b"[]", "headers": MERGE}, 400, "BadRequest"),
        ("PATCH", f"{MAPS}/m", {"content": b'{"data":{"a":"b"}}', "headers": MERGE}, 200, ""),
        ("PATCH", f"{MAPS}/m/status", {"content": b"{}", "headers": MERGE}, 404, "NotFound"),
        ("PUT", f"{MAPS}/m", {"json": config_map("other")}, 400, "BadRequest"),
        ("PUT", f"{MAPS}/m", {"json": config_map("m")}, 200, ""),
        ("DELETE", f"{MAPS}/m", {"json": {"preconditions": {"uid": "x"}}}, 409, "Conflict"),
        ("DELETE", f"{MAPS}/m", {"json": {"propagationPolicy": "Foo"}}, 422, "Invalid"),
        ("DELETE", f"{MAPS}/m", {"json": {"propagationPolicy": "Background"}}, 200, ""),
        ("GET", MAPS, {"params": {"resourceVersion": "99999"}}, 504, "Timeout"),
        ("GET", MAPS, {"params": {"resourceVersion": "x"}}, 400, "BadRequest"),
        ("GET", MAPS, {"params": {"continue": "x"}}, 400, "BadRequest"),
        ("GET", MAPS, {"params": {"labelSelector": "a in ("}}, 400, "BadRequest"),
        ("GET", MAPS, {"params": {"watch": "1", "sendInitialEvents": "true"}}, 422, "Invalid"),
    ],
)
def test_requests_are_answered(method: str, path: str, options: dict[str, Any], code: int, reason: str) -> None:
    async def main() -> None:
        async with http() as (server, client):
            server.cluster.create(config_map("m"))
            response = await client.request(method, path, **options)
            assert response.headers["Content-Type"] == "application/json"
            assert (response.status_code, response.json().get("reason", "")) == (code, reason)

    asyncio.run(main())


def test_a_strategic_merge_patch_resizes_the_containers_that_it_names() -> None:
    requests = {"cpu": "1", "memory": "1Gi"}
    sidecar = {"name": "log", "image": "i", "restartPolicy": "Always"}
    agent_container = {"name": "agent", "image": "i", "resources": {"requests": requests}}
    other = {"name": "other", "image": "i", "resources": {"requests": requests}}
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"initContainers": [sidecar], "containers": [other, agent_container]},
    }
    limits = {"limits": {"cpu": "2"}}
    patch = {
        "spec": {
            "initContainers": [{"name": "log", "resources": limits}],
            "containers": [{"name": "agent", "resources": {"requests": {"cpu": "2"}}}],
        }
    }

    async def main() -> None:
        async with http() as (server, client):
            server.cluster.create(manifest)
            response = await client.patch(f"{PODS}/p/resize", content=json.dumps(patch), headers=STRATEGIC)
            assert response.status_code == 200
            spec = response.json()["spec"]
            assert [c["image"] for c in (*spec["initContainers"], *spec["containers"])] == ["i", "i", "i"]
            assert spec["initContainers"][0]["resources"] == limits | {"requests": {"cpu": "2"}}
            resources = {c["name"]: c["resources"]["requests"] for c in spec["containers"]}
            assert resources == {"other": requests, "agent": {"cpu": "2", "memory": "1Gi"}}
            server.cluster.create(agent())
            elsewhere = await client.patch(f"{AGENTS}/demo", content="{}", headers=STRATEGIC)
            assert elsewhere.status_code == 415

    asyncio.run(main())


def test_lists_come_in_pages() -> None:
    async def main() -> None:
        async with http() as (server, client):
            for name in "abc":
                server.cluster.create(config_map(name))
            first = (await client.get(MAPS, params={"limit": "2", "resourceVersion": "0"})).json()
            assert [item["metadata"]["name"] for item in first["items"]] == ["a", "b"]
            assert first["metadata"]["remainingItemCount"] == 1
            server.cluster.create(config_map("d"))
            token = first["metadata"]["continue"]
            second = (await client.get(MAPS, params={"limit": "2", "continue": token})).json()
            assert [item["metadata"]["name"] for item in second["items"]] == ["c", "d"]
            assert second["metadata"] == {"resourceVersion": first["metadata"]["resourceVersion"]}

    asyncio.run(main())


def test_a_dry_run_writes_nothing() -> None:
    async def main() -> None:
        async with http() as (server, client):
            response = await client.post(AGENTS, json=agent(), params={"dryRun": "All"})
            assert response.status_code == 201
            assert server.cluster.list("agentctl.dev/v1alpha1", "Agent")[0] == []

    asyncio.run(main())


def test_a_watch_ends_in_time_with_a_bookmark() -> None:
    async def main() -> None:
        async with http(bookmark_seconds=0.3) as (server, client):
            server.cluster.create(config_map("m"))
            version = server.cluster.storage.resource_version
            params = {
                "watch": "1",
                "resourceVersion": str(version),
                "timeoutSeconds": "1",
                "allowWatchBookmarks": "true",
            }
            events = lines((await client.get(MAPS, params=params)).text)
            assert len(events) >= 3
            assert {event["type"] for event in events} == {"BOOKMARK"}
            assert events[-1]["object"]["metadata"]["resourceVersion"] == str(version)

    asyncio.run(main())


def test_a_watch_that_comes_too_late_is_told_in_the_stream() -> None:
    async def main() -> None:
        async with http(history=1) as (server, client):
            for name in "abc":
                server.cluster.create(config_map(name))
            response = await client.get(MAPS, params={"watch": "1", "resourceVersion": "1"})
            (event,) = lines(response.text)
            assert response.status_code == 200
            assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")

    asyncio.run(main())


def test_a_watch_ends_when_either_side_has_enough() -> None:
    async def main() -> None:
        async with http() as (server, client):
            params = {"watch": "true", "resourceVersion": "1"}
            async with client.stream("GET", MAPS, params=params) as response:
                server.cluster.create(config_map("m"))
                async for line in response.aiter_lines():
                    assert json.loads(line)["type"] == "ADDED"
                    break
            waiting = asyncio.create_task(client.get(MAPS, params=params | {"resourceVersion": "2"}))
            cancelled = asyncio.create_task(client.get(MAPS, params=params | {"resourceVersion": "2"}))
            await asyncio.sleep(0.05)
            cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            server.transport.end_watches()
            assert (await waiting).text == ""
        assert server.cluster._listeners == []
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_time_moves_along_and_delays_can_be_watched() -> None:
    async def main() -> None:
        async with http(timings=Timings(start=30), speed=100) as (server, client):
            server.cluster.create(agent())
            manifest = server.cluster.get(AGENT_REF)
            for action in reconcile(manifest, server.cluster.observe(manifest)):
                server.cluster.execute(action)
            phases: list[str] = []

            async def is_running() -> bool:
                phase = (await client.get(f"{PODS}/demo")).json()["status"]["phase"]
                if phase not in phases:
                    phases.append(phase)
                return bool(phase == "Running")

            await eventually(is_running)
            assert phases == ["Pending", "Running"]
            await client.delete(f"{AGENTS}/demo", params={"propagationPolicy": "Foreground"})

            async def is_gone() -> bool:
                return (await client.get(f"{AGENTS}/demo")).status_code == 404

            await eventually(is_gone)
            assert (await client.get(f"{PODS}/demo")).status_code == 404

    asyncio.run(main())

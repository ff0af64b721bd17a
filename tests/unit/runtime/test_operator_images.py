"""The operator and what registries say: fast, slow, silent and back again; on a clock that jumps."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from agentctl_core import ImageConfig, ImageError, ImageInfo
from agentctl_core.testing import Timings
from agentctl_runtime._api import Api
from agentctl_runtime._images import ERROR_SECONDS, PATIENCE, TAG_SECONDS, Known
from agentctl_runtime._operator import Operator
from agentctl_runtime._registry_auth import Credential
from agentctl_runtime.embedded import EmbeddedServer

from .support import now, run
from .test_operator import STATUS, Between, Setup, agent, agent_ref, operating, pod_ref

DIGEST = f"sha256:{'1' * 64}"
INFO = ImageInfo(DIGEST, {"linux/amd64": ImageConfig(["/bin/agent", "$HOME"], ["serve"])})
AWAY = ImageError("Unreachable", "the registry is away")
NONE = ImageError("NotFound", "the registry has no such image")


class FakeRegistry:
    def __init__(self, answer: Known = INFO, seconds: float = 0.0) -> None:
        self.answer = answer
        self.seconds = seconds
        self.asked: list[tuple[float, str]] = []
        self.credentials: list[tuple[Credential, ...]] = []

    async def look_up(self, reference: str, _: ImageInfo | None, credentials: Sequence[Credential]) -> Known:
        self.credentials.append(tuple(credentials))
        self.asked.append((now(), reference))
        await asyncio.sleep(self.seconds)
        return self.answer


def unnamed(name: str = "demo", **spec: Any) -> dict[str, Any]:
    """An Agent that leaves its command to the image."""
    return agent(name, **{"command": [], "image": "registry.example/a:1", **spec})


def main_container(setup: Setup, name: str = "demo") -> dict[str, Any]:
    pod = setup.get(pod_ref(name))
    assert pod is not None
    container: dict[str, Any] = pod["spec"]["containers"][0]
    return container


def test_a_fast_registry_costs_no_extra_status_write() -> None:
    async def writes(manifest: dict[str, Any]) -> int:
        registry = FakeRegistry(seconds=PATIENCE * 0.8)
        async with operating(look_up=registry.look_up) as setup:
            setup.cluster.create(manifest)
            await setup.until(setup.is_ready)
            await asyncio.sleep(5)
            return len(setup.between.times("PATCH", STATUS))

    async def main() -> None:
        assert await writes(unnamed()) == await writes(agent(command=["run"])) > 0

    run(main())


def test_the_pod_runs_what_the_image_runs_and_is_pinned() -> None:
    async def main() -> None:
        async with operating(look_up=FakeRegistry().look_up) as setup:
            setup.cluster.create(unnamed())
            await setup.until(setup.is_ready)
            container = main_container(setup)
            assert container["image"] == f"registry.example/a:1@{DIGEST}"
            assert [*container["command"], *container.get("args", [])][-4:] == ["--", "/bin/agent", "$$HOME", "serve"]

    run(main())


def test_a_slow_registry_is_told_of_and_the_pod_follows_at_once() -> None:
    async def main() -> None:
        async with operating(look_up=FakeRegistry(seconds=5).look_up) as setup:
            setup.cluster.create(unnamed())
            await setup.until(lambda: setup.conditions().get("Accepted") == ("Unknown", "ResolvingImage"), 1)
            assert setup.get(pod_ref()) is None
            await setup.until(lambda: setup.get(pod_ref()))
            assert now() < 5.5
            await setup.until(setup.is_ready)

    run(main())


def test_agents_of_one_image_share_a_look_up() -> None:
    async def main() -> None:
        registry = FakeRegistry(seconds=1)
        async with operating(look_up=registry.look_up) as setup:
            names = [f"demo-{number}" for number in range(40)]
            for name in names:
                setup.cluster.create(unnamed(name))
            await setup.until(lambda: all(map(setup.is_ready, names)))
            assert len(registry.asked) == 1

    run(main())


def test_a_silent_registry_does_not_hold_up_other_agents() -> None:
    async def main() -> None:
        async with operating(look_up=FakeRegistry(seconds=1000).look_up) as setup:
            for number in range(100):
                setup.cluster.create(unnamed(f"silent-{number}", image=f"registry.example/{number}"))
            setup.cluster.create(agent(command=["run"]))
            assert await setup.until(setup.is_ready) < 2
            begin = now()
            setup.stop.set()
            await asyncio.wait([setup.running])
            assert now() - begin < 1

    run(main())


def test_a_silent_registry_does_not_hold_up_look_ups_at_others() -> None:
    class Silent(FakeRegistry):
        async def look_up(self, reference: str, _: ImageInfo | None, credentials: Sequence[Credential]) -> Known:
            if reference.startswith("silent.example/"):
                await asyncio.sleep(20)
                return AWAY
            return await super().look_up(reference, _, credentials)

    async def main() -> None:
        async with operating(look_up=Silent(seconds=0.1).look_up) as setup:
            for number in range(100):
                setup.cluster.create(unnamed(f"silent-{number}", image=f"silent.example/{number}"))
            await asyncio.sleep(1)
            names = [f"demo-{number}" for number in range(20)]
            for name in names:
                setup.cluster.create(unnamed(name, image=f"registry.example/{name}"))
            assert await setup.until(lambda: all(map(setup.is_ready, names)), 60) < 3

    run(main())


def test_a_missing_image_is_told_and_found_later() -> None:
    async def main() -> None:
        registry = FakeRegistry(NONE)
        async with operating(look_up=registry.look_up) as setup:
            setup.cluster.create(unnamed())
            await setup.until(lambda: setup.conditions().get("Accepted") == ("False", "ImageNotFound"))
            registry.answer = INFO
            assert await setup.until(setup.is_ready, 40) < ERROR_SECONDS + 5

    run(main())


def test_while_a_registry_is_away_it_is_asked_rarely_and_the_status_stays() -> None:
    async def main() -> None:
        registry = FakeRegistry(AWAY, seconds=20)
        async with operating(look_up=registry.look_up) as setup:
            setup.cluster.create(unnamed())
            await setup.until(lambda: setup.conditions().get("Accepted") == ("False", "RegistryUnreachable"), 25)
            writes = setup.between.writes()
            await asyncio.sleep(3600)
            assert setup.between.writes() == writes
            assert 10 < len(registry.asked) < 20
            registry.answer = INFO
            await setup.until(setup.is_ready, 400)

    run(main())


def test_what_was_resolved_before_starts_again_while_the_registry_is_away() -> None:
    async def main() -> None:
        registry = FakeRegistry()
        async with operating(look_up=registry.look_up) as setup:
            setup.cluster.create(unnamed())
            await setup.until(setup.is_ready)
            before = setup.cluster.get(pod_ref())
            registry.answer = AWAY
            await asyncio.sleep(TAG_SECONDS)
            setup.cluster.delete(pod_ref())
            await setup.until(lambda: (setup.get(pod_ref()) or before)["metadata"]["uid"] != before["metadata"]["uid"])
            await setup.until(setup.is_ready)
            assert main_container(setup)["image"] == before["spec"]["containers"][0]["image"]
            assert len(registry.asked) == 2

    run(main())


def test_another_image_is_asked_for_when_the_spec_names_it() -> None:
    async def main() -> None:
        registry = FakeRegistry(NONE)
        async with operating(look_up=registry.look_up) as setup:
            setup.cluster.create(unnamed())
            await setup.until(lambda: setup.conditions().get("Accepted") == ("False", "ImageNotFound"))
            registry.answer = INFO
            current = setup.cluster.get(agent_ref())
            setup.cluster.patch(agent_ref(), {"spec": {"image": "registry.example/b:1"}})
            assert current["spec"]["image"] == "registry.example/a:1"
            assert await setup.until(setup.is_ready) < 3
            assert [image for _, image in registry.asked] == ["registry.example/a:1", "registry.example/b:1"]

    run(main())


def test_without_a_look_up_only_agents_with_a_command_run() -> None:
    async def main() -> None:
        async with EmbeddedServer(timings=Timings(schedule=0.1, start=0.5, stop=1)) as server:
            setup = Setup(server.cluster, Between(server))
            async with Api.connect(server="http://embedded.invalid", transport=setup.between) as api:
                setup.running = asyncio.create_task(Operator(api).run(setup.stop))
                setup.cluster.create(unnamed("unnamed"))
                setup.cluster.create(agent(command=["run"]))
                await setup.until(setup.is_ready)
                assert setup.conditions("unnamed")["Accepted"] == ("False", "RegistryUnreachable")
                setup.stop.set()
                await setup.running

    run(main())

"""The operator and pull secrets: read where that is switched on, and only when an image is to be looked up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx2

from agentctl_core import ImageError, ImageInfo
from agentctl_runtime._images import ERROR_SECONDS, TAG_SECONDS, Known
from agentctl_runtime._registry_auth import Credential

from .support import now, run
from .test_operator import Setup, agent_ref, operating, pod_ref, status
from .test_operator_images import INFO, unnamed
from .test_pull_secrets import CANARY, credential, secret, user

FORBIDDEN = ImageError("Forbidden", "the registry asks for credentials")
PULL = {"spec": {"imagePullSecrets": [{"name": "pull"}]}}


class PrivateRegistry:
    """Shows its images to one user alone."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, str, tuple[Credential, ...]]] = []

    async def look_up(self, reference: str, _: ImageInfo | None, credentials: Sequence[Credential]) -> Known:
        self.asked.append((now(), reference, tuple(credentials)))
        return INFO if credential("right") in credentials else FORBIDDEN


def path(name: str, kind: str = "secrets", namespace: str = "default") -> str:
    return f"/api/v1/namespaces/{namespace}/{kind}/{name}"


def holds(setup: Setup, name: str, content: Any, **where: str) -> None:
    """Let the API server have an object of that name; None for nothing."""

    async def answer(_: httpx2.Request) -> httpx2.Response:
        return status(404, "NotFound") if content is None else httpx2.Response(200, json=content)

    setup.between.on("GET", path(name, **where), answer)


def reads(setup: Setup) -> list[str]:
    return [each for _, _, each in setup.between.asked if "/secrets" in each or "/serviceaccounts" in each]


def said(setup: Setup, name: str = "demo") -> str:
    conditions = (setup.get(agent_ref(name)) or {})["status"]["conditions"]
    (message,) = [each["message"] for each in conditions if each["type"] == "Accepted"]
    return str(message)


async def until_refused(setup: Setup, name: str = "demo") -> None:
    await setup.until(lambda: setup.conditions(name).get("Accepted") == ("False", "RegistryUnreachable"))


def test_switched_off_nothing_is_read_and_both_cures_are_told() -> None:
    async def main() -> None:
        registry = PrivateRegistry()
        async with operating(look_up=registry.look_up) as setup:
            holds(setup, "pull", secret(user("right")))
            setup.cluster.create(unnamed(podTemplate=PULL))
            await until_refused(setup)
            assert "--use-image-pull-secrets" in said(setup)
            assert said(setup).endswith("Set spec.command to do without.")
            await asyncio.sleep(100)
            assert reads(setup) == []
            assert {credentials for *_, credentials in registry.asked} == {()}

    run(main())


def test_switched_on_the_image_is_looked_up_with_what_the_secret_holds() -> None:
    async def main() -> None:
        registry = PrivateRegistry()
        async with operating(look_up=registry.look_up, use_pull_secrets=True) as setup:
            holds(setup, "pull", secret(user("right")))
            setup.cluster.create(unnamed(podTemplate=PULL))
            await setup.until(setup.is_ready)
            assert [credentials for *_, credentials in registry.asked] == [(credential("right"),)]
            assert reads(setup) == [path("pull")]
            await asyncio.sleep(TAG_SECONDS)
            assert reads(setup) == [path("pull")]  # nothing is to be looked up

    run(main())


def test_an_agent_that_names_its_command_leads_to_no_reading() -> None:
    async def main() -> None:
        async with operating(look_up=PrivateRegistry().look_up, use_pull_secrets=True) as setup:
            setup.cluster.create(unnamed(podTemplate=PULL, command=["run"]))
            await setup.until(setup.is_ready)
            assert reads(setup) == []

    run(main())


def test_those_of_the_service_account_are_used_where_the_agent_names_none() -> None:
    async def main() -> None:
        async with operating(look_up=PrivateRegistry().look_up, use_pull_secrets=True) as setup:
            holds(setup, "other", {"kind": "ServiceAccount", **PULL["spec"]}, kind="serviceaccounts")
            holds(setup, "pull", secret(user("right")))
            setup.cluster.create(unnamed(podTemplate={"spec": {"serviceAccountName": "other"}}))
            await setup.until(setup.is_ready)
            assert reads(setup) == [path("other", "serviceaccounts"), path("pull")]

    run(main())


def test_a_secret_that_is_made_later_is_found_without_an_edit() -> None:
    async def main() -> None:
        registry = PrivateRegistry()
        async with operating(look_up=registry.look_up, use_pull_secrets=True) as setup:
            holds(setup, "pull", None)
            setup.cluster.create(unnamed(podTemplate=PULL))
            await until_refused(setup)
            assert "(Secret pull: it does not exist)" in said(setup)
            await asyncio.sleep(600)  # however long that has been so
            asked, writes = len(registry.asked), setup.between.writes()
            holds(setup, "pull", secret(user("right")))
            assert await setup.until(setup.is_ready, 60) < ERROR_SECONDS + 5
            assert len(registry.asked) == asked + 1
            assert writes < 10

    run(main())


def test_a_password_that_is_refused_is_told_and_replaced_without_an_edit() -> None:
    async def main() -> None:
        async with operating(look_up=PrivateRegistry().look_up, use_pull_secrets=True) as setup:
            holds(setup, "pull", secret(user("wrong")))
            setup.cluster.create(unnamed(podTemplate=PULL))
            await until_refused(setup)
            assert "(Secret pull: it has credentials for registry.example/a)" in said(setup)
            assert CANARY not in said(setup)
            holds(setup, "pull", secret(user("right")))
            assert await setup.until(setup.is_ready, 60) < ERROR_SECONDS + 5

    run(main())


def test_what_one_namespace_may_see_is_shown_to_no_other() -> None:
    async def main() -> None:
        registry = PrivateRegistry()
        async with operating(look_up=registry.look_up, use_pull_secrets=True) as setup:
            contents = {
                "n0": secret(user("right")),
                "n1": None,
                "n2": secret(user("wrong")),
                "n3": secret(user("right")),
            }
            for namespace, content in contents.items():
                setup.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
                holds(setup, "pull", content, namespace=namespace)
                manifest = unnamed(podTemplate=PULL)
                setup.cluster.create({**manifest, "metadata": {"name": "demo", "namespace": namespace}})
                await asyncio.sleep(10)
            assert [n for n in contents if setup.get(pod_ref(namespace=n))] == ["n0", "n3"]
            # Whoever has the same credential shares what was told to it.
            assert [users for *_, users in registry.asked] == [(credential("right"),), (), (credential("wrong"),)]

    run(main())


def test_what_was_seen_once_is_not_told_to_an_agent_whose_secret_is_gone() -> None:
    async def main() -> None:
        async with operating(look_up=PrivateRegistry().look_up, use_pull_secrets=True) as setup:
            holds(setup, "pull", secret(user("right")))
            setup.cluster.create(unnamed("first", podTemplate=PULL))
            await setup.until(lambda: setup.is_ready("first"))
            holds(setup, "pull", None)
            setup.cluster.create(unnamed("second", podTemplate=PULL))
            await until_refused(setup, "second")

    run(main())


def test_without_the_right_to_read_the_component_that_gives_it_is_named_and_others_go_on() -> None:
    async def forbidden(_: httpx2.Request) -> httpx2.Response:
        return status(403, "Forbidden", f"secrets is forbidden {CANARY}")

    async def main() -> None:
        async with operating(look_up=PrivateRegistry().look_up, use_pull_secrets=True) as setup:
            setup.between.on("GET", path("pull"), forbidden)
            setup.cluster.create(unnamed(podTemplate=PULL))
            await until_refused(setup)
            assert "deploy/pull-secrets" in said(setup)
            assert CANARY not in said(setup)

    run(main())

"""What is remembered of images, for how long, and who is woken by it; on a clock that jumps."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from itertools import pairwise
from typing import Any

import pytest
from structlog.testing import capture_logs

from agentctl_core import ImageConfig, ImageError, ImageInfo
from agentctl_runtime._images import (
    ENTRIES,
    ERROR_MAX_SECONDS,
    ERROR_SECONDS,
    PATIENCE,
    TAG_SECONDS,
    Images,
    Known,
    no_look_up,
)
from agentctl_runtime._key import Key
from agentctl_runtime._registry_auth import Credential
from agentctl_runtime._turns import IN_ALL, PER_HOST, PER_NAMESPACE

from .support import now, run

TAG = "registry.example/a:1"
PINNED = f"registry.example/a@sha256:{'0' * 64}"
INFO = ImageInfo("sha256:1", {"linux/amd64": ImageConfig(["a"])})
ERROR = ImageError("Unreachable", "no answer")
ONE, TWO = Key("default", "one"), Key("default", "two")


class FakeRegistry:
    """Answers after a while, and keeps when it was asked for what."""

    def __init__(self, answer: Known | Exception = INFO, seconds: float = 1.0) -> None:
        self.answer = answer
        self.seconds = seconds
        self.asked: list[tuple[float, str]] = []
        self.before: list[ImageInfo | None] = []
        self.credentials: list[tuple[Credential, ...]] = []
        self.in_flight = 0
        self.peak = 0
        self.given_up = 0

    async def __call__(self, reference: str, before: ImageInfo | None, credentials: Sequence[Credential]) -> Known:
        self.before.append(before)
        self.credentials.append(tuple(credentials))
        self.asked.append((now(), reference))
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        finally:
            self.in_flight -= 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Setup:
    def __init__(self, registry: FakeRegistry) -> None:
        self.registry = registry
        self.woken: list[tuple[float, Key]] = []
        self.images = Images(registry, lambda key: self.woken.append((now(), key)))
        self.asking: list[asyncio.Task[Known | None]] = []

    def known(self, reference: str, *credentials: Credential) -> Known | None:
        return self.images._known((reference, self.images._hash(credentials)))

    async def ask(self, reference: str, key: Key, *credentials: Credential) -> None:
        """Ask, and do not wait."""
        self.asking.append(asyncio.create_task(self.images.answer(reference, key, credentials)))
        await asyncio.sleep(0)

    async def settle(self, reference: str = TAG, *credentials: Credential) -> Known | None:
        """Ask, and wait for the answer however long it takes."""
        await self.ask(reference, ONE, *credentials)
        while self.images._pending:  # noqa: ASYNC110 -- what a test does
            await asyncio.sleep(0.5)
        return self.known(reference, *credentials)


def with_images(
    main: Callable[[Setup], Coroutine[Any, Any, None]], answer: Known | Exception = INFO, seconds: float = 1.0
) -> Setup:
    async def whole() -> Setup:
        setup = Setup(FakeRegistry(answer, seconds))
        await main(setup)
        await setup.images.close()
        return setup

    return run(whole())


def test_what_nobody_asked_for_is_not_known() -> None:
    async def main(setup: Setup) -> None:
        assert setup.known(TAG) is None

    assert with_images(main).registry.asked == []


def test_concurrent_askers_share_one_look_up_and_each_is_woken_once() -> None:
    async def main(setup: Setup) -> None:
        for key in (ONE, TWO, ONE):
            await setup.ask(TAG, key)
        assert setup.known(TAG) is None
        await asyncio.sleep(1.1)
        assert setup.known(TAG) == INFO
        assert sorted(setup.woken) == [(1.0, ONE), (1.0, TWO)]
        await setup.ask(TAG, ONE)
        await asyncio.sleep(10)
        assert len(setup.woken) == 2

    assert with_images(main).registry.asked == [(0.0, TAG)]


@pytest.mark.parametrize(("reference", "again"), [(TAG, True), (PINNED, False)])
def test_a_tag_is_asked_for_again_after_an_hour_and_a_digest_is_not(reference: str, again: bool) -> None:  # noqa: FBT001
    async def main(setup: Setup) -> None:
        assert await setup.settle(reference) == INFO
        await asyncio.sleep(TAG_SECONDS - 2)
        assert setup.known(reference) == INFO
        await asyncio.sleep(2)
        assert setup.known(reference) == (None if again else INFO)
        assert await setup.settle(reference) == INFO

    assert len(with_images(main).registry.asked) == 1 + again


def test_what_was_said_before_is_told_to_who_is_asked_again() -> None:
    async def main(setup: Setup) -> None:
        await setup.settle()
        await asyncio.sleep(TAG_SECONDS)
        setup.registry.answer = ERROR
        await setup.settle()
        await asyncio.sleep(ERROR_SECONDS)
        await setup.settle()

    assert with_images(main).registry.before == [None, INFO, None]


def test_errors_in_a_row_are_tried_again_ever_less_often() -> None:
    async def main(setup: Setup) -> None:
        for _ in range(8):
            assert await setup.settle() == ERROR
            while setup.known(TAG):  # noqa: ASYNC110 -- likewise
                await asyncio.sleep(0.5)

    times = [time for time, _ in with_images(main, ERROR, 0.0).registry.asked]
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert waits == pytest.approx([30, 60, 120, 240, 300, 300, 300], abs=2)
    assert (ERROR_SECONDS, ERROR_MAX_SECONDS) == (30, 300)


def test_after_a_success_errors_are_counted_anew() -> None:
    async def main(setup: Setup) -> None:
        for _ in range(4):
            await setup.settle()
            await asyncio.sleep(ERROR_MAX_SECONDS)
        setup.registry.answer = INFO
        await setup.settle()
        await asyncio.sleep(TAG_SECONDS)
        setup.registry.answer = ERROR
        assert await setup.settle() == ERROR
        await asyncio.sleep(ERROR_SECONDS)
        assert setup.known(TAG) is None

    with_images(main, ERROR)


def test_an_error_stands_until_the_next_answer_and_an_old_answer_does_not() -> None:
    async def main(setup: Setup) -> None:
        await setup.settle()
        await asyncio.sleep(ERROR_SECONDS)
        assert setup.known(TAG) is None
        await setup.ask(TAG, ONE)
        assert setup.known(TAG) == ERROR
        setup.registry.answer = INFO
        await asyncio.sleep(2)
        assert setup.known(TAG) == INFO
        await asyncio.sleep(TAG_SECONDS)
        await setup.ask(TAG, ONE)
        assert setup.known(TAG) is None

    with_images(main, ERROR)


def test_a_fast_answer_is_waited_for_and_wakes_nobody() -> None:
    async def main(setup: Setup) -> None:
        assert await setup.images.answer(TAG, ONE) == INFO
        assert now() == PATIENCE / 2
        await asyncio.sleep(10)

    assert with_images(main, seconds=PATIENCE / 2).woken == []


def test_a_slow_answer_is_not_waited_for_and_wakes_who_asked() -> None:
    async def main(setup: Setup) -> None:
        assert await setup.images.answer(TAG, ONE) is None
        assert now() == PATIENCE
        assert await setup.images.answer(TAG, TWO) is None
        assert now() == PATIENCE  # the second one does not wait for what is slow already
        await asyncio.sleep(10)
        assert await setup.images.answer(TAG, ONE) == INFO

    assert sorted(with_images(main).woken) == [(1.0, ONE), (1.0, TWO)]


def test_few_look_ups_run_at_a_time_and_who_has_no_turn_does_not_wait() -> None:
    async def main(setup: Setup) -> None:
        asked = [setup.images.answer(f"{TAG}{number}", Key("default", str(number))) for number in range(20)]
        assert await asyncio.gather(*asked) == [None] * 20
        assert now() == PATIENCE
        begin = now()
        assert await setup.images.answer(f"{TAG}-another", ONE) is None
        assert now() == begin
        await asyncio.sleep(10)

    setup = with_images(main)
    assert (setup.registry.peak, len(setup.registry.asked), len(setup.woken)) == (PER_HOST, 21, 21)


def test_the_entries_are_bounded_and_those_in_use_stay() -> None:
    async def main(setup: Setup) -> None:
        await setup.settle()
        for number in range(ENTRIES + 100):
            await setup.settle(f"{TAG}{number}")
            assert setup.known(TAG) == INFO
        assert setup.known(f"{TAG}{ENTRIES + 99}") == INFO
        assert setup.known(f"{TAG}50") is None
        assert len(setup.images._entries) == ENTRIES

    with_images(main, seconds=0.0)


def test_a_fault_becomes_an_error_and_is_logged_without_losing_anyone() -> None:
    async def main(setup: Setup) -> None:
        assert await setup.settle() == ImageError("Unreachable", f"{TAG}: the look-up failed")

    with capture_logs() as logs:
        setup = with_images(main, RuntimeError("broken"))
    assert setup.woken == [(1.0, ONE)]
    assert [line["log_level"] for line in logs] == ["error", "warning"]


def test_closed_it_gives_up_and_starts_nothing_more() -> None:
    async def main(setup: Setup) -> None:
        for number in range(20):
            await setup.ask(f"{TAG}{number}", ONE)
        await asyncio.sleep(0.5)
        await setup.images.close()
        await setup.ask(TAG, ONE)
        assert await setup.images.answer(TAG, ONE) is None
        await asyncio.sleep(10)

    setup = with_images(main)
    assert (setup.registry.given_up, len(setup.registry.asked), setup.woken) == (PER_HOST, PER_HOST, [])


def test_an_asker_that_is_cancelled_takes_nothing_away_from_the_others() -> None:
    async def main(setup: Setup) -> None:
        first = asyncio.create_task(setup.images.answer(TAG, ONE))
        await asyncio.sleep(0.1)
        await setup.ask(TAG, TWO)
        first.cancel()
        await asyncio.sleep(2)
        assert setup.known(TAG) == INFO

    assert with_images(main).woken == [(1.0, TWO)]


def test_without_registries_every_image_is_unreachable() -> None:
    async def ask() -> Known:
        answer: Awaitable[Known] = no_look_up(TAG, None)
        return await answer

    assert run(ask()) == ImageError("Unreachable", f"{TAG}: this operator looks no images up")


USER, OTHER = Credential(b"user", b"c4n4ry-word"), Credential(b"user", b"another")


def test_what_was_told_to_who_has_a_credential_is_told_to_nobody_else() -> None:
    async def main(setup: Setup) -> None:
        assert await setup.settle(TAG, USER) == INFO
        setup.registry.answer = ERROR
        for credentials in ((), (OTHER,), (USER, OTHER), (OTHER, USER), (Credential(b"userc4n4ry-", b"word"),)):
            assert setup.known(TAG, *credentials) is None
            assert await setup.settle(TAG, *credentials) == ERROR
        assert await setup.settle(TAG, Credential(b"user", b"c4n4ry-word")) == INFO

    setup = with_images(main)
    assert len(setup.registry.asked) == 6
    assert setup.registry.before == [None] * 6  # nor is a registry asked whether that still holds
    assert setup.registry.credentials[:3] == [(USER,), (), (OTHER,)]


def test_who_has_the_same_credential_shares_a_look_up_wherever_it_is_kept() -> None:
    async def main(setup: Setup) -> None:
        await setup.ask(TAG, Key("one", "a"), USER)
        await setup.ask(TAG, Key("two", "a"), USER)
        await setup.ask(TAG, Key("two", "b"))
        await asyncio.sleep(10)

    setup = with_images(main)
    assert setup.registry.credentials == [(USER,), ()]
    assert sorted(key for _, key in setup.woken) == [Key("one", "a"), Key("two", "a"), Key("two", "b")]


def test_a_credential_is_forgotten_with_its_look_up_and_its_hash_is_of_no_use_elsewhere() -> None:
    async def main(setup: Setup) -> None:
        credential = Credential(b"user", b"c4n4ry-word")
        kept = weakref.ref(credential)
        assert await setup.images.answer(TAG, ONE, [credential]) == INFO
        del credential
        setup.registry.credentials.clear()
        gc.collect()
        assert kept() is None
        ((_, told),) = setup.images._entries
        assert USER.password not in told
        assert told == setup.images._hash([USER])
        assert told != Images(setup.registry, print)._hash([USER])

    with_images(main, seconds=0.0)


def test_a_silent_registry_holds_up_neither_its_own_namespace_at_others_nor_other_namespaces_at_itself() -> None:
    async def main(setup: Setup) -> None:
        for number in range(100):
            await setup.ask(f"silent.example/{number}:1", Key("team", str(number)))
        await asyncio.sleep(1)
        setup.registry.seconds = 0.1
        assert await setup.images.answer(TAG, Key("team", "fast")) == INFO
        assert await setup.images.answer("python", Key("team", "faster")) == INFO
        await setup.ask("silent.example/other:1", Key("other", "a"))
        await asyncio.sleep(20)
        # The first turn that gets free is theirs who have none.
        assert setup.woken[PER_HOST : PER_HOST + 1] == [(20.1, Key("other", "a"))]

    setup = with_images(main, seconds=20)
    assert setup.registry.peak == PER_HOST + 1


def test_an_image_that_a_busy_namespace_waits_for_is_looked_up_at_once_for_another_one() -> None:
    async def main(setup: Setup) -> None:
        for number in range(PER_NAMESPACE):
            await setup.ask(f"silent{number}.example/a:1", Key("busy", str(number)))
        await setup.ask(TAG, Key("busy", "a"))
        await asyncio.sleep(1)
        setup.registry.seconds = 0.1
        assert await setup.images.answer(TAG, Key("idle", "a")) == INFO
        assert setup.woken == [(1.1, Key("busy", "a"))]

    with_images(main, seconds=20)


def test_all_look_ups_together_are_bounded() -> None:
    async def main(setup: Setup) -> None:
        for number in range(100):
            await setup.ask(f"r{number}.example/a:1", Key(f"team-{number}", "a"))
        await asyncio.sleep(100)

    setup = with_images(main)
    assert (setup.registry.peak, len(setup.registry.asked)) == (IN_ALL, 100)


def test_what_is_no_reference_is_answered_as_well() -> None:
    async def main(setup: Setup) -> None:
        assert await setup.settle("No Reference") == INFO

    with_images(main, seconds=0.0)

"""Leader election on a clock of its own: candidates share one Lease with the API server's rules."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest

from agentctl_core import Ref
from agentctl_runtime._failure import ApiFailure
from agentctl_runtime._leader import Election, Terms

from .support import VirtualTimeLoop, now, run

LEASE = Ref("coordination.k8s.io/v1", "Lease", "agentctl", "agentctl")


class Leases:
    """One Lease, as the API server keeps it; `failing` makes every request fail, `slow` takes that long."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.failing = False
        self.slow = 0.0
        self.requests = 0

    async def get(self, ref: Ref) -> dict[str, Any]:
        assert ref == LEASE
        await self._answer()
        if self.lease is None:
            raise ApiFailure("not found", code=404, reason="NotFound")
        return dict(self.lease)

    async def create(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        await self._answer()
        if self.lease is not None:
            raise ApiFailure("exists", code=409, reason="AlreadyExists")
        return self._store(manifest, "0")

    async def replace(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        version = manifest["metadata"]["resourceVersion"]
        await self._answer()
        if self.lease is None or version != self.lease["metadata"]["resourceVersion"]:
            raise ApiFailure("changed", code=409, reason="Conflict")
        return self._store(manifest, version)

    @property
    def holder(self) -> str:
        assert self.lease is not None
        return str(self.lease["spec"]["holderIdentity"])

    def _store(self, manifest: Mapping[str, Any], version: str) -> dict[str, Any]:
        metadata = {**manifest["metadata"], "resourceVersion": str(int(version) + 1)}
        # The clock of the Leases' times is the wall's, which stands still here: each write tells itself by its version.
        spec = {**manifest["spec"], "renewTime": f"{version}"}
        self.lease = {**manifest, "metadata": metadata, "spec": spec}
        return dict(self.lease)

    async def _answer(self) -> None:
        self.requests += 1
        await asyncio.sleep(self.slow)
        if self.failing:
            raise ApiFailure("away", code=503)


def candidate(leases: Leases, name: str, terms: Terms | None = None) -> Election:
    return Election(leases, LEASE, name, terms)


def test_the_first_candidate_leads_at_once_and_makes_the_lease() -> None:
    async def main() -> None:
        leases = Leases()
        await candidate(leases, "a").win()
        assert now() == 0
        assert leases.holder == "a"
        assert leases.lease is not None
        assert leases.lease["spec"]["leaseDurationSeconds"] == 15
        assert leases.lease["spec"]["leaseTransitions"] == 0

    run(main())


def test_a_leader_that_renews_keeps_a_standby_waiting() -> None:
    async def main() -> None:
        leases = Leases()
        leader, standby = candidate(leases, "a"), candidate(leases, "b")
        await leader.win()
        holding, waiting = asyncio.create_task(leader.hold()), asyncio.create_task(standby.win())
        await asyncio.sleep(3600)
        assert not holding.done()
        assert not waiting.done()
        assert standby.holder == "a"
        for task in (holding, waiting):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    run(main())


def test_a_standby_takes_over_when_the_leader_has_been_silent_for_the_lease() -> None:
    async def main() -> None:
        leases = Leases()
        await candidate(leases, "a").win()
        standby = candidate(leases, "b")
        await standby.win()
        # Counted from when it was seen first, and looked at every 2 to 2.4 s.
        assert 15 <= now() <= 15 + 2.4
        assert leases.holder == "b"
        assert leases.lease is not None
        assert leases.lease["spec"]["leaseTransitions"] == 1

    run(main())


def test_a_released_lease_is_taken_at_the_next_look() -> None:
    async def main() -> None:
        leases = Leases()
        leader, standby = candidate(leases, "a"), candidate(leases, "b")
        await leader.win()
        waiting = asyncio.create_task(standby.win())
        await asyncio.sleep(1)
        await leader.release()
        assert leases.holder == ""
        await waiting
        assert now() <= 1 + 2.4
        assert leases.holder == "b"

    run(main())


def test_a_lease_of_another_is_not_released() -> None:
    async def main() -> None:
        leases = Leases()
        await candidate(leases, "a").win()
        await candidate(leases, "b").release()
        assert leases.holder == "a"

    run(main())


def test_a_leader_that_cannot_renew_steps_down_before_another_may_take_over() -> None:
    async def main() -> None:
        leases = Leases()
        leader = candidate(leases, "a")
        await leader.win()
        leases.failing = True
        await leader.hold()
        assert 10 <= now() <= 12

    run(main())


def test_a_renewal_that_hangs_does_not_outlast_the_deadline() -> None:
    async def main() -> None:
        leases = Leases()
        leader = candidate(leases, "a")
        await leader.win()
        leases.slow = 3600
        await leader.hold()
        assert now() == 10

    run(main())


def test_a_renewal_counts_from_its_beginning() -> None:
    async def main() -> None:
        leases = Leases()
        leader = candidate(leases, "a")
        await leader.win()
        leases.slow = 1.5  # a get and a put: 3 s each time, begun 2 s after the last one
        holding = asyncio.create_task(leader.hold())
        await asyncio.sleep(4)
        leases.slow = 3600
        await holding
        # The last renewal that was answered began at 2 s.
        assert now() == 2 + 10

    run(main())


def test_a_leader_that_was_paused_steps_down_at_once_without_asking() -> None:
    async def main() -> None:
        leases = Leases()
        leader = candidate(leases, "a")
        await leader.win()
        holding = asyncio.create_task(leader.hold())
        await asyncio.sleep(0)
        asked = leases.requests
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop._jumping.now += 40  # SIGSTOP and SIGCONT
        await holding
        assert leases.requests == asked

    run(main())


def test_a_leader_that_finds_another_holder_steps_down() -> None:
    async def main() -> None:
        leases = Leases()
        leader = candidate(leases, "a")
        await leader.win()
        assert leases.lease is not None
        leases.lease["spec"] |= {"holderIdentity": "b", "renewTime": "later"}
        await leader.hold()
        assert now() == 2
        assert leader.holder == "b"

    run(main())


def test_of_two_that_find_the_lease_run_out_one_wins() -> None:
    async def main() -> None:
        leases = Leases()
        await candidate(leases, "a").win()
        leases.slow = 0.01
        won: list[str] = []

        async def run_for(name: str) -> None:
            await candidate(leases, name).win()
            won.append(name)

        waiting = [asyncio.create_task(run_for(name)) for name in "bc"]
        await asyncio.sleep(20)
        assert won in (["b"], ["c"])
        assert leases.holder == won[0]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    run(main())


def test_a_restarted_candidate_takes_its_own_lease_back_at_once() -> None:
    async def main() -> None:
        leases = Leases()
        await candidate(leases, "a").win()
        await candidate(leases, "a").win()
        assert now() == 0
        assert leases.lease is not None
        assert leases.lease["spec"]["leaseTransitions"] == 0

    run(main())


@pytest.mark.parametrize("spec", [None, {}, {"holderIdentity": None, "leaseDurationSeconds": None}])
def test_a_lease_of_nobody_is_taken(spec: Any) -> None:
    async def main() -> None:
        leases = Leases()
        leases.lease = {"metadata": {"name": "agentctl", "resourceVersion": "7"}, "spec": spec}
        await candidate(leases, "a").win()
        assert leases.holder == "a"

    run(main())


@pytest.mark.parametrize(
    "terms",
    [{"lease": 10, "renew": 10}, {"renew": 2.4}, {"renew": 2, "retry": 2}, {"lease": 15, "renew": 10, "retry": 0}],
)
def test_terms_that_make_no_sense_are_refused(terms: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be longer"):
        Terms(**terms)


def test_the_terms_are_those_of_kubernetes_own_controllers() -> None:
    assert Terms() == Terms(lease=15, renew=10, retry=2)

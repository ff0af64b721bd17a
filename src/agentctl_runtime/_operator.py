"""The operator: caches fed by watches, a queue of Agents, and workers that reconcile them one by one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from traceback import extract_tb
from typing import Any, Final, TypeAlias

import structlog
from attrs import frozen

from agentctl_core import (
    KIND,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    Action,
    Config,
    Create,
    Observed,
    Patch,
    PatchStatus,
    Ref,
    Requeue,
    ResolveImage,
    decide,
)
from agentctl_core.host import AGENT, DEPENDENTS, OURS

from ._api import Api
from ._execute import Executor
from ._failure import ApiFailure, in_short
from ._images import Images, Known, LookUp, no_look_up
from ._key import Key
from ._leader import Election
from ._prepared import PreparedAgents
from ._pull_secrets import CredentialsFor, PullSecrets, no_pull_secrets, with_remark
from ._queue import QueueClosed, WorkQueue
from ._store import Cache, Manifest, agents_of_agent, agents_of_dependent, key_of, never
from ._telemetry import Pass, Telemetry
from ._unhurried import Unhurried
from ._unwatched import Unwatched
from ._watch import Reflector

WORKERS: Final = 16
STOP_SECONDS: Final = 20.0
"""How long work in flight may take to finish once a stop is asked for; Kubernetes kills after 30 s."""
LASTING_FAILURES: Final = 12
"""So many failures in a row, which takes some 20 s, are no hiccup of the API server: the user is told."""
ROUNDS: Final = 3
"""How often one pass may start over because it has learnt something, before it goes back to the queue."""

Listener: TypeAlias = Callable[[Manifest, Observed, tuple[Action, ...]], None]
"""Called with each decision that is acted upon, empty ones too: the Agent, what was observed, the plan."""

_log = structlog.get_logger()


@frozen
class State:
    """How an operator is at one moment.

    Attributes:
        leads: whether it acts, as far as it knows: always, where there is no election.
        depth: how many Agents wait in the queue.
        in_hand: for how many seconds each Agent that is worked on has been so.
        unsynced: what is watched and has not been listed yet.
        silences: what is watched, and for how many seconds nothing was tried or heard.
    """

    leads: bool
    depth: int
    in_hand: tuple[float, ...]
    unsynced: tuple[str, ...]
    silences: tuple[tuple[str, float], ...]


class LeadershipLostError(Exception):
    """This operator was the leader and may be it no more: its process ends, and is started again as a standby."""

    def __init__(self) -> None:
        super().__init__("leadership is lost")


class Operator:
    """Runs the Agents of some namespaces, or of all.

    Args:
        api: the API server.
        namespaces: which namespaces to serve; empty for the whole cluster.
        config: what the operator's owner decided.
        instance: names this process in Events.
        listener: told each decision before it is executed.
        look_up: asks registries what images run; without it only Agents that need not know become ready.
        use_pull_secrets: let it ask with the credentials in the Agents' pull secrets.
        election: decides which of several operators works; None for the only one.
        telemetry: told of each pass and each action that was done.
    """

    def __init__(  # noqa: PLR0913 -- all of them by name
        self,
        api: Api,
        *,
        namespaces: Sequence[str] = (),
        config: Config | None = None,
        instance: str = "agentctl",
        listener: Listener | None = None,
        look_up: LookUp = no_look_up,
        use_pull_secrets: bool = False,
        election: Election | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._api = api
        self._prepared = PreparedAgents(config or Config())
        self._listener = listener
        self._election = election
        self._telemetry = telemetry or Telemetry()
        self._queue: WorkQueue[Key] = WorkQueue(self._telemetry)
        self._unhurried = Unhurried(self._queue)
        self._agents = Cache(agents_of_agent, self._queue.add)
        self._dependents = {
            resource.kind: Cache(
                agents_of_dependent, self._queue.add, self._unhurried.can_wait if resource.kind == "Pod" else never
            )
            for resource in DEPENDENTS
        }
        self._unwatched = Unwatched(self._read, self._is_watched, self._queue.add_after)
        self._faults: dict[Key, tuple[object, ...]] = {}  # the one met last, to tell it once
        self._uids: dict[Key, str] = {}  # of the Agents met, to tell once that one is gone
        self._images = Images(look_up, self._queue.add)
        self._credentials_for: CredentialsFor = (
            PullSecrets(api.find).credentials_for if use_pull_secrets else no_pull_secrets
        )
        self._executor = Executor(api, self._learn, self._agents.lose, instance)
        self._feeds = [
            (Reflector(api, resource, namespace=namespace, label_selector=selector), cache.feed(namespace))
            for namespace in tuple(dict.fromkeys(namespaces)) or (None,)
            for resource, cache, selector in (
                (AGENT, self._agents, None),
                *((resource, self._dependents[resource.kind], OURS) for resource in DEPENDENTS),
            )
        ]

    def agents(self) -> Iterator[Manifest]:
        """Yield the Agents as last seen; may be called from any thread."""
        return self._agents.all()

    def state(self) -> State:
        """Return how it is now; may be called from any thread, also while the event loop hangs."""
        now = time.monotonic()  # the loop's clock, which only its own thread may ask
        reflectors = [reflector for reflector, _ in self._feeds]
        return State(
            leads=self._election is None or self._election.leads,
            depth=len(self._queue),
            in_hand=tuple(now - since for since in self._queue.in_hand()),
            unsynced=tuple(each.name for each in reflectors if not each.synced.is_set()),
            silences=tuple((each.name, now - each.heard_at) for each in reflectors if each.heard_at is not None),
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set; then let the work in flight finish, for `STOP_SECONDS` at the most.

        Where there is an election, a standby watches as the leader does, so that it can take over at once, and works on
        nothing.

        Raises:
            LeadershipLostError: another may lead by now; what was in flight is abandoned, which its preconditions make
                harmless.
        """
        stopping = asyncio.create_task(stop.wait())
        watching = [asyncio.create_task(reflector.run(feed)) for reflector, feed in self._feeds]
        winning = asyncio.create_task(self._wait_for_turn())
        working: list[asyncio.Task[None]] = []
        holding: list[asyncio.Task[None]] = []
        try:
            await _first_of(stopping, winning, *watching)
            if not stop.is_set():
                holding = [asyncio.create_task(self._election.hold())] if self._election else []
                working = [asyncio.create_task(self._work()) for _ in range(WORKERS)]
                await _first_of(stopping, *holding, *watching, *working)
        finally:
            self._queue.shutdown()
            is_lost = any(task.done() for task in holding)
            try:
                if working and not is_lost:
                    await asyncio.wait(working, timeout=STOP_SECONDS)
            finally:
                await _cancel(stopping, winning, *holding, *watching, *working)
                await self._images.close()
                if self._election and winning.done() and not is_lost:
                    await self._election.release()
        if is_lost:
            raise LeadershipLostError

    async def _wait_for_turn(self) -> None:
        """Wait until there is something to decide on, and nobody else decides."""
        await self._wait_for_sync()
        if self._election:
            await self._election.win()

    async def _wait_for_sync(self) -> None:
        """Wait for the first lists: a decision on half a view could create what is there already."""
        for reflector, _ in self._feeds:
            await reflector.synced.wait()
        _log.info("caches are synced", agents=len(self._agents), pods=len(self._dependents["Pod"]))

    def _learn(self, answer: Manifest, agent: Manifest, *, is_news: bool = False) -> None:
        cache = self._cache_of(answer)
        if cache is not None:
            cache.learn(answer, None if is_news else key_of(agent))
            # A write may have made it ours to watch: its end is told by the watch then.
            self._unwatched.drop(key_of(agent), answer)

    def _cache_of(self, manifest: Manifest) -> Cache | None:
        """Return the cache whose watch tells of this object; None where none does."""
        if manifest["kind"] == KIND:
            return self._agents
        labels: Mapping[str, str] = manifest["metadata"].get("labels") or {}
        is_selected = labels.get(MANAGED_BY_LABEL) == MANAGED_BY
        return self._dependents.get(manifest["kind"]) if is_selected else None

    def _is_watched(self, key: Key, manifest: Manifest) -> bool:
        cache = self._dependents.get(manifest["kind"])
        return cache is not None and cache.concerns(key_of(manifest), key)

    async def _work(self) -> None:
        while True:
            try:
                key = await self._queue.get()
            except QueueClosed:
                return
            try:
                await self._process(key)
            finally:
                self._queue.done(key)

    async def _process(self, key: Key) -> None:
        """Reconcile one Agent; whatever goes wrong concerns this Agent alone and is tried again, ever less often."""
        manifest = self._agents.get(key)
        with self._telemetry.reconciling(key) as told, structlog.contextvars.bound_contextvars(**_names(key, manifest)):
            try:
                is_settled = await self._reconcile(key, manifest, told)
            except ApiFailure as failure:
                self._queue.add_backoff(key, failure.retry_after or 0.0)
                told.result = "requeue" if failure.is_conflict else "error"
                # A Conflict says that our view is stale, which is usual and cures itself.
                (_log.debug if failure.is_conflict else _log.warning)("will try again", error=in_short(failure))
            except Exception as error:  # noqa: BLE001 -- one Agent must not stop the others
                self._queue.add_backoff(key)
                told.result = "panic"
                self._tell_fault(key, error)
            else:
                self._faults.pop(key, None)
                if is_settled:
                    self._queue.forget(key)
                    told.result = "requeue_after" if self._queue.is_delayed(key) else "success"
                else:
                    self._queue.add_backoff(key)
                    told.result = "requeue"
                    _log.warning("will try again", error="what is met does not become what is seen")

    def _tell_fault(self, key: Key, error: Exception) -> None:
        """Log a fault of the operator: with its traceback when it is new, in one line each time that it repeats."""
        frame = extract_tb(error.__traceback__)[-1]
        fault = (type(error), frame.filename, frame.lineno)
        is_new = self._faults.get(key) != fault
        self._faults[key] = fault
        described = f"{type(error).__name__}: {in_short(error)}"
        _log.error("reconciling failed; this is a fault of the operator", error=described, exc_info=is_new)

    async def _reconcile(self, key: Key, manifest: Manifest | None, told: Pass) -> bool:
        """Do what there is to do about an Agent as it is; return whether it came to an end."""
        images: dict[str, Known] = {}
        for _ in range(ROUNDS):
            self._meet(key, manifest)
            if manifest is None:
                self._unwatched.forget(key)
                self._prepared.forget(key)
                self._unhurried.forget(key)
                self._telemetry.gone(key)
                return True
            if await self._do(key, manifest, images, told):
                return True
            manifest = self._agents.get(key)
        return False

    def _meet(self, key: Key, manifest: Manifest | None) -> None:
        """Log that the Agent is gone that bore this name before, where it is."""
        uid = None if manifest is None else str(manifest["metadata"].get("uid", ""))
        former = self._uids.pop(key, None)
        if former not in (None, uid):
            _log.info("the Agent is gone", uid=former)
        if uid is not None:
            self._uids[key] = uid

    async def _do(self, key: Key, manifest: Manifest, images: dict[str, Known], told: Pass) -> bool:
        """Do one plan; return whether it was done, or voided by something that was learnt.

        What is learnt of images is put into `images`, for this pass alone: the next one may have other credentials.
        """
        unwatched = await self._unwatched.recall(key, manifest)
        self._unhurried.looks(key)
        objects = [item for cache in self._dependents.values() for item in cache.of(key)]
        observed = Observed(datetime.now(UTC), (*objects, *unwatched), dict(images))
        actions = decide(self._prepared.of(key, manifest), manifest, observed)
        if not actions:
            self._prepared.forget(key)  # it is settled
        has_waited = key in self._unhurried
        if not any(isinstance(action, PatchStatus) for action in actions):
            self._unhurried.forget(key)
        told.uid, told.revision = manifest["metadata"].get("uid", ""), _revision(manifest, actions)
        structlog.contextvars.bind_contextvars(uid=told.uid, revision=told.revision)
        if await self._ask(key, actions, images):
            return False
        if self._listener:
            self._listener(manifest, observed, actions)
        for action in actions:
            if isinstance(action, Requeue):
                self._queue.add_after(key, action.after)
                continue
            if isinstance(action, PatchStatus) and self._unhurried.puts_off(key, manifest, actions):
                continue
            self._telemetry.executing(key, action)
            with self._echo_held(key, action):
                is_lasting = self._queue.failures(key) >= LASTING_FAILURES
                found = await self._executor.execute(action, manifest, is_lasting=is_lasting, is_again=has_waited)
            if found is not None:
                self._remember(key, manifest, found)
                return False
            self._telemetry.executed(key, action)
        return True

    def _echo_held(self, key: Key, action: Action) -> AbstractContextManager[None]:
        """Hold back what the watch tells of a write before its answer comes: that leads to no second pass."""
        if not isinstance(action, Create | Patch | PatchStatus):
            return nullcontext()
        ref = action.ref
        cache = self._agents if ref.kind == KIND else self._dependents[ref.kind]
        return cache.writing(Key(ref.namespace, ref.name), key)

    async def _ask(self, key: Key, actions: Sequence[Action], images: dict[str, Known]) -> bool:
        """Ask for the images that a plan wants to know, before the rest of it; return whether it learnt of any."""
        has_learnt = False
        for action in actions:
            if isinstance(action, ResolveImage) and action.image not in images:
                found = await self._credentials_for(key.namespace, action)
                known = await self._images.answer(action.image, key, found.credentials)
                if known is not None:
                    images[action.image] = with_remark(known, action, found)
                    has_learnt = True
        return has_learnt

    async def _read(self, manifest: Manifest) -> Manifest | None:
        return await self._api.find(Ref.of(manifest))

    def _remember(self, key: Key, manifest: Manifest, found: Manifest) -> None:
        if found["kind"] != "Status" and (cache := self._cache_of(found)) is not None:
            cache.learn(found, key)  # the watch takes it from here
            if key_of(found) not in cache or cache.concerns(key_of(found), key):
                return
            # By its labels it is another Agent's, who alone is told of it: a claim's name can be wanted by two.
        self._unwatched.remember(key, manifest, found)


def _names(key: Key, manifest: Manifest | None) -> dict[str, str]:
    """Return what each log line about an Agent bears; the pass itself knows its revision better."""
    if manifest is None:
        return {"agent": str(key)}
    return {"agent": str(key), "uid": manifest["metadata"].get("uid", ""), "revision": _revision(manifest, ())}


def _revision(manifest: Manifest, actions: Sequence[Action]) -> str:
    """Return the revision that an Agent's next pod is made from: as the plan has it, or else as its status says."""
    planned = (action.status for action in actions if isinstance(action, PatchStatus))
    seen: Mapping[str, Any] = manifest.get("status") or {}
    status = next(planned, seen)
    return str(status.get("updateRevision", ""))


async def _first_of(*awaitables: asyncio.Future[Any]) -> None:
    """Wait for the first of several; one that failed raises its error here."""
    done, _ = await asyncio.wait(awaitables, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

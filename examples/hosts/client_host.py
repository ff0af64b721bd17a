"""An operator for Agents in some 60 lines on the official Kubernetes client: `python client_host.py [NAMESPACE]`.

It holds no cache: the watches only ring a bell, at which it lists what there is. So it never acts on an old view for
long, and a lost event costs nothing but time; five lists for each change are fine for one namespace, not for a cluster.
"""

from __future__ import annotations

import logging
import signal
import sys
from collections import defaultdict
from threading import Event, Thread
from time import monotonic, sleep

from attrs import define, field
from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

from agentctl_core.host import AGENT, DEPENDENTS, OURS, Resource, agents_of
from keeper import LOOK_SECONDS, Cluster, Json, Keeper, TryAgainError, log

FAILURES = (TryAgainError, HTTPError, ApiException)


@define
class Kept:
    """An Agent that is looked after: what was seen last, and when it is due again."""

    keeper: Keeper
    seen: list[str] = field(factory=list)
    due: float = 0.0


class Host:
    """Looks after the Agents of one namespace, or of all."""

    def __init__(self, cluster: Cluster, namespace: str | None) -> None:
        self._cluster, self._namespace = cluster, namespace
        self._bell = Event()
        self._kept: dict[str, Kept] = {}  # by uid

    def run(self) -> None:
        """Run for ever."""
        log.info("looking after the Agents of %s", self._namespace or "all namespaces")
        for resource in (AGENT, *DEPENDENTS):
            Thread(target=self._listen, args=(resource,), daemon=True).start()
        wait = 0.0
        while True:
            self._bell.wait(wait)
            self._bell.clear()
            try:
                wait = self._look()
            except FAILURES as error:
                log.info("cannot look: %s", error)
                wait = 1.0

    def _listen(self, resource: Resource) -> None:
        """Ring at each change, and each time that a watch begins: what came before is in the lists."""
        while True:
            try:
                for _ in self._cluster.watch(resource, self._namespace, "" if resource is AGENT else OURS):
                    self._bell.set()
            except FAILURES as error:
                log.info("cannot watch: %s", error)
                sleep(1)

    def _look(self) -> float:
        """Look at everything once; return after how many seconds to look again."""
        agents = self._cluster.list(AGENT, self._namespace)
        beside: defaultdict[tuple[str, str], list[Json]] = defaultdict(list)
        for resource in DEPENDENTS:
            for item in self._cluster.list(resource, self._namespace, OURS):
                for name in agents_of(item):
                    beside[item["metadata"]["namespace"], name].append(item)
        former, self._kept = self._kept, {}
        for agent in agents:
            metadata = agent["metadata"]
            kept = self._kept[metadata["uid"]] = former.get(metadata["uid"]) or Kept(Keeper(self._cluster))
            objects = beside[metadata["namespace"], metadata["name"]]
            seen = [item["metadata"]["resourceVersion"] for item in (agent, *objects)]
            if seen != kept.seen or kept.due <= monotonic():
                after = kept.keeper.look_after(agent, objects)
                kept.seen, kept.due = seen, monotonic() + after
        return max(0.0, min((kept.due - monotonic() for kept in self._kept.values()), default=LOOK_SECONDS))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    Host(Cluster(), sys.argv[1] if len(sys.argv) > 1 else None).run()

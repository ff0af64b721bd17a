"""A soak: users, a network and a scheduler of processes that do as they please, and what has to be true afterwards."""

from __future__ import annotations

import contextlib
import json
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2

from agentctl_core import InvalidAgent, Observed, Ref, Requeue, build_pod, parse_agent, reconcile, wanted
from tests.e2e.faults import UNAVAILABLE_PAGE, UNAVAILABLE_TEXT, Reaction, Slow, Truncated, Unanswered, failure
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.pod_states import failed
from tests.e2e.proxy import Proxy, Seen
from tests.e2e.soak_plan import CLAIMED, STORAGE_CLASS, Step, seeded
from tests.e2e.support import Kubectl, condition, eventually

Json = dict[str, Any]

AGENTS = "apis/agentctl.dev/v1alpha1"
KINDS = ("pods", "configmaps", "services", "persistentvolumeclaims")
OURS = "app.kubernetes.io/managed-by=agentctl"
CREATE_SECONDS = 60
"""A creation waits so long for an Agent of the same name, deleted in the foreground, to be gone."""
AWAY = frozenset({404, 409, 422})
"""What a change of a pod is answered that is gone, or is not the one that it was."""
SHARE = 0.6
"""Of the requests meet the fault of the moment."""

ANSWERS: dict[str, Reaction] = {
    "truncated": Truncated(),
    "slow": Slow(1),
    "429": failure(429, "TooManyRequests", retry_after=1),
    "500": failure(500, "InternalError"),
    "503 text": UNAVAILABLE_TEXT,
    "503 page": UNAVAILABLE_PAGE,
    "unanswered": Unanswered(),
}


@dataclass(frozen=True)
class Sample:
    """What the operator holds, so many seconds after the beginning; memory in MiB."""

    at: float
    pid: int
    memory: float
    files: int


@dataclass
class Soak:
    """Plays steps against some namespaces that an operator behind a proxy serves."""

    kubectl: Kubectl
    namespaces: list[str]
    proxy: Proxy
    operator: OperatorProcess
    client: httpx2.Client
    seed: int
    done: list[Step] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    def play(self, steps: list[Step]) -> None:
        """Do these steps, each at its time or as soon afterwards as the one before it is done."""
        started, over = time.monotonic(), threading.Event()
        sampler = threading.Thread(target=self._sample, args=(started, over), daemon=True)
        sampler.start()
        try:
            for step in steps:
                time.sleep(max(0.0, started + step.at - time.monotonic()))
                self.done.append(step)
                self._do(step)
        finally:
            over.set()
            sampler.join()

    def _sample(self, started: float, over: threading.Event) -> None:
        while not over.wait(1):
            process = self.operator.process
            assert process is not None
            with contextlib.suppress(OSError, StopIteration):  # it has just been killed
                held = (process.pid, self.operator.memory, self.operator.open_files)
                self.samples.append(Sample(time.monotonic() - started, *held))

    def _do(self, step: Step) -> None:
        namespace = self.namespaces[step.namespace]
        pod, named = f"api/v1/namespaces/{namespace}/pods/{step.name}", self._agents(namespace, step.name)
        match step.kind:
            case "create":
                eventually(lambda: self._create(namespace, step.body), CREATE_SECONDS, f"{step.name} is created")
            case "edit":
                self._send("PATCH", named, step.body)
            case "scale":
                self._send("PATCH", f"{named}/scale", step.body)
            case "delete":
                self._send("DELETE", named, step.body)
            case "kill pod":
                self._send("DELETE", pod, {"gracePeriodSeconds": 1}, AWAY)
            case "fail pod":
                self._send("PATCH", f"{pod}/status", {"status": failed()}, AWAY, "strategic-merge-patch")
            case "kill operator":
                self.operator.kill()
                self.operator.start(wait=False)
            case "fault":
                self._fault(step.name)
            case _:
                self._calm()

    def _agents(self, namespace: str, name: str = "") -> str:
        return f"{AGENTS}/namespaces/{namespace}/agents" + (f"/{name}" if name else "")

    def _create(self, namespace: str, manifest: Json) -> bool:
        return self._send("POST", self._agents(namespace), manifest, AWAY)

    def _send(
        self, method: str, path: str, body: Json, missed: frozenset[int] = frozenset(), patch: str = "merge-patch"
    ) -> bool:
        """Send a user's request; return whether it was done. Codes of `missed` say that there was nothing to do."""
        kind = f"application/{patch}+json" if method == "PATCH" else "application/json"
        response = self.client.request(method, path, content=json.dumps(body), headers={"Content-Type": kind})
        assert response.is_success or response.status_code in missed, f"{method} {path}: {response.text}"
        return response.is_success

    def _fault(self, name: str) -> None:
        draw = seeded(f"{self.seed} {len(self.done)}")  # the order of requests is not the seed's

        def react(seen: Seen) -> Reaction | None:
            if name == "410":
                return failure(410, "Expired") if seen.is_watch else None
            if draw.random() > SHARE:
                return None
            if name == "reset":
                raise ConnectionResetError
            return ANSWERS.get(name)

        self.proxy.react = react
        match name:
            case "cut" | "end" | "410":
                self.proxy.end_watches(cut=name == "cut")
            case "silent":
                self.proxy.silence_watches()
            case "refused":
                self.proxy.refuse()
            case _:
                pass

    def _calm(self) -> None:
        last = next(step for step in reversed(self.done) if step.kind == "fault")
        self.proxy.react = lambda _: None
        if last.name == "refused":
            self.proxy.listen()

    def lists(self, namespace: str) -> tuple[list[Json], dict[str, list[Json]]]:
        """Return the Agents of a namespace, and by its kind what the operator has made there."""
        items = self.kubectl.json("get", "agents.agentctl.dev", namespace=namespace)["items"]
        ours = self.kubectl.json("get", ",".join(KINDS), f"--selector={OURS}", namespace=namespace)["items"]
        found: dict[str, list[Json]] = {kind: [] for kind in ("Pod", "ConfigMap", "Service", "PersistentVolumeClaim")}
        for each in ours:
            found[each["kind"]].append(each)
        return items, found

    def check_settled(self) -> bool:
        """Fail where something is not as the specs ask for, or is left over."""
        for namespace in self.namespaces:
            agents, found = self.lists(namespace)
            ours = [each for kind in found.values() for each in kind]
            for each in agents:
                check_agent(each, ours)
            expected = {ref for each in agents for ref in wanted(each)} | self._kept(namespace)
            owners = {each["metadata"]["uid"]: each for each in agents}
            # Of an Agent whose spec is refused nothing is taken away that its pod may use.
            left = [each for each in ours if Ref.of(each) not in expected and not _is_of_refused(each, owners)]
            assert not left, f"left over: {[(Ref.of(each), each['metadata'].get('ownerReferences')) for each in left]}"
        return True

    def _kept(self, namespace: str) -> set[Ref]:
        """Return the claims that stay when their Agent goes, as their Agent says."""
        kept = [name for name, then in CLAIMED.items() if then == "Retain"]
        return {Ref("v1", "PersistentVolumeClaim", namespace, f"data-{name}") for name in kept}

    def end(self) -> None:
        """Delete every Agent, upon which everything goes but the claims that are kept."""
        for namespace in self.namespaces:
            self.kubectl("delete", "agents.agentctl.dev", "--all", "--wait=false", namespace=namespace)

    def wait_quiet(self, seconds: float) -> None:
        """Wait until nothing was written for so long."""
        eventually(lambda: time.monotonic() - self.proxy.writes[-1].at > seconds, 90, "nothing is written any more")

    def growth(self, start: float, end: float) -> tuple[float, int]:
        """Return how much memory and how many files more were held in the later half of that time than in the first.

        Medians, of one process, while about as much was going on in either half.
        """
        middle = (start + end) / 2
        halves = [
            [sample for sample in self.samples if low <= sample.at < high]
            for low, high in ((start, middle), (middle, end))
        ]
        assert len({sample.pid for half in halves for sample in half}) == 1
        memory, files = (
            [statistics.median(getattr(sample, name) for sample in half) for half in halves]
            for name in ("memory", "files")
        )
        return memory[1] - memory[0], int(files[1] - files[0])

    def told(self) -> str:
        """Return what was done, in a line."""
        steps = Counter(step.kind for step in self.done if step.kind != "calm")
        return ", ".join(f"{count} {kind}" for kind, count in sorted(steps.items()))


def _is_of_refused(found: Json, agents: dict[str, Json]) -> bool:
    """Tell whether an object belongs to an Agent, of these by their uids, whose spec is refused."""
    owners = [agents.get(owner["uid"], {}) for owner in found["metadata"].get("ownerReferences", [])]
    return any(condition(owner, "Accepted") == "False" for owner in owners)


def check_agent(found: Json, ours: list[Json]) -> None:
    """Fail where an Agent's status, spec and pod do not agree, or the operator would do something about it.

    `ours` is all that operators have made in its namespace, read from the API server.
    """
    metadata, spec = found["metadata"], found["spec"]
    name = metadata["name"]
    mine = [each for each in ours if each["metadata"]["labels"].get("agentctl.dev/agent") == name]
    pod = next((each for each in mine if each["kind"] == "Pod"), None)
    seen = {kind: condition(found, kind) for kind in ("Accepted", "Ready", "UpToDate", "Suspended", "Stalled")}
    told = f"{name}: {seen}, {spec}, pod {pod}"
    assert "deletionTimestamp" not in metadata, told
    assert found.get("status", {}).get("observedGeneration") == metadata["generation"], told
    actions = reconcile(found, Observed(datetime.now(UTC), tuple(mine)))
    assert all(isinstance(action, Requeue) for action in actions), f"{told}: {actions}"
    try:
        expected = build_pod(parse_agent(found))
    except InvalidAgent:
        assert (seen["Accepted"], seen["Stalled"]) == ("False", "True"), told
        return
    assert seen["Accepted"] == "True", told
    if spec["replicas"] == 0:
        assert (pod, seen["Suspended"], seen["Ready"]) == (None, "True", None), told
        return
    assert (seen["Ready"], seen["UpToDate"]) == ("True", "True"), told
    assert pod is not None, told
    assert condition(pod, "Ready") == "True", told
    assert [owner["uid"] for owner in pod["metadata"]["ownerReferences"]] == [metadata["uid"]], told
    for part in ("labels", "annotations"):
        assert expected["metadata"][part].items() <= pod["metadata"][part].items(), told
    wants, has = (each["spec"]["containers"][0] for each in (expected, pod))
    assert (wants["command"], wants.get("resources", {})) == (has["command"], has["resources"]), told


@contextmanager
def storage(kubectl: Kubectl, count: int) -> Iterator[None]:
    """Provide so many volumes for the claims of Agents."""
    label = {"e2e.agentctl.dev/soak": "yes"}
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": STORAGE_CLASS}
    volumes: list[Json] = [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"soak-{number}", "labels": label},
            "spec": spec | {"hostPath": {"path": "/nowhere"}},
        }
        for number in range(count)
    ]
    storage_class = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": STORAGE_CLASS}}
    kubectl.apply(storage_class | {"provisioner": "kubernetes.io/no-provisioner"}, *volumes)
    try:
        yield
    finally:
        options = ("--selector=e2e.agentctl.dev/soak", "--wait=false")
        kubectl("delete", "persistentvolumes", *options)
        kubectl("delete", "storageclass", STORAGE_CLASS)

"""The second part: what the garbage collector and the namespace controller make of objects, once they are at rest.

They act in any order and as fast as they can, so what is compared is what is there in the end: which objects, with
which finalizers and owners, and whether they are being deleted.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, Final, TypeAlias

import httpx2
from attrs import field, frozen

from agentctl_core.testing._controllers import collect_garbage, empty_namespaces
from tests.e2e.fidelity.operations import MERGE, THIS, Operation, to_line
from tests.e2e.fidelity.owners import rounds
from tests.e2e.fidelity.run import Asked
from tests.e2e.fidelity.sides import ModelSide, ServerSide

Json: TypeAlias = dict[str, Any]
State: TypeAlias = dict[str, Any]

KINDS: Final = ("ConfigMap", "Secret", "Lease", "Agent", "Service", "PersistentVolumeClaim", "Pod")
_MOST_SECONDS: Final = 30.0
_STAYS_SECONDS: Final = 0.6
_KEPT: Final = ("uid", "deletionTimestamp", "deletionGracePeriodSeconds", "finalizers", "ownerReferences")
_CONTROLLERS_OWN: Final = "kube-root-ca.crt"
"""Made in every namespace by a controller that the model does not have."""


@frozen(kw_only=True, unsafe_hash=False)
class Rest:
    """What came of a sequence.

    Attributes:
        rounds: those that were run, the last of which differs if one does.
        states: what the model and the server had at the end of it, where they differ.
        compared: how often a state was compared, by what the round did.
    """

    rounds: tuple[tuple[Operation, ...], ...]
    states: tuple[Any, Any] | None = None
    compared: Counter[str] = field(factory=Counter)

    def shown(self) -> str:
        """Return the difference for people, with what led to it."""
        told = "\n".join(f"  {to_line(list(one))}" for one in self.rounds)
        assert self.states is not None
        keys = sorted({*self.states[0], *self.states[1]})
        differing = [key for key in keys if self.states[0].get(key) != self.states[1].get(key)]
        lines = [f"  {key}\n" + "".join(_both(key, self.states)) for key in differing]
        return f"rounds:\n{told}\nat rest:\n" + "\n".join(lines)


def _both(key: str, states: tuple[Any, Any]) -> Iterator[str]:
    for side, state in zip(("model", "server"), states, strict=True):
        yield f"    {side}: {state.get(key, 'nothing')}\n"


class _Collected:
    """One side with all that it holds."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    def do(self, operation: Operation) -> tuple[int, str]:
        """Run an operation; return its code and reason."""
        answer = self.asked.ask(operation)
        self.asked.shown(operation, answer.body)
        body = answer.body if isinstance(answer.body, dict) else {}
        return answer.code, str(body.get("reason", ""))

    def state(self) -> State:
        """Return what there is, by kind and name."""
        out: State = {}
        for kind in KINDS:
            listing = Operation(verb="LIST", kind=kind)
            answer = self.asked.ask(listing)
            for item in self.asked.shown(listing, _without_versions(answer.body))["items"]:
                kept = {name: item["metadata"][name] for name in _KEPT if name in item["metadata"]}
                if kept.pop("deletionTimestamp", None):
                    # Which of them the collector took away before it deleted the object is a race.
                    kept = kept | {"deletionTimestamp": "set", "ownerReferences": "some"}
                out[f"{kind}/{item['metadata']['name']}"] = kept
        namespace = self.asked.ask(Operation(verb="GET", kind="Namespace", name=THIS))
        phase = "gone" if namespace.code == HTTPStatus.NOT_FOUND else namespace.body["status"]["phase"]
        return out | {"the namespace": phase}


def _without_versions(listing: Json) -> Json:
    """Return a list whose objects have no resourceVersion: how many writes the controllers take is their business."""
    items = [
        item | {"metadata": {key: value for key, value in item["metadata"].items() if key != "resourceVersion"}}
        for item in listing["items"]
        if item["metadata"]["name"] != _CONTROLLERS_OWN
    ]
    return listing | {"items": items}


def collect(sequence: Sequence[Sequence[Operation]], client: httpx2.Client) -> Rest:
    """Run rounds of operations in a namespace of their own, up to the first difference."""
    namespace = f"f-{uuid.uuid4().hex[:12]}"
    model_side, server_side = ModelSide(), ServerSide(client)
    creation = Operation(
        verb="POST", kind="Namespace", body={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    )
    client.post("/api/v1/namespaces", json=creation.body).raise_for_status()
    model_side.cluster.create(creation.body)
    model, server = (_Collected(Asked(side, namespace)) for side in (model_side, server_side))
    compared: Counter[str] = Counter()
    try:
        for done, operations in enumerate(sequence, 1):
            answers = [(model.do(operation), server.do(operation)) for operation in operations]
            _settle(model_side)
            mine = model.state()
            real = _at_rest(server, mine)
            compared[_told(operations)] += 1
            run = tuple(tuple(one) for one in sequence[:done])
            if unlike := [f"{one} {answer}" for one, answer in enumerate(answers) if answer[0] != answer[1]]:
                return Rest(rounds=run, states=({"answers": ""}, {"answers": unlike}), compared=compared)
            if mine != real:
                return Rest(rounds=run, states=(mine, real), compared=compared)
        return Rest(rounds=tuple(tuple(one) for one in sequence), compared=compared)
    finally:
        _clear(client, namespace)


def _told(operations: Sequence[Operation]) -> str:
    if len(operations) > 1:
        return operations[0].verb.lower()
    policy = str(operations[0].query.get("propagationPolicy", ""))
    return f"{operations[0].verb} {'Namespace' if operations[0].name == THIS else policy}".strip()


def _settle(side: ModelSide) -> None:
    for _ in range(1000):
        if not (collect_garbage(side.cluster) | empty_namespaces(side.cluster)):
            return
    raise AssertionError("the model's garbage collector does not come to rest")


def _at_rest(server: _Collected, expected: State) -> State:
    """Return what the server holds once it is as expected, and still is a while later; or what else it comes to."""
    deadline = time.monotonic() + _MOST_SECONDS
    while (state := server.state()) != expected and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(_STAYS_SECONDS)
    return server.state() if state == expected else state


def _clear(client: httpx2.Client, namespace: str) -> None:
    """Let a namespace go: nobody holds anything in it, and no pod waits for its node."""
    client.delete(f"/api/v1/namespaces/{namespace}")
    for kind in KINDS:
        listing = Operation(verb="LIST", kind=kind).path(namespace)
        for item in client.get(listing).json()["items"]:
            path = f"{listing}/{item['metadata']['name']}"
            if item["metadata"].get("finalizers"):
                patch = json.dumps({"metadata": {"finalizers": None}})
                client.patch(path, content=patch, headers={"Content-Type": MERGE})
            if kind == "Pod":
                client.delete(path, params={"gracePeriodSeconds": "0"})


def collect_all(numbers: Iterable[int], client: httpx2.Client, *, jobs: int) -> list[Rest]:
    """Run the sequences with these numbers, several at a time."""
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda number: collect(rounds(number), client), numbers))

"""What the API server makes of a pod is no difference to what would be made again; what the operator leaves out is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import reduce
from operator import getitem
from typing import Any

import httpx2
import pytest

from agentctl_core import build_pod, parse_agent
from agentctl_core._applied import RESIZED
from agentctl_core.testing._drift import drift, tells_former
from agentctl_core.testing.strategies import FIELDS, agents, images
from tests.e2e.support import Kubectl
from tests.examples import examples

Json = dict[str, Any]
Post = Callable[[Json], Json]
_IN_FLIGHT = 16


@pytest.fixture
def post(kubectl: Kubectl, namespace: str) -> Iterator[Post]:
    """Has the API server say what it would make of a pod, with its admission, as the operator would send it."""
    with kubectl.proxy() as address, httpx2.Client(base_url=address, timeout=60, trust_env=False) as client:
        params = {"fieldValidation": "Strict", "dryRun": "All", "fieldManager": "agentctl"}

        def send(pod: Json) -> Json:
            body = {**pod, "metadata": {**pod["metadata"], "namespace": namespace}}
            answer = client.post(f"/api/v1/namespaces/{namespace}/pods", params=params, json=body)
            found: Json = answer.json()
            assert answer.status_code == 201, f"{found.get('message')}\n{json.dumps(pod)}"
            return found

        yield send


def pods_of(manifests: Iterable[Json]) -> list[Json]:
    (image,) = examples(images(), 1)
    parsed = [parse_agent(manifest) for manifest in manifests]
    return [build_pod(agent, image=None if agent.spec.command else image) for agent in parsed]


def answers(post: Post, pods: list[Json]) -> list[Json]:
    with ThreadPoolExecutor(_IN_FLIGHT) as pool:
        return list(pool.map(post, pods))


def test_the_servers_defaults_and_admission_are_no_difference(post: Post) -> None:
    pods = pods_of([*(examples(agents(exercising=field), 1)[0] for field in FIELDS), *examples(agents(), 200)])
    assert len(pods) > len(FIELDS)
    wrong = [
        f"{changes}\n{json.dumps(pod)}"
        for pod, answer in zip(pods, answers(post, pods), strict=True)
        if not tells_former(answer) or (changes := drift(answer, pod))
    ]
    assert not wrong, f"{len(wrong)} of {len(pods)}:\n" + "\n\n".join(sorted(wrong, key=len)[:10])


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value that holds no other."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        if isinstance(child, dict | list) and child:
            yield from leaves(child, (*path, key))
        else:
            yield (*path, key)


def without(pod: Json, path: tuple[Any, ...]) -> Json:
    less = deepcopy(pod)
    holder: Any = less
    for key in path[:-1]:
        holder = holder[key]
    del holder[path[-1]]
    return less


def of_the_operator(pod: Json) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of what the operator adds, but for the names of items."""
    for path in leaves(pod):
        match path:
            case _ if reduce(getitem, path, pod) in ({}, []):
                is_own = False  # as good as nothing
            case ("spec", "initContainers", _, "resources", _, resource) if resource in RESIZED:
                is_own = False  # the agent's, which is changed in place
            case ("spec", "initContainers", index, *_):
                is_own = pod["spec"]["initContainers"][index]["name"].startswith("agentctl-")
            case ("spec", "containers", 0, "securityContext", *_) | ("spec", "automountServiceAccountToken"):
                is_own = True
            case _:
                is_own = False
        # Where a variable of the SDK's comes from is the user's.
        if is_own and path[-1] not in {"name", "mountPath"} and "valueFrom" not in path:
            yield path


def test_whatever_the_operator_adds_is_missed_where_it_is_rendered_no_more(post: Post) -> None:
    chosen = pods_of(examples(agents(), 50))
    tried = 0
    for pod, answer in zip(chosen, answers(post, chosen), strict=True):
        for path in of_the_operator(pod):
            tried += 1
            now = without(pod, path)
            assert drift(answer, now), f"{path}\n{json.dumps(pod)}"
    assert tried > 10 * len(chosen)

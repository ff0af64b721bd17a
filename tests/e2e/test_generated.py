"""Generated Agents on a real API server: what the core makes of them is accepted, and stays as it was made."""

from __future__ import annotations

import copy
import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx2
import pytest
from hypothesis import strategies as st

from agentctl_core import (
    API_VERSION,
    Action,
    Create,
    EmitEvent,
    ImageInfo,
    InvalidAgent,
    Observed,
    PatchStatus,
    Ref,
    Requeue,
    ResolveImage,
    build_pod,
    merge_diff,
    parse_agent,
    prepare,
    reconcile,
    wanted,
)
from agentctl_core.testing.rest import RESOURCES
from agentctl_core.testing.strategies import FIELDS, Broken, agents, broken_agents, images, json_values
from tests.e2e.support import Kubectl, eventually
from tests.examples import examples

Json = dict[str, Any]

_IN_FLIGHT = 16
_OLDEST_MINOR = 37
"""The samples are values that this Kubernetes 1.x takes; an older one may lack some."""
_DEEPEST = 400
"""Python's own encoder gives up a little later."""
_PATHS = {
    (resource.api_version, resource.kind): (
        f"/api/{resource.version}" if not resource.group else f"/apis/{resource.group}/{resource.version}",
        resource.plural,
    )
    for resource in RESOURCES
}


class Server:
    """The API server behind kubectl's proxy, which brings whatever credentials the kubeconfig has."""

    def __init__(self, client: httpx2.Client, namespace: str) -> None:
        self._client = client
        self.namespace = namespace

    def url(self, api_version: str, kind: str, name: str = "") -> str:
        root, plural = _PATHS[api_version, kind]
        return f"{root}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def post(self, manifest: Mapping[str, Any], *, dry: bool = False) -> Json:
        """Create an object; return it as the server has it, or a Status."""
        body = json.dumps({**manifest, "metadata": {**manifest["metadata"], "namespace": self.namespace}})
        params = {"fieldValidation": "Strict"} | ({"dryRun": "All"} if dry else {})
        url = self.url(manifest["apiVersion"], manifest["kind"])
        answer = self._client.post(url, params=params, content=body, headers={"Content-Type": "application/json"})
        found: Json = answer.json()
        assert answer.status_code in {201, 400, 403, 422}, found
        return found

    def get(self, ref: Ref) -> Json | None:
        answer = self._client.get(self.url(ref.api_version, ref.kind, ref.name))
        assert answer.status_code in {200, 404}, answer.text
        return answer.json() if answer.status_code == 200 else None

    def patch_status(self, ref: Ref, body: Json) -> None:
        url = self.url(ref.api_version, ref.kind, ref.name) + "/status"
        headers = {"Content-Type": "application/merge-patch+json"}
        answer = self._client.patch(
            url, params={"fieldValidation": "Strict"}, content=json.dumps(body), headers=headers
        )
        assert answer.status_code == 200, answer.text

    def refusals(self, manifests: Iterable[Mapping[str, Any]]) -> list[str]:
        """What the server says of each object that it would not create, and "" for each that it would."""

        def ask(manifest: Mapping[str, Any]) -> str:
            answer = self.post(manifest, dry=True)
            return str(answer["message"]) if answer["kind"] == "Status" else ""

        with ThreadPoolExecutor(_IN_FLIGHT) as pool:
            return list(pool.map(ask, manifests))


@pytest.fixture(scope="module")
def server(kubectl: Kubectl, crd: str) -> Iterator[Server]:
    assert crd
    minor = int(json.loads(kubectl("get", "--raw=/version").stdout)["minor"].rstrip("+"))
    if minor < _OLDEST_MINOR:
        pytest.skip(f"the API server is that of 1.{minor}; the samples are those of 1.{_OLDEST_MINOR}")
    namespace = f"e2e-{uuid.uuid4().hex[:12]}"
    kubectl("create", "namespace", namespace)
    try:
        account = partial(kubectl.get, "serviceaccount", "default", namespace)
        eventually(account, 30, f"service account of {namespace}")
        with kubectl.proxy() as address, httpx2.Client(base_url=address, timeout=60, trust_env=False) as client:
            yield Server(client, namespace)
    finally:
        kubectl("delete", "namespace", namespace, "--wait=false")


@pytest.fixture(scope="module")
def valid_agents() -> list[Json]:
    """One Agent for each field of the schema, and others."""
    return [*(examples(agents(exercising=field), 1)[0] for field in FIELDS), *examples(agents(), 200)]


def shown(refused: Mapping[str, str] | list[tuple[str, Any]]) -> str:
    """The first refusals, each with the smallest manifest that has it."""
    smallest: dict[str, str] = {}
    for message, manifest in refused.items() if isinstance(refused, Mapping) else refused:
        text = json.dumps(manifest)
        told = re.sub(r'"[^"]*"|\[\d+\]', "_", message)
        if told not in smallest or len(text) < len(smallest[told].partition("\n")[2]):
            smallest[told] = f"{message}\n{text}"
    return "\n\n".join(list(smallest.values())[:10])


def test_the_api_server_accepts_every_pod_and_every_object_of_a_valid_agent(
    server: Server, valid_agents: list[Json]
) -> None:
    (image,) = examples(images(), 1)
    made: list[Json] = []
    for manifest in valid_agents:
        agent, rendered = parse_agent(manifest), prepare(manifest).rendered
        assert rendered is not None
        made.append(build_pod(agent, image=None if agent.spec.command else image))
        made += map(dict, rendered.objects)
    refused = [(said, item) for said, item in zip(server.refusals(made), made, strict=True) if said]
    assert not refused, shown(refused)
    assert {item["kind"] for item in made} == {"Pod", "Service", "ConfigMap", "PersistentVolumeClaim"}
    assert len(made) > len(FIELDS)


def is_accepted(manifest: Json) -> bool:
    try:
        parse_agent(manifest)
    except InvalidAgent:
        return False
    return True


def compare(server: Server, manifests: list[Json]) -> int:
    """Check that core and admission agree on each of them; return how many they accept."""
    told = server.refusals(manifests)
    verdicts = [is_accepted(manifest) for manifest in manifests]
    wrong = [
        (f"admission: {said or 'accepted'}; the core: {'accepted' if verdict else 'refused'}", manifest)
        for manifest, said, verdict in zip(manifests, told, verdicts, strict=True)
        if verdict is bool(said)
    ]
    assert not wrong, shown(wrong)
    return sum(verdicts)


def test_admission_accepts_every_valid_agent(server: Server, valid_agents: list[Json]) -> None:
    assert compare(server, valid_agents) == len(valid_agents)


def test_admission_refuses_every_broken_agent(server: Server) -> None:
    broken: list[Broken] = examples(broken_agents(), 500)
    assert compare(server, [one.manifest for one in broken]) == 0


def can_be_sent(value: Any) -> bool:
    """Whether it is JSON that arrives as it was sent: no NaN, no lone surrogates, no keys that are not strings."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        return bool(json.loads(text.encode()) == value) and text.count("[") + text.count("{") < _DEEPEST
    except (ValueError, RecursionError):
        return False


_NEARLY_RIGHT = st.sampled_from(
    [
        *("", "a", "A b", "1Gi", "a" * 64, "/a", 0, 1, -1, 1.0, 1.5, 512, 65536, 2**31, 2**53 + 1, 2**63, True, None),
        *([], {}, ["a"], [None], {"a": "b"}, {"name": "a"}, [{"name": "a"}, {"name": "a"}]),
    ]
)


@st.composite
def damaged(draw: st.DrawFn) -> Json:
    """Agents with anything at all in one place, which may still be valid."""
    manifest = copy.deepcopy(draw(agents()))
    holder: Any = manifest["spec"]
    while True:
        step = draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
        child = holder[step]
        if not isinstance(child, dict | list) or not child or draw(st.booleans()):
            holder[step] = draw(_NEARLY_RIGHT | json_values().filter(can_be_sent))
            return manifest
        holder = child


def test_core_and_admission_agree_on_agents_with_anything_in_one_place(server: Server) -> None:
    accepted = compare(server, examples(damaged(), 400))
    assert 20 < accepted < 380


CORE_ALONE: dict[str, tuple[str, Json]] = {
    "two containers of one name": (
        "initContainers and sidecars are two lists: CEL cannot compare them within its budget",
        {"initContainers": [{"name": "a", "image": "a"}], "sidecars": [{"name": "a", "image": "a"}]},
    ),
    "a container with the agent's name": (
        "the agent's container has its name from the operator",
        {"sidecars": [{"name": "agent", "image": "a"}]},
    ),
    "a volume with a name of the operator's": (
        "names that begin with agentctl- are free elsewhere in core/v1",
        {"volumes": [{"name": "agentctl-x", "emptyDir": {}}]},
    ),
    "a mount without its volume": (
        "mounts and volumes are two lists",
        {"volumeMounts": [{"name": "a", "mountPath": "/a"}]},
    ),
    "a mount where the shared volume is": (
        "the shared volume's path is a field of its own, with a default",
        {"volumes": [{"name": "a", "emptyDir": {}}], "volumeMounts": [{"name": "a", "mountPath": "/agentctl"}]},
    ),
    "one port of two containers": (
        "the agent's ports and the sidecars' are lists of lists",
        {
            "ports": [{"containerPort": 80}],
            "sidecars": [{"name": "a", "image": "a", "ports": [{"containerPort": 80}]}],
        },
    ),
    "a label of the operator's": (
        "labels are a map with any keys",
        {"podTemplate": {"metadata": {"labels": {"agentctl.dev/agent": "other"}}}},
    ),
    "a variable that the SDK sets": (
        "which variables those are is the operator's matter",
        {"sdk": {"runtime": "python", "packages": ["a"]}, "env": [{"name": "PYTHONPATH", "value": "/a"}]},
    ),
    "files of more than a config map holds": (
        "the sum of several texts",
        {"files": [{"path": name, "content": "x" * 600_000} for name in ("a", "b")]},
    ),
    "what the policy denies": (
        "the policy is the operator's owner's, and may allow it",
        {"podTemplate": {"spec": {"hostNetwork": True}}},
    ),
}
"""What the API server takes and the core alone refuses, each with the reason why it is not in the CRD."""


@pytest.mark.parametrize("case", CORE_ALONE)
def test_what_the_core_alone_refuses_is_told_in_the_status(server: Server, case: str) -> None:
    reason, spec = CORE_ALONE[case]
    assert reason
    metadata = {"name": "a", "namespace": server.namespace}
    manifest = {"apiVersion": API_VERSION, "kind": "Agent", "metadata": metadata, "spec": {"image": "a", **spec}}
    assert server.refusals([manifest]) == [""]
    parse_agent(manifest)
    assert prepare(manifest).problems
    actions = reconcile(manifest, Observed(now=datetime.now(UTC)))
    assert not any(isinstance(action, Create) for action in actions)


def can_be_created(manifest: Json) -> Json:
    """The Agent without what only one in a cluster, or none, can have."""
    spec = copy.deepcopy(manifest["spec"])
    spec.get("podTemplate", {}).get("spec", {}).pop("nodeName", None)
    for port in spec.get("service", {}).get("ports", ()):
        if port.get("nodePort"):
            del port["nodePort"]
    return manifest | {"spec": spec}


def selected(manifests: list[Json]) -> list[Json]:
    """Every eleventh, so some for each part of the schema, and some with each kind of object."""
    by_kind: dict[str, list[Json]] = {}
    for manifest in manifests:
        rendered = prepare(manifest).rendered
        for item in rendered.objects if rendered else ():
            by_kind.setdefault(item["kind"], []).append(manifest)
    return [*manifests[::11], *(manifest for group in by_kind.values() for manifest in group[:8])]


def take(server: Server, agent: Json, image: ImageInfo, now: datetime) -> list[Action]:
    """Read what there is, reconcile as at `now`, and execute it; return what was written besides status and events."""
    ref = Ref(API_VERSION, "Agent", server.namespace, agent["metadata"]["name"])
    present = server.get(ref)
    assert present is not None
    objects = [found for one in wanted(present) if (found := server.get(one)) is not None]
    observed = Observed(now, objects, {present["spec"]["image"]: image})
    written: list[Action] = []
    for action in reconcile(present, observed):
        match action:
            case Create(manifest):
                made = server.post(manifest)
                assert made["kind"] == manifest["kind"], shown([(made["message"], manifest)])
                written.append(action)
            case PatchStatus(ref, version, status):
                patch = {"status": merge_diff(present.get("status"), status)}
                if patch["status"]:
                    server.patch_status(ref, patch | {"metadata": {"resourceVersion": version}})
            case Requeue() | ResolveImage() | EmitEvent():
                pass  # an event tells what becomes of the pod: that no node takes it, say
            case _:
                written.append(action)
    return written


def test_what_was_created_is_never_written_again(server: Server, valid_agents: list[Json]) -> None:
    chosen = [can_be_created(manifest) for manifest in selected(valid_agents)]
    (image,) = examples(images(), 1)

    def live(number: int, manifest: Json) -> set[str]:
        # However long this takes, no time passes: a task's deadline is some moment later.
        now = datetime.now(UTC)
        made = server.post(manifest | {"metadata": {"name": f"made-{number}"}})
        assert made["kind"] == "Agent", shown([(made["message"], manifest)])
        created = {action.manifest["kind"] for action in take(server, made, image, now) if isinstance(action, Create)}
        for _ in range(2):
            again = take(server, made, image, now)
            assert not again, f"{again}\n{json.dumps(manifest)}"
        pod = server.get(Ref("v1", "Pod", server.namespace, made["metadata"]["name"]))
        if pod is not None:
            rendered = prepare(manifest | {"metadata": made["metadata"]}).rendered
            assert rendered is not None
            assert pod["metadata"]["annotations"]["agentctl.dev/revision"] == rendered.revision
        return created

    with ThreadPoolExecutor(_IN_FLIGHT) as pool:
        kinds = set[str]().union(*pool.map(live, range(len(chosen)), chosen))
    assert kinds == {"Pod", "Service", "ConfigMap", "PersistentVolumeClaim"}

"""A decision from projections is the decision from the whole; and each field that a projection keeps is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl_core import Create, Observed, project, reconcile
from agentctl_core._projection import READ, Tree

from .builders import GONE, IMAGES, NOW, SOON, Json, a_pod, a_refusal, an_agent, an_owner, labels_of, nested
from .decisions import KEEPING, LIMITED, RUNNING, SERVED, TASK, a_claim, cases
from .strategies import agents, any_json, damaged, pods

Path = tuple[str, ...]
Case = tuple[Json, tuple[Json, ...]]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
NOT_READ = {"managedFields": [{"manager": "kubelet", "fieldsV1": {"f:status": {}}}], "selfLink": "/x", "finalizers": []}
ENDED = {"exitCode": 3, "reason": "Error", "message": "told", "finishedAt": "2026-01-31T11:59:00Z"}
CRASHES = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}}
FILES = an_agent(command=["run"], files=[{"path": "a", "content": "b"}])
SIDECAR = an_agent(command=["run"], sidecars=[{"name": "side", "image": "s", "resources": {"limits": {"cpu": "1"}}}])
ENDED_ANEW = {"restartCount": 1, "state": {"terminated": ENDED | {"startedAt": "2026-01-31T11:00:00Z"}}}
"""After a run of an hour, so that it is started again at once."""
GATED = an_agent(command=["run"], podTemplate={"spec": {"schedulingGates": [{"name": "gate"}]}})


def decided(manifest: Any, objects: Any) -> object:
    # As text: a NaN that comes in is not equal to itself.
    return repr(reconcile(manifest, Observed(now=NOW, objects=objects, images=IMAGES)))


def from_projections(manifest: Mapping[str, Any], objects: Any) -> object:
    return decided(project(manifest), [project(item) for item in objects])


def with_what_is_not_read(manifest: Json) -> Json:
    """Return an object with more in it, as API servers return them."""
    whole = deepcopy(manifest)
    if manifest["kind"] == "Status":
        return whole
    whole["metadata"] |= NOT_READ
    if manifest["kind"] == "Agent":
        whole["metadata"].setdefault("annotations", {})[LAST_APPLIED] = "{}"
    else:
        whole.setdefault("spec", {})["more"] = {"of": "that"}
        whole.setdefault("status", {})["qosClass"] = "Burstable"
    return whole


def conditions(**of: Json) -> Json:
    return {"phase": "Running", "conditions": [{"type": name, **fields} for name, fields in of.items()]}


def waits(**fields: object) -> Json:
    return {"phase": "Pending", "containerStatuses": [{"name": "agent", **fields}]}


def made(manifest: Json, kind: str) -> Json:
    """Return an object as it is made for an Agent, there for some time."""
    plan = reconcile(manifest, Observed(now=NOW, images=IMAGES))
    wanted = next(a.manifest for a in plan if isinstance(a, Create) and a.manifest["kind"] == kind)
    return {**wanted, "metadata": wanted["metadata"] | {"uid": "u", "resourceVersion": "7"}}


def changed(manifest: Json, **metadata: object) -> Json:
    return manifest | {"metadata": manifest["metadata"] | metadata}


def more_cases() -> Iterator[Case]:
    """Yield what the table of decisions has no situation for: each field that decides, deciding."""
    ours = an_agent()
    generation = changed(a_pod(status={**RUNNING, "observedGeneration": 1}), generation=2)
    for pod in (
        a_pod(status=conditions(PodScheduled={"status": "False", "reason": "Unschedulable", "message": "full"})),
        a_pod(status=conditions(PodResizePending={"status": "True", "reason": "Infeasible", "message": "no"})),
        changed(a_pod(status=conditions(DisruptionTarget={"status": "True", "reason": "DeletionByPodGC"})),
                deletionTimestamp=SOON),
        a_pod(status=waits(state={"waiting": {"reason": "ErrImagePull", "message": "no such image"}})),
        a_pod(status=waits(restartCount=2, ready=True)),
        a_pod(status={"phase": "Running", "containerStatuses": [
            {"name": "agent", "ready": True, "state": {"terminated": ENDED}}]}),
        a_pod(status={"phase": "Running", "containerStatuses": [
            {"name": "agent", "lastState": {"terminated": ENDED}, **CRASHES}]}),
        a_pod(status={"phase": "Running", "containerStatuses": [{"name": "agent", **ENDED_ANEW}]}),
        *(
            a_pod(status={"phase": "Pending", "initContainerStatuses": [{"name": "init", **fields}]})
            for fields in (
                {"ready": False, "state": {"terminated": ENDED}},
                {"ready": True, "state": {"terminated": ENDED}},
                {"state": {"waiting": {"reason": "InvalidImageName", "message": "that"}}},
                {"lastState": {"terminated": ENDED}, **CRASHES},
            )
        ),
        a_pod(status={"phase": "Failed", "reason": "Evicted", "message": "low on memory"}),
        a_pod(status={"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}]}),
        generation,
        a_pod() | {"spec": a_pod()["spec"] | {"nodeName": "node"}},
    ):  # fmt: skip
        yield ours, (pod,)
    yield GATED, (a_pod(of=GATED),)
    since = {"Ready": {"status": "True", "lastTransitionTime": "2026-01-31T11:00:00Z"}}
    yield an_agent(status={"failures": 2}), (a_pod(status=conditions(**since)),)
    side = a_pod(of=SIDECAR)
    slower = an_agent(
        command=["run"], sidecars=[SIDECAR["spec"]["sidecars"][0] | {"resources": {"limits": {"cpu": 2}}}]
    )
    for failing in ({"state": {"terminated": ENDED}}, {"restartCount": 1, "state": {"terminated": ENDED}}, ENDED_ANEW):
        status = {"phase": "Running", "initContainerStatuses": [{"name": "side", **failing}]}
        yield SIDECAR, (side | {"status": status},)
    yield slower, (side | {"status": RUNNING},)
    late = an_agent(restartPolicy="OnFailure", backoffLimit=1)
    yield late, (a_pod(of=late, status=waits(restartCount=2)),)
    yield late, (a_pod(of=late, status=waits(restartCount=1, state={"terminated": ENDED | {"exitCode": 0}})),)
    yield from _beside()


def _beside() -> Iterator[Case]:
    serving = a_pod(of=SERVED, status=RUNNING)
    service, config_map = made(SERVED, "Service"), made(FILES, "ConfigMap")
    claim = made(KEEPING, "PersistentVolumeClaim")
    for agent, pod, there in (
        (SERVED, serving, service),
        (FILES, a_pod(of=FILES), config_map),
        (KEEPING, a_pod(of=KEEPING), claim),
    ):
        for seen in (there, changed(there, deletionTimestamp=GONE), changed(there, labels=labels_of("other")),
                     changed(there, ownerReferences=[an_owner("uid-of-former-agent")])):  # fmt: skip
            yield agent, (pod, seen)
            yield agent, (seen,)
    yield SERVED, (serving, service | {"spec": service["spec"] | {"clusterIP": "None"}})
    ports = [{"protocol": "TCP", "targetPort": port["port"], **port} for port in service["spec"]["ports"]]
    yield SERVED, (serving, service | {"spec": service["spec"] | {"clusterIP": "10.0.0.1", "ports": ports}})
    yield KEEPING, (a_pod(of=KEEPING), claim | {"status": {"phase": "Bound"}})
    yield an_agent(command=["run"]), (a_pod(of=an_agent(command=["run"])), service)
    yield an_agent(command=["run"]), (a_pod(of=an_agent(command=["run"])), config_map)
    yield an_agent(command=["run"]), (a_pod(of=FILES), config_map)
    yield KEEPING, (a_pod(of=KEEPING), a_claim())
    yield an_agent(command=["run"]), (a_claim(an_owner()),)
    yield LIMITED, (a_pod(of=LIMITED, status=RUNNING), a_refusal(kind="pods/resize"))
    yield TASK, (a_pod(of=TASK, metadata={"creationTimestamp": "2026-01-31T11:00:00Z"}),)


CASES: list[Case] = [*((manifest, objects) for _, manifest, objects in cases()), *more_cases()]


@pytest.mark.parametrize("case", CASES)
def test_a_situation_is_decided_from_projections_as_from_the_whole(case: Case) -> None:
    manifest, objects = with_what_is_not_read(case[0]), [with_what_is_not_read(item) for item in case[1]]
    assert from_projections(manifest, objects) == decided(manifest, objects) == decided(*case)


@given(agents() | damaged(agents()), st.lists(damaged(pods("demo")) | pods("demo"), max_size=3))
def test_anything_else_is_too(manifest: Any, objects: list[Any]) -> None:
    if isinstance(manifest, dict) and all(isinstance(item, dict) for item in objects):
        assert from_projections(manifest, objects) == decided(manifest, objects)


def paths(fields: Mapping[str, Tree], above: Path = ()) -> Iterator[Path]:
    """Yield the path of each field that is kept."""
    for name, inner in fields.items():
        yield from [(*above, name)] if inner is None else paths(inner, (*above, name))


def without(value: Any, path: Path) -> Any:
    if isinstance(value, list):
        return [without(item, path) for item in value]
    if not isinstance(value, dict) or path[0] not in value:
        return value
    rest = {name: child for name, child in value.items() if name != path[0]}
    return rest if len(path) == 1 else {**rest, path[0]: without(value[path[0]], path[1:])}


# The apiVersion names an object for its host; and an Agent is kept but for what the tests below name.
KEPT = [(kind, path) for kind in READ if kind != "Agent" for path in paths(READ[kind]) if path != ("apiVersion",)]


@pytest.mark.parametrize(("kind", "path"), KEPT, ids=[f"{kind}.{'.'.join(path)}" for kind, path in KEPT])
def test_each_field_that_is_kept_decides_something(kind: str, path: Path) -> None:
    """Were it dropped, another decision would be made somewhere, which the tests above would see."""
    assert any(
        decided(manifest, [without(item, path) if item["kind"] == kind else item for item in objects])
        != decided(manifest, objects)
        for manifest, objects in CASES
    )


@pytest.mark.parametrize(
    "path", [("status",), ("spec",), *((("metadata", name)) for name in ("generation", "resourceVersion", "uid"))]
)
def test_so_does_each_part_of_an_agent(path: Path) -> None:
    assert any(decided(without(manifest, path), objects) != decided(manifest, objects) for manifest, objects in CASES)


def test_an_agent_loses_its_managed_fields_and_the_copy_that_kubectl_keeps() -> None:
    annotations = {"mine": "x", LAST_APPLIED: "{}"}
    whole = an_agent(metadata=NOT_READ | {"annotations": annotations}, status={"replicas": 1})
    assert project(whole) == an_agent(metadata={"annotations": {"mine": "x"}}, status={"replicas": 1})
    assert annotations == {"mine": "x", LAST_APPLIED: "{}"}, "what comes in is not changed"
    assert project(an_agent(metadata={"annotations": {"mine": "x"}})) == an_agent(
        metadata={"annotations": {"mine": "x"}}
    )


@pytest.mark.parametrize("mapping", [dict, MappingProxyType])
def test_any_mapping_is_read_and_lists_of_lists_are_left_alone(mapping: Any) -> None:
    pod = mapping({"kind": "Pod", "spec": mapping({"containers": ([0], 1, mapping({"name": "a", "env": []}))})})
    assert project(pod) == {"kind": "Pod", "spec": {"containers": [[0], 1, {"name": "a"}]}}


@pytest.mark.parametrize("kind", [list, dict])
def test_nesting_without_end_is_no_trouble(kind: Any) -> None:
    project({"kind": "Pod", "spec": nested(100_000, kind), "status": {"conditions": nested(100_000, kind)}})


def test_of_a_config_map_no_content_is_kept() -> None:
    assert set(project(made(FILES, "ConfigMap"))) == {"apiVersion", "kind", "metadata"}


@pytest.mark.parametrize("manifest", [a_refusal(), {"kind": "Secret", "data": {"a": "b"}}, {"kind": ["Pod"]}, {}])
def test_what_is_none_of_the_operators_kinds_is_kept_whole(manifest: Json) -> None:
    assert project(manifest) == manifest


@given(damaged(st.sampled_from([a_pod(status=RUNNING), a_claim(), SERVED]), any_json))
def test_whatever_comes_in_is_projected(manifest: Any) -> None:
    if isinstance(manifest, dict):
        projected = project(manifest)
        assert project(projected).keys() == projected.keys() <= manifest.keys()

"""Every decision in words: what each situation of the decision table comes to, as `tests/golden/decisions.txt` has it.

`make golden` writes that file anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from agentctl_core import Action, Create, Delete, EmitEvent, Patch, PatchStatus, Requeue, ResolveImage

from .builders import (
    GONE,
    SOON,
    Json,
    a_pod,
    a_refusal,
    an_agent,
    an_owner,
    labels_of,
    plan,
    status_of,
)
from .test_reconcile import LATELY, TABLE, asking, holding

GOLDEN = Path(__file__).parents[2] / "golden" / "decisions.txt"
EARLIER = "2026-01-31T11:00:00Z"
RUNNING: Json = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
CRASHING: Json = {
    "phase": "Running",
    "containerStatuses": [
        {
            "name": "agent",
            "restartCount": 4,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-01-31T11:59:00Z"}},
        }
    ],
}
SERVED = an_agent(command=["run"], service={"ports": [{"port": 80}]})
LIMITED = an_agent(resources={"limits": {"cpu": "1"}})
KEEPING = an_agent(
    command=["run"],
    volumeClaimTemplates=[
        {
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}},
        }
    ],
)
NO_CLAIM = a_refusal("not so much", "persistentvolumeclaims")
NO_CLAIM["details"]["name"] = "data-demo"
TASK = an_agent(restartPolicy="Never", backoffLimit=0)


def a_claim(*owners: Json) -> Json:
    """Return a claim of 1 GiB."""
    metadata = {"name": "data-demo", "namespace": "team", "uid": "u", "resourceVersion": "7", "labels": labels_of()}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata | {"ownerReferences": list(owners)},
        "spec": {"resources": {"requests": {"storage": "1Gi"}}},
        "status": {"phase": "Bound"},
    }


def told(manifest: Json, *objects: Json) -> Json:
    """Return the Agent with the status that it has once this is told."""
    return manifest | {"status": status_of(manifest, *objects)}


def with_spec(manifest: Json, **spec: object) -> Json:
    return manifest | {"spec": manifest["spec"] | spec}


def cases() -> Iterator[tuple[str, Json, tuple[Json, ...]]]:
    """Yield each situation: its name, the Agent, what is there."""
    for want, holder, *_ in TABLE:
        yield f"{want.name} / {holder.name}", asking(want, holder), holding(want, holder)
    ours = a_pod(status=RUNNING)
    well = told(an_agent(), ours)
    yield "all is well", well, (ours,)
    yield "it has become ready", told(an_agent(), a_pod()), (ours,)
    yield "it has lost its readiness", well, (a_pod(status=CRASHING),)
    due_now = a_pod(metadata={"deletionTimestamp": "2026-01-31T11:59:30Z"}, status=RUNNING)
    yield "somebody's deletion is overdue since now", well, (due_now,)
    former = a_pod(owner_uid="uid-of-former-agent", metadata={"deletionTimestamp": GONE})
    yield "the deletion of a former Agent's pod is overdue", an_agent(), (former,)
    yield "somebody deletes the pod", well, (a_pod(metadata={"deletionTimestamp": SOON}, status=RUNNING),)
    yield "somebody's deletion is overdue", well, (a_pod(metadata={"deletionTimestamp": GONE}, status=RUNNING),)
    yield "the pod has failed", well, (a_pod(status={"phase": "Failed", "reason": "Evicted", "message": "m"}),)
    yield "the failed pod is gone", an_agent(status=LATELY), ()
    yield "it is suspended", with_spec(well, replicas=0), (ours,)
    asleep = told(an_agent(replicas=0))
    yield "it is woken", with_spec(asleep, replicas=1), ()
    edited = with_spec(well, image="example.com/agent:2")
    yield "another image, not known yet", edited, (ours,)
    yield "another image, on deletion", with_spec(edited, command=["x"], updateStrategy="OnDelete"), (ours,)
    yield "another command", with_spec(well, command=["x"]), (ours,)
    ending = a_pod(metadata={"deletionTimestamp": SOON}, status=RUNNING)
    yield "it has ended the pod itself", told(with_spec(well, command=["x"]), ours), (ending,)
    lost = a_pod(metadata={"deletionTimestamp": SOON}, status={"phase": "Unknown"})
    yield "the node of a pod that it has ended is back", told(with_spec(well, command=["x"]), lost), (ending,)
    yield "an invalid edit, and the pod is gone", well | {"spec": {"image": 5}}, ()
    yield "an invalid edit", with_spec(well, command="x"), (ours,)
    yield "other labels", with_spec(well, podTemplate={"metadata": {"labels": {"a": "b"}}}), (ours,)
    labelled = with_spec(well, podTemplate={"metadata": {"labels": {"a": "b"}}})
    yield "other labels, which are refused", labelled, (ours, a_refusal("not these"))
    yield from _beside_the_pod()
    yield from _of_tasks()


def _beside_the_pod() -> Iterator[tuple[str, Json, tuple[Json, ...]]]:
    served = a_pod(of=SERVED, status=RUNNING)
    yield "the Service is refused", SERVED, (served, a_refusal("not now", "services"))
    asleep_served = with_spec(SERVED, replicas=0)
    yield "the Service is refused while it sleeps", asleep_served, (a_refusal("not now", "services"),)
    theirs = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "demo", "namespace": "team"}}
    yield "the Service is another's while it sleeps", asleep_served, (theirs,)
    keeping = a_pod(of=KEEPING, status=RUNNING)
    yield "a claim may not grow", KEEPING, (keeping, a_claim(), NO_CLAIM)
    yield "a claim may not grow, and there is no pod", KEEPING, (a_claim(), NO_CLAIM)
    yield (
        "a claim may not grow, and the pod is outdated",
        with_spec(KEEPING, command=["x"]),
        (keeping, a_claim(), NO_CLAIM),
    )
    yield "a claim may not grow while it sleeps", with_spec(KEEPING, replicas=0), (a_claim(), NO_CLAIM)
    for policy in ("Retain", "Delete"):
        without = an_agent(command=["run"], persistentVolumeClaimRetentionPolicy={"whenDeleted": policy})
        yield f"a claim is not asked for any more, {policy}", without, (a_pod(of=without), a_claim(an_owner()))
    yield "another quota", an_agent(), (a_refusal("exceeded quota: pods"),)
    limited = a_pod(of=LIMITED, status=RUNNING)
    higher = with_spec(told(LIMITED, limited), resources={"limits": {"cpu": 2}})
    yield "a higher limit", higher, (limited,)
    yield "a higher limit, which is refused", higher, (limited, a_refusal("not so much", "pods/resize"))


def _of_tasks() -> Iterator[tuple[str, Json, tuple[Json, ...]]]:
    failed = a_pod(of=TASK, status={"phase": "Failed"})
    yield "the task has failed", told(TASK, a_pod(of=TASK, status=RUNNING)), (failed,)
    edited = with_spec(told(TASK, failed), command=["x"])
    going = failed | {"metadata": failed["metadata"] | {"deletionTimestamp": SOON}}
    yield "a failed task is edited, and its pod goes", told(edited, failed), (going,)
    once = with_spec(TASK, ttlSecondsAfterFinished=0)
    yield "a task that expires at once has failed", once, (failed,)
    again = with_spec(told(once, failed), command=["x"])
    anew = a_pod(of=again, metadata={"uid": "uid-of-next"}, status={"phase": "Failed"})
    yield "a task that expires at once is edited, and has failed anew", again, (anew,)
    done = a_pod(of=TASK, status={"phase": "Succeeded"})
    yield "the task has succeeded", told(TASK, a_pod(of=TASK, status=RUNNING)), (done,)
    yield "a failed task is edited", with_spec(told(TASK, failed), command=["x"]), (failed,)
    yield "a finished task is edited, and its pod is gone", with_spec(told(TASK, done), command=["x"]), ()
    on_deletion = with_spec(told(TASK, done), command=["x"], updateStrategy="OnDelete")
    yield "a finished task is edited, on deletion", on_deletion, (done,)
    late = an_agent(restartPolicy="Never", activeDeadlineSeconds=60)
    yield "the task takes too long", late, (a_pod(of=late, metadata={"creationTimestamp": EARLIER}, status=RUNNING),)


def in_words(manifest: Json, objects: tuple[Json, ...]) -> Iterator[str]:
    """Yield a line for each action, and one for each condition."""
    for action in plan(manifest, *objects):
        yield from _lines(action)


def _lines(action: Action) -> Iterator[str]:
    match action:
        case PatchStatus(ref, version, status):
            yield f"  PatchStatus {ref.api_version} {ref.kind} {ref.namespace}/{ref.name} {version}"
            for c in status["conditions"]:
                yield f"    {c['type']}={c['status']} {c['reason']}: {c['message']} (since {c['lastTransitionTime']})"
            rest = {name: value for name, value in status.items() if name != "conditions"}
            yield from (f"    {name}: {value!r}" for name, value in sorted(rest.items()))
        case EmitEvent():
            on = action.regarding
            about = f"{on.api_version} {on.kind} {on.namespace}/{on.name}"
            yield f"  EmitEvent {action.type} {action.reason} ({action.action}) about {about} {action.regarding_uid}"
            yield f"    {action.name} at {action.time}: {action.note}"
        case Create(manifest):
            yield f"  Create {manifest['kind']} {manifest['metadata']['namespace']}/{manifest['metadata']['name']}"
        case Delete(ref, uid, version):
            yield f"  Delete {ref.api_version} {ref.kind} {ref.namespace}/{ref.name} {uid} {version}"
        case Patch(ref, uid, version, patch):
            yield f"  Patch {ref.api_version} {ref.kind} {ref.namespace}/{ref.name} {uid} {version}: {patch!r}"
        case ResolveImage(image, secrets):
            yield f"  ResolveImage {image} {secrets!r}"
        case Requeue(after):
            yield f"  Requeue {after}"
        case _:
            yield f"  {action!r}"


def text() -> str:
    """Return the whole file."""
    found: Mapping[str, list[str]] = {name: [*in_words(manifest, objects)] for name, manifest, objects in cases()}
    return "\n".join("\n".join([name, *(lines or ["  nothing"]), ""]) for name, lines in found.items())


if __name__ == "__main__":
    GOLDEN.write_text(text(), "utf-8")

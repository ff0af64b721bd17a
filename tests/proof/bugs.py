"""Bugs that operators are known to have, each as a change of one place of the core's source."""

from __future__ import annotations

from typing import Final, NamedTuple


class Bug(NamedTuple):
    """One bug: `old` stands exactly once in the file, and `new` takes its place."""

    name: str
    what: str
    file: str
    old: str
    new: str


BUGS: Final = (
    Bug(
        "owner-by-name",
        "a predecessor's pod is taken for the Agent's own: the owner's uid is not compared",
        "_identity.py",
        'return Ownership.OURS if reference.get("uid") == uid else Ownership.PREDECESSOR',
        "return Ownership.OURS",
    ),
    Bug(
        "adopted-stranger",
        "a pod without an owner is adopted for its name's sake",
        "_identity.py",
        '            return Ownership.OURS if reference.get("uid") == uid else Ownership.PREDECESSOR\n'
        "    return Ownership.STRANGER",
        '            return Ownership.OURS if reference.get("uid") == uid else Ownership.PREDECESSOR\n'
        "    return Ownership.OURS",
    ),
    Bug(
        "deleted-stranger",
        "whoever holds the wanted name is deleted",
        "_reconcile.py",
        "        Holder.STRANGER: Step.LOOK_AGAIN,\n    },\n    Want.SUSPEND",
        "        Holder.STRANGER: Step.DELETE,\n    },\n    Want.SUSPEND",
    ),
    Bug(
        "generated-name",
        "creating is not idempotent: each pod has a name of its own",
        "_reconcile.py",
        "    return _Made((Create(pod),), pod=pod)",
        "    meta = {k: v for k, v in pod['metadata'].items() if k != 'name'} | {'generateName': 'demo-', 'name': ''}\n"
        "    return _Made((Create(pod | {'metadata': meta}),), pod=pod)",
    ),
    Bug(
        "delete-without-uid",
        "a deletion names no uid, so it may meet a successor",
        "_reconcile.py",
        'Delete(Ref("v1", "Pod", identity.namespace, identity.name), uid),)',
        'Delete(Ref("v1", "Pod", identity.namespace, identity.name), ""),)',
    ),
    Bug(
        "unconfirmed-deletion",
        "a pod is deleted for an Agent that is not read anew, so that a late watch wants the end of a newer pod",
        "testing/_operator.py",
        "generation_of(api.storage.objects.get(self.key)) == self.asked_by",
        "True",
    ),
    Bug(
        "status-without-version",
        "lost update: the status is written whatever has become of the Agent",
        "_reconcile.py",
        'actions.append(PatchStatus(ref, dig(manifest, "metadata", "resourceVersion", kind=str), status))',
        "actions.append(PatchStatus(ref, None, status))",
    ),
    Bug(
        "status-flapping",
        "lastTransitionTime is the present time at each look",
        "_conditions.py",
        '        since = dig(former, "lastTransitionTime", kind=str) or ""',
        '        since = ""',
    ),
    Bug(
        "status-heartbeat",
        "a message holds the time of the last look",
        "_status.py",
        "    accepted = _accepted(prepared, situation, block)\n",
        "    accepted = _accepted(prepared, situation, block)\n"
        "    accepted = Verdict(accepted.type, accepted.status, accepted.reason, f'{accepted.message} At {now}.')\n",
    ),
    Bug(
        "defaulted-fields",
        "hot loop: a Service is compared without the API server's defaults",
        "_objects.py",
        '    defaults = {"targetPort": wanted["port"], "protocol": "TCP"}\n',
        '    return dict(wanted) == dict(there)\n    defaults = {"targetPort": wanted["port"], "protocol": "TCP"}\n',
    ),
    Bug(
        "stuck-on-terminating",
        "after a pod was seen to end, its end is waited for for ever",
        "_situation.py",
        "        case None:\n            return Holder.REFUSED if refusal else Holder.NOBODY",
        "        case None if run.history.last_termination is not None:\n            return Holder.ENDING\n"
        "        case None:\n            return Holder.REFUSED if refusal else Holder.NOBODY",
    ),
    Bug(
        "ended-is-kept",
        "a service's pod that has failed is not replaced",
        "_reconcile.py",
        "        Holder.ENDED: Step.DELETE,\n        Holder.ENDING: Step.WAIT,\n        Holder.PREDECESSOR: Step.WAIT,\n"
        "        Holder.STRANGER: Step.LOOK_AGAIN,\n    },\n    Want.SUSPEND",
        "        Holder.ENDED: Step.WAIT,\n        Holder.ENDING: Step.WAIT,\n        Holder.PREDECESSOR: Step.WAIT,\n"
        "        Holder.STRANGER: Step.LOOK_AGAIN,\n    },\n    Want.SUSPEND",
    ),
    Bug(
        "no-backoff",
        "a pod that has failed is replaced at once",
        "_run.py",
        "    return due if due is not None and timedelta() < due - now <= 2 * wait else None",
        "    return None",
    ),
    Bug(
        "backoff-in-memory",
        "backoff is reset by a restart: the last failure is not written down",
        "_history.py",
        '            "lastFailure": failure\n            and {"podUID": failure.pod_uid, "time": timestamp(failure.time), "reason": failure.reason},\n',
        "",
    ),
    Bug(
        "delete-before-status",
        "the pod is deleted before its failure is counted",
        "_reconcile.py",
        "    actions += _report(prepared, situation, current, manifest, observed.now)\n    if step is Step.CHANGE and situation.change is not None:",
        "    if step is Step.DELETE:\n        actions += _delete(identity, situation)\n"
        "    actions += _report(prepared, situation, current, manifest, observed.now)\n    if step is Step.CHANGE and situation.change is not None:",
    ),
    Bug(
        "counted-twice",
        "a failure is counted each time that it is seen",
        "_run.py",
        "    if history.last_failure is not None and history.last_failure.pod_uid == uid:\n        return history\n",
        "",
    ),
    Bug(
        "no-requeue",
        "nothing leads back when the backoff is over",
        "_run.py",
        "again=tuple(moment for moment in (due, expiry, *_turns(agent, pod, history)) if moment and moment > now),",
        "again=(),",
    ),
    Bug(
        "expiry-missed",
        "a task whose time to live is over when its end is seen stays for ever",
        "_run.py",
        "        expiry = _after(now, TOLD)\n",
        "        pass\n",
    ),
    Bug(
        "expired-while-running",
        "the time to live counts from the start, and for tasks that have not ended",
        "_run.py",
        "    if seconds is None or history.finished is None:\n        return None\n    return _after(history.completed, _seconds(seconds))",
        "    if seconds is None:\n        return None\n    return _after(history.started, _seconds(seconds))",
    ),
    Bug(
        "event-each-time",
        "event flood: an event is told at each look, not at each change",
        "_events.py",
        "    if all_stand(current, manifest):\n"
        "        return []\n"
        "    ref = Ref(API_VERSION, KIND, situation.identity.namespace, situation.identity.name)\n"
        "    former = conditions_of(manifest)\n"
        '    generation = str(dig(manifest, "metadata", "generation", kind=int))\n'
        "    return [\n"
        "        _event(ref, situation.identity, verdict, told, now)\n"
        "        for verdict in current\n"
        "        if verdict != former.get(verdict.type)\n",
        "    ref = Ref(API_VERSION, KIND, situation.identity.namespace, situation.identity.name)\n"
        "    former = conditions_of(manifest)\n"
        '    generation = str(dig(manifest, "metadata", "generation", kind=int))\n'
        "    return [\n"
        "        _event(ref, situation.identity, verdict, told, now)\n"
        "        for verdict in current\n",
    ),
    Bug(
        "event-of-any-name",
        "event flood: an event has another name each time, so that a retry tells it again",
        "_events.py",
        "digest([identity.uid, verdict.type, reason, key])",
        "digest([identity.uid, verdict.type, reason, key, now.isoformat()])",
    ),
    Bug(
        "claim-deleted",
        "an edit that no longer asks for a claim deletes it",
        "_objects.py",
        "        if kind not in (_SERVICE, _CONFIG_MAP):\n"
        "            continue  # a claim holds data, and pods are none of these\n"
        '        name, uid = dig(there, "metadata", "name", kind=str), dig(there, "metadata", "uid", kind=str)\n'
        "        if name is None or uid is None or (kind, name) in kept or is_being_deleted(there):\n"
        "            continue\n"
        '        is_here = dig(there, "metadata", "namespace", kind=str) == identity.namespace\n'
        "        is_ours = ownership(there, identity.name, identity.uid) is Ownership.OURS\n"
        "        if is_here and is_ours and _is_left_over(kind, name, situation):\n",
        "        if kind not in (_SERVICE, _CONFIG_MAP, _CLAIM):\n"
        "            continue  # a claim holds data, and pods are none of these\n"
        '        name, uid = dig(there, "metadata", "name", kind=str), dig(there, "metadata", "uid", kind=str)\n'
        "        if name is None or uid is None or (kind, name) in kept or is_being_deleted(there):\n"
        "            continue\n"
        '        is_here = dig(there, "metadata", "namespace", kind=str) == identity.namespace\n'
        "        is_ours = ownership(there, identity.name, identity.uid) is Ownership.OURS\n"
        "        if kind == _CLAIM or (is_here and is_ours and _is_left_over(kind, name, situation)):\n",
    ),
    Bug(
        "claim-owned",
        "a claim that is to be kept goes with the Agent",
        "features/volumes.py",
        'owned = agent.spec.persistent_volume_claim_retention_policy.when_deleted == "Delete"',
        "owned = True",
    ),
    Bug(
        "invalid-deletes",
        "an Agent that turns invalid loses its pod",
        "_reconcile.py",
        "    Want.INVALID: dict.fromkeys(Holder, Step.WAIT),",
        "    Want.INVALID: dict.fromkeys(Holder, Step.DELETE),",
    ),
    Bug(
        "gone-creates",
        "an Agent that is being deleted makes its pod anew",
        "_reconcile.py",
        "    Want.GO: dict.fromkeys(Holder, Step.WAIT),",
        "    Want.GO: dict.fromkeys(Holder, Step.WAIT) | {Holder.NOBODY: Step.CREATE},",
    ),
    Bug(
        "suspended-runs",
        "a suspended Agent keeps its pod",
        "_reconcile.py",
        "        Holder.OURS: Step.DELETE,\n        Holder.OUTDATED: Step.DELETE,\n        Holder.ENDED: Step.DELETE,",
        "        Holder.OURS: Step.WAIT,\n        Holder.OUTDATED: Step.DELETE,\n        Holder.ENDED: Step.DELETE,",
    ),
    Bug(
        "suspended-is-unready",
        "a suspended Agent says Ready=False: whoever waits for it waits for ever",
        "_status.py",
        "    if situation.want not in (Want.SUSPEND, Want.DONE, Want.EXPIRED):",
        "    if situation.want not in (Want.DONE, Want.EXPIRED):",
    ),
    Bug(
        "finished-runs-again",
        "a task that has finished is made anew when its pod is gone",
        "_reconcile.py",
        "    Want.DONE: {\n        Holder.NOBODY: Step.WAIT,",
        "    Want.DONE: {\n        Holder.NOBODY: Step.CREATE,",
    ),
    Bug(
        "ready-by-phase",
        "a pod is taken for ready when it runs",
        "_pod_state.py",
        '    if dig(ready, "status", kind=str) == "True":\n        return Verdict("Ready", "True", "PodReady", "The pod is ready.")',
        '    if dig(pod, "status", "phase", kind=str) == "Running":\n        return Verdict("Ready", "True", "PodReady", "The pod is ready.")',
    ),
    Bug(
        "ready-by-containers",
        "a pod on a dead node is taken for ready, since its containers are",
        "_pod_state.py",
        '    ready = conditions.get("Ready")\n    if dig(ready, "status", kind=str) == "True":',
        '    ready = conditions.get("ContainersReady")\n    if dig(ready, "status", kind=str) == "True":',
    ),
    Bug(
        "image-untold",
        "an image that cannot be pulled is taken for one that is still being pulled",
        "_pod_state.py",
        '            "ImagePullBackOff",\n',
        "",
    ),
    Bug(
        "old-generation",
        "observedGeneration is what the status said before",
        "_status.py",
        '    generation = dig(manifest, "metadata", "generation", kind=int)\n',
        '    generation = dig(manifest, "status", "observedGeneration", kind=int) or 1\n',
    ),
    Bug(
        "resize-untold",
        "CPU is changed in the spec and never in the pod",
        "_change.py",
        "    resized = list(_resized(asked, present))\n",
        "    resized: list[dict[str, Any]] = []\n",
    ),
    Bug(
        "update-untold",
        "a changed spec does not reach the pod",
        "_situation.py",
        "change is not None and change.needs_pod and _recreates(agent)",
        "change is not None and False",
    ),
    Bug(
        "update-loop",
        "the pod is always taken for outdated",
        "_change.py",
        "    if revision != rendered.revision:",
        "    if revision == rendered.revision:",
    ),
    Bug(
        "stale-service",
        "a Service that the spec no longer asks for is left",
        "_objects.py",
        "        return name == situation.identity.name\n",
        "        return False\n",
    ),
)

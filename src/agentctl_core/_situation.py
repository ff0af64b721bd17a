"""The situation of an Agent: two small enumerations that everything observed comes down to.

What the Agent asks for (`Want`) and what stands under its pod's name (`Holder`) are all that the decision and the
status are made from.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, Literal

from attrs import frozen

from ._agent import Agent
from ._change import Change, plan_change
from ._history import recall
from ._identity import Ownership, ownership
from ._json import dig, is_being_deleted
from ._observed import Observed
from ._pod import Rendered
from ._pod_state import has_ended
from ._problem import Problem
from ._run import Run, carry, follow, pod_revision


class Want(Enum):
    """What the Agent asks for."""

    RUN = "run"
    SUSPEND = "suspend"
    """`spec.replicas` is 0."""
    DONE = "done"
    """A task that has finished: nothing is made any more; a pod that has ended stays, for its logs."""
    EXPIRED = "expired"
    """A finished task whose `ttlSecondsAfterFinished` have passed: the Agent itself goes."""
    INVALID = "invalid"
    """The spec is refused: nothing is known about what is wanted, so nothing is made and nothing is taken away."""
    GO = "go"
    """The Agent has a deletionTimestamp: the garbage collector takes its objects away."""


class Holder(Enum):
    """What stands under the name of the Agent's pod."""

    NOBODY = "nobody"
    BACKING_OFF = "backing off"
    """Nobody, and the last pod has failed too lately to make another."""
    REFUSED = "refused"
    """Nobody, and the API server has just refused to create the pod."""
    OURS = "ours"
    OUTDATED = "outdated"
    """Ours, and doing what the spec asks takes another pod, which the update strategy allows to make."""
    ENDED = "ended"
    """Ours, and every container has ended for good: phase Failed or Succeeded."""
    ENDING = "ending"
    """Ours, with a deletionTimestamp."""
    PREDECESSOR = "predecessor"
    """The pod of an earlier Agent of the same name, which the garbage collector is about to delete."""
    STRANGER = "stranger"


OWN: Final = (Holder.OURS, Holder.OUTDATED, Holder.ENDED, Holder.ENDING)
"""The holders that are a pod of the Agent."""


@frozen(unsafe_hash=False)
class Identity:
    """Who the Agent is; known even where its spec is not valid."""

    name: str
    namespace: str
    uid: str


@frozen(kw_only=True, unsafe_hash=False)
class Prepared:
    """The half of a decision that depends on the Agent's spec and metadata alone, not on its status: it can be cached.

    Of the metadata it depends on name, namespace, uid, labels and annotations. A cache must look at the uid too: a new
    Agent of the same name has the generation of the old one.

    Attributes:
        identity: None where the manifest has no name: then there is nothing to say.
        agent: None where it is refused.
        rendered: the pod and the objects that the Agent asks for; None where it is refused.
        problems: why the Agent is refused; empty where it is not.
        refusal: the reason in the condition Accepted where it is refused.
    """

    identity: Identity | None
    agent: Agent | None = None
    rendered: Rendered | None = None
    problems: tuple[Problem, ...] = ()
    refusal: Literal["InvalidSpec", "PolicyDenied"] = "InvalidSpec"


@frozen(kw_only=True, unsafe_hash=False)
class Situation:
    """The present situation, with what backs it up.

    Attributes:
        pod: the manifest under the pod's name, whoever owns it; None where there is none.
        run: where the Agent stands in its run.
        change: what an edit means for the pod; None where there is no living pod of the Agent, or no valid spec.
        refusal: the API server's `Status` answer; None but for REFUSED.
    """

    identity: Identity
    want: Want
    holder: Holder
    run: Run
    pod: Mapping[str, Any] | None = None
    change: Change | None = None
    refusal: Mapping[str, Any] | None = None

    @property
    def own_pod(self) -> Mapping[str, Any] | None:
        """The pod, where it is the Agent's own."""
        return self.pod if self.holder in OWN else None


def assess(prepared: Prepared, identity: Identity, manifest: Mapping[str, Any], observed: Observed) -> Situation:
    """Return the situation of the Agent `identity`."""
    pod = find(observed, "Pod", identity.namespace, identity.name)
    whose = None if pod is None else ownership(pod, identity.name, identity.uid)
    own = pod if whose is Ownership.OURS else None
    refusal = find_refusal(observed, "Pod", identity.name)
    agent, rendered, history = prepared.agent, prepared.rendered, recall(manifest)
    change: Change | None = None
    if agent is None or rendered is None:
        run = carry(own, history)
        want = Want.GO if is_being_deleted(manifest) else Want.INVALID
    else:
        run = follow(agent, rendered.revision, own, history, observed.now)
        if own is not None and not has_ended(own) and not is_being_deleted(own):
            change = plan_change(rendered, own, refusal, find_refusal(observed, "pods/resize", identity.name))
        if _begins_anew(agent, rendered, own):
            run = run.unfinished(agent)
        want = _want(agent, manifest, run)
    is_outdated = agent is not None and change is not None and change.needs_pod and _recreates(agent)
    holder = Holder.OUTDATED if is_outdated else _holder(own, whose, run, refusal)
    return Situation(
        identity=identity,
        want=want,
        holder=holder,
        run=run,
        pod=pod,
        change=change,
        refusal=refusal if pod is None else None,
    )


def _begins_anew(agent: Agent, rendered: Rendered, own: Mapping[str, Any] | None) -> bool:
    """Tell whether the present pod is one of a former run that is to be replaced, finished or not."""
    return _recreates(agent) and own is not None and pod_revision(own) not in (None, rendered.revision)


def _recreates(agent: Agent) -> bool:
    return agent.spec.update_strategy == "Recreate"


def _want(agent: Agent, manifest: Mapping[str, Any], run: Run) -> Want:
    if is_being_deleted(manifest):
        return Want.GO
    if run.has_expired:
        return Want.EXPIRED
    if not agent.spec.replicas:
        return Want.SUSPEND
    return Want.RUN if run.finished is None else Want.DONE


def _holder(
    own: Mapping[str, Any] | None, whose: Ownership | None, run: Run, refusal: Mapping[str, Any] | None
) -> Holder:
    match whose:
        case Ownership.STRANGER:
            return Holder.STRANGER
        case Ownership.PREDECESSOR:
            return Holder.PREDECESSOR
        case Ownership.OURS if is_being_deleted(own):
            return Holder.ENDING
        case Ownership.OURS if has_ended(own):
            return Holder.ENDED
        case Ownership.OURS:
            return Holder.OURS
        case None if run.due is not None:
            return Holder.BACKING_OFF
        case None:
            return Holder.REFUSED if refusal else Holder.NOBODY


def find(observed: Observed, kind: str, namespace: str, name: str) -> Mapping[str, Any] | None:
    """Return the observed object of that kind and name."""
    for manifest in observed.objects:
        if (
            _may_be(manifest, kind)
            and dig(manifest, "kind", kind=str) == kind
            and dig(manifest, "metadata", "name", kind=str) == name
            and dig(manifest, "metadata", "namespace", kind=str) == namespace
        ):
            return manifest
    return None


def _may_be(manifest: Any, kind: str) -> bool:
    """Tell, as soon as can be, whether it is worth asking what an object is: most are of another kind."""
    exact: object = type(manifest)  # pyright: ignore[reportUnknownVariableType]
    return exact is not dict or bool(manifest.get("kind") == kind)


def find_refusal(observed: Observed, kind: str, name: str) -> Mapping[str, Any] | None:
    """Return the API server's answer that refused to create that object lately."""
    # Validation names the kind (Pod), admission the resource (pods).
    kinds = (kind.lower(), f"{kind.lower()}s")
    for manifest in observed.objects:
        if (
            _may_be(manifest, "Status")
            and dig(manifest, "kind", kind=str) == "Status"
            and (dig(manifest, "details", "kind", kind=str) or "").lower() in kinds
            and dig(manifest, "details", "name", kind=str) == name
        ):
            return manifest
    return None

"""The situation of an Agent: two small enumerations that everything observed comes down to.

What the Agent asks for (`Want`) and what stands under its pod's name (`Holder`) are all that the decision and the
status are made from.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal

from attrs import frozen

from ._agent import Agent
from ._identity import Ownership, ownership
from ._json import dig, is_being_deleted
from ._observed import Observed
from ._pod import Rendered
from ._problem import Problem


class Want(Enum):
    """What the Agent asks for."""

    RUN = "run"
    SUSPEND = "suspend"
    """`spec.replicas` is 0."""
    INVALID = "invalid"
    """The spec is refused: nothing is known about what is wanted, so nothing is made and nothing is taken away."""
    GO = "go"
    """The Agent has a deletionTimestamp: the garbage collector takes its objects away."""


class Holder(Enum):
    """What stands under the name of the Agent's pod."""

    NOBODY = "nobody"
    OURS = "ours"
    ENDING = "ending"
    """Our pod, with a deletionTimestamp."""
    PREDECESSOR = "predecessor"
    """The pod of an earlier Agent of the same name, which the garbage collector is about to delete."""
    STRANGER = "stranger"
    REFUSED = "refused"
    """Nobody, and the API server has just refused to create the pod."""


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
        pod: the manifest under the pod's name, whoever owns it; None for NOBODY and REFUSED.
        refusal: the API server's `Status` answer; None but for REFUSED.
    """

    identity: Identity
    want: Want
    holder: Holder
    pod: Mapping[str, Any] | None = None
    refusal: Mapping[str, Any] | None = None


def assess(prepared: Prepared, identity: Identity, manifest: Mapping[str, Any], observed: Observed) -> Situation:
    """Return the situation of the Agent `identity`."""
    want = _want(prepared, manifest)
    pod = find(observed, "Pod", identity.namespace, identity.name)
    if pod is not None:
        return Situation(identity=identity, want=want, holder=_holder(pod, identity), pod=pod)
    refusal = find_refusal(observed, "Pod", identity.name)
    holder = Holder.REFUSED if refusal else Holder.NOBODY
    return Situation(identity=identity, want=want, holder=holder, refusal=refusal)


def _want(prepared: Prepared, manifest: Mapping[str, Any]) -> Want:
    if is_being_deleted(manifest):
        return Want.GO
    if prepared.agent is None:
        return Want.INVALID
    return Want.RUN if prepared.agent.spec.replicas else Want.SUSPEND


def _holder(pod: Mapping[str, Any], identity: Identity) -> Holder:
    match ownership(pod, identity.name, identity.uid):
        case Ownership.STRANGER:
            return Holder.STRANGER
        case Ownership.PREDECESSOR:
            return Holder.PREDECESSOR
        case Ownership.OURS:
            return Holder.ENDING if is_being_deleted(pod) else Holder.OURS


def find(observed: Observed, kind: str, namespace: str, name: str) -> Mapping[str, Any] | None:
    """Return the observed object of that kind and name."""
    for manifest in observed.objects:
        if (
            dig(manifest, "kind", kind=str) == kind
            and dig(manifest, "metadata", "name", kind=str) == name
            and dig(manifest, "metadata", "namespace", kind=str) == namespace
        ):
            return manifest
    return None


def find_refusal(observed: Observed, kind: str, name: str) -> Mapping[str, Any] | None:
    """Return the API server's answer that refused to create that object lately."""
    # Validation names the kind (Pod), admission the resource (pods).
    kinds = (kind.lower(), f"{kind.lower()}s")
    for manifest in observed.objects:
        if (
            dig(manifest, "kind", kind=str) == "Status"
            and (dig(manifest, "details", "kind", kind=str) or "").lower() in kinds
            and dig(manifest, "details", "name", kind=str) == name
        ):
            return manifest
    return None

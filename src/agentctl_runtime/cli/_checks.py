"""What `agentctl doctor` looks at: each check reads something of a cluster and says what it means for the operator."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

from attrs import frozen

from agentctl_core import Config
from agentctl_core.crd import GROUP, PLURAL, VERSION, custom_resource_definition

from .._api import Api
from .._failure import ApiFailure
from ._manifests import Json, mapping, objects
from ._rights import FOR_THE_LEASE, WHERE_AGENTS_LIVE, Right
from ._schema_difference import fields_of, schema_of

Verdict: TypeAlias = Literal["ok", "warning", "failed"]

OLDEST: Final = (1, 33)
_IMAGE_VOLUMES: Final = (1, 35)
"""Since when they are on by default; they cannot be turned off from 1.36 on."""
_CRD: Final = f"{PLURAL}.{GROUP}"
_APPLY_CRD: Final = "agentctl crd | kubectl apply --server-side -f -"
_INSTALL: Final = "Install it: kubectl apply --server-side -k deploy/cluster-wide, or deploy/namespaced."
_NAMES_SHOWN: Final = 5


@frozen
class Check:
    """One thing that was looked at.

    Attributes:
        name: of what it is about.
        told: what was found.
        cure: what to do about it; empty where nothing is.
    """

    name: str
    verdict: Verdict
    told: str
    cure: str = ""


@frozen
class Scope:
    """What to look at.

    Attributes:
        namespaces: where Agents live; none for all.
        own: the operator's own namespace.
        account: the user whose rights are asked for; None for who asks.
    """

    namespaces: tuple[str, ...]
    own: str
    account: str | None


async def examine(api: Api, scope: Scope) -> list[Check]:
    """Return all checks, in the order in which they build on each other.

    Raises:
        ApiFailure: not even the version of the API server can be read.
    """
    version = mapping(await api.request("GET", "version"))
    found = await asyncio.gather(*(_guarded(name, check, api, scope) for name, check in _CHECKS.items()))
    return [server_version(version), *found, *features(version)]


async def _guarded(name: str, check: Callable[[Api, Scope], Awaitable[Check]], api: Api, scope: Scope) -> Check:
    try:
        return await check(api, scope)
    except ApiFailure as failure:
        return Check(name, "warning", f"It cannot be told: {failure}", "Ask again, or as somebody who may read it.")


def server_version(version: Json) -> Check:
    """Return whether the API server is new enough."""
    told = f"Kubernetes {version.get('gitVersion')}; {'.'.join(map(str, OLDEST))} or newer is needed."
    if _numbers(version) < OLDEST:
        return Check("server", "failed", told, "Upgrade the cluster.")
    return Check("server", "ok", told)


def features(version: Json) -> list[Check]:
    """Return what the version means for what only some Agents use."""
    if _numbers(version) >= _IMAGE_VOLUMES:
        return [Check("image volumes", "ok", "wrapper.install may be ImageVolume.")]
    told = "They are off by default before Kubernetes 1.35: an Agent whose wrapper.install is ImageVolume gets no pod."
    cure = "Leave wrapper.install at InitContainer, or turn the feature ImageVolume on."
    return [Check("image volumes", "warning", told, cure)]


def _numbers(version: Json) -> tuple[int, int]:
    """Return the major and minor version; managed clusters write a + after the latter."""
    major, minor = ("".join(filter(str.isdigit, str(version.get(part)))) for part in ("major", "minor"))
    return int(major or 0), int(minor or 0)


async def _resource_type(api: Api, _: Scope) -> Check:
    path = f"apis/apiextensions.k8s.io/v1/customresourcedefinitions/{_CRD}"
    try:
        there = await api.request("GET", path)
    except ApiFailure as failure:
        if not failure.is_not_found:
            raise
        return Check("resource type", "failed", "The cluster does not know Agents.", _APPLY_CRD)
    return resource_type(there)


def resource_type(there: Json) -> Check:
    """Return whether a CustomResourceDefinition is served, and this version's."""
    name = "resource type"
    conditions = {each.get("type"): each for each in objects(mapping(there.get("status")).get("conditions"))}
    for kind in ("NamesAccepted", "Established"):
        if mapping(conditions.get(kind)).get("status") != "True":
            told = mapping(conditions.get(kind)).get("message") or "no reason given"
            return Check(name, "failed", f"It is not served ({kind}): {told}", f"kubectl describe crd {_CRD}")
    own, theirs = schema_of(custom_resource_definition(), VERSION), schema_of(there, VERSION)
    if not theirs:
        return Check(name, "failed", f"It does not have the version {VERSION}.", _APPLY_CRD)
    if own == theirs:
        return Check(name, "ok", "It is this version's.")
    missing, further = set(fields_of(own)) - set(fields_of(theirs)), set(fields_of(theirs)) - set(fields_of(own))
    if further and not missing:
        told = f"It is newer than this version of agentctl, which does not know {_some(further)}."
        return Check(name, "warning", told, "Update agentctl.")
    older = f"It is older than this version: it lacks {_some(missing)}." if missing else "It is another version's."
    return Check(name, "warning", older, _APPLY_CRD)


async def _rights(api: Api, scope: Scope) -> Check:
    asked = [(right, namespace) for namespace in scope.namespaces or ("",) for right in WHERE_AGENTS_LIVE]
    asked += [(right, scope.own) for right in FOR_THE_LEASE]
    answers = await asyncio.gather(*(_may(api, right, namespace, scope.account) for right, namespace in asked))
    missing = [
        f"{right} in {namespace or 'all namespaces'}"
        for (right, namespace), allowed in zip(asked, answers, strict=True)
        if not allowed
    ]
    who = scope.account or "Who asks"
    if not missing:
        return Check("rights", "ok", f"{who} may do all that the operator does.")
    told = f"{who} may not {_some(missing)}."
    return Check(
        "rights", "failed", told, "Bind the roles in deploy/base to it; docs/security.md says what each is for."
    )


async def _may(api: Api, right: Right, namespace: str, account: str | None) -> bool:
    attributes = {key: value for key, value in {**right._asdict(), "namespace": namespace}.items() if value}
    kind = "SelfSubjectAccessReview" if account is None else "SubjectAccessReview"
    subject = {} if account is None else {"user": account, "groups": _groups_of(account)}
    spec: dict[str, Any] = {"resourceAttributes": attributes, **subject}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
    answer = await api.request("POST", f"apis/authorization.k8s.io/v1/{kind.lower()}s", body=body)
    return mapping(answer.get("status")).get("allowed") is True


def _groups_of(account: str) -> list[str]:
    """Return the groups that every request of a service account's is made in."""
    namespace = account.removeprefix("system:serviceaccount:").partition(":")[0]
    return ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]


async def _policy(api: Api, _: Scope) -> Check:
    for plural in ("validatingadmissionpolicies", "validatingadmissionpolicybindings"):
        try:
            await api.request("GET", f"apis/admissionregistration.k8s.io/v1/{plural}/{_CRD}")
        except ApiFailure as failure:
            if not failure.is_not_found:
                raise
            told = (
                f"{plural} {_CRD} is not there: whoever may write an Agent can have made what he may not make himself, "
                "with any service account of the namespace."
            )
            return Check("admission policy", "warning", told, "kubectl apply --server-side -k deploy/admission")
    return Check("admission policy", "ok", "Nobody can have more made by an Agent than he may make himself.")


async def _leader(api: Api, scope: Scope) -> Check:
    try:
        lease = await api.request("GET", f"apis/coordination.k8s.io/v1/namespaces/{scope.own}/leases/agentctl")
    except ApiFailure as failure:
        if not failure.is_not_found:
            raise
        told = f"There is no Lease agentctl in {scope.own}: no operator leads there, or it runs without --leader-elect."
        return Check("leader", "warning", told, _INSTALL)
    return leader(lease, datetime.now(UTC))


def leader(lease: Json, now: datetime) -> Check:
    """Return whether somebody holds the Lease."""
    spec = mapping(lease.get("spec"))
    holder, renewed, seconds = spec.get("holderIdentity"), spec.get("renewTime"), spec.get("leaseDurationSeconds")
    if not holder or not isinstance(renewed, str) or not isinstance(seconds, int):
        return Check("leader", "warning", "The Lease has no holder: no operator leads.", _INSTALL)
    age = (now - datetime.fromisoformat(renewed)).total_seconds()
    if age > seconds:
        told = f"{holder} has led, and has not renewed its Lease for {age:.0f} s: no operator leads."
        return Check(
            "leader", "failed", told, "See why it does not run: kubectl get pods -A -l app.kubernetes.io/name=agentctl"
        )
    return Check("leader", "ok", f"{holder} leads.")


async def _deployment(api: Api, scope: Scope) -> Check:
    try:
        there = await api.request("GET", f"apis/apps/v1/namespaces/{scope.own}/deployments/agentctl")
    except ApiFailure as failure:
        if not failure.is_not_found:
            raise
        return Check("operator", "warning", f"There is no Deployment agentctl in {scope.own}.", _INSTALL)
    return deployment(there)


def deployment(there: Json) -> Check:
    """Return whether the operator's Deployment is up, and names a wrapper image."""
    spec, status, metadata = (mapping(there.get(part)) for part in ("spec", "status", "metadata"))
    ready, wished = status.get("readyReplicas") or 0, spec.get("replicas", 1)
    if not ready:
        cure = f"kubectl describe pods -n {metadata.get('namespace')} -l app.kubernetes.io/name=agentctl"
        return Check("operator", "failed", f"0 of {wished} replicas are ready.", cure)
    pod = mapping(mapping(spec.get("template")).get("spec"))
    env = {
        each.get("name"): each.get("value")
        for item in objects(pod.get("containers"))
        for each in objects(item.get("env"))
    }
    image = env.get("AGENTCTL_WRAPPER_IMAGE")
    if not image:
        told = f"{ready} of {wished} replicas are ready; the wrapper's image is the default, {Config().wrapper_image}."
        return Check(
            "operator", "warning", told, "Set AGENTCTL_WRAPPER_IMAGE in its Deployment to the operator's own image."
        )
    return Check("operator", "ok", f"{ready} of {wished} replicas are ready; the wrapper's image is {image}.")


async def _resize(api: Api, _: Scope) -> Check:
    served = {each.get("name") for each in objects((await api.request("GET", "api/v1")).get("resources"))}
    if "pods/resize" in served:
        return Check("resize in place", "ok", "CPU and memory of a running agent are changed without a restart.")
    told = "Pods cannot be resized: a change of CPU or memory makes another pod."
    return Check("resize in place", "warning", told, "Turn the feature InPlacePodVerticalScaling on.")


_CHECKS: Final[dict[str, Callable[[Api, Scope], Awaitable[Check]]]] = {
    "resource type": _resource_type,
    "rights": _rights,
    "admission policy": _policy,
    "operator": _deployment,
    "leader": _leader,
    "resize in place": _resize,
}


def _some(items: Iterable[str]) -> str:
    """Return the first of some names, and how many more there are."""
    listed = sorted(items)
    more = len(listed) - _NAMES_SHOWN
    return ", ".join(listed[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def plain(checks: Sequence[Check]) -> dict[str, Any]:
    """Return checks as JSON."""
    told = [{"name": c.name, "verdict": c.verdict, "told": c.told, "cure": c.cure or None} for c in checks]
    counts = {verdict: sum(c.verdict == verdict for c in checks) for verdict in ("ok", "warning", "failed")}
    return {"checks": told, "summary": counts}

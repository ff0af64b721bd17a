"""Everything observed comes down to what the Agent asks for and who holds its pod's name."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from agentctl_core import Observed, prepare
from agentctl_core._situation import Holder, Situation, Want, assess

from .builders import GONE, NOW, a_pod, a_refusal, an_agent


def situation(manifest: Any, *objects: Any) -> Situation:
    prepared = prepare(manifest)
    assert prepared.identity is not None
    return assess(prepared, prepared.identity, manifest, Observed(now=NOW, objects=objects))


def owned(**changes: Any) -> Any:
    pod = a_pod()
    pod["metadata"]["ownerReferences"][0].update(changes)
    return pod


@pytest.mark.parametrize(
    ("manifest", "want"),
    [
        (an_agent(), Want.RUN),
        (an_agent(replicas=1), Want.RUN),
        (an_agent(replicas=None), Want.RUN),
        (an_agent(replicas=0), Want.SUSPEND),
        (an_agent(replicas=2), Want.INVALID),
        (an_agent(image=None), Want.INVALID),
        (an_agent(metadata={"deletionTimestamp": GONE}), Want.GO),
        (an_agent(metadata={"deletionTimestamp": 5}), Want.GO),
        (an_agent(metadata={"deletionTimestamp": GONE}, replicas=0), Want.GO),
        (an_agent(metadata={"deletionTimestamp": GONE}, replicas=2), Want.GO),
        (an_agent(metadata={"deletionTimestamp": None}), Want.RUN),
    ],
)
def test_what_an_agent_asks_for(manifest: Any, want: Want) -> None:
    assert situation(manifest).want is want


@pytest.mark.parametrize(
    ("pod", "holder"),
    [
        (a_pod(), Holder.OURS),
        (MappingProxyType(a_pod()), Holder.OURS),
        (owned(apiVersion="agentctl.dev/v1beta1"), Holder.OURS),
        (a_pod(metadata={"deletionTimestamp": GONE}), Holder.ENDING),
        (a_pod(owner_uid="uid-of-former-agent"), Holder.PREDECESSOR),
        (a_pod(owner_uid="uid-of-former-agent", metadata={"deletionTimestamp": GONE}), Holder.PREDECESSOR),
        (owned(uid=None), Holder.PREDECESSOR),
        (a_pod(owner_uid=None), Holder.STRANGER),
        (a_pod(owner_uid=None, metadata={"labels": {"agentctl.dev/agent": "demo"}}), Holder.STRANGER),
        (a_pod(owner_kind="ReplicaSet"), Holder.STRANGER),
        (owned(apiVersion="example.com/v1alpha1"), Holder.STRANGER),
        (owned(apiVersion=5), Holder.STRANGER),
        (owned(name="other"), Holder.STRANGER),
        (owned(controller=False), Holder.STRANGER),
        (owned(controller="true"), Holder.STRANGER),
        (a_pod(metadata={"ownerReferences": "text"}), Holder.STRANGER),
    ],
)
def test_who_holds_the_name(pod: Any, holder: Holder) -> None:
    found = situation(an_agent(), pod)
    assert found.holder is holder
    assert found.pod is pod


@pytest.mark.parametrize(
    "other",
    [
        a_pod(metadata={"name": "other"}),
        a_pod(metadata={"namespace": "other"}),
        a_pod() | {"kind": "ConfigMap"},
        a_pod() | {"metadata": None},
        a_refusal(kind="services"),
        a_refusal() | {"details": {"kind": "Pod", "name": "other"}},
        None,
        "Pod",
        [],
    ],
)
def test_other_objects_do_not_hold_it(other: Any) -> None:
    assert situation(an_agent(), other).holder is Holder.NOBODY
    assert situation(an_agent(), other, a_pod()).holder is Holder.OURS


@pytest.mark.parametrize("kind", ["pods", "Pod", "pod"])
def test_a_refusal_counts_where_there_is_no_pod(kind: str) -> None:
    refusal = a_refusal(kind=kind)
    assert situation(an_agent(), refusal).holder is Holder.REFUSED
    assert situation(an_agent(), refusal).refusal is refusal
    assert situation(an_agent(), refusal, a_pod()).holder is Holder.OURS


def test_the_default_namespace_is_meant_where_none_is_given() -> None:
    manifest = an_agent(metadata={"namespace": None})
    assert situation(manifest, a_pod(metadata={"namespace": "default"})).holder is Holder.OURS
    assert situation(manifest, a_pod()).holder is Holder.NOBODY

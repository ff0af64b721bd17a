"""What goes in and out are values: frozen, compared by what they hold."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Any

import attrs
import pytest

from agentctl_core import Create, Delete, EmitEvent, Observed, Patch, PatchStatus, Ref, Requeue, Resize, ResolveImage

from .builders import NOW

REF = Ref("v1", "Pod", "team", "demo")
EVENT = EmitEvent(
    name="demo.0123",
    regarding=Ref("agentctl.dev/v1alpha1", "Agent", "team", "demo"),
    regarding_uid="uid",
    type="Warning",
    reason="InvalidSpec",
    action="Reconcile",
    note="spec.image: is required",
    time="2026-01-31T12:00:00.000000Z",
)
ACTIONS = [
    Create({"kind": "Pod"}),
    Patch(REF, "uid", "1", {"metadata": {}}),
    Resize(REF, "uid", [{"name": "agent"}]),
    Delete(REF, "uid"),
    PatchStatus(REF, "1", {"replicas": 0}),
    EVENT,
    ResolveImage("example.com/agent:1", ("secret",)),
    Requeue(30.0),
]


class NoOffset(tzinfo):
    """A time zone that does not know its offset: Python takes such a datetime for a naive one."""

    def utcoffset(self, _: datetime | None) -> timedelta | None:
        return None

    def dst(self, _: datetime | None) -> timedelta | None:
        return None

    def tzname(self, _: datetime | None) -> str | None:
        return None


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: type(action).__name__)
def test_actions_are_compared_by_value_and_cannot_be_changed_nor_hashed_with_dicts_in_them(action: Any) -> None:
    assert action == attrs.evolve(action)
    assert sum(action == other for other in ACTIONS) == 1
    if not isinstance(action, ResolveImage):  # which holds no dict, and is a key for hosts
        with pytest.raises(TypeError, match="unhashable"):
            hash(action)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(action, attrs.fields(type(action))[0].name, None)


def test_actions_that_differ_are_not_equal() -> None:
    assert Delete(REF, "uid") != Delete(REF, "other")
    assert Create({"a": [1]}) != Create({"a": [2]})


def test_a_ref_is_a_key() -> None:
    assert {REF: 1}[Ref("v1", "Pod", "team", "demo")] == 1
    assert str(REF) == "Pod team/demo"


def test_an_event_has_every_field_that_events_v1_wants() -> None:
    assert EVENT.manifest("agentctl-0") == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "demo.0123", "namespace": "team"},
        "eventTime": "2026-01-31T12:00:00.000000Z",
        "reportingController": "agentctl.dev/agentctl",
        "reportingInstance": "agentctl-0",
        "type": "Warning",
        "reason": "InvalidSpec",
        "action": "Reconcile",
        "note": "spec.image: is required",
        "regarding": {
            "apiVersion": "agentctl.dev/v1alpha1",
            "kind": "Agent",
            "namespace": "team",
            "name": "demo",
            "uid": "uid",
        },
    }


@pytest.mark.parametrize(
    "now", [NOW.replace(tzinfo=None), NOW.replace(tzinfo=NoOffset()), "2026-01-31T12:00:00Z", None]
)
def test_a_time_without_a_zone_is_refused_by_name(now: Any) -> None:
    with pytest.raises(ValueError, match=r"Observed\.now must be a datetime with a time zone"):
        Observed(now=now)


def test_what_is_observed_is_kept_as_a_tuple() -> None:
    objects = [{"kind": "Pod"}]
    observed = Observed(now=NOW, objects=objects)
    objects.append({"kind": "Pod"})
    assert observed.objects == ({"kind": "Pod"},)


def test_an_object_without_a_namespace_has_an_empty_one() -> None:
    manifest = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}
    assert Ref.of(manifest) == Ref("v1", "Node", "", "n")

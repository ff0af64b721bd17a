"""A decision goes through a line of text and is decided the same again; what differs is told with its path."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import attrs
import pytest
from hypothesis import assume, example, given, reject
from hypothesis import strategies as st
from tests.unit.core.builders import IMAGE, NOW, Json, a_pod, a_refusal, an_agent, nested
from tests.unit.core.strategies import agents, all_specs, damaged, pods, shallow_json, specs, text

from agentctl_core import (
    Action,
    Config,
    Create,
    Delete,
    EmitEvent,
    ImageError,
    Observed,
    Patch,
    PatchStatus,
    Policy,
    Ref,
    Requeue,
    Resize,
    ResolveImage,
    reconcile,
)
from agentctl_core.testing.replay import (
    ABSENT,
    FORMAT,
    BadLine,
    Change,
    Header,
    InvalidRecord,
    Record,
    Recorded,
    changes,
    decode,
    differences,
    encode,
    header_line,
    read,
    replay,
    to_line,
)
from agentctl_core.testing.strategies import images, json_values

POD = Ref("v1", "Pod", "team", "demo")
EACH: tuple[Action, ...] = (
    Create({"kind": "Pod", "metadata": {"name": "demo"}}),
    Patch(POD, "uid", "4", {"metadata": {"labels": {"a": None}}}),
    Resize(POD, "uid", [{"name": "agent", "resources": {"limits": {"cpu": "1"}}}]),
    Delete(POD, "uid"),
    Delete(POD, "uid", "5"),
    PatchStatus(POD, None, {"replicas": 1}),
    PatchStatus(POD, "6", {}),
    EmitEvent("n", POD, "uid", "Warning", "Reason", "Reconcile", "note \ud800", "2026-01-31T12:00:00.000000Z"),
    ResolveImage("image", ("one", "two"), "account"),
    Requeue(0.1),
)


def record(
    manifest: Any = None, *objects: Any, now: datetime = NOW, config: Config | None = None, images: Any = None
) -> Record:
    """Return what an operator records."""
    manifest, config = an_agent(command=["run"]) if manifest is None else manifest, config or Config()
    observed = Observed(now, objects, images or {})
    return Record(manifest, observed, config, reconcile(manifest, observed, config))


def through_text(given: Record) -> Record:
    (found,) = read([to_line(given)])
    assert isinstance(found, Recorded), found
    return found.record


def edited(given: Record, **parts: Any) -> bytes:
    return json.dumps(encode(given) | parts).encode() + b"\n"


configs = st.builds(
    Config,
    wrapper_image=text,
    wrapper_command=st.lists(text, max_size=3).map(lambda arguments: ["/wrap", *arguments]),
    security_profile=st.sampled_from(["Baseline", "Restricted"]),
    policy=st.builds(Policy, allow_host_path=st.booleans(), allow_sysctls=st.lists(text, max_size=2)),
)
known = st.none() | images() | st.builds(ImageError, st.sampled_from(["NotFound", "Forbidden", "Unreachable"]), text)
moments = st.datetimes(
    NOW.replace(tzinfo=None) - timedelta(365), timezones=st.timezones() | st.just(timezone(timedelta(seconds=1)))
)


def as_json(value: Any) -> Any:
    """Return what an API server would tell of it; give up an example that JSON cannot hold."""
    try:
        return json.loads(json.dumps(value, default=lambda other: dict(other) if other else 0))
    except (TypeError, ValueError, RecursionError):
        reject()


@st.composite
def records(draw: st.DrawFn) -> Record:
    spec = draw(st.sampled_from([specs, all_specs, damaged(specs, shallow_json), damaged(all_specs, shallow_json)]))
    manifest = as_json(draw(agents(spec) | damaged(agents(), shallow_json)))
    name = manifest.get("metadata") if isinstance(manifest, dict) else None
    name = name.get("name") if isinstance(name, dict) else None
    named = name if isinstance(name, str) else "demo"
    there = draw(st.lists(pods(named) | damaged(pods(named), shallow_json) | st.just(a_refusal()), max_size=2))
    image = draw(known)
    return record(
        manifest if isinstance(manifest, dict) else {},
        *(item for item in as_json(there) if isinstance(item, dict)),
        now=draw(moments),
        config=draw(configs),
        images={} if image is None else {draw(st.just("example.com/agent:1") | text): image},
    )


@given(records())
def test_what_went_through_text_is_decided_the_same(given: Record) -> None:
    found = through_text(given)
    assert found.config == given.config
    assert found.observed.now == given.observed.now.astimezone(UTC)
    assert found.observed.images == given.observed.images
    assert reconcile(found.manifest, found.observed, found.config) == given.actions
    assert replay(found) == ()


@given(json_values())
def test_no_json_at_all_is_more_than_a_bad_line(value: Any) -> None:
    try:
        line = json.dumps(value).encode()
    except (TypeError, ValueError, RecursionError):
        return
    for found in read([line]):
        assert isinstance(found, BadLine)


@given(records(), st.data())
def test_a_damaged_line_is_a_bad_line_or_a_decision_and_nothing_raises(given: Record, data: st.DataObject) -> None:
    try:
        line = json.dumps(data.draw(damaged(st.just(encode(given)), shallow_json)), default=list).encode()
    except (TypeError, ValueError):
        return
    for found in read([line]):
        if isinstance(found, Recorded):
            replay(found.record)


def test_each_action_survives_with_every_field() -> None:
    given = attrs.evolve(record(), actions=EACH)
    assert through_text(given).actions == EACH
    assert {type(action) for action in EACH} == set(Action.__args__)


def test_each_setting_survives() -> None:
    def other(value: Any) -> Any:
        match value:
            case Policy():
                return Policy(**{a.name: other(getattr(value, a.name)) for a in attrs.fields(Policy)})
            case bool():
                return not value
            case tuple():
                return (*value, "x")
            case "Baseline":
                return "Restricted"
            case _:
                return f"{value}x"

    config = Config(**{a.name: other(getattr(Config(), a.name)) for a in attrs.fields(Config)})
    assert through_text(record(config=config)).config == config


def test_any_mapping_and_any_moment_survive() -> None:
    manifest = MappingProxyType(an_agent(args=("a",)))
    now = datetime(2026, 1, 31, 13, 0, 0, 5, tzinfo=timezone(timedelta(hours=1, seconds=3)))
    found = through_text(record(manifest, MappingProxyType(a_pod()), now=now, images={"example.com/agent:1": IMAGE}))
    assert found.manifest == an_agent(args=["a"])
    assert found.observed == Observed(now, (a_pod(),), {"example.com/agent:1": IMAGE})


def test_managed_fields_are_left_out_and_nothing_else() -> None:
    fields = {"managedFields": [{"manager": "canary"}]}
    given = record(an_agent(metadata=fields | {"annotations": {"a": "b"}}), a_pod(metadata=fields))
    assert b"canary" not in to_line(given)
    found = through_text(given)
    assert found.manifest == an_agent(metadata={"annotations": {"a": "b"}})
    assert found.observed.objects == (a_pod(),)


def test_of_a_secret_only_its_name_is_kept() -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "demo", "namespace": "team", "annotations": {"last-applied": "canary"}},
        "data": {"canary": "Y2FuYXJ5"},
        "stringData": {"a": "canary"},
        "canary": "canary",
    }
    line = to_line(record(None, secret))
    assert b"canary" not in line
    assert b"Y2FuYXJ5" not in line
    kept = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "demo", "namespace": "team"}}
    assert through_text(record(None, secret)).observed.objects == (kept,)


def test_what_a_pod_takes_from_a_secret_is_recorded_as_the_reference_that_it_is() -> None:
    source = {"secretKeyRef": {"name": "s", "key": "k"}}
    given = record(an_agent(command=["run"], env=[{"name": "A", "valueFrom": source}, {"name": "B", "value": "typed"}]))
    assert through_text(given).manifest["spec"]["env"] == [
        {"name": "A", "valueFrom": source},
        {"name": "B", "value": "typed"},
    ]


@pytest.mark.parametrize("value", [nested(100_000, list), nested(100_000, dict), {"a": object()}, {"a": 1 << 20_000}])
def test_what_json_cannot_hold_is_a_value_error(value: Any) -> None:
    given = Record(an_agent(args=value), Observed(NOW), Config(), ())
    with pytest.raises(ValueError, match=r".+"):
        to_line(given)


def test_a_line_is_one_line_of_ascii() -> None:
    line = to_line(record(an_agent(args=["a\nb\u2028c\r\ud800é"])))
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert line.splitlines() == [line.rstrip(b"\n")]


def test_a_setting_that_is_not_recorded_has_its_default() -> None:
    (found,) = read([edited(record(), config={"pythonVersion": "3.12"})])
    assert isinstance(found, Recorded)
    assert found.record.config == Config(python_version="3.12")


def test_a_header_says_who_recorded() -> None:
    line = header_line(NOW, python="3.11")
    (found,) = read([line])
    assert isinstance(found, Header)
    assert found.versions == {"agentctl": "0.1.0.dev0", "python": "3.11"}
    assert (found.line, found.started) == (1, NOW.isoformat())


WHOLE = to_line(record())
BAD: dict[str, tuple[bytes, str]] = {
    "cut off": (WHOLE[:100], "the file ends within it"),
    "not whole": (WHOLE[:100] + b"\n", "it is not whole, as when a disk was full; delete the line"),
    "binary": (b"\x00\xff\xfe\x80\n", "is this file a record of `agentctl run --record`?"),
    "text": (b"hello\n", "is this file a record of `agentctl run --record`?"),
    "another object": (b'{"kind": "Agent"}\n', "format: must be a number; is this file a record"),
    "no object": (b"[1]\n", "the line: must be an object; is this file a record"),
    "another format": (edited(record(), format=2), "format 2 is not known to agentctl 0.1.0.dev0, which reads 1"),
    "a format that is none": (edited(record(), format=True), "format: must be a number"),
    "huge nesting": (b"[" * 1_000_000 + b"\n", "nested too deeply to be read"),
    "a huge number": (b'{"format": ' + b"1" * 10_000 + b"}\n", "it is not whole"),
    "no manifest": (edited(record(), manifest=[]), "manifest: must be an object"),
    "nothing observed": (edited(record(), observed=None), "observed: must be an object"),
    "no objects": (edited(record(), observed={"now": "x", "objects": {}, "images": {}}), "observed."),
    "an action of another version": (edited(record(), actions=[{"do": "Explode"}]), "actions[0].do: must be one of C"),
    "an action without its field": (edited(record(), actions=[{"do": "Requeue"}]), "actions[0].after: must be a num"),
    "a ref that is none": (
        edited(record(), actions=[{"do": "Delete", "uid": "u", "ref": {"kind": 5}}]),
        "actions[0].ref.apiVersion: must be a string",
    ),
    "an unknown setting": (
        edited(record(), config={"colour": "red"}),
        "config.colour: this version has no such setting; replay with the one that recorded",
    ),
    "an unknown policy": (edited(record(), config={"policy": {"allowAll": True}}), "config.policy.allowAll: this v"),
    "a wrong setting": (edited(record(), config={"wrapperImage": 5}), "config.wrapperImage: must be a string"),
    "a wrong list": (edited(record(), config={"wrapperCommand": ["a", 5]}), "config.wrapperCommand[1]: must be a s"),
    "a wrapper without a path": (
        edited(record(), config={"wrapperCommand": []}),
        "config: wrapper_command must begin with an absolute path",
    ),
    "no such profile": (
        edited(record(), config={"securityProfile": "None"}),
        "config: security_profile must be one of Ba",
    ),
    "a wrong flag": (
        edited(record(), config={"policy": {"allowPrivileged": 1}}),
        "config.policy.allowPrivileged: must be true or false",
    ),
    "a header without versions": (b'{"format": 1, "header": {}}\n', "header.versions: must be an object"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_line_says_what_is_wrong_and_what_to_do_and_the_others_are_read(case: str) -> None:
    line, message = BAD[case]
    before, bad, after = read([WHOLE, line, WHOLE])
    assert isinstance(before, Recorded)
    assert isinstance(after, Recorded)
    assert isinstance(bad, BadLine)
    assert bad.line == 2
    assert message in bad.message


@pytest.mark.parametrize("now", ["2026-01-31T12:00:00", "today", "", 5, None, "2026-13-01T00:00:00Z"])
def test_a_time_without_a_zone_or_none_at_all_is_a_bad_line(now: object) -> None:
    (bad,) = read([edited(record(), observed={"now": now, "objects": [], "images": {}})])
    assert isinstance(bad, BadLine)
    assert bad.message.startswith("observed.now: must ")


@pytest.mark.parametrize("image", [{}, {"digest": "d"}, {"reason": 1}, {"digest": "d", "platforms": {"a": {}}}, []])
def test_an_image_that_is_none_is_a_bad_line(image: object) -> None:
    (bad,) = read([edited(record(), observed={"now": NOW.isoformat(), "objects": [], "images": {"i": image}})])
    assert isinstance(bad, BadLine)
    assert bad.message.startswith("observed.images[i]")


def test_empty_lines_are_passed_over_and_counted() -> None:
    found = list(read([b"\n", WHOLE, b"  \n", WHOLE]))
    assert [item.line for item in found] == [2, 4]


def test_decode_refuses_what_is_of_another_format() -> None:
    with pytest.raises(InvalidRecord, match="format: 7 is not 1"):
        decode(encode(record()) | {"format": 7})
    assert decode(encode(record())) == record()
    assert FORMAT == 1


def test_equal_plans_do_not_differ() -> None:
    assert differences(EACH, EACH) == ()


@given(st.lists(st.sampled_from(EACH), max_size=4), st.lists(st.sampled_from(EACH), max_size=4))
def test_plans_differ_exactly_where_they_are_not_equal(before: list[Action], after: list[Action]) -> None:
    found = differences(before, after)
    assert (found == ()) == (before == after)
    gone = [item for item in found if item.after is None]
    come = [item for item in found if item.before is None]
    assert len(before) - len(gone) == len(after) - len(come)


def test_actions_appear_disappear_and_change() -> None:
    one, other = Create({"kind": "Pod", "metadata": {"name": "a"}}), Create({"kind": "Pod", "metadata": {"name": "b"}})
    gone, changed, come = differences((one, Requeue(30.0)), (Requeue(10.0), other))
    assert (gone.path, gone.before, gone.after) == ("actions[0]", one, None)
    assert (changed.path, changed.before, changed.after) == ("actions[1]", Requeue(30.0), Requeue(10.0))
    assert changed.changes == (Change("after", 30.0, 10.0),)
    assert (come.path, come.before, come.after) == ("actions[1]", None, other)


def test_order_matters() -> None:
    one, two = Delete(POD, "u"), Requeue(1)
    assert [(d.before, d.after) for d in differences((one, two), (two, one))] in (
        [(one, None), (None, one)],
        [(None, two), (two, None)],
    )


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, [Change("a", 1, True)]),
        ({"a": None}, {}, [Change("a", None, ABSENT)]),
        ({}, {"a": {"b": 1}}, [Change("a", ABSENT, {"b": 1})]),
        ({"a": {"b.c/d": 1}}, {"a": {"b.c/d": 2}}, [Change("a[b.c/d]", 1, 2)]),
        ({"a": [1, 2, 3]}, {"a": [1, 9, 3]}, [Change("a[1]", 2, 9)]),
        ({"a": [1, 2, 3]}, {"a": [0, 1, 2, 3]}, [Change("a[0]", ABSENT, 0)]),
        ({"a": [1, 2, 3]}, {"a": [1, 3]}, [Change("a[1]", 2, ABSENT)]),
        ({"a": [{"n": 1, "v": 1}]}, {"a": [{"n": 1, "v": 2}, {"n": 2}]},
         [Change("a[0].v", 1, 2), Change("a[1]", ABSENT, {"n": 2})]),
        ({"a": [1]}, {"a": {"b": 1}}, [Change("a", [1], {"b": 1})]),
        ([], {}, [Change("", [], {})]),
    ],
)  # fmt: skip
def test_each_place_that_differs_is_told_with_its_path(before: Json, after: Json, expected: list[Change]) -> None:
    assert list(changes(before, after)) == expected


@example({"a": [float("nan")], "b": float("nan")})
@given(json_values())
def test_nothing_differs_from_itself(value: Any) -> None:
    value = as_json(value)
    assume(value == value)  # noqa: PLR0124 -- NaN does
    assert list(changes(value, value)) == []


def test_another_decision_is_told_where_it_differs() -> None:
    given = record(now=NOW)
    status = PatchStatus(Ref("agentctl.dev/v1alpha1", "Agent", "team", "demo"), "41", {"replicas": 9})
    told = replay(attrs.evolve(given, actions=(Delete(POD, "uid"), status)))
    assert [(type(d.before), type(d.after)) for d in told] == [
        (Delete, type(None)),
        (type(None), Create),
        (PatchStatus, PatchStatus),
    ]
    assert "status.replicas" in {change.path for change in told[-1].changes}


def test_what_is_nested_too_deeply_to_be_compared_is_said_so() -> None:
    agent = Ref("agentctl.dev/v1alpha1", "Agent", "team", "demo")
    deep = PatchStatus(agent, "41", {"conditions": nested(5000, list)})
    with pytest.raises(InvalidRecord, match="actions: nested too deeply to be compared"):
        replay(attrs.evolve(record(), actions=(deep,)))


def test_time_is_read_in_any_zone() -> None:
    zulu = encode(record())
    zulu["observed"]["now"] = "2026-01-31T12:00:00Z"
    assert decode(zulu).observed.now == datetime(2026, 1, 31, 12, tzinfo=UTC)

"""The examples are valid and whole, and what they come to is what tests/golden says."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from tools.golden import EXAMPLES, GOLDEN, IMAGE, created, examples, golden

from agentctl_core import (
    AgentSpec,
    Config,
    ImageInfo,
    Observed,
    PatchStatus,
    Policy,
    Requeue,
    build_pod,
    parse_agent,
    reconcile,
)
from agentctl_core._agent import json_name

from .builders import NOW, Json, only, reason

ALL: dict[str, Json] = dict(examples())
RENEW = "where this is meant, write tests/golden anew with `make golden`, and read the difference"

each = pytest.mark.parametrize("name", ALL)


@each
def test_an_example_comes_to_what_its_golden_file_says(name: str) -> None:
    path = GOLDEN / f"{name}.yaml"
    assert path.exists(), f"examples/{name}.yaml has no golden file: {RENEW}"
    assert golden(ALL[name]) == path.read_text("utf-8"), RENEW


def test_every_golden_file_has_its_example() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*.yaml")) == sorted(ALL), RENEW


@each
def test_an_example_is_accepted_and_settles(name: str) -> None:
    observed = Observed(now=NOW, images={ALL[name]["spec"]["image"]: IMAGE})
    status = only(PatchStatus, reconcile(ALL[name], observed)).status
    assert reason(status, "Accepted") == "Accepted"
    there = [
        m | {"metadata": m["metadata"] | {"uid": m["kind"], "resourceVersion": "1"}}
        for m in created(ALL[name], Config())
    ]
    settled = reconcile(ALL[name] | {"status": status}, attrs.evolve(observed, objects=tuple(there)))
    assert [action for action in settled if not isinstance(action, Requeue)] == []


@each
def test_an_example_is_named_after_its_file_and_says_what_it_shows(name: str) -> None:
    assert ALL[name]["metadata"]["name"] == name
    assert (EXAMPLES / f"{name}.yaml").read_text("utf-8").startswith("# ")


@each
def test_another_version_or_config_leaves_every_revision_as_it_is(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def revision(config: Config, image: ImageInfo = IMAGE) -> str:
        pod = build_pod(parse_agent(ALL[name]), config, image)
        return str(pod["metadata"]["annotations"]["agentctl.dev/revision"])

    told = f"revision: {revision(Config())}\n"
    assert (GOLDEN / f"{name}.yaml").read_text("utf-8").startswith(told), RENEW
    other = Config(
        wrapper_image="other",
        wrapper_command=("/other", "-x"),
        python_image="other",
        nodejs_image="other",
        python_version="0",
        nodejs_version="0",
        security_profile="Restricted",
        policy=Policy(allow_privileged=True),
    )
    assert f"revision: {revision(other)}\n" == told
    assert f"revision: {revision(Config(), ImageInfo('sha256:0', IMAGE.platforms))}\n" == told
    monkeypatch.setattr("agentctl_core._pod.VERSION", "99.0.0")
    assert f"revision: {revision(Config())}\n" == told


def test_the_full_example_has_every_field() -> None:
    assert _missing(AgentSpec, [ALL["full"]["spec"]], "spec") == ["spec.sharedVolume.claimName"]


def _missing(cls: type[Any], values: list[Json], path: str) -> list[str]:
    """Return the fields of a class that none of these values has, those of nested classes too."""
    missing: list[str] = []
    for attribute in attrs.fields(cls):
        name = json_name(attribute.name)
        found = [value[name] for value in values if name in value]
        nested = attribute.metadata.get("class")
        item = attribute.metadata.get("items")
        if not found:
            missing.append(f"{path}.{name}")
        elif nested:
            missing += _missing(nested, found, f"{path}.{name}")
        elif item:
            missing += _missing(item, [each for given in found for each in given], f"{path}.{name}")
    return missing

"""What is kept of an Agent's preparation, and for how long."""

from __future__ import annotations

from typing import Any

import pytest

from agentctl_core import Config, prepare
from agentctl_runtime import _prepared
from agentctl_runtime._key import Key
from agentctl_runtime._prepared import PreparedAgents

KEY = Key("default", "demo")


def agent(image: str = "example/a", **metadata: Any) -> dict[str, Any]:
    given = {"name": "demo", "namespace": "default", "uid": "u", "generation": 1} | metadata
    return {
        "apiVersion": "agentctl.dev/v1alpha1",
        "kind": "Agent",
        "metadata": given,
        "spec": {"image": image, "command": ["run"]},
    }


def test_an_agent_is_prepared_once_whatever_its_status_says() -> None:
    kept = PreparedAgents(Config())
    first = kept.of(KEY, agent())
    assert first == prepare(agent(), Config())
    assert kept.of(KEY, agent(resourceVersion="7") | {"status": {"replicas": 1}}) is first


@pytest.mark.parametrize(
    "changed",
    [
        agent("example/b", generation=2),
        agent(uid="v"),
        agent(labels={"team": "a"}),
        agent(annotations={"a": "b"}),
    ],
)
def test_whatever_preparing_reads_leads_to_another(changed: dict[str, Any]) -> None:
    kept = PreparedAgents(Config())
    kept.of(KEY, agent())
    assert kept.of(KEY, changed) == prepare(changed, Config())


def test_without_a_generation_nothing_is_kept() -> None:
    kept = PreparedAgents(Config())
    kept.of(KEY, agent(generation=None))
    changed = agent("example/b", generation=None)
    assert kept.of(KEY, changed) == prepare(changed, Config())
    assert len(kept) == 0


def test_those_used_last_are_kept_and_who_is_forgotten_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_prepared, "MOST", 2)
    kept = PreparedAgents(Config())
    keys = [Key("default", name) for name in ("a", "b", "c")]
    first, second, _ = (kept.of(key, agent(name=key.name)) for key in (*keys[:2], keys[0]))
    kept.of(keys[2], agent(name="c"))  # the place of b
    assert kept.of(keys[0], agent(name="a")) is first
    assert kept.of(keys[1], agent(name="b")) is not second
    assert len(kept) == 2
    kept.forget(keys[1])
    kept.forget(keys[2])
    assert len(kept) == 1

"""Where no real node can be, the tests say so in one line, and in CI that is a failure."""

from __future__ import annotations

import os

import pytest

from tests.e2e.node.conftest import unavailable
from tests.e2e.node_session import NoNodeError, node_access


def test_without_root_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NoNodeError, match=r"^a real node needs root$"):
        node_access()


def test_a_cluster_of_the_users_needs_a_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    monkeypatch.delenv("AGENTCTL_E2E_REGISTRY", raising=False)
    with pytest.raises(NoNodeError, match=r"^set AGENTCTL_E2E_REGISTRY: .*$"):
        node_access()


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_in_ci_a_missing_node_fails_the_tests_and_elsewhere_it_skips_them(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match=r"^no real node: a real node needs root$"):
        unavailable(NoNodeError("a real node needs root"))

"""The hosts of examples/hosts go through scenarios of the operator's own, on the real API server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import fresh_namespace
from tests.e2e.hand_node import HandNode
from tests.e2e.host_process import HostProcess
from tests.e2e.stage import Stage
from tests.e2e.support import Kubectl
from tests.e2e.test_agents import (  # noqa: F401 -- scenarios
    cluster,
    test_a_deleted_agent_leaves_nothing,
    test_a_spec_that_only_the_pod_shows_to_be_wrong_is_told_and_can_be_cured,
    test_a_strangers_pod_is_never_touched_and_its_end_cures_the_conflict,
    test_a_valid_agent_gets_exactly_one_pod_that_is_its_own,
    test_delete_and_recreate_at_once_ends_with_the_new_agents_pod,
    test_foreground_deletion_returns_after_the_pod_is_gone,
    test_suspend_and_wake_through_the_scale_subresource,
    test_the_status_holds_the_documented_fields_and_nothing_else_is_written,
)


@pytest.fixture(scope="module", params=["kopf", "client"])
def host(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def operator(host: str, kubeconfig: Path, crd: str, namespace: str, tmp_path: Path) -> Iterator[HostProcess]:
    """The host as a process, serving the test's namespace alone; it must end well when the test does."""
    assert crd
    process = HostProcess(kubeconfig, namespace, tmp_path / "log", host=host)
    process.start()
    yield process
    print(process.log.read_text())
    assert process.stop() == 0

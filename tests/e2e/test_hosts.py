"""The hosts of examples/hosts go through scenarios of the operator's own, and are killed, on the real API server.

The scenarios are imported; here they meet other processes. docs/hosts.md lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.conftest import fresh_namespace
from tests.e2e.hand_node import HandNode
from tests.e2e.host_process import HostProcess
from tests.e2e.line import line
from tests.e2e.proxy import Seen
from tests.e2e.stage import Stage
from tests.e2e.support import Kubectl
from tests.e2e.test_agents import (  # noqa: F401
    cluster,
    test_a_spec_that_only_the_operator_finds_wrong_gets_no_pod_and_can_be_cured,
    test_a_spec_that_only_the_pod_shows_to_be_wrong_is_told_and_can_be_cured,
    test_a_strangers_pod_is_never_touched_and_its_end_cures_the_conflict,
    test_delete_and_recreate_at_once_ends_with_the_new_agents_pod,
    test_foreground_deletion_returns_after_the_pod_is_gone,
    test_the_status_holds_the_documented_fields_and_nothing_else_is_written,
)
from tests.e2e.test_beside_the_pod import (  # noqa: F401
    test_a_changed_file_takes_another_config_map_and_another_pod_and_the_former_ones_go,
    test_a_claim_outlives_its_agent_and_is_taken_up_by_the_next,
    test_a_claim_that_is_bound_grows_with_its_template,
    test_a_service_follows_its_spec,
    test_everything_beside_the_pod_is_made_changed_and_goes_with_the_agent,
    volume,
)
from tests.e2e.test_kill import MOMENTS, play
from tests.e2e.test_lifecycle_failures import (  # noqa: F401
    test_a_service_that_fails_backs_off_across_a_restart_of_the_operator,
    test_an_agent_that_turns_invalid_keeps_its_pod,
)
from tests.e2e.test_lifecycle_tasks import (  # noqa: F401
    test_a_finished_task_is_deleted_after_its_time_to_live,
    test_a_task_that_fails_more_often_than_it_may_has_failed,
    test_a_task_that_succeeds_is_finished_and_keeps_its_pod,
    test_a_task_that_takes_too_long_is_ended,
)
from tests.e2e.test_lifecycle_updates import (  # noqa: F401
    test_a_resize_that_the_api_server_finds_impossible_takes_another_pod,
    test_cpu_and_memory_are_resized_in_place_and_told_once_the_node_says_so,
    test_labels_and_annotations_change_in_place_and_those_of_others_stay,
    test_recreate_replaces_the_pod_and_tells_both_revisions,
    test_scale_suspends_and_wakes_an_agent,
)

pytestmark = pytest.mark.usefixtures("crd")

Start = Callable[[Path, str, Path], HostProcess]
"""Prepares a process: how it reaches the API server, the namespace that it serves, its log."""


@pytest.fixture(scope="module", params=["kopf", "client"])
def host(request: pytest.FixtureRequest) -> Start:
    """Each of the hosts in turn."""
    return partial(HostProcess, host=request.param)


@pytest.fixture
def operator(host: Start, kubeconfig: Path, namespace: str, tmp_path: Path) -> Iterator[HostProcess]:
    """The host as a process, serving the test's namespace alone; it must end well when the test does."""
    process = host(kubeconfig, namespace, tmp_path / "log")
    process.start()
    yield process
    assert process.stop() == 0


@pytest.fixture(scope="module")
def stage(
    host: Start, kubectl: Kubectl, kubeconfig: Path, crd: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """A stage that the lifecycle scenarios share, each with an Agent of its own name."""
    assert crd
    with fresh_namespace(kubectl) as namespace, HandNode(kubectl) as node:
        process = host(kubeconfig, namespace, tmp_path_factory.mktemp("stage") / "log")
        process.start()
        yield Stage(kubectl, namespace, node, process)
        assert process.stop() == 0
        kubectl("delete", "agents.agentctl.dev", "--all", namespace=namespace)
        node.sweep()
        assert process.complaints() == []


@pytest.fixture
def own_stage(stage: Stage) -> Stage:
    """The stage too: a host that is killed there is started again."""
    return stage


def test_killed_amid_its_writes_a_host_comes_to_the_same_end_and_then_writes_no_more(
    host: Start, kubectl: Kubectl, namespace: str, tmp_path: Path
) -> None:
    with line(kubectl, namespace, tmp_path, process=host) as tested:
        plan = {4: "before", 11: "applied", 19: "answered"}

        def kill(moment: str, count: int, _: Seen) -> None:
            if plan.get(count) == moment:
                del plan[count]
                tested.operator.kill()
                tested.operator.start(wait=False)
                raise ConnectionResetError

        for moment in MOMENTS:
            setattr(tested.proxy, moment, partial(kill, moment))
        play(tested)
        assert plan == {}
        writes = len(tested.proxy.writes)
        tested.kubectl("annotate", "agent", "sleeper", "example.com/seen=1", namespace=namespace)
        tested.wait_quiet()
        assert tested.proxy.writes[writes:] == []
        assert tested.operator.complaints() == []

"""What only a pod asks of a wrapper: any user, a read-only root, an image with nothing in it, the kubelet's SIGTERM."""

from __future__ import annotations

from ._hosts import agent, differences, said
from ._pods import Pods


def test_it_runs_for_any_user_on_a_read_only_root(pods: Pods) -> None:
    context = {"runAsUser": 54321, "runAsGroup": 12345, "readOnlyRootFilesystem": True}
    runs = [
        pods.start(*agent("describe"), wrapped=wrapped, securityProfile="Restricted", securityContext=context)
        for wrapped in (True, False)
    ]
    wrapped, plain = (said(run, "started") for run in runs)
    assert plain["Uid"] == ["54321"] * 4
    assert differences(plain, wrapped) == {}


def test_it_needs_nothing_of_the_agents_image(pods: Pods, empty_image: str) -> None:
    run = pods.start(["/pause"], {}, directory="/", image=empty_image)
    run.wait_running()
    run.terminate()
    assert run.exit_code() == 0


def test_the_kubelets_sigterm_reaches_the_agent_which_finishes_within_the_grace_period(pods: Pods) -> None:
    run = pods.start(*agent("listen", "2"))
    said(run, "waiting")
    run.terminate()
    assert said(run, "finished", after=2)
    assert run.exit_code() == 7

"""One volume for all containers of a pod on a real node, and the order in which they start and end."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from tests.e2e.node.support import Json, OnNode


def test_what_an_init_container_writes_is_read_by_the_agent_and_the_sidecar(on_node: OnNode) -> None:
    write = ["sh", "-c", "mkdir /agentctl/made && printf 'once \\303\\274' > /agentctl/made/text"]
    on_node.run(
        "agent",
        "entrypoint",
        "read=/agentctl/made/text,write=/agentctl/answer,wait,exit=0",
        initContainers=[on_node.container("prepare", "busybox", command=write)],
        sidecars=[on_node.container("beside", "both", "read=/agentctl/made/text,wait,exit=0")],
    )
    for container in ("agent", "beside"):
        assert _bytes(on_node.said("agent", "read", container)) == "once ü".encode(), container
    # The other way too: what the agent writes.
    assert on_node.said("agent", "write")["ok"]
    seen = on_node.kubectl(
        "exec", "agent", "--container=beside", "--", "cat", "/agentctl/answer", namespace=on_node.namespace
    )
    assert seen.stdout.strip().isdigit()


def test_init_containers_sidecars_and_agent_start_one_after_the_other(on_node: OnNode) -> None:
    up = {"httpGet": {"path": "/", "port": 8081}, "periodSeconds": 1}
    on_node.run(
        "agent",
        "entrypoint",
        "sleep=1,say=last,exit=0",
        restartPolicy="Never",
        initContainers=[
            on_node.container("first", "both", "sleep=0.5,say=done,exit=0"),
            on_node.container("second", "both", "sleep=0.5,say=done,exit=0"),
        ],
        sidecars=[on_node.container("beside", "both", "sleep=1,http=8081,wait,say=done,exit=0", startupProbe=up)],
    )
    on_node.wait_reason("agent", "Finished", "Succeeded")
    log = {name: on_node.log("agent", name) for name in ("first", "second", "beside", "agent")}
    _assert_in_order(
        _time(log["first"], "start"),
        _time(log["first"], "say"),
        _time(log["second"], "start"),
        _time(log["second"], "say"),
        _time(log["beside"], "start"),
        _time(log["beside"], "http"),
        _time(log["agent"], "start"),
        # A task's end ends its sidecars.
        _time(log["agent"], "say"),
        _time(log["beside"], "signal"),
        _time(log["beside"], "say"),
    )


def test_a_sidecar_gets_its_sigterm_after_the_agent_has_ended(on_node: OnNode) -> None:
    on_node.run(
        "agent",
        "entrypoint",
        "wait,sleep=2,say=last,exit=0",
        sidecars=[on_node.container("beside", "both", "wait,say=done,exit=0")],
    )
    for container in ("agent", "beside"):
        on_node.said("agent", "waiting", container)
    with on_node.following("agent") as agent, on_node.following("agent", "beside") as beside:
        on_node.delete("agent", "--wait=false")
        ended, ended_beside = agent(), beside()
    _assert_in_order(
        _time(ended, "signal"), _time(ended, "say"), _time(ended_beside, "signal"), _time(ended_beside, "say")
    )
    on_node.wait_gone("agent")


def _time(log: Iterable[Json], event: str) -> float:
    """When a container said this, in seconds since 1970, to the microsecond; all containers have the node's clock."""
    return float(next(line["time"] for line in log if line["event"] == event))


def _assert_in_order(*times: float) -> None:
    assert all(earlier < later for earlier, later in pairwise(times)), times


def _bytes(read: Json) -> bytes:
    return str(read["text"]).encode("latin-1")

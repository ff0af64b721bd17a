"""What the operator really asks the API server for when it looks."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.e2e.agents import Cluster, agent
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.proxy import Proxy
from tests.e2e.support import Kubectl, pod_manifest

WATCHED = {"agents", "pods", "services", "configmaps", "persistentvolumeclaims"}


@pytest.mark.usefixtures("crd")
def test_lists_are_streamed_and_nothing_foreign_is_asked_for(kubectl: Kubectl, namespace: str, tmp_path: Path) -> None:
    cluster = Cluster(kubectl, namespace)
    cluster.apply(pod_manifest("foreign"), agent("before"))
    with Proxy(kubectl) as proxy:
        operator = OperatorProcess(proxy.client_config(tmp_path / "config"), namespace, tmp_path / "log")
        operator.start()
        cluster.wait_ready("before")
        cluster.apply(agent("after"))
        cluster.wait_ready("after")
        assert operator.stop() == 0
    asked = [urlsplit(seen.path) for seen in proxy.requests if seen.method == "GET"]
    kinds = {url.path.rpartition("/")[2]: parse_qs(url.query) for url in asked}
    assert set(kinds) == WATCHED
    assert len(asked) == len(WATCHED), "a second look was needed"
    for kind, query in kinds.items():
        assert query["watch"] == query["allowWatchBookmarks"] == query["sendInitialEvents"] == ["true"]
        selector = None if kind == "agents" else ["app.kubernetes.io/managed-by=agentctl"]
        assert query.get("labelSelector") == selector
    listed = {line["kind"]: line["objects"] for line in operator.lines() if line.get("event") == "listed"}
    assert listed["Agent"] == 1
    assert listed["Pod"] == 0
    assert operator.complaints() == []
    assert not operator.said("lists_are_not_streamed")

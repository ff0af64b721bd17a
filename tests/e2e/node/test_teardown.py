"""Nothing of a real node stays on the machine, however its run or its supervisor ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.e2e.cluster.node_build import pause
from tests.e2e.cluster.node_names import NodeNames
from tests.e2e.support import eventually

_ROOT = Path(__file__).parent.parent.parent.parent
_SECONDS = 40
# Starts a node with a pod on it, says so, and then fails or waits to be killed.
_RUN = """
import json, pathlib, sys
from tests.e2e.cluster.node_settings import PAUSE
from tests.e2e.cluster.real_node import RealNode
from tests.e2e.support import Kubectl, eventually

folder = pathlib.Path(sys.argv[1])
with RealNode(folder / "cluster") as node:
    kubectl = Kubectl(node.kubeconfig, node.kubectl, folder / "cache")
    eventually(lambda: kubectl.get("serviceaccount", "default", "default"), 30, "service account")
    kubectl("run", "pod", f"--image={node.registry}/{PAUSE}")
    eventually(lambda: kubectl.json("get", "pod", "pod")["status"].get("phase") == "Running", 60, "pod runs")
    print(json.dumps({"index": node.names.index, "pid": node.pid}), flush=True)
    sys.stdin.read()
    raise SystemExit("a test failed")
"""


@dataclass(frozen=True)
class Stock:
    """What a node has on the machine, by kind."""

    folder: Path
    names: NodeNames
    namespaces: tuple[str, ...]

    def take(self) -> dict[str, list[str]]:
        return {
            "processes": self._processes(),
            "mounts": [line for line in Path("/proc/mounts").read_text().splitlines() if str(self.folder) in line],
            "links": _lines("ip", "-brief", "link", "show", "type", "veth", filter_by=self.names.link),
            "routes": _lines("ip", "route", filter_by=self.names.link),
            "network namespaces": _lines("ip", "netns", filter_by="cni-"),
            "cgroups": [
                str(path / self.names.cgroup)
                for path in (Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").iterdir())
                if (path / self.names.cgroup).exists()
            ],
        }

    def _processes(self) -> list[str]:
        """Return what runs in the node's namespaces, or from its folder."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                inside = {os.readlink(process / "ns" / kind) for kind in ("pid", "mnt", "net")}  # noqa: PTH115
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:  # it has ended meanwhile
                continue
            if inside & set(self.namespaces) or str(self.folder) in command:
                found.append(command)
        return found


@pytest.fixture
def folder(starts_nodes: None, tmp_path: Path) -> Path:
    assert starts_nodes is None
    return tmp_path / "run"


@pytest.mark.parametrize("end", ["failure", "kill"])
def test_a_run_that_ends_leaves_nothing(folder: Path, end: str) -> None:
    folder.mkdir()
    before = _stock(folder, NodeNames(99)).take()
    command = [sys.executable, "-c", _RUN, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as run:
        assert run.stdout is not None
        said = json.loads(run.stdout.readline())
        stock = _stock(folder, NodeNames(said["index"]), said["pid"])
        during = stock.take()
        # The check sees each kind that it then finds gone. Mounts and pods' networks are the node's own from the start.
        assert all(during[kind] for kind in ("processes", "links", "routes", "cgroups")), during
        if end == "kill":
            run.send_signal(signal.SIGKILL)
        else:
            run.communicate("")
            assert run.returncode == 1
    eventually(lambda: stock.take() == before, _SECONDS, f"nothing is left, but {stock.take()}")
    # The images and volumes go too; a killed run leaves the control plane's few files.
    assert not (folder / "cluster" / "node").exists()


def test_what_a_killed_supervisor_leaves_goes_when_the_next_node_starts(folder: Path) -> None:
    with _supervisor(folder / "first") as (first, names, pid):
        stock = _stock(folder, names, pid)
        first.kill()
        first.wait()
        eventually(lambda: not stock.take()["processes"], _SECONDS, "its namespaces have ended")
    stock = replace(stock, namespaces=())  # another container may have their numbers by now
    left = stock.take()
    assert left.pop("cgroups")
    assert not any(left.values()), left
    with _supervisor(folder / "second") as (second, _, _):
        assert second.stdin is not None
        second.stdin.close()
        assert second.wait(_SECONDS) == 0
    assert not any(stock.take().values())


@contextmanager
def _supervisor(folder: Path) -> Iterator[tuple[subprocess.Popen[str], NodeNames, int]]:
    """Run a supervisor by itself, and yield it with what it has answered."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "tests.e2e.cluster.supervisor", str(folder), str(pause())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        yield process, NodeNames(said["index"]), said["pid"]


def _stock(folder: Path, names: NodeNames, pid: int | None = None) -> Stock:
    kinds = ("pid", "mnt", "net") if pid is not None else ()
    return Stock(folder, names, tuple(os.readlink(f"/proc/{pid}/ns/{kind}") for kind in kinds))  # noqa: PTH115


def _lines(*command: str, filter_by: str) -> list[str]:
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line for line in said.splitlines() if filter_by in line]

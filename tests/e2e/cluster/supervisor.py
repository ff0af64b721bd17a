"""Keeps the namespaces of one real node, and leaves nothing of them.

``python -m tests.e2e.cluster.supervisor FOLDER INIT`` makes the namespaces (mount, network, process ids, host name,
IPC) with the program INIT as their first process, answers with one line of JSON, and takes everything down when its
standard input ends: so also when the process at the other end has been killed. Then FOLDER is removed.
"""

# The kernel ends whatever runs in a process-id namespace with its first process, and frees mounts, network cards
# and routes with the namespaces. What it does not free are cgroups, which this program removes. Where it is killed
# itself, its first child is sent SIGKILL (see die_with_parent.py), and the next node's supervisor removes the cgroups.

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.e2e.cluster import cgroups
from tests.e2e.cluster.node_names import NodeNames
from tests.e2e.cluster.processes import dying_with_this

_NODES = 64
_SECONDS = 20.0
_PER_FOLDER = {"cni": "/var/lib/cni", "kubelet": "/var/lib/kubelet", "log": "/var/log"}
# The kubelet writes these settings of the whole machine: it is given files of its own instead.
_SYSCTLS = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1000000,
    "kernel/keys/root_maxbytes": 25000000,
}


def main() -> None:
    """Make the namespaces, wait for the end of standard input, and remove everything."""
    folder, init = Path(sys.argv[1]), sys.argv[2]
    # Ctrl-C of a terminal is for the tests; they close standard input when they have been torn down.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _sweep()
    names, lock = _claim()
    unshare: subprocess.Popen[bytes] | None = None
    pid = 0
    try:
        for kind in _PER_FOLDER:
            (folder / kind).mkdir(parents=True, exist_ok=True)
        _make_cgroups(names)
        unshare, pid = _namespaces(folder, init, names)
        _connect(names, pid)
        print(json.dumps({"index": names.index, "pid": pid}), flush=True)  # noqa: T201 - the answer
        sys.stdin.buffer.read()
    finally:
        _end(unshare, pid)
        _remove_cgroups(names)
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()


def _claim() -> tuple[NodeNames, socket.socket]:
    """Take the first number that no other node of the machine has."""
    for names in map(NodeNames, range(_NODES)):
        if (lock := _lock(names)) is not None:
            return names, lock
    sys.exit(f"{_NODES} nodes run already")


def _lock(names: NodeNames) -> socket.socket | None:
    # A socket in the abstract namespace: it goes with the process that holds it, and leaves no file.
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        lock.bind(f"\0{names.cgroup}")
    except OSError:
        lock.close()
        return None
    return lock


def _sweep() -> None:
    """Remove the cgroups of nodes whose supervisor was killed."""
    for names in map(NodeNames, range(_NODES)):
        if cgroups.existing(names.cgroup) and (lock := _lock(names)) is not None:
            _remove_cgroups(names)
            lock.close()


def _namespaces(folder: Path, init: str, names: NodeNames) -> tuple[subprocess.Popen[bytes], int]:
    script = "\n".join(["set -e", *_setup(folder, names), f"exec {init}"])
    program = shutil.which("unshare") or sys.exit("there is no unshare command (package util-linux)")
    options = ["--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc"]
    command = [program, *options, "--propagation=private", "/bin/sh", "-c", script]
    with (folder / "init.log").open("wb") as log:
        unshare = subprocess.Popen(dying_with_this(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    deadline = time.monotonic() + _SECONDS
    while unshare.poll() is None and time.monotonic() < deadline:
        for pid in Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children").read_text().split():
            if os.path.realpath(f"/proc/{pid}/exe") == os.path.realpath(init):
                return unshare, int(pid)
        time.sleep(0.02)
    unshare.kill()
    sys.exit(f"the node's namespaces cannot be made: {(folder / 'init.log').read_text()[-2000:]}")


def _setup(folder: Path, names: NodeNames) -> list[str]:
    """Shell commands that the first process runs in the new namespaces before it becomes INIT."""
    sysctls = [
        f"echo {value} > /run/sysctl/{number}; mount --bind /run/sysctl/{number} /proc/sys/{path}"
        for number, (path, value) in enumerate(_SYSCTLS.items())
    ]
    return [
        "mount --make-rshared /",  # kubelet and containerd need it
        "mount -t tmpfs -o mode=755 tmpfs /run",  # sockets, network namespaces, runc's state, iptables' lock
        "mkdir /run/lock /run/proc /run/sysctl",
        # Over /var/lib, so that the machine needs no folders to mount on.
        "mount -t tmpfs -o mode=755 tmpfs /var/lib",
        *(f"mkdir -p {target}; mount --bind {folder / kind} {target}" for kind, target in _PER_FOLDER.items()),
        f"hostname {names.node}",
        "ip link set lo up",
        "echo 1 > /proc/sys/net/ipv4/ip_forward",  # of this network namespace alone
        # One that nothing covers: without it the kernel refuses pods with user namespaces of their own.
        "mount -t proc proc /run/proc",
        *sysctls,
    ]


def _connect(names: NodeNames, pid: int) -> None:
    """Join the machine and the node's network namespace by a pair of network cards."""
    way = ["via", names.node_address, "dev", names.link, "src", names.machine_address]
    inside = ["nsenter", f"--target={pid}", "--net", "ip"]
    for command in (
        ["ip", "link", "add", names.link, "type", "veth", "peer", "name", "eth0", "netns", str(pid)],
        ["ip", "address", "add", f"{names.machine_address}/30", "dev", names.link],
        ["ip", "link", "set", names.link, "up"],
        [*inside, "address", "add", f"{names.node_address}/30", "dev", "eth0"],
        [*inside, "link", "set", "eth0", "up"],
        [*inside, "route", "add", "default", "via", names.machine_address],
        *(["ip", "route", "replace", addresses, *way] for addresses in (names.pod_addresses, names.service_addresses)),
    ):
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            sys.exit(f"{' '.join(command)} failed: {run.stderr}")


def _end(unshare: subprocess.Popen[bytes] | None, pid: int) -> None:
    if unshare is None:
        return
    # The first process and not unshare: that reaps it, which the kernel allows only when all others have gone.
    if pid:
        os.kill(pid, signal.SIGKILL)
    try:
        unshare.wait(_SECONDS)
    except subprocess.TimeoutExpired:
        unshare.kill()


def _make_cgroups(names: NodeNames) -> None:
    # The kubelet wants its root to be there. A cpuset takes no process before it has CPUs and memory.
    for root in cgroups.hierarchies():
        (root / names.cgroup).mkdir(exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):
            if (root / setting).exists():
                (root / names.cgroup / setting).write_text((root / setting).read_text())


def _remove_cgroups(names: NodeNames) -> None:
    if left := cgroups.remove(names.cgroup, _SECONDS):
        sys.exit(f"cgroups that cannot be removed: {left}")


if __name__ == "__main__":
    main()

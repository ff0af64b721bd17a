"""A real node: containerd, kubelet and kube-proxy in private namespaces, joined to a control plane of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.e2e.cluster.build import registry
from tests.e2e.cluster.control_plane import ControlPlane, Network
from tests.e2e.cluster.go_programs import BuildError
from tests.e2e.cluster.image import Image, Repository
from tests.e2e.cluster.node_build import node_programs, pause, why_no_node
from tests.e2e.cluster.node_names import NodeNames
from tests.e2e.cluster.node_settings import PAUSE, SOCKET, write_settings
from tests.e2e.cluster.processes import Part, PartFailedError, Startable, stop_all, wait_ready
from tests.e2e.cluster.registry_server import RegistryServer
from tests.e2e.cluster.rootfs import Tree
from tests.e2e.support import Kubectl, condition

_ROOT = Path(__file__).parent.parent.parent.parent
_READY_SECONDS = 60.0
_STOP_SECONDS = 30.0


class RealNode(Startable):
    """A cluster of one real node, with a registry that it pulls from.

    The control plane and the registry listen on the machine's end of a pair of network cards. The
    machine reaches pods and Services by their addresses.

    Attributes:
        kubeconfig: the administrator's kubeconfig.
        kubectl: the kubectl program.
        pid: the first process of the node's namespaces, once it is started.
        names: the node's name and addresses, once it is started.
        registry: the host of the registry, as images of pods name it, once it is started.
    """

    def __init__(self, directory: Path, manifests: Sequence[Path] = ()) -> None:
        """Describe it in ``directory``, which must not exist or be empty; ``manifests`` are applied first."""
        self._directory = directory.absolute()
        self._manifests = manifests
        self._supervisor: subprocess.Popen[str] | None = None
        self._started: list[Startable] = []
        self._parts: list[Part] = []
        self.registry = ""
        self.kubeconfig = self.kubectl = Path()

    def start(self) -> Self:
        """Start everything, and wait until pods can run.

        Raises:
            BuildError: the programs cannot be built, or this machine cannot run a node.
            PartFailedError: a part failed, or the node is not ready within 60 seconds.
            KubectlError: a manifest cannot be applied.
            OSError: a program or a file failed.
        """
        if (reason := why_no_node()) is not None:
            raise BuildError(reason)
        self._programs = node_programs()
        self._folder = self._directory / "node"
        self._folder.mkdir(parents=True)
        try:
            self._enter_namespaces()
            self._start_all()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop everything; nothing of it stays on the machine. May be called twice.

        Raises:
            PartFailedError: the namespaces or cgroups cannot be taken down.
        """
        supervisor, self._supervisor = self._supervisor, None
        parts, self._parts = self._parts, []
        started, self._started = self._started, []
        # The control plane first: connections of a node that has just gone would keep it waiting.
        for each in reversed(started):
            each.stop()
        failure = ""
        if supervisor is not None:
            # With their namespace's first process all end at once: these parts are the commands that entered it.
            with supervisor:
                assert supervisor.stdin is not None
                supervisor.stdin.close()
                supervisor.wait(_STOP_SECONDS)
            if supervisor.returncode != 0:
                failure = (self._directory / "supervisor.log").read_text()
        stop_all(parts)
        shutil.rmtree(self._directory, ignore_errors=True)
        if failure:
            raise PartFailedError(f"the node was not taken down: {failure}")

    def inside(self, *command: str) -> list[str]:
        """A command line that runs ``command`` in the node's namespaces."""
        enter = shutil.which("nsenter") or "/usr/bin/nsenter"
        return [enter, f"--target={self.pid}", "--mount", "--net", "--pid", "--uts", "--ipc", "--", *command]

    def run(self, *command: str) -> str:
        """Run a command in the node's namespaces (`ctr`, `ip`, `ps`) and return its output.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        command = ("env", *self.environment(), *command)
        return subprocess.run(self.inside(*command), capture_output=True, text=True, check=True).stdout

    @contextmanager
    def down(self, *, power_cut: bool = False) -> Iterator[None]:
        """Let kubelet and containerd be down until the end of the block. Containers go on, unless by a `power_cut`.

        Raises:
            PartFailedError: they do not start again within 60 seconds.
        """
        names = ("containerd", "kubelet", "kube-proxy") if power_cut else ("containerd", "kubelet")
        ended = [part for part in self._parts if part.name in names]
        self._parts = [part for part in self._parts if part.name not in names]
        if power_cut:
            self.run("sh", "-c", "kill -KILL -1")  # all but the first process, which keeps the namespaces
        else:
            for part in ended:
                # The part is the command that entered the namespaces; it passes no signal on.
                program = Path(f"/proc/{part.pid}/task/{part.pid}/children").read_text()
                os.kill(int(program), signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        for part in ended:
            part.wait_or_kill(deadline)
        silent_since = self._heartbeat()
        try:
            yield
        finally:
            deadline = time.monotonic() + _READY_SECONDS
            self._launch_kubelet(self._launch_containerd(), deadline, silent_since)
            if power_cut:
                self._launch_proxy()

    def environment(self) -> list[str]:
        """What the node's programs need in their environment."""
        return [f"PATH={self._programs}:/usr/sbin:/usr/bin:/sbin:/bin", f"CONTAINERD_ADDRESS={SOCKET}"]

    def failed_parts(self) -> list[str]:
        """What is to be said about each part that has ended though nobody stopped it."""
        ended = [str(part.failure("has ended")) for part in self._parts if not part.running()]
        return ended + [line for each in self._started for line in each.failed_parts()]

    def _enter_namespaces(self) -> None:
        command = [
            sys.executable,
            "-m",
            "tests.e2e.cluster.supervisor",
            str(self._folder),
            str(pause()),
        ]
        with (self._directory / "supervisor.log").open("w") as log:
            # A session of its own: whoever ends the tests' process group does not end what cleans up after them.
            self._supervisor = subprocess.Popen(
                command,
                cwd=_ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert self._supervisor.stdout is not None
        answer = self._supervisor.stdout.readline()
        if not answer:
            raise PartFailedError(f"no namespaces: {(self._directory / 'supervisor.log').read_text()}")
        said = json.loads(answer)
        self.names = NodeNames(said["index"])
        self.pid = said["pid"]

    def _start_all(self) -> None:
        names = self.names
        network = Network(names.machine_address, names.service_addresses, names.kubernetes_service)
        server = RegistryServer(registry(), self._directory / "registry", address=names.machine_address)
        self._started.append(server.start())
        self.registry = server.host
        plane = ControlPlane(self._directory / "control-plane", manifests=self._manifests, network=network)
        layer = Tree().add_file("/pause", pause().read_bytes(), 0o755).tar()
        name, _, tag = PAUSE.rpartition(":")
        Repository(self.registry, name).push(Image(["/pause"], layers=[layer]), tag)
        authority = self._directory / "control-plane" / "pki" / "ca.crt"
        write_settings(self._folder, names, self._programs, authority, self.registry)
        deadline = time.monotonic() + _READY_SECONDS
        # It gets ready while the control plane does.
        containerd = self._launch_containerd()
        self._started.append(plane.start())
        self.kubeconfig, self.kubectl = plane.kubeconfig, plane.bin / "kubectl"
        plane.authority.issue("kubelet", f"system:node:{names.node}", "system:nodes", addresses=[names.node_address])
        plane.authority.issue("proxy", "system:kube-proxy")
        for part in ("kubelet", "proxy"):
            plane.authority.kubeconfig(self._folder / f"{part}.kubeconfig", part, plane.server)
        self._administrator = Kubectl(plane.kubeconfig, self.kubectl, self._directory / "kubectl-cache")
        self._launch_kubelet(containerd, deadline)
        self._launch_proxy()

    def _launch_containerd(self) -> Part:
        return self._launch("containerd", f"--config={self._folder}/containerd.toml")

    def _launch_kubelet(self, containerd: Part, deadline: float, silent_since: str = "") -> None:
        """Start the kubelet once containerd is ready, and wait until it tells anew that the node takes pods."""
        wait_ready(containerd, lambda: self._answers("ctr", "version"), deadline)
        names = self.names
        kubelet = self._launch(
            "kubelet",
            f"--config={self._folder}/kubelet.yaml",
            f"--kubeconfig={self._folder}/kubelet.kubeconfig",
            *("--root-dir=/var/lib/kubelet", f"--hostname-override={names.node}", f"--node-ip={names.node_address}"),
            program=self.kubectl.with_name("kubelet"),
        )
        wait_ready(kubelet, lambda: self._heartbeat() != silent_since and self._schedulable(), deadline)

    def _launch_proxy(self) -> None:
        self._launch("kube-proxy", f"--config={self._folder}/proxy.yaml")

    def _launch(self, name: str, *arguments: str, program: Path | None = None) -> Part:
        command = self.inside("env", *self.environment(), str(program or self._programs / name), *arguments)
        part = Part(name, command, self._directory / f"{name}.log")
        self._parts.append(part)
        return part

    def _answers(self, *command: str) -> bool:
        try:
            self.run(*command)
        except subprocess.CalledProcessError:
            return False
        return True

    def _heartbeat(self) -> str:
        """When the kubelet has told last that it lives; empty where it never has."""
        lease = self._administrator.get("lease", self.names.node, "kube-node-lease")
        return str(lease["spec"]["renewTime"]) if lease else ""

    def _schedulable(self) -> bool:
        node = self._administrator.get("node", self.names.node)
        return node is not None and condition(node, "Ready") == "True" and not node["spec"].get("taints")

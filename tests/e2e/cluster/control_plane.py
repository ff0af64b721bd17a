"""A Kubernetes control plane on loopback: etcd, API server, controller manager and scheduler."""

from __future__ import annotations

import http.client
import shutil
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Self

from tests.e2e.cluster.build import binaries
from tests.e2e.cluster.certificates import Authority, write_key_pair
from tests.e2e.cluster.processes import Part, Startable, start_listening, stop_all, wait_ready
from tests.e2e.support import Kubectl

_START_SECONDS = 60.0
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Network:
    """Where the API server is, for nodes that are not on loopback.

    Attributes:
        address: an address of this machine, which the nodes reach.
        services: the addresses that Services get.
        first_service: the first of those, which pods know the API server by.
    """

    address: str = _LOOPBACK
    services: str = "10.96.0.0/16"
    first_service: str = "10.96.0.1"


class ControlPlane(Startable):
    """A control plane whose data, logs and credentials are in one folder.

    Attributes:
        kubeconfig: the administrator's kubeconfig file.
        server: the API server's address, once it is started.
        authority: issues certificates that the cluster accepts, once it is started.
        bin: the folder with kubectl and the other programs.
        logs: the folder with a log file for each part.
    """

    def __init__(
        self,
        directory: Path,
        *,
        apiserver_flags: Sequence[str] = (),
        manifests: Sequence[Path] = (),
        controllers: bool = True,
        network: Network | None = None,
    ) -> None:
        """Describe a control plane in ``directory``, which must not exist or be empty.

        ``apiserver_flags`` are added to those of kube-apiserver. ``manifests`` are files applied
        before the controller manager starts. Its garbage collector looks for new resource types
        only every 30 seconds, and until then a foreground deletion of such an object waits; types
        that are there when it starts are known to it at once. Without ``controllers`` there are etcd and
        kube-apiserver alone: nobody but the clients writes anything. ``network`` is for real nodes.
        """
        self._directory = directory.absolute()
        self._flags = tuple(apiserver_flags)
        self._manifests = tuple(manifests)
        self._controllers = controllers
        self._network = network or Network()
        self._parts: list[Part] = []
        self._deadline = 0.0
        self.kubeconfig = self._directory / "admin.kubeconfig"
        self.logs = self._directory / "logs"
        self.bin = Path()
        self.server = ""

    def start(self) -> Self:
        """Start every part and wait until pods can be created (for which there has to be a service account).

        Raises:
            BuildError: the programs cannot be built.
            PartFailedError: a part failed or was not ready within 60 seconds.
            KubectlError: a manifest cannot be applied.
            FileExistsError: the folder is in use.
        """
        self.bin = binaries()
        self._directory.mkdir(parents=True, exist_ok=True)
        # stop() removes the folder: it must hold nothing of anyone else.
        if any(self._directory.iterdir()):
            raise FileExistsError(f"{self._directory} is not empty")
        self.logs.mkdir()
        self._pki = self._directory / "pki"
        self._pki.mkdir(mode=0o700)
        self._issue_certificates()
        self._deadline = time.monotonic() + _START_SECONDS
        try:
            self._start_parts()
        except BaseException:
            # Including Ctrl-C: nobody else can stop what has been started so far.
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop the parts that this object started and remove the folder. May be called twice."""
        parts, self._parts = self._parts, []
        stop_all(reversed(parts))
        shutil.rmtree(self._directory, ignore_errors=True)

    def failed_parts(self) -> list[str]:
        """What is to be said about each part that has ended though nobody stopped it."""
        return [str(part.failure("has ended")) for part in self._parts if not part.running()]

    def pid(self, name: str) -> int:
        """The process id of a part, for example `kube-apiserver`."""
        return next(part.pid for part in self._parts if part.name == name)

    def _issue_certificates(self) -> None:
        self.authority = Authority(self._pki)
        self.authority.issue("etcd", "etcd")
        addresses = (self._network.address, self._network.first_service)
        self.authority.issue("server", "kube-apiserver", addresses=addresses)
        self.authority.issue("admin", "admin", "system:masters")
        for name in ("kube-controller-manager", "kube-scheduler"):
            self.authority.issue(name, f"system:{name}")
        write_key_pair(self._pki, "service-accounts")

    def _start_parts(self) -> None:
        _, ports = start_listening(self._launch_etcd, 2, self._deadline)
        etcd_url = f"https://127.0.0.1:{ports[0]}"
        _, (port,) = start_listening(lambda ports: self._launch_apiserver(ports[0], etcd_url), 1, self._deadline)
        self.server = f"https://{self._network.address}:{port}"
        self.authority.kubeconfig(self.kubeconfig, "admin", self.server)
        for name in ("kube-controller-manager", "kube-scheduler"):
            self.authority.kubeconfig(self._pki / f"{name}.kubeconfig", name, self.server)
        self._apply_manifests()
        if not self._controllers:
            return
        # The controller manager starts while the scheduler does: together they are ready sooner.
        manager = self._launch_manager()
        start_listening(self._launch_scheduler, 1, self._deadline)
        # Without this account no pod is admitted. The controller manager makes it.
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        wait_ready(manager, lambda: self._answers(port, account, self._network.address), self._deadline)

    def _launch(self, name: str, *arguments: str) -> Part:
        part = Part(name, [str(self.bin / name), *arguments], self.logs / f"{name}.log")
        # A part is launched again when another program took its port: the former one has ended.
        self._parts = [*(other for other in self._parts if other.name != name), part]
        return part

    def _launch_etcd(self, ports: Sequence[int]) -> tuple[Part, Callable[[], bool]]:
        data = self._directory / "etcd"
        # A former attempt may have written the ports that it could not have.
        shutil.rmtree(data, ignore_errors=True)
        client, peer = (f"https://127.0.0.1:{port}" for port in ports)
        part = self._launch(
            "etcd",
            *("--name=test", f"--data-dir={data}", "--log-level=warn"),
            # Losing the data with the machine is fine, and waiting for disks is slow.
            "--unsafe-no-fsync",
            *(f"--listen-client-urls={client}", f"--advertise-client-urls={client}"),
            *(f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}"),
            f"--initial-cluster=test={peer}",
            # TLS on loopback keeps two control planes apart: with a port taken over by the
            # other one's etcd, this API server must fail and not use its data.
            *self._tls("etcd", "--cert-file", "--key-file"),
            *self._tls("etcd", "--peer-cert-file", "--peer-key-file"),
            *("--client-cert-auth", f"--trusted-ca-file={self.authority.certificate}"),
            *("--peer-client-cert-auth", f"--peer-trusted-ca-file={self.authority.certificate}"),
        )
        return part, lambda: self._answers(ports[0], "/health")

    def _launch_apiserver(self, port: int, etcd_url: str) -> tuple[Part, Callable[[], bool]]:
        accounts = self._pki / "service-accounts"
        part = self._launch(
            "kube-apiserver",
            *(f"--etcd-servers={etcd_url}", f"--etcd-cafile={self.authority.certificate}"),
            *self._tls("admin", "--etcd-certfile", "--etcd-keyfile"),
            *(f"--bind-address={self._network.address}", f"--secure-port={port}", f"--cert-dir={self._pki}"),
            # Otherwise it looks for the address of a network card, which a sandbox may not have.
            f"--advertise-address={self._network.address}",
            *self._endpoint_arguments(),
            *self._tls("server", "--tls-cert-file", "--tls-private-key-file"),
            f"--client-ca-file={self.authority.certificate}",
            f"--service-cluster-ip-range={self._network.services}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={accounts}.pub",
            f"--service-account-signing-key-file={accounts}.key",
            *("--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction"),
            *("--allow-privileged=true", "--profiling=false"),
            *self._flags,
        )
        return part, lambda: self._answers(port, "/readyz", self._network.address)

    def _endpoint_arguments(self) -> list[str]:
        if self._network.address == _LOOPBACK:
            # It would publish its address, and an endpoint must not be a loopback address.
            return ["--endpoint-reconciler-type=none"]
        # Real kubelets: for logs and exec it is a client of theirs.
        return [
            *self._tls("admin", "--kubelet-client-certificate", "--kubelet-client-key"),
            f"--kubelet-certificate-authority={self.authority.certificate}",
            "--kubelet-preferred-address-types=InternalIP",
        ]

    def _launch_manager(self) -> Part:
        name = "kube-controller-manager"
        return self._launch(
            name,
            *self._client_arguments(name),
            # No port: whether it works is seen by the service account that it makes.
            "--secure-port=0",
            f"--service-account-private-key-file={self._pki}/service-accounts.key",
            f"--root-ca-file={self.authority.certificate}",
            "--use-service-account-credentials",
        )

    def _launch_scheduler(self, ports: Sequence[int]) -> tuple[Part, Callable[[], bool]]:
        name = "kube-scheduler"
        part = self._launch(
            name,
            *self._client_arguments(name),
            *("--bind-address=127.0.0.1", f"--secure-port={ports[0]}"),
            *self._tls("server", "--tls-cert-file", "--tls-private-key-file"),
        )
        return part, lambda: self._answers(ports[0], "/readyz")

    def _client_arguments(self, name: str) -> list[str]:
        kubeconfig = self._pki / f"{name}.kubeconfig"
        return [
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            # There is one of each, and waiting for a lease takes seconds.
            "--leader-elect=false",
            # With the default of 20 requests a second the start alone takes 5 seconds.
            *("--kube-api-qps=500", "--kube-api-burst=500"),
        ]

    def _tls(self, name: str, certificate_flag: str, key_flag: str) -> tuple[str, str]:
        return f"{certificate_flag}={self._pki}/{name}.crt", f"{key_flag}={self._pki}/{name}.key"

    def _apply_manifests(self) -> None:
        kubectl = Kubectl(self.kubeconfig, self.bin / "kubectl", self._directory / "kubectl-cache")
        for manifest in self._manifests:
            kubectl("apply", "--server-side", f"--filename={manifest}")

    def _answers(self, port: int, path: str, address: str = _LOOPBACK) -> bool:
        context = ssl.create_default_context(cafile=self.authority.certificate)
        context.load_cert_chain(self._pki / "admin.crt", self._pki / "admin.key")
        # Not urllib: it would ask a proxy named by the environment.
        connection = http.client.HTTPSConnection(address, port, timeout=5, context=context)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

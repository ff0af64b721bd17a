"""Credentials and certificates change on disk while the operator runs: it takes up the new ones, without a restart."""

from __future__ import annotations

import ssl
import time
from pathlib import Path

import pytest

from tests.e2e.cluster.certificates import Authority
from tests.e2e.line import Figures, cost_of, line
from tests.e2e.proxy import Proxy
from tests.e2e.support import Kubectl, eventually

pytestmark = pytest.mark.usefixtures("crd")

MOST_REQUESTS = 60


def test_an_expired_token_is_replaced_by_the_one_on_disk(
    kubectl: Kubectl, namespace: str, tmp_path: Path, figures: Figures
) -> None:
    token = tmp_path / "token"
    kubectl("create", "rolebinding", "edit", "--clusterrole=cluster-admin", f"--serviceaccount={namespace}:default",
            namespace=namespace)  # fmt: skip
    _write(token, _token(kubectl, namespace, "first"))
    between = Proxy(kubectl, own_credentials=True)
    with line(kubectl, namespace, tmp_path, between, tokenFile=str(token)) as tested:
        tested.settle()

        def fault() -> None:
            _write(token, _token(kubectl, namespace, "second"))
            # With the Secret that it is bound to, the token has ended: the API server itself says 401.
            kubectl("delete", "secret", "first", namespace=namespace)
            time.sleep(11)  # it remembers for 10 s who somebody is
            tested.change()
            tested.wait_converged()

        cost = cost_of(tested, fault)
        figures(f"rotation, token: {cost}")
        assert 401 in [seen.status for seen in cost.requests]
        assert len(cost.requests) <= MOST_REQUESTS


def _token(kubectl: Kubectl, namespace: str, secret: str) -> str:
    kubectl("create", "secret", "generic", secret, namespace=namespace)
    arguments = ("create", "token", "default", "--bound-object-kind=Secret", f"--bound-object-name={secret}")
    return kubectl(*arguments, namespace=namespace).stdout.strip()


def _write(path: Path, text: str) -> None:
    """Replace a file at once, as the kubelet does."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)


@pytest.mark.parametrize("authority_too", [False, True], ids=["of the server", "of the authority too"])
def test_a_certificate_is_replaced(
    kubectl: Kubectl, namespace: str, tmp_path: Path, figures: Figures, *, authority_too: bool
) -> None:
    trusted = tmp_path / "ca.crt"
    former, later = _authority(tmp_path / "former"), _authority(tmp_path / "later")
    _write(trusted, former.certificate.read_text())
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(former.folder / "server.crt", former.folder / "server.key")
    with line(kubectl, namespace, tmp_path, Proxy(kubectl, tls=tls), authority=trusted) as tested:
        tested.settle()

        def fault() -> None:
            source = later if authority_too else former
            source.issue("server", "kube-apiserver")
            tls.load_cert_chain(source.folder / "server.crt", source.folder / "server.key")
            tested.proxy.refuse()
            tested.proxy.listen()
            if authority_too:
                log = tested.operator.log
                eventually(lambda: "CERTIFICATE_VERIFY_FAILED" in log.read_text(), 30, "no trust")
                _write(trusted, former.certificate.read_text() + later.certificate.read_text())
            tested.change()
            tested.wait_converged()

        cost = cost_of(tested, fault)
        figures(f"rotation, certificate{' and authority' if authority_too else ''}: {cost}")
        assert len(cost.requests) <= MOST_REQUESTS


def _authority(folder: Path) -> Authority:
    folder.mkdir()
    authority = Authority(folder)
    authority.issue("server", "kube-apiserver")
    return authority

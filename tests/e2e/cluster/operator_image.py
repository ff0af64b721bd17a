"""The operator's image, made without Docker from what deploy/image/Dockerfile makes it from.

Not there are what the scripts of Debian's packages make, and what the base has besides: see node/test_dockerfile.py.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from tests.e2e.cluster.build import folder_for
from tests.e2e.cluster.debian import unpacked
from tests.e2e.cluster.go_programs import locked
from tests.e2e.cluster.image import Image
from tests.e2e.cluster.progress import say
from tests.e2e.cluster.rootfs import Tree

_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
ROOT = Path(__file__).parent.parent.parent.parent
FOLDER = ROOT / "deploy" / "image"
REQUIREMENTS = ROOT / "requirements" / "operator.txt"
PYTHON = "3.11"
PACKAGES_FOLDER = f"/usr/local/lib/python{PYTHON}/dist-packages"
USER = "65532:65532"
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
# What the base of the Dockerfile has of itself.
_BASE = ("base-files", "dash")


def debian_packages() -> list[str]:
    """What the image has of Debian: what is installed on top of the base, and what is needed of that itself."""
    return [*_BASE, *(FOLDER / "packages.txt").read_text().split()]


@cache
def operator_image() -> Image:
    """The image, with the working copy's sources in it.

    Raises:
        PackagesError: a Debian package cannot be fetched.
        subprocess.CalledProcessError: a Python package cannot be fetched or built.
    """
    root = _root()
    system = Tree().add_tree(root).add_folder("/tmp", 0o1777)  # noqa: S108 - of an image
    system.add_file("/usr/bin/tini", tini().read_bytes(), 0o755)
    system.add_file("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n").add_file("/etc/group", "root:x:0:\n")
    dependencies = Tree().add_tree(_dependencies(), PACKAGES_FOLDER)
    own = Tree().add_file("/usr/local/bin/agentctl", (FOLDER / "agentctl").read_bytes(), 0o755)
    with tempfile.TemporaryDirectory() as folder:
        own.add_tree(_own(Path(folder)), PACKAGES_FOLDER)
    layers = [system.tar(), dependencies.tar(), own.tar()]
    return Image(["agentctl"], None, USER, layers=layers, env=["PATH=/usr/local/bin:/usr/bin:/bin"])


def tini() -> Path:
    """The default wrapper.

    Raises:
        PackagesError: a Debian package cannot be fetched.
    """
    return _root() / "usr" / "bin" / "tini-static"


def _root() -> Path:
    return unpacked(debian_packages())


def _dependencies() -> Path:
    """What the operator needs of the package index: made once for each set of locked requirements."""
    cache = folder_for("python", (), REQUIREMENTS.read_text(), PYTHON)
    cache.mkdir(parents=True, exist_ok=True)
    target = cache / "install"
    with locked(cache):
        if not target.exists():
            say("fetching the operator's Python packages")
            with tempfile.TemporaryDirectory(dir=cache) as partial:
                _install(Path(partial) / "install", "--require-hashes", f"--requirement={REQUIREMENTS}")
                (Path(partial) / "install").rename(target)
    return target


def _own(folder: Path) -> Path:
    # A wheel first: to another platform pip installs wheels alone.
    wheels = folder / "wheels"
    build = ["--quiet", "--no-deps", "--no-build-isolation", f"--wheel-dir={wheels}", str(ROOT)]
    subprocess.run([*_PIP, "wheel", *build], check=True)
    # By its name: with a path pip would write that down.
    _install(folder / "install", "--no-index", f"--find-links={wheels}", "agentctl")
    return folder / "install"


def _install(target: Path, *what: str) -> None:
    foreign = [f"--python-version={PYTHON}", "--only-binary=:all:", *(f"--platform={name}" for name in _PLATFORMS)]
    options = ["--quiet", "--no-compile", "--no-deps", f"--target={target}", *foreign]
    subprocess.run([*_PIP, "install", *options, *what], check=True)
    shutil.rmtree(target / "bin", ignore_errors=True)

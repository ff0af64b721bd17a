"""Builds a Dockerfile without Docker: by buildkit, on a base from Debian's packages in place of the pinned one."""

from __future__ import annotations

import json
import os
import platform
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.e2e.cluster import cgroups
from tests.e2e.cluster.build import folder_for
from tests.e2e.cluster.go_programs import LDFLAGS, Program, locked, provide
from tests.e2e.cluster.image import Image
from tests.e2e.cluster.node_build import node_programs
from tests.e2e.cluster.packages import install_missing, run
from tests.e2e.cluster.processes import dying_with_this
from tests.e2e.cluster.progress import say
from tests.e2e.cluster.rootfs import Tree

_MODULE = Path(__file__).parent / "buildkit"
_PROGRAMS = tuple(Program(name, _MODULE, f"github.com/moby/buildkit/cmd/{name}") for name in ("buildkitd", "buildctl"))
_CGROUP = "agentctl-buildkit"
_SECONDS = 600
_CGROUP_SECONDS = 5
_CERTIFICATES = "/etc/ssl/certificates-of-the-machine.pem"
# What says how this machine reaches a package index.
_VARIABLES = ("PIP_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@dataclass(frozen=True, slots=True)
class Built:
    """What a build has made.

    Attributes:
        root: the root file system, as a tar file.
        config: what the image says about itself, as OCI has it.
    """

    root: Path
    config: dict[str, Any]


def buildkit_programs() -> Path:
    """A folder with buildkitd and buildctl; what is missing is built, which takes about two minutes the first time.

    Raises:
        BuildError: one cannot be built.
    """
    folder = folder_for("buildkit", (_MODULE,), LDFLAGS)
    provide(folder, _PROGRAMS)
    return folder


@cache
def debian_base() -> Image:
    """Debian's smallest system, in the release of this machine, and how that reaches its package indexes.

    Raises:
        PackagesError: it cannot be made.
    """
    tree = Tree().add_file("/etc/apt/apt.conf.d/99machine", _apt_settings())
    certificates = os.environ.get("PIP_CERT") or ssl.get_default_verify_paths().cafile
    env = [f"{name}={value}" for name in _VARIABLES if (value := os.environ.get(name))]
    if certificates is not None:
        tree.add_file(_CERTIFICATES, Path(certificates).read_bytes())
        env.append(f"PIP_CERT={_CERTIFICATES}")
    env.append("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    return Image(cmd=["bash"], env=env, layers=[_debian(release).read_bytes(), tree.tar()])


@contextmanager
def built(context: Path, dockerfile: Path, base: str, in_its_place: str) -> Iterator[Built]:
    """Build a Dockerfile; what has been made is there until the end of the `with` statement.

    Args:
        context: the folder that it copies from.
        dockerfile: the file.
        base: the reference by which it names its base.
        in_its_place: the reference of what is taken instead, in a registry that speaks plain HTTP.

    Raises:
        BuildError: buildkit cannot be built.
        subprocess.CalledProcessError: the build failed; its output has been shown.
    """
    with _folder() as folder:
        settings = folder / "buildkitd.toml"
        settings.write_text(_settings(folder, in_its_place.partition("/")[0]))
        options = [
            "--frontend=dockerfile.v0",
            f"--local=context={context}",
            f"--local=dockerfile={dockerfile.parent}",
            f"--opt=filename={dockerfile.name}",
            f"--opt=context:{base}=docker-image://{in_its_place}",
            f"--output=type=tar,dest={folder}/root.tar",
            f"--output=type=oci,tar=false,compression=uncompressed,dest={folder}/image",
        ]
        _run(folder, settings, options)
        yield Built(folder / "root.tar", _config(folder / "image"))


@contextmanager
def _folder() -> Iterator[Path]:
    """An empty folder for one build at a time. What a killed one has left goes with the next."""
    # In the cache, since a socket's path must be short, which those of the tests' folders are not.
    place = folder_for("dockerfile", ())
    folder = place / "build"
    place.mkdir(parents=True, exist_ok=True)
    with locked(place):
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            cgroups.remove(_CGROUP, _CGROUP_SECONDS)


def _debian(release: str) -> Path:
    # What has been mended in the meantime comes with the Dockerfile's own upgrade.
    folder = folder_for("debian-base", (), release)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "root.tar"
    with locked(folder):
        if not target.exists():
            install_missing(["mmdebstrap"])
            say(f"making a base of Debian {release}")
            partial = folder / "partial.tar"
            run("mmdebstrap", "--quiet", "--variant=minbase", release, str(partial))
            partial.replace(target)
    return target


def _apt_settings() -> str:
    settings = run("apt-config", "dump").splitlines(keepends=True)
    return "".join(line for line in settings if line.startswith("Acquire::"))


def _settings(folder: Path, registry: str) -> str:
    return f"""\
root = "{folder}/state"
[grpc]
  address = ["unix://{folder}/socket"]
[worker.containerd]
  enabled = false
[worker.oci]
  enabled = true
  binary = "{node_programs()}/runc"
  networkMode = "host"
  defaultCgroupParent = "{_CGROUP}"
[registry."{registry}"]
  http = true
"""


def _run(folder: Path, settings: Path, options: list[str]) -> None:
    """Run a build with a daemon of its own, which ends with it, as all that the two have started and mounted does."""
    programs = buildkit_programs()
    script = '"$0"/buildkitd --config="$1" > "$2" 2>&1 & shift 2; exec "$0"/buildctl "$@"'
    words = [
        str(programs),
        str(settings),
        f"{folder}/log",
        f"--addr=unix://{folder}/socket",
        "--wait",
        "build",
        *options,
    ]
    namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation=private"]
    unshare = shutil.which("unshare") or "unshare"
    command = dying_with_this([unshare, *namespaces, "sh", "-c", script, *words])
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True, timeout=_SECONDS)


def _config(layout: Path) -> dict[str, Any]:
    def read(digest: str) -> Any:
        return json.loads((layout / "blobs" / digest.replace(":", "/")).read_text())

    (descriptor,) = json.loads((layout / "index.json").read_text())["manifests"]
    config: dict[str, Any] = read(read(descriptor["digest"])["config"]["digest"])["config"]
    return config

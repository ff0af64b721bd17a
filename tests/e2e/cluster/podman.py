"""Podman, from Debian's packages, in namespaces of its own: nothing of it is installed, and nothing of it stays."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.cluster import cgroups
from tests.e2e.cluster.build import folder_for
from tests.e2e.cluster.debian import unpacked
from tests.e2e.cluster.go_programs import locked
from tests.e2e.cluster.processes import PartFailedError

_PACKAGES = ("podman", "runc")
_CGROUP = "libpod_parent"
_CGROUP_SECONDS = 5
_SECONDS = 120
_PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
_CONTAINERS = """
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
infra_image = "{pause}"
[containers]
log_driver = "k8s-file"
"""
_REGISTRIES = """
unqualified-search-registries = ["docker.io"]
[[registry]]
location = "{registry}"
insecure = true
"""
# Its root is an overlay, on which another one cannot stand: what podman stores is beside it.
_SETUP = """
set -e
mount -t tmpfs podman "$FOLDER"
cd "$FOLDER"
mkdir upper work root
mount -t overlay -o "lowerdir=$PACKAGES,upperdir=upper,workdir=work" podman root
cd root
mkdir -p dev proc run sys tmp var/tmp var/lib/containers
mount -t proc proc proc
mount --rbind /dev dev
mount --rbind /sys sys
mount -t tmpfs podman var/lib/containers
for each in iptables ip6tables; do ln -s "$each-nft" "usr/sbin/$each"; done
printf %s "$CONTAINERS" > etc/containers/containers.conf
printf %s "$REGISTRIES" > etc/containers/registries.conf
echo ready
exec cat
"""


@dataclass(frozen=True, slots=True)
class Podman:
    """Runs podman as root, with storage and a network that nobody else sees.

    Attributes:
        pid: the first process of its namespaces.
        root: the folder in them that is its root.
    """

    pid: int
    root: Path

    def pull(self, image: str) -> None:
        """Fetch an image from the registry.

        Raises:
            AssertionError: podman failed.
        """
        # In the machine's network: podman's own leads nowhere.
        self._run(["--mount", "--pid"], ["pull", "--quiet", image], "", check=True)

    def __call__(self, *arguments: str, text: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``podman ARGUMENTS`` with a text as its standard input.

        Raises:
            AssertionError: podman failed although ``check`` is set.
        """
        return self._run(["--mount", "--pid", "--net"], arguments, text, check=check)

    def _run(
        self, namespaces: list[str], arguments: list[str] | tuple[str, ...], text: str, *, check: bool
    ) -> subprocess.CompletedProcess[str]:
        command = ["nsenter", f"--target={self.pid}", *namespaces, "chroot", str(self.root), "podman", *arguments]
        environment = {**_PATH, "HOME": "/root"}
        run = subprocess.run(
            command, env=environment, input=text, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        assert run.returncode == 0 or not check, f"podman {' '.join(arguments)} failed:\n{run.stderr}{run.stdout}"
        return run


@contextmanager
def podman(folder: Path, registry: str, pause: str) -> Iterator[Podman]:
    """Podman, one at a time, with all that it has started ended at the end of the `with` statement.

    Args:
        folder: an empty one, that its files are mounted over.
        registry: the host of a registry that it may pull from over plain HTTP.
        pause: the image that keeps a pod's namespaces.

    Raises:
        PackagesError: a package cannot be fetched.
        PartFailedError: the machine refuses the namespaces.
    """
    place = folder_for("podman", ())
    place.mkdir(parents=True, exist_ok=True)
    settings = {
        "FOLDER": str(folder),
        "PACKAGES": str(unpacked(_PACKAGES)),
        "CONTAINERS": _CONTAINERS.format(pause=pause),
        "REGISTRIES": _REGISTRIES.format(registry=registry),
    }
    # All end with the first process, which ends with its input: with this process at the latest.
    command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", _SETUP]
    pipe = subprocess.PIPE
    with (
        locked(place),
        subprocess.Popen(
            command, env=_PATH | settings, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        ) as process,
    ):
        assert process.stdout is not None
        try:
            if process.stdout.readline() != "ready\n":
                raise PartFailedError(f"no namespaces for podman: {process.communicate()[1]}")
            (first,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            yield Podman(int(first), folder / "root")
        finally:
            process.communicate()
            cgroups.remove(_CGROUP, _CGROUP_SECONDS)

"""Debian packages that the real node needs on the machine: installed when they are missing."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from tests.e2e.cluster.go_programs import BuildError
from tests.e2e.cluster.progress import say


class PackagesError(BuildError):
    """Packages cannot be installed or fetched."""


def install_missing(packages: Sequence[str]) -> None:
    """Install those packages that are not installed.

    Raises:
        PackagesError: apt failed, or this is no machine with apt.
    """
    installed = _installed(packages)
    missing = [name for name in packages if name not in installed]
    if not missing:
        return
    say(f"installing {', '.join(missing)}")
    run("apt-get", "update", "-qq")
    run("apt-get", "install", "-qq", "--yes", "--no-install-recommends", *missing)


def run(*command: str, cwd: str | None = None) -> str:
    """Run a command of Debian's and return its output.

    Raises:
        PackagesError: it failed or is not there.
    """
    environment = ("env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
    done = subprocess.run([*environment, *command], capture_output=True, text=True, check=False, cwd=cwd)
    if done.returncode != 0:
        raise PackagesError(f"{' '.join(command)} failed: {done.stderr[-2000:]}{done.stdout[-2000:]}")
    return done.stdout


def _installed(packages: Sequence[str]) -> set[str]:
    """Those of these packages that are installed."""
    query = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\\n", *packages]
    try:
        # It fails where it has never heard of one, and tells of the others.
        said = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError as error:
        raise PackagesError("this machine has no dpkg: the node's packages come from Debian") from error
    return {name for name, status in map(str.split, said.splitlines()) if status == "installed"}

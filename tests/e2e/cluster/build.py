"""Builds the programs of a Kubernetes control plane and of an image registry, once, into the user's cache.

``python -m tests.e2e.cluster.build`` builds them ahead of the first test run.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.cluster.go_toolchain import GoMissingError, find_go, go_environment, required_version
from tests.e2e.cluster.progress import say

_HERE = Path(__file__).parent
_KUBERNETES = _HERE / "kubernetes"
_KWOK = _HERE / "kwok"
_REGISTRY = _HERE / "registry"
_VERSION = "k8s.io/component-base/version"
# Without a version kube-apiserver reports v0.0.0, and clients and kubectl adapt to that.
_KUBERNETES_LDFLAGS = (
    f"-s -w -X {_VERSION}.gitVersion=v1.37.2 -X {_VERSION}.gitMajor=1 -X {_VERSION}.gitMinor=37"
    f" -X {_VERSION}.gitTreeState=clean -X {_VERSION}.gitCommit=unknown -X {_VERSION}.buildDate=2026-01-01T00:00:00Z"
)
_LDFLAGS = "-s -w"
_KWOK_MODULE = "sigs.k8s.io/kwok"
_STAGES = ("stage/node/fast", "stage/node/heartbeat-with-lease", "stage/pod/fast")


class BuildError(RuntimeError):
    """The programs of the control plane cannot be provided."""


@dataclass(frozen=True, slots=True)
class _Program:
    name: str
    module: Path
    package: str
    ldflags: str


def _kubernetes(name: str) -> _Program:
    return _Program(name, _KUBERNETES, f"k8s.io/kubernetes/cmd/{name}", _KUBERNETES_LDFLAGS)


# The largest first: what the others share is compiled with it.
_PROGRAMS = (
    _kubernetes("kube-apiserver"),
    _kubernetes("kube-controller-manager"),
    _kubernetes("kube-scheduler"),
    _kubernetes("kubelet"),
    _kubernetes("kubectl"),
    _Program("etcd", _KUBERNETES, "go.etcd.io/etcd/server/v3", _LDFLAGS),
    _Program("kwok", _KWOK, f"{_KWOK_MODULE}/cmd/kwok", _LDFLAGS),
)
# Apart from the others: a change of its versions builds nothing else anew.
_REGISTRY_PROGRAM = _Program("registry", _REGISTRY, "github.com/distribution/distribution/v3/cmd/registry", _LDFLAGS)
# What a folder of ready-made programs (envtest's convention) must hold, and what it may.
_ASSETS_REQUIRED = ("etcd", "kube-apiserver", "kubectl")
_ASSETS_OPTIONAL = ("kube-controller-manager", "kube-scheduler", "kubelet")


def binaries() -> Path:
    """A folder with etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kubectl and kwok.

    What is missing is built, which takes about ten minutes the first time. ``KUBEBUILDER_ASSETS``
    names a folder whose programs are used instead of building them.

    Raises:
        BuildError: a program cannot be built, or KUBEBUILDER_ASSETS lacks one.
    """
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    folder = cache_folder()
    if assets:
        return _with_assets(Path(assets).absolute(), folder)
    _provide(folder, _PROGRAMS)
    return folder


def registry() -> Path:
    """The program of an image registry, distribution's own. If missing it is built, which takes about two minutes.

    Raises:
        BuildError: it cannot be built.
    """
    folder = _folder("registry", (_REGISTRY,), _LDFLAGS)
    _provide(folder, (_REGISTRY_PROGRAM,))
    return folder / _REGISTRY_PROGRAM.name


def stages() -> list[Path]:
    """The kwok stage files, in the order they are to be given to kwok. ``binaries()`` provides them."""
    return sorted((cache_folder() / "stages").glob("*.yaml"))


def cache_folder() -> Path:
    """The folder that everything is built into: one for each set of versions and build settings."""
    return _folder("kubernetes", (_KUBERNETES, _KWOK), _KUBERNETES_LDFLAGS, _LDFLAGS)


def _folder(name: str, modules: Sequence[Path], *settings: str) -> Path:
    pins = [module / name for module in modules for name in ("go.mod", "go.sum")]
    digest = hashlib.sha256()
    for text in [*(path.read_bytes() for path in pins), *(each.encode() for each in settings)]:
        digest.update(text)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "agentctl" / f"{name}-{digest.hexdigest()[:16]}"


def _with_assets(assets: Path, folder: Path) -> Path:
    missing = [name for name in _ASSETS_REQUIRED if not os.access(assets / name, os.X_OK)]
    if missing:
        raise BuildError(f"KUBEBUILDER_ASSETS={assets} has no program {', '.join(missing)}")
    given = {*_ASSETS_REQUIRED, *(name for name in _ASSETS_OPTIONAL if os.access(assets / name, os.X_OK))}
    built = [program for program in _PROGRAMS if program.name not in given]
    _provide(folder, built)
    # One folder of links to both: everything else then knows one folder.
    linked = folder / f"assets-{hashlib.sha256(bytes(assets)).hexdigest()[:16]}"
    linked.mkdir(exist_ok=True)
    with _locked(folder):
        for program in _PROGRAMS:
            source = assets if program.name in given else folder
            _link(linked / program.name, source / program.name)
    return linked


def _link(path: Path, target: Path) -> None:
    # A link that is right stays untouched: another test run may be about to start its program.
    if path.is_symlink() and path.readlink() == target:
        return
    fresh = path.with_suffix(".partial")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(path)


def _provide(folder: Path, programs: Sequence[_Program]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    # Files appear complete or not at all, so no lock is needed to see that nothing is to be done.
    if not _missing(folder, programs):
        return
    with _locked(folder):
        missing = _missing(folder, programs)
        if missing:
            _build(folder, missing)


def _missing(folder: Path, programs: Sequence[_Program]) -> list[_Program]:
    # The stages are copied before kwok is built, so kwok stands for both.
    return [program for program in programs if not (folder / program.name).exists()]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another build into {folder}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(folder: Path, programs: Sequence[_Program]) -> None:
    say(f"building {', '.join(program.name for program in programs)} into {folder}")
    say("the first build of all takes about ten minutes on two cores; later runs use what is there")
    for left_over in folder.glob("*.partial"):
        left_over.unlink()
    try:
        go = find_go(folder.parent, required_version(*{program.module / "go.mod" for program in programs}))
    except (GoMissingError, OSError, ValueError) as error:
        raise BuildError(str(error)) from error
    if any(program.module == _KWOK for program in programs):
        _copy_stages(go, folder / "stages")
    for program in programs:
        started = time.monotonic()
        _build_one(go, program, folder)
        say(f"{program.name} built in {time.monotonic() - started:.0f} s")


def _build_one(go: Path, program: _Program, folder: Path) -> None:
    # Named by process: the go command of a killed build may still be writing its own.
    partial = folder / f"{program.name}.{os.getpid()}.partial"
    options = ["-trimpath", "-ldflags", program.ldflags, "-o", str(partial)]
    _go(go, program.module, "build", *options, program.package)
    partial.replace(folder / program.name)


def _copy_stages(go: Path, target: Path) -> None:
    # `go list -m` knows the folder of a module only once that has been downloaded.
    _go(go, _KWOK, "mod", "download", _KWOK_MODULE)
    module = Path(_go(go, _KWOK, "list", "-m", "-f", "{{.Dir}}", _KWOK_MODULE).strip())
    target.mkdir(exist_ok=True)
    for number, stage in enumerate(_STAGES):
        for source in sorted((module / "kustomize" / stage).glob("*.yaml")):
            if source.name != "kustomization.yaml":
                (target / f"{number}-{source.name}").write_bytes(source.read_bytes())


def _go(go: Path, module: Path, *arguments: str) -> str:
    run = subprocess.run(
        [go, *arguments], cwd=module, env=go_environment(), capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        # The end of it: what went wrong follows a long list of downloads.
        raise BuildError(f"go {' '.join(arguments)} failed in {module}:\n{run.stderr[-4000:]}")
    return run.stdout


def main() -> None:
    """Provide the programs and print their folder."""
    try:
        folder = binaries()
        registry()
    except BuildError as error:
        sys.exit(f"error: {error}")
    print(folder)  # noqa: T201 - the folder is the command's result


if __name__ == "__main__":
    main()

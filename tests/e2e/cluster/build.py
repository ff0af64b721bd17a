"""Builds the programs of a Kubernetes control plane, an image registry and Helm, once, into the user's cache."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from tests.e2e.cluster.go_programs import LDFLAGS, BuildError, Program, locked, module_folder, provide, take

_HERE = Path(__file__).parent
KUBERNETES = _HERE / "kubernetes"
_KWOK = _HERE / "kwok"
_REGISTRY = _HERE / "registry"
_HELM = _HERE / "helm"
_PROMETHEUS = _HERE / "prometheus"
_VERSION = "k8s.io/component-base/version"
# Without a version kube-apiserver reports v0.0.0, and clients and kubectl adapt to that.
KUBERNETES_LDFLAGS = (
    f"-s -w -X {_VERSION}.gitVersion=v1.37.2 -X {_VERSION}.gitMajor=1 -X {_VERSION}.gitMinor=37"
    f" -X {_VERSION}.gitTreeState=clean -X {_VERSION}.gitCommit=unknown -X {_VERSION}.buildDate=2026-01-01T00:00:00Z"
)
_KWOK_MODULE = "sigs.k8s.io/kwok"
_PROMETHEUS_MODULE = "github.com/prometheus-operator/prometheus-operator"
_MONITORING_CRDS = tuple(
    f"example/prometheus-operator-crd/monitoring.coreos.com_{each}.yaml"
    for each in ("prometheusrules", "servicemonitors")
)
_STAGES = ("stage/node/fast", "stage/node/heartbeat-with-lease", "stage/pod/fast")


def kubernetes_program(name: str) -> Program:
    """A program of Kubernetes itself."""
    return Program(name, KUBERNETES, f"k8s.io/kubernetes/cmd/{name}", KUBERNETES_LDFLAGS)


# The largest first: what the others share is compiled with it.
_PROGRAMS = (
    kubernetes_program("kube-apiserver"),
    kubernetes_program("kube-controller-manager"),
    kubernetes_program("kube-scheduler"),
    kubernetes_program("kubelet"),
    kubernetes_program("kubectl"),
    Program("etcd", KUBERNETES, "go.etcd.io/etcd/server/v3"),
    Program("kwok", _KWOK, f"{_KWOK_MODULE}/cmd/kwok"),
)
# Apart from the others: a change of their versions builds nothing else anew.
_REGISTRY_PROGRAM = Program("registry", _REGISTRY, "github.com/distribution/distribution/v3/cmd/registry")
_HELM_PROGRAM = Program("helm", _HELM, "helm.sh/helm/v4/cmd/helm")
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
    provide(folder, _PROGRAMS, _prepare)
    return folder


def registry() -> Path:
    """The program of an image registry, distribution's own. If missing it is built, which takes about two minutes.

    Raises:
        BuildError: it cannot be built.
    """
    folder = folder_for("registry", (_REGISTRY,), LDFLAGS)
    provide(folder, (_REGISTRY_PROGRAM,))
    return folder / _REGISTRY_PROGRAM.name


def helm() -> Path:
    """Helm's own program. If missing it is built, which takes about three minutes.

    Raises:
        BuildError: it cannot be built.
    """
    folder = folder_for("helm", (_HELM,), LDFLAGS)
    provide(folder, (_HELM_PROGRAM,))
    return folder / _HELM_PROGRAM.name


def monitoring_crds() -> list[Path]:
    """The definitions of the resource types PrometheusRule and ServiceMonitor, as the Prometheus operator ships them.

    Raises:
        BuildError: they are missing and cannot be downloaded.
    """
    return take(folder_for("prometheus", (_PROMETHEUS,)), _PROMETHEUS, _PROMETHEUS_MODULE, _MONITORING_CRDS)


def stages() -> list[Path]:
    """The kwok stage files, in the order they are to be given to kwok. ``binaries()`` provides them."""
    return sorted((cache_folder() / "stages").glob("*.yaml"))


def cache_folder() -> Path:
    """The folder that everything is built into: one for each set of versions and build settings."""
    return folder_for("kubernetes", (KUBERNETES, _KWOK), KUBERNETES_LDFLAGS, LDFLAGS)


def folder_for(name: str, modules: Sequence[Path], *settings: str) -> Path:
    """A folder of the user's cache: one for each set of pinned versions and build settings."""
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
    provide(folder, built, _prepare)
    # One folder of links to both: everything else then knows one folder.
    linked = folder / f"assets-{hashlib.sha256(bytes(assets)).hexdigest()[:16]}"
    linked.mkdir(exist_ok=True)
    with locked(folder):
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


def _prepare(command: Path, programs: Sequence[Program]) -> None:
    # The stages are copied before kwok is built, so kwok stands for both.
    if any(program.module == _KWOK for program in programs):
        _copy_stages(command, cache_folder() / "stages")


def _copy_stages(command: Path, target: Path) -> None:
    module = module_folder(command, _KWOK, _KWOK_MODULE)
    target.mkdir(exist_ok=True)
    for number, stage in enumerate(_STAGES):
        for source in sorted((module / "kustomize" / stage).glob("*.yaml")):
            if source.name != "kustomization.yaml":
                (target / f"{number}-{source.name}").write_bytes(source.read_bytes())

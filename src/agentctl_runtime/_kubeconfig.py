"""Which cluster, and as whom: what lightkube makes of a kubeconfig, or of a pod's service account."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx2
import yaml
from lightkube.config.kubeconfig import DEFAULT_KUBECONFIG, SERVICE_ACCOUNT, KubeConfig, SingleConfig
from lightkube.config.models import Cluster, User
from lightkube.core.exceptions import ConfigError

_EXEC_VERSIONS: Final = {f"client.authentication.k8s.io/{version}" for version in ("v1alpha1", "v1beta1")}


class ConfigurationError(Exception):
    """There is no usable cluster configuration; the message says what to set."""


def server_config(server: str) -> SingleConfig:
    """Return the configuration of a server that wants no credentials."""
    user = User()  # lightkube wants one, be it empty
    return _selected(KubeConfig.from_one(cluster=Cluster(server=server), user=user, context_name="server"), None)


def load_config(context: str | None) -> SingleConfig:
    """Return what to connect with.

    The first of: the file named by KUBECONFIG, the pod's service account (unless a context is asked for),
    `~/.kube/config`.

    Raises:
        ConfigurationError: there is none, it cannot be read, or it has no such context.
    """
    # lightkube would let the service account win over KUBECONFIG, which somebody set on purpose.
    path = _kubeconfig_path()
    in_cluster = path is None and context is None and _has_service_account()
    with configuring("the service account" if in_cluster else str(path or DEFAULT_KUBECONFIG)):
        if in_cluster:
            loaded = KubeConfig.from_service_account(SERVICE_ACCOUNT)
        else:
            loaded = KubeConfig.from_file(path or DEFAULT_KUBECONFIG)
        config = _selected(loaded, context)
        plugin = config.user.exec if config.user else None
        if plugin is not None and plugin.apiVersion not in _EXEC_VERSIONS:
            raise ConfigError(f"credential plugins of {plugin.apiVersion} are not supported; v1beta1, tokens and "
                              "client certificates are")  # fmt: skip
    return config._replace(user=config.user or User())


def _selected(loaded: KubeConfig, context: str | None) -> SingleConfig:
    config = loaded.get(context)
    if config is None:
        raise ConfigError("no context is selected")
    return config


def _has_service_account() -> bool:
    return "KUBERNETES_SERVICE_HOST" in os.environ and Path(SERVICE_ACCOUNT, "token").is_file()


def _kubeconfig_path() -> str | None:
    paths = [path for path in os.environ.get("KUBECONFIG", "").split(os.pathsep) if path]
    if len(paths) > 1:
        raise ConfigurationError(
            f"KUBECONFIG names {len(paths)} files, but only one can be read: merge them with "
            "`kubectl config view --flatten` into one file and set KUBECONFIG to it"
        )
    return paths[0] if paths else None


@contextmanager
def configuring(source: str) -> Generator[None, None, None]:
    """Turn whatever lightkube raises over a configuration into ConfigurationError: it checks hardly anything."""
    try:
        yield
    except (
        ConfigError, yaml.YAMLError, httpx2.InvalidURL, OSError, ValueError, LookupError, TypeError, AttributeError,
    ) as error:  # fmt: skip
        raise ConfigurationError(
            f"cannot configure the connection to the cluster from {source}: {_wrong(error)}. Set KUBECONFIG to a "
            "kubeconfig file, choose one of its contexts, or run in a pod with a service account"
        ) from None  # these errors quote the file, and with it the credentials


def _wrong(error: Exception) -> str:
    """Say what is wrong with a configuration without a word of what may be a credential."""
    match error:
        case yaml.MarkedYAMLError(problem_mark=yaml.Mark(line=line, column=column)):
            return f"it is not YAML, at line {line + 1}, column {column + 1}"
        case yaml.YAMLError():
            return "it is not YAML"
        case httpx2.InvalidURL():
            return "the cluster's server is not a URL"
        case KeyError():
            return f"{error.args[0]!r} is missing"
        case _:
            return str(error)

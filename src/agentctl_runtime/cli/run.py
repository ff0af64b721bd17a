"""`agentctl run`: the operator as a process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Generator
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import structlog

from agentctl_core import Config, Ref

from .._api import Api, ConfigurationError
from .._leader import Election
from .._logging import FORMATS, LEVELS, configure_logging
from .._operator import LeadershipLostError, Listener, Operator
from .._record import Recorder
from .._registry import Registry
from .._resources import LEASE
from ._config_options import config_from, config_options

_log = structlog.get_logger()


@click.command
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    envvar="AGENTCTL_NAMESPACE",
    help="Serve this namespace alone; may be repeated. [default: all]",
)
@click.option("--context", envvar="AGENTCTL_CONTEXT", help="Context of the kubeconfig. [default: its current one]")
@click.option(
    "--insecure-registry",
    "insecure",
    metavar="HOST[:PORT]",
    multiple=True,
    envvar="AGENTCTL_INSECURE_REGISTRY",
    help="Look images of this registry up over plain HTTP; may be repeated.",
)
@click.option(
    "--leader-elect",
    is_flag=True,
    envvar="AGENTCTL_LEADER_ELECT",
    help="Work only while this process leads, of all that are run with this option: for more than one replica.",
)
@click.option(
    "--leader-election-namespace",
    envvar="AGENTCTL_LEADER_ELECTION_NAMESPACE",
    help="Namespace of the Lease. [default: that of the pod, or of the context]",
)
@click.option(
    "--leader-election-id",
    default="agentctl",
    show_default=True,
    envvar="AGENTCTL_LEADER_ELECTION_ID",
    help="Name of the Lease. Operators that serve different namespaces have different ones.",
)
@click.option(
    "--log-format", type=click.Choice(FORMATS), default="console", show_default=True, envvar="AGENTCTL_LOG_FORMAT"
)
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True, envvar="AGENTCTL_LOG_LEVEL")
@click.option(
    "--record",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="AGENTCTL_RECORD",
    help="Append each decision to this file, for `agentctl replay`. It grows without bound, and holds whatever stands "
    "in the Agents' specs in clear text; nothing of Secrets and no credentials.",
)
@config_options
def run(  # noqa: PLR0913 -- its options
    *,
    namespaces: tuple[str, ...],
    context: str | None,
    insecure: tuple[str, ...],
    leader_elect: bool,
    leader_election_namespace: str | None,
    leader_election_id: str,
    log_format: str,
    log_level: str,
    record: Path | None,
    **settings: Any,
) -> None:
    """Run the operator until SIGTERM or SIGINT.

    It talks to the API server that KUBECONFIG names; in a pod without KUBECONFIG, to the one of its cluster.
    Each option can be set by its environment variable too: --log-level by AGENTCTL_LOG_LEVEL.
    """
    config = config_from(settings)
    configure_logging(log_format, log_level)
    lease = (leader_election_namespace, leader_election_id) if leader_elect else None
    try:
        with _recording(record, config) as listener:
            asyncio.run(_run(namespaces, context, insecure, config, lease=lease, listener=listener))
    except (ConfigurationError, LeadershipLostError) as error:
        raise click.ClickException(str(error)) from error


async def _run(  # noqa: PLR0913 -- what its options come to
    namespaces: tuple[str, ...],
    context: str | None,
    insecure: tuple[str, ...],
    config: Config,
    *,
    lease: tuple[str | None, str] | None,
    listener: Listener | None,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # A connection of its own for the Lease: its renewal must not wait behind a burst of other writes.
    async with (
        Api.connect(context=context) as api,
        Api.connect(context=context) as own,
        _registry(insecure) as registry,
    ):
        instance = os.environ.get("POD_NAME") or socket.gethostname()
        _log.info("operator starts", namespaces=list(namespaces) or "all")
        operator = Operator(
            api,
            namespaces=namespaces,
            config=config,
            instance=instance,
            listener=listener,
            look_up=registry.look_up,
            election=_election(own, instance, lease),
        )
        await operator.run(stop)
    _log.info("operator ended")


def _election(api: Api, instance: str, lease: tuple[str | None, str] | None) -> Election | None:
    if lease is None:
        return None
    namespace, name = lease
    # A pod's name may come again, as in a StatefulSet, and a host may run two: no two candidates may share a name.
    return Election(api, Ref(LEASE.api_version, LEASE.kind, namespace or api.namespace, name), f"{instance}_{uuid4()}")


@contextlib.contextmanager
def _recording(file: Path | None, config: Config) -> Generator[Listener | None]:
    if file is None:
        yield None
        return
    try:
        recorder = Recorder(file, config)
    except OSError as error:
        raise click.BadParameter(f"cannot be written: {error}", param_hint="--record") from error
    try:
        yield recorder.decided
    finally:
        recorder.close()


def _registry(insecure: tuple[str, ...]) -> Registry:
    try:
        return Registry(insecure=insecure)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--insecure-registry") from error

"""`agentctl run`: the operator as a process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from typing import Any

import click
import structlog

from agentctl_core import Config

from .._api import Api, ConfigurationError
from .._logging import FORMATS, LEVELS, configure_logging
from .._operator import Operator
from .._registry import Registry
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
    "--log-format", type=click.Choice(FORMATS), default="console", show_default=True, envvar="AGENTCTL_LOG_FORMAT"
)
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True, envvar="AGENTCTL_LOG_LEVEL")
@config_options
def run(
    *,
    namespaces: tuple[str, ...],
    context: str | None,
    insecure: tuple[str, ...],
    log_format: str,
    log_level: str,
    **settings: Any,
) -> None:
    """Run the operator until SIGTERM or SIGINT.

    It talks to the API server that KUBECONFIG names; in a pod without KUBECONFIG, to the one of its cluster.
    Each option can be set by its environment variable too: --log-level by AGENTCTL_LOG_LEVEL.
    """
    config = config_from(settings)
    configure_logging(log_format, log_level)
    try:
        asyncio.run(_run(namespaces, context, insecure, config))
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from error


async def _run(namespaces: tuple[str, ...], context: str | None, insecure: tuple[str, ...], config: Config) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Api.connect(context=context) as api, _registry(insecure) as registry:
        instance = os.environ.get("POD_NAME") or socket.gethostname()
        _log.info("operator starts", namespaces=list(namespaces) or "all")
        operator = Operator(api, namespaces=namespaces, config=config, instance=instance, look_up=registry.look_up)
        await operator.run(stop)
    _log.info("operator ended")


def _registry(insecure: tuple[str, ...]) -> Registry:
    try:
        return Registry(insecure=insecure)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--insecure-registry") from error

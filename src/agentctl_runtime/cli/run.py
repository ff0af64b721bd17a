"""`agentctl run`: the operator as a process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
from collections.abc import Callable, Generator, Iterable
from typing import Any
from uuid import uuid4

import structlog

from agentctl_core import Ref

from .._api import Api
from .._health import Health, health_app
from .._kubeconfig import ConfigurationError
from .._leader import Election
from .._logging import configure_logging
from .._metrics import Metrics, metrics_app
from .._operator import LeadershipLostError, Listener, Operator
from .._registry import Registry
from .._resolving import ThreadForEach
from .._resources import LEASE
from .._serving import serving
from .._settings import Address, Settings
from .._tracing import Traced, TracingError, provider_from
from ._config_options import bad_value
from ._exits import ExitCode, Failure, command
from ._run_options import run_options, settings_from, trust_of

_log = structlog.get_logger()


@command({ExitCode.OK: "it was asked to end"}, ExitCode.LATER, ExitCode.CONFIGURATION)
@run_options
def run(**options: Any) -> None:
    """Run the operator until SIGTERM or SIGINT.

    It talks to the API server that KUBECONFIG names; in a pod without KUBECONFIG, to the one of its cluster.

    Several values in one variable stand with spaces between them.
    """
    settings = settings_from(options)
    configure_logging(settings.log_format, settings.log_level)
    tls = trust_of(settings)
    try:
        with _recording(settings) as listener:
            asyncio.run(_run(settings, listener, tls))
    except LeadershipLostError as error:
        raise Failure(ExitCode.LATER, str(error)) from error
    except (ConfigurationError, TracingError) as error:
        raise Failure(ExitCode.CONFIGURATION, str(error)) from error


async def _run(settings: Settings, listener: Listener | None, tls: ssl.SSLContext | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadForEach())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    metrics = Metrics(settings.leader_election_id if settings.leader_elect else None)
    provider = provider_from(os.environ)
    telemetry = metrics if provider is None else Traced(metrics, provider)
    # A connection of its own for the Lease: its renewal must not wait behind a burst of other writes.
    async with (
        Api.connect(context=settings.context, telemetry=telemetry) as api,
        Api.connect(context=settings.context, telemetry=telemetry) as own,
        Registry(insecure=settings.insecure_registries, mirrors=settings.registry_mirrors, tls=tls) as registry,
    ):
        instance = os.environ.get("POD_NAME") or socket.gethostname()
        _log.info("operator starts", namespaces=list(settings.namespaces) or "all")
        operator = Operator(
            api,
            namespaces=settings.namespaces,
            config=settings.config,
            instance=instance,
            listener=listener,
            look_up=registry.look_up,
            use_pull_secrets=settings.use_image_pull_secrets,
            election=_election(own, instance, settings),
            telemetry=telemetry,
        )
        metrics.watch(operator)
        health = Health(operator)
        beating = asyncio.create_task(health.beat())
        with (
            _serving("metrics_bind_address", settings.metrics_bind_address, metrics_app(metrics.registry)),
            _serving("health_probe_bind_address", settings.health_probe_bind_address, health_app(health)),
        ):
            await operator.run(stop)
        beating.cancel()
    if provider is not None:
        # It sends what waits, and gives up after a while where nobody takes it.
        await asyncio.to_thread(provider.shutdown)
    _log.info("operator ended")


def _election(api: Api, instance: str, settings: Settings) -> Election | None:
    if not settings.leader_elect:
        return None
    namespace = settings.leader_election_namespace or api.namespace
    lease = Ref(LEASE.api_version, LEASE.kind, namespace, settings.leader_election_id)
    # A pod's name may come again, as in a StatefulSet, and a host may run two: no two candidates may share a name.
    return Election(api, lease, f"{instance}_{uuid4()}")


@contextlib.contextmanager
def _serving(name: str, address: Address | None, app: Callable[..., Iterable[bytes]]) -> Generator[None]:
    if address is None:
        yield
        return
    with contextlib.ExitStack() as stack:
        try:
            bound = stack.enter_context(serving(address, app))
        except OSError as error:
            raise bad_value(name, f"cannot listen at {address}: {error}; choose another address") from error
        _log.info("listening", setting=name, address=str(bound))
        yield


@contextlib.contextmanager
def _recording(settings: Settings) -> Generator[Listener | None]:
    if settings.record is None:
        yield None
        return
    from .._record import Recorder  # noqa: PLC0415 -- it brings the model cluster: 4 MiB that nothing else here needs

    try:
        recorder = Recorder(settings.record, settings.config)
    except OSError as error:
        raise bad_value("record", f"cannot be written: {error}") from error
    try:
        yield recorder.decided
    finally:
        recorder.close()

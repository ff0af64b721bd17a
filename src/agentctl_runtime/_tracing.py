"""Traces by OpenTelemetry, where its usual environment variables ask for them: the extra `agentctl[tracing]`.

One span for each pass over an Agent, and in it one for each request to the API server. Watches and the Lease belong to
no pass and have none. Nothing of OpenTelemetry is imported unless it is asked for.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from agentctl_core import Action

from ._key import Key
from ._telemetry import Answered, Pass, Telemetry

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL: Final = "http/protobuf"


class TracingError(Exception):
    """Traces are asked for and cannot be had; the message says what to do."""


def provider_from(environ: Mapping[str, str]) -> TracerProvider | None:
    """Return what sends traces to the endpoint in the environment; None where there is none, or traces are off.

    Raises:
        TracingError: the extra is missing, or the protocol is one that it does not speak.
    """
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none"
    if off or not any(environ.get(name) for name in ENDPOINTS):
        return None
    for name in PROTOCOLS:
        if environ.get(name, PROTOCOL) not in {"", PROTOCOL}:
            raise TracingError(f"{name}={environ[name]} is not spoken: set it to {PROTOCOL}, or unset it")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        asked = next(name for name in ENDPOINTS if environ.get(name))
        raise TracingError(
            f"{asked} asks for traces, which need `pip install 'agentctl[tracing]'`; install it, or unset {asked}"
        ) from error
    is_named = environ.get("OTEL_SERVICE_NAME") or "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    provider = TracerProvider(resource=Resource.create({} if is_named else {SERVICE_NAME: "agentctl"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class Traced(Telemetry):
    """Makes spans, and hands on everything that it is told.

    Args:
        inner: listens too.
        provider: takes the spans; none of OpenTelemetry's global state is used.
    """

    def __init__(self, inner: Telemetry, provider: TracerProvider) -> None:
        from opentelemetry import trace  # noqa: PLC0415 -- as above

        self._trace = trace
        self._inner = inner
        self._tracer = provider.get_tracer("agentctl")

    def queued(self) -> None:
        self._inner.queued()

    def taken(self, waited: float) -> None:
        self._inner.taken(waited)

    def worked(self, seconds: float) -> None:
        self._inner.worked(seconds)

    def retried(self) -> None:
        self._inner.retried()

    def executing(self, agent: Key, action: Action) -> None:
        self._inner.executing(agent, action)

    def executed(self, agent: Key, action: Action) -> None:
        self._inner.executed(agent, action)

    def gone(self, agent: Key) -> None:
        self._inner.gone(agent)

    @contextmanager
    def reconciling(self, agent: Key) -> Generator[Pass]:
        names = {"k8s.namespace.name": agent.namespace, "agentctl.agent.name": agent.name}
        with self._tracer.start_as_current_span("reconcile", attributes=names) as span:
            with self._inner.reconciling(agent) as going:
                yield going
            span.set_attributes(
                {
                    "agentctl.agent.uid": going.uid,
                    "agentctl.agent.revision": going.revision,
                    "agentctl.result": going.result or "",
                }
            )
            if going.result in {"error", "panic"}:
                span.set_status(self._trace.StatusCode.ERROR, going.result)

    @contextmanager
    def requesting(self, method: str, host: str, path: str) -> Generator[Answered]:
        with self._inner.requesting(method, host, path) as told:
            if not self._trace.get_current_span().is_recording():
                yield told
                return
            names = {"http.request.method": method, "server.address": host, "url.path": path}
            kind = self._trace.SpanKind.CLIENT
            with self._tracer.start_as_current_span(method, kind=kind, attributes=names) as span:

                def answered(status: int) -> None:
                    told(status)
                    span.set_attribute("http.response.status_code", status)
                    if status >= 400:  # noqa: PLR2004 -- 4xx and 5xx, as OpenTelemetry has it for clients
                        span.set_status(self._trace.StatusCode.ERROR)

                yield answered

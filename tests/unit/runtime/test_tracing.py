"""Traces, as an OTLP receiver gets them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agentctl_runtime._metrics import Metrics
from agentctl_runtime._tracing import Traced, TracingError, provider_from

from .support import run
from .test_metrics import RECONCILE, operated, samples
from .test_operator import agent, failing

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


class Receiver:
    def __init__(self) -> None:
        self.resources: list[dict[str, str]] = []
        self.spans: list[Any] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.path == "/v1/traces"
                for group in ExportTraceServiceRequest.FromString(body).resource_spans:
                    receiver.resources.append(attributes(group.resource))
                    receiver.spans += [span for scope in group.scope_spans for span in scope.spans]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


def attributes(of: Any) -> dict[str, Any]:
    return {each.key: each.value.string_value or each.value.int_value for each in of.attributes}


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    found = Receiver()
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    monkeypatch.setenv(ENDPOINT, found.url)
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def test_a_pass_is_a_span_and_its_requests_are_spans_in_it(receiver: Receiver) -> None:
    metrics = Metrics()
    provider = provider_from({ENDPOINT: receiver.url})
    assert provider is not None

    async def main() -> None:
        async with operated(metrics, told=Traced(metrics, provider)) as (server, between):
            between.on("POST", "/api/v1/namespaces/default/pods", failing(1, 500, "InternalError"))
            server.cluster.create(agent())
            await asyncio.sleep(5)

    run(main())
    provider.shutdown()
    passes = {span.span_id: span for span in receiver.spans if span.name == "reconcile"}
    requests = [span for span in receiver.spans if span.name != "reconcile"]
    counted = samples(metrics)
    assert len(passes) == counted["controller_runtime_reconcile_time_seconds_count{controller=agent}"] > 2
    assert {span.parent_span_id for span in requests} <= passes.keys()  # none of a watch
    first = attributes(next(iter(passes.values())))
    assert (first["k8s.namespace.name"], first["agentctl.agent.name"]) == ("default", "demo")
    assert first["agentctl.agent.uid"]
    assert first["agentctl.agent.revision"]
    failed = [span for span in passes.values() if span.status.code == 2]
    assert len(failed) == counted[RECONCILE % "error"] == 1
    (refused,) = [span for span in requests if span.status.code == 2]
    assert refused.parent_span_id == failed[0].span_id
    assert attributes(refused)["http.response.status_code"] == 500
    assert {each["service.name"] for each in receiver.resources} == {"agentctl"}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {ENDPOINT: ""},
        {ENDPOINT: "http://x", "OTEL_SDK_DISABLED": "true"},
        {ENDPOINT: "http://x", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_without_being_asked_for_there_are_no_traces(environ: dict[str, str]) -> None:
    assert provider_from(environ) is None


def test_a_protocol_that_is_not_spoken_is_told() -> None:
    with pytest.raises(TracingError, match="OTEL_EXPORTER_OTLP_PROTOCOL=grpc is not spoken: set it to http/protobuf"):
        provider_from({ENDPOINT: "http://x", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})


def test_without_the_extra_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(TracingError, match=r"pip install 'agentctl\[tracing\]'"):
        provider_from({ENDPOINT: "http://x"})


def test_nothing_of_it_is_imported_unless_it_is_asked_for() -> None:
    code = """
import sys
from agentctl_runtime.cli import run
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout == "[]\n"

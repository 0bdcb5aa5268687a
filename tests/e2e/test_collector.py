"""The receivers of the end-to-end tests can be trusted: what the plain SDK sends is what they tell."""

import subprocess
import time
import uuid
from pathlib import Path

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

from tests.e2e._collector import CONFIG, Collector
from tests.e2e._received import Received, ReceivedEvent, ReceivedSpan
from tests.e2e._receiver import Receiver
from tests.e2e._rotel import Rotel

PROTOCOLS = ["http", "grpc"]


@pytest.fixture
def service() -> str:
    """A name that no other test's telemetry bears."""
    return f"service-{uuid.uuid4().hex[:8]}"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_span_arrives_as_it_was_sent(collector: Receiver, service: str, protocol: str) -> None:
    _send_and_find_a_span(collector, service, protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_metrics_arrive_as_they_were_sent(collector: Receiver, service: str, protocol: str) -> None:
    _send_and_find_metrics(collector, service, protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_rotel_tells_the_same(rotel: Rotel, service: str, protocol: str) -> None:
    """It stands in for the Collector, so it has to pass what the Collector passes."""
    _send_and_find_a_span(rotel, service, protocol)
    _send_and_find_metrics(rotel, service, protocol)


def test_metrics_appear_on_the_prometheus_page(collector: Collector | Rotel, service: str) -> None:
    page = collector.prometheus_url
    with_metrics = _meter_provider(collector, service, "http")
    with_metrics.get_meter("a.scope").create_counter("orders", unit="{order}").add(3, {"shop": service})
    with_metrics.shutdown()
    deadline = time.monotonic() + 10
    line = f'shop="{service}"'
    while not any(line in text and text.endswith(" 3") for text in httpx.get(page).text.splitlines()):
        assert time.monotonic() < deadline, httpx.get(page).text
        time.sleep(0.05)


def test_the_collector_accepts_the_configuration(otelcol: Path, tmp_path: Path) -> None:
    environment = Collector(otelcol, tmp_path).environment
    command: list[str | Path] = [otelcol, "validate", "--config", CONFIG]
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_collector_that_was_stopped_comes_back_on_the_same_ports(otelcol: Path, tmp_path: Path, service: str) -> None:
    """Tests of outages rest on this."""
    with Collector(otelcol, tmp_path) as collector:
        before = _send_and_find_a_span(collector, service, "http")
        collector.stop()
        with pytest.raises(httpx.ConnectError):
            httpx.get(collector.http_endpoint)
        collector.start()
        after = _send_and_find_a_span(collector, service, "http")
        assert before != after
        assert {span.trace_id for span in collector.received().spans} == {before, after}


def test_a_collector_that_cannot_start_says_why(otelcol: Path, tmp_path: Path) -> None:
    with Collector(otelcol, tmp_path) as running:
        second = Collector(otelcol, tmp_path / "second")
        (tmp_path / "second").mkdir()
        second.http_endpoint = running.http_endpoint
        with pytest.raises(RuntimeError, match="address already in use"):
            second.start()


def test_waiting_for_what_never_comes_ends_and_tells_what_came(collector: Receiver, service: str) -> None:
    with pytest.raises(AssertionError, match=r"not there after 0.1 s; what has arrived is points of"):
        collector.wait_for(lambda received: received.of(service).spans, timeout=0.1)


def _send_and_find_a_span(receiver: Receiver, service: str, protocol: str) -> str:
    """Send a span, find it, return its trace id."""
    endpoint = receiver.http_endpoint + "/v1/traces" if protocol == "http" else receiver.grpc_endpoint
    exporter = HttpSpanExporter(endpoint) if protocol == "http" else GrpcSpanExporter(endpoint, insecure=True)
    provider = TracerProvider(resource=Resource({"service.name": service}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("a.scope", "1.2", schema_url="https://example.com/schema")
    with tracer.start_as_current_span("parent", kind=SpanKind.SERVER) as parent:
        sent = parent.get_span_context()
        attributes: dict[str, str | bool | int | float | list[str]] = {
            "text": "ä",
            "yes": True,
            "number": 2**53 + 1,
            "float": 0.5,
            "list": ["a", "b"],
        }
        with tracer.start_as_current_span("child", attributes=attributes) as child:
            child.add_event("happened", {"traceId": "not an id"}, timestamp=1_700_000_000_123_456_789)
            child.set_status(Status(StatusCode.ERROR, "no luck"))
    provider.shutdown()

    trace_id = f"{sent.trace_id:032x}"

    def both(received: Received) -> list[ReceivedSpan]:
        spans = [span for span in received.of(service).spans if span.trace_id == trace_id]
        return sorted(spans, key=lambda span: span.name) if len(spans) == 2 else []

    child_span, parent_span = receiver.wait_for(both)
    assert (parent_span.name, parent_span.kind, parent_span.span_id) == ("parent", "server", f"{sent.span_id:016x}")
    assert (parent_span.parent_span_id, parent_span.status_code) == ("", "unset")
    assert (child_span.name, child_span.kind, child_span.parent_span_id) == ("child", "internal", parent_span.span_id)
    assert (child_span.status_code, child_span.status_message) == ("error", "no luck")
    assert child_span.attributes == attributes
    happened = ReceivedEvent(name="happened", attributes={"traceId": "not an id"}, time=1_700_000_000_123_456_789)
    assert child_span.events == (happened,)
    assert parent_span.start <= child_span.start <= child_span.end <= parent_span.end
    assert child_span.resource == {"service.name": service}
    assert (child_span.scope_name, child_span.scope_version) == ("a.scope", "1.2")
    assert child_span.schema_url == "https://example.com/schema"
    return trace_id


def _meter_provider(receiver: Receiver, service: str, protocol: str) -> MeterProvider:
    endpoint = receiver.http_endpoint + "/v1/metrics" if protocol == "http" else receiver.grpc_endpoint
    exporter = HttpMetricExporter(endpoint) if protocol == "http" else GrpcMetricExporter(endpoint, insecure=True)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=60_000)
    return MeterProvider([reader], Resource({"service.name": service}), shutdown_on_exit=False)


def _send_and_find_metrics(receiver: Receiver, service: str, protocol: str) -> None:
    before = time.time_ns()
    provider = _meter_provider(receiver, service, protocol)
    meter = provider.get_meter("a.scope")
    meter.create_counter("orders", unit="{order}", description="Orders").add(2**53 + 1, {"shop": "north"})
    meter.create_up_down_counter("queued").add(-2)
    meter.create_gauge("temperature", unit="Cel").set(-0.5)
    histogram = meter.create_histogram("wait", unit="s", explicit_bucket_boundaries_advisory=[1.0, 2.0])
    for seconds in (0.5, 1.5, 7.0):
        histogram.record(seconds)
    provider.shutdown()

    receiver.wait_for(lambda received: len(received.of(service).points) == 4)
    received = receiver.received().of(service)
    (orders,), (queued,) = received.points_of("orders"), received.points_of("queued")
    (temperature,), (wait,) = received.points_of("temperature"), received.points_of("wait")
    assert (orders.value, type(orders.value), orders.unit, orders.description) == (2**53 + 1, int, "{order}", "Orders")
    assert (orders.kind, orders.monotonic, orders.temporality) == ("sum", True, "cumulative")
    assert (orders.attributes, orders.resource) == ({"shop": "north"}, {"service.name": service})
    assert before <= orders.start_time <= orders.time <= time.time_ns()
    assert (queued.value, queued.kind, queued.monotonic) == (-2, "sum", False)
    assert (temperature.value, temperature.kind, temperature.temporality) == (-0.5, "gauge", None)
    assert (wait.kind, wait.count, wait.sum, wait.min, wait.max) == ("histogram", 3, 9.0, 0.5, 7.0)
    assert (wait.bucket_counts, wait.explicit_bounds) == ((1, 1, 1), (1.0, 2.0))

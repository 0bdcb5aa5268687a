"""What the plain OpenTelemetry SDK exports, all the way into the store."""

import threading
from collections.abc import Iterator

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from vitalspan.dashboard import MemoryStore, Receiver, ServiceView, Source

RESOURCE = Resource.create({"service.name": "shop", "service.instance.id": "one"})
CHANGED = {
    "health.component": "database",
    "health.status": "unhealthy",
    "health.previous_status": "healthy",
    "health.message": "database is locked",
}


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def receiver(store: MemoryStore) -> Iterator[Receiver]:
    with Receiver(store.receive) as receiver:
        yield receiver


def _only(store: MemoryStore) -> ServiceView:
    (service,) = store.snapshot()
    assert service.source == Source("shop", "one")
    return service


@pytest.fixture(params=list(AggregationTemporality)[1:], ids=lambda temporality: temporality.name)
def meters(request: pytest.FixtureRequest, receiver: Receiver) -> Iterator[MeterProvider]:
    exporter = OTLPMetricExporter(
        f"{receiver.endpoint}/v1/metrics",
        compression=Compression.Gzip,
        preferred_temporality={Histogram: request.param},
    )
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=1e9)
    provider = MeterProvider([reader], resource=RESOURCE, shutdown_on_exit=False)
    yield provider
    provider.shutdown()


def test_durations_of_functions_arrive(meters: MeterProvider, store: MemoryStore) -> None:
    durations = meters.get_meter("test").create_histogram(
        "function.duration", unit="s", explicit_bucket_boundaries_advisory=[0.1, 0.2, 0.4]
    )
    for batch in range(3):
        for _ in range(4):
            durations.record(0.15, {"code.function.name": "shop.sell", "function.outcome": "ok"})
        if batch:
            durations.record(
                0.3, {"code.function.name": "shop.sell", "function.outcome": "error", "error.type": "KeyError"}
            )
        assert meters.force_flush()
    (function,) = _only(store).functions
    assert function.function == "shop.sell"
    assert function.outcomes == (("error", 2), ("ok", 12))
    assert (function.calls, function.total_calls, function.total_errors) == (14, 14, 2)
    assert function.p50 == pytest.approx(0.1 + 0.1 * 7 / 12)
    assert function.p95 == pytest.approx(0.2 + 0.2 * 1.3 / 2)
    assert function.rate > 0


def test_gauges_of_health_arrive(meters: MeterProvider, store: MemoryStore) -> None:
    current = "healthy"

    def observe(_: CallbackOptions) -> list[Observation]:
        attributes: dict[str, str | bool] = {"health.component": "database", "health.critical": True}
        return [
            Observation(int(status == current), {**attributes, "health.status": status})
            for status in ("healthy", "degraded", "unhealthy", "unknown")
        ]

    meters.get_meter("test").create_observable_gauge("health.check.status", [observe])
    assert meters.force_flush()
    (healthy,) = _only(store).components
    current = "unhealthy"
    assert meters.force_flush()
    (unhealthy,) = _only(store).components
    assert (healthy.status, unhealthy.status) == ("healthy", "unhealthy")
    assert unhealthy.since > healthy.since


@pytest.mark.parametrize("compression", list(Compression))
def test_span_events_and_log_events_arrive_as_one_change(
    receiver: Receiver, store: MemoryStore, compression: Compression
) -> None:
    spans = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    spans.add_span_processor(
        SimpleSpanProcessor(OTLPSpanExporter(f"{receiver.endpoint}/v1/traces", compression=compression))
    )
    logs = LoggerProvider(resource=RESOURCE, shutdown_on_exit=False)
    logs.add_log_record_processor(
        SimpleLogRecordProcessor(OTLPLogExporter(f"{receiver.endpoint}/v1/logs", compression=compression))
    )
    with spans.get_tracer("test").start_as_current_span("health.check database") as span:
        span.add_event("health.status_changed", CHANGED)
        logs.get_logger("test").emit(event_name="health.status_changed", attributes=CHANGED)
    spans.shutdown()
    logs.shutdown()
    service = _only(store)
    (event,) = service.events
    assert (event.previous_status, event.status, event.message) == ("healthy", "unhealthy", "database is locked")
    (component,) = service.components
    assert (component.status, component.since) == ("unhealthy", event.time)


def test_nothing_is_left_running(receiver: Receiver) -> None:
    receiver.stop()
    assert not [thread for thread in threading.enumerate() if "vitalspan" in thread.name]

"""Requests as they come from any sender, well-formed and not."""

from collections.abc import Mapping

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from tests.dashboard._arriving import NOON, SHOP, at
from vitalspan.dashboard import CallsPoint, HealthEvent, Source, StatusPoint, decode

NOON_NS = int(NOON.timestamp()) * 10**9
CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
UNSPECIFIED = AggregationTemporality.AGGREGATION_TEMPORALITY_UNSPECIFIED
CHANGED = {"health.component": "database", "health.status": "unhealthy"}


def _value(value: object) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
        case _:
            return AnyValue(array_value=ArrayValue())


def _pairs(attributes: Mapping[str, object]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in attributes.items()]


RESOURCE = Resource(attributes=_pairs({"service.name": "shop", "service.instance.id": "one"}))


def _metrics(*metrics: Metric, resource: Resource = RESOURCE) -> ExportMetricsServiceRequest:
    scope = ScopeMetrics(metrics=metrics)
    return ExportMetricsServiceRequest(resource_metrics=[ResourceMetrics(resource=resource, scope_metrics=[scope])])


def _statuses(*points: NumberDataPoint) -> ExportMetricsServiceRequest:
    return _metrics(Metric(name="health.check.status", gauge=Gauge(data_points=points)))


def _durations(
    point: HistogramDataPoint, temporality: AggregationTemporality.ValueType = CUMULATIVE
) -> ExportMetricsServiceRequest:
    histogram = Histogram(data_points=[point], aggregation_temporality=temporality)
    return _metrics(Metric(name="function.duration", unit="s", histogram=histogram))


def _span(*events: Span.Event) -> ExportTraceServiceRequest:
    spans = [Span(name="health.check database", span_id=b"\x01\x02", events=events)]
    scope = ScopeSpans(spans=spans)
    return ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=RESOURCE, scope_spans=[scope])])


def test_a_status_gauge_that_reads_one_is_the_status() -> None:
    attributes = {"health.component": "database", "health.critical": False}
    request = _statuses(
        NumberDataPoint(
            attributes=_pairs({**attributes, "health.status": "healthy"}), time_unix_nano=NOON_NS, as_int=0
        ),
        NumberDataPoint(
            attributes=_pairs({**attributes, "health.status": "degraded"}), time_unix_nano=NOON_NS, as_int=1
        ),
        NumberDataPoint(
            attributes=_pairs({"health.component": "cache", "health.status": "unknown"}),
            time_unix_nano=NOON_NS + 1_500_000_000,
            as_double=1.0,
        ),
    )
    assert decode(request) == (
        StatusPoint(SHOP, NOON, "database", "degraded", is_critical=False),
        StatusPoint(SHOP, at(1.5), "cache", "unknown", is_critical=True),
    )


def test_a_status_may_also_come_as_an_up_down_counter() -> None:
    point = NumberDataPoint(attributes=_pairs(CHANGED), time_unix_nano=NOON_NS, as_int=1)
    (arrival,) = decode(_metrics(Metric(name="health.check.status", sum=Sum(data_points=[point]))))
    assert isinstance(arrival, StatusPoint)
    assert arrival.status == "unhealthy"


@pytest.mark.parametrize(
    "point",
    [
        NumberDataPoint(attributes=_pairs({"health.status": "healthy"}), as_int=1),
        NumberDataPoint(attributes=_pairs({"health.component": "database"}), as_int=1),
        NumberDataPoint(attributes=_pairs(CHANGED), as_int=1, flags=1),
        NumberDataPoint(attributes=_pairs(CHANGED)),
        NumberDataPoint(attributes=_pairs(CHANGED), as_double=float("nan")),
    ],
)
def test_a_gauge_point_that_says_nothing_is_passed_over(point: NumberDataPoint) -> None:
    assert decode(_statuses(point)) == ()


def test_what_is_not_about_health_or_functions_is_passed_over() -> None:
    point = NumberDataPoint(attributes=_pairs(CHANGED), as_int=1)
    assert decode(_metrics(Metric(name="queue.length", gauge=Gauge(data_points=[point])))) == ()
    assert decode(_span(Span.Event(name="exception", attributes=_pairs(CHANGED)))) == ()
    assert decode(_logs(LogRecord(event_name="sold", attributes=_pairs(CHANGED)))) == ()


@pytest.mark.parametrize(("temporality", "is_delta"), [(CUMULATIVE, False), (DELTA, True)])
def test_a_function_histogram_is_its_calls(temporality: AggregationTemporality.ValueType, is_delta: bool) -> None:  # noqa: FBT001
    attributes = {"code.function.name": "shop.sell", "function.outcome": "error", "error.type": "KeyError", "try": 2}
    point = HistogramDataPoint(
        attributes=_pairs(attributes),
        start_time_unix_nano=NOON_NS,
        time_unix_nano=NOON_NS + 2_000_000_000,
        count=3,
        sum=0.6,
        explicit_bounds=[0.1, 1.0],
        bucket_counts=[1, 2, 0],
    )
    series = repr([("error.type", "KeyError"), ("try", 2)])
    expected = CallsPoint(SHOP, at(2), NOON, "shop.sell", "error", series, is_delta, (0.1, 1.0), (1, 2, 0))
    assert decode(_durations(point, temporality)) == (expected,)


def test_a_histogram_without_boundaries_is_one_bucket() -> None:
    point = HistogramDataPoint(attributes=_pairs({"code.function.name": "shop.sell"}), count=3)
    (arrival,) = decode(_durations(point))
    assert isinstance(arrival, CallsPoint)
    assert (arrival.bounds, arrival.counts, arrival.outcome) == ((), (3,), "")


@pytest.mark.parametrize(
    "broken",
    [
        HistogramDataPoint(count=2, explicit_bounds=[1.0], bucket_counts=[2]),
        HistogramDataPoint(count=2, explicit_bounds=[1.0]),
        HistogramDataPoint(count=2, explicit_bounds=[1.0], bucket_counts=[1, 0]),
        HistogramDataPoint(count=2, explicit_bounds=[1.0, 1.0], bucket_counts=[1, 1, 0]),
        HistogramDataPoint(count=2, explicit_bounds=[float("nan")], bucket_counts=[1, 1]),
        HistogramDataPoint(count=2, explicit_bounds=[float("inf")], bucket_counts=[1, 1]),
        HistogramDataPoint(flags=1),
        HistogramDataPoint(start_time_unix_nano=2, time_unix_nano=1),
    ],
)
def test_a_histogram_point_that_contradicts_itself_is_passed_over(broken: HistogramDataPoint) -> None:
    broken.attributes.extend(_pairs({"code.function.name": "shop.sell"}))
    assert decode(_durations(broken)) == ()


def test_a_histogram_of_no_function_or_unknown_temporality_is_passed_over() -> None:
    assert decode(_durations(HistogramDataPoint(count=1))) == ()
    named = HistogramDataPoint(count=1, attributes=_pairs({"code.function.name": "shop.sell"}))
    assert decode(_durations(named, UNSPECIFIED)) == ()


def test_a_change_of_status_comes_as_an_event_on_the_span_of_the_run() -> None:
    attributes = {**CHANGED, "health.previous_status": "healthy", "health.message": "database is locked"}
    event = Span.Event(name="health.status_changed", time_unix_nano=NOON_NS, attributes=_pairs(attributes))
    expected = HealthEvent(SHOP, NOON, "database", "unhealthy", "healthy", "database is locked", run="0102")
    assert decode(_span(event)) == (expected,)


def _logs(record: LogRecord) -> ExportLogsServiceRequest:
    scope = ScopeLogs(log_records=[record])
    return ExportLogsServiceRequest(resource_logs=[ResourceLogs(resource=RESOURCE, scope_logs=[scope])])


@pytest.mark.parametrize("field", ["time_unix_nano", "observed_time_unix_nano"])
def test_a_change_of_status_may_come_as_a_log_event(field: str) -> None:
    record = LogRecord(event_name="health.status_changed", attributes=_pairs(CHANGED), span_id=b"\x01\x02")
    setattr(record, field, NOON_NS)
    assert decode(_logs(record)) == (HealthEvent(SHOP, NOON, "database", "unhealthy", "", "", run="0102"),)


def test_a_change_of_status_of_nothing_is_passed_over() -> None:
    assert decode(_span(Span.Event(name="health.status_changed"))) == ()


def test_a_sender_that_does_not_say_who_it_is_has_a_name_all_the_same() -> None:
    point = NumberDataPoint(attributes=_pairs(CHANGED), as_int=1)
    metric = Metric(name="health.check.status", gauge=Gauge(data_points=[point]))
    resource = Resource(attributes=_pairs({"service.instance.id": [], "host.cpus": 1.5}))
    (arrival,) = decode(_metrics(metric, resource=resource))
    assert arrival.source == Source("unknown_service", "")


def test_a_text_without_end_is_cut() -> None:
    attributes = {**CHANGED, "health.message": "x" * 100_000}
    (arrival,) = decode(_span(Span.Event(name="health.status_changed", attributes=_pairs(attributes))))
    assert isinstance(arrival, HealthEvent)
    assert len(arrival.message) == 2000

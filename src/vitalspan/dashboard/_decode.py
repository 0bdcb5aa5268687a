"""OTLP requests as the values that the dashboard keeps. What it does not know, it passes over."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from math import isfinite
from typing import assert_never

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    AGGREGATION_TEMPORALITY_DELTA,
    DataPointFlags,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from vitalspan import _names
from vitalspan._types import TagValue
from vitalspan.dashboard._arrivals import EPOCH, Arrival, CallsPoint, HealthEvent, Source, StatusPoint

__all__ = ["ExportRequest", "decode"]

ExportRequest = ExportTraceServiceRequest | ExportMetricsServiceRequest | ExportLogsServiceRequest
"""What a client sends over OTLP: one request of one signal."""

_UNKNOWN_SERVICE = "unknown_service"
_LONGEST_TEXT = 2000


def decode(request: ExportRequest) -> tuple[Arrival, ...]:
    """Return what *request* says about health and function calls, in its order.

    A point that contradicts itself (counts that do not match the boundaries, no component) is left out:
    the request as a whole is still worth reading.
    """
    match request:
        case ExportTraceServiceRequest():
            return tuple(_trace_events(request))
        case ExportMetricsServiceRequest():
            return tuple(_points(request))
        case ExportLogsServiceRequest():
            return tuple(_log_events(request))
        case _:
            assert_never(request)


def _trace_events(request: ExportTraceServiceRequest) -> Iterator[HealthEvent]:
    for group in request.resource_spans:
        source = _source(group.resource)
        for span in (span for scope in group.scope_spans for span in scope.spans):
            for event in (event for event in span.events if event.name == _names.STATUS_CHANGED):
                attributes = _attributes(event.attributes)
                yield from _health_event(source, event.time_unix_nano, attributes, span.span_id.hex())


def _log_events(request: ExportLogsServiceRequest) -> Iterator[HealthEvent]:
    for group in request.resource_logs:
        source = _source(group.resource)
        for record in (record for scope in group.scope_logs for record in scope.log_records):
            if record.event_name == _names.STATUS_CHANGED:
                time = record.time_unix_nano or record.observed_time_unix_nano
                yield from _health_event(source, time, _attributes(record.attributes), record.span_id.hex())


def _health_event(
    source: Source, nanoseconds: int, attributes: Mapping[str, TagValue], run: str
) -> Iterator[HealthEvent]:
    component = attributes.get(_names.COMPONENT)
    status = attributes.get(_names.STATUS)
    if component and status:
        yield HealthEvent(
            source=source,
            time=_time(nanoseconds),
            component=str(component),
            status=str(status),
            previous_status=str(attributes.get(_names.PREVIOUS_STATUS, "")),
            message=str(attributes.get(_names.MESSAGE, "")),
            run=run,
        )


def _points(request: ExportMetricsServiceRequest) -> Iterator[StatusPoint | CallsPoint]:
    for group in request.resource_metrics:
        source = _source(group.resource)
        for metric in (metric for scope in group.scope_metrics for metric in scope.metrics):
            if metric.name == _names.CHECK_STATUS.name:
                yield from _status_points(source, metric)
            elif metric.name == _names.FUNCTION_DURATION.name:
                yield from _calls_points(source, metric)


def _status_points(source: Source, metric: Metric) -> Iterator[StatusPoint]:
    # The status may also come as an up-down counter: the same points, in a sum.
    for point in (*metric.gauge.data_points, *metric.sum.data_points):
        attributes = _attributes(point.attributes)
        component = attributes.get(_names.COMPONENT)
        status = attributes.get(_names.STATUS)
        if component and status and _is_one(point):
            is_critical = attributes.get(_names.CRITICAL, True) is True
            yield StatusPoint(source, _time(point.time_unix_nano), str(component), str(status), is_critical)


def _is_one(point: NumberDataPoint) -> bool:
    if _has_no_value(point.flags):
        return False
    value = point.as_int if point.WhichOneof("value") == "as_int" else point.as_double
    return value == 1


def _calls_points(source: Source, metric: Metric) -> Iterator[CallsPoint]:
    temporality = metric.histogram.aggregation_temporality
    if temporality not in (AGGREGATION_TEMPORALITY_CUMULATIVE, AGGREGATION_TEMPORALITY_DELTA):
        return
    for point in metric.histogram.data_points:
        attributes = _attributes(point.attributes)
        function = attributes.pop(_names.FUNCTION_NAME, None)
        outcome = attributes.pop(_names.OUTCOME, "")
        if function and _is_sound(point):
            yield CallsPoint(
                source=source,
                time=_time(point.time_unix_nano),
                start=_time(point.start_time_unix_nano),
                function=str(function),
                outcome=str(outcome),
                series=repr(sorted(attributes.items())),
                is_delta=temporality == AGGREGATION_TEMPORALITY_DELTA,
                bounds=tuple(point.explicit_bounds),
                # A histogram without boundaries may leave out its one bucket, which holds everything.
                counts=tuple(point.bucket_counts) or (point.count,),
            )


def _is_sound(point: HistogramDataPoint) -> bool:
    if _has_no_value(point.flags) or point.start_time_unix_nano > point.time_unix_nano:
        return False
    bounds, counts = point.explicit_bounds, point.bucket_counts
    if not counts:
        return not bounds
    is_ascending = all(map(isfinite, bounds)) and all(lower < upper for lower, upper in pairwise(bounds))
    return is_ascending and len(counts) == len(bounds) + 1 and sum(counts) == point.count


def _has_no_value(flags: int) -> bool:
    return bool(flags & DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK)


def _source(resource: Resource) -> Source:
    attributes = _attributes(resource.attributes)
    service = attributes.get("service.name", _UNKNOWN_SERVICE)
    return Source(str(service), str(attributes.get("service.instance.id", "")))


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, TagValue]:
    decoded = ((pair.key, _scalar(pair.value)) for pair in pairs)
    return {key: value for key, value in decoded if value is not None}


def _scalar(value: AnyValue) -> TagValue | None:
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value[:_LONGEST_TEXT]
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value
        case _:
            return None


def _time(nanoseconds: int) -> datetime:
    # A timedelta of whole microseconds is exact where dividing into a float would round.
    return EPOCH + timedelta(microseconds=nanoseconds // 1000)

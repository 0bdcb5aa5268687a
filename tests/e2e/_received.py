"""What a receiver got, as plain values that tests compare."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

Request = ExportTraceServiceRequest | ExportMetricsServiceRequest | ExportLogsServiceRequest
Value = str | bool | int | float | bytes | list["Value"] | dict[str, "Value"] | None
Attributes = Mapping[str, Value]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where something comes from. Times everywhere are nanoseconds since the epoch, as on the wire."""

    resource: Attributes
    scope_name: str
    scope_version: str
    scope_attributes: Attributes
    schema_url: str

    @property
    def service(self) -> Value:
        return self.resource.get("service.name")


@dataclass(frozen=True, kw_only=True)
class ReceivedExemplar:
    value: int | float
    time: int
    trace_id: str
    span_id: str
    attributes: Attributes


@dataclass(frozen=True, kw_only=True)
class ReceivedPoint(Origin):
    """One data point: *value* of a gauge or a sum; *count* and what follows of a histogram."""

    metric: str
    unit: str
    description: str
    kind: Literal["gauge", "sum", "histogram"]
    monotonic: bool
    temporality: Literal["delta", "cumulative"] | None
    attributes: Attributes
    start_time: int
    time: int
    exemplars: tuple[ReceivedExemplar, ...]
    value: int | float | None = None
    count: int | None = None
    sum: float | None = None
    min: float | None = None
    max: float | None = None
    bucket_counts: tuple[int, ...] = ()
    explicit_bounds: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReceivedEvent:
    name: str
    attributes: Attributes
    time: int


@dataclass(frozen=True, kw_only=True)
class ReceivedSpan(Origin):
    """One span; *parent_span_id* is empty for a root, *links* are pairs of trace id and span id."""

    name: str
    trace_id: str
    span_id: str
    parent_span_id: str
    kind: str
    status_code: str
    status_message: str
    attributes: Attributes
    events: tuple[ReceivedEvent, ...]
    links: tuple[tuple[str, str], ...]
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class ReceivedLog(Origin):
    body: Value
    event_name: str
    severity: int
    severity_text: str
    attributes: Attributes
    trace_id: str
    span_id: str
    time: int


@dataclass(frozen=True)
class Received:
    """Everything that has arrived so far, in the order of its arrival."""

    points: tuple[ReceivedPoint, ...] = ()
    spans: tuple[ReceivedSpan, ...] = ()
    logs: tuple[ReceivedLog, ...] = ()

    def of(self, service: str) -> "Received":
        """Return only what the *service* sent: the receiver is shared, a service's name need not be."""
        return Received(
            tuple(point for point in self.points if point.service == service),
            tuple(span for span in self.spans if span.service == service),
            tuple(log for log in self.logs if log.service == service),
        )

    def points_of(self, metric: str) -> list[ReceivedPoint]:
        return [point for point in self.points if point.metric == metric]

    def spans_named(self, name: str) -> list[ReceivedSpan]:
        return [span for span in self.spans if span.name == name]

    def __str__(self) -> str:
        metrics = sorted({point.metric for point in self.points})
        spans = sorted({span.name for span in self.spans})
        return f"points of {metrics}, spans {spans}, {len(self.logs)} logs"


def decode(requests: Iterable[Request]) -> Received:
    """Flatten OTLP *requests*."""
    points: list[ReceivedPoint] = []
    spans: list[ReceivedSpan] = []
    logs: list[ReceivedLog] = []
    for request in requests:
        match request:
            case ExportMetricsServiceRequest():
                points += _points(request)
            case ExportTraceServiceRequest():
                spans += _spans(request)
            case ExportLogsServiceRequest():
                logs += _logs(request)
    return Received(tuple(points), tuple(spans), tuple(logs))


def _points(request: ExportMetricsServiceRequest) -> Iterator[ReceivedPoint]:
    for of_resource in request.resource_metrics:
        for of_scope in of_resource.scope_metrics:
            origin = _origin(of_resource.resource, of_scope.scope, of_scope.schema_url)
            for metric in of_scope.metrics:
                yield from _points_of(metric, origin)


def _points_of(metric: metrics_pb2.Metric, origin: Origin) -> Iterator[ReceivedPoint]:
    data: metrics_pb2.Gauge | metrics_pb2.Sum | metrics_pb2.Histogram
    match kind := metric.WhichOneof("data"):
        case "gauge":
            data = metric.gauge
        case "sum":
            data = metric.sum
        case "histogram":
            data = metric.histogram
        case _:
            message = f"metric {metric.name!r} is a {kind}, which vitalspan never sends"
            raise AssertionError(message)
    for point in data.data_points:
        yield ReceivedPoint(
            **vars(origin),
            metric=metric.name,
            unit=metric.unit,
            description=metric.description,
            kind=kind,
            monotonic=metric.sum.is_monotonic,
            temporality=None if isinstance(data, metrics_pb2.Gauge) else _temporality(data),
            attributes=_attributes(point.attributes),
            start_time=point.start_time_unix_nano,
            time=point.time_unix_nano,
            exemplars=tuple(map(_exemplar, point.exemplars)),
            **_recorded(point),
        )


def _recorded(point: metrics_pb2.NumberDataPoint | metrics_pb2.HistogramDataPoint) -> dict[str, Any]:
    if isinstance(point, metrics_pb2.NumberDataPoint):
        return {"value": _number(point)}
    return {
        "count": point.count,
        "sum": point.sum if point.HasField("sum") else None,
        "min": point.min if point.HasField("min") else None,
        "max": point.max if point.HasField("max") else None,
        "bucket_counts": tuple(point.bucket_counts),
        "explicit_bounds": tuple(point.explicit_bounds),
    }


def _exemplar(exemplar: metrics_pb2.Exemplar) -> ReceivedExemplar:
    return ReceivedExemplar(
        value=_number(exemplar),
        time=exemplar.time_unix_nano,
        trace_id=exemplar.trace_id.hex(),
        span_id=exemplar.span_id.hex(),
        attributes=_attributes(exemplar.filtered_attributes),
    )


def _number(point: metrics_pb2.NumberDataPoint | metrics_pb2.Exemplar) -> int | float:
    return point.as_int if point.WhichOneof("value") == "as_int" else point.as_double


def _temporality(data: metrics_pb2.Sum | metrics_pb2.Histogram) -> Literal["delta", "cumulative"]:
    is_delta = data.aggregation_temporality == metrics_pb2.AGGREGATION_TEMPORALITY_DELTA
    return "delta" if is_delta else "cumulative"


def _spans(request: ExportTraceServiceRequest) -> Iterator[ReceivedSpan]:
    for of_resource in request.resource_spans:
        for of_scope in of_resource.scope_spans:
            origin = _origin(of_resource.resource, of_scope.scope, of_scope.schema_url)
            for span in of_scope.spans:
                yield ReceivedSpan(
                    **vars(origin),
                    name=span.name,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_span_id=span.parent_span_id.hex(),
                    kind=trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
                    status_code=trace_pb2.Status.StatusCode.Name(span.status.code).removeprefix("STATUS_CODE_").lower(),
                    status_message=span.status.message,
                    attributes=_attributes(span.attributes),
                    events=tuple(
                        ReceivedEvent(
                            name=event.name, attributes=_attributes(event.attributes), time=event.time_unix_nano
                        )
                        for event in span.events
                    ),
                    links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
                    start=span.start_time_unix_nano,
                    end=span.end_time_unix_nano,
                )


def _logs(request: ExportLogsServiceRequest) -> Iterator[ReceivedLog]:
    for of_resource in request.resource_logs:
        for of_scope in of_resource.scope_logs:
            origin = _origin(of_resource.resource, of_scope.scope, of_scope.schema_url)
            for record in of_scope.log_records:
                yield ReceivedLog(
                    **vars(origin),
                    body=_value(record.body),
                    event_name=record.event_name,
                    severity=record.severity_number,
                    severity_text=record.severity_text,
                    attributes=_attributes(record.attributes),
                    trace_id=record.trace_id.hex(),
                    span_id=record.span_id.hex(),
                    time=record.time_unix_nano,
                )


def _origin(resource: Resource, scope: InstrumentationScope, schema_url: str) -> Origin:
    return Origin(
        resource=_attributes(resource.attributes),
        scope_name=scope.name,
        scope_version=scope.version,
        scope_attributes=_attributes(scope.attributes),
        schema_url=schema_url,
    )


def _attributes(pairs: Iterable[KeyValue]) -> Attributes:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Value:
    match kind := value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [_value(item) for item in value.array_value.values]
        case "kvlist_value":
            return dict(_attributes(value.kvlist_value.values))
        case _:
            scalar: str | bool | int | float | bytes = getattr(value, kind)
            return scalar

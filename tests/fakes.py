"""Stand-ins for what a test must control: time, and where telemetry ends up."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


class ManualClock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self._seconds = 1000.0
        self._start = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._seconds - 1000.0)

    def monotonic(self) -> float:
        return self._seconds

    def advance(self, seconds: float) -> None:
        self._seconds += seconds


@dataclass
class Telemetry:
    """Providers of the SDK whose exports stay in memory; never the global ones."""

    reader: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)
    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    def __post_init__(self) -> None:
        self.meter_provider = MeterProvider([self.reader], shutdown_on_exit=False)
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def points(self, name: str) -> dict[frozenset[tuple[str, Any]], Any]:
        """Return the points of the metric *name*, by their attributes."""
        data = self.reader.get_metrics_data()
        return {
            frozenset((point.attributes or {}).items()): point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        }

    def values(self, name: str, *attributes: str) -> dict[tuple[Any, ...], Any]:
        """Return the values of the metric *name*, by the values of the named *attributes*."""
        return {
            tuple(dict(key).get(attribute) for attribute in attributes): getattr(point, "value", point)
            for key, point in self.points(name).items()
        }

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """What was exported so far."""
        return self.exporter.get_finished_spans()

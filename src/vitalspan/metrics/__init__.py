"""What is recorded: metrics as OpenTelemetry instruments, and backends for what is not OTLP."""

from vitalspan.metrics._backend import InMemoryBackend, MetricsBackend
from vitalspan.metrics._collector import MetricsCollector
from vitalspan.metrics._instruments import (
    BoundCounter,
    BoundGauge,
    BoundHistogram,
    BoundSummary,
    BoundUpDownCounter,
)
from vitalspan.metrics._metric import Counter, Gauge, Histogram, Metric, MetricValue, Summary

__all__ = [
    "BoundCounter",
    "BoundGauge",
    "BoundHistogram",
    "BoundSummary",
    "BoundUpDownCounter",
    "Counter",
    "Gauge",
    "Histogram",
    "InMemoryBackend",
    "Metric",
    "MetricValue",
    "MetricsBackend",
    "MetricsCollector",
    "Summary",
]

"""Whatever is recorded, in whatever order, a backend is told the same numbers as OpenTelemetry."""

import asyncio
import operator
from collections import defaultdict
from functools import reduce
from typing import Any, Literal, NamedTuple, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import Telemetry
from vitalspan.metrics import Counter, Gauge, Histogram, InMemoryBackend, MetricsCollector, Summary


class Record(NamedTuple):
    """One value for one of the metrics."""

    kind: Literal["counter", "balance", "gauge", "histogram", "summary"]
    tags: dict[str, Any]
    value: Any


class Flush(NamedTuple):
    """A flush; the backend takes it or fails."""

    fails: bool


class Backend(InMemoryBackend):
    """A backend that fails when it is told to."""

    fails = False

    def send_metrics(self, metrics: Any) -> None:
        if self.fails:
            raise ConnectionError
        super().send_metrics(metrics)


_tags = st.sampled_from([{}, {"a": "x"}, {"a": "y"}, {"a": "x", "b": 1}, {"b": 1, "a": "x"}, {"b": 2.5}])
_any_value = (
    st.integers(min_value=-(2**63), max_value=2**63)
    | st.floats(min_value=-1e6, max_value=1e6)
    | st.sampled_from([0, -0.0, float("nan"), float("inf"), "3", None, True])
)
_records = st.builds(
    Record, st.sampled_from(["counter", "balance", "gauge", "histogram", "summary"]), _tags, _any_value
)
_steps = st.lists(_records | st.builds(Flush, st.booleans()), max_size=40)


def _record(collector: MetricsCollector, record: Record) -> None:
    match record.kind:
        case "counter":
            collector.increment_counter("counter", record.tags, record.value)
        case "balance":
            collector.up_down_counter("balance", tags=record.tags).add(record.value)
        case "gauge":
            collector.set_gauge("gauge", record.value, record.tags)
        case "histogram":
            collector.record_histogram("histogram", record.value, record.tags)
        case "summary":
            collector.record_summary("summary", record.value, record.tags)


def _told(backend: InMemoryBackend) -> dict[tuple[str, frozenset[Any]], Any]:
    """Return what *backend* knows in the end, by name and tags, in the form in which the SDK has it."""
    observations: dict[tuple[str, frozenset[Any]], list[float]] = defaultdict(list)
    told: dict[tuple[str, frozenset[Any]], Any] = {}
    for metric in (metric for batch in backend.batches for metric in batch):
        key = metric.name, frozenset(metric.tags.items())
        match metric.value:
            case Counter(value) | Gauge(value):
                told[key] = value
            case Summary(total, count):
                told[key] = total, count
            case Histogram(values):
                observations[key] += values
    for key, values in observations.items():
        told[key] = reduce(operator.add, values, 0), len(values), min(values), max(values)
    return told


def _exported(telemetry: Telemetry) -> dict[tuple[str, frozenset[Any]], Any]:
    exported: dict[tuple[str, frozenset[Any]], Any] = {}
    for name in ("counter", "balance", "gauge", "histogram", "summary"):
        for tags, point in telemetry.points(name).items():
            if name == "histogram":
                exported[name, tags] = point.sum, point.count, point.min, point.max
            elif name == "summary":
                exported[name, tags] = point.sum, point.count
            else:
                exported[name, tags] = cast("float", point.value)
    return exported


@settings(deadline=None, max_examples=150)
@given(steps=_steps)
def test_a_backend_is_told_what_opentelemetry_is_told(steps: list[Record | Flush]) -> None:
    telemetry, backend = Telemetry(), Backend()
    collector = MetricsCollector(backend, meter_provider=telemetry.meter_provider)
    for step in [*steps, Flush(fails=False)]:
        match step:
            case Record():
                _record(collector, step)
            case Flush(fails):
                backend.fails = fails
                asyncio.run(collector.flush())
    assert _told(backend) == _exported(telemetry)

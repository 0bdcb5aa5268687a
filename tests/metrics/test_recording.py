"""Silent at run time: what cannot be recorded is counted, said once, and never raised into the program."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.metrics import NoOpMeterProvider

from tests.fakes import ManualClock, Telemetry
from tests.metrics._exported import point
from tests.metrics._losses import Losses
from vitalspan.metrics import Counter, InMemoryBackend, MetricsCollector
from vitalspan.metrics._instruments import MOST_SERIES
from vitalspan.metrics._validation import to_number

_RECORDING: dict[str, Callable[[MetricsCollector, Any], None]] = {
    "increment_counter": lambda collector, value: collector.increment_counter("shop.x", amount=value),
    "set_gauge": lambda collector, value: collector.set_gauge("shop.x", value),
    "record_histogram": lambda collector, value: collector.record_histogram("shop.x", value),
    "record_summary": lambda collector, value: collector.record_summary("shop.x", value),
    "counter.add": lambda collector, value: collector.counter("shop.x").add(value),
    "up_down_counter.add": lambda collector, value: collector.up_down_counter("shop.x").add(value),
    "gauge.set": lambda collector, value: collector.gauge("shop.x").set(value),
    "histogram.record": lambda collector, value: collector.histogram("shop.x").record(value),
    "summary.record": lambda collector, value: collector.summary("shop.x").record(value),
}

_EVERY_WAY = pytest.mark.parametrize("record", _RECORDING.values(), ids=_RECORDING.keys())


class NumpyLike:
    """A number of another library: it becomes a float, and that is all that is known of it."""

    def __init__(self, value: float) -> None:
        self._value = value

    def __float__(self) -> float:
        return self._value


class Unreadable:
    """Something with bugs wherever it is touched."""

    def __float__(self) -> float:
        raise RuntimeError("no float")

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __hash__(self) -> int:
        raise RuntimeError("no hash")


class UnreadableTags(Mapping[str, Any]):
    """A mapping that breaks while it is read."""

    def __getitem__(self, key: str) -> Any:
        return 1

    def __iter__(self) -> Iterator[str]:
        yield "good"
        raise RuntimeError("the connection is gone")

    def __len__(self) -> int:
        raise RuntimeError("the connection is gone")


def _warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@_EVERY_WAY
@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        float("-inf"),
        "3",
        b"3",
        None,
        [3],
        3j,
        2**63,
        -(2**63),
        Decimal("NaN"),
        Decimal("sNaN"),
    ],
    ids=repr,
)
def test_what_is_not_a_finite_number_is_dropped_counted_and_said_once(
    collector: MetricsCollector,
    telemetry: Telemetry,
    losses: Losses,
    caplog: pytest.LogCaptureFixture,
    record: Callable[[MetricsCollector, Any], None],
    value: Any,
) -> None:
    record(collector, value)
    record(collector, value)
    assert telemetry.points("shop.x") == {}
    assert losses.of("metrics") == {"not_a_number": 2}
    assert _warnings(caplog) == [f"metric shop.x: dropped {value!r} (not_a_number)"]


@_EVERY_WAY
def test_a_value_with_bugs_of_its_own_is_dropped(
    collector: MetricsCollector, losses: Losses, record: Callable[[MetricsCollector, Any], None]
) -> None:
    record(collector, Unreadable())
    assert losses.of("metrics") == {"not_a_number": 1}


@_EVERY_WAY
@pytest.mark.parametrize(
    ("value", "number"),
    [(Decimal("1.5"), 1.5), (Fraction(1, 4), 0.25), (NumpyLike(2.5), 2.5), (True, 1), (2**53, 2**53)],
)
def test_a_number_of_any_library_is_recorded(
    collector: MetricsCollector,
    telemetry: Telemetry,
    losses: Losses,
    record: Callable[[MetricsCollector, Any], None],
    value: Any,
    number: float,
) -> None:
    record(collector, value)
    found = point(telemetry, "shop.x")
    recorded = found.value if hasattr(found, "value") else found.sum
    assert recorded == number
    assert type(recorded) in {int, float}
    assert losses.of("metrics") == {}


@pytest.mark.parametrize(("value", "kind"), [(True, int), (False, int), (3, int), (Decimal(3), float), (3.0, float)])
def test_a_number_is_a_plain_int_or_float(value: Any, kind: type) -> None:
    assert type(to_number(value)) is kind


@_EVERY_WAY
@pytest.mark.parametrize("value", [True, 2**63 - 1, 1e308, Decimal("1.5")])
def test_every_number_that_is_taken_can_be_exported(
    collector: MetricsCollector,
    telemetry: Telemetry,
    record: Callable[[MetricsCollector, Any], None],
    value: Any,
) -> None:
    """One point that OTLP cannot carry, and a bool is one, would fail the export of every metric, each time."""
    record(collector, value)
    data = telemetry.reader.get_metrics_data()
    assert data is not None
    (metric,) = encode_metrics(data).resource_metrics[0].scope_metrics[0].metrics
    assert metric.name == "shop.x"


@pytest.mark.parametrize(
    "kind",
    ["increment_counter", "counter.add", "record_histogram", "histogram.record", "record_summary", "summary.record"],
)
@pytest.mark.parametrize("value", [-1, -0.5])
def test_below_zero_is_dropped_where_opentelemetry_takes_none(
    collector: MetricsCollector,
    telemetry: Telemetry,
    losses: Losses,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    value: float,
) -> None:
    """The SDK would drop it too, saying so each time; then a backend's numbers would not be its numbers."""
    _RECORDING[kind](collector, value)
    _RECORDING[kind](collector, value)
    assert telemetry.points("shop.x") == {}
    assert losses.of("metrics") == {"negative": 2}
    assert _warnings(caplog) == [f"metric shop.x: dropped {value} (negative)"]


@pytest.mark.parametrize("kind", ["set_gauge", "gauge.set", "up_down_counter.add"])
def test_below_zero_is_recorded_where_it_means_something(
    collector: MetricsCollector, telemetry: Telemetry, losses: Losses, kind: str
) -> None:
    _RECORDING[kind](collector, -1.5)
    assert point(telemetry, "shop.x").value == -1.5
    assert losses.of("metrics") == {}


@pytest.mark.parametrize(
    ("tags", "kept"),
    [
        ({"good": 1, "bad": None}, {"good": 1}),
        ({"good": 1, "bad": [1]}, {"good": 1}),
        ({"good": 1, "bad": 2**63}, {"good": 1}),
        ({"good": 1, "": 2}, {"good": 1}),
        ({"good": 1, 3: 2, "bad": None}, {"good": 1}),
        ({"good": 1, "bad": Unreadable()}, {"good": 1}),
        (UnreadableTags(), {"good": 1}),
        ([("good", 1)], {}),
        ("good", {}),
        (3, {}),
        ([], {}),
    ],
    ids=[
        "None",
        "list",
        "huge",
        "empty key",
        "several",
        "unreadable",
        "breaks",
        "pairs",
        "text",
        "number",
        "empty list",
    ],
)
def test_the_value_counts_without_the_tags_that_cannot_be(
    collector: MetricsCollector,
    telemetry: Telemetry,
    losses: Losses,
    caplog: pytest.LogCaptureFixture,
    tags: Any,
    kept: dict[str, object],
) -> None:
    """A wrong tag must not cost the number; that it was wrong is counted, once a call."""
    caplog.handler.setLevel(logging.CRITICAL)
    collector.increment_counter("shop.x", tags)
    collector.increment_counter("shop.x", tags)
    assert point(telemetry, "shop.x", **kept).value == 2
    assert losses.of("metrics") == {"bad_tag": 2}


@pytest.mark.parametrize("tags", [None, {}])
def test_no_tags_are_nothing_to_complain_about(
    collector: MetricsCollector, telemetry: Telemetry, losses: Losses, tags: dict[str, str] | None
) -> None:
    collector.increment_counter("shop.x", tags)
    assert point(telemetry, "shop.x").value == 1
    assert losses.of("metrics") == {}


def test_a_bad_tag_is_said_once(collector: MetricsCollector, caplog: pytest.LogCaptureFixture) -> None:
    bad: Any = {"good": 1, "bad": None}
    collector.increment_counter("shop.x", bad)
    collector.increment_counter("shop.x", bad)
    assert _warnings(caplog) == ["metric shop.x: dropped {'bad': None} (bad_tag)"]


@pytest.mark.parametrize("name", ["", "no good", None, 3, [], {}, Unreadable()], ids=lambda name: type(name).__name__)
def test_a_name_that_cannot_be_is_dropped_counted_and_said_once(
    collector: MetricsCollector, telemetry: Telemetry, losses: Losses, caplog: pytest.LogCaptureFixture, name: Any
) -> None:
    for _ in range(2):
        collector.increment_counter(name)
        collector.set_gauge(name, 1)
        collector.record_histogram(name, 1)
        collector.record_summary(name, 1)
    assert telemetry.reader.get_metrics_data() is None
    assert losses.of("metrics") == {"bad_metric": 8}
    assert [record.levelno for record in caplog.records].count(logging.WARNING) == 4, "once for each kind"


def test_a_name_in_use_for_another_kind_is_dropped_counted_and_said_once(
    collector: MetricsCollector, telemetry: Telemetry, losses: Losses, caplog: pytest.LogCaptureFixture
) -> None:
    collector.increment_counter("shop.x")
    collector.set_gauge("shop.x", 5)
    collector.set_gauge("shop.x", 5)
    assert point(telemetry, "shop.x").value == 1
    assert losses.of("metrics") == {"bad_metric": 2}
    assert _warnings(caplog) == [
        "dropped a gauge: metric 'shop.x' is already a counter and cannot also be a gauge: rename one of them"
    ]


def test_counting_events_does_not_raise_where_their_name_is_taken(collector: MetricsCollector, losses: Losses) -> None:
    collector.set_gauge("event.published", 1)
    collector.set_gauge("event.handler.errors", 1)
    collector.record_event_published("order.shipped")
    collector.record_handler_error(ValueError())
    assert losses.of("metrics") == {"vitalspan._errors.DuplicateInstrumentError": 2}


def test_an_event_type_that_is_no_text_is_counted_without_it(
    collector: MetricsCollector, telemetry: Telemetry, losses: Losses
) -> None:
    odd: Any = object()
    collector.record_event_published(odd)
    assert point(telemetry, "event.published").value == 1
    assert losses.of("metrics") == {"bad_tag": 1}


class BrokenCounter:
    """An instrument of a provider that is not the SDK."""

    def add(self, *args: object) -> None:
        raise OSError("the pipe is closed")


class BrokenProvider(NoOpMeterProvider):
    """A provider whose counters raise."""

    def get_meter(self, *args: Any, **kwargs: Any) -> Any:
        return self

    def create_counter(self, *args: object) -> BrokenCounter:
        return BrokenCounter()


def test_an_instrument_that_raises_is_not_felt(losses: Losses) -> None:
    MetricsCollector(meter_provider=BrokenProvider()).increment_counter("shop.x")
    assert losses.of("metrics") == {"OSError": 1}


def test_a_metric_has_no_more_series_than_a_bound_for_backends(
    backend: InMemoryBackend, clock: ManualClock, losses: Losses, caplog: pytest.LogCaptureFixture
) -> None:
    """A tag that takes ever new values must not fill the memory; series that exist go on."""
    collector = MetricsCollector(backend, meter_provider=NoOpMeterProvider(), clock=clock)
    for number in range(MOST_SERIES + 2):
        collector.increment_counter("shop.x", {"user": number})
    collector.increment_counter("shop.x", {"user": 0})
    asyncio.run(collector.flush())
    assert len(backend.batches[0]) == MOST_SERIES
    assert backend.latest("shop.x", user=0) == Counter(2)
    assert backend.latest("shop.x", user=MOST_SERIES) is None
    assert losses.of("metrics") == {"cardinality": 2}
    assert _warnings(caplog) == [f"metric shop.x: dropped {{'user': {MOST_SERIES}}} (cardinality)"]


class RecordingHandler(logging.Handler):
    """A handler of the log that counts lines, with the collector that has something to say."""

    def __init__(self, collector: MetricsCollector) -> None:
        super().__init__()
        self._collector = collector

    def emit(self, record: logging.LogRecord) -> None:
        self._collector.increment_counter("log.lines", {"level": record.levelname})


def test_a_handler_of_the_log_may_record_metrics(collector: MetricsCollector, telemetry: Telemetry) -> None:
    """Nothing is said while a lock is held: this would wait for itself."""
    for number in range(MOST_SERIES):
        collector.increment_counter("log.lines", {"level": number})
    handler = RecordingHandler(collector)
    logger = logging.getLogger("vitalspan")
    logger.addHandler(handler)
    try:
        collector.increment_counter("log.lines", {"level": "too many"})
        collector.increment_counter("no good")
    finally:
        logger.removeHandler(handler)
    assert telemetry.points("log.lines")


def test_a_collector_without_backends_keeps_no_series(telemetry: Telemetry) -> None:
    collector = MetricsCollector(meter_provider=telemetry.meter_provider)
    collector.increment_counter("shop.x")
    assert list(collector._instruments["shop.x"].take()) == []
    assert point(telemetry, "shop.x").value == 1

"""Each kind of metric becomes the OpenTelemetry instrument that says the same."""

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, Gauge, Histogram, Sum

from tests.fakes import Telemetry
from tests.metrics._exported import exported, point
from tests.metrics._losses import Losses
from vitalspan import _names
from vitalspan._guard import LEDGER
from vitalspan.metrics import MetricsCollector
from vitalspan.metrics._otel import new_counter, new_histogram, new_meter, observe_losses

_OTEL_DEFAULT = (0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000)


def test_a_counter_is_a_monotonic_cumulative_sum(collector: MetricsCollector, telemetry: Telemetry) -> None:
    orders = collector.counter("shop.orders", unit="{order}", description="Orders", tags={"region": "eu"})
    orders.add(2)
    orders.add()
    collector.increment_counter("shop.orders", {"region": "us"}, amount=0.5)
    collector.increment_counter("shop.orders", {"region": "us"})
    metric = exported(telemetry, "shop.orders")
    assert isinstance(metric.data, Sum)
    assert metric.data.is_monotonic
    assert metric.data.aggregation_temporality is AggregationTemporality.CUMULATIVE
    assert (metric.unit, metric.description) == ("{order}", "Orders")
    assert telemetry.values("shop.orders", "region") == {("eu",): 3, ("us",): 1.5}


def test_an_up_down_counter_is_a_sum_that_may_fall(collector: MetricsCollector, telemetry: Telemetry) -> None:
    jobs = collector.up_down_counter("shop.jobs", unit="{job}", description="Jobs", tags={"queue": "mail"})
    jobs.add()
    jobs.add(3)
    jobs.add(-5)
    metric = exported(telemetry, "shop.jobs")
    assert isinstance(metric.data, Sum)
    assert not metric.data.is_monotonic
    assert (metric.unit, metric.description) == ("{job}", "Jobs")
    assert telemetry.values("shop.jobs", "queue") == {("mail",): -1}


def test_a_gauge_is_the_last_value(collector: MetricsCollector, telemetry: Telemetry) -> None:
    level = collector.gauge("shop.level", unit="Cel", description="Heat", tags={"room": "a"})
    level.set(20)
    level.set(-1.5)
    collector.set_gauge("shop.level", 7, {"room": "b"})
    metric = exported(telemetry, "shop.level")
    assert isinstance(metric.data, Gauge)
    assert (metric.unit, metric.description) == ("Cel", "Heat")
    assert telemetry.values("shop.level", "room") == {("a",): -1.5, ("b",): 7}


def test_a_histogram_counts_into_buckets(collector: MetricsCollector, telemetry: Telemetry) -> None:
    size = collector.histogram("shop.size", unit="By", description="Sizes", tags={"kind": "in"}, boundaries=[10, 100.5])
    for value in (1, 10, 11, 1000):
        size.record(value)
    metric = exported(telemetry, "shop.size")
    assert isinstance(metric.data, Histogram)
    assert (metric.unit, metric.description) == ("By", "Sizes")
    found = point(telemetry, "shop.size", kind="in")
    assert tuple(found.explicit_bounds) == (10, 100.5)
    assert tuple(found.bucket_counts) == (2, 1, 1)
    assert (found.sum, found.count, found.min, found.max) == (1022, 4, 1, 1000)


@pytest.mark.parametrize(
    ("unit", "boundaries", "bounds"),
    [
        ("s", None, _names.DURATION_BOUNDARIES),
        ("s", (1, 2), (1, 2)),
        ("s", (), ()),
        ("ms", None, _OTEL_DEFAULT),
        ("", None, _OTEL_DEFAULT),
    ],
)
def test_boundaries_are_those_given_else_those_that_fit_the_unit(
    collector: MetricsCollector,
    telemetry: Telemetry,
    unit: str,
    boundaries: tuple[float, ...] | None,
    bounds: tuple[float, ...],
) -> None:
    """OpenTelemetry's defaults fit milliseconds: durations in seconds would fall into the first bucket."""
    collector.histogram("shop.time", unit=unit, boundaries=boundaries).record(0.3)
    assert tuple(point(telemetry, "shop.time").explicit_bounds) == bounds


def test_a_summary_is_a_histogram_of_exactly_sum_count_min_and_max(
    collector: MetricsCollector, telemetry: Telemetry
) -> None:
    """OpenTelemetry has no summary instrument; a histogram without boundaries carries just these numbers."""
    collector.summary("shop.basket", unit="{item}", description="Items", tags={"shop": "a"}).record(4)
    collector.record_summary("shop.basket", 1.5, {"shop": "a"})
    metric = exported(telemetry, "shop.basket")
    assert isinstance(metric.data, Histogram)
    assert (metric.unit, metric.description) == ("{item}", "Items")
    found = point(telemetry, "shop.basket", shop="a")
    assert (found.sum, found.count, found.min, found.max) == (5.5, 2, 1.5, 4)
    assert tuple(found.explicit_bounds) == ()
    assert tuple(found.bucket_counts) == (2,)


def test_the_short_way_records_into_the_metric_of_the_fast_way(
    collector: MetricsCollector, telemetry: Telemetry
) -> None:
    collector.histogram("shop.time", unit="s").record(1)
    collector.record_histogram("shop.time", 2)
    assert point(telemetry, "shop.time").sum == 3


def test_declaring_a_metric_twice_gives_the_same_metric(collector: MetricsCollector, telemetry: Telemetry) -> None:
    """Two modules may count the same thing; the second need not repeat the unit."""
    collector.counter("shop.orders", unit="{order}").add()
    collector.counter("shop.orders", unit="{order}").add()
    collector.counter("shop.orders").add()
    assert point(telemetry, "shop.orders").value == 3


def test_an_event_that_is_published_is_counted_by_its_type(collector: MetricsCollector, telemetry: Telemetry) -> None:
    collector.record_event_published("order.shipped")
    collector.record_event_published("order.shipped")
    collector.record_event_published("order.lost")
    metric = exported(telemetry, "event.published")
    assert (metric.unit, metric.description) == ("{event}", _names.EVENT_PUBLISHED.description)
    assert telemetry.values("event.published", "event.type") == {("order.shipped",): 2, ("order.lost",): 1}


def test_a_failing_handler_is_counted_by_event_and_error(collector: MetricsCollector, telemetry: Telemetry) -> None:
    collector.record_handler_error(ValueError("x"), event_type="order.shipped")
    collector.record_handler_error(TimeoutError())
    metric = exported(telemetry, "event.handler.errors")
    assert (metric.unit, metric.description) == ("{error}", _names.HANDLER_ERRORS.description)
    assert telemetry.values("event.handler.errors", "event.type", "error.type") == {
        ("order.shipped", "ValueError"): 1,
        (None, "TimeoutError"): 1,
    }


def test_a_collector_needs_no_provider() -> None:
    """A library may record without anybody having set OpenTelemetry up."""
    collector = MetricsCollector(meter_provider=NoOpMeterProvider())
    collector.increment_counter("shop.orders")
    MetricsCollector().increment_counter("shop.orders")


def test_the_scope_tells_who_recorded_and_by_which_conventions(telemetry: Telemetry) -> None:
    new_counter(new_meter(telemetry.meter_provider), _names.CHECK_RUNS).add(1)
    data = telemetry.reader.get_metrics_data()
    assert data is not None
    scope = data.resource_metrics[0].scope_metrics[0].scope
    assert (scope.name, scope.version, scope.schema_url) == ("vitalspan", _names.VERSION, _names.SCHEMA_URL)


@pytest.mark.parametrize(
    ("make", "bounds"),
    [
        (lambda meter: new_histogram(meter, _names.CHECK_DURATION), _names.DURATION_BOUNDARIES),
        (lambda meter: new_histogram(meter, _names.CHECK_DURATION, ()), ()),
        (lambda meter: new_histogram(meter, _names.CHECK_DURATION, None), _OTEL_DEFAULT),
    ],
)
def test_our_own_histograms_have_the_boundaries_of_durations_unless_told(
    telemetry: Telemetry, make: Callable[[Any], Any], bounds: tuple[float, ...]
) -> None:
    make(new_meter(telemetry.meter_provider)).record(0.1)
    assert tuple(point(telemetry, _names.CHECK_DURATION.name).explicit_bounds) == bounds


def test_what_was_lost_leaves_as_metrics(telemetry: Telemetry) -> None:
    """So that whoever looks at a dashboard sees that it does not show everything."""
    before = LEDGER.dropped().get(("metrics", "for this test"), 0)
    LEDGER.drop("metrics", "for this test", 3)
    LEDGER.fail("traces", "ForThisTestError")
    observe_losses(new_meter(telemetry.meter_provider))
    dropped = exported(telemetry, "vitalspan.dropped")
    failures = exported(telemetry, "vitalspan.export.failures")
    assert isinstance(dropped.data, Sum)
    assert isinstance(failures.data, Sum)
    assert dropped.data.is_monotonic
    assert failures.data.is_monotonic
    assert (dropped.unit, failures.unit) == ("{item}", "{failure}")
    assert telemetry.values("vitalspan.dropped", "signal", "reason")["metrics", "for this test"] == before + 3
    assert telemetry.values("vitalspan.export.failures", "signal", "error.type")["traces", "ForThisTestError"] >= 1


def test_recording_loses_nothing(collector: MetricsCollector, telemetry: Telemetry, losses: Losses) -> None:
    collector.increment_counter("a", amount=0)
    collector.set_gauge("b", 0)
    collector.record_histogram("c", 0)
    collector.record_summary("d", 2**63 - 1)
    assert losses.of("metrics") == {}

"""Whatever is added up, for however long, the sum can be exported: one that cannot would fail every metric."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import SumAggregation, View

from tests.fakes import Telemetry
from tests.metrics._exported import point
from vitalspan.metrics import Counter, InMemoryBackend, MetricsCollector

_ADDING: dict[str, Callable[[MetricsCollector, float], None]] = {
    "counter": lambda collector, value: collector.counter("shop.x").add(value),
    "up-down counter": lambda collector, value: collector.up_down_counter("shop.x").add(value),
    "histogram": lambda collector, value: collector.histogram("shop.x").record(value),
    "summary": lambda collector, value: collector.summary("shop.x").record(value),
}
_EVERY_SUM = pytest.mark.parametrize("add", _ADDING.values(), ids=_ADDING.keys())

_PAST_64_BITS = pytest.mark.parametrize(
    ("value", "times"), [(2**62, 2), (2**63 - 1, 2), (2**53, 1025), (2**53 - 1, 1100), (2**52, 4096), (2**50 + 1, 9000)]
)


def _encoded(reader: InMemoryMetricReader) -> Any:
    data = reader.get_metrics_data()
    assert data is not None
    (metric,) = encode_metrics(data).resource_metrics[0].scope_metrics[0].metrics
    return metric


@_EVERY_SUM
@_PAST_64_BITS
def test_a_sum_of_ints_that_passes_64_bits_is_exported_as_a_float(
    telemetry: Telemetry, add: Callable[[MetricsCollector, float], None], value: int, times: int
) -> None:
    collector = MetricsCollector(meter_provider=telemetry.meter_provider)
    for _ in range(times):
        add(collector, value)
    assert _encoded(telemetry.reader).name == "shop.x"
    found = point(telemetry, "shop.x")
    total = found.value if hasattr(found, "value") else found.sum
    assert total == pytest.approx(value * times)
    assert isinstance(total, float)


@_PAST_64_BITS
def test_a_balance_far_below_zero_is_exported_as_a_float(
    collector: MetricsCollector, telemetry: Telemetry, value: int, times: int
) -> None:
    balance = collector.up_down_counter("shop.x")
    for _ in range(times):
        balance.add(-value)
    (exported,) = _encoded(telemetry.reader).sum.data_points
    assert exported.as_double == pytest.approx(-value * times)


@_EVERY_SUM
def test_a_view_that_adds_up_over_all_tags_can_be_exported(add: Callable[[MetricsCollector, float], None]) -> None:
    """A program may have any metric aggregated as a sum, and have tags left out: then their sums are one."""
    reader = InMemoryMetricReader()
    view = View(instrument_name="shop.x", aggregation=SumAggregation(), attribute_keys=set())
    provider = MeterProvider([reader], views=[view], shutdown_on_exit=False)
    collector = MetricsCollector(meter_provider=provider)
    for _ in range(3000):
        add(collector, 2**52)
    assert _encoded(reader).name == "shop.x"


def test_tags_share_what_is_left_of_a_metric_s_64_bits() -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], views=[View(instrument_name="shop.x", attribute_keys=set())])
    collector = MetricsCollector(meter_provider=provider)
    for number in range(3000):
        collector.increment_counter("shop.x", {"number": number}, 2**52)
    (exported,) = _encoded(reader).sum.data_points
    assert exported.as_double == 3000 * 2**52


def test_an_ordinary_sum_of_ints_is_an_exact_int(collector: MetricsCollector, telemetry: Telemetry) -> None:
    orders = collector.counter("shop.x")
    for amount in (1, 2**53 - 3, 1, 1):
        orders.add(amount)
    (exported,) = _encoded(telemetry.reader).sum.data_points
    assert (exported.WhichOneof("value"), exported.as_int) == ("as_int", 2**53)


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63) + 1, 2**53 + 1])
def test_a_gauge_keeps_its_int_exact(collector: MetricsCollector, telemetry: Telemetry, value: int) -> None:
    """It adds nothing up."""
    level = collector.gauge("shop.x")
    for _ in range(3):
        level.set(value)
    (exported,) = _encoded(telemetry.reader).gauge.data_points
    assert exported.as_int == value


def test_a_backend_is_told_the_sum_that_is_exported(
    collector: MetricsCollector, backend: InMemoryBackend, telemetry: Telemetry
) -> None:
    for amount in (2**62, 2**62, 1):
        collector.increment_counter("shop.x", amount=amount)
    asyncio.run(collector.flush())
    assert backend.latest("shop.x") == Counter(point(telemetry, "shop.x").value) == Counter(2.0**63)

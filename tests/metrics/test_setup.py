"""Loud at set-up: what OpenTelemetry would not take raises at once, and says what to do."""

import asyncio
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.fakes import Telemetry
from vitalspan import ConfigurationError, DuplicateInstrumentError
from vitalspan._types import Tags
from vitalspan.metrics import Counter, InMemoryBackend, MetricsCollector
from vitalspan.metrics._validation import require_boundaries, require_name, require_tags, require_unit

_MAKERS = ["counter", "up_down_counter", "gauge", "histogram", "summary"]


@pytest.fixture(name="make", params=_MAKERS)
def _make(request: pytest.FixtureRequest, collector: MetricsCollector) -> Callable[..., Any]:
    maker: Callable[..., Any] = getattr(collector, request.param)
    return maker


def _says(error: ConfigurationError, what: str, value: object) -> bool:
    """Tell whether *error* names *what*, shows *value*, and gives some advice."""
    return error.what == what and error.value == value and repr(value) in str(error) and len(error.advice) > 10


@pytest.mark.parametrize("name", ["a", "shop.orders", "A9_.-/b", "a" * 255])
def test_a_name_is_a_letter_and_what_opentelemetry_allows_after_it(name: str) -> None:
    assert require_name(name) == name


@pytest.mark.parametrize("name", ["", "9lives", "_a", "shop orders", "größe", "a\n", "a" * 256, None, 3, b"a"])
def test_a_name_that_cannot_be_is_refused(make: Callable[..., Any], name: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make(name)
    assert _says(caught.value, "the metric's name", name)
    assert "shop.orders" in caught.value.advice


@pytest.mark.parametrize("unit", ["", "s", "By", "1", "%", "{order}", "By/s", "{order}/min", "kW.h", "[degF]", "Cel"])
def test_a_unit_is_what_backends_know(unit: str) -> None:
    assert require_unit(unit) == unit


@pytest.mark.parametrize(
    ("unit", "suggestion"),
    [
        ("seconds", "'s'"),
        ("Second", "'s'"),
        ("milliseconds", "'ms'"),
        ("bytes", "'By'"),
        ("KB", "'kBy'"),
        ("percent", "'%'"),
        ("µs", "'us'"),
        ("orders", "'{order}'"),
        ("request", "'{request}'"),
        ("{}", "'s'"),
        ("{or der}", "'s'"),
        ("s/", "'s'"),
        ("MS", "'{m}'"),
        ("x" * 64, "'s' or '{order}'"),
        (None, "'s' or '{order}'"),
        (1, "'s' or '{order}'"),
    ],
)
def test_a_unit_that_backends_do_not_know_is_refused_with_the_one_that_was_meant(
    make: Callable[..., Any], unit: Any, suggestion: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make("shop.x", unit=unit)
    assert _says(caught.value, "the unit", unit)
    assert caught.value.advice.endswith(suggestion)


@pytest.mark.parametrize("description", [None, 5, ["x"]])
def test_a_description_that_is_not_text_is_refused(make: Callable[..., Any], description: Any) -> None:
    """The exporter would fail on it, with every metric of the program, and long after."""
    with pytest.raises(ConfigurationError) as caught:
        make("shop.x", description=description)
    assert _says(caught.value, "the description", description)


def test_tags_are_text_and_scalars(collector: MetricsCollector, telemetry: Telemetry) -> None:
    tags: Tags = {"a": "x", "b": True, "c": 1, "d": 0.5}
    collector.counter("shop.x", tags=tags).add()
    assert telemetry.values("shop.x", "a", "b", "c", "d") == {("x", True, 1, 0.5): 1}


def test_no_tags_are_no_tags() -> None:
    assert require_tags(None) == {}


def test_tags_are_copied(collector: MetricsCollector, telemetry: Telemetry) -> None:
    """What the caller does to its mapping afterwards must not move a series."""
    tags = {"a": "x"}
    orders = collector.counter("shop.x", tags=tags)
    tags["a"] = "y"
    orders.add()
    assert telemetry.values("shop.x", "a") == {("x",): 1}


@pytest.mark.parametrize("tags", ["region", [("a", 1)], 3, {"a"}])
def test_tags_that_are_no_mapping_are_refused(make: Callable[..., Any], tags: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make("shop.x", tags=tags)
    assert _says(caught.value, "tags", tags)
    assert "{'region': 'eu'}" in caught.value.advice


@pytest.mark.parametrize(
    ("key", "value"), [("a", None), ("a", [1]), ("a", b"x"), ("", "x"), (1, "x"), ("a", Decimal(1)), ("a", 2**63)]
)
def test_a_tag_that_opentelemetry_would_not_take_is_refused(make: Callable[..., Any], key: Any, value: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make("shop.x", tags={"good": "x", key: value})
    assert _says(caught.value, f"tag {key!r}", value)


@pytest.mark.parametrize(
    ("given", "boundaries"), [(None, None), ([], ()), ((1,), (1,)), ([-1, 0.5, 2], (-1, 0.5, 2)), (range(3), (0, 1, 2))]
)
def test_boundaries_rise(given: Any, boundaries: tuple[float, ...] | None) -> None:
    assert require_boundaries(given) == boundaries


@pytest.mark.parametrize(
    "boundaries", [[1, 1], [2, 1], [float("nan")], [1, float("inf")], ["1"], [None], "123", 5, {1, 2}]
)
def test_boundaries_that_are_not_rising_finite_numbers_are_refused(
    collector: MetricsCollector, boundaries: Any
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        collector.histogram("shop.x", boundaries=boundaries)
    assert (caught.value.what, caught.value.value) == ("boundaries", boundaries)
    assert "each greater than the one before" in str(caught.value)


def test_what_was_refused_has_not_taken_the_name(collector: MetricsCollector, telemetry: Telemetry) -> None:
    with pytest.raises(ConfigurationError):
        collector.counter("shop.x", unit="orders")
    collector.gauge("shop.x", unit="s").set(1)
    assert telemetry.values("shop.x") == {(): 1}


@pytest.mark.parametrize(
    ("unit", "wanted"),
    [("", "metric 'shop.x' is already a counter in 's' and cannot also be a gauge"), ("s", "a gauge in 's'")],
)
def test_one_name_is_one_kind(collector: MetricsCollector, unit: str, wanted: str) -> None:
    collector.counter("shop.x", unit="s")
    with pytest.raises(DuplicateInstrumentError, match=re.escape(wanted)) as caught:
        collector.gauge("shop.x", unit=unit)
    assert (caught.value.name, caught.value.existing) == ("shop.x", "counter in 's'")


@pytest.mark.parametrize(("first", "second"), [("s", "ms"), ("", "s")])
def test_one_name_has_one_unit(make: Callable[..., Any], first: str, second: str) -> None:
    make("shop.x", unit=first)
    with pytest.raises(DuplicateInstrumentError, match=f"in '{second}': rename one of them"):
        make("shop.x", unit=second)


@pytest.mark.parametrize("interval", [0, -1, float("nan"), float("inf"), "60", True, None])
def test_the_flush_interval_is_a_finite_number_above_zero(interval: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"flush_interval is .*: give seconds above zero"):
        MetricsCollector(flush_interval=interval)


@pytest.mark.parametrize("interval", [60, 0.5, Decimal("0.5")])
def test_the_flush_interval_is_any_number_of_seconds(interval: Any) -> None:
    assert MetricsCollector(flush_interval=interval).flush_interval == interval


def test_a_backend_has_a_method_that_sends() -> None:
    backend: Any = object()
    with pytest.raises(ConfigurationError, match=r"send_metrics\(metrics\)") as caught:
        MetricsCollector(InMemoryBackend(), backend)
    assert caught.value.value is backend


def test_a_backend_is_an_object_and_not_its_class() -> None:
    """A class has the method too, and every flush would fail."""
    backend: Any = InMemoryBackend
    with pytest.raises(ConfigurationError, match="a backend") as caught:
        MetricsCollector(backend)
    assert caught.value.value is backend


def test_tags_that_are_refused_have_not_taken_the_name(make: Callable[..., Any], collector: MetricsCollector) -> None:
    with pytest.raises(ConfigurationError, match="tags"):
        make("shop.x", tags="region")
    assert not collector._instruments


@pytest.mark.parametrize(
    ("first", "second", "existing"),
    [
        ({"boundaries": (1, 2)}, {"boundaries": (1, 3)}, r"boundaries \(1, 2\)"),
        ({"boundaries": (1,)}, {"boundaries": ()}, r"boundaries \(1,\)"),
        ({}, {"boundaries": (1,)}, "its default boundaries"),
        ({"unit": "s"}, {"boundaries": (1,)}, r"boundaries \(0\.0005, .*\)"),
    ],
)
def test_one_histogram_has_one_set_of_boundaries(
    collector: MetricsCollector, first: dict[str, Any], second: dict[str, Any], existing: str
) -> None:
    """The second caller's buckets would not be there, and nothing would say so."""
    collector.histogram("shop.x", **first)
    with pytest.raises(DuplicateInstrumentError, match=f"already a histogram.* with {existing} and cannot") as caught:
        collector.histogram("shop.x", **second)
    assert caught.value.wanted == f"histogram with boundaries {second['boundaries']}"


@pytest.mark.parametrize("boundaries", [None, (1, 2), [1.0, 2.0]])
def test_a_histogram_is_found_again_by_the_same_boundaries_or_none(
    collector: MetricsCollector, telemetry: Telemetry, boundaries: Any
) -> None:
    collector.histogram("shop.x", unit="s", boundaries=(1, 2)).record(1)
    collector.histogram("shop.x", boundaries=boundaries).record(1)
    collector.record_histogram("shop.x", 1)
    ((found,),) = [telemetry.points("shop.x").values()]
    assert (found.count, found.explicit_bounds) == (3, (1, 2))


def test_names_that_differ_in_case_only_are_one_metric(telemetry: Telemetry) -> None:
    """So OpenTelemetry's specification of instrument names has it; told apart, backends and OTLP would disagree."""
    backend = InMemoryBackend()
    collector = MetricsCollector(backend, meter_provider=telemetry.meter_provider)
    collector.counter("Shop.Orders").add(1)
    collector.increment_counter("shop.orders", amount=2)
    collector.counter("SHOP.ORDERS").add(4)
    assert telemetry.values("shop.orders") == {(): 7}
    asyncio.run(collector.flush())
    assert [(metric.name, metric.value) for metric in backend.batches[0]] == [("shop.orders", Counter(7))]
    with pytest.raises(DuplicateInstrumentError):
        collector.gauge("shop.Orders")


@pytest.mark.parametrize("tags", [{"page": "\ud800"}, {"\ud800": "home"}])
def test_text_that_cannot_be_encoded_is_refused(collector: MetricsCollector, tags: dict[str, str]) -> None:
    """The exporter would drop the whole batch."""
    with pytest.raises(ConfigurationError, match="tag"):
        collector.counter("shop.visits", tags=tags)
    with pytest.raises(ConfigurationError, match="description"):
        collector.counter("shop.visits", description="\ud800")


def test_text_beyond_ascii_is_taken(collector: MetricsCollector, telemetry: Telemetry) -> None:
    collector.counter("shop.visits", description="Besuche im Café", tags={"page": "Über uns"}).add(1)
    assert telemetry.values("shop.visits", "page") == {("Über uns",): 1}

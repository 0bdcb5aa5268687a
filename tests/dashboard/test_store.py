"""The store answers with what arrived, and with no more than it may keep."""

from dataclasses import replace

import pytest

from tests.dashboard._arriving import SHOP, calls, event, move, status
from tests.fakes import ManualClock
from vitalspan import _errors
from vitalspan.dashboard import FunctionView, Limits, MemoryStore, ServiceView, Source


@pytest.fixture
def store(clock: ManualClock) -> MemoryStore:
    return MemoryStore(window=10, clock=clock)


def _only(store: MemoryStore) -> ServiceView:
    (service,) = store.snapshot()
    return service


def _function(store: MemoryStore, name: str = "shop.sell") -> FunctionView:
    return next(each for each in _only(store).functions if each.function == name)


def test_an_empty_store_shows_nothing(store: MemoryStore) -> None:
    assert store.snapshot() == ()
    assert store.window == 10


@pytest.mark.parametrize("window", [0, -1.0, float("nan")])
def test_a_window_needs_a_length(window: float) -> None:
    with pytest.raises(_errors.ConfigurationError, match="more than 0"):
        MemoryStore(window=window)


def test_processes_are_told_apart_and_sorted(store: MemoryStore, clock: ManualClock) -> None:
    other = Source("api", "two")
    store.add([status(0, "healthy")])
    move(clock, 5)
    store.add([status(5, "unhealthy", source=other), status(5, "healthy", component="cache")])
    api, shop = store.snapshot()
    assert (api.source, shop.source) == (other, SHOP)
    assert [component.component for component in shop.components] == ["cache", "database"]
    assert api.last_arrival == clock.now()


def test_health_events_are_numbered_in_order_of_arrival(store: MemoryStore) -> None:
    store.add([event(1, "unhealthy"), event(2, "healthy", "unhealthy")])
    store.add([event(3, "unhealthy", source=Source("api", ""))])
    api, shop = store.snapshot()
    assert [each.sequence for each in shop.events] == [1, 2]
    assert [each.sequence for each in api.events] == [3]


def test_a_change_that_arrives_twice_counts_once(store: MemoryStore) -> None:
    """It may come on a span and as a log, whose times differ, or in a request that was sent again."""
    store.add([event(1, "unhealthy", run="ab"), event(1.001, "unhealthy", run="ab")])
    store.add([event(2, "degraded"), event(2, "degraded")])
    assert [each.status for each in _only(store).events] == ["unhealthy", "degraded"]


def test_the_same_change_in_another_run_is_another_one(store: MemoryStore) -> None:
    store.add([event(1, "unhealthy", run="ab"), event(9, "unhealthy", run="cd"), event(10, "unhealthy")])
    store.add([event(11, "unhealthy")])
    assert [each.sequence for each in _only(store).events] == [1, 2, 3, 4]


def test_the_rate_is_the_calls_over_the_time_that_they_cover(store: MemoryStore, clock: ManualClock) -> None:
    for second in range(1, 6):
        move(clock, second)
        store.add([calls(second, 4 * second, 0, 0, 0)])
    function = _function(store)
    assert function.rate == pytest.approx(4.0)
    assert (function.calls, function.total_calls) == (20, 20)
    assert function.p50 == pytest.approx(0.05)
    assert function.p95 == pytest.approx(0.095)


def test_the_window_slides(store: MemoryStore, clock: ManualClock) -> None:
    for second in range(1, 31):
        move(clock, second)
        store.add([calls(second, min(second, 20), 0, 0, max(0, second - 20))])
    function = _function(store)
    assert function.rate == pytest.approx(1.0)
    assert (function.calls, function.total_calls) == (10, 30)
    assert function.p50 == 0.4, "the quick calls of before are out of the window"
    move(clock, 100)
    function = _function(store)
    assert (function.rate, function.calls, function.p95, function.total_calls) == (0.0, 0, None, 30)


def test_outcomes_are_counted_apart(store: MemoryStore, clock: ManualClock) -> None:
    move(clock, 2)
    store.add(
        [
            calls(2, 6, 0, 0, 0),
            calls(2, 0, 2, 0, 0, outcome="error", series="KeyError"),
            calls(2, 0, 1, 0, 0, outcome="error", series="TimeoutError"),
            calls(2, 0, 0, 1, 0, outcome="cancelled"),
            calls(2, 0, 0, 0, 0, outcome=""),
        ]
    )
    function = _function(store)
    assert function.outcomes == (("cancelled", 1), ("error", 3), ("ok", 6))
    assert (function.errors, function.total_errors, function.calls) == (3, 3, 10)
    assert function.rate == pytest.approx(5.0)


def test_a_function_that_never_failed_has_no_errors(store: MemoryStore) -> None:
    store.add([calls(2, 6, 0, 0, 0)])
    assert _function(store).errors == 0


def test_deltas_with_pauses_between_them_are_spread_over_the_window(store: MemoryStore, clock: ManualClock) -> None:
    move(clock, 1)
    store.add([calls(1, 30, 0, 0, 0, start=0, is_delta=True)])
    move(clock, 8)
    assert _function(store).rate == pytest.approx(30 / 8)
    store.add([calls(8, 10, 0, 0, 0, start=7, is_delta=True)])
    assert _function(store).rate == pytest.approx(40 / 8)
    assert _function(store).total_calls == 40


def test_a_sender_that_exports_once_a_minute_keeps_its_rate_between(store: MemoryStore, clock: ManualClock) -> None:
    store.add([calls(0, 0, 0, 0, 0, start=-1)])
    for second, total in ((60, 120), (120, 240)):
        move(clock, second)
        store.add([calls(second, total, 0, 0, 0, start=-1)])
    move(clock, 170)
    assert _function(store).rate == pytest.approx(2.0)
    move(clock, 190)
    assert _function(store).rate == 0.0


def test_calls_in_no_time_at_all_have_no_rate(store: MemoryStore) -> None:
    store.add([calls(0, 3, 0, 0, 0, start=0, is_delta=True)])
    assert (_function(store).rate, _function(store).calls) == (0.0, 3)


def test_a_past_before_the_store_only_serves_the_next_comparison(store: MemoryStore, clock: ManualClock) -> None:
    store.add([calls(5000, 900, 0, 0, 0), calls(5000, 70, 0, 0, 0, function="shop.buy")])
    assert [each.calls for each in _only(store).functions] == [0, 0]
    assert _function(store).rate == 0.0
    move(clock, 1)
    store.add([calls(5001, 905, 0, 0, 0), calls(5001, 1, 0, 0, 0, outcome="error")])
    assert (_function(store).calls, _function(store).errors) == (6, 1)


def test_an_overtaken_point_does_not_count_calls_twice(store: MemoryStore) -> None:
    store.add([calls(1, 1, 0, 0, 0)])
    store.add([calls(3, 3, 0, 0, 0)])
    store.add([calls(2, 2, 0, 0, 0)])
    store.add([calls(4, 4, 0, 0, 0)])
    assert _function(store).total_calls == 4


def test_what_is_beyond_the_limits_is_forgotten_oldest_first(clock: ManualClock) -> None:
    limits = Limits(services=2, components=2, functions=2, series=2, events=2)
    store = MemoryStore(limits=limits, clock=clock)
    for name in ("a", "b", "c"):
        store.add([status(1, "healthy", component=name), calls(1, 1, 0, 0, 0, function=name)])
        store.add([event(ord(name), "unhealthy", component=name)])
    service = _only(store)
    assert [component.component for component in service.components] == ["b", "c"]
    assert [function.function for function in service.functions] == ["b", "c"]
    assert [each.component for each in service.events] == ["b", "c"]
    for name in ("x", "y"):
        store.add([replace(status(1, "healthy"), source=Source(name, ""))])
    assert [each.source.service for each in store.snapshot()] == ["x", "y"]


def test_being_heard_of_keeps_a_process_from_being_forgotten(clock: ManualClock) -> None:
    store = MemoryStore(limits=Limits(services=2), clock=clock)
    for name in ("a", "b", "a", "c"):
        store.add([status(1, "healthy", source=Source(name, ""))])
    assert [each.source.service for each in store.snapshot()] == ["a", "c"]

"""Backends get every series on a flush; one that fails or hangs hurts no other and loses nothing twice."""

import asyncio
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fakes import ManualClock, Telemetry
from tests.metrics._losses import Losses
from vitalspan.metrics import (
    Counter,
    Gauge,
    Histogram,
    InMemoryBackend,
    Metric,
    MetricsBackend,
    MetricsCollector,
    Summary,
)
from vitalspan.metrics._series import MOST_OBSERVATIONS

_PATIENCE = 10.0
"""Seconds after which something that should happen at once has not happened."""


class FailingBackend(InMemoryBackend):
    """Takes nothing until it is mended."""

    def __init__(self) -> None:
        super().__init__()
        self.is_mended = False
        self.offered: list[Sequence[Metric]] = []

    def send_metrics(self, metrics: Sequence[Metric]) -> None:
        self.offered.append(metrics)
        if not self.is_mended:
            raise ConnectionError("refused")
        super().send_metrics(metrics)


class HangingBackend(InMemoryBackend):
    """Takes nothing before it is released, and says when it has been called."""

    def __init__(self) -> None:
        super().__init__()
        self.is_called = threading.Event()
        self.may_return = threading.Event()
        self.fails = False

    def send_metrics(self, metrics: Sequence[Metric]) -> None:
        self.is_called.set()
        assert self.may_return.wait(_PATIENCE)
        if self.fails:
            raise ConnectionError("reset")
        super().send_metrics(metrics)

    async def called(self) -> None:
        assert await asyncio.to_thread(self.is_called.wait, _PATIENCE)


class AnnouncingBackend(InMemoryBackend):
    """Says when it has been sent so many batches."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self._wanted = batches
        self._has_enough = threading.Event()

    def send_metrics(self, metrics: Sequence[Metric]) -> None:
        super().send_metrics(metrics)
        if len(self.batches) >= self._wanted:
            self._has_enough.set()

    async def enough(self) -> None:
        assert await asyncio.to_thread(self._has_enough.wait, _PATIENCE)


def _collector(telemetry: Telemetry, *backends: MetricsBackend, **options: Any) -> MetricsCollector:
    return MetricsCollector(*backends, meter_provider=telemetry.meter_provider, **options)


def _observations(backend: InMemoryBackend, name: str) -> list[float]:
    """Return every observation that *backend* was sent, in order."""
    return [
        value
        for batch in backend.batches
        for metric in batch
        if metric.name == name and isinstance(metric.value, Histogram)
        for value in metric.value.values
    ]


# What a backend is given


def test_a_flush_sends_every_series_once_with_its_tags_and_time(
    collector: MetricsCollector, backend: InMemoryBackend, clock: ManualClock
) -> None:
    clock.advance(60)
    collector.increment_counter("shop.orders", {"region": "eu", "kind": "b2b"}, 2)
    collector.up_down_counter("shop.jobs").add(-1)
    collector.set_gauge("shop.level", 0.5)
    collector.record_histogram("shop.time", 3)
    collector.record_summary("shop.basket", 4)
    assert asyncio.run(collector.flush())
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=60)
    assert backend.batches == (
        (
            Metric("shop.orders", Counter(2), now, {"kind": "b2b", "region": "eu"}),
            Metric("shop.jobs", Gauge(-1), now),
            Metric("shop.level", Gauge(0.5), now),
            Metric("shop.time", Histogram([3]), now),
            Metric("shop.basket", Summary(4, 1), now),
        ),
    )


def test_totals_stand_and_observations_are_sent_once(collector: MetricsCollector, backend: InMemoryBackend) -> None:
    for value in (1, 2):
        collector.increment_counter("shop.orders", amount=value)
        collector.set_gauge("shop.level", value)
        collector.record_histogram("shop.time", value)
        collector.record_summary("shop.basket", value)
        asyncio.run(collector.flush())
    asyncio.run(collector.flush())
    assert backend.latest("shop.orders") == Counter(3)
    assert backend.latest("shop.level") == Gauge(2)
    assert backend.latest("shop.basket") == Summary(3, 2)
    assert backend.latest("shop.time") == Histogram([])
    assert _observations(backend, "shop.time") == [1, 2]


def test_the_same_tags_in_another_order_are_the_same_series(
    collector: MetricsCollector, backend: InMemoryBackend
) -> None:
    collector.increment_counter("shop.orders", {"a": 1, "b": 2})
    collector.increment_counter("shop.orders", {"b": 2, "a": 1})
    asyncio.run(collector.flush())
    assert backend.latest("shop.orders", b=2, a=1) == Counter(2)


def test_a_flush_without_backends_succeeds(telemetry: Telemetry) -> None:
    collector = _collector(telemetry)
    collector.increment_counter("shop.orders")
    assert asyncio.run(collector.flush())


def test_without_metrics_a_backend_is_sent_an_empty_batch(
    collector: MetricsCollector, backend: InMemoryBackend
) -> None:
    """A backend may show by it that the program is alive."""
    assert asyncio.run(collector.flush())
    assert backend.batches == ((),)


def test_the_memory_backend_knows_the_newest_value_of_a_series(clock: ManualClock) -> None:
    backend = InMemoryBackend()
    assert backend.latest("shop.orders") is None
    for value in (1, 2):
        backend.send_metrics(
            [
                Metric("shop.orders", Counter(value), clock.now(), {"name": "x"}),
                Metric("shop.orders", Counter(10 * value), clock.now()),
            ]
        )
    assert backend.latest("shop.orders", name="x") == Counter(2)
    assert backend.latest("shop.orders") == Counter(20)
    assert backend.latest("shop.orders", name="y") is None
    assert backend.latest("shop.visits") is None
    assert len(backend.batches) == 2


def test_the_memory_backend_is_a_backend_and_another_object_is_not() -> None:
    assert isinstance(InMemoryBackend(), MetricsBackend)
    assert not isinstance(object(), MetricsBackend)


def test_values_are_frozen(clock: ManualClock) -> None:
    metric = Metric("shop.orders", Counter(1), clock.now())
    with pytest.raises(AttributeError):
        metric.value.value = 2  # type: ignore[misc, union-attr]  # frozen, which is what is tested
    with pytest.raises(TypeError):
        metric.tags["a"] = 1  # type: ignore[index]  # likewise


# A backend that fails


def test_a_backend_that_fails_is_offered_its_observations_again_and_gets_each_once(
    telemetry: Telemetry, clock: ManualClock, losses: Losses
) -> None:
    failing, healthy = FailingBackend(), InMemoryBackend()
    collector = _collector(telemetry, failing, healthy, clock=clock)
    for value in (1, 2):
        collector.increment_counter("shop.orders")
        collector.record_histogram("shop.time", value)
        assert not asyncio.run(collector.flush())
    failing.is_mended = True
    collector.record_histogram("shop.time", 3)
    collector.record_histogram("shop.size", 4)
    clock.advance(5)
    assert asyncio.run(collector.flush())
    assert failing.latest("shop.time") == Histogram([1, 2, 3])
    assert failing.latest("shop.size") == Histogram([4])
    assert failing.latest("shop.orders") == Counter(2)
    assert {metric.timestamp for metric in failing.batches[0]} == {clock.now()}
    assert asyncio.run(collector.flush())
    assert _observations(failing, "shop.time") == [1, 2, 3]
    assert _observations(healthy, "shop.time") == [1, 2, 3], "the other one got each when it came"
    assert len(healthy.batches) == 4
    assert losses.of("metrics") == {"ConnectionError": 2}


def test_no_series_is_offered_twice_in_one_batch(telemetry: Telemetry, clock: ManualClock) -> None:
    failing = FailingBackend()
    collector = _collector(telemetry, failing, clock=clock)
    for value in range(3):
        collector.increment_counter("shop.orders", {"n": value})
        collector.record_histogram("shop.time", value, {"n": value})
        asyncio.run(collector.flush())
    series = [(metric.name, *metric.tags.values()) for metric in failing.offered[-1]]
    assert sorted(series) == sorted([(name, n) for name in ("shop.orders", "shop.time") for n in range(3)])


def test_observations_beyond_a_bound_are_dropped_until_the_next_flush(
    collector: MetricsCollector, backend: InMemoryBackend, losses: Losses, caplog: pytest.LogCaptureFixture
) -> None:
    """A program whose backend is away must not fill its memory with what waits."""
    histogram = collector.histogram("shop.time")
    for value in range(MOST_OBSERVATIONS + 2):
        histogram.record(value)
    asyncio.run(collector.flush())
    histogram.record(7)
    asyncio.run(collector.flush())
    assert _observations(backend, "shop.time") == [*range(MOST_OBSERVATIONS), 7]
    assert losses.of("metrics") == {"observations_full": 2}
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "histogram shop.time has 10000 observations waiting for a backend; more are dropped until the next flush"
    ]


def test_observations_that_wait_for_a_failing_backend_have_the_same_bound(
    telemetry: Telemetry, clock: ManualClock, losses: Losses
) -> None:
    failing = FailingBackend()
    collector = _collector(telemetry, failing, clock=clock)
    histogram = collector.histogram("shop.time")
    for flush in range(2):
        for value in range(MOST_OBSERVATIONS // 2 + 1):
            histogram.record(flush + value)
        asyncio.run(collector.flush())
    failing.is_mended = True
    asyncio.run(collector.flush())
    half = range(MOST_OBSERVATIONS // 2 + 1)
    assert _observations(failing, "shop.time") == [*half, *(1 + value for value in half)][:MOST_OBSERVATIONS]
    assert losses.of("metrics") == {"ConnectionError": 2, "observations_full": 2}


# A backend that hangs


@pytest.mark.parametrize("fails", [False, True])
def test_what_comes_while_a_backend_is_busy_is_offered_with_the_next_flush(
    telemetry: Telemetry, clock: ManualClock, *, fails: bool
) -> None:
    busy, healthy = HangingBackend(), InMemoryBackend()
    collector = _collector(telemetry, busy, healthy, clock=clock)

    async def main() -> None:
        collector.record_histogram("shop.time", 1)
        first = asyncio.create_task(collector.flush())
        await busy.called()
        for value in (2, 3):
            collector.record_histogram("shop.time", value)
            assert not await collector.flush(), "the busy one has not taken it"
        busy.fails = fails
        busy.may_return.set()
        assert await first is not fails
        busy.fails = False
        assert await collector.flush()

    asyncio.run(main())
    assert _observations(busy, "shop.time") == [1, 2, 3]
    assert _observations(healthy, "shop.time") == [1, 2, 3]


def test_a_flush_that_was_cancelled_leaves_the_backend_busy_until_it_returns(
    telemetry: Telemetry, clock: ManualClock, losses: Losses
) -> None:
    """Python cannot stop a thread: what it was given may still arrive, so it is not sent again."""
    busy = HangingBackend()
    collector = _collector(telemetry, busy, clock=clock)

    async def main() -> None:
        collector.record_histogram("shop.time", 1)
        first = asyncio.create_task(collector.flush())
        await busy.called()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        collector.record_histogram("shop.time", 2)
        assert not await collector.flush()
        busy.may_return.set()
        async with asyncio.timeout(_PATIENCE):
            while not await collector.flush():  # noqa: ASYNC110 - a lane tells nobody that it is free
                await asyncio.sleep(0.001)

    asyncio.run(main())
    assert _observations(busy, "shop.time") == [1, 2]
    assert set(losses.of("metrics")) == {"vitalspan._threads.StillRunningError"}


def test_flushes_from_several_threads_send_each_observation_once(
    collector: MetricsCollector, backend: InMemoryBackend
) -> None:
    histogram = collector.histogram("shop.time")
    together = threading.Barrier(4)

    def flush() -> None:
        together.wait()
        for value in range(20):
            histogram.record(value)
            asyncio.run(collector.flush())

    threads = [threading.Thread(target=flush) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(collector.flush())
    assert sorted(_observations(backend, "shop.time")) == sorted(4 * [*range(20)])


# Flushing on its own


def test_run_flushes_each_interval_and_once_more_at_the_end(telemetry: Telemetry) -> None:
    backend = AnnouncingBackend(batches=2)
    collector = _collector(telemetry, backend, flush_interval=0.001)

    async def main() -> None:
        shutdown = asyncio.Event()
        running = asyncio.create_task(collector.run(shutdown))
        await backend.enough()
        collector.increment_counter("shop.orders")
        shutdown.set()
        await running

    asyncio.run(main())
    assert backend.latest("shop.orders") == Counter(1)


def test_run_that_is_told_to_end_before_it_began_flushes_once(
    collector: MetricsCollector, backend: InMemoryBackend
) -> None:
    async def main() -> None:
        shutdown = asyncio.Event()
        shutdown.set()
        await collector.run(shutdown)

    collector.increment_counter("shop.orders")
    asyncio.run(main())
    assert len(backend.batches) == 1
    assert backend.latest("shop.orders") == Counter(1)


def test_a_backend_that_hangs_keeps_no_other_from_its_next_flush(telemetry: Telemetry) -> None:
    hanging, healthy = HangingBackend(), AnnouncingBackend(batches=3)
    collector = _collector(telemetry, hanging, healthy, flush_interval=0.001)

    async def main() -> None:
        shutdown = asyncio.Event()
        running = asyncio.create_task(collector.run(shutdown))
        await healthy.enough()
        collector.record_histogram("shop.time", 1)
        shutdown.set()
        await hanging.called()
        assert not running.done(), "the end waits for what is under way, as long as it may"
        hanging.may_return.set()
        await running

    asyncio.run(main())
    assert _observations(healthy, "shop.time") == [1]
    assert _observations(hanging, "shop.time") == [1], "what came while it hung was sent when it was free"


def test_run_that_is_cancelled_ends_at_once_though_a_backend_hangs(telemetry: Telemetry) -> None:
    """The end of a program waits for no backend longer than it wants to."""
    hanging = HangingBackend()
    collector = _collector(telemetry, hanging, flush_interval=0.001)

    async def main() -> None:
        running = asyncio.create_task(collector.run(asyncio.Event()))
        await hanging.called()
        flushes = {task for task in asyncio.all_tasks() if task.get_name() == "vitalspan flush"}
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        _, still_running = await asyncio.wait(flushes, timeout=_PATIENCE)
        assert not still_running

    asyncio.run(main())
    hanging.may_return.set()
